"""The format pcap: a header, then records (draft-ietf-opsawg-pcap)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from rawshake.link import Direction
from rawshake.trace.model import Damage, Record, Source

#: What the file begins with: byte order, and nanoseconds for one unit of the fraction.
MAGICS: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
    # Linux with patches of Alexey Kuznetsov: eight octets more in each record.
    b"\x34\xcd\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xcd\x34": (">", 1000),
}
_MODIFIED: Final = (b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34")
HEADER: Final = 24
#: Longer records are damage: the largest snap length that libpcap allows itself.
LARGEST: Final = 262_144 + 65_536
_SECOND: Final = 1_000_000_000


class Header(NamedTuple):
    """What the file's header says; ``order`` is struct's "<" or ">", ``unit`` the ns of a fraction."""

    order: str
    unit: int
    link_type: int
    record_header: int


def read_header(source: Source) -> Header:
    """Take the header; the magic number must have been recognised."""
    octets = source.take(HEADER)
    if len(octets) < HEADER:
        raise Damage(len(octets), f"The file ends after {len(octets)} of the {HEADER} octets of its header")
    order, unit = MAGICS[octets[:4]]
    (network,) = struct.unpack(f"{order}I", octets[20:24])
    # The upper bits tell of a frame check sequence.
    return Header(order, unit, network & 0x03FFFFFF, 24 if octets[:4] in _MODIFIED else 16)


def records(source: Source) -> Iterator[Record]:
    """Every record in order, each as soon as it is complete; raises ``Damage`` where one cannot be read."""
    return records_after(source, read_header(source), 0)


def records_after(source: Source, file: Header, number: int) -> Iterator[Record]:
    """The records that follow the first ``number`` ones, which were taken from ``source`` already."""
    order, unit, link_type, header = file
    unpack = struct.Struct(f"{order}IIII").unpack_from
    make, unknown = tuple.__new__, Direction.UNKNOWN
    while source.peek(header):
        buffer, at, base = source.buffer, source.at, source.base
        size = len(buffer)
        last = size - header
        while at <= last:
            seconds, fraction, captured, original = unpack(buffer, at)
            begin = at + header
            end = begin + captured
            if end > size or captured > LARGEST:
                break
            number += 1
            time = seconds * _SECOND + fraction * unit
            # A third of the time goes into making the record, and the usual way takes twice as long.
            yield make(Record, (number, time, link_type, buffer[begin:end], original, 0, unknown, base + at))
            at = end
        source.at = at
        head = source.peek(header)
        if len(head) == header:
            seconds, fraction, captured, original = unpack(head)
            if captured > LARGEST:
                raise Damage(
                    source.offset, f"Record {number + 1} claims {captured} octets, more than any packet has"
                )
            whole = source.peek(header + captured)
            if len(whole) == header + captured:
                continue
            number += 1
            time = seconds * _SECOND + fraction * unit
            yield Record(number, time, link_type, whole[header:], original, offset=source.offset)
            got = len(whole) - header
            raise Damage(
                source.offset, f"The file ends within record {number}, after {got} of {captured} octets"
            )
        if head:
            raise Damage(source.offset, f"The file ends within the header of record {number + 1}")
