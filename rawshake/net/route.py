"""Which addresses a name has, and the way to one: source address, interface, MTU (rtnetlink(7))."""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from rawshake.errors import Exit, Failure
from rawshake.net.send import foreign_source, no_interface, refusal

# What the socket module does not name: linux/netlink.h, linux/rtnetlink.h, linux/if.h, linux/sockios.h.
_NETLINK_ROUTE: Final = 0
_NLM_F_REQUEST: Final = 1
_NLMSG_ERROR: Final = 2
_RTM_GETROUTE: Final = 26
_RTN_LOCAL, _RTN_BROADCAST, _RTN_MULTICAST = 2, 3, 5
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_PREFSRC, _RTA_METRICS = 1, 2, 4, 7, 8
_RTAX_MTU: Final = 2
_SIOCGIFFLAGS: Final = 0x8913
_SIOCGIFMTU: Final = 0x8921
_IFF_UP: Final = 1

_HEADER: Final = struct.Struct("=IHHII")  # struct nlmsghdr
_RTMSG: Final = struct.Struct("=8BI")  # struct rtmsg


class Target(NamedTuple):
    """An address in canonical text form without zone, and the interface index if it needs one, else 0."""

    address: str
    scope: int

    def __str__(self) -> str:
        if not self.scope:
            return self.address
        try:
            return f"{self.address}%{socket.if_indextoname(self.scope)}"
        except OSError:
            return f"{self.address}%{self.scope}"


@dataclass(frozen=True, slots=True)
class Route:
    """The kernel's way to an address; ``mtu`` in octets, ``local`` if the address is this machine's own."""

    source: str
    interface: str
    index: int
    mtu: int
    local: bool


def resolve(host: str, *, family: Literal[4, 6] | None = None) -> list[Target]:
    """All addresses of a name, or the one that ``host`` already is, best first (RFC 6724).

    ``family`` keeps those of IPv4 or IPv6. A zone as in ``fe80::1%eth0`` becomes the scope; an
    IPv4-mapped address becomes IPv4's. Raises ``Failure``: UNKNOWN_HOST, INTERFACE_DOWN for an unknown
    zone, USAGE for an address that no connection can be made to.
    """
    host = host.removeprefix("[").removesuffix("]")
    zone = host.partition("%")[2] if ":" in host else ""
    if zone and not _index(zone):
        raise no_interface(zone)
    asked = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[family]
    try:
        found = socket.getaddrinfo(host, None, asked, socket.SOCK_STREAM)
    except (OSError, ValueError) as unknown:  # ValueError: not a name at all, such as "a..b"
        raise _unknown_host(host, family, unknown) from unknown
    targets = []
    for _, _, _, _, name in found:
        address = ipaddress.ip_address(str(name[0]).partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            if family == 6:
                continue  # no such packet ever travels over IPv6 (RFC 4291 section 2.5.5.2)
            address = address.ipv4_mapped
        _refuse_impossible(address)
        scope = int(name[3]) if len(name) == 4 else 0
        targets.append(Target(str(address), scope))
    if not targets:
        raise _unknown_host(host, family, None)
    return list(dict.fromkeys(targets))


def source_for(
    address: str, *, scope: int = 0, interface: str | None = None, source: str | None = None
) -> Route:
    """The way that the kernel takes to ``address``, over ``interface`` and from ``source`` if given.

    Raises ``Failure``: NO_ROUTE, INTERFACE_DOWN if the interface is missing or down, FOREIGN_SOURCE,
    USAGE where the parts do not fit together.
    """
    index = 0
    if interface is not None:
        index = _index(interface)
        if not index:
            raise no_interface(interface)
        if not _flags(interface) & _IFF_UP:
            raise Failure(
                Exit.INTERFACE_DOWN,
                f"The interface '{interface}' is down.",
                f"Take it up: ip link set {interface} up.",
            )
    if scope and index and scope != index:
        raise Failure(
            Exit.USAGE,
            f"{Target(address, scope)} is not reached over '{interface}': the two name different interfaces.",
            "Leave --interface out.",
        )
    index = index or scope
    if ipaddress.ip_address(address).is_link_local and ":" in address and not index:
        raise Failure(
            Exit.NO_ROUTE,
            f"The address {address} is link-local, so that it needs an interface.",
            f"Write it after a %, as in {address}%eth0.",
        )
    if source is not None:
        source = check_source(source, index=index)
        if (":" in source) != (":" in address):
            raise Failure(
                Exit.USAGE,
                f"The source address {source} is not of the same family as {address}.",
                "Choose the family with -4 or -6, or another --source.",
            )
    try:
        answer = _ask(address, index=index, source=source)
    except OSError as refused:
        raise refusal(refused, f"{address} from {source}" if source else address) from refused
    if answer.kind in (_RTN_BROADCAST, _RTN_MULTICAST):
        raise _impossible(address, "a broadcast" if answer.kind == _RTN_BROADCAST else "a multicast")
    name = socket.if_indextoname(answer.index)
    return Route(
        source or answer.source,
        name,
        answer.index,
        answer.mtu or _mtu(name),
        answer.kind == _RTN_LOCAL,
    )


def first_route(
    targets: Iterable[Target], *, interface: str | None = None, source: str | None = None
) -> tuple[Target, Route]:
    """The first target that a way leads to, and the way; raises what kept from the first if none does."""
    failure = None
    for target in targets:
        try:
            return target, source_for(target.address, scope=target.scope, interface=interface, source=source)
        except Failure as failed:
            failure = failure or failed
    assert failure is not None
    raise failure


def check_source(address: str, *, index: int = 0, asked: str = "source") -> str:
    """The canonical text of an address that is this machine's own, else ``Failure`` with FOREIGN_SOURCE.

    ``index`` is the interface of a link-local IPv6 address, unless it names its zone itself;
    ``asked`` is the option that named the address.
    """
    text, _, zone = address.partition("%")
    try:
        canonical = str(ipaddress.ip_address(text))
    except ValueError as wrong:
        raise Failure(
            Exit.USAGE,
            f"The {asked} '{address}' is not an IP address.",
            "Write it as 192.0.2.1 or 2001:db8::1.",
        ) from wrong
    try:
        answer = _ask(canonical, index=_index(zone) or index)
    except OSError as refused:
        raise foreign_source(address, asked) from refused
    # The kernel takes the unspecified address for its own.
    if answer.kind != _RTN_LOCAL or ipaddress.ip_address(canonical).is_unspecified:
        raise foreign_source(address, asked)
    return canonical


def largest_segment(mtu: int, *, v6: bool) -> int:
    """The MSS to announce for an MTU: 40 or 60 octets less, the fixed headers (RFC 9293 3.7.1, MUST-67)."""
    return min(mtu - 60, 0xFFFF - 20) if v6 else min(mtu, 0xFFFF) - 40


@dataclass(frozen=True, slots=True)
class _Answer:
    kind: int
    index: int
    source: str
    mtu: int  # 0 where it is the interface's


def _ask(address: str, *, index: int = 0, source: str | None = None) -> _Answer:
    """Ask the kernel for the route to an address; ``OSError`` where it has none."""
    packed = ipaddress.ip_address(address).packed
    bits = 8 * len(packed)
    family = socket.AF_INET if bits == 32 else socket.AF_INET6
    attributes = _attribute(_RTA_DST, packed)
    if source is not None:
        attributes += _attribute(_RTA_SRC, ipaddress.ip_address(source).packed)
    if index:
        attributes += _attribute(_RTA_OIF, struct.pack("=i", index))
    body = _RTMSG.pack(family, bits, bits if source else 0, 0, 0, 0, 0, 0, 0) + attributes
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as kernel:
        kernel.bind((0, 0))
        kernel.send(_HEADER.pack(_HEADER.size + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0) + body)
        answer = kernel.recv(65536)
    length, kind, _, _, _ = _HEADER.unpack_from(answer)
    if kind == _NLMSG_ERROR:
        (code,) = struct.unpack_from("=i", answer, _HEADER.size)
        raise OSError(-code, os.strerror(-code))
    found = dict(_attributes(answer[_HEADER.size + _RTMSG.size : length]))
    metrics = dict(_attributes(found.get(_RTA_METRICS, b"")))
    chosen = found.get(_RTA_PREFSRC)
    if chosen is None and source is None:
        raise OSError(errno.EADDRNOTAVAIL, "no address to send from")
    return _Answer(
        kind=answer[_HEADER.size + 7],
        index=int.from_bytes(found[_RTA_OIF], sys.byteorder),
        source=source or str(ipaddress.ip_address(chosen or b"")),
        mtu=struct.unpack("=I", metrics[_RTAX_MTU])[0] if _RTAX_MTU in metrics else 0,
    )


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _attributes(octets: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(octets):
        length, kind = struct.unpack_from("=HH", octets, at)
        if length < 4:
            return
        yield kind & 0x3FFF, octets[at + 4 : at + length]  # the upper bits are flags
        at += (length + 3) & ~3


def _index(interface: str) -> int:
    """The index of an interface, by name or written as a number; 0 if there is none."""
    try:
        if interface.isdecimal():
            socket.if_indextoname(int(interface))
            return int(interface)
        return socket.if_nametoindex(interface)
    except (OSError, OverflowError, ValueError):
        return 0


def _flags(interface: str) -> int:
    return _ioctl(interface, _SIOCGIFFLAGS, "H")


def _mtu(interface: str) -> int:
    return _ioctl(interface, _SIOCGIFMTU, "i")


def _ioctl(interface: str, request: int, kind: str) -> int:
    """Ask for a number that netdevice(7) keeps behind the 16 octets of the name in ``struct ifreq``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, request, struct.pack("16s24x", interface.encode()))
    return int(struct.unpack_from(kind, answer, 16)[0])


def _refuse_impossible(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    # RFC 9293 3.9.1.1, MUST-46: reject an OPEN to an invalid remote address.
    if address.is_multicast:
        raise _impossible(str(address), "a multicast")
    if address.is_unspecified:
        raise _impossible(str(address), "the unspecified")
    if address == ipaddress.IPv4Address("255.255.255.255"):
        raise _impossible(str(address), "a broadcast")


def _impossible(address: str, what: str) -> Failure:
    return Failure(
        Exit.USAGE,
        f"{address} is {what} address, and TCP connects two hosts only (RFC 9293 MUST-46).",
        "Name the address of one host.",
    )


def _unknown_host(host: str, family: Literal[4, 6] | None, unknown: Exception | None) -> Failure:
    code = unknown.errno if isinstance(unknown, socket.gaierror) else None
    if code == socket.EAI_AGAIN:
        return Failure(
            Exit.UNKNOWN_HOST,
            f"No name server answers what the address of '{host}' is.",
            "Look at /etc/resolv.conf, or write the address itself.",
        )
    kind = f"IPv{family} " if family else ""
    return Failure(
        Exit.UNKNOWN_HOST,
        f"The name '{host}' has no {kind}address.",
        "Look at its spelling, or write the address itself.",
    )
