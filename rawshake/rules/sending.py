"""Rules on how data is cut into segments: how much at first, what is pushed, what is gathered."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.rules.evidence import sound
from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.segment import Flags
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End, Fate, Step

#: RFC 9293 MUST-15: where no SYN had the option.
MSS: Final = 536
MSS6: Final = 1220
#: RFC 6928: ten segments, and at least so many octets.
IW10: Final = 10
IW10_OCTETS: Final = 14_600
#: Who has sent nothing for so long, in ns, had nothing more to send, if all is acknowledged and there is room.
IDLE: Final = 1_000_000_000
#: So many show how it is done.
OFTEN: Final = 3
#: So many small segments under way at a time are not an accident.
SMALL_ONES: Final = 4


@rule("initial-window-bounded", "RFC 5681 3.1; RFC 9293 3.8.2 MUST-19", Level.MUST, scope=Scope.EXCHANGE)
def initial_window_bounded(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Before the first ACK of data at most two to four segments are sent.

    Nothing is known of the path yet. RFC 5681 allows four of up to 1095 octets, three of up to 2190, else two.
    RFC 6928, an experiment, allows ten, and Linux, FreeBSD, Windows and macOS do that, with a tail loss probe
    (RFC 8985) beyond if no ACK comes; so it is a note, and more, as some content networks send, a warning. It is
    counted in octets, for a capture may show several segments as one. Where a SYN was sent again, less is allowed,
    and nothing said.

    Fires:
        > S 0:0(0) win 65535 <mss 1000>
        < S. 0:0(0) ack 1 win 65535 <mss 1000>
        > . 1:1(0) ack 1 win 65535
        < . 1:1001(1000) ack 1 win 65535
        < . 1001:2001(1000) ack 1 win 65535
        < . 2001:3001(1000) ack 1 win 65535
        < . 3001:4001(1000) ack 1 win 65535
        < . 4001:5001(1000) ack 1 win 65535
        < P. 5001:6001(1000) ack 1 win 65535
        > . 1:1(0) ack 6001 win 65535
    Fires (more than ten):
        > S 0:0(0) win 65535 <mss 1000>
        < S. 0:0(0) ack 1 win 65535 <mss 1000>
        > . 1:1(0) ack 1 win 65535
        < . 1:1001(1000) ack 1 win 65535
        < . 1001:2001(1000) ack 1 win 65535
        < . 2001:3001(1000) ack 1 win 65535
        < . 3001:4001(1000) ack 1 win 65535
        < . 4001:5001(1000) ack 1 win 65535
        < . 5001:6001(1000) ack 1 win 65535
        < . 6001:7001(1000) ack 1 win 65535
        < . 7001:8001(1000) ack 1 win 65535
        < . 8001:9001(1000) ack 1 win 65535
        < . 9001:10001(1000) ack 1 win 65535
        < . 10001:11001(1000) ack 1 win 65535
        < . 11001:12001(1000) ack 1 win 65535
        < . 12001:13001(1000) ack 1 win 65535
        < . 13001:14001(1000) ack 1 win 65535
        < . 14001:15001(1000) ack 1 win 65535
        < P. 15001:16001(1000) ack 1 win 65535
        > . 1:1(0) ack 16001 win 65535
    Quiet:
        > S 0:0(0) win 65535 <mss 1000>
        < S. 0:0(0) ack 1 win 65535 <mss 1000>
        > . 1:1(0) ack 1 win 65535
        < . 1:1001(1000) ack 1 win 65535
        < . 1001:2001(1000) ack 1 win 65535
        < . 2001:3001(1000) ack 1 win 65535
        < . 3001:4001(1000) ack 1 win 65535
        > . 1:1(0) ack 4001 win 65535
        < . 4001:5001(1000) ack 1 win 65535
        < . 5001:6001(1000) ack 1 win 65535
        < . 6001:7001(1000) ack 1 win 65535
        < . 7001:8001(1000) ack 1 win 65535
        < P. 8001:9001(1000) ack 1 win 65535
        > . 1:1(0) ack 9001 win 65535
    """
    for end in End:
        flight = _first_flight(end, steps)
        if flight is None:
            continue
        last, octets, mss, gap = flight
        outcome = first_flight(octets, mss, end=end, step=last.number)
        if outcome.verdict is Verdict.WARN and gap:
            reason = "an ACK may have been missed, as data was"
            outcome = undecidable("payload", reason, end=end, step=last.number)
        yield outcome


def first_flight(octets: int, mss: int, *, end: End, step: int) -> Outcome:
    """What there is to say of so many octets, the last of them in that step, before data was acknowledged."""
    segments = 4 if mss <= 1095 else 3 if mss <= 2190 else 2
    count = -(-octets // mss)
    if octets <= segments * mss:
        return held("payload", f"first flight of {octets} octets = {count} x {mss}", end=end, step=step)
    ten = max(IW10 * mss, IW10_OCTETS)
    some = octets <= ten + mss  # RFC 8985 7.3: a probe may be new data beyond the congestion window
    if octets <= ten:
        why = "RFC 6928 allows 10, as today's stacks do"
    elif some:
        why = "RFC 6928 allows 10, and RFC 8985 a tail loss probe"
    else:
        why = f"RFC 6928 allows {IW10} at most"
    return broken(
        "payload",
        f"first flight of {octets} octets = {count} segments of {mss}: {why}",
        expected=f"at most {segments * mss} octets",
        actual=octets,
        verdict=Verdict.NOTE if some else Verdict.WARN,
        end=end,
        step=step,
    )


def _first_flight(end: End, steps: Sequence[Step]) -> tuple[Step, int, int, bool] | None:
    """What ``end`` sent before data was acknowledged: the last segment, octets, MSS, whether some was not seen."""
    gap = False
    first: Seq | None = None
    last: Step | None = None
    syns = 0
    for step in steps:
        segment = step.segment
        if segment.syn:
            syns += 1
            if step.again or syns > 2 or not sound(step):
                return None
            if step.sender is end:
                first = segment.seq + 1
        elif segment.rst or first is None:
            break
        elif step.sender is not end:
            if segment.has_ack and (segment.ack > first or segment.sack):
                break
        elif segment.payload_length and sound(step):
            if step.again:
                break
            gap = gap or (step.was.nxt is not None and segment.seq > step.was.nxt)
            last = step
    if last is None or first is None or syns < 2:
        return None
    view = last.peer_was
    if view.edge is not None and last.segment.end > view.edge + 1:
        return None  # sender-within-window
    mss = view.mss or (MSS6 if last.segment.v6 else MSS)
    # Options come out of what the other end takes (RFC 6691): but for that, the largest is one segment.
    return last, last.segment.seq + last.segment.payload_length - first, max(mss, 1), gap


@rule("psh-on-last-segment", "RFC 9293 3.9.1.2 MUST-61", Level.MUST, scope=Scope.EXCHANGE)
def psh_on_last_segment(steps: Sequence[Step]) -> Iterator[Outcome]:
    """The segment that empties the queue of what is to be sent carries PSH.

    That holds where an application has no other way to ask for it, as with sockets. Receivers of today hand data
    over without it, but some wait for more. Linux leaves it out if the application has told that
    more will come (MSG_MORE, TCP_CORK), so an end is charged that has never set it, and three times fell silent
    for a second with all acknowledged and room for more. A FIN pushes by itself.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        +2 > . 6:11(5) ack 1 win 65535
        < . 1:1(0) ack 11 win 65535
        +2 > . 11:16(5) ack 1 win 65535
        < . 1:1(0) ack 16 win 65535
        +2 > F. 16:16(0) ack 1 win 65535
        < . 1:1(0) ack 17 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        +2 > . 6:11(5) ack 1 win 65535
        < . 1:1(0) ack 11 win 65535
        +2 > . 11:16(5) ack 1 win 65535
        > F. 16:16(0) ack 1 win 65535
        < . 1:1(0) ack 17 win 65535
    """
    for end in End:
        pushed: Step | None = None
        without: list[Step] = []
        data: Step | None = None  # the last that it sent
        done: int | None = None  # since when all is acknowledged
        for step in steps:
            segment = step.segment
            if segment.syn or not sound(step):
                continue
            if data is not None and done is not None and step.time - done >= IDLE:
                without.append(data)
                data = None
            if step.sender is not end:
                if (
                    data is not None
                    and segment.has_ack
                    and segment.ack == data.segment.end
                    and step.now.window
                ):
                    done = step.time if done is None else done
            elif segment.fin or segment.rst or Flags.PSH in segment.flags:
                pushed = step if segment.payload_length and Flags.PSH in segment.flags else pushed
                data = done = None
            elif segment.payload_length > 1 and segment.end == step.now.nxt:
                data, done = step, None
        if pushed is not None:
            yield held("flags", "data is pushed", end=end, step=pushed.number)
        elif len(without) >= OFTEN:
            third = without[OFTEN - 1]
            sentence = f"no PSH on data up to {third.segment.end}, the last for a while, nor on any before"
            yield broken(
                "flags", sentence, expected="P.", actual=third.segment.flags, end=end, step=third.number
            )


@rule("nagle-coalesces", "RFC 9293 3.7.4 SHLD-7", Level.SHOULD, scope=Scope.EXCHANGE, near=True)
def nagle_coalesces(steps: Sequence[Step]) -> Iterator[Outcome]:
    """While small data is under way, more of it is gathered rather than sent at once.

    Nagle's algorithm spares the network a header for each key that is pressed. Applications may turn it off
    (TCP_NODELAY), and most servers do, which a capture cannot show: so it is a note, where four pushed segments or
    more are under way that together would not fill one.

    Fires:
        > S 0:0(0) win 65535 <mss 1460>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        > P. 1:6(5) ack 1 win 65535
        > P. 6:11(5) ack 1 win 65535
        > P. 11:16(5) ack 1 win 65535
        > P. 16:21(5) ack 1 win 65535
        < . 1:1(0) ack 21 win 65535
    Quiet:
        > S 0:0(0) win 65535 <mss 1460>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        > P. 6:21(15) ack 1 win 65535
        < . 1:1(0) ack 21 win 65535
    """
    for end in End:
        flying: deque[Step] = deque()
        calm: Step | None = None
        for step in steps:
            segment = step.segment
            if segment.syn or segment.rst or not sound(step):
                flying.clear()
            elif step.sender is not end:
                while segment.has_ack and flying and flying[0].segment.end <= segment.ack:
                    calm = flying.popleft()
            elif segment.fin or Flags.PSH not in segment.flags or segment.seq != step.was.nxt:
                flying.clear()  # what is left goes with the FIN, and what was lost is sent as it was
            elif segment.payload_length and step.fate is not Fate.LOST:
                flying.append(step)
                octets = segment.end - flying[0].segment.seq
                mss = step.peer_was.mss or MSS
                while octets > mss and flying:
                    flying.popleft()
                    octets = segment.end - flying[0].segment.seq if flying else 0
                if len(flying) >= SMALL_ONES:
                    sentence = f"{len(flying)} segments of {octets} octets together under way: Nagle's algorithm is off"
                    yield broken(
                        "payload",
                        sentence,
                        expected="one segment",
                        actual=f"{len(flying)} segments",
                        verdict=Verdict.NOTE,
                        end=end,
                        step=step.number,
                    )
                    break
        else:
            if calm is not None:
                yield held(
                    "payload", "small data waits for the ACK of what is under way", end=end, step=calm.number
                )
