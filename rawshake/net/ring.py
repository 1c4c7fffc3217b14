"""The TPACKET_V3 ring (packet_mmap.rst): the kernel writes packets into memory that we read, with no call for each."""

from __future__ import annotations

import mmap
import socket
import struct
from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from rawshake.net.packetsocket import (
    PACKET_RX_RING,
    PACKET_STATISTICS,
    PACKET_VERSION,
    SOL_PACKET,
    TP_STATUS_CSUM_VALID,
    TP_STATUS_CSUMNOTREADY,
    TP_STATUS_USER,
    TP_STATUS_VLAN_VALID,
    without_padding,
)

#: Octets of a block: the kernel hands packets over by whole blocks, and none is cut that fits into one.
BLOCK: Final = 1 << 18
#: After so many milliseconds a block that is not full is handed over.
LATENCY: Final = 50

_TPACKET_V3: Final = 2
_FRAME: Final = 2048  # says nothing for version 3, but must be sound
_REQUEST: Final = struct.Struct("7I")  # struct tpacket_req3
_STATISTICS: Final = struct.Struct("2I")  # struct tpacket_stats: packets, drops
#: struct tpacket_block_desc with version 1: version, offset_to_priv, status, packets, first packet, length.
_BLOCK: Final = struct.Struct("=6I")
_STATUS: Final = struct.Struct("=I")
_STATUS_AT: Final = 8
#: struct tpacket3_hdr, and at 48 struct sockaddr_ll up to its kind.
_PACKET: Final = struct.Struct("=6IHHIIH10xHHiHB")


class Sum(Enum):
    """What the kernel knows of a packet's checksum."""

    OPEN = "left to the hardware"
    VALID = "found right on the way in"
    UNKNOWN = "not looked at"


class Captured(NamedTuple):
    """One packet from the network layer on, padding cut, and what the kernel says of it.

    ``time`` is ns since the epoch. ``length`` is how many octets it had where ``packet`` holds fewer, else 0.
    ``kind`` is as in sll_pkttype, ``protocol`` the ethertype, ``interface`` its index and ``hardware`` its type;
    ``vlan`` is the tag control information of a tag that was taken off.
    """

    time: int
    packet: bytes
    length: int
    kind: int
    interface: int
    hardware: int
    protocol: int
    checksum: Sum
    vlan: int | None


class Ring:
    """The ring of a packet socket, ``size`` octets rounded up to whole blocks; closed before the socket is.

    Raises ``OSError`` where the kernel grants none, or none as large.
    """

    def __init__(
        self, receiver: socket.socket, *, size: int, block: int = BLOCK, latency: int = LATENCY
    ) -> None:
        self._socket = receiver
        self._block = block
        self._blocks = max(2, -(-size // block))
        receiver.setsockopt(SOL_PACKET, PACKET_VERSION, _TPACKET_V3)
        frames = self._blocks * (block // _FRAME)
        request = _REQUEST.pack(block, self._blocks, _FRAME, frames, latency, 0, 0)
        receiver.setsockopt(SOL_PACKET, PACKET_RX_RING, request)
        self._memory = mmap.mmap(receiver.fileno(), block * self._blocks)
        self._next = 0

    def take(self) -> bytes | None:
        """A copy of the next block that is full, for ``packets``; its place is the kernel's again."""
        start = self._next * self._block
        (status,) = _STATUS.unpack_from(self._memory, start + _STATUS_AT)
        if not status & TP_STATUS_USER:
            return None
        _, _, _, _, _, length = _BLOCK.unpack_from(self._memory, start)
        copy = self._memory[start : start + length]
        _STATUS.pack_into(self._memory, start + _STATUS_AT, 0)
        self._next = (self._next + 1) % self._blocks
        return copy

    def close(self) -> None:
        self._memory.close()


def dropped(receiver: socket.socket) -> int:
    """How many packets found the ring, or the queue, full since this was asked last."""
    _, drops = _STATISTICS.unpack(receiver.getsockopt(SOL_PACKET, PACKET_STATISTICS, _STATISTICS.size))
    return int(drops)


def count(block: bytes) -> int:
    """How many packets a block has."""
    return int(_BLOCK.unpack_from(block)[3])


def packets(block: bytes) -> Iterator[Captured]:
    """The packets of a block, in the order in which the kernel wrote them."""
    _, _, _, many, at, _ = _BLOCK.unpack_from(block)
    for _ in range(many):
        (
            step,
            seconds,
            nanoseconds,
            kept,
            length,
            status,
            _,
            start,
            _,
            tag,
            _,
            _,
            protocol,
            interface,
            hardware,
            kind,
        ) = _PACKET.unpack_from(block, at)
        begin = at + start
        checksum = Sum.UNKNOWN
        if status & TP_STATUS_CSUMNOTREADY:
            checksum = Sum.OPEN
        elif status & TP_STATUS_CSUM_VALID:
            checksum = Sum.VALID
        yield Captured(
            seconds * 1_000_000_000 + nanoseconds,
            without_padding(block[begin : begin + kept]),
            length if kept < length else 0,
            kind,
            interface,
            hardware,
            socket.ntohs(protocol),
            checksum,
            tag & 0xFFFF if status & TP_STATUS_VLAN_VALID else None,
        )
        at += step
