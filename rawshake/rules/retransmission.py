"""Rules on sending again: not too soon, ever more slowly, and at once where three ACKs ask for it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Final

from rawshake.rules.copies import gaps_of, seconds, series_of, written
from rawshake.rules.evidence import duplicate_ack, sound
from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held
from rawshake.rules.registry import rule
from rawshake.tcp.seq import Seq, later
from rawshake.tcp.view import End, Fate, Step

#: The initial and the least RTO of RFC 6298, less what a clock and its ticks may take off.
ONE: Final = 950_000_000
#: A gap grows if it is so much longer: it should double, and clocks tick coarsely.
GROWTH: Final = 1.5
#: The least cap of the RTO (RFC 6298 section 2.5): gaps this long need not grow, less the same.
CAP: Final = 57_000_000_000
#: So many gaps alike are no choice of a known stack: Linux's SYN, and BSD's, has five, its thin streams six.
ALIKE: Final = 7
#: So many show how it is done.
SHOWN: Final = 3
#: What happens once may be an accident.
OFTEN: Final = 3
#: No timer of TCP is finer than this.
TICK: Final = 10_000_000
#: A round trip below this is too short to measure by.
MEASURABLE: Final = 20_000_000
#: Sent again later than this it was not the third ACK that asked for it.
TIMEOUT: Final = 150_000_000


@rule("no-early-retransmit", "RFC 6298 5; RFC 6298 2.4", Level.MUST, scope=Scope.EXCHANGE, near=True,
      undisturbed=True)  # fmt: skip
def no_early_retransmit(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Nothing is sent again before an answer to it can have come.

    A timeout is longer than the round trip, or a sender floods a path that is only slow. Fast retransmit, SACK
    and RACK are drawn by ACKs, a tail loss probe sends the last segment alone; what is left is
    a segment from the middle sent again within three quarters of the shortest round trip that was measured, with
    nothing from the other end in between. It takes three. An ICMP error that lowers the MTU excuses it.

    Fires (also rto-at-least-1s):
        > S 0:0(0) win 65535
        +0.1 < S. 0:0(0) ack 1 win 65535 [ttl 50]
        > . 1:11(10) ack 1 win 65535
        > . 11:21(10) ack 1 win 65535
        +0.02 > . 1:11(10) ack 1 win 65535
        +0.02 > . 1:11(10) ack 1 win 65535
        +0.02 > . 1:11(10) ack 1 win 65535
        +0.2 < . 1:1(0) ack 21 win 65535 [ttl 50]
    Quiet:
        > S 0:0(0) win 65535
        +0.1 < S. 0:0(0) ack 1 win 65535 [ttl 50]
        > . 1:11(10) ack 1 win 65535
        > . 11:21(10) ack 1 win 65535
        +1.1 > . 1:11(10) ack 1 win 65535
        +0.1 < . 1:1(0) ack 21 win 65535 [ttl 50]
    """
    for end in End:
        rtt = _round_trip(end, steps)
        if rtt is None:
            continue
        early: list[tuple[Step, int]] = []
        patient: Step | None = None
        for series in series_of(end, steps):
            for before, after in pairwise(series):
                gap = after.time - before.time
                if after.segment.syn or after.segment.end == after.was.nxt:
                    continue
                if 4 * gap < 3 * rtt and rtt >= MEASURABLE:
                    early.append((after, gap))
                else:
                    patient = after
        if len(early) >= OFTEN:
            step, gap = early[OFTEN - 1]
            sentence = f"sent again after {seconds(gap)}, {len(early)} times; no answer takes less than {seconds(rtt)}"
            expected = f"at least {seconds(rtt)}"
            yield broken("time", sentence, expected=expected, actual=seconds(gap), end=end, step=step.number)
        elif patient is not None:
            yield held("time", "sent again later than an answer takes", end=end, step=patient.number)


@rule("syn-backoff", "RFC 9293 3.8.3 MUST-22; RFC 9293 3.8.2 MUST-19; RFC 6298 5.5", Level.MUST,
      scope=Scope.EXCHANGE, near=True, undisturbed=True)  # fmt: skip
def syn_backoff(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A SYN or SYN,ACK that is not answered is sent again after ever longer times, each twice the one before.

    Servers that have no room drop SYNs; if all who wait came again every second, none would ever get in. Linux
    (tcp_syn_linear_timeouts), FreeBSD and macOS begin with up to five equal gaps all the same, so that is
    a note. Seven are a breach.

    Fires:
        > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    Fires (linear at first, as Linux has it):
        > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        +2 > S 0:0(0) win 65535
        +4 > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        +2 > S 0:0(0) win 65535
        +4 > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    """
    repeated = [step.number for step in steps if step.segment.syn and step.again]
    if not repeated:
        return
    opening = [step for step in steps if step.number <= repeated[-1]]
    for end in End:
        for series in series_of(end, opening):
            gaps = gaps_of(series)
            if not series[0].segment.syn or len(gaps) < 2:
                continue
            alike = next((n for n, gap in enumerate(gaps) if gap >= GROWTH * gaps[0]), len(gaps))
            kind = "SYN,ACK" if series[0].segment.has_ack else "SYN"
            at = series[alike].number
            if alike < SHOWN:
                grown = f"{kind} again after {written(gaps)}"
                if alike < len(gaps):
                    yield held("time", grown, end=end, step=series[-1].number)
            elif alike >= ALIKE and gaps[0] < CAP:
                sentence = f"{kind} again and again every {seconds(gaps[0])}, {alike} times"
                yield broken(
                    "time", sentence, expected="gaps that double", actual=written(gaps), end=end, step=at
                )
            elif gaps[0] < CAP:
                sentence = f"{kind} again after {written(gaps)}: {alike} gaps alike, as Linux, FreeBSD and macOS begin"
                yield broken(
                    "time",
                    sentence,
                    expected="gaps that double",
                    actual=written(gaps),
                    verdict=Verdict.NOTE,
                    end=end,
                    step=at,
                )


@rule("data-rto-backoff", "RFC 9293 3.8.2 MUST-19; RFC 9293 3.8.3 MUST-20; RFC 6298 5.5", Level.MUST,
      scope=Scope.EXCHANGE, near=True, undisturbed=True)  # fmt: skip
def data_rto_backoff(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Data or FIN that is not acknowledged is sent again after ever longer times, each twice the one before.

    Without that, a network that is overloaded stays so: that is how the Internet collapsed in 1986. The first
    gap may be a tail loss probe's and does not count. Linux has an option for thin streams with six equal gaps, so
    up to six are a note. ICMP errors may undo the back-off (RFC 6069), so where there were any nothing is said.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        +2 > P. 1:6(5) ack 1 win 65535
        +4 > P. 1:6(5) ack 1 win 65535
    """
    for end in End:
        for series in series_of(end, steps):
            first = series[0]
            gaps = gaps_of(series)[1:]
            filled = first.segment.payload_length > 1 or first.segment.fin
            if len(gaps) < 2 or first.segment.syn or not filled or not first.peer_was.window:
                continue
            number = series[-1].number
            if max(gaps) >= GROWTH * gaps[0] or max(gaps) >= CAP:
                yield held("time", f"sent again after {written(gaps)}", end=end, step=number)
            elif len(gaps) > SHOWN:
                sentence = f"seq {first.segment.seq} sent again every {seconds(gaps[0])}, {len(gaps)} times"
                verdict = None if len(gaps) >= ALIKE else Verdict.NOTE
                if verdict is Verdict.NOTE:
                    sentence += ", as Linux does for thin streams if told to"
                expected, actual = "gaps that double", written(gaps)
                yield broken(
                    "time",
                    sentence,
                    expected=expected,
                    actual=actual,
                    verdict=verdict,
                    end=end,
                    step=number,
                )


@rule("rto-at-least-1s", "RFC 6298 2.1; RFC 6298 2.4", Level.SHOULD, scope=Scope.EXCHANGE, near=True,
      undisturbed=True)  # fmt: skip
def rto_at_least_1s(steps: Sequence[Step]) -> Iterator[Outcome]:
    """What was not acknowledged is first sent again after at least a second.

    Before anything is known of the path that is the RTO, and once it is known the RTO is rounded up to that. For
    data nearly every stack has less: Linux 200 ms, Windows 300, FreeBSD 230 or so; that is a note that names it.
    For SYNs all keep to a second or more.

    Fires:
        > S 0:0(0) win 65535
        +0.3 > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    Fires (data, as most stacks do):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:11(10) ack 1 win 65535
        > P. 11:21(10) ack 1 win 65535
        +0.2 > . 1:11(10) ack 1 win 65535
        < . 1:1(0) ack 21 win 65535
    Quiet:
        > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    """
    for end in End:
        patient: Step | None = None
        for series in series_of(end, steps):
            again, gap = series[1], series[1].time - series[0].time
            syn = again.segment.syn
            if not syn and (again.segment.end == again.was.nxt or again.segment.payload_length <= 1):
                continue  # perhaps a tail loss probe, or that of a window
            if gap >= ONE:
                patient = again
                continue
            if gap < TICK or (syn and series[0].again) or _told_of_hole(again, steps):
                continue  # no timer does that, but reordering; or it answers what came
            what = "SYN" if syn else "data"
            sentence = f"{what} of seq {again.segment.seq} sent again after {seconds(gap)}"
            if not syn:
                sentence += ": Linux waits 200 ms at least, Windows 300"
            yield broken(
                "time",
                sentence,
                expected="at least 1 s",
                actual=seconds(gap),
                verdict=None if syn else Verdict.NOTE,
                end=end,
                step=again.number,
            )
            break
        else:
            if patient is not None:
                yield held("time", "first sent again after 1 s or more", end=end, step=patient.number)


@rule("fast-retransmit", "RFC 5681 3.2", Level.SHOULD, scope=Scope.EXCHANGE, near=True, undisturbed=True)
def fast_retransmit(steps: Sequence[Step]) -> Iterator[Outcome]:
    """The third ACK that repeats the one before makes the sender fill the gap without waiting for its timer.

    Each such ACK was drawn by a segment that arrived, so the path is open, and only one is missing. Linux waits
    for more where it has seen the path reorder, and with SACK counts what was selectively acknowledged; so it is
    told only of a sender that let three such gaps run into the timer, and filled none before.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:11(10) ack 1 win 65535
        > . 11:21(10) ack 1 win 65535
        > . 21:31(10) ack 1 win 65535
        > . 31:41(10) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        +1 > . 1:11(10) ack 1 win 65535
        < . 1:1(0) ack 41 win 65535
        > . 41:51(10) ack 1 win 65535
        > . 51:61(10) ack 1 win 65535
        > . 61:71(10) ack 1 win 65535
        > . 71:81(10) ack 1 win 65535
        < . 1:1(0) ack 41 win 65535
        < . 1:1(0) ack 41 win 65535
        < . 1:1(0) ack 41 win 65535
        +1 > . 41:51(10) ack 1 win 65535
        < . 1:1(0) ack 81 win 65535
        > . 81:91(10) ack 1 win 65535
        > . 91:101(10) ack 1 win 65535
        > . 101:111(10) ack 1 win 65535
        > . 111:121(10) ack 1 win 65535
        < . 1:1(0) ack 81 win 65535
        < . 1:1(0) ack 81 win 65535
        < . 1:1(0) ack 81 win 65535
        +1 > . 81:91(10) ack 1 win 65535
        < . 1:1(0) ack 121 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:11(10) ack 1 win 65535
        > . 11:21(10) ack 1 win 65535
        > . 21:31(10) ack 1 win 65535
        > . 31:41(10) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        > . 1:11(10) ack 1 win 65535
        < . 1:1(0) ack 41 win 65535
    """
    for end in End:
        prompt: Step | None = None
        for count, (third, again) in enumerate(_asked_thrice(end, steps), 1):
            if again.time - third.time <= TIMEOUT:
                prompt = again
                break
            if count == OFTEN:
                gap = again.time - third.time
                late = f"{seconds(gap)} after the third ACK of it"
                sentence = f"seq {again.segment.seq} sent again {late}, as twice before"
                expected, actual = "at once", seconds(gap)
                yield broken("time", sentence, expected=expected, actual=actual, end=end, step=again.number)
                break
        if prompt is not None:
            yield held("time", "sent again on repeated ACKs, before the timer", end=end, step=prompt.number)


def _asked_thrice(end: End, steps: Sequence[Step]) -> Iterator[tuple[Step, Step]]:
    """The third repeated ACK of one number that ``end`` got, and the segment that then filled the gap."""
    count = 0
    third: Step | None = None
    at: Seq | None = None
    resent: Seq | None = None  # all before it may have been sent again, and lost again
    for step in steps:
        segment = step.segment
        if not sound(step) or step.fate is Fate.LOST:
            continue
        if step.sender is not end:
            if segment.has_ack and segment.ack != at:
                at, third = segment.ack, None
                count = OFTEN if resent is not None and at < resent else 0
            elif duplicate_ack(step) and (segment.sack or not step.now.sack_permitted):
                if segment.sack and segment.sack[0][0] < segment.ack:
                    return  # a D-SACK: it was sent again for nothing, and the sender learns to wait
                nxt = step.peer_was.nxt
                if nxt is not None and segment.ack < nxt:
                    count += 1
                    third = step if count == OFTEN else third
        elif step.again:
            resent = later(resent, segment.end)
            if at is not None and segment.seq <= at < segment.end:
                if third is not None:
                    yield third, step
                third, count = None, OFTEN  # what comes later of the same number asks for nothing new


def _told_of_hole(again: Step, steps: Sequence[Step]) -> bool:
    """Whether its sender knew by SACK that something is missing, as RACK needs no timeout to send that again."""
    at = bisect_left(steps, again.number, key=attrgetter("number"))
    while at := max(0, at - 1):
        if steps[at].sender is not again.sender and steps[at].fate is not Fate.LOST:
            return bool(steps[at].segment.sack)
    return False


def _round_trip(end: End, steps: Sequence[Step]) -> int | None:
    """The shortest time, in ns, in which what ``end`` sent once was acknowledged; None if nothing was."""
    shortest: int | None = None
    waiting: dict[Seq, int] = {}
    for step in steps:
        segment = step.segment
        if step.sender is end:
            if segment.length and not segment.rst:
                if step.again:
                    waiting.clear()  # Karn: nobody can tell which copy was answered
                else:
                    waiting[segment.end] = step.time
        elif segment.has_ack and segment.ack in waiting:
            took = step.time - waiting[segment.ack]
            shortest = took if shortest is None else min(shortest, took)
            waiting.clear()
    return shortest
