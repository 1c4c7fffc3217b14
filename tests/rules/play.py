"""Plays a written exchange past the tracker and the judge, as a tap between the two ends would see it."""

from __future__ import annotations

from collections.abc import Sequence

from rawshake.judge import CaptureJudge, Judge, Ruling
from rawshake.rules import book
from rawshake.rules.model import Rule, Verdict
from rawshake.rules.opening import Syns
from rawshake.rules.page import Transcript
from rawshake.tcp.notation import CLIENT, SERVER, parse_exchange
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate, Step

#: Where both ends' ISNs stand: next to the wrap, at half the space, and both.
ISNS = ((0xFFFFFFFF, 2915269997), (0x7FFFFFFE, 0xFFFFFFFE), (17, 0x80000000))
SECOND = 1_000_000_000
V6 = ("[2001:db8::1]:40000", "[2001:db8::2]:80")


def steps_of(
    text: str,
    *,
    isns: tuple[int, int] = ISNS[0],
    addresses: tuple[str, str] = (CLIENT, SERVER),
    ours: End | None = None,
    start: int = 0,
) -> list[Step]:
    """Follow the exchange. With ``ours`` that end is rawshake, so that all sent to it is known to arrive."""
    client, server = addresses
    lines = parse_exchange(
        text, client=client, server=server, client_isn=isns[0], server_isn=isns[1], start=start
    )
    first = lines[0].segment
    here, there = (first.src, first.sport), (first.dst, first.dport)
    tracker = Tracker(here, there)
    steps = []
    for line in lines:
        mine = ours is not None and tracker.sender_of(line.segment) is ours
        fate = Fate.LOST if line.lost else Fate.DELIVERED if ours and not mine else Fate.PASSED
        steps.append(tracker.apply(line.segment, line.time, fate=fate, ours=mine))
    return steps


def rulings_of(
    text: str,
    rules: Sequence[Rule] | None = None,
    *,
    isns: tuple[int, int] = ISNS[0],
    addresses: tuple[str, str] = (CLIENT, SERVER),
    ours: End | None = None,
) -> list[Ruling]:
    """All that the rules say of the exchange: of each step, and at the end of the whole."""
    judge = Judge(book() if rules is None else rules, ours=ours)
    steps = steps_of(text, isns=isns, addresses=addresses, ours=ours)
    said = [ruling for step in steps for ruling in judge.step(step)]
    return [*said, *judge.exchange(steps)]


def captured(
    transcript: Transcript, rules: Sequence[Rule] | None = None, *, isns: tuple[int, int] = ISNS[0]
) -> list[Ruling]:
    """All that the rules say of a capture of several connections, one after the other."""
    chosen = book() if rules is None else rules
    connections = []
    now = 0
    for port, text in transcript.connections:
        addresses = CLIENT.replace("40000", str(port)), SERVER
        connections.append((port, steps_of(text, isns=isns, addresses=addresses, start=now + SECOND)))
        now = max(step.time for step in connections[-1][1])
    whole = CaptureJudge(chosen)
    said: list[Ruling] = []
    for number, (port, steps) in enumerate(connections, 1):
        judge, syns = Judge(chosen), Syns()
        for step in steps:
            said += judge.step(step)
            syns.add(step)
        said += judge.exchange(steps)
        said += whole.connection(syns.openings(number, ("192.0.2.1", port), ("192.0.2.2", 80), now))
    return said


def findings_of(
    text: str,
    rules: Sequence[Rule] | None = None,
    *,
    isns: tuple[int, int] = ISNS[0],
    addresses: tuple[str, str] = (CLIENT, SERVER),
    ours: End | None = None,
) -> list[str]:
    """The findings, as ``rule verdict end step``."""
    rulings = rulings_of(text, rules, isns=isns, addresses=addresses, ours=ours)
    return [finding_text(ruling) for ruling in rulings if ruling.is_finding]


def finding_text(ruling: Ruling) -> str:
    return f"{ruling.rule} {ruling.verdict} {ruling.end} {ruling.step}"


def exercised(rulings: Sequence[Ruling]) -> set[str]:
    """The rules that were put to the test and decided."""
    return {ruling.rule for ruling in rulings if ruling.verdict is not Verdict.INCONCLUSIVE}
