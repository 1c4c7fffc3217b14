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
    """A whole packet, from which others are made that differ in our port, in SEQ and in ACK.

    Their checksums are computed from its own, which must be right, by RFC 1624.
    """

    def __init__(self, packet: bytes) -> None:
        self.octets = np.frombuffer(packet, np.uint8)
        self.tcp = tcp_at(packet)
        words = self.octets[self.tcp : self.tcp + 18].view(">u2").astype(np.int64)
        # RFC 1624 section 3: HC' = ~(~HC + ~m + m'), of which this is ~HC and every ~m.
        patched = (0, 2, 3, 4, 5)
        self._rest = int(0xFFFF - words[8] + sum(0xFFFF - words[at] for at in patched))

    def __len__(self) -> int:
        return len(self.octets)

    def packets(self, port: Column, seq: Column, ack: Column) -> Column:
        """A row of ``len(self)`` octets for each port, and number in ``seq`` and ``ack`` (modulo 2**32)."""
        rows = np.repeat(self.octets[None, :], len(port), axis=0)
        seq, ack = seq & _MASK, ack & _MASK
        at = self.tcp
        rows[:, at : at + 2] = _octets(port, ">u2")
        rows[:, at + 4 : at + 8] = _octets(seq, ">u4")
        rows[:, at + 8 : at + 12] = _octets(ack, ">u4")
        total = self._rest + port + (seq >> 16) + (seq & 0xFFFF) + (ack >> 16) + (ack & 0xFFFF)
        total = (total & 0xFFFF) + (total >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        rows[:, at + 16 : at + 18] = _octets(0xFFFF - total, ">u2")
        return rows


class Shape:
    """What all packets of the server have in common that say the same, beside their numbers; none has a payload.

    Not looked at are what says nothing to TCP (IPv4's identification and checksum, IPv6's flow label), our port,
    SEQ and ACK, and the checksum: ``is_sound`` is for that.
    """

    def __init__(self, packet: bytes, *, offloaded: bool) -> None:
        self.length = len(packet)
        self.offloaded = offloaded
        self.tcp = at = tcp_at(packet)
        mask = np.full(self.length, 0xFF, np.uint8)
        if packet[0] >> 4 == 4:
            mask[4:6] = mask[10:12] = 0
        else:
            mask[1], mask[2:4] = 0xF0, 0
        mask[at + 2 : at + 12] = mask[at + 16 : at + 18] = 0
        self._mask = mask
        self._common = np.frombuffer(packet, np.uint8) & mask

    def is_same(self, other: Shape) -> bool:
        """Whether the same packets are of both."""
        same = self._common.tobytes() == other._common.tobytes()
        return same and (self.length, self.offloaded) == (other.length, other.offloaded)

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
