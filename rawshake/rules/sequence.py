"""Rules on sequence numbers: each number is sent in order, holds one octet, and keeps it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.rules.evidence import PATIENCE, certain, live, overshot, sound
from rawshake.rules.model import Level, Outcome, Scope, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End, Standing, Step, View

#: As often does nobody send what lies beyond a gap, and never the gap: RFC 8985's tail loss probe does it once.
REPEATS: Final = 3
#: Copies closer to one another than this may be the network's.
APART: Final = 200_000_000
#: More octets than this in one segment may be too large for the path, and so be lost for ever.
FITS_EVERYWHERE: Final = 536


@rule("sequence-contiguous", "RFC 9293 3.4; RFC 9293 3.8", Level.PROCEDURE)
def sequence_contiguous(step: Step) -> Outcome | None:
    """New data, a FIN and a bare ACK begin at SND.NXT: one past the last number that was sent.

    Whatever is lower is sent again; whatever is higher leaves a gap, at which the receiver waits. A gap may be
    what was lost on the way, so only what rawshake sends itself, or what nobody had room for, breaks the rule
    at once. The SYN takes a number: data that begins at the ISN is off by one, and everything after it too.
    Keep-alives and window probes stand one before SND.NXT or SND.UNA, empty or with one octet.

    Fires (data at the number of the SYN):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 0:5(5) ack 1 win 65535
    Fires (at the client, before the ISN):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. -100:-95(5) ack 1 win 65535
    Fires (at the client, an ACK of new data whose number is not SND.NXT):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 0:0(0) ack 6 win 65535
    Fires (at the client, by itself):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 11:16(5) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:6(5) ack 1 win 65535
        > . 1:1(0) ack 6 win 65535
        < F. 6:6(0) ack 1 win 65535
    Quiet (a keep-alive, and out of order):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        +9 < . 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 6:11(5) ack 1 win 65535
        < P. 1:6(5) ack 1 win 65535
    """
    segment, was = step.segment, step.was
    if segment.syn or segment.rst or was.iss is None or was.nxt is None or was.renumbered:
        return None
    seq, nxt = segment.seq, was.nxt
    deviates = step.meant is not None and step.meant.seq != seq
    if was.fin is not None and not segment.end <= was.fin + 1 and not deviates:
        return None  # fin-is-final
    if seq == nxt:
        begin = "the last number seen" if was.offered is None else f"ISN {was.iss} + {seq - was.iss}"
        return held("seq", f"seq {seq} = {begin}: SND.NXT")
    if deviates or (seq > nxt and step.ours):
        return _misplaced(seq, nxt)
    if seq > nxt:
        return _after_gap(step, seq, nxt)
    if seq <= was.iss:
        return _before_isn(step, was.iss)
    if segment.length:
        return held("seq", f"seq {seq} = SND.NXT {nxt} - {nxt - seq}: sent again") if step.again else None
    return _stale_number(step, seq, nxt)


def _misplaced(seq: Seq, nxt: Seq) -> Outcome:
    sign = "+" if seq > nxt else "-"
    return broken(
        "seq", f"seq {seq} = SND.NXT {nxt} {sign} {abs(seq - nxt)}, not SND.NXT", expected=nxt, actual=seq
    )


def _after_gap(step: Step, seq: Seq, nxt: Seq) -> Outcome | None:
    edge, segment = step.peer_was.edge, step.segment
    if certain(step) and edge is not None and seq > edge and step.peer_was.offered is not None:
        if segment.payload_length > 1:
            return None  # sender-within-window
        sentence = f"seq {seq} = the edge {edge} of the peer's window + {seq - edge}, not SND.NXT {nxt}"
        return broken("seq", sentence, expected=nxt, actual=seq)
    return undecidable("seq", "numbers were left out before it: lost on the way, or never sent")


def _before_isn(step: Step, iss: Seq) -> Outcome | None:
    segment, was = step.segment, step.was
    seq = segment.seq
    if seq == iss:
        if segment.payload_length <= 1 and not segment.fin:
            return _stale_number(step, seq, iss + 1)
        if was.offered is None:
            return None
        sentence = f"seq {seq} = ISN {iss} + 0, the number of the SYN: data begins at ISN + 1"
        return broken("seq", sentence, expected=was.nxt, actual=seq)
    if not certain(step) or was.offered is None:
        return undecidable("seq", "it lies before the ISN: of an earlier connection?")
    sentence = f"seq {seq} = ISN {iss} - {iss - seq}: before anything of this connection"
    return broken("seq", sentence, expected=was.nxt, actual=seq)


def _stale_number(step: Step, seq: Seq, nxt: Seq) -> Outcome | None:
    """A bare ACK of what it had not acknowledged before was sent after all that it sent before."""
    segment, was, peer = step.segment, step.was, step.peer_was
    if segment.length or was.acked is None or peer.nxt is None or not peer.window:
        return None
    if not certain(step) or step.ours or not was.acked < segment.ack <= peer.nxt:
        return None
    if was.last_ack != was.acked or overshot(step) or step.standing is Standing.NO_CONNECTION:
        return None  # after a reset, another connection of the same numbers may speak: SYN cookies
    sentence = f"seq {seq} = SND.NXT {nxt} - {nxt - seq} on an ACK of new data, {segment.ack}"
    return broken("seq", sentence, expected=nxt, actual=seq)


@rule("sequence-gap-filled", "RFC 9293 3.4; RFC 9293 3.8.1", Level.PROCEDURE, scope=Scope.EXCHANGE)
def sequence_gap_filled(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A number that was left out is sent in the end, before all that lies beyond it is sent again.

    What was lost is sent again from SND.UNA on, within a second or so, and again and again. Who goes on for
    four seconds, or sends what lies beyond the gap three times, and never the gap, has never had anything for
    it: it counts wrongly. The receiver waits at the gap until one of both gives up. Large segments may be lost
    for ever on a path that is too narrow for them; those are left alone, and so are captures, which may have
    missed the gap.

    Fires (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < F. 6:6(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        +1 < F. 6:6(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        +3 < F. 6:6(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    Quiet (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < F. 6:6(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        +1 < P. 1:6(5) ack 1 win 65535
        > . 1:1(0) ack 7 win 65535
    """
    if not live(steps):
        return
    for end in End:
        yield from _gaps(end, [step for step in steps if sound(step)])


class _Gap:
    """Numbers from ``first`` to before ``past`` that a step left out, and what came since instead."""

    def __init__(self, step: Step, first: Seq, past: Seq) -> None:
        self.step, self.first, self.past = step, first, past
        self.repeats = 0
        self.last = self.repeated = step.time

    def repeat(self, step: Step) -> None:
        if step.time - self.repeated >= APART:
            self.repeats += 1
            self.repeated = step.time

    def outcome(self) -> Outcome:
        number, octets = self.step.number, self.past - self.first
        missing = f"{self.first} to {self.past - 1}"
        waited = self.last - self.step.time >= PATIENCE or self.repeats >= REPEATS
        if not waited or octets > FITS_EVERYWHERE:
            reason = "numbers never came: lost on the way, or never sent"
            return undecidable("seq", reason, end=self.step.sender, step=number)
        seq = self.step.segment.seq
        sentence = f"seq {seq} = SND.NXT {self.first} + {octets}, and {missing} never came"
        return broken("seq", sentence, expected=self.first, actual=seq, end=self.step.sender, step=number)


def _gaps(end: End, steps: Sequence[Step]) -> Iterator[Outcome]:
    gap: _Gap | None = None
    for step in steps:
        segment, was = step.segment, step.was
        if step.sender is not end:
            if gap is not None and segment.has_ack and not segment.rst and segment.ack > gap.first:
                gap = None
            continue
        if segment.syn or segment.rst or not certain(step) or step.ours or was.renumbered:
            continue
        if gap is None:
            seq_known = was.nxt is not None and was.offered is not None
            if seq_known and was.nxt is not None and segment.seq > was.nxt:
                gap = _Gap(step, was.nxt, segment.seq)
            continue
        gap.last = step.time
        if segment.length and segment.seq < gap.past and gap.first < segment.end:
            yield held("seq", f"{gap.first} came after {gap.past}", end=end, step=step.number)
            gap = None
        elif step.again:
            gap.repeat(step)
    if gap is not None:
        yield gap.outcome()


@rule("retransmission-same-bytes", "RFC 9293 3.4.3; RFC 2525 2.4", Level.PROCEDURE, scope=Scope.EXCHANGE)
def retransmission_same_bytes(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A number holds one octet: whoever sends it again sends the same.

    What the receiver gets otherwise depends on which copy was lost. Repacking is fine, so copies may be cut
    differently. The one octet of a keep-alive is made up and does not count. Two processes that answer on one
    connection, or a count that went back, show in this way.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:6(5) ack 1 win 65535 "hello"
        > . 1:1(0) ack 6 win 65535
        < P. 1:6(5) ack 1 win 65535 "world"
        > . 1:1(0) ack 6 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:6(5) ack 1 win 65535 "hello"
        < P. 6:11(5) ack 1 win 65535 "world"
        +1 < P. 3:11(8) ack 1 win 65535 "lloworld"
        > . 1:1(0) ack 11 win 65535
    """
    sent = {End.CLIENT: _Sent(), End.SERVER: _Sent()}
    for step in steps:
        segment, was = step.segment, step.was
        if step.meant is not None or not sound(step) or segment.rst:
            continue  # where it was to stand elsewhere, sequence-contiguous names it
        if segment.syn and (was.iss is not None and was.iss != segment.seq):
            sent[step.sender] = _Sent()
        if was.iss is not None and segment.seq <= was.iss and not segment.syn:
            continue  # all of it stands elsewhere: sequence-contiguous
        if not segment.payload or _made_up(segment.seq, segment.payload_length, was):
            continue
        clash = sent[step.sender].put(segment.data_seq, segment.payload)
        if clash is not None:
            at, first, other = clash
            sentence = f"octet {at} is {other:#04x}, and was {first:#04x} when it was sent before"
            expected, actual = f"{first:#04x}", f"{other:#04x}"
            yield broken(
                "payload", sentence, expected=expected, actual=actual, step=step.number, end=step.sender
            )
        elif step.again:
            yield held("payload", "the octets are those sent before", step=step.number, end=step.sender)


def _made_up(seq: Seq, octets: int, was: View) -> bool:
    return octets == 1 and was.nxt is not None and seq == was.nxt - 1


class _Sent:
    """The octets that one end sent, by their distance from the first number seen."""

    def __init__(self) -> None:
        self._base: Seq | None = None
        self._top = 0
        #: where pieces begin, in order, and the pieces
        self._starts: list[int] = []
        self._pieces: dict[int, bytes] = {}
        self._longest = 0

    def put(self, seq: Seq, payload: bytes) -> tuple[Seq, int, int] | None:
        """Add a piece. The first number whose octet was another, that octet, and the new one."""
        if self._base is None:
            self._base = seq
        start = self._top + (seq - (self._base + self._top))
        clash = self._clash(start, payload) if start < self._top else None
        self._top = max(self._top, start + len(payload))
        if len(payload) > len(self._pieces.get(start, b"")):
            if start not in self._pieces:
                insort(self._starts, start)
            self._pieces[start] = payload
            self._longest = max(self._longest, len(payload))
        if clash is None:
            return None
        return self._base + clash[0], clash[1], clash[2]

    def _clash(self, start: int, payload: bytes) -> tuple[int, int, int] | None:
        for at in self._starts[bisect_left(self._starts, start - self._longest) :]:
            if at >= start + len(payload):
                break
            piece = self._pieces[at]
            left, right = max(at, start), min(at + len(piece), start + len(payload))
            if left >= right:
                continue
            before, now = piece[left - at : right - at], payload[left - start : right - start]
            if before != now:
                off = next(n for n in range(right - left) if before[n] != now[n])
                return left + off, before[off], now[off]
        return None
