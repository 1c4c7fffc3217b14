"""How times are distributed, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from rawshake.many.packets import Column

#: Each doubling is divided into so many bins, so that a time is known to 1 %.
BINS: Final = 128
#: Longer than this many doublings of a nanosecond, 18 minutes, no time is told apart.
DOUBLINGS: Final = 40


class Times:
    """Counts times, ns; negative ones, which clocks of two processors may give, count as 0."""

    def __init__(self) -> None:
        self.count = 0
        self.least = self.most = 0
        self._bins = np.zeros(BINS * DOUBLINGS, np.int64)

    def add(self, times: Column | Sequence[int]) -> None:
        """Count these."""
        found = np.maximum(np.asarray(times, np.int64), 0)
        if not len(found):
            return
        least, most = int(found.min()), int(found.max())
        self.least = min(self.least, least) if self.count else least
        self.most = max(self.most, most)
        self.count += len(found)
        self._bins += np.bincount(_bin(found), minlength=len(self._bins))

    def percentile(self, share: float) -> int:
        """A time that ``share`` of them, 0 to 1, do not exceed; to 1 %."""
        before = np.cumsum(self._bins)
        at = int(np.searchsorted(before, max(1.0, share * self.count)))
        return min(max(_middle(at), self.least), self.most)

    def histogram(self, most: int) -> list[tuple[int, int, int]]:
        """Stretches of time, each from the first number up to the second, and how many lie there.

        At most ``most`` of them, each as long as the others on a scale of logarithms, and no empty one at
        either end.
        """
        filled = np.nonzero(self._bins)[0]
        if not len(filled):
            return []
        first, past = int(filled[0]), int(filled[-1]) + 1
        width = max(1, -(-(past - first) // most))
        found = []
        for begin in range(first, past, width):
            end = begin + width
            found.append((_floor(begin), _floor(end), int(self._bins[begin:end].sum())))
        return found


def _bin(times: Column) -> Column:
    found: Column = (np.log2(np.maximum(times, 1)) * BINS).astype(np.int64)
    return np.minimum(found, BINS * DOUBLINGS - 1)


def _floor(at: int) -> int:
    return round(float(2 ** (at / BINS))) if at else 0


def _middle(at: int) -> int:
    return round(float(2 ** ((at + 0.5) / BINS)))
