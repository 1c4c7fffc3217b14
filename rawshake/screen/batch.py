"""Clean connections that ended in one block, kept while something may still come of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rawshake.link import Frame
from rawshake.screen.closed import Closed, none
from rawshake.screen.kept import Kept, Places
from rawshake.screen.rows import joined

Column = NDArray[Any]


class Numbering(NamedTuple):
    """Numbers of the connections that begin in a block, after ``base`` others: of those that columns decide on, which
    begin at the rows ``begun``, and of those ``followed``, a list that grows.
    """

    base: int
    begun: Column
    followed: list[int]

    def of(self, rows: Column) -> Column:
        """The numbers of those that begin at these rows; of ``followed`` all that go before must be there."""
        numbers: Column = self.base + 1 + np.searchsorted(self.begun, rows)
        return numbers + np.searchsorted(self.followed, rows)


class _Batch:
    """Connections in the order in which they ended; ``first`` is the number of the first of them."""

    __slots__ = ("closed", "first", "kept", "numbering")

    def __init__(self, first: int, closed: Closed, kept: Kept[Places], numbering: Numbering) -> None:
        self.first = first
        self.closed = closed
        self.kept = kept
        self.numbering = numbering

    def numbered(self, rows: Column) -> Closed:
        """Some of them; each with the number of its connection."""
        found = self.closed.take(rows)
        found.number = np.where(found.number > 0, found.number, self.numbering.of(found.begun))
        return found

    def drop(self, count: int) -> None:
        """Let go of the first ones."""
        self.first += count
        self.closed = left = self.closed.take(slice(count, None))
        begins = np.cumsum(left.segments) - left.segments
        rows = np.repeat(left.at - begins, left.segments) + np.arange(int(left.segments.sum()))
        self.kept = self.kept.only(rows)
        left.at = begins


class Batches:
    """All that are kept, by running numbers, of which ``past`` is the next."""

    def __init__(self) -> None:
        self.past = 0
        self._batches: list[_Batch] = []

    def add(self, closed: Closed, kept: Kept[Places], numbering: Numbering) -> int:
        """Keep more; the number of the first."""
        first = self.past
        self._batches.append(_Batch(first, closed, kept, numbering))
        self.past += len(closed)
        return first

    def closed(self, numbers: Column) -> Closed:
        """Those of these numbers, in their order."""
        pieces, places = [none()], [np.zeros(0, np.int64)]
        for batch in self._batches:
            mine = np.flatnonzero((numbers >= batch.first) & (numbers < batch.first + len(batch.closed)))
            if len(mine):
                pieces.append(batch.numbered(numbers[mine] - batch.first))
                places.append(mine)
        return joined(pieces).take(np.argsort(np.concatenate(places)))

    def last_time(self, number: int) -> int:
        """When the last packet of one passed."""
        batch = self._of(number)
        return int(batch.closed.last_time[number - batch.first])

    def frame(self, number: int, index: int) -> Frame:
        """A packet of one."""
        batch = self._of(number)
        return batch.kept.frame(int(batch.closed.at[number - batch.first]) + index)

    def frames(self, number: int) -> Sequence[Frame]:
        """All its packets."""
        batch = self._of(number)
        return [self.frame(number, at) for at in range(int(batch.closed.segments[number - batch.first]))]

    def drop(self, number: int) -> None:
        """Let go of those below that number, as soon as they are many."""
        while len(self._batches) > 1 and self._batches[1].first <= number:
            del self._batches[0]
        if self._batches:
            batch = self._batches[0]
            gone = number - batch.first
            if 2 * gone >= len(batch.closed):
                batch.drop(gone)

    def _of(self, number: int) -> _Batch:
        return self._batches[bisect_right(self._batches, number, key=lambda batch: batch.first) - 1]
