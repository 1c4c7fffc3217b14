"""How a segment becomes an IP packet: with Scapy's IP, IPv6 and TCP layers, and nowhere else."""

from __future__ import annotations

import gc
import ipaddress
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Final

from rawshake.errors import Exit, Failure
from rawshake.link import IcmpMessage, Malformed
from rawshake.tcp.option import Kind, Option
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.seq import Seq

if TYPE_CHECKING:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.packet import Packet, Raw

#: What a checksum sent wrong on purpose is xored with: any value but 0 and 0xFFFF makes it wrong.
CHECKSUM_FAULT: Final = 0x1234
#: Octets of options that fit behind the 20 of the header, whose length field ends at 60 (RFC 9293 3.1).
OPTIONS_ROOM: Final = 40
_TCP_HEADER: Final = 20
_IPV4_HEADER: Final = 20
_IPV6_HEADER: Final = 40
_CHECKSUM_AT: Final = 16
_LARGEST: Final = 0xFFFF
_LEAST_MTU: Final = 1280
#: Where Wireshark, if it is installed, has its list of hardware makers.
_MAKERS: Final = "wireshark/manuf"


def build(
    segment: Segment,
    *,
    ident: int | None = None,
    checksum: Callable[[int], int] | None = None,
    malformed: Malformed | None = None,
) -> bytes:
    """The whole IP packet that says what ``segment`` says; lengths and checksums are filled in.

    Options go out octet for octet, defective ones too, padded with zeros to a multiple of 4. A segment
    whose ``checksum`` is WRONG gets the right one xor 0x1234, or what ``checksum`` makes of it. IPv4 has DF
    set, as ordinary stacks do, and ``ident`` as identification: 1 to 65535, random where None (0 would be
    replaced by the kernel, raw(7), and then these octets would not be those on the wire). ``malformed`` is what
    else is to be wrong, all but its ``fragment``; where that is not the checksum, it is right for what goes out.

    Raises ``Failure`` with USAGE where options or payload do not fit.
    """
    octets = b"".join(option.wire for option in segment.options)
    if len(octets) > OPTIONS_ROOM:
        raise Failure(
            Exit.USAGE,
            f"These TCP options take {len(octets)} octets, and a header has room for {OPTIONS_ROOM}.",
            "Leave some of them out.",
        )
    header = (_TCP_HEADER + len(octets) + 3) // 4
    malformed = malformed or Malformed()
    # IPv4's total length counts its own header, IPv6's payload length does not.
    if (0 if segment.v6 else _IPV4_HEADER) + 4 * header + len(segment.payload) > _LARGEST:
        raise Failure(
            Exit.USAGE,
            f"A payload of {len(segment.payload)} octets does not fit into one IP packet.",
            "Send it in several segments.",
        )
    scapy = _scapy(v6=segment.v6)
    tcp = scapy.tcp(
        sport=segment.sport,
        dport=segment.dport,
        seq=segment.seq.value,
        ack=segment.ack.value,
        dataofs=header if malformed.offset is None else malformed.offset,
        reserved=segment.flags.value >> 9,
        flags=segment.flags.value & 0x1FF,
        window=segment.window,
        urgptr=segment.urgent,
    )
    if all(map(_plain, segment.options)):
        tcp.options = [(int(option.kind), option.data) for option in segment.options]
        data = segment.payload
    else:
        # Scapy writes length octets itself, and always right ones. So what is wrong stands before the
        # payload: where a header ends is only what dataofs says.
        data = octets + bytes(-len(octets) % 4) + segment.payload
    if data:
        tcp.add_payload(scapy.raw(data))
    layers = _network(scapy.network, segment, ident)
    # As `layers / tcp`, which copies both. Explicit: no field stands for a range of values, and Scapy
    # need not expand them, a third of its time.
    layers.add_payload(tcp)
    layers.explicit = tcp.explicit = 1
    packet = bytearray(layers.build())
    at = (40 if segment.v6 else 20) + _CHECKSUM_AT
    if malformed.cut is not None:
        packet = _cut(scapy, segment, bytes(packet), malformed.cut)
    if malformed.checksum is not None:
        packet[at : at + 2] = malformed.checksum.to_bytes(2, "big")[: max(0, len(packet) - at)]
    elif segment.checksum is Checksum.WRONG and len(packet) >= at + 2:
        right = int.from_bytes(packet[at : at + 2], "big")
        written = right ^ CHECKSUM_FAULT if checksum is None else checksum(right)
        packet[at : at + 2] = written.to_bytes(2, "big")
    return bytes(packet)


def fragments(packet: bytes, octets: int) -> tuple[bytes, ...]:
    """A packet that ``build`` made, as IP fragments with so many octets of its TCP segment each, a multiple of 8.

    In IPv4 DF is cleared (RFC 791 section 3.2), in IPv6 a fragment header stands in each (RFC 8200 section 4.5). A
    packet that needs no second fragment stays as it is.
    """
    v6 = packet[0] >> 4 == 6
    scapy = _scapy(v6=v6)
    start = _IPV6_HEADER if v6 else _IPV4_HEADER
    data = packet[start:]
    if len(data) <= octets:
        return (packet,)
    ident = random.getrandbits(32)
    made = []
    for at in range(0, len(data), octets):
        more = at + octets < len(data)
        layers = scapy.network(packet[:start])
        if v6:
            from scapy.layers.inet6 import IPv6ExtHdrFragment

            layers.nh, layers.plen = 44, None
            layers /= IPv6ExtHdrFragment(nh=6, offset=at // 8, m=more, id=ident)
        else:
            layers.flags, layers.frag = "MF" if more else 0, at // 8
            layers.len = layers.chksum = None
        made.append(bytes(layers / scapy.raw(data[at : at + octets])))
    return tuple(made)


def build_icmp(message: IcmpMessage) -> bytes:
    """The whole IP packet of an ICMP error, from whom the segment that it is about was sent to.

    It quotes what the least must be quoted (RFC 792): the IP header and eight octets; for IPv6 as much as fits
    into 1280 octets (RFC 4443 section 2.4).
    """
    about = message.about
    quoted = build(about)
    scapy = _scapy(v6=about.v6)
    layers = _network(scapy.network, replace(about, src=about.dst, dst=about.src, ttl=64, ecn=0), None)
    if about.v6:
        from scapy.layers.inet6 import ICMPv6Unknown

        layers.nh = 58
        body = message.mtu.to_bytes(4, "big") + quoted[: _LEAST_MTU - 48]
        return bytes(layers / ICMPv6Unknown(type=message.type, code=message.code, msgbody=body))
    from scapy.layers.inet import ICMP

    layers.proto = 1
    icmp = ICMP(type=message.type, code=message.code, nexthopmtu=message.mtu)
    return bytes(layers / icmp / scapy.raw(quoted[:28]))


def warm_up(*, v6: bool) -> None:
    """Import Scapy and build one packet, so that the next ``build`` costs no import and fills no cache."""
    address = "::1" if v6 else "127.0.0.1"
    build(Segment(src=address, dst=address, sport=1, dport=1, seq=Seq(0)))


def _cut(scapy: _Layers, segment: Segment, packet: bytes, octets: int) -> bytearray:
    """The packet with only so many octets of TCP, whose checksum is right if it is among them."""
    start = 40 if segment.v6 else 20
    tcp = bytearray(packet[start : start + octets])
    layers = _network(scapy.network, segment, None)
    if len(tcp) >= _CHECKSUM_AT + 2:
        tcp[_CHECKSUM_AT : _CHECKSUM_AT + 2] = bytes(2)
        right = scapy.checksum(6, layers, bytes(tcp))
        tcp[_CHECKSUM_AT : _CHECKSUM_AT + 2] = right.to_bytes(2, "big")
    layers.add_payload(scapy.raw(bytes(tcp)))
    return bytearray(layers.build())


def _network(layer: type[IP | IPv6], segment: Segment, ident: int | None) -> Packet:
    # A zone as in fe80::1%eth0 is this host's affair and not in the packet (RFC 4007 section 11.2).
    src, dst = (str(ipaddress.ip_address(a.partition("%")[0])) for a in (segment.src, segment.dst))
    if segment.v6:
        return layer(src=src, dst=dst, tc=segment.ecn, hlim=segment.ttl, nh=6)
    if ident is None:
        ident = random.randrange(1, 0x10000)
    return layer(src=src, dst=dst, tos=segment.ecn, ttl=segment.ttl, proto=6, flags="DF", id=ident)


def _plain(option: Option) -> bool:
    """Whether Scapy would write this option just as it stands."""
    if option.kind in (Kind.EOL, Kind.NOP):
        return not option.data
    return option.length == len(option.data) + 2


@dataclass(frozen=True, slots=True)
class _Layers:
    network: type[IP | IPv6]
    tcp: type[TCP]
    raw: type[Raw]
    #: of protocol, IP layer and octets
    checksum: Callable[..., int]


@cache
def _scapy(*, v6: bool) -> _Layers:
    """Scapy's layers, imported at the first use; those of IPv6, a fifth of the time, only for IPv6."""
    with _frugal_import():
        # The only place where Scapy's global configuration is touched. Read when scapy.route is
        # imported: a full BGP table would take minutes.
        from scapy.config import conf

        conf.route_autoload = False
        conf.route6_autoload = False
        enabled = conf.ipv6_enabled
        conf.ipv6_enabled = enabled and v6
        try:
            from scapy.layers.inet import IP, TCP, in4_chksum
            from scapy.packet import Raw
        finally:
            conf.ipv6_enabled = enabled
        if not v6:
            return _Layers(IP, TCP, Raw, in4_chksum)
        from scapy.layers.inet6 import IPv6, in6_chksum
    return _Layers(IPv6, TCP, Raw, in6_chksum)


@contextmanager
def _frugal_import() -> Iterator[None]:
    """Keep Scapy, while it is imported, from reading and writing what no segment needs.

    Left alone it parses Wireshark's list of hardware makers and Bluetooth's of companies, caches both
    in ~/.cache/scapy (2.8 MB, root's when run by sudo), makes ~/.config, and asks the kernel for all
    interfaces, of which a container host has hundreds. Without, importing takes half the time. What is
    put in their place is taken away again; in a process that has imported Scapy already nothing changes.
    """
    empty: dict[str, dict[str, object]] = {
        "scapy.main": {"SCAPY_CACHE_FOLDER": None},
        "scapy.libs.manuf": {"DATA": ""},
        "scapy.libs.bluetoothids": {"DATA": {}},
    }
    if "scapy.data" in sys.modules:
        empty = {}
    for name, contents in empty.items():
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(contents)
    collecting = gc.isenabled()
    gc.disable()  # hundreds of classes are made, none is garbage
    try:
        exists = os.path.exists
        os.path.exists = lambda path: not str(path).endswith(_MAKERS) and exists(path)
        try:
            from scapy.interfaces import NetworkInterfaceDict
        finally:
            os.path.exists = exists
        reload = NetworkInterfaceDict.reload
        NetworkInterfaceDict.reload = lambda self: None  # type: ignore[method-assign]
        try:
            yield
        finally:
            NetworkInterfaceDict.reload = reload  # type: ignore[method-assign]
    finally:
        for name in empty:
            del sys.modules[name]
        gc.freeze()  # nor will it be: a later collection need not look at it
        if collecting:
            gc.enable()
