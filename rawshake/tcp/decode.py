"""What the octets of one IP packet say: a TCP segment, an ICMP error about one, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from rawshake.tcp import icmp, option
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.option import Kind, Option
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq

__all__ = ["HEADER_CUT", "Decoded", "IcmpError", "Reason", "Undecoded", "address_text", "decode"]

#: The one defect that is the capture's and not the sender's: options that lay behind the cut are not told.
HEADER_CUT: Final = "the capture ends inside the header"

_TCP: Final = 6
_ICMP: Final = 1
_ICMPV6: Final = 58
_OURS: Final = frozenset({_TCP, _ICMP, _ICMPV6})

#: IPv6 extension headers whose length octet counts eight octets beyond the first eight (RFC 8200 4, IANA).
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
_COUNTED_IN_EIGHTS: Final = frozenset({_HOP_BY_HOP, _ROUTING, _DESTINATION, 139, 140})

#: IPv4 options by which the destination field is not yet the last one (RFC 791 section 3.1).
_LOOSE_ROUTE, _STRICT_ROUTE = 131, 137

_TCP_HEADER: Final = Struct("!HHIIHHHH")
_IPV4_HEADER: Final = Struct("!BBHHHBBH4s4s")
_IPV6_HEADER: Final = Struct("!IHBB16s16s")


class Reason(Enum):
    """Why a packet is no segment."""

    NOT_IP = "not IP"
    NOT_TCP = "not TCP"
    TRUNCATED = "truncated"
    FRAGMENT = "fragment"


@dataclass(frozen=True, slots=True)
class Undecoded:
    """A packet that tells nothing of a connection; ``detail`` is one sentence."""

    reason: Reason
    detail: str


Decoded = Segment | IcmpError | Undecoded


def decode(packet: bytes, *, offloaded: bool = False) -> Decoded:
    """Read one IP packet, IPv4 or IPv6, without a link-layer header; whatever the octets, nothing is raised.

    Lengths come from the IP header: octets beyond are padding, and octets missing were cut by the capture, so
    that ``payload`` is shorter than ``payload_length``. ``offloaded`` says that the checksum was left to the
    hardware. A header that contradicts itself gives a ``Segment`` with ``defects`` and without the part that
    cannot be told; a receiver drops it.
    """
    datagram = _ip(packet)
    if isinstance(datagram, Undecoded):
        return datagram
    protocol = datagram.protocol
    if protocol == _TCP and not datagram.fragment:
        return _segment(packet, datagram, offloaded)
    if datagram.fragment and (protocol in _OURS or protocol in _COUNTED_IN_EIGHTS):
        return Undecoded(Reason.FRAGMENT, "The packet is a fragment, and fragments are not put together.")
    if protocol == (_ICMPV6 if datagram.v6 else _ICMP):
        return _icmp(packet, datagram)
    return Undecoded(Reason.NOT_TCP, f"The packet carries protocol {protocol}, not TCP.")


class _Datagram(NamedTuple):
    """An IP header: what it carries begins at ``start`` and, by the IP length, ends before ``end``.

    ``doubtful``: addresses or length may not be those that the checksum covers, or it is not yet computed.
    """

    v6: bool
    src: bytes
    dst: bytes
    protocol: int
    start: int
    end: int
    ttl: int
    ecn: int
    fragment: bool
    doubtful: bool


def _ip(packet: bytes) -> _Datagram | Undecoded:
    version = packet[0] >> 4 if packet else 0
    if version == 4:
        return _ipv4(packet)
    if version == 6:
        return _ipv6(packet)
    if not packet:
        return Undecoded(Reason.TRUNCATED, "The packet has no octets.")
    return Undecoded(Reason.NOT_IP, f"IP version {version} is neither 4 nor 6.")


def _ipv4(packet: bytes) -> _Datagram | Undecoded:
    captured = len(packet)
    if captured < 20:
        return Undecoded(Reason.TRUNCATED, f"{captured} octets are too few for an IPv4 header.")
    first, service, total, _, fragment, ttl, protocol, header_sum, src, dst = _IPV4_HEADER.unpack_from(packet)
    start = (first & 0x0F) << 2
    # The header's own checksum is still to be filled in: the packet was seen before it left its sender.
    doubtful = header_sum == 0
    if start != 20:
        if start < 20:
            return Undecoded(Reason.NOT_IP, f"An IPv4 header of {start} octets is shorter than 20.")
        doubtful |= _source_routed(packet[20:start])
    if total == 0:
        # Segmentation offload: the hardware would have filled in lengths and checksums later.
        total = captured
        doubtful = True
    if total < start:
        return Undecoded(
            Reason.TRUNCATED, f"IPv4 total length {total} is less than its header's {start} octets."
        )
    # More fragments, or an offset other than 0 (RFC 791 section 3.1).
    fragmented = bool(fragment & 0x3FFF)
    return _Datagram(False, src, dst, protocol, start, total, ttl, service & 3, fragmented, doubtful)


def _source_routed(options: bytes) -> bool:
    at = 0
    while at < len(options):
        kind = options[at]
        if kind in (_LOOSE_ROUTE, _STRICT_ROUTE):
            return True
        if kind == 0:
            return False
        at += 1 if kind == 1 else max(2, options[at + 1] if at + 1 < len(options) else 2)
    return False


def _ipv6(packet: bytes) -> _Datagram | Undecoded:
    captured = len(packet)
    if captured < 40:
        return Undecoded(Reason.TRUNCATED, f"{captured} octets are too few for an IPv6 header.")
    first, length, protocol, ttl, src, dst = _IPV6_HEADER.unpack_from(packet)
    end = 40 + length
    doubtful = fragment = False
    if length == 0 and protocol != 59:
        end = captured
        doubtful = True
        # Linux writes the jumbo payload option (RFC 2675) first in its big segments.
        if protocol == _HOP_BY_HOP and packet[42:44] == b"\xc2\x04" and captured >= 48:
            end = 40 + int.from_bytes(packet[44:48], "big")
    start = 40
    while protocol in _COUNTED_IN_EIGHTS or protocol in (_FRAGMENT, _AUTHENTICATION):
        if start + 8 > min(captured, end):
            return Undecoded(
                Reason.TRUNCATED, f"The packet ends inside the IPv6 extension header {protocol}."
            )
        following, count = packet[start], packet[start + 1]
        if protocol == _FRAGMENT:
            fragment = bool(int.from_bytes(packet[start + 2 : start + 4], "big") & 0xFFF9)
            start += 8
        elif protocol == _AUTHENTICATION:
            start += (count + 2) * 4
        else:
            # The checksum covers the final destination and the home address (RFC 8200 8.1, RFC 6275 6.3).
            doubtful |= protocol == _DESTINATION or (protocol == _ROUTING and packet[start + 3] > 0)
            start += (count + 1) * 8
        protocol = following
        if fragment:
            break
    return _Datagram(True, src, dst, protocol, start, end, ttl, (first >> 20) & 3, fragment, doubtful)


@lru_cache(maxsize=16384)
def address_text(octets: bytes) -> str:
    """Canonical text of an address of 4 or 16 octets (RFC 5952 for IPv6, with dotted IPv4-mapped ones)."""
    if len(octets) == 4:
        return ".".join(map(str, octets))
    if octets.startswith(bytes(10) + b"\xff\xff"):
        return "::ffff:" + address_text(octets[12:])
    from ipaddress import IPv6Address  # takes milliseconds to load, and IPv4 needs it not

    return str(IPv6Address(octets))


_flags: Final = lru_cache(maxsize=4096)(Flags)
_options: Final = lru_cache(maxsize=1024)(option.parse)


def _segment(packet: bytes, datagram: _Datagram, offloaded: bool) -> Segment | Undecoded:
    _, src, dst, _, start, end, ttl, ecn, _, doubtful = datagram
    captured = len(packet)
    length = end - start
    if length < 20 or captured - start < 20:
        seen = max(0, min(end, captured) - start)
        return Undecoded(Reason.TRUNCATED, f"{seen} octets are too few for a TCP header.")
    sport, dport, seq, ack, offset_and_flags, window, field, urgent = _TCP_HEADER.unpack_from(packet, start)
    header = offset_and_flags >> 12 << 2
    cut = captured < end
    options: tuple[Option, ...] = ()
    defects: tuple[str, ...] = ()
    payload = b""
    payload_length = 0
    if 20 <= header <= length:
        body = start + header
        payload_length = end - body
        if header > 20:
            options = _options(packet[start + 20 : body])
            if captured < body:
                options = _whole(options)
                defects = (HEADER_CUT,)
        payload = packet[body:end]
    elif header < 20:
        defects = (f"data offset {header >> 2} is less than 5",)
    else:
        defects = (f"data offset {header >> 2} runs past the segment's {length} octets",)
        options = option.parse(packet[start + 20 : end])
        if cut:
            options = _whole(options)
            defects += (HEADER_CUT,)
    if offloaded or cut:
        checksum = Checksum.UNVERIFIABLE
    else:
        checksum = _verify(packet[start:end], src + dst, field, doubtful)
    return Segment(
        src=address_text(src),
        dst=address_text(dst),
        sport=sport,
        dport=dport,
        seq=Seq(seq),
        ack=Seq(ack),
        flags=_flags(offset_and_flags & 0xFFF),
        window=window,
        urgent=urgent,
        options=options,
        payload=payload,
        payload_length=payload_length,
        checksum=checksum,
        ttl=ttl,
        ecn=ecn,
        defects=defects,
    )


def _whole(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """Without a last option of which the capture has only a part."""
    if not options or options[-1].kind in (Kind.EOL, Kind.NOP):
        return options
    last = options[-1]
    return options[:-1] if last.length is None or last.length > len(last.data) + 2 else options


def _verify(octets: bytes, addresses: bytes, field: int, doubtful: bool) -> Checksum:
    """RFC 9293 section 3.1: the sum over pseudo-header, header and payload, in one's complement, is all ones.

    One's complement addition of 16-bit words is addition modulo 0xffff, for 0x10000 leaves 1.
    """
    length = len(octets)
    addresses_sum = int.from_bytes(addresses, "big") + _TCP
    # Partial offload leaves the pseudo-header's sum in the field, for the hardware to go on from. It is asked
    # first because it is cheap; one in 65536 correct checksums is by chance called unverifiable.
    if (addresses_sum + length - field) % 0xFFFF == 0:
        return Checksum.UNVERIFIABLE
    octets_sum = int.from_bytes(octets, "big") % 0xFFFF
    if length & 1:
        octets_sum <<= 8
    if (addresses_sum + length + octets_sum) % 0xFFFF == 0:
        return Checksum.CORRECT
    # NDIS's large send leaves the length out of the partial sum.
    if doubtful or (addresses_sum - field) % 0xFFFF == 0:
        return Checksum.UNVERIFIABLE
    return Checksum.WRONG


def _icmp(packet: bytes, datagram: _Datagram) -> IcmpError | Undecoded:
    v6, src, dst, start = datagram.v6, datagram.src, datagram.dst, datagram.start
    message = packet[start : datagram.end]
    if len(message) < 8:
        return Undecoded(Reason.TRUNCATED, f"{len(message)} octets are too few for an ICMP header.")
    kind, code = message[0], message[1]
    if kind not in (icmp.V6_TYPES if v6 else icmp.V4_TYPES):
        return Undecoded(Reason.NOT_TCP, f"ICMP{'v6' * v6} type {kind} is not an error.")
    quoted = message[8:]
    inner = _ip(quoted)
    if isinstance(inner, Undecoded):
        return Undecoded(inner.reason, f"An ICMP error's quoted packet is unreadable: {inner.detail}")
    if inner.protocol != _TCP:
        return Undecoded(Reason.NOT_TCP, f"The ICMP error is about protocol {inner.protocol}, not TCP.")
    # The first fragment has the ports; a later one has not.
    if inner.fragment and (inner.v6 or quoted[6] & 0x1F or quoted[7]):
        return Undecoded(Reason.FRAGMENT, "The ICMP error quotes a fragment.")
    ports = quoted[inner.start : inner.start + 4]
    if len(ports) < 4:
        return Undecoded(Reason.TRUNCATED, "The ICMP error quotes too little of a TCP header.")
    mtu = None
    if v6 and kind == 2:
        mtu = int.from_bytes(message[4:8], "big")
    elif not v6 and (kind, code) == (3, 4):
        mtu = int.from_bytes(message[6:8], "big")
    number = quoted[inner.start + 4 : inner.start + 8]
    return IcmpError(
        src=address_text(src),
        dst=address_text(dst),
        type=kind,
        code=code,
        v6=v6,
        mtu=mtu or None,  # routers older than RFC 1191 leave 0
        quoted_src=address_text(inner.src),
        quoted_dst=address_text(inner.dst),
        quoted_sport=int.from_bytes(ports[:2], "big"),
        quoted_dport=int.from_bytes(ports[2:], "big"),
        quoted_seq=Seq(int.from_bytes(number, "big")) if len(number) == 4 else None,
    )
