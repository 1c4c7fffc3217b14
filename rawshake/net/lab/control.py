"""Asks the servers' process to act, and what its kernel says: one JSON object a message on a socket pair."""

from __future__ import annotations

import json
import select
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from rawshake.errors import Exit, Failure
from rawshake.net.lab.kernel import Address, KernelSocket
from rawshake.tcp.state import State

#: Octets in a message.
LONGEST: Final = 65536
_SECOND: Final = 1_000_000_000


class Control:
    """The asking side. Every method raises ``Failure`` with INTERNAL where the servers are gone."""

    def __init__(self, pair: socket.socket) -> None:
        self._pair: Final = pair
        self._number = 0

    def close(self) -> None:
        self._pair.close()

    def hold(self) -> None:
        """From now on the servers act only in ``step``; the kernel's part of TCP goes on."""
        self._ask("hold", held=True)

    def release(self) -> None:
        """Let the servers run freely again."""
        self._ask("hold", held=False)

    def step(self, *, within: int = _SECOND) -> int:
        """Let each server that has something to do act once; wait ``within`` ns for the first to have.

        One action is to accept a connection, to read once, to write once, or to close; it ends before the
        next wait. Returns how many acted, 0 where the time passed.
        """
        return int(self._ask("step", within=within)["acted"])

    def state(self, server: Address, client: Address) -> KernelSocket:
        """What the servers' kernel says of its end, at ``server``, of the connection with ``client``."""
        return _read(self._ask("find", local=server, peer=client))

    def listener(self, server: Address) -> KernelSocket:
        """The listening socket at that address, LISTEN, or CLOSED where there is none."""
        return _read(self._ask("listener", local=server))

    def await_state(
        self, server: Address, client: Address, wanted: State, *, within: int = 5 * _SECOND
    ) -> KernelSocket:
        """Ask ``state`` until it is the wanted one or ``within`` ns have passed; what it was last."""
        return self.await_socket(server, client, lambda found: found.state is wanted, within=within)

    def await_socket(
        self, server: Address, client: Address, wanted: Callable[[KernelSocket], bool], *, within: int
    ) -> KernelSocket:
        """Ask ``state`` until it is as wanted or ``within`` ns have passed; what it was last."""
        deadline = time.monotonic_ns() + within
        while True:
            found = self.state(server, client)
            if wanted(found) or time.monotonic_ns() >= deadline:
                return found
            select.select([], [], [], 0.001)

    def census(self) -> Counter[State]:
        """How many TCP sockets there are in each state in the servers' network namespace."""
        return Counter({State(name): count for name, count in self._ask("census")["census"].items()})

    def _ask(self, what: str, **details: object) -> dict[str, Any]:
        self._number += 1
        reply: dict[str, Any] = {}
        # A signal may have had us leave before an earlier answer was read.
        while reply.get("number") != self._number:
            try:
                if not reply:
                    self._pair.send(json.dumps({"ask": what, "number": self._number, **details}).encode())
                message = self._pair.recv(LONGEST)
            except OSError:
                message = b""
            if not message:
                raise Failure(Exit.INTERNAL, "The lab's servers have ended.", "Start the lab again.")
            reply = json.loads(message)
        if "failed" in reply:
            raise Failure(Exit.INTERNAL, f"The lab's servers could not {what}: {reply['failed']}.")
        return reply


def _read(reply: dict[str, Any]) -> KernelSocket:
    return KernelSocket(
        State(reply["state"]),
        reply["unread"],
        reply["unacknowledged"],
        reply["retransmissions"],
        reply["acknowledged"],
        reply["received"],
    )
