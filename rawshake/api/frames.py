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

#: How often fragments of a tunnel may hold a tunnel whose packets are fragments.
_DEEPEST: Final = 8


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
            packet = links.ip(record.link_type, record.data)
            if packet is not None:
                frame = self._frame(record, packet)
                if frame is not None:
                    yield frame
            else:
                yield from self._dissected(record)
        self.finish()

    def frame(self, record: Record) -> Frame | None:
        """The IP packet of a record, or the one that it completes, if it is wanted; otherwise it is counted.

        Records of 802.11 may hold several, of which this gives the first.
        """
        packet = links.ip(record.link_type, record.data)
        if packet is not None:
            return self._frame(record, packet)
        return next(iter(self._dissected(record)), None)

    def _frame(self, record: Record, packet: bytes) -> Frame | None:
        """The innermost packet in ``packet``, which may be a tunnel's, put together from fragments."""
        if len(record.data) >= record.original_length and links.damaged(packet):
            self.left_out[links.DAMAGED] += 1
            return None
        whole = self._fragments.add(packet, record.time)
        for _ in range(_DEEPEST):
            if whole is None or links.wrapped(whole) is None:
                break
            from rawshake.net.dissect import packets

            inner = packets(LinkType.RAW, whole)
            if not inner.packets:
                self.left_out[inner.reason] += 1
                return None
            whole = self._fragments.add(inner.packets[0], record.time)
        if whole is None:
            return None
        if self.wanted is not None and not self.wanted.matches(whole):
            self.unwanted += 1
            return None
        return Frame(record.time, whole, record.direction, number=record.number)

    def _dissected(self, record: Record) -> list[Frame]:
        """The packets of a link layer that is not common; if there is none, it is counted."""
        from rawshake.net.dissect import packets

        inner = packets(record.link_type, record.data)
        if not inner.packets:
            self.left_out[inner.reason] += 1
        found = (self._frame(record, packet) for packet in inner.packets)
        return [frame for frame in found if frame is not None]

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
