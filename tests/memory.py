"""A link in memory with a clock of its own: nothing sleeps, and whoever plays the peer is a few lines of test."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from struct import pack
from typing import Final, Protocol

from rawshake.link import Direction, Frame
from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Checksum, Segment

MILLISECOND: Final = 1_000_000
START: Final = 1_700_000_000 * 1_000_000_000
#: What an ordinary segment's checksum is xored with where it is to be wrong.
FAULT: Final = 0x1234
#: How often code under test may look at the link, or send, without any time passing.
PATIENCE: Final = 20_000

#: When, in nanoseconds from now, and what: a segment, or the octets of any packet.
Reply = tuple[int, "Segment | bytes"]


def packed(segment: Segment, checksum: Callable[[int], int] | None = None) -> bytes:
    """The segment as an IP packet; ``checksum`` maps the right checksum to the one to write."""
    src, dst = ip_address(segment.src).packed, ip_address(segment.dst).packed
    options = b"".join(one.wire for one in segment.options)
    options += bytes(-len(options) % 4)
    flags = (5 + len(options) // 4) << 12 | segment.flags.value
    head = pack(
        "!HHIIHH", segment.sport, segment.dport, int(segment.seq), int(segment.ack), flags, segment.window
    )
    tail = pack("!H", segment.urgent) + options + segment.payload
    length = len(head) + 2 + len(tail)
    # RFC 1071: one's complement addition of 16-bit words is addition modulo 0xffff.
    octets = head + b"\0\0" + tail
    total = int.from_bytes(src + dst, "big") + 6 + length
    total += int.from_bytes(octets + bytes(len(octets) % 2), "big")
    right = 0xFFFF - total % 0xFFFF
    if checksum is not None:
        right = checksum(right)
    elif segment.checksum is Checksum.WRONG:
        right ^= FAULT
    carried = head + pack("!H", right) + tail
    if len(src) == 4:
        head = pack("!BBHHHBB", 0x45, segment.ecn, 20 + length, 7, 0x4000, segment.ttl, 6)
        ip = head + pack("!H", 0xFFFF - int.from_bytes(head + b"\0\0" + src + dst, "big") % 0xFFFF)
    else:
        ip = pack("!IHBB", 6 << 28 | segment.ecn << 20, length, 6, segment.ttl)
    return ip + src + dst + carried


def icmp(quoted: bytes, kind: int, code: int, *, src: str = "192.0.2.254", rest: int = 0) -> bytes:
    """An ICMPv4 error from ``src`` about the packet ``quoted``, of which it quotes 28 octets."""
    message = pack("!BBHI", kind, code, 0, rest) + quoted[:28]
    head = pack("!BBHHHBBH", 0x45, 0, 20 + len(message), 7, 0, 64, 1, 0)
    return head + ip_address(src).packed + quoted[12:16] + message


class Peer(Protocol):
    """Whoever is at the other end; times are nanoseconds on the link's clock."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        """What it answers to a segment that has arrived."""
        ...

    def deadline(self) -> int | None:
        """When it wants to be woken although nothing arrives."""
        ...

    def woke(self, now: int) -> Iterable[Reply]:
        """What it sends at its deadline."""
        ...


@dataclass
class Answers:
    """A peer without a clock: a function from each segment that arrives to what comes back."""

    answer: Callable[[Segment, int], Iterable[Reply]]

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return self.answer(segment, now)

    def deadline(self) -> int | None:
        return None

    def woke(self, now: int) -> Iterable[Reply]:
        return ()


def silence(segment: Segment, now: int) -> Iterable[Reply]:
    """Nobody there."""
    return ()


class Stuck(AssertionError):
    """The code under test would wait for ever, or turn in circles for ever."""


@dataclass
class MemoryLink:
    """A ``link.Link``: what is sent shows as an OUT frame after ``copy_delay`` and reaches the peer after ``delay``.

    ``eats`` are segments that this machine's firewall drops: they leave no copy and reach nobody. ``to_peer`` and
    ``from_peer`` say after how many nanoseconds each packet arrives, any number of times: () loses it.
    """

    peer: Peer
    delay: int = MILLISECOND // 2
    copy_delay: int = 0
    eats: Callable[[Segment], bool] = lambda segment: False
    to_peer: Callable[[], tuple[int, ...]] = lambda: (0,)
    from_peer: Callable[[], tuple[int, ...]] = lambda: (0,)
    missing: str = ""
    lost: int = 0
    offloaded: bool = False
    clock: int = START
    sent: list[bytes] = field(default_factory=list)
    _events: list[tuple[int, int, Frame | bytes]] = field(default_factory=list)
    _count: int = 0
    _idle: int = 0
    _moved: int = 0

    def now(self) -> int:
        return self.clock

    def send(self, segment: Segment, *, checksum: Callable[[int], int] | None = None) -> bytes:
        packet = packed(segment, checksum)
        self._look()
        self.sent.append(packet)
        if not self.eats(segment):
            self.inject(packet, self.copy_delay, Direction.OUT)
            for late in self.to_peer():
                self._at(self.clock + self.delay + late, packet)
        return packet

    def obstacle(self) -> str:
        return self.missing

    def inject(self, packet: bytes, after: int = 0, direction: Direction = Direction.IN) -> None:
        """Let the capture see ``packet``, ``after`` nanoseconds from now."""
        self._at(self.clock + after, Frame(self.clock + after, packet, direction, self.offloaded))

    def receive(self, deadline: int | None) -> Frame | None:
        while True:
            self._look()
            due = self._events[0][0] if self._events else None
            timer = self.peer.deadline()
            nearest = min((at for at in (due, timer, deadline) if at is not None), default=None)
            if nearest is None:
                raise Stuck("nothing is under way and nothing is awaited: it waits for ever")
            self.clock = max(self.clock, nearest)
            if due is not None and due <= self.clock:
                event = heapq.heappop(self._events)[2]
                if isinstance(event, Frame):
                    return event
                arrived = decode(event)
                if isinstance(arrived, Segment) and arrived.checksum is not Checksum.WRONG:
                    self._replies(self.peer.took(arrived, self.clock))
            elif timer is not None and timer <= self.clock:
                self._replies(self.peer.woke(self.clock))
            else:
                return None

    def _replies(self, replies: Iterable[Reply]) -> None:
        for after, reply in replies:
            packet = reply if isinstance(reply, bytes) else packed(reply)
            for late in self.from_peer():
                self.inject(packet, self.delay + after + late)

    def _at(self, time: int, event: Frame | bytes) -> None:
        self._count += 1
        heapq.heappush(self._events, (time, self._count, event))

    def _look(self) -> None:
        self._idle = self._idle + 1 if self.clock == self._moved else 0
        self._moved = self.clock
        if self._idle > PATIENCE:
            raise Stuck("it turns in circles: time stands still")
