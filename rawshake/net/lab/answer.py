"""Answers what ``control`` asks, in the servers' process."""

from __future__ import annotations

import json
import socket
from typing import Any

from rawshake.net.lab import INTERFACE, diag
from rawshake.net.lab.control import LONGEST
from rawshake.net.lab.kernel import Address, KernelSocket
from rawshake.net.lab.loop import Loop


def answer(loop: Loop, control: socket.socket) -> bool:
    """Read one request and answer it; False once there is nobody left to ask."""
    try:
        message = control.recv(LONGEST)
        if not message:
            return False
        request = json.loads(message)
        try:
            reply = _reply(loop, request)
        except OSError as refusal:
            reply = {"failed": str(refusal)}
        control.send(json.dumps({"number": request["number"], **reply}).encode())
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
