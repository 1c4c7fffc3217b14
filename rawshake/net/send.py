"""A raw socket that sends finished IP packets, and what each refusal of the kernel means."""

from __future__ import annotations

import errno
import os
import socket
import time
from types import TracebackType
from typing import Final, Self

from rawshake.errors import Exit, Failure

#: Seconds to wait before a packet is offered again where a queue was full.
_PATIENCE: Final = (0.001, 0.01, 0.1)

_REFUSALS: Final = {
    errno.EPERM: (
        Exit.LOCAL_FIREWALL,
        "This machine's own firewall does not let a segment to {target} out.",
        "Look at the output rules: nft list ruleset, or iptables -S OUTPUT.",
    ),
    errno.ENETUNREACH: (Exit.NO_ROUTE, "No route leads to {target}.", "Look at the routes: ip route."),
    errno.EHOSTUNREACH: (Exit.NO_ROUTE, "The route to {target} ends here.", "Look at the routes: ip route."),
    errno.EACCES: (
        Exit.NO_ROUTE,
        "The route to {target} prohibits sending.",
        "Look at the routes: ip route.",
    ),
    # A route of type blackhole answers so.
    errno.EINVAL: (Exit.NO_ROUTE, "The kernel sends nothing to {target}.", "Look at the routes: ip route."),
    errno.ENETDOWN: (
        Exit.INTERFACE_DOWN,
        "The interface that leads to {target} is down.",
        "Take it up: ip link set INTERFACE up.",
    ),
    errno.ENODEV: (Exit.INTERFACE_DOWN, "The interface that led to {target} is gone.", "Name another one."),
    errno.ENXIO: (Exit.INTERFACE_DOWN, "The interface that led to {target} is gone.", "Name another one."),
    errno.ENOBUFS: (
        Exit.INTERFACE_DOWN,
        "The queue of the interface that leads to {target} stays full.",
        "Look at its counters: ip -s link.",
    ),
    errno.EMSGSIZE: (
        Exit.USAGE,
        "A packet of {octets} octets is longer than the path to {target} takes.",
        "Send less in one segment.",
    ),
}


class Sender:
    """An open raw socket for whole IP packets from ``source``, see raw(7) and ipv6(7).

    ``scope`` is the interface index that a link-local IPv6 address needs, else 0; ``interface`` binds to
    a device by name. Raises ``Failure``: NO_PRIVILEGE without CAP_NET_RAW, FOREIGN_SOURCE if the address
    is not of this machine, INTERFACE_DOWN if there is no such interface.
    """

    def __init__(self, source: str, *, scope: int = 0, interface: str | None = None) -> None:
        self._scope = scope
        self._v6 = ":" in source
        family = socket.AF_INET6 if self._v6 else socket.AF_INET
        try:
            # IPPROTO_RAW implies that the IP header is ours (IP_HDRINCL), for IPv6 too, where the
            # kernel then mends no checksum.
            self._socket = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        except PermissionError as refused:
            raise Failure(Exit.NO_PRIVILEGE, "This user may not open raw sockets (CAP_NET_RAW).") from refused
        try:
            if interface is not None:
                self._bind_to(interface)
            self._bind(source)
        except BaseException:
            self._socket.close()
            raise

    def send(self, packet: bytes, target: str) -> None:
        """Send ``packet`` on the way to ``target``, an address without zone.

        Raises ``Failure`` where the kernel refuses: LOCAL_FIREWALL, NO_ROUTE, INTERFACE_DOWN, and USAGE
        for one that is too long.
        """
        # The port must be 0 for IPv6: it would be a protocol number (raw(7)).
        address = (target, 0, 0, self._scope) if self._v6 else (target, 0)
        for patience in (*_PATIENCE, None):
            try:
                self._socket.sendto(packet, address)
                return
            except OSError as refused:
                if refused.errno == errno.ENOBUFS and patience is not None:
                    time.sleep(patience)  # no descriptor tells when the device's queue has room
                    continue
                raise refusal(refused, target, len(packet)) from refused

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _bind_to(self, interface: str) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        except OSError as refused:
            raise no_interface(interface) from refused

    def _bind(self, source: str) -> None:
        try:
            self._socket.bind((source, 0, 0, self._scope) if self._v6 else (source, 0))
        except OSError as refused:
            raise foreign_source(source) from refused


def refusal(refused: OSError, target: str, octets: int = 0) -> Failure:
    """What to tell of an error that the kernel gave for a packet of ``octets`` to ``target``."""
    status, problem, next_step = _REFUSALS.get(
        refused.errno or 0,
        (Exit.NO_ROUTE, "Nothing can be sent to {target}: {reason}.", "Look at the routes: ip route."),
    )
    reason = os.strerror(refused.errno) if refused.errno else str(refused)
    return Failure(status, problem.format(target=target, octets=octets, reason=reason), next_step)


def no_interface(name: str) -> Failure:
    """There is no interface of that name."""
    names = ", ".join(name for _, name in socket.if_nameindex())
    return Failure(Exit.INTERFACE_DOWN, f"There is no interface '{name}' here.", f"There are: {names}.")


def foreign_source(address: str, asked: str = "source") -> Failure:
    """The address is not one of this machine; ``asked`` is the option that named it."""
    return Failure(
        Exit.FOREIGN_SOURCE,
        f"The {'source ' if asked == 'source' else ''}address {address} is not one of this machine's.",
        f"Leave --{asked} out, or look at the addresses: ip address.",
    )
