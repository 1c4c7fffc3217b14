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


def _layout(size: int, **fields: tuple[int, str]) -> np.dtype[Any]:
    """A header of so many octets, with fields at offsets."""
    offsets, kinds = zip(*fields.values(), strict=True)
    return np.dtype({"names": list(fields), "offsets": offsets, "formats": kinds, "itemsize": size})


_IPV4: Final = _layout(
    20,
    first=(0, "u1"),
    service=(1, "u1"),
    total=(2, ">u2"),
    ident=(4, ">u2"),
    fragment=(6, ">u2"),
    ttl=(8, "u1"),
    protocol=(9, "u1"),
    checksum=(10, ">u2"),
    src=(12, ">u4"),
    dst=(16, ">u4"),
)
_IPV6: Final = _layout(
    40,
    length=(4, ">u2"),
    next=(6, "u1"),
    hops=(7, "u1"),
    src_upper=(8, ">u8"),
    src_lower=(16, ">u8"),
    dst_upper=(24, ">u8"),
    dst_lower=(32, ">u8"),
)
#: TCP's, with the options that most segments have.
_HEADER: Final = _layout(
    32,
    sport=(0, ">u2"),
    dport=(2, ">u2"),
    seq=(4, ">u4"),
    ack=(8, ">u4"),
    lengths=(12, ">u2"),
    window=(14, ">u2"),
    checksum=(16, ">u2"),
    option=(20, ">u4"),
    value=(24, ">u4"),
    echo=(28, ">u4"),
)
_VALUES: Final = _layout(8, value=(0, ">u4"), echo=(4, ">u4"))
#: NOP, NOP, timestamps of 10 octets.
_STAMPS: Final = 0x0101080A
#: What may be read beyond the end of a buffer.
PADDING: Final = bytes(128)
_SYN: Final = 0x02
#: The octets of a word that stand before the first, the second, and so on.
_BELOW: Final = np.array([0, 0xFF, 0xFFFF, 0xFFFFFF], np.uint32)


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


def _headers(buffer: bytes, begin: Column, kind: np.dtype[Any]) -> Column:
    """The headers that begin there, as rows of fields, which is far faster than to gather each field by itself."""
    size = kind.itemsize
    windows = np.ndarray((len(buffer) - size + 1,), f"V{size}", buffer, strides=(1,))
    found: Column = windows[begin].view(kind)
    return found


def columns(buffer: bytes, part: int, ip: Column, captured: Column, time: Column, number: Column) -> Columns:
    """Decode the packets that begin at ``ip``; ``buffer`` ends in PADDING."""
    rows = len(ip)
    network = wide = _headers(buffer, ip, _IPV4)
    first = network["first"]
    version = first >> 4
    v4 = (version == 4) & (captured >= 20)
    v6 = (version == 6) & (captured >= 40)
    any6 = bool(v6.any())
    head = (first & 15).astype(np.int64) << 2
    total = network["total"].astype(np.int64)
    protocol = network["protocol"]
    fragment = network["fragment"] & 0x3FFF
    doubtful = network["checksum"] == 0
    if any6:
        wide = _headers(buffer, ip, _IPV6)
        head = np.where(v6, 40, head)
        total = np.where(v6, 40 + wide["length"].astype(np.int64), total)
        protocol = np.where(v6, wide["next"], protocol)
        fragment = np.where(v6, 0, fragment)
        doubtful &= ~v6
    at = ip + head
    transport = _headers(buffer, at, _HEADER)
    lengths = transport["lengths"].astype(np.int64)
    header = lengths >> 12 << 2
    payload = total - head - header
    plain = (v4 & (head == 20)) | (v6 & (total > 40))
    plain &= (protocol == _TCP) & (fragment == 0) & (captured >= head + 20)
    plain &= (header >= 20) & (payload >= 0) & (captured >= head + header)
    congestion = network["service"] & 3
    if any6:
        congestion = np.where(v6, network["service"] >> 4 & 3, congestion)
    kind = np.where(plain & (congestion == 0), PLAIN, OTHER).astype(np.uint8)
    elsewhere = v4 & (head >= 20) & ((total == 0) | (total >= head)) & (fragment == 0)
    elsewhere &= (protocol != _TCP) & (protocol != _ICMP)
    elsewhere |= v6 & (protocol != _TCP) & (protocol != _ICMPV6) & ~_EXTENSIONS[protocol]
    kind[elsewhere] = NOT_TCP

    sport, dport = transport["sport"].astype(np.uint64), transport["dport"].astype(np.uint64)
    src, dst = network["src"].astype(np.uint64), network["dst"].astype(np.uint64)
    zero = np.zeros(rows, np.uint64)
    src_upper, dst_upper = zero, zero.copy()
    if any6:
        src_upper = np.where(v6, wide["src_upper"], zero)
        src = np.where(v6, wide["src_lower"], src)
        dst_upper = np.where(v6, wide["dst_upper"], zero)
        dst = np.where(v6, wide["dst_lower"], dst)
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
    offer[syns], where = offers(np.frombuffer(buffer, np.uint8), at[syns] + 20, header[syns] - 20)
    stamped = (header == 32) & (transport["option"] == _STAMPS)
    stamps = _headers(buffer, where, _VALUES)
    value, echo = transport["value"].astype(np.uint32), transport["echo"].astype(np.uint32)
    value[syns], echo[syns] = stamps["value"], stamps["echo"]
    layout = np.where(header == 20, NO_OPTIONS, np.where(stamped, TIMESTAMPS, OTHER_OPTIONS))
    ends = np.minimum(total, captured)
    addresses = _words(src, dst)
    if any6:
        addresses += _words(src_upper, dst_upper)
    summed = transport["checksum"].astype(np.int64)
    checksum = _checksums(buffer, at, ip + ends, total - head, addresses, summed, doubtful)
    checksum[captured < total] = UNVERIFIABLE
    ident = np.where(v6, 0, network["ident"]) if any6 else network["ident"]
    ttl = np.where(v6, wide["hops"], network["ttl"]) if any6 else network["ttl"]
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
        seq=transport["seq"].astype(np.uint32),
        ack=transport["ack"].astype(np.uint32),
        flags=flags.astype(np.uint16),
        window=transport["window"].astype(np.int64),
        payload=np.where(plain, payload, 0),
        options=(header - 20).astype(np.uint8),
        layout=layout.astype(np.uint8),
        checksum=checksum,
        whole=captured >= total,
        ttl=ttl.astype(np.uint8),
        value=value,
        echo=echo,
        mark=transport["checksum"].astype(np.uint32) << np.uint32(16) | ident.astype(np.uint32),
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
    buffer: bytes,
    begin: Column,
    end: Column,
    length: Column,
    addresses: Column,
    field: Column,
    doubtful: Column,
) -> Column:
    """What ``decode`` says of each checksum: see there, in the same order."""
    pseudo = addresses + _TCP
    octets = _sums(buffer, begin, np.maximum(begin, end))
    found = np.full(len(begin), WRONG, np.uint8)
    found[doubtful | ((pseudo - field) % 0xFFFF == 0)] = UNVERIFIABLE
    found[(pseudo + length + octets) % 0xFFFF == 0] = CORRECT
    found[(pseudo + length - field) % 0xFFFF == 0] = UNVERIFIABLE
    return found


def _sums(buffer: bytes, begin: Column, end: Column) -> Column:
    """One's complement sums, modulo 0xffff, of the 16-bit words from each ``begin`` to before its ``end``.

    They are differences of running sums over the whole buffer, in words of 32 bits, since 2**16 is 1 modulo 0xffff;
    where a range begins at an odd octet, its words are those with their octets swapped, and so is the sum.
    """
    words = np.frombuffer(buffer, "<u4", len(buffer) // 4)
    running = np.zeros(len(words) + 1, np.int64)
    np.cumsum(words, dtype=np.int64, out=running[1:])
    total = _until(running, words, end) - _until(running, words, begin)
    total %= 0xFFFF
    # Words were read the little way round: for ranges that begin even they have to be swapped.
    return total * np.where(begin & 1, 1, 256) % 0xFFFF


def _until(running: Column, words: Column, past: Column) -> Column:
    """The sum of all octets before each place, each where it stands in its word."""
    at = past >> 2
    found: Column = running[at] + (words[at] & _BELOW[past & 3])
    return found
