"""Servers that are wrong on purpose, whoever connects to them: each has one fault, and is a ``Peer`` else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, repeat

from rawshake.net import craft
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from tests.live.peer import ACK, FIN, RST, SECOND, SYN, Peer

#: A client's address and port.
_Place = tuple[str, int]


@dataclass(kw_only=True)
class Crowd(Peer):
    """A server of many connections, each a ``Peer`` of its own; it drops what an ordinary one drops."""

    isns: Iterator[int] = field(default_factory=lambda: count(1_000_000, 7_654_321))
    ends: dict[_Place, Peer] = field(default_factory=dict)

    def take(self, segment: Segment) -> Iterator[Segment | bytes]:
        self.syn = segment  # whom the answers go to
        if self.drops(segment):
            return
        place = (segment.src, segment.sport)
        if segment.syn and not segment.has_ack and place not in self.ends:
            self.ends[place] = Peer(isn=Seq(next(self.isns) % (1 << 32)))
        end = self.ends.get(place)
        if segment.rst:
            if end is None or segment.seq == end.rcv:
                self.ends.pop(place, None)
            yield from self.after_reset(segment)
        elif end is None:
            yield _reset(segment)
        elif segment.has_ack or segment.syn or not self.wants_ack():
            yield from self.replies(end, segment)

    def replies(self, end: Peer, segment: Segment) -> Iterator[Segment | bytes]:
        """What a connection answers."""
        yield from end.take(segment)

    def drops(self, segment: Segment) -> bool:
        """Whether it never came."""
        return segment.checksum is Checksum.WRONG or {SYN, FIN} <= set(segment.flags)

    def wants_ack(self) -> bool:
        """Whether the ACK bit is looked for."""
        return True

    def after_reset(self, segment: Segment) -> Iterator[Segment]:
        """What it answers to a RST."""
        yield from ()


def _reset(segment: Segment) -> Segment:
    """What no connection is answered with."""
    return Segment(
        src=segment.dst,
        dst=segment.src,
        sport=segment.dport,
        dport=segment.sport,
        seq=segment.ack if segment.has_ack else Seq(0),
        ack=Seq(0) if segment.has_ack else segment.end,
        flags=RST if segment.has_ack else RST | ACK,
        window=0,
    )


@dataclass(kw_only=True)
class Hangs(Crowd):
    """An option of length 0 stops it, until something starts it anew."""

    until: int = 0

    def drops(self, segment: Segment) -> bool:
        now = time.time_ns()
        if any(option.length == 0 for option in segment.options):
            self.until = now + 3 * SECOND
        return now < self.until or super().drops(segment)


@dataclass(kw_only=True)
class ReusesIsns(Crowd):
    """Every connection has the same ISN."""

    isns: Iterator[int] = field(default_factory=lambda: repeat(4711))


@dataclass(kw_only=True)
class AnswersResets(Crowd):
    """A RST is answered by a RST."""

    def after_reset(self, segment: Segment) -> Iterator[Segment]:
        yield _reset(segment)


@dataclass(kw_only=True)
class TakesWithoutAck(Crowd):
    """Data counts without the ACK bit."""

    def wants_ack(self) -> bool:
        return False


@dataclass(kw_only=True)
class TakesWrongChecksums(Crowd):
    """It does not verify checksums."""

    def drops(self, segment: Segment) -> bool:
        return {SYN, FIN} <= set(segment.flags)


@dataclass(kw_only=True)
class Floods(Crowd):
    """Each answer comes a hundred times."""

    def replies(self, end: Peer, segment: Segment) -> Iterator[Segment | bytes]:
        for one in end.take(segment):
            yield from repeat(one, 100)


@dataclass(kw_only=True)
class Babbles(Crowd):
    """Each answer comes with what is hardly TCP: headers cut short, of impossible lengths, and all flags at once."""

    def replies(self, end: Peer, segment: Segment) -> Iterator[Segment | bytes]:
        for one in end.take(segment):
            yield one
            packet = craft.build(end.segment(Flags(0xFF)))
            header = len(packet) - 20 - 4 * (packet[-8] >> 4 == 0)
            yield packet[: header + 12]
            yield bytes([*packet[: header + 12], 0x1F, *packet[header + 13 :]])
            yield packet
