"""The seam between pure code and the wire: frames in, segments out, a clock; imports only tcp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.segment import Segment


class Direction(Enum):
    """Which way a frame passed the tap, as the kernel told it."""

    OUT = "out"
    IN = "in"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured IP packet (no link-layer header).

    ``time`` is in nanoseconds since the epoch, by the kernel's clock. ``offloaded`` says that the
    checksum was left to the hardware and so cannot be verified. ``number`` counts the frames of a capture
    from 1.
    """

    time: int
    packet: bytes
    direction: Direction = Direction.UNKNOWN
    offloaded: bool = False
    number: int = 0


class Link(Protocol):
    """Where one connection's segments go out and come in; real sockets or a list in memory."""

    def now(self) -> int:
        """Nanoseconds since the epoch, on the clock that stamps frames."""
        ...

    def send(self, segment: Segment, *, checksum: Callable[[int], int] | None = None) -> bytes:
        """Send a segment and return the IP packet as it went out.

        ``checksum`` maps the right checksum to the one to write, 0 to 65535. Raises ``errors.Failure`` with
        LOCAL_FIREWALL, NO_ROUTE or INTERFACE_DOWN where the kernel refused.
        """
        ...

    def receive(self, deadline: int | None) -> Frame | None:
        """The next frame either way; None once ``now() >= deadline``. None as deadline waits for ever."""
        ...

    def obstacle(self) -> str:
        """Why what was sent has not left yet, if the next hop is to blame; empty otherwise."""
        ...

    @property
    def lost(self) -> int:
        """How many frames passed unseen, for want of room."""
        ...


@dataclass(frozen=True, slots=True)
class Malformed:
    """What is to be odd about the octets of a segment to send, beyond what a ``Segment`` can say.

    ``checksum`` is written in place of the right one. ``offset`` is the data offset in words of 32 bits, 0 to 15.
    ``cut`` is how many octets of the TCP segment are sent, header included; the IP packet ends there. ``fragment``
    is how many octets of it each IP fragment holds: a multiple of 8.
    """

    checksum: int | None = None
    offset: int | None = None
    cut: int | None = None
    fragment: int | None = None

    def __post_init__(self) -> None:
        if self.fragment is not None and (self.fragment <= 0 or self.fragment % 8):
            raise ValueError(f"An IP fragment holds a multiple of 8 octets, not {self.fragment}.")

    @property
    def breaks_header(self) -> bool:
        """Whether no receiver can read it."""
        return self.offset is not None or self.cut is not None

    def __str__(self) -> str:
        said = [
            "" if self.checksum is None else f"checksum {self.checksum:#06x}",
            "" if self.offset is None else f"data offset {self.offset}",
            "" if self.cut is None else f"cut to {self.cut} octets",
            "" if self.fragment is None else f"in IP fragments of {self.fragment} octets",
        ]
        return ", ".join(filter(None, said))


@dataclass(frozen=True, slots=True)
class IcmpMessage:
    """An ICMP error to send, about ``about``, a segment of the other end; ``mtu`` in octets."""

    about: Segment
    type: int
    code: int
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is to leave: a segment, or an ICMP error."""

    what: Segment | IcmpMessage
    malformed: Malformed | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was captured, at ``time`` (ns since the epoch); ``ours`` if it left this machine."""

    what: Segment | IcmpError
    time: int
    ours: bool = False


class SharedLink(Protocol):
    """Where the segments of many conversations go out and come in."""

    def now(self) -> int:
        """Nanoseconds since the epoch, on the clock that stamps what is seen."""
        ...

    def send(self, outgoing: Outgoing) -> None:
        """Send it. Raises ``errors.Failure`` where the kernel refuses."""
        ...

    def receive(self, deadline: int | None) -> Seen | None:
        """The next that passes, either way; None once ``now() >= deadline``. None as deadline waits for ever."""
        ...


def without_hop(packet: bytes) -> bytes:
    """The IP packet without what a router changes, TTL and header checksum, or hop limit; and without what
    the link layer has put behind it, such as the padding of a short Ethernet frame.
    """
    if packet[0] >> 4 == 4:
        # A length of 0 is of a packet that the hardware has yet to cut.
        end = int.from_bytes(packet[2:4]) or len(packet)
        return packet[:8] + packet[9:10] + packet[12:end]
    end = int.from_bytes(packet[4:6]) + 40 if packet[4:6] != b"\0\0" else len(packet)
    return packet[:7] + packet[8:end]


def tcp_part(packet: bytes) -> bytes:
    """The TCP segment in a packet of our own making: no IPv6 extension headers."""
    return packet[(packet[0] & 0x0F) * 4 :] if packet[0] >> 4 == 4 else packet[40:]


def same_segment(sent: bytes, seen: bytes) -> bool:
    """Whether only what a firewall may set differs: window, options, and with them offset and checksum."""
    if len(seen) < 20 or sent[:12] != seen[:12] or sent[13] != seen[13]:
        return False
    return sent[(sent[12] >> 4) * 4 :] == seen[(seen[12] >> 4) * 4 :]
