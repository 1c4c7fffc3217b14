"""Rules on what a receiver must not take: what it acknowledges all the same shows that it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from rawshake.rules.evidence import shows_nxt, sound
from rawshake.rules.model import Level, Outcome, Scope, broken
from rawshake.rules.registry import rule
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import Fate, Standing, Step


@rule("checksum-bad-segment-dropped", "RFC 9293 3.1 MUST-3", Level.MUST, scope=Scope.EXCHANGE)
def checksum_bad_segment_dropped(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A segment with a wrong checksum has no effect at all.

    What arrived damaged would reach the application otherwise. lwIP can be built without the check; an
    adapter or a box on the way that repairs or checks in its place hides it. Only rawshake as the client, which
    sends such a segment when asked to, can tell.

    Fires (at the client, also checksum-sent-valid):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [bad checksum]
        < . 1:1(0) ack 6 win 65535
    Fires (at the client, a SYN, also checksum-sent-valid):
        > S 0:0(0) win 65535 [bad checksum]
        < S. 0:0(0) ack 1 win 65535
    Quiet (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    """
    yield from _outcomes(steps, Flaw.CHECKSUM, "a wrong checksum")


@rule("no-ack-bit-dropped", "RFC 9293 3.10.7.4", Level.PROCEDURE, scope=Scope.EXCHANGE)
def no_ack_bit_dropped(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Data and FIN of a segment without the ACK bit are not taken.

    Once connected, every segment acknowledges; what does not is forged, or a scanner's. Linux and BSD drop it
    in silence; lwIP takes its data.

    Fires (at the client, also ack-bit-after-handshake):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P 1:6(5) win 65535
        < . 1:1(0) ack 6 win 65535
    Quiet (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    """
    yield from _outcomes(steps, Flaw.NO_ACK, "no ACK bit")


@rule("unsent-ack-answered", "RFC 9293 3.10.7.4; RFC 5961 5.2", Level.PROCEDURE, scope=Scope.EXCHANGE)
def unsent_ack_answered(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A segment that acknowledges what was never sent is answered by an ACK and dropped, its data too.

    Its sender guesses, or has lost count. Linux did not answer it until 2026, but did drop it. The segment
    that takes the data shows where the server's numbers stand.

    Fires (at the client, also ack-never-exceeds-received):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1001 win 65535
        < . 1:1(0) ack 6 win 65535
    Quiet (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    """
    yield from _outcomes(steps, Flaw.BAD_ACK, "an ACK of what was never sent")


@rule("early-fin-waits", "RFC 9293 3.10.7.4", Level.PROCEDURE, scope=Scope.EXCHANGE)
def early_fin_waits(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A FIN above a gap is not acknowledged until the gap is filled.

    Otherwise the end of the stream is cut off, and nobody notices. Only rawshake as the client knows that
    there is a gap, since it made it.

    Fires (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [lost]
        > F. 6:6(0) ack 1 win 65535
        < . 1:1(0) ack 7 win 65535
    Quiet (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [lost]
        > F. 6:6(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        +1 > FP. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 7 win 65535
    """
    for taken in _taken(steps):
        fin = taken.step.peer_was.fin
        if taken.flaw is Flaw.GAP and fin is not None and taken.past <= fin < taken.step.segment.ack:
            sentence = f"ack {fin + 1} takes the FIN, but {_range(taken)} had not arrived"
            yield _broken(taken, sentence)


@rule("ack-is-cumulative", "RFC 9293 3.4", Level.PROCEDURE, scope=Scope.EXCHANGE)
def ack_is_cumulative(steps: Sequence[Step]) -> Iterator[Outcome]:
    """An acknowledgment covers a number only if all before it has arrived too.

    A receiver that acknowledges the end of whatever comes in loses every octet that the network lost. Only
    rawshake as the client knows what did not leave, since it lost it on purpose or sent it elsewhere.

    Fires (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [lost]
        > P. 6:11(5) ack 1 win 65535
        < . 1:1(0) ack 11 win 65535
    Quiet (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535 [lost]
        > P. 6:11(5) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 11 win 65535
    """
    for taken in _taken(steps):
        if taken.flaw is Flaw.GAP:
            yield _broken(taken, f"ack {taken.step.segment.ack}, but {_range(taken)} had not arrived")


class Flaw(Enum):
    """Why what a segment brings must not be taken."""

    CHECKSUM = auto()
    NO_ACK = auto()
    BAD_ACK = auto()
    #: it never left
    GAP = auto()


class _Piece(NamedTuple):
    """Numbers from ``first`` to before ``past`` that rawshake sent, and what was wrong with that segment."""

    first: Seq
    past: Seq
    flaw: Flaw | None
    step: Step


class _Taken(NamedTuple):
    """``step`` acknowledges ``first`` to before ``past`` although that came with a flaw only, in ``came``."""

    step: Step
    first: Seq
    past: Seq
    flaw: Flaw | None
    came: Step | None


def _outcomes(steps: Sequence[Step], flaw: Flaw, what: str) -> Iterator[Outcome]:
    for taken in _taken(steps):
        if taken.flaw is flaw and taken.came is not None:
            sentence = f"ack {taken.step.segment.ack} takes {_range(taken)}, which came with {what}"
            yield _broken(taken, sentence)


def _broken(taken: _Taken, sentence: str) -> Outcome:
    step = taken.step
    return broken(
        "ack", sentence, expected=taken.first, actual=step.segment.ack, end=step.sender, step=step.number
    )


def _range(taken: _Taken) -> str:
    last = taken.past - 1
    return str(last) if last == taken.first else f"{taken.first} to {last}"


def _taken(steps: Sequence[Step]) -> Iterator[_Taken]:
    """What the peer of rawshake acknowledges for the first time and must not have taken."""
    ours = next((step.sender for step in steps if step.ours), None)
    pieces: list[_Piece] = []
    iss: Seq | None = None
    top: Seq | None = None
    for step in steps:
        segment = step.segment
        if step.sender is ours:
            if segment.syn and step.meant is not None and not step.meant.syn:
                continue  # sent to be refused
            if segment.syn and segment.seq != iss:
                iss, top, pieces = segment.seq, segment.seq + (1 if sound(step) else 0), []
            if segment.length and not segment.rst:
                pieces.append(_Piece(segment.seq, segment.end, _flaw(step), step))
        elif top is None or segment.rst or not segment.has_ack or not sound(step) or not segment.ack > top:
            continue
        elif any(segment.ack <= piece.past for piece in pieces):  # else: ack-never-exceeds-received
            yield from _unsound(step, top, pieces)
            top = segment.ack
            pieces = [piece for piece in pieces if piece.past > top]


def _flaw(step: Step) -> Flaw | None:
    if step.fate is Fate.LOST:
        return Flaw.GAP
    if not sound(step):
        return Flaw.CHECKSUM
    if not step.segment.has_ack and not step.segment.syn:
        return Flaw.NO_ACK
    return Flaw.BAD_ACK if step.standing is Standing.BAD_ACK else None


def _unsound(step: Step, top: Seq, pieces: Sequence[_Piece]) -> Iterator[_Taken]:
    """The first run of numbers from ``top`` on that no flawless piece brought."""
    first, moved = top, True
    while moved and first < step.segment.ack:
        moved = False
        for piece in pieces:
            if piece.flaw is None and piece.first <= first < piece.past:
                first, moved = piece.past, True
    if not first < step.segment.ack:
        return
    past = step.segment.ack
    for piece in pieces:
        if piece.flaw is None and first < piece.first < past:
            past = piece.first
    came = next((p for p in pieces if p.flaw not in (None, Flaw.GAP) and p.first <= first < p.past), None)
    if came is None:
        yield _Taken(step, first, past, Flaw.GAP, None)
    elif came.flaw is not Flaw.BAD_ACK or _certainly_unsent(came.step, step):
        yield _Taken(step, first, past, came.flaw, came.step)


def _certainly_unsent(sent: Step, answer: Step) -> bool:
    """Whether ``sent`` acknowledged what its receiver had not sent, even if some of that was lost to us."""
    edge = sent.was.edge
    beyond = edge is not None and sent.segment.ack > edge
    return beyond or (shows_nxt(answer) and sent.segment.ack > answer.segment.seq)
