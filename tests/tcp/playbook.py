"""Plays a written exchange to the tracker and writes down what it says of both ends.

A playbook is an exchange in packetdrill's notation with the outcome behind each line:

    > S 0:0(0)               # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1        # ESTABLISHED? / SYN-RECEIVED

first the client's state, then the server's; after a comma the standing, if it is not "new", and "again" for
a retransmission. The outcome of every line is compared, so that none can be forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import ndiff
from enum import Enum

from rawshake.tcp.notation import Line, parse_exchange
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import Fate, Standing, Step

#: Client's and server's ISN: at the wrap, at half the space, and both.
ISNS = ((0xFFFFFFFF, 2915269997), (0x7FFFFFFE, 0xFFFFFFFE), (0, 0x80000000))


class At(Enum):
    """Where the segments are seen. What reaches the client that we are is known to be delivered."""

    CLIENT = "client"
    TAP = "tap"


@dataclass(frozen=True)
class Played:
    """The steps of a playbook, and the playbook as the tracker would have written it."""

    steps: list[Step]
    text: str


def play(text: str, at: At = At.CLIENT, isns: tuple[int, int] = ISNS[0]) -> Played:
    """Apply every segment of ``text``; outcomes that are written there are not looked at."""
    lines = parse_exchange(text, client_isn=isns[0], server_isn=isns[1])
    first = lines[0].segment
    here, there = (first.src, first.sport), (first.dst, first.dport)
    tracker = Tracker(here, there) if lines[0].from_client else Tracker(there, here)
    steps = [_apply(tracker, line, at) for line in lines]
    written = [row.split("#")[0].rstrip() for row in text.splitlines() if row.split("#")[0].strip()]
    column = max(len(row) for row in written) + 2
    outcomes = [f"{row:{column}}# {_outcome(step)}" for row, step in zip(written, steps, strict=True)]
    return Played(steps, "\n".join(" ".join(outcome.split()) for outcome in outcomes))


def _apply(tracker: Tracker, line: Line, at: At) -> Step:
    fate = Fate.PASSED
    if line.lost:
        fate = Fate.LOST
    elif at is At.CLIENT and not line.from_client:
        fate = Fate.DELIVERED
    return tracker.apply(line.segment, line.time, fate=fate, ours=at is At.CLIENT and line.from_client)


def _outcome(step: Step) -> str:
    words = [f"{step.after.client.state} / {step.after.server.state}"]
    if step.standing is not Standing.NEW:
        words.append(str(step.standing.value))
    if step.again:
        words.append("again")
    return ", ".join(words)


def check(text: str, at: At = At.CLIENT) -> list[Step]:
    """Play it next to every wrap, and compare line by line; the steps are those at the first ISNs."""
    wanted = "\n".join(" ".join(row.split()) for row in text.splitlines() if row.split("#")[0].strip())
    played = Played([], "")
    for isns in reversed(ISNS):
        played = play(text, at, isns)
        if played.text != wanted:
            raise AssertionError("\n".join(["", *ndiff(wanted.splitlines(), played.text.splitlines())]))
    return played.steps
