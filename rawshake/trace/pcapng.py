"""The format pcapng: blocks in sections, each with its interfaces (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from rawshake.link import Direction
from rawshake.trace.model import Damage, Record, Source

MAGIC: Final = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
#: No block is longer, but a damaged length may say so.
LARGEST: Final = 1 << 24
_MOST_INTERFACES: Final = 1 << 16
_SECOND: Final = 1_000_000_000
_IF_TSRESOL, _IF_TSOFFSET, _EPB_FLAGS = 9, 14, 2
_DIRECTIONS: Final = {1: Direction.IN, 2: Direction.OUT}


@dataclass(frozen=True, slots=True)
class _Interface:
    """What an interface's packets are: ``per_second`` units of their times, ``offset`` in seconds.

    ``unit`` is how many nanoseconds a unit is; 0 if that is no whole number.
    """

    link_type: int
    snap: int
    per_second: int
    offset: int
    unit: int

    def time(self, units: int) -> int:
        """Nanoseconds since the epoch."""
        return units * _SECOND // self.per_second + self.offset * _SECOND


def records(source: Source) -> Iterator[Record]:
    """Every packet in order, each as soon as it is complete; raises ``Damage`` where a block cannot be read."""
    order = "<"
    interfaces: list[_Interface] = []
    number = 0
    while head := source.peek(12):
        for record in _in_buffer(source, order, interfaces, number):
            number = record.number
            yield record
        head = source.peek(12)
        if not head:
            return
        offset = source.offset
        if len(head) < 12:
            raise Damage(offset, "The file ends within the header of a block")
        if head[:4] == MAGIC:
            if head[8:12] not in _ORDERS:
                raise Damage(offset, "A section header has no byte-order magic")
            order = _ORDERS[head[8:12]]
            interfaces = []
        kind, length = struct.unpack(f"{order}II", head[:8])
        if length < 12 or length % 4 or length > LARGEST:
            raise Damage(offset, f"A block claims {length} octets, which cannot be")
        block = source.peek(length)
        if len(block) < length:
            raise Damage(offset, f"The file ends within a block, after {len(block)} of {length} octets")
        if struct.unpack(f"{order}I", block[-4:])[0] != length:
            raise Damage(offset, "A block's two lengths differ")
        source.take(length)
        body = block[8:-4]
        try:
            if kind == _SECTION:
                version = struct.unpack_from(f"{order}HH", body, 4)
                if version[0] != 1:
                    raise Damage(offset, f"A section has the version {version[0]}.{version[1]}, not 1.0")
            elif kind == _INTERFACE:
                if len(interfaces) >= _MOST_INTERFACES:
                    raise Damage(offset, f"There are more than {_MOST_INTERFACES} interfaces")
                interfaces.append(_interface(body, order))
            elif kind in (_ENHANCED, _PACKET, _SIMPLE):
                number += 1
                yield _packet(kind, body, order, interfaces, number, offset)
        except (struct.error, IndexError):
            raise Damage(offset, f"A block of type {kind} contradicts itself") from None


def _in_buffer(source: Source, order: str, interfaces: list[_Interface], number: int) -> Iterator[Record]:
    """Take what most files consist of: whole Enhanced Packet Blocks without options, until something else comes."""
    unpack = struct.Struct(f"{order}7I").unpack_from
    trailer = struct.Struct(f"{order}I").unpack_from
    make, unknown = tuple.__new__, Direction.UNKNOWN
    buffer, at, base = source.buffer, source.at, source.base
    last = len(buffer) - 32
    known = len(interfaces)
    while at <= last:
        kind, length, index, high, low, captured, original = unpack(buffer, at)
        if (
            kind != _ENHANCED
            or length != 32 + (captured + 3 & ~3)
            or index >= known
            or length - 32 > last - at
        ):
            return
        interface = interfaces[index]
        if not interface.unit or trailer(buffer, at + length - 4)[0] != length:
            return
        number += 1
        time = (high << 32 | low) * interface.unit + interface.offset * _SECOND
        begin = at + 28
        data = buffer[begin : begin + captured]
        source.at = at + length
        yield make(Record, (number, time, interface.link_type, data, original, index, unknown, base + at))
        at += length


def _interface(body: bytes, order: str) -> _Interface:
    link_type, _, snap = struct.unpack_from(f"{order}HHI", body)
    per_second, offset = 1_000_000, 0
    for code, value in _options(body[8:], order):
        if code == _IF_TSRESOL and value:
            exponent = value[0] & 0x7F
            if exponent > 63:
                raise IndexError
            per_second = 2**exponent if value[0] & 0x80 else 10**exponent
        elif code == _IF_TSOFFSET and len(value) == 8:
            (offset,) = struct.unpack(f"{order}q", value)
    unit, rest = divmod(_SECOND, per_second)
    return _Interface(link_type, snap, per_second, offset, 0 if rest else unit)


def _packet(
    kind: int, body: bytes, order: str, interfaces: list[_Interface], number: int, offset: int
) -> Record:
    if kind == _SIMPLE:
        interface, index = interfaces[0], 0
        (original,) = struct.unpack_from(f"{order}I", body)
        captured = min(original, interface.snap or original, len(body) - 4)
        return Record(number, 0, interface.link_type, body[4 : 4 + captured], original, offset=offset)
    if kind == _ENHANCED:
        index, high, low, captured, original = struct.unpack_from(f"{order}5I", body)
    else:  # the obsolete Packet Block
        index, _, high, low, captured, original = struct.unpack_from(f"{order}HHIIII", body)
    interface = interfaces[index]
    if 20 + captured > len(body):
        raise IndexError
    direction = Direction.UNKNOWN
    rest = body[20 + captured + -captured % 4 :]
    with suppress(IndexError):  # the packet is whole, whatever its options are
        for code, value in _options(rest, order):
            if code == _EPB_FLAGS and len(value) == 4:
                direction = _DIRECTIONS.get(struct.unpack(f"{order}I", value)[0] & 3, direction)
    data = body[20 : 20 + captured]
    time = interface.time(high << 32 | low)
    return Record(number, time, interface.link_type, data, original, index, direction, offset)


def _options(octets: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(octets):
        code, length = struct.unpack_from(f"{order}HH", octets, at)
        if code == 0:
            return
        if at + 4 + length > len(octets):
            raise IndexError
        yield code, octets[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
