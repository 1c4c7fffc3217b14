"""Recognises a capture's format by what it begins with, and reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rawshake.trace import pcap, pcapng
from rawshake.trace.model import Damage, Record, Source


def records(chunks: Iterable[bytes]) -> Iterator[Record]:
    """Every packet of a capture that comes in ``chunks``; raises ``Damage`` where it cannot be read on."""
    source = Source.of(chunks)
    magic = source.peek(4)
    if magic == pcapng.MAGIC:
        return pcapng.records(source)
    if magic in pcap.MAGICS:
        return pcap.records(source)
    if not magic:
        raise Damage(0, "The file is empty")
    raise Damage(0, f"The file begins with {magic.hex(' ')}, which no capture does")
