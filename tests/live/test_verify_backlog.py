"""`verify` against a kernel whose program has a backlog of five: nothing is blamed on it, since it is not overrun."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from rawshake.errors import Exit
from tests.command import rawshake
from tests.live.isolated import isolated

CELLS = [
    f"SYN-RECEIVED/{kind}/{place}/in-range"
    for kind in ("ACK", "data", "FIN+ACK")
    for place in ("left", "at", "last", "right")
]
WORDS = [word for cell in CELLS for word in ("--select", cell)]


class Reader(BaseRequestHandler):
    """Reads to the end; its server has socketserver's backlog, which is five."""

    def handle(self) -> None:
        with suppress(ConnectionResetError):
            while self.request.recv(4096):
                pass


def cookies() -> int:
    """How many SYN cookies the kernel has sent in this network: it does where a backlog is full."""
    lines = Path("/proc/thread-self/net/netstat").read_text(encoding="ascii").splitlines()
    names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
    return int(values[names.index("SyncookiesSent")])


@pytest.mark.parametrize(
    ("words", "overrun"), [((), False), (("--jobs", "16"), True)], ids=["unasked", "asked"]
)
def test_no_more_are_half_open_than_its_backlog_holds(words: tuple[str, ...], overrun: bool) -> None:
    @isolated
    def run() -> None:
        with ThreadingTCPServer(("127.0.0.1", 0), Reader) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            port = str(server.server_address[1])
            done = rawshake("verify", "127.0.0.1", port, "--repeat", "0", *WORDS, *words)
            server.shutdown()
        assert (cookies() > 0) is overrun
        assert (done.status == Exit.OK) is not overrun, done.out

    run()
