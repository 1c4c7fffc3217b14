"""Which of the segments under way the peer has, and which were lost on the way: RFC 2018 and RFC 6675."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

#: RFC 6675 section 2: what so many segments have overtaken is lost.
DUP_THRESH: Final = 3


@dataclass(slots=True)
class Sent:
    """Octets ``start`` to before ``end``, as one segment carried them; ``order`` counts the segments sent."""

    start: int
    end: int
    order: int
    again: bool = False
    sacked: bool = False


_start: Final = attrgetter("start")


class Scoreboard:
    """The segments that are not acknowledged; positions count octets from the first of the stream and do not wrap.

    A segment is lost once DUP_THRESH of those sent after it have arrived. That counts by the order of sending, so
    that a segment sent again can be lost again; one sent again proves nothing, since nobody can tell which
    copy arrived (Karn).
    """

    def __init__(self) -> None:
        self._sent: list[Sent] = []
        self._order = 0
        #: the orders of the DUP_THRESH latest segments that are known to have arrived, in order
        self._arrived: list[int] = [0] * DUP_THRESH
        self._holes = False

    @property
    def order(self) -> int:
        """The order of the latest segment."""
        return self._order

    @property
    def first(self) -> Sent | None:
        """The first of what is not acknowledged."""
        return self._sent[0] if self._sent else None

    def sent(self, start: int, end: int) -> None:
        """A segment has left, for the first time or again."""
        self._order += 1
        if not self._sent or self._sent[-1].end <= start:
            self._sent.append(Sent(start, end, self._order))
            return
        at = bisect_right(self._sent, start, key=_start) - 1
        at += at < 0 or self._sent[at].end <= start
        past = bisect_left(self._sent, end, key=_start)
        cut = self._sent[at:past]
        self._sent[at:past] = [
            *(replace(old, end=start) for old in cut if old.start < start),
            Sent(start, end, self._order, again=True),
            *(replace(old, start=end) for old in cut if old.end > end),
        ]

    def acknowledged(self, una: int) -> None:
        """All before ``una`` has arrived."""
        count = 0
        for one in self._sent:
            if one.end > una:
                one.start = max(one.start, una)
                break
            if not one.sacked:
                self._arrive(one)
            count += 1
        del self._sent[:count]
        self._holes = self._holes and any(one.sacked for one in self._sent)

    def sacked(self, start: int, end: int) -> None:
        """The peer reports that it holds ``start`` to before ``end``."""
        for at in range(bisect_left(self._sent, start, key=_start), len(self._sent)):
            one = self._sent[at]
            if one.end > end:
                break
            if not one.sacked:
                one.sacked = self._holes = True
                self._arrive(one)

    def hole(self, start: int) -> int | None:
        """How many octets from ``start`` on are missing before something that the peer has; None if it has nothing."""
        if self._holes:
            for one in self._sent:
                if one.sacked and one.start > start:
                    return one.start - start
        return None

    def forget(self) -> None:
        """Nothing that was reported counts any more: the peer may have dropped it (RFC 2018 section 8)."""
        for one in self._sent:
            one.sacked = False
        self._holes = False

    def _arrive(self, one: Sent) -> None:
        if not one.again and one.order > self._arrived[0]:
            self._arrived[0] = one.order
            self._arrived.sort()

    def lost(self) -> Sent | None:
        """The first segment that is lost, by what arrived since; sent again, it is not lost any more."""
        if self._holes:
            for one in self._sent:
                if not one.sacked and one.order < self._arrived[0]:
                    return one
        return None
