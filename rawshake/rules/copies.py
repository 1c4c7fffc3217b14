"""What was sent more than once, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from rawshake.rules.evidence import sound
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End, Fate, Step

SECOND: Final = 1_000_000_000
#: A copy that comes within this time after the other was made by the network: no stack sends again so soon.
NETWORK: Final = 10_000_000


def series_of(end: End, steps: Sequence[Step]) -> Iterator[list[Step]]:
    """What ``end`` sent more than once, each with all copies sent while nothing came from the other end."""
    copies: dict[Seq, list[Step]] = {}
    many = False
    for step in steps:
        if not sound(step):
            continue
        if step.sender is not end:
            if step.fate is Fate.LOST:
                continue
            if many:
                yield from (one for one in copies.values() if len(one) > 1)
                many = False
            if copies:
                copies = {}
        elif step.segment.length and not step.segment.rst:
            one = copies.setdefault(step.segment.seq, [])
            if not step.again:
                one.clear()
            elif one and step.segment == one[-1].segment and step.time - one[-1].time <= NETWORK:
                continue
            one.append(step)
            many = many or len(one) > 1
    if many:
        yield from (one for one in copies.values() if len(one) > 1)


def gaps_of(series: Sequence[Step]) -> list[int]:
    """The times between its copies, in ns."""
    return [after.time - before.time for before, after in pairwise(series)]


def seconds(time: int) -> str:
    """A time in ns as text."""
    return f"{time / SECOND:.3g} s" if time >= SECOND // 10 else f"{time / 1_000_000:.3g} ms"


def written(gaps: Sequence[int]) -> str:
    """Several, one after the other."""
    shown = ", ".join(f"{gap / SECOND:.2g}" for gap in gaps[:8])
    return f"{shown}{', ...' if len(gaps) > 8 else ''} s"
