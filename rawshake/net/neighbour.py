"""Whether the next hop can be reached at all: the kernel's table of neighbours (ARP, neighbour discovery)."""

from __future__ import annotations

from typing import Final

# linux/neighbour.h: states in which nothing can be sent to the neighbour.
_NUD_INCOMPLETE: Final = 0x01
_NUD_FAILED: Final = 0x20


def obstacle(target: str) -> str:
    """Who does not answer on the way to ``target``'s network, in words; empty if nobody is missing there.

    A packet to such a neighbour waits in the kernel, and is thrown away once the neighbour has not answered
    for some seconds (RFC 826, RFC 4861 section 7.3.3). Takes a fifth of a second the first time.
    """
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with IPRoute() as kernel:
            (route,) = kernel.route("get", dst=target)
            hop = route.get("RTA_GATEWAY") or target
            for neighbour in kernel.get_neighbours(dst=hop, ifindex=route.get("RTA_OIF")):
                if neighbour["state"] & (_NUD_INCOMPLETE | _NUD_FAILED):
                    question = "neighbour discovery" if ":" in hop else "ARP"
                    return f"{'' if hop == target else 'the gateway '}{hop} does not answer {question}"
    except (NetlinkError, OSError):
        return ""  # what cannot be asked cannot be held against anyone
    return ""
