"""Octets in order, out of segments in any order, and which of them lie above a gap."""

from __future__ import annotations

from heapq import heappop, heappush

from rawshake.tcp.seq import Seq


class Stream:
    """Collects what arrives from ``start`` on; repeated octets are taken once, the first copy counting.

    What lies above a gap is kept as it came, no octet twice: not more than whoever feeds it lets in.
    """

    __slots__ = ("_at", "_blocks", "_chunks", "_starts", "next")

    def __init__(self, start: Seq) -> None:
        #: the number of the first octet that is missing
        self.next = start
        # Positions are octets since ``start``, which do not wrap.
        self._at = 0
        self._chunks: dict[int, bytes] = {}
        self._starts: list[int] = []
        #: what lies above the first gap, disjoint and with gaps between; what changed last stands first
        self._blocks: list[tuple[int, int]] = []

    def put(self, seq: Seq, payload: bytes) -> bytes:
        """Add one segment's octets; return what has become contiguous by it."""
        first = self._at + (seq - self.next)
        end = first + len(payload)
        if end <= self._at or not payload:
            return b""
        if first < self._at:
            first, payload = self._at, payload[self._at - first :]
        fresh: list[bytes] = []
        reached = self._at
        if first == reached and not (self._starts and self._starts[0] < end):
            fresh.append(payload)
            reached = end
        else:
            self._keep(first, end, payload)
        while self._starts and self._starts[0] == reached:
            chunk = self._chunks.pop(heappop(self._starts))
            fresh.append(chunk)
            reached += len(chunk)
        if not fresh:
            return b""
        self.next += reached - self._at
        self._at = reached
        if self._blocks:
            self._blocks = [block for block in self._blocks if block[0] > reached]
        return b"".join(fresh) if len(fresh) > 1 else fresh[0]

    def _keep(self, first: int, end: int, payload: bytes) -> None:
        """Store what is not there yet, and make one block of it and those that it meets."""
        met = sorted(block for block in self._blocks if block[0] <= end and first <= block[1])
        at = first
        for left, right in [*met, (end, end)]:
            if at < left:
                self._chunks[at] = payload[at - first : left - first]
                heappush(self._starts, at)
            at = max(at, right)
        for block in met:
            self._blocks.remove(block)
        whole = (min(first, met[0][0]), max(end, met[-1][1])) if met else (first, end)
        self._blocks.insert(0, whole)

    def twice(self, seq: Seq, length: int) -> tuple[Seq, Seq] | None:
        """Which of those octets, from the first of them on, are here already (RFC 2883 section 4)."""
        first = self._at + (seq - self.next)
        end = first + length
        known = max(first, self._at)
        for left, right in self._blocks:
            if left <= first < right:
                known = right
        return (seq, seq + (min(end, known) - first)) if known > first else None

    @property
    def gaps(self) -> bool:
        """Whether something lies above a gap."""
        return bool(self._blocks)

    def blocks(self, most: int) -> list[tuple[Seq, Seq]]:
        """What lies above the first gap, the first number and one past the last; what changed last stands first.

        That is the order of RFC 2018 section 4.
        """
        return [
            (self.next + (left - self._at), self.next + (right - self._at))
            for left, right in self._blocks[:most]
        ]
