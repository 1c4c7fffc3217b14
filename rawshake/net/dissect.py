"""Finds the IP packets inside what the fast path does not know: PPP, 802.11 and tunnels, with Scapy's dissectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rawshake.net.craft import warm_up
from rawshake.trace import links
from rawshake.trace.model import LinkType

if TYPE_CHECKING:
    from scapy.packet import Packet

#: How many tunnels may be inside each other; an encapsulation limit by default is 4 (RFC 2473 section 6.6).
DEEPEST: Final = 8
#: How many layers one header of a tunnel may have before its IP packet: tags, labels, extensions.
_MOST_LAYERS: Final = 32
#: How many frames may stand in one of 802.11 (A-MSDU): it holds 11,454 octets at the most.
_MOST_AGGREGATED: Final = 64

#: Why there is no packet inside.
NOT_IP: Final = "not IP"
ENCRYPTED: Final = "encrypted"
WIREGUARD: Final = "is encrypted (WireGuard)"
MACSEC: Final = "is encrypted (MACsec)"
WIRELESS: Final = "is encrypted (802.11)"
PPP_CLOSED: Final = "is encrypted or compressed (PPP)"
TOO_DEEP: Final = "is wrapped in too many tunnels"
UNREADABLE: Final = "has a tunnel or link layer that cannot be read"

_WIRELESS: Final = frozenset(
    {LinkType.IEEE802_11, LinkType.IEEE802_11_PRISM, LinkType.IEEE802_11_RADIOTAP, LinkType.IEEE802_11_AVS}
)
_POINT_TO_POINT: Final = frozenset({LinkType.PPP, LinkType.PPP_HDLC, LinkType.C_HDLC})
#: First octets of Cisco HDLC: unicast and multicast. PPP's protocol numbers do not begin so.
_CISCO: Final = (b"\x0f\x00", b"\x8f\x00")
#: What stands for encrypted or compressed data in PPP (RFC 1962, RFC 1968).
_PPP_DATA: Final = frozenset({0x00FD, 0x00FB, 0x0053, 0x0055})
#: 802.11's frame control: the type data, its subtypes without data and with QoS, and flags.
_DATA, _NO_DATA, _QOS = 2, 4, 8
_BOTH_WAYS, _PROTECTED, _ORDER = 0x03, 0x40, 0x80
#: The bit of the QoS field that says that several frames are in one.
_AGGREGATE: Final = b"\x80"


class Inner(NamedTuple):
    """The innermost IP packets of a frame; ``reason`` says why there is none, and is empty where there is one."""

    packets: tuple[bytes, ...]
    reason: str = ""


def packets(link_type: int, data: bytes) -> Inner:
    """What is inside a frame of ``link_type``, or with RAW inside an IP packet; whatever the octets, nothing is raised.

    A packet that carries no tunnel is its own innermost one.
    """
    reason = ""
    found: list[bytes] = []
    for outer in _outer(link_type, data):
        inner = outer if isinstance(outer, str) else _innermost(outer)
        if isinstance(inner, str):
            reason = reason or inner
        else:
            found.append(inner)
    if found:
        return Inner(tuple(found))
    return Inner((), reason or NOT_IP)


def _outer(link_type: int, data: bytes) -> Iterator[bytes | str]:
    """The IP packets that a frame carries, or why it carries none."""
    packet = links.ip(link_type, data)
    if packet is not None:
        yield packet
    elif link_type in links.KNOWN:
        yield MACSEC if links.is_macsec(link_type, data) else NOT_IP
    elif link_type in _WIRELESS:
        yield from _wireless(link_type, data)
    elif link_type in _POINT_TO_POINT:
        layer = _layers().cisco if data[:2] in _CISCO or link_type == LinkType.C_HDLC else _layers().ppp
        yield _peeled(layer, data)
    elif link_type == LinkType.PPP_WITH_DIRECTION:
        yield _peeled(_layers().ppp, data[1:])
    elif link_type == LinkType.PPP_ETHERNET:
        yield _peeled(_layers().pppoe, data)
    else:
        yield unknown(link_type)


def unknown(link_type: int) -> str:
    """Why a frame of that link type is left out."""
    try:
        name = f" ({LinkType(link_type).name})"
    except ValueError:
        name = ""
    return f"has a link layer that is not known, type {link_type}{name}"


def _innermost(packet: bytes) -> bytes | str:
    """The IP packet inside all tunnels, or why it cannot be had; without tunnel the packet itself."""
    for _ in range(DEEPEST):
        wrapped = links.wrapped(packet)
        if wrapped is None:
            return packet
        protocol, port, at = wrapped
        if protocol == links.ESP:
            return WIREGUARD if port == links.WIREGUARD else ENCRYPTED
        inner = packet[at:]
        if protocol not in links.IP_IN_IP:
            found: bytes | str | None = links.behind_tunnel(protocol, port, inner)
            found = found or _peeled(_layers().tunnels[protocol, port], inner)
            if isinstance(found, str):
                # A tunnel also carries its own messages, ARP, and what else Ethernet does.
                return found
            inner = found
        if inner[0] >> 4 not in (4, 6):
            return NOT_IP
        packet = inner
    return packet if links.wrapped(packet) is None else TOO_DEEP


def _peeled(layer: type[Packet], data: bytes) -> bytes | str:
    """The first IP packet behind the header ``layer`` and what follows it, or why there is none."""
    scapy = _layers()
    try:
        # Beyond an IP header nothing is Scapy's: an inner tunnel would be dissected with it, and so on.
        dissected = layer(data, stop_dissection_after=scapy.stop)
    # Whatever a dissector makes of octets that it was not written for.
    except Exception:  # noqa: BLE001
        return UNREADABLE
    part: Any = dissected
    for _ in range(_MOST_LAYERS):
        if isinstance(part, scapy.ip):
            octets: bytes = part.original
            return octets or NOT_IP
        if isinstance(part, scapy.ethernet):
            frame: bytes = part.original
            closed = links.is_macsec(LinkType.ETHERNET, frame)
            return links.ip(LinkType.ETHERNET, frame) or (MACSEC if closed else NOT_IP)
        if isinstance(part, scapy.ppp) and part.fields.get("proto") in _PPP_DATA:
            return PPP_CLOSED
        part = part.payload
        if not part:
            return NOT_IP
    return NOT_IP


# 802.11.


def _wireless(link_type: int, data: bytes) -> Iterator[bytes | str]:
    """The packets of an 802.11 frame (IEEE 802.11 section 9.3.2); most frames carry none and cost little."""
    at = _radio(link_type, data)
    if at is None or len(data) < at + 24:
        yield NOT_IP
        return
    kind, subtype, flags = data[at] >> 2 & 3, data[at] >> 4, data[at + 1]
    if kind != _DATA or subtype & _NO_DATA:  # management, control, data frames without data
        yield NOT_IP
        return
    if flags & _PROTECTED:
        yield WIRELESS
        return
    begin = at + 24 + 6 * (flags & _BOTH_WAYS == _BOTH_WAYS)
    if not subtype & _QOS:
        yield links.behind_llc(data[begin:]) or NOT_IP
        return
    body = data[begin + 2 + 4 * (flags & _ORDER != 0) :]  # behind QoS and HT control
    if data[begin : begin + 1] < _AGGREGATE:
        yield links.behind_llc(body) or NOT_IP
        return
    at = 0
    for _ in range(_MOST_AGGREGATED):
        if at + 14 > len(body):
            return
        length = int.from_bytes(body[at + 12 : at + 14], "big")
        yield links.behind_llc(body[at + 14 : at + 14 + length]) or NOT_IP
        at += 14 + length + -(14 + length) % 4


def _radio(link_type: int, data: bytes) -> int | None:
    """How long the header before the 802.11 frame is; None where that cannot be told."""
    if link_type == LinkType.IEEE802_11:
        return 0
    if link_type == LinkType.IEEE802_11_RADIOTAP:
        return int.from_bytes(data[2:4], "little") if data[:1] == b"\0" else None
    if link_type == LinkType.IEEE802_11_AVS or data[:3] == b"\x80\x21\x10":
        return int.from_bytes(data[4:8], "big")
    return 144


@dataclass(frozen=True, slots=True)
class _Layers:
    """Scapy's classes; ``tunnels`` by IP protocol and UDP port."""

    ip: tuple[type[Packet], ...]
    ethernet: tuple[type[Packet], ...]
    stop: Any
    ppp: type[Packet]
    cisco: type[Packet]
    pppoe: type[Packet]
    tunnels: dict[tuple[int, int], type[Packet]]


@cache
def _layers() -> _Layers:
    """Imported at the first use, which takes most of a second."""
    warm_up(v6=True)  # Scapy itself is imported there, without what it need not read
    import scapy.contrib.erspan  # noqa: F401 -- what GRE carries
    from scapy.contrib.chdlc import CHDLC
    from scapy.contrib.geneve import GENEVE
    from scapy.contrib.gtp import GTP_U_Header
    from scapy.contrib.mpls import MPLS
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import GRE, Dot3, Ether
    from scapy.layers.ppp import PPP, PPPoE
    from scapy.layers.vxlan import VXLAN

    ip, ethernet = (IP, IPv6), (Ether, Dot3)
    tunnels: dict[tuple[int, int], type[Packet]] = {
        (links.GRE, 0): GRE,
        (links.MPLS_IN_IP, 0): MPLS,
        (links.UDP, 4789): VXLAN,
        (links.UDP, 8472): VXLAN,
        (links.UDP, 6081): GENEVE,
        (links.UDP, 2152): GTP_U_Header,
    }
    return _Layers(ip, ethernet, ip + ethernet, PPP, CHDLC, PPPoE, tunnels)
