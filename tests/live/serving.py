"""``rawshake listen`` beside a test, in a lab's server side, and ordinary clients of the kernel on the other."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rawshake.net.lab.namespaces import Lab, Side
from tests.command import LONG, read_until, started


@dataclass
class Serving:
    """A running ``listen``; what it wrote, and what it reported, once it has ended."""

    address: str
    port: int
    process: subprocess.Popen[str]
    report: Path
    said: str = ""
    connections: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> tuple[str, int]:
        return self.address, self.port

    def end(self, number: signal.Signals | None = None) -> int:
        """Its exit status, once it has ended by itself or by that signal."""
        if number is not None:
            self.process.send_signal(number)
        self.said += self.process.communicate(timeout=LONG)[0]
        (capture,) = json.loads(self.report.read_text(encoding="utf-8"))["captures"]
        self.connections = capture["connections"]
        return self.process.returncode

    def found(self, end: str = "client") -> list[str]:
        """What an end is charged with, notes aside."""
        return [
            f"connection {one['number']}: {finding['rule']}: {finding['sentence']}"
            for one in self.connections
            for finding in one["findings"]
            if finding["end"] == end and finding["verdict"] != "NOTE"
        ]

    def peak(self) -> int:
        """The most memory that it ever had, in octets."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return 1024 * int(found[1])


@contextmanager
def serving(
    lab: Lab, scratch: Path, *arguments: str, address: str = "", form: str = "--compact"
) -> Iterator[Serving]:
    """Listen on a free port of the lab's server side; the thread stays on the client's."""
    report = scratch / "report.json"
    address = address or lab.address4
    words = ("listen", "0", "--address", address, "--json", str(report), form, *arguments)
    with ExitStack() as stack:
        with lab.entered(Side.SERVER):
            running = stack.enter_context(started(*words))
        said = read_until(running, "Listening on")
        found = re.search(r":(\d+), ", said)
        assert found, said
        yield Serving(address, int(found[1]), running, report, said)


def talk(name: tuple[str, int], octets: bytes, *, timeout: float = 20) -> bytes:
    """Send, close our direction, and read until the other end closes."""
    with socket.create_connection(name, timeout=timeout) as client:
        client.sendall(octets)
        client.shutdown(socket.SHUT_WR)
        return read(client)


def read(client: socket.socket) -> bytes:
    """All that comes until the end."""
    heard = bytearray()
    while fresh := client.recv(1 << 16):
        heard += fresh
    return bytes(heard)
