"""What stands before the IP packet: link-layer headers of the common kinds, taken off fast."""

from __future__ import annotations

from typing import Final

from rawshake.trace.model import LinkType

_IP: Final = (b"\x08\x00", b"\x86\xdd")
#: 802.1Q, 802.1ad, and what stood for it before.
_TAGS: Final = (b"\x81\x00", b"\x88\xa8", b"\x91\x00", b"\x92\x00")
#: What BSD calls AF_INET, and AF_INET6 on its various systems.
_FAMILIES: Final = frozenset({2, 10, 24, 28, 30})
RAW: Final = frozenset({LinkType.RAW, LinkType.RAW_BSD, LinkType.RAW_OPENBSD, LinkType.IPV4, LinkType.IPV6})


def ip(link_type: int, data: bytes) -> bytes | None:
    """The IP packet that a frame carries; None where it carries none, or in a way that is not known here."""
    if link_type == LinkType.ETHERNET:
        return _typed(data, 12)
    if link_type in RAW:
        return data if data and data[0] >> 4 in (4, 6) else None
    if link_type == LinkType.LINUX_SLL:
        return _typed(data, 14)
    if link_type == LinkType.LINUX_SLL2:
        if data[:2] in _TAGS:
            return _typed(data[:2] + data[20:], 0)
        return data[20:] if data[:2] in _IP and len(data) > 20 else None
    if link_type in (LinkType.NULL, LinkType.LOOP):
        # NULL is in the byte order of whoever captured: one of the two ends is zero.
        family = data[:4]
        if (
            len(data) > 4
            and int.from_bytes(family, "big" if family[:2] == b"\0\0" else "little") in _FAMILIES
        ):
            return data[4:]
    return None


def _typed(data: bytes, at: int) -> bytes | None:
    """What follows an EtherType at ``at``, behind any VLAN tags; addresses do not matter."""
    kind = data[at : at + 2]
    while kind in _TAGS:
        at += 4
        kind = data[at : at + 2]
    return data[at + 2 :] if kind in _IP and len(data) > at + 2 else None
