"""The few requests that lay a wire between two network namespaces: links and addresses, through pyroute2."""

from __future__ import annotations

import errno
import ipaddress
import select
import socket
import time
from typing import Final

from pyroute2 import IPRoute
from pyroute2.ethtool.ioctl import EthtoolError, IoctlEthtool
from pyroute2.netlink.exceptions import NetlinkError

# linux/rtnetlink.h, linux/if.h, linux/if_addr.h, linux/if_link.h
_RTMGRP_LINK: Final = 1
_IFF_RUNNING: Final = 0x40
_IFA_F_NODAD: Final = 0x02
_RT_SCOPE_UNIVERSE, _RT_SCOPE_LINK = 0, 253
_IN6_ADDR_GEN_MODE_NONE: Final = 1
_NETLINK_ROUTE: Final = 0

LOOPBACK_INDEX: Final = 1


def lay_wire(name: str, index: int, far_namespace: int) -> None:
    """A veth pair: this name and index here, and in the network namespace behind a descriptor."""
    far = {"ifname": name, "index": index, "net_ns_fd": far_namespace}
    with IPRoute() as route:
        route.link("add", kind="veth", ifname=name, index=index, peer=far)


def bring_up(index: int) -> None:
    """Set an interface up."""
    with IPRoute() as route:
        route.link("set", index=index, state="up")


def no_made_up_address(index: int) -> bool:
    """Keep IPv6 from making a link-local address of its own; False where this kernel has no IPv6."""
    mode = {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", _IN6_ADDR_GEN_MODE_NONE)]}
    try:
        with IPRoute() as route:
            route.link("set", index=index, IFLA_AF_SPEC={"attrs": [("AF_INET6", mode)]})
    except NetlinkError as refusal:
        if refusal.code in (errno.EAFNOSUPPORT, errno.EOPNOTSUPP):
            return False
        raise
    return True


def add_address(index: int, address: str, prefix: int) -> None:
    """Give an interface an address, usable at once: no duplicate address detection (RFC 4862 5.4)."""
    parsed = ipaddress.ip_address(address)
    flags = _IFA_F_NODAD if parsed.version == 6 else 0
    scope = _RT_SCOPE_LINK if parsed.is_link_local else _RT_SCOPE_UNIVERSE
    with IPRoute() as route:
        route.addr("add", index=index, address=address, prefixlen=prefix, scope=scope, flags=flags)


def await_running(index: int, within: int) -> None:
    """Wait, for ``within`` nanoseconds, until an interface can send; raises ``TimeoutError``."""
    deadline = time.monotonic_ns() + within
    with (
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE) as news,
        IPRoute() as route,
    ):
        # A notification is read only to know that it is time to ask again: pyroute2 cannot wait until a deadline.
        news.bind((0, _RTMGRP_LINK))
        while not route.get_links(index)[0]["flags"] & _IFF_RUNNING:
            left = max(0, deadline - time.monotonic_ns())
            if not select.select([news], [], [], left / 1e9)[0]:
                raise TimeoutError(f"interface {index} is not running after {within / 1e9:g} s")
            news.recv(1 << 16)


def honest_checksums(name: str) -> None:
    """Have the kernel fill in checksums and cut segments for this interface, as a real wire shows them.

    Left alone, veth passes both on undone, up to 64 KB in one segment; where that cannot be changed it does.
    """
    device = IoctlEthtool(name)
    try:
        for offload in ("tx-checksumming", "tcp-segmentation-offload"):
            device.set_offload_flag(offload, 0)
    except (EthtoolError, OSError):
        pass
    finally:
        device.close()
