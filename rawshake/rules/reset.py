"""Rules on resets of a connection: the number each must have, what it may acknowledge, and that it is the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.rules.causes import QUIET, Reset, resets
from rawshake.rules.evidence import PATIENCE, certain, plain_ack, shows_nxt, sound
from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Fate, Step

#: A reset may cross one or two ACKs; who answers that many does not believe it.
ANSWERS: Final = 3


@rule("rst-never-answered", "RFC 9293 3.10.7.1; RFC 9293 3.10.7.2", Level.PROCEDURE, scope=Scope.EXCHANGE)
def rst_never_answered(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A RST is never answered by a RST.

    Two ends that did so would reset each other for ever. Two resets may cross, so one that follows another is
    an answer only if it has the form for segments without ACK, or if both ends had been silent for a second.

    Fires (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        > R 6:6(0) win 0
        < R. =0:0(0) ack 6 win 0
    Fires (at the client, after a silence):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        +2 > R. 1:1(0) ack 1 win 65535
        < R 1:1(0) win 0
    Quiet (at the client, both may have crossed):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        > R. 6:6(0) ack 1 win 65535
        < R. 1:1(0) ack 6 win 0
    """
    for reset in resets(steps):
        if reset.answers_reset:
            yield _broken(reset, "flags", "RST in answer to a RST", expected="silence", actual=reset.flags)


@rule("abort-rst-seq", "RFC 9293 3.10.5; RFC 9293 3.5.3", Level.PROCEDURE, scope=Scope.EXCHANGE)
def abort_rst_seq(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A RST that aborts a connection has SEQ = SND.NXT.

    Then it is exact at the other end. One outside its window is ignored, one elsewhere in the window draws a
    challenge (RFC 5961); either way a connection hangs of which one end is gone. Data that was lost may stand
    before a RST which acknowledges, so that one within the window is a warning unless the answer to the
    challenge is wrong too.

    Fires (at the client, before SND.NXT):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:11(10) ack 1 win 65535
        > . 1:1(0) ack 11 win 65535
        < R. 5:5(0) ack 1 win 0
    Fires (at the client, beyond the window):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < R. 100000:100000(0) ack 1 win 0
    Fires (at the client, within the window):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < R 2:2(0) win 0
        > . 1:1(0) ack 1 win 65535
    Fires (at the client, within the window, or data before it was lost):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < R. 3:3(0) ack 1 win 0
        > . 1:1(0) ack 1 win 65535
    Quiet (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:11(10) ack 1 win 65535
        < R. 11:11(0) ack 1 win 0
    """
    found = list(resets(steps))
    for at, reset in enumerate(found):
        seq, nxt = reset.seq, reset.nxt
        if reset.explained == "abort":
            yield _held(reset, "seq", f"seq {seq} = SND.NXT")
        elif reset.explained or reset.answers_reset or reset.closed:
            continue
        elif not certain(reset.step):
            yield _undecidable(reset)
        else:
            side = f"+ {seq - nxt}" if seq > nxt else f"- {nxt - seq}"
            wrong = f"RST of seq {seq} = SND.NXT {nxt} {side}"
            unseen = reset.may_follow_lost_data and not _wrong_again(reset, found[at + 1 :], steps)
            sentence = f"{wrong}, unless data was lost before it" if unseen else wrong
            verdict = Verdict.WARN if unseen else None
            yield _broken(reset, "seq", sentence, expected=nxt, actual=seq, verdict=verdict)


@rule("closed-ack-rst", "RFC 9293 3.10.7.1; RFC 9293 3.5.2", Level.PROCEDURE, scope=Scope.EXCHANGE)
def closed_ack_rst(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Where there is no connection, a segment with ACK is answered by <SEQ=SEG.ACK><CTL=RST>.

    That is the number which the other end must believe. Any other leaves it waiting for answers until it gives
    up: most firewalls let such a reset pass, and no stack takes it. A segment without ACK is answered by
    <SEQ=0>; with ACK, that form is wrong. Only rawshake as an end knows every ACK that was sent.

    Fires (at the client, the form for segments without ACK):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < R. =0:0(0) ack 6 win 0
    Fires (at the client, after a good one):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        > P. 6:11(5) ack 1 win 65535
        < R 1:1(0) win 0
        < R 2:2(0) win 0
    Quiet (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:6(5) ack 1 win 65535
        > . 1:1(0) ack 6 win 65535
        < R. 6:6(0) ack 1 win 0
        < R 1:1(0) win 0
    """
    for reset in resets(steps):
        seq = reset.seq
        if reset.explained == "answer":
            yield _held(reset, "seq", f"seq {seq} = the ack of the segment that it answers")
        elif reset.explained or reset.answers_reset or not reset.closed:
            continue
        elif not certain(reset.step) or (seq.value and (reset.may_follow_lost_data or _crossing(reset))):
            yield _undecidable(reset)
        else:
            form = (
                ", the form for segments without ACK" if seq.value == 0 and reset.step.segment.has_ack else ""
            )
            sentence = f"RST of seq {seq}{form}: it was sent no ack {seq}"
            yield _broken(reset, "seq", sentence, expected="an ack it was sent", actual=seq)


def _crossing(reset: Reset) -> bool:
    """Whether it may be an abort that crossed our reset: nothing shows that this one had arrived."""
    return reset.step.was.proven is not State.CLOSED and reset.step.segment.has_ack and reset.seq <= reset.nxt


@rule("rst-ack-in-bounds", "RFC 9293 3.10.7.1; RFC 9293 3.4", Level.PROCEDURE, scope=Scope.EXCHANGE)
def rst_ack_in_bounds(steps: Sequence[Step]) -> Iterator[Outcome]:
    """If a RST has the ACK bit, it acknowledges no more than was sent.

    No standard asks for the bit in an abort or in the answer to a segment with ACK; nearly all stacks set it
    in the one, lwIP in both. Receivers do not look at the number once they are connected, but firewalls that
    follow connections do, and drop what does not fit.

    Fires (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < R. 1:1(0) ack 1006 win 0
    Quiet (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < R. 1:1(0) ack 6 win 0
    """
    for reset in resets(steps):
        segment, iss, top = reset.step.segment, reset.step.peer_was.iss, reset.top
        if not segment.has_ack or iss is None or top is None or reset.answers_reset:
            continue
        if reset.explained == "refusal":
            continue  # it acknowledges the very segment that it answers
        if iss < segment.ack <= top:
            yield _held(reset, "ack", f"ack {segment.ack} = ISN {iss} + {segment.ack - iss}")
        elif not certain(reset.step):
            yield _undecidable(reset, "ack")
        else:
            sentence = f"ack {segment.ack} of a RST, where {iss + 1} to {top} was sent"
            yield _broken(reset, "ack", sentence, expected=f"{iss + 1} to {top}", actual=segment.ack)


@rule("no-rst-while-synchronized", "RFC 9293 3.5.2", Level.PROCEDURE, scope=Scope.EXCHANGE)
def no_rst_while_synchronized(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A connected end that is sent something unacceptable answers by an ACK; its RST is always the end.

    Otherwise any stray segment could kill a connection. An application may abort at any moment, so a RST alone
    shows nothing; but one whose sender goes on and acknowledges what was sent after it was no abort.

    Fires (at the client, also ack-never-exceeds-received):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        > . 6:6(0) ack 101 win 65535
        < R 101:101(0) win 0
        > P. 6:11(5) ack 1 win 65535
        < . 1:1(0) ack 11 win 65535
    Quiet (at the client, an abort):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        > P. 6:11(5) ack 1 win 65535
        < R. 1:1(0) ack 6 win 0
        < . 1:1(0) ack 11 win 65535
    """
    for reset in resets(steps):
        proven = reset.step.was.proven
        connected = proven is not None and proven.synchronized
        iss = reset.step.was.iss
        if iss is not None and reset.seq == iss + 1 and not reset.step.segment.has_ack:
            continue  # it may answer the third ACK, before a later one opened the connection: SYN cookies
        if connected and reset.explained and certain(reset.step) and _goes_on(reset.step, steps):
            sentence = "RST of a connection that it went on with"
            yield _broken(reset, "flags", sentence, expected=".", actual=reset.flags)


@rule("rst-exact-resets", "RFC 9293 3.10.7.4; RFC 5961 3.2", Level.MUST, scope=Scope.EXCHANGE)
def rst_exactresets(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A RST at RCV.NXT ends the connection at once, and is not answered.

    RFC 5961 has an end challenge a RST that is inside its window, not at its beginning; the answer to that
    challenge is exact. Who challenges exact ones too never comes to an end: FreeRTOS+TCP did. One or two ACKs
    may cross a RST, so it takes three that each follow one.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > R. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        > R 1:1(0) win 0
        < . 1:1(0) ack 1 win 65535
        > R 1:1(0) win 0
        < . 1:1(0) ack 1 win 65535
        > R 1:1(0) win 0
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        > P. 6:11(5) ack 1 win 65535
        > R. 11:11(0) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        > R 1:1(0) win 0
        < . 1:1(0) ack 11 win 65535
        > R 1:1(0) win 0
    """
    for end in End:
        yield from _answers_exact(end, steps)


def _answers_exact(end: End, steps: Sequence[Step]) -> Iterator[Outcome]:
    """Where ``end`` answers exact resets once more than what was under way before the first can have drawn."""
    last: Step | None = None
    count = allowed = 0
    drew: deque[int] = deque()  # when the other end sent what draws an ACK, of late
    for step in steps:
        segment = step.segment
        if segment.syn:
            last, count, allowed = None, 0, 0
            drew.clear()
        if step.sender is not end:
            if segment.rst and step.fate is not Fate.LOST and sound(step):
                last = step
                while drew and step.time - drew[0] > PATIENCE:
                    drew.popleft()
                # The network may double any of them, and another ACK may announce a window.
                allowed = max(allowed, 2 * len(drew))
            elif segment.length:
                drew.append(step.time)
        elif last is not None and plain_ack(segment):
            count += shows_nxt(step) and segment.ack == last.segment.seq
            last = None
            if count == ANSWERS + allowed:
                sentence = f"ack {segment.ack}, {count} times in answer to a RST of that number"
                yield broken(
                    "flags", sentence, expected="silence", actual=segment.flags, end=end, step=step.number
                )


def _wrong_again(reset: Reset, following: Sequence[Reset], steps: Sequence[Step]) -> bool:
    """Whether what came later shows that no lost data stood before a RST."""
    for other in following:
        if other.step.sender is reset.step.sender and not other.explained:
            copy = other.step.segment == reset.step.segment
            if not copy or other.step.time - reset.step.time >= QUIET:
                return True
    return _goes_on(reset.step, steps, below=reset.seq)


def _goes_on(reset: Step, steps: Sequence[Step], below: Seq | None = None) -> bool:
    """Whether its sender later acknowledges what was sent after it, in an ACK that begins before ``below``."""
    sent = reset.peer_was.nxt
    for step in steps:
        if step.number <= reset.number:
            continue
        if step.segment.syn or sent is None:
            return False
        if step.sender is reset.sender and plain_ack(step.segment) and sound(step):
            nxt = step.peer_was.nxt
            if nxt is not None and sent < step.segment.ack <= nxt:
                return below is None or (shows_nxt(step) and step.segment.seq < below)
    return False


def _held(reset: Reset, charged: str, sentence: str) -> Outcome:
    return held(charged, sentence, end=reset.step.sender, step=reset.step.number)


def _undecidable(reset: Reset, charged: str = "seq") -> Outcome:
    reason = "what the RST may answer was perhaps not seen"
    return undecidable(charged, reason, end=reset.step.sender, step=reset.step.number)


def _broken(
    reset: Reset, charged: str, sentence: str, *, expected: object, actual: object,
    verdict: Verdict | None = None,
) -> Outcome:  # fmt: skip
    step = reset.step
    return broken(
        charged,
        sentence,
        expected=expected,
        actual=actual,
        verdict=verdict,
        end=step.sender,
        step=step.number,
    )
