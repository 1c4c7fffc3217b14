"""How the kernel is kept from resetting connections that it does not know: a listener that is deaf."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rawshake.errors import Exit, Failure
from rawshake.net import bpf
from rawshake.net.send import foreign_source

# linux/tcp.h; struct tcp_md5sig: address in 128 octets, flags, prefix length, length of key, interface, key.
_TCP_MD5SIG_EXT: Final = 32
_TCP_MD5SIG_FLAG_PREFIX: Final = 1
#: net/tcp_states.h, as /proc/net/tcp writes it.
_TIME_WAIT: Final = "06"
_KEY: Final = struct.Struct("=128sBBHi80s")


class Means(Enum):
    """What makes the listener deaf."""

    #: A filter that drops everything. For TCP sockets newer kernels want CAP_NET_ADMIN (commit 5d39580f68e6).
    FILTER = "filter"
    #: A demand that every segment be signed (RFC 2385), which none is; needs CONFIG_TCP_MD5SIG.
    SIGNATURE = "signature"


class Guard:
    """Holds a local address and port, so that arriving segments draw no RST from the kernel.

    A bound and listening TCP socket that is deaf: the kernel finds this listener for each segment to the
    port that no other connection owns, and discards the segment before TCP answers it. Packet sockets
    have seen it by then. Nothing is left when the process ends, by whatever end. Neither of the
    ``Means`` is needed by itself: the second is tried where the first is refused. No capability is
    needed, but for ports below 1024.

    ``port`` 0 lets the kernel choose; ``self.port`` says which it is. ``peer``, address and port of the
    other end, is asked for only to know a connection of the kernel's own that is in the way. ``scope`` is
    the interface index that a link-local IPv6 address needs. A guard that ``serves`` is of a port that
    anyone may dial: connections of the kernel's own that use it are in the way, unless they are in TIME-WAIT.
    Raises ``Failure``: PORT_TAKEN, FOREIGN_SOURCE, or NO_PRIVILEGE.
    """

    def __init__(
        self,
        address: str,
        port: int = 0,
        *,
        scope: int = 0,
        peer: tuple[str, int] | None = None,
        serves: bool = False,
        means: Iterable[Means] = Means,
    ) -> None:
        v6 = ":" in address
        self._socket = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._bind((address, port, 0, scope) if v6 else (address, port), peer, serves=serves)
            # Deaf before it listens, so that there is no moment in which it would answer.
            self.means = _deafen(self._socket, means)
            self._socket.listen(1)
        except Failure:
            self._socket.close()
            raise
        except OSError as refused:
            self._socket.close()
            raise (_taken if serves else _refusal)(refused, address, port) from refused
        self.address = address
        self.port: int = self._socket.getsockname()[1]

    def _bind(
        self, name: tuple[str, int, int, int] | tuple[str, int], peer: tuple[str, int] | None, *, serves: bool
    ) -> None:
        try:
            self._socket.bind(name)
        except OSError as refused:
            if refused.errno != errno.EADDRINUSE or not name[1]:
                raise
            # Connections that use the port but do not listen on it, most of them in TIME-WAIT, are no
            # hindrance, except one with the very peer: its segments never come as far as the listener.
            if serves:
                if _kernel_uses(name[0], name[1]):
                    raise
            elif peer is None or _kernel_has(name[0], name[1], *peer):
                raise
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(name)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        """Give the port back; from now on the kernel answers segments to it with RST."""
        self._socket.close()

    def detach(self) -> int:
        """Give up the file descriptor without closing it: the guard stands until that is closed."""
        return self._socket.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _deafen(listener: socket.socket, means: Iterable[Means]) -> Means:
    """Make the socket deaf by the first of ``means`` that the kernel allows; else ``OSError``."""
    refusals = []
    for one in means:
        try:
            if one is Means.FILTER:
                bpf.attach(listener, bpf.NOTHING)
            else:
                _demand_signatures(listener)
        except OSError as refused:
            refusals.append(refused)
        else:
            return one
    raise refusals[0]


def _demand_signatures(listener: socket.socket) -> None:
    """Set a key for every peer there may be: segments that are not signed with it are dropped unanswered."""
    # A socket of IPv6 may be bound to an IPv4-mapped address, whose peers are looked up as IPv4's.
    everyone = ["0.0.0.0"] if listener.family == socket.AF_INET else ["::", "::ffff:0.0.0.0"]
    for address in everyone:
        packed = ipaddress.ip_address(address).packed
        if listener.family == socket.AF_INET:
            name = struct.pack("=HH4s", socket.AF_INET, 0, packed)
        else:
            name = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, packed, 0)
        key = _KEY.pack(name, _TCP_MD5SIG_FLAG_PREFIX, 0, 1, 0, b"?")
        listener.setsockopt(socket.IPPROTO_TCP, _TCP_MD5SIG_EXT, key)


def _taken(refused: OSError, address: str, port: int) -> Failure:
    """Why a port cannot be served."""
    if refused.errno != errno.EADDRINUSE:
        return _refusal(refused, address, port)
    return Failure(
        Exit.PORT_TAKEN,
        f"Port {port} on {address} belongs to a program of this machine, which would answer first.",
        f"Stop it (ss -tlnp 'sport = {port}' names it), or choose another port.",
    )


def _refusal(refused: OSError, address: str, port: int) -> Failure:
    match refused.errno:
        case errno.EADDRINUSE if not port:
            return Failure(
                Exit.PORT_TAKEN,
                f"No local port is free on {address}.",
                "Wait for connections to end, or name a port with --sport.",
            )
        case errno.EADDRINUSE:
            return Failure(
                Exit.PORT_TAKEN,
                f"Local port {port} on {address} is in use.",
                "Leave --sport out to have a free one chosen, or see who uses it: ss -tanp.",
            )
        case errno.EADDRNOTAVAIL:
            return foreign_source(address)
        case errno.EACCES if 0 < port < 1024:
            return Failure(
                Exit.NO_PRIVILEGE,
                f"Local port {port} is one of those below 1024, which this user may not use.",
                "Leave --sport out, or take a port of 1024 or more.",
            )
        case code:
            reason = os.strerror(code) if code else str(refused)
            return Failure(
                Exit.NO_PRIVILEGE,
                f"Port {port} on {address} cannot be guarded against the kernel's RST: {reason}.",
                "In a container: start it with --cap-add NET_ADMIN. See what is allowed: rawshake doctor.",
            )


def _kernel_has(address: str, port: int, remote: str, remote_port: int) -> bool:
    """Whether the kernel itself has a connection of these four, in TIME-WAIT for instance (proc(5))."""
    mapped = "" if ":" in address else "::ffff:"  # IPv4 over a socket of both families
    for prefix in {"", mapped}:
        table = "tcp6" if ":" in prefix + address else "tcp"
        wanted = [_in_table(prefix + address, port), _in_table(prefix + remote, remote_port)]
        with (Path("/proc/thread-self/net") / table).open() as lines:
            if any(line.split()[1:3] == wanted for line in lines):
                return True
    return False


def _kernel_uses(address: str, port: int) -> bool:
    """Whether a socket of the kernel's uses the port, other than in TIME-WAIT."""
    mapped = "" if ":" in address else "::ffff:"
    for prefix in {"", mapped}:
        v6 = ":" in prefix + address
        nobody = "::" if v6 else "0.0.0.0"
        ours = {_in_table(prefix + address, port), _in_table(nobody, port)}
        with (Path("/proc/thread-self/net") / ("tcp6" if v6 else "tcp")).open() as lines:
            if any(row[1] in ours and row[3] != _TIME_WAIT for row in map(str.split, lines)):
                return True
    return False


def _in_table(address: str, port: int) -> str:
    packed = ipaddress.ip_address(address).packed
    # Words of 32 bits in the byte order of the machine; the port is a plain number.
    words = (int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4))
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
