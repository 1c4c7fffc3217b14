"""What stands before the IP packet: link-layer headers of the common kinds, taken off fast."""

from __future__ import annotations

from typing import Final

from rawshake.trace.model import LinkType

_IPV4: Final = b"\x08\x00"
_IP: Final = (_IPV4, b"\x86\xdd")
#: 802.1Q, 802.1ad, and what stood for it before.
_TAGS: Final = (b"\x81\x00", b"\x88\xa8", b"\x91\x00", b"\x92\x00")
#: MPLS (RFC 3032 section 5), PPPoE's session stage (RFC 2516 section 4) and PPP's numbers for IPv4 and IPv6.
_MPLS: Final = (b"\x88\x47", b"\x88\x48")
_PPPOE: Final = b"\x88\x64"
_PPP_IP: Final = (b"\x00\x21", b"\x00\x57")
#: LLC and SNAP before an EtherType (IEEE 802.2): DSAP, SSAP, UI, and an organization that is none.
_SNAP: Final = b"\xaa\xaa\x03\x00\x00\x00"
#: IEEE 802.1AE.
_MACSEC: Final = b"\x88\xe5"
#: What BSD calls AF_INET, and AF_INET6 on its various systems.
_FAMILIES: Final = frozenset({2, 10, 24, 28, 30})
RAW: Final = frozenset({LinkType.RAW, LinkType.RAW_BSD, LinkType.RAW_OPENBSD, LinkType.IPV4, LinkType.IPV6})
#: Kinds of which ``ip`` knows all there is to know.
KNOWN: Final = RAW | {
    LinkType.ETHERNET,
    LinkType.LINUX_SLL,
    LinkType.LINUX_SLL2,
    LinkType.NULL,
    LinkType.LOOP,
}
# A member of an enumeration compares slower than a number.
_ETHERNET: Final = int(LinkType.ETHERNET)
_SLL: Final = int(LinkType.LINUX_SLL)
_SLL2: Final = int(LinkType.LINUX_SLL2)


#: Why such a packet is left out.
DAMAGED: Final = "has an IPv4 header that is damaged"


def damaged(packet: bytes) -> bool:
    """Whether an IPv4 header names more octets than were sent, and its own checksum disowns it.

    Every receiver drops such a packet (RFC 1122 section 3.2.1.2), so its numbers are nobody's. Only for packets of
    which the capture has all. A wrong checksum alone is no reason: who makes addresses anonymous leaves it so.
    """
    if len(packet) < 20 or packet[0] >> 4 != 4 or int.from_bytes(packet[2:4], "big") <= len(packet):
        return False
    head = packet[: (packet[0] & 15) * 4]
    # The sum in one's complement is all ones, and 0 is a checksum that is still to be filled in.
    return packet[10:12] != b"\0\0" and int.from_bytes(head, "big") % 0xFFFF != 0


def ip(link_type: int, data: bytes) -> bytes | None:
    """The IP packet that a frame carries; None where it carries none, or in a way that is not known here."""
    if link_type == _ETHERNET:
        kind = data[12:14]
        if kind == _IPV4:
            return data[14:] or None
        return _typed(data, 12)
    if link_type in RAW:
        return data if data and data[0] >> 4 in (4, 6) else None
    if link_type == _SLL:
        return _typed(data, 14)
    if link_type == _SLL2:
        if data[:2] in _IP:
            return data[20:] or None
        return _typed(data[:2] + data[20:], 0)
    if link_type in (LinkType.NULL, LinkType.LOOP):
        # NULL is in the byte order of whoever captured: one of the two ends is zero.
        family = data[:4]
        if (
            len(data) > 4
            and int.from_bytes(family, "big" if family[:2] == b"\0\0" else "little") in _FAMILIES
        ):
            return data[4:]
    return None


def is_macsec(link_type: int, data: bytes) -> bool:
    """Whether a frame is encrypted by IEEE 802.1AE, so that nobody can tell what it carries."""
    if link_type == _ETHERNET:
        return _behind_tags(data, 12)[0] == _MACSEC
    return link_type == _SLL and _behind_tags(data, 14)[0] == _MACSEC


def _behind_tags(data: bytes, at: int) -> tuple[bytes, int]:
    """The EtherType behind any VLAN tags, and where what it announces begins."""
    kind = data[at : at + 2]
    while kind in _TAGS:
        at += 4
        kind = data[at : at + 2]
    return kind, at + 2


def _typed(data: bytes, at: int) -> bytes | None:
    """What follows an EtherType at ``at``; addresses do not matter."""
    kind, at = _behind_tags(data, at)
    if kind in _IP:
        return data[at:] or None
    if kind in _MPLS:
        return _labelled(data, at)
    if kind == _PPPOE:
        return data[at + 8 :] or None if data[at + 6 : at + 8] in _PPP_IP else None
    if len(kind) == 2 and kind < b"\x06\x00":  # a length and not a type (IEEE 802.3 section 3.2.6)
        return behind_llc(data[at:])
    return None


def behind_llc(data: bytes) -> bytes | None:
    """The IP packet behind LLC and SNAP (RFC 1042), as in 802.11."""
    return data[8:] or None if data[:6] == _SNAP and data[6:8] in _IP else None


def _labelled(data: bytes, at: int) -> bytes | None:
    """What stands behind MPLS labels, of which the last says so; its kind shows in its first four bits."""
    while len(data) > at + 4:
        at += 4
        if data[at - 2] & 1:
            if data[at] >> 4 in (4, 6):
                return data[at:]
            # Ethernet, behind a control word (RFC 4448 section 4.6): zeros, and a sequence number.
            return _typed(data, at + 16) if not data[at] and not data[at + 1 : at + 2].strip(b"\0") else None
    return None


# IP in IP.

IPIP, UDP, IPV6, GRE, ESP, MPLS_IN_IP = 4, 17, 41, 47, 50, 137
_COMMON: Final = frozenset({1, 6, 58})
IP_IN_IP: Final = frozenset({IPIP, IPV6})
_WRAPPING: Final = frozenset({IPIP, IPV6, GRE, ESP, MPLS_IN_IP})
_EXTENSIONS: Final = frozenset({0, 43, 60})
#: Where tunnels are, by UDP's destination port: VXLAN (RFC 7348, and Linux's own port), Geneve (RFC 8926), GTP-U
#: (3GPP TS 29.281).
TUNNEL_PORTS: Final = frozenset({4789, 8472, 6081, 2152})
#: ESP in UDP (RFC 3948), and WireGuard's usual port.
_ESP_IN_UDP: Final = 4500
WIREGUARD: Final = 51820


def wrapped(packet: bytes) -> tuple[int, int, int] | None:
    """What carries something else in an IP packet: protocol, UDP port, and where that begins.

    None for TCP, ICMP, fragments, and all that is no tunnel. Encrypted ones have the protocol ESP: those of
    WireGuard with its port.
    """
    if len(packet) < 20:
        return None
    if packet[0] >> 4 == 4:
        protocol = packet[9]
        if protocol in _COMMON or packet[6] & 0x3F or packet[7]:
            return None
        at = (packet[0] & 15) * 4
    else:
        protocol, at = packet[6], 40
        while protocol in _EXTENSIONS and at + 8 <= len(packet):
            protocol, at = packet[at], at + 8 + packet[at + 1] * 8
        if protocol in _COMMON:
            return None
    if protocol in _WRAPPING:
        return (protocol, 0, at) if at < len(packet) else None
    if protocol != UDP or len(packet) < at + 12:
        return None
    port = packet[at + 2] << 8 | packet[at + 3]
    if port in TUNNEL_PORTS:
        return protocol, port, at + 8
    first = packet[at + 8 : at + 12]
    other = packet[at] << 8 | packet[at + 1]
    # An ESP header begins with an SPI, which is not zero; IKE on that port begins with zeros.
    if _ESP_IN_UDP in (port, other) and first != b"\0\0\0\0":
        return ESP, port, at + 8
    if WIREGUARD in (port, other) and first[0] in (1, 2, 3, 4) and first[1:] == b"\0\0\0":
        return ESP, WIREGUARD, at + 8
    return None


_BRIDGED: Final = b"\x65\x58"
#: How long a GRE header (RFC 2890) with these flags is: none, a key, a sequence number, both.
_GRE_LENGTHS: Final = {b"\0\0": 4, b"\x20\0": 8, b"\x10\0": 8, b"\x30\0": 12}


def behind_tunnel(protocol: int, port: int, data: bytes) -> bytes | None:
    """The IP packet behind a tunnel's header in its usual form; None for other forms, and where there is none."""
    if protocol == GRE:
        length = _GRE_LENGTHS.get(data[:2])
        return _carried(data[2:4], data[length:]) if length else None
    if port in (4789, 8472):  # flags, of which one is set, and the network's number
        return ip(_ETHERNET, data[8:]) if data[:4] == b"\x08\0\0\0" else None
    if port == 6081:  # version and length of options, flags
        return _carried(data[2:4], data[8 + 4 * data[0] :]) if data[0] < 64 and not data[1] & 0x80 else None
    if port == 2152 and data[:2] == b"\x30\xff" and len(data) > 8 and data[8] >> 4 in (4, 6):
        return data[8:]
    return None


def _carried(kind: bytes, data: bytes) -> bytes | None:
    if kind == _BRIDGED:
        return ip(_ETHERNET, data)
    return data or None if kind in _IP else None
