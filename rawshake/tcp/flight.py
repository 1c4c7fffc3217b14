"""What one end has sent: which of it was sent before, and what its acknowledgment gives away."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq, later


class Flight:
    """What one end sent and is not yet acknowledged: (first, one past last, the ACK it carried)."""

    __slots__ = ("_acked", "_nxt", "_repeated", "_sent", "_unseen")

    def __init__(self) -> None:
        self._sent: deque[tuple[Seq, Seq, Seq | None]] = deque()
        self._repeated = False
        self._nxt: Seq | None = None
        self._acked: Seq | None = None
        self._unseen: list[tuple[Seq, Seq]] = []

    def again(self, segment: Segment) -> bool:
        """Whether it occupies numbers, and each of them was seen in an earlier segment.

        What comes late, behind numbers that follow it, is only out of order.
        """
        if segment.length == 0 or segment.rst or self._nxt is None or not segment.end <= self._nxt:
            return False
        return not any(segment.seq < right and left < segment.end for left, right in self._unseen)

    def add(self, segment: Segment, *, again: bool) -> None:
        """Note a segment that occupies numbers."""
        self._repeated = self._repeated or again
        self._sent.append((segment.seq, segment.end, segment.ack if segment.has_ack else None))
        if self._nxt is None:
            self._nxt = segment.seq
        if segment.seq > self._nxt:
            self._unseen.append((self._nxt, segment.seq))
        elif segment.seq < self._nxt and self._unseen:
            self._repeated = True  # no longer in order
            self._unseen = list(_without(self._unseen, segment.seq, segment.end))
        self._nxt = later(self._nxt, segment.end)

    def acknowledged(self, ack: Seq) -> Seq | None:
        """Drop what ``ack`` covers; the least ACK that whoever acknowledges it must have seen.

        To acknowledge ``ack`` an end must have processed a segment that holds number ``ack - 1``, and so that
        segment's own ACK field. None where one of them had none, or nothing here holds it, or as much was
        acknowledged before: then a copy that was sent since need not have arrived.
        """
        news = self._acked is None or ack > self._acked
        self._acked = later(self._acked, ack)
        carried: list[Seq | None] = []
        if self._repeated:
            carried = [bound for seq, end, bound in self._sent if seq < ack <= end]
            self._sent = deque(entry for entry in self._sent if entry[1] > ack)
            self._repeated = bool(self._sent)
        else:
            while self._sent and self._sent[0][0] < ack:
                _, end, bound = self._sent[0]
                if ack <= end:
                    carried.append(bound)
                if end > ack:
                    break
                self._sent.popleft()
        least: Seq | None = None
        for bound in carried if news else ():
            if bound is None:
                return None
            least = bound if least is None or bound < least else least
        return least


def join(pieces: list[tuple[Seq, Seq]], first: Seq, end: Seq) -> None:
    """Add the numbers from ``first`` to before ``end`` to disjoint ``pieces``, made one with those that they meet."""
    for at in range(len(pieces) - 1, -1, -1):
        left, right = pieces[at]
        if left <= end and first <= right:
            first, end = min(left, first), later(right, end)
            del pieces[at]
    pieces.append((first, end))


def _without(pieces: list[tuple[Seq, Seq]], first: Seq, end: Seq) -> Iterator[tuple[Seq, Seq]]:
    """What is left of ``pieces`` without the numbers from ``first`` to before ``end``."""
    for left, right in pieces:
        if end <= left or right <= first:
            yield left, right
            continue
        if left < first:
            yield left, first
        if end < right:
            yield end, right
