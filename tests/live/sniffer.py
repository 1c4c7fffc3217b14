"""A running ``sniff``, and what it can be shown: calls to real servers, and packets made by hand."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.command import LONG, read_until, started
from tests.tcp.strategies import ip_packet, tcp_octets

LISTENING = "Listening on"


class Sniffer:
    """A running ``sniff``: what it writes, and how it ends."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = read_until(process, LISTENING)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.end()

    def end(self) -> int:
        assert self.process.stdout is not None
        self.said += self.process.stdout.read()
        assert "Traceback" not in self.said, self.said
        return self.process.wait(LONG)

    def peak(self) -> int:
        """The most memory that it ever had, in octets."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024


@contextmanager
def sniffing(*arguments: str) -> Iterator[Sniffer]:
    with started("sniff", *arguments, env={"COLUMNS": "80"}) as process:
        yield Sniffer(process)


def report(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    (capture,) = document["captures"]
    return dict(capture)


def call(address: str, port: int) -> None:
    """Open, say a word, close, and wait for the server's end."""
    with socket.create_connection((address, port), timeout=LONG) as connection:
        connection.send(b"hello")
        with suppress(OSError):  # ENOTCONN, no ConnectionError, where a RST has come already
            connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


def put(packets: list[bytes], interface: str = "lo") -> None:
    """Put packets onto an interface, as they are; nobody answers them."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as link:
        for packet in packets:
            ethertype = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
            link.sendto(packet, (interface, ethertype, 0, 0, b"\0" * 6))


def segment(
    src: tuple[str, int], dst: tuple[str, int], seq: int, ack: int, flags: int, data: bytes = b""
) -> bytes:
    whole = Segment(
        src=src[0], sport=src[1], dst=dst[0], dport=dst[1], seq=Seq(seq), ack=Seq(ack), flags=Flags(flags),
        window=65000, payload=data, payload_length=len(data),
    )  # fmt: skip
    return ip_packet(src[0], dst[0], tcp_octets(whole))


def connection(number: int, *, odd: int = 0) -> list[bytes]:
    """A whole connection, made by hand: ten segments. ``odd`` are flags of the third, which make it slow to judge."""
    client = (f"198.51.100.{number >> 14 & 255}", 1024 + (number & 16383))
    server = ("203.0.113.80", 80)
    a, b = 1000 + number, 5000 + number
    syn, fin, ack, push = 2, 1, 16, 8
    return [
        segment(client, server, a, 0, syn),
        segment(server, client, b, a + 1, syn | ack),
        segment(client, server, a + 1, b + 1, ack | odd),
        segment(client, server, a + 1, b + 1, ack | push, b"question"),
        segment(server, client, b + 1, a + 9, ack),
        segment(server, client, b + 1, a + 9, ack | push, b"answer"),
        segment(client, server, a + 9, b + 7, ack),
        segment(client, server, a + 9, b + 7, fin | ack),
        segment(server, client, b + 7, a + 10, fin | ack),
        segment(client, server, a + 10, b + 8, ack),
    ]
