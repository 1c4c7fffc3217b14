"""Packets of one shape as rows of octets: made from one that was built whole, and recognised by one that came."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]

#: Octets of a row: IPv6's header and the longest of TCP fit, and nothing longer is of a known shape.
ROW: Final = 128
_MASK: Final = 0xFFFF_FFFF


def tcp_at(packet: bytes) -> int:
    """Where the TCP header begins in a packet without IPv6 extension headers."""
    return 4 * (packet[0] & 0x0F) if packet[0] >> 4 == 4 else 40


class Template:
    """A whole packet, from which others are made that differ in our port, in SEQ and ACK, and in timestamps.

    ``stamps`` is where TSval stands, if anywhere. Checksums are computed from its own, which must be right, by
    RFC 1624.
    """

    def __init__(self, packet: bytes, stamps: int | None = None) -> None:
        self.octets = np.frombuffer(packet, np.uint8)
        self.tcp = at = tcp_at(packet)
        self.stamps = stamps
        # RFC 1624 section 3: HC' = ~(~HC + ~m + m'), of which this is ~HC and every ~m.
        patched = [at, *range(at + 4, at + 12, 2), *(range(stamps, stamps + 8, 2) if stamps else ())]
        old = [int.from_bytes(packet[word : word + 2], "big") for word in patched]
        checksum = int.from_bytes(packet[at + 16 : at + 18], "big")
        self._rest = 0xFFFF - checksum + sum(0xFFFF - word for word in old)

    def __len__(self) -> int:
        return len(self.octets)

    def packets(
        self, port: Column, seq: Column, ack: Column, stamps: tuple[Column, Column] | None = None
    ) -> Column:
        """A row of ``len(self)`` octets for each port and its numbers, which count modulo 2**32.

        ``stamps``, TSval and TSecr, must be given if the template has them, and not otherwise.
        """
        rows = np.repeat(self.octets[None, :], len(port), axis=0)
        at = self.tcp
        rows[:, at : at + 2] = _octets(port, ">u2")
        total = self._rest + port
        places = {at + 4: seq, at + 8: ack}
        if self.stamps is not None and stamps is not None:
            places |= {self.stamps: stamps[0], self.stamps + 4: stamps[1]}
        for place, numbers in places.items():
            numbers = numbers & _MASK
            rows[:, place : place + 4] = _octets(numbers, ">u4")
            total = total + (numbers >> 16) + (numbers & 0xFFFF)
        total = (total & 0xFFFF) + (total >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        rows[:, at + 16 : at + 18] = _octets(0xFFFF - total, ">u2")
        return rows


class Shape:
    """What all packets of the server have in common that say the same, beside their numbers; none has a payload.

    Not looked at are what says nothing to TCP (IPv4's identification and checksum, IPv6's flow label), our port,
    SEQ and ACK, timestamps, which stand at ``stamps`` if anywhere, and the checksum: ``is_sound`` is for that.
    """

    def __init__(self, packet: bytes, *, offloaded: bool, stamps: int | None = None) -> None:
        self.length = len(packet)
        self.offloaded = offloaded
        self.stamps = stamps
        self.tcp = at = tcp_at(packet)
        mask = np.full(self.length, 0xFF, np.uint8)
        if packet[0] >> 4 == 4:
            mask[4:6] = mask[10:12] = 0
        else:
            mask[1], mask[2:4] = 0xF0, 0
        mask[at + 2 : at + 12] = mask[at + 16 : at + 18] = 0
        if stamps is not None:
            mask[stamps : stamps + 8] = 0
        self._mask = mask
        self._common = np.frombuffer(packet, np.uint8) & mask

    def is_same(self, other: Shape) -> bool:
        """Whether the same packets are of both."""
        same = self._common.tobytes() == other._common.tobytes()
        mine, its = ((one.length, one.offloaded, one.stamps) for one in (self, other))
        return same and mine == its

    def has(self, rows: Column, lengths: Column, offloaded: Column) -> Column:
        """Which of the rows are of this shape."""
        found: Column = (lengths == self.length) & (offloaded == self.offloaded)
        found &= ((rows[:, : self.length] & self._mask) == self._common).all(axis=1)
        return found

    def is_sound(self, rows: Column) -> Column:
        """Which rows of this shape have right checksums; one of TCP's may have been left to the hardware."""
        sound: Column = np.ones(len(rows), bool)
        if self.tcp == 20:
            sound &= words(rows[:, :20]).sum(axis=1) % 0xFFFF == 0  # RFC 1071: all ones is zero
        if self.offloaded:
            return sound
        addresses = rows[:, 12:20] if self.tcp == 20 else rows[:, 8:40]
        total = words(addresses).sum(axis=1) + words(rows[:, self.tcp : self.length]).sum(axis=1)
        total += 6 + self.length - self.tcp
        sound &= total % 0xFFFF == 0
        return sound


def words(rows: Column) -> Column:
    """The octets of each row as 16-bit words."""
    return np.ascontiguousarray(rows).view(">u2").astype(np.int64)


def number(rows: Column, at: int, octets: int) -> Column:
    """The number of 2 or 4 octets that stands at ``at`` in each row."""
    found: Column = np.ascontiguousarray(rows[:, at : at + octets]).view(f">u{octets}")[:, 0].astype(np.int64)
    return found


def _octets(numbers: Column, kind: str) -> Column:
    return numbers.astype(kind).view(np.uint8).reshape(len(numbers), -1)
