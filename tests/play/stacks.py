"""Peers in memory for scripts to meet: an honest server, and functions that answer whatever they like."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from rawshake.play.rehearse import Reply
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.notation import parse_segment
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.seq import Seq
from tests.honest import HonestServer

#: The ISN of those below.
ISN = Seq(0xFFFFFFF0)


@dataclass
class Honest:
    """The honest server, which drops what is damaged."""

    server: HonestServer = field(default_factory=HonestServer)

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if segment.checksum is not Checksum.WRONG and not segment.defects:
            yield from _segments(self.server.took(segment, now))

    def told(self, error: IcmpError, now: int) -> Iterable[Reply]:
        return ()

    def deadline(self) -> int | None:
        return self.server.deadline()

    def woke(self, now: int) -> Iterable[Reply]:
        yield from _segments(self.server.woke(now))


def _segments(replies: Iterable[tuple[int, Segment | bytes]]) -> Iterable[Reply]:
    return ((after, reply) for after, reply in replies if isinstance(reply, Segment))


@dataclass
class Answers:
    """A stack without a clock: what it answers to each segment, and to each ICMP error."""

    answer: Callable[[Segment], Iterable[Reply]]
    icmp: Callable[[IcmpError], Iterable[Reply]] = lambda error: ()

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return self.answer(segment)

    def told(self, error: IcmpError, now: int) -> Iterable[Reply]:
        return self.icmp(error)

    def deadline(self) -> int | None:
        return None

    def woke(self, now: int) -> Iterable[Reply]:
        return ()


def says(*texts: str, to: Segment, isn: Seq = ISN) -> list[Reply]:
    """Segments in notation back to who sent ``to``, relative to the ISN above and, if a SYN, to that of ``to``."""
    here, there = (to.dst, to.dport), (to.src, to.sport)
    base = to.seq if to.syn else None
    return [(0, parse_segment(text, src=here, dst=there, isn=isn, peer_isn=base)) for text in texts]


@dataclass
class Altered:
    """An honest server, of whose segments the ``which``-th (from 1) is changed on its way out."""

    which: int
    change: Callable[[Segment], Segment | None]
    server: Honest
    _count: int = 0

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        yield from self._altered(self.server.took(segment, now))

    def woke(self, now: int) -> Iterable[Reply]:
        yield from self._altered(self.server.woke(now))

    def told(self, error: IcmpError, now: int) -> Iterable[Reply]:
        return ()

    def deadline(self) -> int | None:
        return self.server.deadline()

    def _altered(self, replies: Iterable[Reply]) -> Iterable[Reply]:
        for after, reply in replies:
            self._count += 1
            changed: Segment | IcmpError | None = reply
            if self._count == self.which and isinstance(reply, Segment):
                changed = self.change(reply)
            if changed is not None:
                yield after, changed


def changed(**fields: object) -> Callable[[Segment], Segment]:
    """A change of these fields."""
    return lambda segment: replace(segment, **fields)  # type: ignore[arg-type]
