"""What a capture file holds, whatever its format: records, and damage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from rawshake.link import Direction


class LinkType(IntEnum):
    """Link-layer types by their registered numbers (draft-ietf-opsawg-pcaplinktype)."""

    NULL = 0
    ETHERNET = 1
    PPP = 9
    RAW_BSD = 12
    RAW_OPENBSD = 14
    PPP_HDLC = 50
    PPP_ETHERNET = 51
    RAW = 101
    C_HDLC = 104
    IEEE802_11 = 105
    LOOP = 108
    LINUX_SLL = 113
    IEEE802_11_PRISM = 119
    IEEE802_11_RADIOTAP = 127
    IEEE802_11_AVS = 163
    PPP_WITH_DIRECTION = 204
    IPV4 = 228
    IPV6 = 229
    LINUX_SLL2 = 276


class Record(NamedTuple):
    """One packet as captured. ``number`` counts from 1; ``time`` is ns since the epoch.

    ``data`` begins with the header of ``link_type`` and may be shorter than the ``original_length`` octets
    that the packet had. ``offset`` is where the record begins in the (uncompressed) file.
    """

    number: int
    time: int
    link_type: int
    data: bytes
    original_length: int
    interface: int = 0
    direction: Direction = Direction.UNKNOWN
    offset: int = 0


class Damage(Exception):
    """The file cannot be read beyond ``offset``; ``problem`` is one sentence that says why."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(f"{problem} (at octet {offset})")
        self.offset = offset
        self.problem = problem


class Foreign(Damage):
    """The file is something else than a capture; ``problem`` says what it seems to be."""

    def __init__(self, problem: str) -> None:
        super().__init__(0, problem)


@dataclass(slots=True)
class Source:
    """Octets that come in chunks, taken in pieces of any size; ``offset`` is how many were taken.

    What has come is in ``buffer`` from ``at`` on, so that a reader may take many records from there at once.
    """

    chunks: Iterator[bytes]
    buffer: bytes = b""
    at: int = 0
    base: int = 0

    @classmethod
    def of(cls, chunks: Iterable[bytes]) -> Source:
        """A source that begins with the first chunk."""
        return cls(iter(chunks))

    @property
    def offset(self) -> int:
        return self.base + self.at

    def peek(self, count: int) -> bytes:
        """The next ``count`` octets, fewer at the end, without taking them."""
        if len(self.buffer) - self.at < count:
            self._fill(count)
        return self.buffer[self.at : self.at + count]

    def take(self, count: int) -> bytes:
        """Take ``count`` octets; fewer only at the end."""
        octets = self.peek(count)
        self.at += len(octets)
        return octets

    def _fill(self, count: int) -> None:
        pieces = [self.buffer[self.at :]]
        held = len(pieces[0])
        self.base += self.at
        self.at = 0
        try:
            while held < count and (chunk := next(self.chunks, None)) is not None:
                pieces.append(chunk)
                held += len(chunk)
        finally:
            # What came before the damage of a compressed file is there to be read.
            self.buffer = b"".join(pieces)
