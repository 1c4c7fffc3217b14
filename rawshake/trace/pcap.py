"""The format pcap: a header, then records (draft-ietf-opsawg-pcap)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

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
    """Every record in order; raises ``Damage`` where one cannot be read."""
    order, unit, link_type, length = read_header(source)
    header = struct.Struct(f"{order}IIII")
    take = source.take
    number = 0
    while octets := take(length):
        offset = source.offset - len(octets)
        if len(octets) < length:
            raise Damage(offset, f"The file ends within the header of record {number + 1}")
        seconds, fraction, captured, original = header.unpack_from(octets)
        if captured > LARGEST:
            raise Damage(offset, f"Record {number + 1} claims {captured} octets, more than any packet has")
        number += 1
        data = take(captured)
        yield Record(number, seconds * _SECOND + fraction * unit, link_type, data, original, offset=offset)
        if len(data) < captured:
            raise Damage(
                offset, f"The file ends within record {number}, after {len(data)} of {captured} octets"
            )
