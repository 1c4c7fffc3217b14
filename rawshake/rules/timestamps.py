"""Rules on timestamps: what is echoed, that they never go back, and what a reset carries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.rules.evidence import certain, sound
from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.seq import HALF, SPACE, Seq
from rawshake.tcp.view import End, Step

_MILLISECOND: Final = 1_000_000
#: A capture that missed a segment missed at most so many ticks: a quarter of an hour of milliseconds.
_MISSED: Final = 1_000_000
#: Linux hides what a SYN offered in the low bits of a SYN cookie's timestamp (RFC 4987 section 3.6).
_COOKIE_BITS: Final = 64
#: A segment is not overtaken by what was sent so much later, in ns.
_OVERTAKEN: Final = 1_000 * _MILLISECOND
#: Over less time the ticks of a clock tell nothing of its pace, in ns.
_LONG: Final = 10_000 * _MILLISECOND


def _after(a: int, b: int) -> int:
    """By how many ticks timestamp ``a`` is later than ``b``, negative if earlier (RFC 7323 section 5.2)."""
    return (a - b + HALF) % SPACE - HALF


def _in_force(step: Step) -> bool:
    """Whether both SYNs had the option, and this segment's numbers belong to their connection."""
    was, peer = step.was, step.peer_was
    return was.timestamps and peer.timestamps and not was.renumbered and not peer.renumbered


def _stamped(
    steps: Sequence[Step], end: End, *, after_reset: bool = False
) -> list[tuple[Step, tuple[int, int]]]:
    """What that end sent with timestamps, until it reset the connection: from then on it knows nothing of it."""
    found = []
    gone = False
    for step in steps:
        segment = step.segment
        if step.sender is not end or not sound(step):
            continue
        gone = segment.rst or (gone and not segment.syn)
        if segment.options and not segment.rst and (after_reset or not gone):
            stamps = segment.timestamps
            if stamps is not None:
                found.append((step, stamps))
    return found


@rule("ts-echo-rules", "RFC 7323 3.2; RFC 7323 4.3", Level.MUST, scope=Scope.EXCHANGE)
def ts_echo_rules(steps: Sequence[Step]) -> Iterator[Outcome]:
    """TSecr is the TSval of the segment that last moved the left edge of what is acknowledged.

    The peer takes the time since that TSval for the round trip. So TSecr is something that the peer has sent,
    and never what came in a segment above the acknowledgment: data out of order changes no echo. A delayed ACK
    echoes the first segment that it covers; whether it does shows only where nothing was missed. A tap may
    have missed a segment, so an echo that lies near what was seen decides nothing. Windows up to XP and 2003
    answered a SYN with TSval 0 and TSecr 0, and filled in both from then on: a note.

    Fires (of nothing that was sent):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 9 ecr 2000000100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 9>
    Fires (at the client, one too many):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 9 ecr 100>
        > P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 105 ecr 9>
        < . 1:1(0) ack 6 win 65535 <nop,nop,TS val 14 ecr 106>
    Fires (as Windows XP did):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 2000100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 0 ecr 0>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 2000101 ecr 0>
    Fires (of data out of order):
        > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 9 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 9>
        > P. 101:201(100) ack 1 win 65535 <nop,nop,TS val 110 ecr 9>
        < . 1:1(0) ack 1 win 65535 <nop,nop,TS val 19 ecr 110,nop,nop,sack 101:201>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 9 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 9>
        > P. 101:201(100) ack 1 win 65535 <nop,nop,TS val 110 ecr 9>
        < . 1:1(0) ack 1 win 65535 <nop,nop,TS val 19 ecr 101,nop,nop,sack 101:201>
        > P. 1:101(100) ack 1 win 65535 <nop,nop,TS val 120 ecr 9>
        < . 1:1(0) ack 201 win 65535 <nop,nop,TS val 29 ecr 120>
    """
    if not any(step.now.timestamps and step.peer_now.timestamps for step in steps):
        return
    for end in End:
        yield from _echoes(_stamped(steps, end), _stamped(steps, end.other, after_reset=True))


def _echoes(
    mine: list[tuple[Step, tuple[int, int]]], theirs: list[tuple[Step, tuple[int, int]]]
) -> Iterator[Outcome]:
    # Of the whole connection, for a tap may show an echo before what it echoes.
    least: dict[int, Seq] = {}
    for step, (value, _) in theirs:
        seq = step.segment.seq
        if value not in least or seq < least[value]:
            least[value] = seq
    repeated = min((step.number for step, _ in theirs if step.again and not step.segment.syn), default=None)
    said: Seq | None = None  # Last.ACK.sent, as far as it was seen
    missed = False  # it acknowledged what was not seen
    span: tuple[int, int] | None = None
    for step, (value, echo) in mine:
        segment, reached = step.segment, step.was.rcv_nxt
        missed = missed or (segment.has_ack and reached is not None and segment.ack > reached)
        # A SYN in force has met the other SYN: whether both have the option is known after it.
        force = step.now.timestamps and step.peer_now.timestamps
        if not segment.has_ack or not force or step.was.renumbered or step.peer_was.renumbered:
            continue
        if step.peer_now.iss is not None and segment.ack <= step.peer_now.iss:
            continue  # what it acknowledges is not this connection
        first = least.get(echo)
        if first is None:
            span = span or _span([value for _, (value, _) in theirs])
            unfilled = step.segment.syn and value == echo == 0
            yield _never_sent(step, echo, span, verdict=Verdict.NOTE if unfilled else None)
        elif first > segment.ack and not certain(step) and (missed or _before(repeated, step)):
            reason = "a copy with the same TSval may have been missed"
            yield undecidable("timestamps", reason, end=step.sender, step=step.number)
        else:
            yield _echo(step, echo, first, said)
        said = segment.ack if said is None or segment.ack > said else said


def _before(number: int | None, step: Step) -> bool:
    return number is not None and number < step.number


def _echo(step: Step, echo: int, first: Seq, said: Seq | None) -> Outcome:
    """Judge the echo of a TSval whose lowest segment has number ``first``; ``said`` is the ACK before."""
    end, number, ack = step.sender, step.number, step.segment.ack
    if first > ack:
        sentence = (
            f"TSecr {echo} is of seq {first} = ack {ack} + {first - ack}: out of order, not to be echoed"
        )
        return broken(
            "timestamps", sentence, expected=f"of at most seq {ack}", actual=echo, end=end, step=number
        )
    if said is not None and first > said and not step.segment.syn:
        reason = "TSecr is not of the first segment acknowledged, unless an ACK was missed"
        return undecidable("timestamps", reason, end=end, step=number)
    return held("timestamps", f"TSecr {echo} is the TSval of seq {first}", end=end, step=number)


def _span(values: Sequence[int]) -> tuple[int, int] | None:
    """The lowest and the highest of these timestamps."""
    if not values:
        return None
    ordered = sorted(values, key=lambda value: _after(value, values[0]))
    return ordered[0], ordered[-1]


def _never_sent(step: Step, echo: int, span: tuple[int, int] | None, *, verdict: Verdict | None) -> Outcome:
    """Judge an echo of nothing that was seen; ``span`` is from the lowest TSval to the highest that was."""
    end, number = step.sender, step.number
    if span is None or step.peer_was.offered is None:
        return undecidable("timestamps", "what it echoes was not seen", end=end, step=number)
    low, high = span
    near = _after(echo, low) > -_MISSED and _after(echo, high) < _MISSED
    if near and not certain(step):
        return undecidable(
            "timestamps", "it echoes what was not seen: a gap in the capture?", end=end, step=number
        )
    seen = f"{low}" if low == high else f"{low} to {high}"
    sentence = f"TSecr {echo}, of which no segment was sent: TSval was {seen}"
    return broken("timestamps", sentence, expected=seen, actual=echo, verdict=verdict, end=end, step=number)


@rule("ts-value-monotonic", "RFC 7323 4.1; RFC 7323 5.2; RFC 7323 5.4", Level.MUST, scope=Scope.EXCHANGE)
def ts_value_monotonic(steps: Sequence[Step]) -> Iterator[Outcome]:
    """TSval never goes down while a connection lasts.

    A receiver drops what is older than what it has, as an old duplicate: the connection stalls. The network may
    turn two segments round, so it is a breach only where the lower one acknowledges or echoes more, or is new
    data a second later. Linux writes what a SYN offered into the low bits of a SYN cookie's timestamp. A clock
    should tick once a millisecond to once a second; Linux can be told to count microseconds: a note.

    Fires:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 900 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 900>
        > P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 102 ecr 900>
        < P. 1:6(5) ack 6 win 65535 <nop,nop,TS val 100 ecr 102>
    Fires (microseconds):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 900 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 900>
        +20 > P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 20000101 ecr 900>
        < . 1:1(0) ack 6 win 65535 <nop,nop,TS val 20900 ecr 20000101>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 4294967295 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 900 ecr 4294967295>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 0 ecr 900>
        > P. 6:11(5) ack 1 win 65535 <nop,nop,TS val 4 ecr 900>
        > P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 3 ecr 900>
        < . 1:1(0) ack 11 win 65535 <nop,nop,TS val 904 ecr 3>
    """
    if not any(step.now.timestamps and step.peer_now.timestamps for step in steps):
        return
    for end in End:
        yield from _values(end, [pair for pair in _stamped(steps, end) if pair[0].now.timestamps])


def _values(end: End, sent: list[tuple[Step, tuple[int, int]]]) -> Iterator[Outcome]:
    peak: Step | None = None
    highest = first = 0
    since: Step | None = None
    down = False
    for step, (value, _) in sent:
        if step.segment.syn or step.was.renumbered:
            peak = since = None  # a SYN begins the count, and a cookie's is none of it
        if peak is None:
            peak, highest = step, value
            if not step.segment.syn:
                continue
        elif since is None:
            since, first = step, value
        back = -_after(value, highest)
        if back <= 0:
            peak, highest = step, value
            continue
        if peak.segment.syn and peak.segment.has_ack and back <= _COOKIE_BITS:
            peak, highest = step, value
            continue
        if not _sent_after(step, peak):
            yield undecidable("timestamps", "it may have been overtaken", end=end, step=step.number)
            continue
        sentence = f"TSval {value} = {highest} - {back}: it went back"
        yield broken(
            "timestamps", sentence, expected=f"at least {highest}", actual=value, end=end, step=step.number
        )
        peak, highest, down = step, value, True
    if peak is None or down:
        return
    number = peak.number
    yield held("timestamps", f"TSval rises to {highest}", end=end, step=number)
    if since is None or peak.time - since.time < _LONG:
        return
    ticks, elapsed = _after(highest, first), (peak.time - since.time) // _MILLISECOND
    if elapsed / 2_000 <= ticks <= 2 * elapsed:
        return
    sentence = f"{ticks} ticks in {elapsed} ms: not once a millisecond to once a second"
    yield broken(
        "timestamps",
        sentence,
        expected=f"{elapsed // 1000} to {elapsed} ticks",
        actual=ticks,
        verdict=Verdict.NOTE,
        end=end,
        step=number,
    )


def _sent_after(step: Step, other: Step) -> bool:
    """Whether it was sent later, in whatever order they were seen.

    What an end acknowledges and echoes never recedes. New data alone tells nothing: what came before may be a
    copy that overtook it, sent since, unless it is long ago.
    """
    one, two = step.segment, other.segment
    if one.has_ack and two.has_ack and one.ack > two.ack:
        return True
    mine, theirs = one.timestamps, two.timestamps
    if mine is not None and theirs is not None and _after(mine[1], theirs[1]) > 0:
        return True
    fresh = one.length and two.length and not step.again and not other.again and one.seq >= two.end
    return bool(fresh) and step.time - other.time >= _OVERTAKEN


@rule("rst-carries-timestamp", "RFC 7323 3.2; RFC 7323 5.2", Level.SHOULD)
def rst_carries_timestamp(step: Step) -> Outcome | None:
    """An abort of a connection with timestamps has the option, too.

    A RST is believed without; with it, an old one can be told. Linux sends it with an abort; Windows and others
    leave it out, which is a note. What answers a segment that found no connection has it nowhere, and
    nothing is said of that.

    Fires:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 9 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 9>
        > R. 1:1(0) ack 1 win 0
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 9 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 9>
        > R. 1:1(0) ack 1 win 0 <nop,nop,TS val 102 ecr 9>
    Quiet (an answer):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 9 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 9>
        < P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 11 ecr 101>
        > R 1:1(0) win 0
    """
    segment = step.segment
    if not segment.rst or not segment.has_ack or not _in_force(step) or segment.defects:
        return None
    state = step.was.proven
    if segment.syn or segment.seq != step.was.nxt or state is None or not state.synchronized:
        return None
    if segment.timestamps is not None:
        return held("timestamps", "timestamps, as on every segment before")
    sentence = "an abort without timestamps, as Windows and others send it"
    return broken("timestamps", sentence, expected="timestamps", actual="none", verdict=Verdict.NOTE)
