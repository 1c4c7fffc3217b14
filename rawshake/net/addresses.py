"""Which addresses this machine has (rtnetlink(7))."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import Final, Literal

from rawshake.net.route import Target

# linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h.
_NETLINK_ROUTE: Final = 0
_NLM_F_REQUEST, _NLM_F_DUMP = 1, 0x300
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFA_F_TENTATIVE, _IFA_F_DADFAILED = 0x40, 0x08

_HEADER: Final = struct.Struct("=IHHII")  # struct nlmsghdr
_IFADDRMSG: Final = struct.Struct("=4BI")


def local_addresses(family: Literal[4, 6] | None = None) -> list[Target]:
    """Every address of this machine, or of one family; those that are link-local with their interface's index."""
    found = []
    for wanted in (socket.AF_INET, socket.AF_INET6):
        if family in (None, 4 if wanted == socket.AF_INET else 6):
            found += list(_dump(wanted))
    return found


def _dump(family: int) -> Iterator[Target]:
    body = _IFADDRMSG.pack(family, 0, 0, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as kernel:
        kernel.bind((0, 0))
        flags = _NLM_F_REQUEST | _NLM_F_DUMP
        kernel.send(_HEADER.pack(_HEADER.size + len(body), _RTM_GETADDR, flags, 1, 0) + body)
        while True:
            answer = kernel.recv(1 << 16)
            while answer:
                length, kind = _HEADER.unpack_from(answer)[:2]
                if kind in (_NLMSG_DONE, _NLMSG_ERROR):
                    return
                if kind == _RTM_NEWADDR:
                    yield from _address(answer[_HEADER.size : length], family)
                answer = answer[(length + 3) & ~3 :]


def _address(message: bytes, family: int) -> Iterator[Target]:
    of_family, _, flags, _, index = _IFADDRMSG.unpack_from(message)
    if of_family != family or flags & (_IFA_F_TENTATIVE | _IFA_F_DADFAILED):
        return
    attributes: dict[int, bytes] = {}
    at = _IFADDRMSG.size
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if length < 4:
            break
        attributes[kind] = message[at + 4 : at + length]
        at += (length + 3) & ~3
    # On a point-to-point link IFA_ADDRESS is the other end's.
    packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
    if packed:
        address = ipaddress.ip_address(packed)
        yield Target(str(address), index if address.is_link_local and address.version == 6 else 0)
