"""From the octets of a capture to IP packets in order, with a count of what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from rawshake.link import Frame
from rawshake.trace import links
from rawshake.trace.expression import Filter
from rawshake.trace.fragments import Reassembly
from rawshake.trace.model import Damage, LinkType, Record
from rawshake.trace.order import ordered
from rawshake.trace.read import records

#: The protocol number of ESP (RFC 4303): what it holds is for its two ends only.
_ESP: Final = 50
_KNOWN: Final = links.RAW | {
    LinkType.ETHERNET,
    LinkType.LINUX_SLL,
    LinkType.LINUX_SLL2,
    LinkType.NULL,
    LinkType.LOOP,
}


@dataclass(slots=True)
class Reading:
    """Reads one capture. ``records`` counts its packets, ``cut`` those that it has only the beginning of.

    ``left_out`` counts, by reason, those that gave no frame. ``damage`` says where it could not be read further.
    """

    wanted: Filter | None = None
    records: int = 0
    cut: int = 0
    unwanted: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    damage: Damage | None = None
    _fragments: Reassembly = field(default_factory=Reassembly)

    def frames(self, chunks: Iterable[bytes]) -> Iterator[Frame]:
        """The IP packets that are wanted, fragments put together, in the order of their times."""
        return ordered(self._frames(chunks))

    def _frames(self, chunks: Iterable[bytes]) -> Iterator[Frame]:
        for record in self._records(chunks):
            frame = self.frame(record)
            if frame is not None:
                yield frame
        self.finish()

    def frame(self, record: Record) -> Frame | None:
        """The IP packet of a record, or the one that it completes, if it is wanted; otherwise it is counted."""
        packet = links.ip(record.link_type, record.data)
        if packet is None:
            self.left_out[_unknown(record.link_type)] += 1
            return None
        whole = self._fragments.add(packet, record.time)
        if whole is None:
            return None
        if self.wanted is not None and not self.wanted.matches(whole):
            self.unwanted += 1
            return None
        if _protocol(whole) == _ESP:
            self.left_out["encrypted"] += 1
            return None
        return Frame(record.time, whole, record.direction, number=record.number)

    def finish(self) -> None:
        """The capture has ended: count the fragments whose datagram never became whole."""
        if missing := self._fragments.finish():
            self.left_out["fragment"] += missing

    def _records(self, chunks: Iterable[bytes]) -> Iterator[Record]:
        try:
            for record in records(chunks):
                self.records += 1
                self.cut += len(record.data) < record.original_length
                yield record
        except Damage as damage:
            self.damage = damage


def _protocol(packet: bytes) -> int:
    at = 9 if packet[0] >> 4 == 4 else 6
    return packet[at] if len(packet) > at else -1


def _unknown(link_type: int) -> str:
    if link_type in _KNOWN:
        return "not IP"
    try:
        name = f" ({LinkType(link_type).name})"
    except ValueError:
        name = ""
    return f"has a link layer that is not known, type {link_type}{name}"
