"""Captures for the command, written from notation."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

from rawshake.link import Frame
from rawshake.net.craft import build
from rawshake.net.pcapfile import write
from rawshake.tcp.notation import parse_exchange

START: Final = 1_700_000_000_000_000_000

CLEAN: Final = r"""
    > S 0:0(0) win 64240 <mss 1460>
    +0.042 < S. 0:0(0) ack 1 win 65160 <mss 1460>
    > . 1:1(0) ack 1 win 64240
    > P. 1:7(6) ack 1 win 64240 "hello\n"
    < . 1:1(0) ack 7 win 65160
    > F. 7:7(0) ack 1 win 64240
    < F. 1:1(0) ack 8 win 65160
    > . 8:8(0) ack 2 win 64240
"""
#: The SYN-ACK acknowledges the ISN itself, in frame 2.
FAULTY: Final = """
    > S 0:0(0) win 64240 <mss 1460>
    < S. 0:0(0) ack 0 win 65160 <mss 1460>
    > R 0:0(0) win 0
"""
REFUSED: Final = """
    > S 0:0(0) win 64240 <mss 1460>
    < R. =0:0(0) ack 1 win 0
"""
MIDSTREAM: Final = """
    < P. 1001:1011(10) ack 501 win 500
    > . 501:501(0) ack 1011 win 500
"""


def frames(*exchanges: str, client: str = "192.0.2.1", server: str = "192.0.2.2:80") -> list[Frame]:
    """The packets of each exchange, one second after the one before, from ports 40001, 40002, ..."""
    made: list[Frame] = []
    for count, text in enumerate(exchanges, 1):
        lines = parse_exchange(
            text,
            client=f"{client}:{40000 + count}",
            server=server,
            # Those of the first are told in tests, the others have no pattern.
            client_isn=(1000 * count + max(0, count - 2) ** 3 * 98_765_431) % 2**32,
            server_isn=(0xFFFFFFFF + (count - 1) ** 3 * 123_456_791) % 2**32,
            start=START + count * 1_000_000_000,
        )
        made += [Frame(line.time, build(line.segment)) for line in lines]
    return made


def octets(made: Sequence[Frame]) -> bytes:
    """A capture of these packets."""
    file = BytesIO()
    write(file, made)
    return file.getvalue()


def capture(folder: Path, *exchanges: str, name: str = "trace.pcap") -> Path:
    """A capture of these exchanges in a file."""
    path = folder / name
    path.write_bytes(octets(frames(*exchanges)))
    return path
