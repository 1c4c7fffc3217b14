"""Rules on keep-alives: a segment one before SND.NXT, sent on an idle connection, that draws an ACK."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.rules.evidence import plain_ack, sound
from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.segment import Segment
from rawshake.tcp.view import End, Fate, Step

_SECOND: Final = 1_000_000_000
#: Whoever has sent nothing for so long is idle: what was overtaken on the way does not come so late.
_IDLE: Final = _SECOND
#: So many probes in a row are not lost on a road on which the next segment arrives.
_PROBES: Final = 3


def _is_probe(step: Step, before: int | None) -> bool:
    """Whether it is a keep-alive: one before SND.NXT, empty or with an octet that was sent, after a pause.

    ``before`` is when its sender last sent anything, in ns.
    """
    segment, was = step.segment, step.was
    if was.nxt is None or segment.seq != was.nxt - 1 or before is None or step.time - before < _IDLE:
        return False
    if segment.syn or segment.fin or segment.rst or not segment.has_ack or step.peer_was.window == 0:
        return False
    return plain_ack(segment) or (segment.payload_length == 1 and step.again and was.fin is None)


@rule("keepalive-answered", "RFC 9293 3.8.4; RFC 9293 3.10.7.4; RFC 1122 4.2.3.6", Level.PROCEDURE,
      scope=Scope.EXCHANGE)  # fmt: skip
def keepalive_answered(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A keep-alive draws an ACK.

    Its number has been acknowledged, so it is outside the window, and any such segment is answered. Who gets no
    answer gives the connection up, though both ends are there. A probe or its answer may be lost. It is a
    breach where three in a row drew nothing, and the next segment of that end echoes the timestamp of the last
    of them, so that it did arrive; a warning, for all three answers may have been lost.

    Fires:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 900 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 900>
        +10 > . 0:0(0) ack 1 win 65535 <nop,nop,TS val 10101 ecr 900>
        +10 > . 0:0(0) ack 1 win 65535 <nop,nop,TS val 20101 ecr 900>
        +10 > . 0:0(0) ack 1 win 65535 <nop,nop,TS val 30101 ecr 900>
        +5 < P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 35900 ecr 30101>
        > . 1:1(0) ack 6 win 65535 <nop,nop,TS val 35101 ecr 35900>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 900 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 900>
        +10 > . 0:0(0) ack 1 win 65535 <nop,nop,TS val 10101 ecr 900>
        < . 1:1(0) ack 1 win 65535 <nop,nop,TS val 10900 ecr 10101>
    Quiet (lost):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 900 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 900>
        +10 > . 0:0(0) ack 1 win 65535 <nop,nop,TS val 10101 ecr 900>
        +10 > . 0:0(0) ack 1 win 65535 <nop,nop,TS val 20101 ecr 900>
        +10 > . 0:0(0) ack 1 win 65535 <nop,nop,TS val 30101 ecr 900>
        +5 < P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 35900 ecr 101>
        > . 1:1(0) ack 6 win 65535 <nop,nop,TS val 35101 ecr 35900>
    """
    for end in End:
        yield from _answers(end, steps)


def _answers(end: End, steps: Sequence[Step]) -> Iterator[Outcome]:
    """What ``end`` makes of the keep-alives that it gets."""
    probes: list[Step] = []
    before: int | None = None
    for step in steps:
        if not sound(step):
            continue
        if step.sender is not end:
            if _is_probe(step, before) and step.fate is not Fate.LOST:
                probes.append(step)
            elif not plain_ack(step.segment):
                probes = []
            before = step.time
        elif probes:
            yield _answer(step, probes)
            probes = []
    if probes and len(probes) < len(steps):
        at = probes[-1].number
        yield undecidable("time", "a keep-alive without an answer may have been lost", end=end, step=at)


def _answer(step: Step, probes: list[Step]) -> Outcome:
    end, number, last = step.sender, step.number, probes[-1]
    if step.segment.rst or not step.segment.has_ack:
        return undecidable(
            "time", "a RST to a keep-alive: is the connection still there?", end=end, step=number
        )
    late = step.time - last.time
    if late < _SECOND:
        return held("time", f"a keep-alive drew an ACK after {late / 1e6:.3g} ms", end=end, step=number)
    mine, theirs = step.segment.timestamps, last.segment.timestamps
    arrived = mine is not None and theirs is not None and mine[1] == theirs[0]
    if len(probes) < _PROBES or not arrived or theirs is None:
        return undecidable("time", "a keep-alive or its answer may have been lost", end=end, step=number)
    sentence = f"{len(probes)} keep-alives drew no ACK, though TSecr {theirs[0]} shows that the last arrived"
    return broken(
        "time", sentence, expected="an ACK", actual="none", verdict=Verdict.WARN, end=end, step=number
    )


@rule(
    "keepalive-form",
    "RFC 9293 3.8.4 SHLD-12; RFC 9293 3.8.4 MAY-6; RFC 9293 3.8.4 MUST-26",
    Level.SHOULD,
    scope=Scope.EXCHANGE,
)
def keepalive_form(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A keep-alive is empty, and goes out only while nothing is outstanding.

    Stacks of old may need an octet to answer, so one octet of garbage is allowed where it is configured;
    Windows sends one always, and nothing is said of it. How long a connection is idle before is for the application to
    choose; two hours is only the default. With data outstanding, its retransmission tells as much, and a
    segment before SND.NXT only confuses. That it was outstanding shows in what the other end acknowledges next.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        +45 > . 5:5(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        +7200 > . 5:5(0) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    Quiet (an octet):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        +45 > . 5:6(1) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    Quiet (overtaken):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:2(1) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 2 win 65535
    """
    before: dict[End, int] = {}
    doubted: dict[End, Step] = {}
    for step in steps:
        if not sound(step):
            continue
        early = doubted.pop(step.receiver, None)
        if early is not None:
            yield _early(early, step.segment)
        last, before[step.sender] = before.get(step.sender), step.time
        if not _is_probe(step, last) or last is None:
            continue
        segment, was = step.segment, step.was
        end, number, idle = step.sender, step.number, (step.time - last) // _SECOND
        una, nxt = was.una, was.nxt
        if una is not None and nxt is not None and una < nxt:
            if segment.payload_length:
                continue  # the last octet of what is outstanding, sent again
            doubted[end] = step
        else:
            what = "with an octet, as Windows sends it," if segment.payload_length else "without data"
            yield held("payload", f"a keep-alive {what} after {idle} s", end=end, step=number)
    for end, early in doubted.items():
        yield undecidable("seq", _MISSED, end=end, step=early.number)


#: A keep-alive with something outstanding, as it seems.
_MISSED: Final = "an ACK before a keep-alive may have been missed"


def _early(probe: Step, answer: Segment) -> Outcome:
    """What the next segment of the other end shows of a keep-alive that seems to have gone out too early."""
    una, nxt = probe.was.una, probe.was.nxt
    assert una is not None
    assert nxt is not None
    end, seq = probe.sender, probe.segment.seq
    if not answer.has_ack or answer.ack >= nxt:
        return undecidable("seq", _MISSED, end=end, step=probe.number)
    sentence = f"a keep-alive at {seq}, with {nxt - una} octets from {una} on outstanding"
    return broken("seq", sentence, expected=nxt, actual=seq, end=end, step=probe.number)
