"""Both roads through a capture: every packet through the Follower, and what is clean by columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from random import Random

from rawshake.api.frames import Reading
from rawshake.connection import Connection
from rawshake.follow import Follower, Limits, Totals
from rawshake.link import Frame
from rawshake.net.pcapfile import write
from rawshake.render.summary import Summary
from rawshake.rules import book
from rawshake.rules.model import Rule
from rawshake.screen.road import Screen
from rawshake.screen.table import undeclared
from scripts.make_traffic import traffic
from scripts.make_traffic import write as write_traffic

#: Nothing is forgotten, cut short or handed on before the end.
ALL = Limits(connections=1 << 30, ended=1 << 30, steps=1 << 30, all_steps=1 << 30)


@dataclass
class Result:
    """What a road led to."""

    connections: list[Connection]
    totals: Totals
    read: tuple[object, ...]
    passed: int = 0


def declared() -> tuple[Rule, ...]:
    """The rules that the screen knows."""
    unknown = undeclared(book())
    return tuple(rule for rule in book() if rule.id not in unknown)


def chunks(octets: bytes, size: int = 1 << 16) -> Iterable[bytes]:
    """The octets in pieces."""
    return (octets[at : at + size] for at in range(0, len(octets), size))


def followed(octets: bytes, rules: Sequence[Rule], limits: Limits = ALL) -> Result:
    """The slow road."""
    done: list[Connection] = []
    reading = Reading()
    follower = Follower(rules, done.append, limits=limits)
    for frame in reading.frames(chunks(octets)):
        follower.frame(frame)
    follower.finish()
    return Result(in_order(done), follower.totals, _read(reading))


def screened(octets: bytes, rules: Sequence[Rule], *, block: int = 1 << 20, limits: Limits = ALL) -> Result:
    """The fast road."""
    done: list[Connection] = []
    reading = Reading()
    screen = Screen(rules, done.append, limits=limits, block=block)
    screen.run(chunks(octets), reading)
    return Result(in_order(done), screen.totals, _read(reading), screen.passed)


def in_order(done: Iterable[Connection]) -> list[Connection]:
    """By their numbers."""
    return sorted(done, key=lambda one: one.number)


def _read(reading: Reading) -> tuple[object, ...]:
    return reading.records, reading.cut, reading.unwanted, reading.left_out, str(reading.damage)


def summed_up(octets: bytes, rules: Sequence[Rule], *, block: int = 1 << 20) -> Summary:
    """The fast road, where of those in which nothing was found only the number is told."""
    summary = Summary("")
    screen = Screen(rules, summary.add, limits=ALL, alike=summary.add_alike, block=block)
    screen.run(chunks(octets), Reading())
    return summary


def totals(summary: Summary) -> tuple[object, ...]:
    """All that is counted."""
    rules = {
        name: (one.held, one.connections, one.found, one.undecided)
        for name, one in summary.rules.items()
        if one.held or one.found or one.undecided
    }
    times = summary.first_time, summary.last_time
    return summary.connections, summary.opened, summary.ended, summary.one_sided, times, rules


def same(octets: bytes, *, block: int = 1 << 20, rules: Sequence[Rule] | None = None) -> Result:
    """Go both roads, and insist that they lead to the same."""
    chosen = declared() if rules is None else rules
    slow, fast = followed(octets, chosen), screened(octets, chosen, block=block)
    for one, other in zip(slow.connections, fast.connections, strict=False):
        assert other == one
    assert len(fast.connections) == len(slow.connections)
    assert fast.totals == slow.totals
    assert fast.read == slow.read
    counted = Summary("")
    for one in slow.connections:
        counted.add(one)
    assert totals(summed_up(octets, chosen, block=block)) == totals(counted)
    return fast


def generated(kind: str, connections: int, *, faults: int, concurrent: int = 50, seed: int = 1) -> bytes:
    """A capture of generated traffic."""
    file = BytesIO()
    write_traffic(file, traffic(kind, connections, concurrent, faults, Random(seed)))
    return file.getvalue()


def captured(frames: Iterable[Frame]) -> bytes:
    """A capture of raw packets."""
    file = BytesIO()
    write(file, frames)
    return file.getvalue()
