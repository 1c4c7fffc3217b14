"""One end of a TCP connection as its kernel has it, and how both ends are named when asking for it."""

from __future__ import annotations

from dataclasses import dataclass

from rawshake.tcp.state import State

#: Address, with a zone where it is link-local, and port.
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class KernelSocket:
    """What inet_diag tells of a socket.

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
