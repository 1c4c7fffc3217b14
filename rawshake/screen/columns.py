"""The packets of a block as columns: one row for each, one array for each field."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rawshake.screen.kept import Places
from rawshake.screen.offer import offers
from rawshake.tcp.decode import IcmpError, decode
from rawshake.tcp.segment import Segment

Column = NDArray[Any]

#: What a row is: a segment that is read by columns; one that decode had to read; no segment; counted already.
PLAIN, ODD, OTHER, NOT_TCP = 0, 1, 2, 3
#: What its checksum is.
CORRECT, UNVERIFIABLE, WRONG = 0, 1, 2
#: Options of a segment: none, timestamps as everybody writes them, anything else.
NO_OPTIONS, TIMESTAMPS, OTHER_OPTIONS = 0, 1, 2

_TCP: Final = 6
_ICMP, _ICMPV6 = 1, 58
_EXTENSIONS: Final = np.isin(np.arange(256), (0, 43, 44, 51, 60, 139, 140))
#: NOP, NOP, timestamps of 10 octets.
_STAMPS: Final = 0x0101080A
#: What may be read beyond the end of a buffer.
PADDING: Final = bytes(128)
_SYN: Final = 0x02


@dataclass(slots=True, eq=False, repr=False)
class Columns(Places):
    """Rows of packets.

    ``low`` says that the lower of both ends, by address and port, sent it; the addresses are the lower one's
    and the higher one's, the ports both in one number. ``offer`` is what a SYN offers (``offer.py``), ``value`` and
    ``echo`` are TSval and TSecr where there are any. ``mark`` differs where packets do.
    """

    kind: Column
    v6: Column
    hash: Column
    low: Column
    low_upper: Column
    low_lower: Column
    high_upper: Column
    high_lower: Column
    ports: Column
    seq: Column
    ack: Column
    flags: Column
    window: Column
    payload: Column
    options: Column
    layout: Column
    checksum: Column
    #: whether the capture has all of it
    whole: Column
    ttl: Column
    value: Column
    echo: Column
    mark: Column
    offer: Column
    #: the connection's number where the row begins one that has its number already, else 0
    reserved: Column


class Reader:
    """Reads fields of a buffer at any offsets, in network order."""

    def __init__(self, buffer: bytes) -> None:
        size = len(buffer)
        self.buffer = buffer
        self.one = np.frombuffer(buffer, np.uint8)
        self.two = np.ndarray((size - 1,), ">u2", buffer, strides=(1,))
        self.four = np.ndarray((size - 3,), ">u4", buffer, strides=(1,))
        self.eight = np.ndarray((size - 7,), ">u8", buffer, strides=(1,))


def columns(buffer: bytes, part: int, ip: Column, captured: Column, time: Column, number: Column) -> Columns:
    """Decode the packets that begin at ``ip``; ``buffer`` ends in PADDING."""
    read = Reader(buffer)
    rows = len(ip)
    first = read.one[ip]
    version = first >> 4
    v4 = (version == 4) & (captured >= 20)
    v6 = (version == 6) & (captured >= 40)
    any6 = bool(v6.any())
    head = (first & 15).astype(np.int64) << 2
    total = read.two[ip + 2].astype(np.int64)
    protocol = read.one[ip + 9]
    fragment = read.two[ip + 6] & 0x3FFF
    doubtful = read.two[ip + 10] == 0
    if any6:
        head = np.where(v6, 40, head)
        total = np.where(v6, 40 + read.two[ip + 4].astype(np.int64), total)
        protocol = np.where(v6, read.one[ip + 6], protocol)
        fragment = np.where(v6, 0, fragment)
        doubtful &= ~v6
    at = ip + head
    lengths = read.two[at + 12].astype(np.int64)
    header = lengths >> 12 << 2
    payload = total - head - header
    plain = (v4 & (head == 20)) | (v6 & (total > 40))
    plain &= (protocol == _TCP) & (fragment == 0) & (captured >= head + 20)
    plain &= (header >= 20) & (payload >= 0) & (captured >= head + header)
    congestion = read.one[ip + 1] & 3
    if any6:
        congestion = np.where(v6, read.one[ip + 1] >> 4 & 3, congestion)
    kind = np.where(plain & (congestion == 0), PLAIN, OTHER).astype(np.uint8)
    elsewhere = v4 & (head >= 20) & ((total == 0) | (total >= head)) & (fragment == 0)
    elsewhere &= (protocol != _TCP) & (protocol != _ICMP)
    elsewhere |= v6 & (protocol != _TCP) & (protocol != _ICMPV6) & ~_EXTENSIONS[protocol]
    kind[elsewhere] = NOT_TCP

    sport, dport = read.two[at].astype(np.uint64), read.two[at + 2].astype(np.uint64)
    src, dst = read.four[ip + 12].astype(np.uint64), read.four[ip + 16].astype(np.uint64)
    zero = np.zeros(rows, np.uint64)
    src_upper, dst_upper = zero, zero.copy()
    if any6:
        src_upper = np.where(v6, read.eight[ip + 8], zero)
        src = np.where(v6, read.eight[ip + 16], src)
        dst_upper = np.where(v6, read.eight[ip + 24], zero)
        dst = np.where(v6, read.eight[ip + 32], dst)
    for row in np.flatnonzero(kind == OTHER).tolist():
        seen = decode(buffer[ip[row] : ip[row] + captured[row]])
        if isinstance(seen, Segment):
            kind[row], sport[row], dport[row] = ODD, seen.sport, seen.dport
        elif isinstance(seen, IcmpError):
            # It stands among the segments of the connection that it is about.
            kind[row], sport[row], dport[row] = ODD, seen.quoted_sport, seen.quoted_dport
            src_upper[row], src[row] = _number(seen.quoted_src)
            dst_upper[row], dst[row] = _number(seen.quoted_dst)
    low = _lower(src_upper, src, sport, dst_upper, dst, dport, any6=any6)
    low_lower, high_lower = np.where(low, src, dst), np.where(low, dst, src)
    low_upper = high_upper = zero
    if any6:
        low_upper, high_upper = np.where(low, src_upper, dst_upper), np.where(low, dst_upper, src_upper)
    ports = np.where(low, sport << np.uint64(16) | dport, dport << np.uint64(16) | sport)
    flags = lengths & 0xFFF
    offer = np.zeros(rows, np.int64)
    syns = np.flatnonzero(plain & (flags & _SYN != 0))
    offer[syns], where = offers(read.one, at[syns] + 20, header[syns] - 20)
    stamped = (header == 32) & (read.four[at + 20] == _STAMPS)
    stamps_at = at + 24
    stamps_at[syns] = where
    layout = np.where(header == 20, NO_OPTIONS, np.where(stamped, TIMESTAMPS, OTHER_OPTIONS))
    ends = np.minimum(total, captured)
    checksum = _checksums(read, at, ip + ends, total - head, _words(src_upper, src, dst_upper, dst), doubtful)
    checksum[captured < total] = UNVERIFIABLE
    ident = np.where(v6, 0, read.two[ip + 4]) if any6 else read.two[ip + 4]
    return Columns(
        part=np.full(rows, part, np.uint8),
        ip=ip,
        captured=captured,
        time=time,
        number=number,
        kind=kind,
        v6=v6,
        hash=hash_of(low_upper, low_lower, high_upper, high_lower, ports, any6=any6) ^ v6.astype(np.uint64),
        low=low,
        low_upper=low_upper,
        low_lower=low_lower,
        high_upper=high_upper,
        high_lower=high_lower,
        ports=ports.astype(np.uint32),
        seq=read.four[at + 4].astype(np.uint32),
        ack=read.four[at + 8].astype(np.uint32),
        flags=flags.astype(np.uint16),
        window=read.two[at + 14].astype(np.int64),
        payload=np.where(plain, payload, 0),
        options=(header - 20).astype(np.uint8),
        layout=layout.astype(np.uint8),
        checksum=checksum,
        whole=captured >= total,
        ttl=(np.where(v6, read.one[ip + 7], read.one[ip + 8]) if any6 else read.one[ip + 8]).astype(np.uint8),
        value=read.four[stamps_at].astype(np.uint32),
        echo=read.four[stamps_at + 4].astype(np.uint32),
        mark=read.two[at + 16].astype(np.uint32) << np.uint32(16) | ident.astype(np.uint32),
        offer=offer,
        offloaded=np.zeros(rows, bool),
        reserved=np.zeros(rows, np.int64),
    )


def _number(address: str) -> tuple[int, int]:
    return divmod(int(ip_address(address)), 1 << 64)


def _lower(
    src_upper: Column,
    src: Column,
    sport: Column,
    dst_upper: Column,
    dst: Column,
    dport: Column,
    *,
    any6: bool,
) -> Column:
    low: Column = (src < dst) | ((src == dst) & (sport < dport))
    if any6:
        low = (src_upper < dst_upper) | ((src_upper == dst_upper) & low)
    return low


def hash_of(
    low_upper: Column, low_lower: Column, high_upper: Column, high_lower: Column, ports: Column, *, any6: bool
) -> Column:
    """A number of 64 bits that nearly always differs where any of these does."""
    mixed: Column = (low_lower ^ (high_lower << np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    if any6:
        mixed ^= low_upper * np.uint64(0xC2B2AE3D27D4EB4F)
        mixed = (mixed ^ (mixed >> np.uint64(29))) + high_upper * np.uint64(0x165667B19E3779F9)
    mixed = (mixed ^ (mixed >> np.uint64(32)) ^ ports) * np.uint64(0xD6E8FEB86659FD93)
    mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    found: Column = mixed ^ (mixed >> np.uint64(32))
    return found


def _words(*numbers: Column) -> Column:
    """The sum of 16-bit words of several 64-bit numbers."""
    total = np.zeros(len(numbers[0]), np.uint64)
    mask = np.uint64(0xFFFF)
    for one in numbers:
        for shift in (0, 16, 32, 48):
            total += (one >> np.uint64(shift)) & mask
    return total.astype(np.int64)


def _checksums(
    read: Reader, begin: Column, end: Column, length: Column, addresses: Column, doubtful: Column
) -> Column:
    """What ``decode`` says of each checksum: see there, in the same order."""
    field = read.two[begin + 16].astype(np.int64)
    pseudo = addresses + _TCP
    octets = _sums(read.buffer, begin, np.maximum(begin, end))
    found = np.full(len(begin), WRONG, np.uint8)
    found[doubtful | ((pseudo - field) % 0xFFFF == 0)] = UNVERIFIABLE
    found[(pseudo + length + octets) % 0xFFFF == 0] = CORRECT
    found[(pseudo + length - field) % 0xFFFF == 0] = UNVERIFIABLE
    return found


def _sums(buffer: bytes, begin: Column, end: Column) -> Column:
    """One's complement sums, modulo 0xffff, of the 16-bit words from each ``begin`` to before its ``end``.

    They are differences of running sums over the words of the whole buffer; where a range begins at an odd
    octet, its words are those with their octets swapped, and so is the sum.
    """
    words = np.frombuffer(buffer, "<u2", len(buffer) // 2)
    running = np.zeros(len(words) + 1, np.uint32)
    np.cumsum(words, dtype=np.uint32, out=running[1:])
    one = np.frombuffer(buffer, np.uint8)
    odd = begin & 1
    left = (begin + 1) >> 1
    right = np.maximum(end >> 1, left)
    # Both wrap at 2**32, and no packet's sum reaches that.
    total = (running[right] - running[left]).astype(np.int64)
    little = (end & 1 == 1) & (end > begin)
    # The last octet of an odd end is the lower half of a word of the buffer.
    total += np.where(little, one[end - little], 0).astype(np.int64)
    total += np.where((odd == 1) & (end > begin), one[np.maximum(begin, 0)].astype(np.int64) << 8, 0)
    total %= 0xFFFF
    # Words were read the little way round: for ranges that begin even they have to be swapped.
    found: Column = np.where(odd == 1, total, (total << 8) % 0xFFFF)
    return found
