"""Where the pieces of a ladder stand: one after the other, or by their times, and never over one another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

#: The linear axis is so much longer than the pieces are high together: there is air between those far apart.
_AIR: Final = 1.25
_SECOND: Final = 1_000_000_000
_HOUR: Final = 3600 * _SECOND
#: Lengths of time that a tick may stand for, in ns: round ones as clocks have them.
_TICKS: Final = (
    *(step * 10**power for power in range(10) for step in (1, 2, 5)),
    *(step * _SECOND for step in (10, 30, 60, 120, 300, 600, 1800)),
    *(step * 10**power * _HOUR for power in range(7) for step in (1, 2, 6)),
)
#: Ticks stand at least so far apart.
_TICK: Final = 24


def in_rows(heights: Sequence[float]) -> list[float]:
    """The upper edge of each piece, one below the other."""
    return [0.0, *accumulate(heights)][: len(heights)]


def in_time(
    times: Sequence[int], heights: Sequence[float], anchors: Sequence[float]
) -> tuple[list[float], list[float], float]:
    """By times in ns: the upper edge of each piece, where its time is on the axis, and the length of the axis.

    ``anchors`` is how far below its upper edge a piece has what happens at its time. The pieces keep their order
    and as little is moved as can be, by the sum of squares: pieces too near one another share the shift.
    """
    first, last = min(times, default=0), max(times, default=0)
    length = max(_AIR * sum(heights), 1.0)
    scale = length / (last - first) if last > first else 0.0
    # The axis begins at what happens first, so that this stands where it is.
    begin = anchors[0] if anchors else 0.0
    wanted = [begin + (time - first) * scale for time in times]
    above = in_rows(heights)
    # One below the other is monotone once what stands above is taken away: then it is isotonic regression.
    found = _monotone([at - anchor - high for at, anchor, high in zip(wanted, anchors, above, strict=True)])
    return [max(at, 0.0) + high for at, high in zip(found, above, strict=True)], wanted, length


def _monotone(values: Sequence[float]) -> list[float]:
    """The nearest values that never fall: neighbours that would are pooled at their mean."""
    pools: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before, size = pools.pop()
            total, count = total + before, count + size
        pools.append((total, count))
    return [total / count for total, count in pools for _ in range(count)]


def tick(times: Sequence[int], length: float) -> int:
    """A round length of time in ns of which the axis shows each multiple; 0 where no time passes."""
    span = max(times, default=0) - min(times, default=0)
    return next((step for step in _TICKS if span and step * length / span >= _TICK), 0)
