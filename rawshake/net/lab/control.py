"""What can be asked of the servers' process, and how: one JSON object a message on a SOCK_SEQPACKET pair."""

from __future__ import annotations

import json
import select
import socket
import time
from collections import Counter
from typing import Any, Final

from rawshake.errors import Exit, Failure
from rawshake.net.lab import INTERFACE, diag
from rawshake.net.lab.diag import Address, KernelSocket
from rawshake.net.lab.loop import Loop
from rawshake.tcp.state import State

_LONGEST: Final = 65536
_SECOND: Final = 1_000_000_000


def answer(loop: Loop, control: socket.socket) -> bool:
    """Read one request and answer it; False once there is nobody left to ask."""
    try:
        message = control.recv(_LONGEST)
        if not message:
            return False
        request = json.loads(message)
        try:
            reply = _reply(loop, request)
        except OSError as refusal:
            reply = {"failed": str(refusal)}
        control.send(json.dumps(reply).encode())
    except OSError:
        return False
    return True


def _reply(loop: Loop, request: dict[str, Any]) -> dict[str, Any]:
    match request["ask"]:
        case "step":
            return {"acted": loop.step(request["within"])}
        case "hold":
            loop.held = request["held"]
            return {}
        case "find":
            return _spelled(diag.find(_address(request["local"]), _address(request["peer"])))
        case "listener":
            return _spelled(diag.listener(_address(request["local"])))
        case "census":
            return {"census": {state.value: count for state, count in diag.census().items()}}
    return {"failed": f"unknown request {request['ask']!r}"}


def _address(pair: list[Any]) -> Address:
    address = str(pair[0])
    if address.startswith("fe80:") and "%" not in address:
        # There is one wire; getsockname(2) gives the zone apart from the address.
        address += f"%{INTERFACE}"
    return address, int(pair[1])


def _spelled(found: KernelSocket) -> dict[str, Any]:
    return {
        "state": found.state.value,
        "unread": found.unread,
        "unacknowledged": found.unacknowledged,
        "retransmissions": found.retransmissions,
        "acknowledged": found.acknowledged,
        "received": found.received,
    }


class Control:
    """The asking side. Every method raises ``Failure`` with INTERNAL where the servers are gone."""

    def __init__(self, pair: socket.socket) -> None:
        self._pair: Final = pair

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
        deadline = time.monotonic_ns() + within
        while True:
            found = self.state(server, client)
            if found.state is wanted or time.monotonic_ns() >= deadline:
                return found
            select.select([], [], [], 0.001)

    def census(self) -> Counter[State]:
        """How many TCP sockets there are in each state in the servers' network namespace."""
        return Counter({State(name): count for name, count in self._ask("census")["census"].items()})

    def _ask(self, what: str, **details: object) -> dict[str, Any]:
        try:
            self._pair.send(json.dumps({"ask": what, **details}).encode())
            message = self._pair.recv(_LONGEST)
        except OSError:
            message = b""
        if not message:
            raise Failure(Exit.INTERNAL, "The lab's servers have ended.", "Start the lab again.")
        reply: dict[str, Any] = json.loads(message)
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
