"""Rules on acknowledgments that are held back: not for long, and not for many segments."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.rules.evidence import shows_bare_acks, sound
from rawshake.rules.model import Level, Outcome, Scope, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End, Fate, Standing, Step

#: RFC 9293 MUST-40, and what a busy host and the tap's clock may add.
LIMIT: Final = 500_000_000
SLACK: Final = 20_000_000
#: Segments closer to one another than this came in one burst, which an adapter may have glued together.
BURST: Final = 20_000_000
#: What happens once may be a host that slept; so many times it is a habit.
OFTEN: Final = 3
#: What is smaller is no full-sized segment, whatever the MSS.
FULL: Final = 536


@rule("delayed-ack-under-500ms", "RFC 9293 3.8.6.3 MUST-40; RFC 5681 4.2", Level.MUST,
      scope=Scope.EXCHANGE, near=True)  # fmt: skip
def delayed_ack_under_500ms(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Data in order is acknowledged within half a second.

    An ACK may wait for data to ride on, but not so long that the sender takes its segment for lost. Linux waits
    40 to 200 ms, FreeBSD 40, Windows 40 to 200, macOS 100, lwIP 250. A machine that is put to sleep is late once,
    and a queue on the way delays what many segments fill it with. So it takes three ACKs of single segments that
    were not sent again in the meantime, and more than came in time.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        +0.7 < . 1:1(0) ack 6 win 65535
        > P. 6:11(5) ack 1 win 65535
        +0.7 < . 1:1(0) ack 11 win 65535
        > P. 11:16(5) ack 1 win 65535
        +0.7 < . 1:1(0) ack 16 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        +0.2 < . 1:1(0) ack 6 win 65535
        > P. 6:11(5) ack 1 win 65535
        +0.2 < P. 1:6(5) ack 11 win 65535
        > . 11:11(0) ack 6 win 65535
    Quiet (it is far away):
        > S 0:0(0) win 65535
        +0.6 < S. 0:0(0) ack 1 win 65535 [ttl 50]
        > P. 1:6(5) ack 1 win 65535
        +0.7 < . 1:1(0) ack 6 win 65535 [ttl 50]
        > P. 6:11(5) ack 1 win 65535
        +0.7 < . 1:1(0) ack 11 win 65535 [ttl 50]
        > P. 11:16(5) ack 1 win 65535
        +0.7 < . 1:1(0) ack 16 win 65535 [ttl 50]
    """
    for end in End:
        late: list[tuple[Step, int]] = []
        prompt: Step | None = None
        queued: Step | None = None
        quick = 0
        for step, delay, alone in _delays(end, steps):
            if delay <= LIMIT + SLACK:
                prompt = step
                quick += alone
            elif alone:
                late.append((step, delay))
            else:
                queued = step
        if late and not shows_bare_acks(steps, end):
            reason = "no ACK without data was captured"
            yield undecidable("time", reason, end=end, step=late[-1][0].number)
        elif len(late) >= OFTEN and len(late) > quick:
            step, delay = late[OFTEN - 1]
            took = f"{delay / 1e9:.2f} s"
            sentence = f"ack {step.segment.ack} {took} after its data, as {OFTEN - 1} were before"
            number = step.number
            yield broken("time", sentence, expected="at most 0.5 s", actual=took, end=end, step=number)
        elif late or queued is not None:
            number = late[-1][0].number if queued is None else queued.number
            reason = "late ACKs now and then may be a host that slept, or a queue on the way"
            yield undecidable("time", reason, end=end, step=number)
        elif prompt is not None:
            yield held("time", "data was acknowledged within 0.5 s", end=end, step=prompt.number)


def _delays(end: End, steps: Sequence[Step]) -> Iterator[tuple[Step, int, bool]]:
    """Each segment of ``end`` that acknowledges data which came in order, how long that had waited, in ns, and
    whether it was alone on the way.
    """
    waiting: deque[tuple[Seq, int]] = deque()  # the number after it, and when it was last sent
    for step in steps:
        segment = step.segment
        if segment.syn or segment.rst:
            waiting.clear()
        elif not sound(step):
            continue
        elif step.sender is end:
            if segment.has_ack and waiting and waiting[0][0] <= segment.ack:
                yield step, step.time - waiting[0][1], len(waiting) == 1
                while waiting and waiting[0][0] <= segment.ack:
                    waiting.popleft()
        elif segment.length and step.fate is not Fate.LOST:
            if waiting and segment.seq < waiting[-1][0]:
                # Sent again: the first copy may have been lost.
                waiting = deque((past, step.time if past > segment.seq else time) for past, time in waiting)
            if segment.seq == step.peer_was.rcv_nxt and step.standing is Standing.NEW:
                waiting.append((segment.end, step.time))


@rule("ack-every-second-segment", "RFC 9293 3.8.6.3 SHLD-19; RFC 5681 4.2", Level.SHOULD,
      scope=Scope.EXCHANGE, near=True)  # fmt: skip
def ack_every_second_segment(steps: Sequence[Step]) -> Iterator[Outcome]:
    """At least every second full-sized segment is acknowledged.

    A sender grows its window by the ACKs that come back, and an end that holds them back slows it down. Where
    an adapter or the kernel glues segments that came in one burst, as today nearly everywhere, one ACK for
    the burst is right; macOS leaves out ACKs when all goes well. So only a third segment counts that came 20 ms
    after the second, neither of them acknowledged, and it takes three.

    Fires:
        > S 0:0(0) win 65535 <mss 1000>
        < S. 0:0(0) ack 1 win 65535 <mss 1000>
        > . 1:1001(1000) ack 1 win 65535
        +0.03 > . 1001:2001(1000) ack 1 win 65535
        +0.03 > . 2001:3001(1000) ack 1 win 65535
        < . 1:1(0) ack 3001 win 65535
        > . 3001:4001(1000) ack 1 win 65535
        +0.03 > . 4001:5001(1000) ack 1 win 65535
        +0.03 > . 5001:6001(1000) ack 1 win 65535
        < . 1:1(0) ack 6001 win 65535
        > . 6001:7001(1000) ack 1 win 65535
        +0.03 > . 7001:8001(1000) ack 1 win 65535
        +0.03 > P. 8001:9001(1000) ack 1 win 65535
        < . 1:1(0) ack 9001 win 65535
    Quiet:
        > S 0:0(0) win 65535 <mss 1000>
        < S. 0:0(0) ack 1 win 65535 <mss 1000>
        > . 1:1001(1000) ack 1 win 65535
        +0.03 > . 1001:2001(1000) ack 1 win 65535
        < . 1:1(0) ack 2001 win 65535
        +0.03 > P. 2001:3001(1000) ack 1 win 65535
        +0.1 < . 1:1(0) ack 3001 win 65535
    Quiet (bursts):
        > S 0:0(0) win 65535 <mss 1000>
        < S. 0:0(0) ack 1 win 65535 <mss 1000>
        > . 1:1001(1000) ack 1 win 65535
        > . 1001:2001(1000) ack 1 win 65535
        > . 2001:3001(1000) ack 1 win 65535
        < . 1:1(0) ack 3001 win 65535
    """
    for end in End:
        yield from _stretched(end, steps)


def _stretched(end: End, steps: Sequence[Step]) -> Iterator[Outcome]:
    if not shows_bare_acks(steps, end):
        return
    full = max(
        (step.segment.payload_length for step in steps if step.sender is not end), default=0
    )  # of those who send less than they may, the largest
    if full < FULL:
        return
    bare: list[Step] = []  # full-sized segments in order since the last ACK
    count = glued = 0
    last: Step | None = None
    for step in steps:
        segment = step.segment
        if not sound(step) or step.fate is Fate.LOST:
            continue
        if step.sender is end:
            if segment.has_ack and len(bare) > 1:
                last = step
                glued += len(bare) > 2
            bare = []
        elif segment.payload_length < full or step.again or segment.seq != step.peer_was.rcv_nxt:
            bare = [] if step.again else bare
        else:
            bare.append(step)
            if len(bare) == 3 and step.time - bare[1].time >= BURST:
                count += 1
                if count == OFTEN:
                    yield _broken(step, end, full)
                    return
    if count or glued:
        reason = "segments that came in one burst may have been glued together"
        yield undecidable("ack", reason, end=end, step=steps[-1].number)
    elif last is not None:
        yield held("ack", "every second full-sized segment was acknowledged", end=end, step=last.number)


def _broken(step: Step, end: End, full: int) -> Outcome:
    sentence = f"3 segments of {full} octets and no ACK, {OFTEN} times, the last up to {step.segment.end}"
    expected, actual = f"an ACK for {2 * full} octets", "none"
    return broken("ack", sentence, expected=expected, actual=actual, end=end, step=step.number)
