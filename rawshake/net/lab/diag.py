"""What the kernel says of a TCP connection in the present network namespace, by inet_diag (sock_diag(7))."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Final

from rawshake.net.lab.netlink import NLM_F_DUMP, Netlink, attributes
from rawshake.tcp.state import State

#: Address, with a zone where it is link-local, and port.
Address = tuple[str, int]

# linux/sock_diag.h, linux/inet_diag.h
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_INET_DIAG_INFO: Final = 2
_REQUEST: Final = struct.Struct("=BBBxI")
_PORTS: Final = struct.Struct("!HH")
_NO_COOKIE: Final = b"\xff" * 8
_ALL_STATES: Final = 0xFFFFFFFF
#: All but CLOSED, which sockets merely bound are in: 7, or 13 (TCP_BOUND_INACTIVE) to newer kernels.
_LIVE_STATES: Final = 0x1FFF & ~(1 << 7)
#: struct inet_diag_msg: family, state, timer, retransmissions, then the socket's id, then the rest.
_HEAD: Final = struct.Struct("=BBBB")
_ID_LENGTH: Final = 48
_TAIL: Final = struct.Struct("=IIIII")
#: struct tcp_info (linux/tcp.h): tcpi_bytes_acked and tcpi_bytes_received.
_INFO_BYTES: Final = struct.Struct("=120xQQ")

#: The kernel's numbers (net/tcp_states.h). TCP_NEW_SYN_RECV is a SYN-RECEIVED that has no full socket yet.
_STATES: Final = {
    1: State.ESTABLISHED, 2: State.SYN_SENT, 3: State.SYN_RECEIVED, 4: State.FIN_WAIT_1, 5: State.FIN_WAIT_2,
    6: State.TIME_WAIT, 7: State.CLOSED, 8: State.CLOSE_WAIT, 9: State.LAST_ACK, 10: State.LISTEN,
    11: State.CLOSING, 12: State.SYN_RECEIVED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class KernelSocket:
    """One end of a connection as its kernel has it.

    ``unread``: octets received that no program has read. ``unacknowledged``: octets written that the peer has
    not acknowledged. For a LISTEN socket the two are connections not yet accepted and how many may wait so.
    ``acknowledged`` and ``received`` count sequence numbers after the SYN's, FIN included: SND.UNA is
    ISS + 1 + ``acknowledged``. None where the kernel keeps no such count: SYN-RECEIVED, TIME-WAIT, and
    FIN-WAIT-2 once the program has closed.
    """

    state: State
    unread: int = 0
    unacknowledged: int = 0
    retransmissions: int = 0
    acknowledged: int | None = None
    received: int | None = None


_NOTHING: Final = KernelSocket(State.CLOSED)


def find(local: Address, peer: Address) -> KernelSocket:
    """The end at ``local`` of the connection with ``peer``: CLOSED where the kernel has no such thing.

    IPv4 addresses find IPv6 sockets with mapped addresses too. Raises ``OSError`` where inet_diag is missing.
    """
    found = _ask(local, peer)
    # Where there is no connection Linux answers with the listener that would take it.
    return found if found is not None and found.state is not State.LISTEN else _NOTHING


def listener(local: Address) -> KernelSocket:
    """The socket that takes connections to ``local``, in LISTEN; CLOSED where there is none."""
    nobody = "::" if ":" in local[0] else "0.0.0.0"
    found = _ask(local, (nobody, 0))
    return found if found is not None and found.state is State.LISTEN else _NOTHING


def census() -> Counter[State]:
    """How many TCP sockets of the present network namespace are in each state but CLOSED."""
    counted: Counter[State] = Counter()
    with Netlink(_NETLINK_SOCK_DIAG) as kernel:
        for family in (socket.AF_INET, socket.AF_INET6):
            body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _LIVE_STATES) + bytes(_ID_LENGTH)
            for answer in kernel.ask(_SOCK_DIAG_BY_FAMILY, body, flags=NLM_F_DUMP):
                counted[_STATES[answer[1]]] += 1
    return counted


def _ask(local: Address, peer: Address) -> KernelSocket | None:
    family, here, interface = _packed(local[0])
    _family, there, _interface = _packed(peer[0])
    ends = _PORTS.pack(local[1], peer[1]) + here.ljust(16, b"\0") + there.ljust(16, b"\0")
    extension = 1 << (_INET_DIAG_INFO - 1)
    body = _REQUEST.pack(family, socket.IPPROTO_TCP, extension, _ALL_STATES) + ends
    body += struct.pack("=I", interface) + _NO_COOKIE
    with Netlink(_NETLINK_SOCK_DIAG) as kernel:
        try:
            for answer in kernel.ask(_SOCK_DIAG_BY_FAMILY, body, flags=0):
                return _read(answer)
        except OSError as refusal:
            if refusal.errno != errno.ENOENT:
                raise
    return None


def _packed(address: str) -> tuple[int, bytes, int]:
    """Family, octets and interface index (0: any) of an address; IPv4-mapped ones become IPv4."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return socket.AF_INET, parsed.packed, 0
    if parsed.ipv4_mapped is not None:
        return socket.AF_INET, parsed.ipv4_mapped.packed, 0
    return socket.AF_INET6, parsed.packed, socket.if_nametoindex(parsed.scope_id) if parsed.scope_id else 0


def _read(answer: bytes) -> KernelSocket:
    _family, state, _timer, retransmissions = _HEAD.unpack_from(answer)
    _expires, unread, unacknowledged, _uid, _inode = _TAIL.unpack_from(answer, _HEAD.size + _ID_LENGTH)
    acknowledged = received = None
    for kind, value in attributes(answer[_HEAD.size + _ID_LENGTH + _TAIL.size :]):
        if kind == _INET_DIAG_INFO and len(value) >= _INFO_BYTES.size:
            acknowledged, received = _INFO_BYTES.unpack_from(value)
    return KernelSocket(_STATES[state], unread, unacknowledged, retransmissions, acknowledged, received)
