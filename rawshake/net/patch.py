"""A segment as an IP packet, fast: Scapy builds one of each shape, and the others are that one with other numbers."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Final

from rawshake.net import craft
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq

#: Ports, SEQ, ACK; then, behind the data offset and the flags, window, checksum, urgent pointer.
_NUMBERS: Final = Struct("!HHII")
_REST: Final = Struct("!HHH")
_PLAIN: Final = 0x1FF
_TCP: Final = 6
_LARGEST: Final = 0xFFFF


def packet(segment: Segment, *, checksum: Callable[[int], int] | None = None) -> bytes:
    """What ``craft.build`` makes of it, octet for octet but for IPv4's random identification.

    Raises ``Failure`` as that does.
    """
    octets = b"".join(option.wire for option in segment.options)
    octets += bytes(-len(octets) % 4)
    length = 20 + len(octets) + len(segment.payload)
    unusual = segment.checksum is Checksum.WRONG or segment.flags.value > _PLAIN
    if unusual or len(octets) > craft.OPTIONS_ROOM or length + 40 > _LARGEST:
        return craft.build(segment, checksum=checksum)
    v6 = segment.v6
    network, header = _shape(
        segment.src, segment.dst, segment.flags.value, len(octets), segment.ttl, segment.ecn
    )
    made = bytearray(network)
    if v6:
        made[4:6] = length.to_bytes(2, "big")
    else:
        made[2:4] = (20 + length).to_bytes(2, "big")
        made[4:6] = random.randrange(1, 0x10000).to_bytes(2, "big")
        made[10:12] = bytes(2)
        made[10:12] = _sum(bytes(made)).to_bytes(2, "big")
    tcp = bytearray(header)
    _NUMBERS.pack_into(tcp, 0, segment.sport, segment.dport, segment.seq.value, segment.ack.value)
    _REST.pack_into(tcp, 14, segment.window, 0, segment.urgent)
    tcp[20 : 20 + len(octets)] = octets
    tcp += segment.payload
    addresses = bytes(made[8:40] if v6 else made[12:20])
    tcp[16:18] = _sum(addresses + (_TCP + length).to_bytes(4, "big") + bytes(tcp)).to_bytes(2, "big")
    return bytes(made + tcp)


@lru_cache(maxsize=1024)
def _shape(src: str, dst: str, flags: int, room: int, ttl: int, ecn: int) -> tuple[bytes, bytes]:
    """IP and TCP header of a segment with so many octets of options, as Scapy builds it."""
    from rawshake.tcp import option

    blank = Segment(
        src=src,
        dst=dst,
        sport=0,
        dport=0,
        seq=Seq(0),
        flags=Flags(flags),
        options=(option.NOP,) * room,
        ttl=ttl,
        ecn=ecn,
    )
    built = craft.build(blank)
    start = 40 if blank.v6 else 20
    return built[:start], built[start:]


def _sum(octets: bytes) -> int:
    """RFC 1071's checksum: one's complement addition of 16-bit words is addition modulo 0xffff."""
    total = int.from_bytes(octets, "big") << (8 if len(octets) & 1 else 0)
    return 0xFFFF - (total % 0xFFFF or 0xFFFF)
