"""Netlink by hand: messages, attributes, and the few requests that lay a wire between two namespaces."""

from __future__ import annotations

import array
import errno
import fcntl
import ipaddress
import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Final

# linux/netlink.h
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
_NLM_F_CREATE, _NLM_F_EXCL = 0x400, 0x200
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")

# linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/veth.h
_RTMGRP_LINK: Final = 1
_RTM_NEWLINK, _RTM_GETLINK, _RTM_NEWADDR = 16, 18, 20
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_AF_SPEC, _IFLA_NET_NS_FD = 3, 18, 26, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFLA_INET6_ADDR_GEN_MODE, _IN6_ADDR_GEN_MODE_NONE = 8, 1
_IFA_ADDRESS, _IFA_LOCAL, _IFA_F_NODAD = 1, 2, 0x02
_LINK: Final = struct.Struct("=BxHiII")
_ADDRESS: Final = struct.Struct("=BBBBI")
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_RT_SCOPE_UNIVERSE, _RT_SCOPE_LINK = 0, 253

# linux/ethtool.h, linux/sockios.h
_SIOCETHTOOL: Final = 0x8946
_ETHTOOL_STXCSUM, _ETHTOOL_STSO = 0x17, 0x1F

LOOPBACK_INDEX: Final = 1


class Netlink:
    """One netlink socket of one family in the network namespace of the thread that made it."""

    def __init__(self, family: int, groups: int = 0) -> None:
        self._socket: Final = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        self._socket.bind((0, groups))
        self._number = 0

    def __enter__(self) -> Netlink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def ask(self, kind: int, body: bytes, *, flags: int = NLM_F_ACK) -> Iterator[bytes]:
        """Send a request and give the bodies of what answers it; raises ``OSError`` where the kernel refuses.

        With NLM_F_ACK or NLM_F_DUMP among the flags the answers end by themselves; a request without
        either has one answer.
        """
        self._number += 1
        length = _HEADER.size + len(body)
        self._socket.send(_HEADER.pack(length, kind, NLM_F_REQUEST | flags, self._number, 0) + body)
        while True:
            for number, found, answer in messages(self._socket.recv(1 << 20)):
                if number != self._number:
                    continue
                if found == _NLMSG_DONE:
                    return
                if found == _NLMSG_ERROR:
                    refused = -int(struct.unpack_from("=i", answer)[0])
                    if refused:
                        raise OSError(refused, os.strerror(refused), f"netlink request {kind}")
                    return
                yield answer
                if not flags & (NLM_F_ACK | NLM_F_DUMP):
                    return

    def tell(self, kind: int, body: bytes, *, flags: int = 0) -> None:
        """Send a request that is answered by an acknowledgment only."""
        for _answer in self.ask(kind, body, flags=flags | NLM_F_ACK):
            pass

    def wait(self, deadline: int) -> bool:
        """Wait for a notification until ``deadline``, a ``time.monotonic_ns()``; False if it passes."""
        left = max(0, deadline - time.monotonic_ns())
        ready, _, _ = select.select([self._socket], [], [], left / 1e9)
        if ready:
            self._socket.recv(1 << 20)
        return bool(ready)


def messages(datagram: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Sequence number, type and body of each message in what the kernel sent."""
    at = 0
    while at + _HEADER.size <= len(datagram):
        length, kind, _flags, number, _port = _HEADER.unpack_from(datagram, at)
        if length < _HEADER.size:
            return
        yield number, kind, datagram[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four octets; nest them by concatenation."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def attributes(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and value of each attribute."""
    at = 0
    while at + _ATTRIBUTE.size <= len(octets):
        length, kind = _ATTRIBUTE.unpack_from(octets, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind, octets[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def lay_wire(name: str, index: int, far_namespace: int) -> None:
    """A veth pair: this name and index here, and in the network namespace behind a descriptor."""
    named = attribute(_IFLA_IFNAME, name.encode() + b"\0")
    placed = attribute(_IFLA_NET_NS_FD, struct.pack("=I", far_namespace))
    peer = attribute(_VETH_INFO_PEER, _LINK.pack(0, 0, index, 0, 0) + named + placed)
    veth = attribute(_IFLA_INFO_KIND, b"veth\0") + attribute(_IFLA_INFO_DATA, peer)
    body = _LINK.pack(0, 0, index, 0, 0) + named + attribute(_IFLA_LINKINFO, veth)
    with Netlink(socket.NETLINK_ROUTE) as route:
        route.tell(_RTM_NEWLINK, body, flags=_NLM_F_CREATE | _NLM_F_EXCL)


def bring_up(index: int) -> None:
    """Set an interface up."""
    with Netlink(socket.NETLINK_ROUTE) as route:
        route.tell(_RTM_NEWLINK, _LINK.pack(0, 0, index, _IFF_UP, _IFF_UP))


def no_made_up_address(index: int) -> bool:
    """Keep IPv6 from making a link-local address of its own; False where this kernel has no IPv6."""
    mode = attribute(_IFLA_INET6_ADDR_GEN_MODE, bytes([_IN6_ADDR_GEN_MODE_NONE]))
    spec = attribute(_IFLA_AF_SPEC, attribute(socket.AF_INET6, mode))
    try:
        with Netlink(socket.NETLINK_ROUTE) as route:
            route.tell(_RTM_NEWLINK, _LINK.pack(0, 0, index, 0, 0) + spec)
    except OSError as refusal:
        if refusal.errno in (errno.EAFNOSUPPORT, errno.EOPNOTSUPP):
            return False
        raise
    return True


def add_address(index: int, address: str, prefix: int) -> None:
    """Give an interface an address, usable at once: no duplicate address detection (RFC 4862 5.4)."""
    packed = ipaddress.ip_address(address).packed
    family, flags = (socket.AF_INET, 0) if len(packed) == 4 else (socket.AF_INET6, _IFA_F_NODAD)
    scope = _RT_SCOPE_LINK if ipaddress.ip_address(address).is_link_local else _RT_SCOPE_UNIVERSE
    body = _ADDRESS.pack(family, prefix, flags, scope, index)
    body += attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed)
    with Netlink(socket.NETLINK_ROUTE) as route:
        route.tell(_RTM_NEWADDR, body, flags=_NLM_F_CREATE | _NLM_F_EXCL)


def await_running(index: int, within: int) -> None:
    """Wait, for ``within`` nanoseconds, until an interface can send; raises ``TimeoutError``."""
    deadline = time.monotonic_ns() + within
    with Netlink(socket.NETLINK_ROUTE) as route, Netlink(socket.NETLINK_ROUTE, _RTMGRP_LINK) as news:
        while True:
            for answer in route.ask(_RTM_GETLINK, _LINK.pack(0, 0, index, 0, 0), flags=0):
                flags: int = _LINK.unpack_from(answer)[3]
                if flags & _IFF_RUNNING:
                    return
            if not news.wait(deadline):
                raise TimeoutError(f"interface {index} is not running after {within / 1e9:g} s")


def honest_checksums(name: str) -> None:
    """Have the kernel fill in checksums and cut segments for this interface, as a real wire shows them.

    Left alone, veth passes both on undone, up to 64 KB in one segment; where that cannot be changed it does.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
        for command in (_ETHTOOL_STXCSUM, _ETHTOOL_STSO):
            value = array.array("B", struct.pack("=II", command, 0))
            address, _length = value.buffer_info()
            request = struct.pack("16sP16x", name.encode(), address)
            try:
                fcntl.ioctl(any_socket, _SIOCETHTOOL, request)
            except OSError:
                return
