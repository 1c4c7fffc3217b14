"""What the kernel says of a TCP connection in the present network namespace, by inet_diag (sock_diag(7))."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections import Counter
from typing import Any, Final

from pyroute2 import DiagSocket
from pyroute2.netlink import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST
from pyroute2.netlink.diag import SOCK_DIAG_BY_FAMILY, inet_diag_req

from rawshake.net.lab.kernel import Address, KernelSocket
from rawshake.tcp.state import State

#: linux/inet_diag.h: INET_DIAG_INFO asks for struct tcp_info, INET_DIAG_NOCOOKIE for any socket of that name.
_INET_DIAG_INFO: Final = 2
_NO_COOKIE: Final = 0xFFFFFFFFFFFFFFFF
_ALL_STATES: Final = 0xFFFFFFFF
#: All but CLOSED, which sockets merely bound are in: 7, or 13 (TCP_BOUND_INACTIVE) to newer kernels.
_LIVE_STATES: Final = 0x1FFF & ~(1 << 7)

#: The kernel's numbers (net/tcp_states.h). TCP_NEW_SYN_RECV is a SYN-RECEIVED that has no full socket yet.
_STATES: Final = {
    1: State.ESTABLISHED, 2: State.SYN_SENT, 3: State.SYN_RECEIVED, 4: State.FIN_WAIT_1, 5: State.FIN_WAIT_2,
    6: State.TIME_WAIT, 7: State.CLOSED, 8: State.CLOSE_WAIT, 9: State.LAST_ACK, 10: State.LISTEN,
    11: State.CLOSING, 12: State.SYN_RECEIVED,
}  # fmt: skip

_NOTHING: Final = KernelSocket(State.CLOSED)


def find(local: Address, peer: Address) -> KernelSocket:
    """The end at ``local`` of the connection with ``peer``: CLOSED where the kernel has no such thing.

    IPv4 addresses find IPv6 sockets with mapped addresses too. A kernel without inet_diag has no such thing
    either: ``listener`` tells, where one is known to listen.
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
    for family in (socket.AF_INET, socket.AF_INET6):
        request = _request(family, states=_LIVE_STATES)
        for answer in _answers(request, NLM_F_REQUEST | NLM_F_DUMP):
            counted[_STATES[answer["idiag_state"]]] += 1
    return counted


def _ask(local: Address, peer: Address) -> KernelSocket | None:
    family, here, interface = _packed(local[0])
    _family, there, _interface = _packed(peer[0])
    request = _request(family, states=_ALL_STATES)
    request["idiag_ext"] = 1 << (_INET_DIAG_INFO - 1)
    request["idiag_sport"], request["idiag_dport"] = local[1], peer[1]
    request["idiag_src"], request["idiag_dst"] = _words(here), _words(there)
    request["idiag_if"], request["idiag_cookie"] = interface, _NO_COOKIE
    for answer in _answers(request, NLM_F_REQUEST | NLM_F_ACK):
        return _read(answer)
    return None


def _request(family: int, *, states: int) -> Any:  # noqa: ANN401  # pyroute2 has no types
    request = inet_diag_req()
    request["sdiag_family"], request["sdiag_protocol"] = family, socket.IPPROTO_TCP
    request["idiag_states"] = states
    return request


def _answers(request: Any, flags: int) -> list[Any]:  # noqa: ANN401
    """The sockets among the kernel's answers; to an exact question it says ENOENT where there is none."""
    with DiagSocket() as kernel:
        answers = list(kernel.nlm_request(request, SOCK_DIAG_BY_FAMILY, flags))
    return [answer for answer in answers if answer["header"]["type"] == SOCK_DIAG_BY_FAMILY]


def _packed(address: str) -> tuple[int, bytes, int]:
    """Family, octets and interface index (0: any) of an address; IPv4-mapped ones become IPv4."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return socket.AF_INET, parsed.packed, 0
    if parsed.ipv4_mapped is not None:
        return socket.AF_INET, parsed.ipv4_mapped.packed, 0
    return socket.AF_INET6, parsed.packed, socket.if_nametoindex(parsed.scope_id) if parsed.scope_id else 0


def _words(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(">4I", packed.ljust(16, b"\0"))


def _read(answer: Any) -> KernelSocket:  # noqa: ANN401
    info = answer.get_attr("INET_DIAG_INFO")
    return KernelSocket(
        _STATES[answer["idiag_state"]],
        answer["idiag_rqueue"],
        answer["idiag_wqueue"],
        answer["idiag_retrans"],
        None if info is None else info["tcpi_bytes_acked"],
        None if info is None else info["tcpi_bytes_received"],
    )
