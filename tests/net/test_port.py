"""A port on several addresses: frames of all of them in one row, segments from the one that they name."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from rawshake.errors import Exit, Failure
from rawshake.net.port import Port
from rawshake.net.route import Target
from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.live.isolated import isolated

HERE = (Target("127.0.0.1", 0), Target("127.0.0.2", 0), Target("::1", 0))
SECOND = 1_000_000_000


@isolated
def test_whoever_dials_is_seen_and_not_answered_by_the_kernel() -> None:
    with Port(HERE, 0) as port:
        for address, _ in HERE:
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as client:
                client.setblocking(False)
                client.connect_ex((address, port.port))
                frame = port.receive(port.now() + SECOND)
                assert frame is not None
                syn = decode(frame.packet, offloaded=frame.offloaded)
                assert isinstance(syn, Segment)
                assert (syn.dst, syn.dport, syn.flags & Flags.SYN) == (address, port.port, Flags.SYN)
                assert port.receive(port.now()) is None
                reset = Segment(
                    src=syn.dst, dst=syn.src, sport=syn.dport, dport=syn.sport,
                    seq=Seq(0), ack=syn.end, flags=Flags.RST | Flags.ACK,
                )  # fmt: skip
                sent = port.send(reset)
                copy = port.receive(port.now() + SECOND)
                assert copy is not None
                assert copy.packet == sent
                assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 111  # ECONNREFUSED
        assert port.lost == 0
        assert port.obstacle() == ""


@isolated
def test_nothing_is_sent_from_elsewhere() -> None:
    with Port(HERE[:1], 0) as port, pytest.raises(Failure) as failed:
        port.send(Segment(src="127.0.0.9", dst="127.0.0.1", sport=1, dport=2, seq=Seq(0)))
    assert failed.value.status is Exit.FOREIGN_SOURCE


@isolated
def test_all_is_closed_where_one_address_is_taken() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        number = server.getsockname()[1]
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(Failure) as failed:
            Port(HERE, number)
        assert failed.value.status is Exit.PORT_TAKEN
        assert len(list(Path("/proc/self/fd").iterdir())) == before
    with Port(HERE, number) as port:
        assert port.port == number


@isolated
def test_it_is_woken() -> None:
    waker, wake = os.pipe()
    with Port(HERE, 0) as port:
        port.wake_by(waker)
        os.write(wake, b"!")
        assert port.receive(None) is None
        port.wake_by(None)
        assert port.receive(port.now()) is None
    os.close(waker)
    os.close(wake)
