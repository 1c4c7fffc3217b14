"""Writes captures in every way that they may be written."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from rawshake.trace.model import LinkType

SECOND: Final = 1_000_000_000
#: When the packets of these captures passed, in ns since the epoch.
START: Final = 1_700_000_000 * SECOND


def pcap(
    packets: Sequence[bytes],
    *,
    order: str = "<",
    nano: bool = False,
    modified: bool = False,
    link_type: int = LinkType.ETHERNET,
    fcs: int = 0,
    snap: int = 262_144,
    step: int = 1_000_000,
) -> bytes:
    """A pcap file whose packets come ``step`` ns after each other, each cut to ``snap`` octets.

    ``fcs`` is the length of the frame check sequence in octets that the header claims. ``modified`` is the
    format of Kuznetsov's patches.
    """
    magic = 0xA1B2CD34 if modified else 0xA1B23C4D if nano else 0xA1B2C3D4
    network = link_type | (fcs // 2 << 28 | 1 << 26 if fcs else 0)
    file = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snap, network)
    for at, packet in enumerate(packets):
        seconds, rest = divmod(START + at * step, SECOND)
        kept = packet[:snap]
        fraction = rest if nano else rest // 1000
        file += struct.pack(f"{order}IIII", seconds, fraction, len(kept), len(packet))
        file += (struct.pack(f"{order}IHBB", 1, 8, 0, 0) if modified else b"") + kept
    return file


class Pcapng:
    """A pcapng file, block by block, in one byte order; ``str`` of an option's code and value is up to the caller."""

    def __init__(self, order: str = "<") -> None:
        self.order = order

    def option(self, code: int, value: bytes) -> bytes:
        return struct.pack(f"{self.order}HH", code, len(value)) + value + bytes(-len(value) % 4)

    def options(self, *options: bytes) -> bytes:
        """They, with the end of options behind them."""
        return b"".join(options) + bytes(4) if options else b""

    def block(self, kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = struct.pack(f"{self.order}I", len(body) + 12)
        return struct.pack(f"{self.order}I", kind) + length + body + length

    def section(self, *options: bytes, version: int = 1) -> bytes:
        body = struct.pack(f"{self.order}IHHq", 0x1A2B3C4D, version, 0, -1)
        return self.block(0x0A0D0D0A, body + self.options(*options))

    def interface(self, *options: bytes, link_type: int = LinkType.ETHERNET, snap: int = 0) -> bytes:
        body = struct.pack(f"{self.order}HHI", link_type, 0, snap)
        return self.block(1, body + self.options(*options))

    def resolution(self, exponent: int, *, of_two: bool = False) -> bytes:
        """if_tsresol"""
        return self.option(9, bytes([exponent | 0x80 * of_two]))

    def offset(self, seconds: int) -> bytes:
        """if_tsoffset"""
        return self.option(14, struct.pack(f"{self.order}q", seconds))

    def flags(self, flags: int) -> bytes:
        """epb_flags"""
        return self.option(2, struct.pack(f"{self.order}I", flags))

    def enhanced(
        self, units: int, packet: bytes, *options: bytes, interface: int = 0, original: int | None = None
    ) -> bytes:
        length = len(packet) if original is None else original
        numbers = (interface, units >> 32, units & 0xFFFFFFFF, len(packet), length)
        head = struct.pack(f"{self.order}5I", *numbers)
        return self.block(6, head + packet + bytes(-len(packet) % 4) + self.options(*options))

    def obsolete(self, units: int, packet: bytes, *options: bytes, interface: int = 0) -> bytes:
        numbers = (interface, 3, units >> 32, units & 0xFFFFFFFF, len(packet), len(packet))
        head = struct.pack(f"{self.order}HHIIII", *numbers)
        return self.block(2, head + packet + bytes(-len(packet) % 4) + self.options(*options))

    def simple(self, packet: bytes, original: int | None = None) -> bytes:
        length = len(packet) if original is None else original
        return self.block(3, struct.pack(f"{self.order}I", length) + packet)

    def file(self, packets: Sequence[bytes], *, link_type: int = LinkType.ETHERNET) -> bytes:
        """One section, one interface, times as in ``pcap``."""
        blocks = [self.section(), self.interface(link_type=link_type)]
        start = START // 1000
        return b"".join(blocks + [self.enhanced(start + at * 1000, one) for at, one in enumerate(packets)])
