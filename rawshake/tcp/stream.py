"""Octets in order, out of segments in any order."""

from __future__ import annotations

from rawshake.tcp.seq import Seq


class Stream:
    """Collects what arrives from ``start`` on; repeated octets are taken once, the first copy counting."""

    def __init__(self, start: Seq) -> None:
        self.next = start
        self._beyond: dict[Seq, bytes] = {}

    def put(self, seq: Seq, payload: bytes) -> bytes:
        """Add one segment's octets; return what has become contiguous by it."""
        if not payload:
            return b""
        if seq > self.next:
            kept = self._beyond.get(seq, b"")
            if len(payload) > len(kept):
                self._beyond[seq] = payload
            return b""
        fresh = payload[self.next - seq :]
        self.next += len(fresh)
        while True:
            reached = [at for at in self._beyond if at <= self.next]
            if not reached:
                return fresh
            for at in sorted(reached, key=lambda n: n - self.next):
                more = self._beyond.pop(at)[self.next - at :]
                fresh += more
                self.next += len(more)

    @property
    def gaps(self) -> tuple[tuple[Seq, Seq], ...]:
        """What lies beyond the first gap, as disjoint blocks of first number and one past the last."""
        blocks: list[tuple[Seq, Seq]] = []
        for at in sorted(self._beyond, key=lambda n: n - self.next):
            right = at + len(self._beyond[at])
            if blocks and at <= blocks[-1][1]:
                blocks[-1] = (blocks[-1][0], max(blocks[-1][1], right, key=lambda n: n - self.next))
            else:
                blocks.append((at, right))
        return tuple(blocks)
