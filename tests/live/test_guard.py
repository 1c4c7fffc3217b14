"""The kernel resets connections that it does not know, and with a guard it does not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rawshake.errors import Exit, Failure
from rawshake.net.capture import Capture
from rawshake.net.craft import build
from rawshake.net.guard import Guard, Means
from rawshake.net.send import Sender
from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.live.isolated import NET_BIND_SERVICE, NET_RAW, isolated, keep_capabilities

SYN_ACK = Flags.SYN | Flags.ACK
#: The guarded address, as the guard is given it; what the peer sends to; where from.
PLACES = [
    pytest.param("127.0.0.1", "127.0.0.1", "127.0.0.2", id="IPv4"),
    pytest.param("127.0.0.1", "127.0.0.1", "127.0.0.1", id="own address"),
    pytest.param("::1", "::1", "::1", id="IPv6"),
    pytest.param("::ffff:127.0.0.1", "127.0.0.1", "127.0.0.2", id="v4-mapped"),
]


def resets_after_syn_ack(address: str, port: int, peer: str) -> int:
    """How many RSTs leave the port when a SYN-ACK and then a stray ACK arrive from the peer's port 80."""
    answer = Segment(src=peer, sport=80, dst=address, dport=port, seq=Seq(7), ack=Seq(1), flags=SYN_ACK)
    last = Segment(src=peer, sport=80, dst=address, dport=port, seq=Seq(8), ack=Seq(1), flags=Flags.ACK)
    marker = Segment(src=peer, sport=80, dst=address, dport=port, seq=Seq(9), ack=Seq(1), flags=Flags.RST)
    with Capture(address, port, peer, 80) as capture, Sender(peer) as sender:
        for segment in (answer, last, marker):
            sender.send(build(segment), address)
        seen: list[Segment] = []
        while not seen or seen[-1].seq != marker.seq:
            frame = capture.receive()
            assert frame is not None, "loopback has delivered all three"
            decoded = decode(frame.packet, offloaded=frame.offloaded)
            assert isinstance(decoded, Segment)
            seen.append(decoded)
    return sum(segment.rst and segment.sport == port for segment in seen)


@pytest.mark.parametrize("means", Means)
@pytest.mark.parametrize(("guarded", "address", "peer"), PLACES)
@isolated
def test_a_syn_ack_draws_a_reset_without_guard_and_none_with_it(
    guarded: str, address: str, peer: str, means: Means
) -> None:
    with Guard(guarded, means=[means]) as guard:
        port = guard.port
        assert guard.means is means
        assert resets_after_syn_ack(address, port, peer) == 0
    assert resets_after_syn_ack(address, port, peer) == 2


@isolated
def test_another_connection_from_the_guarded_port_goes_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.connect(server.getsockname())
        accepted, (_, port) = server.accept()
        with accepted, Guard("127.0.0.1", port, peer=("127.0.0.2", 80)):
            assert resets_after_syn_ack("127.0.0.1", port, "127.0.0.2") == 0
            accepted.sendall(b"still there")
            assert client.recv(100) == b"still there"


def leave_time_wait(host: str, family: socket.AddressFamily) -> tuple[int, int]:
    """End a connection of the kernel's own, client first; its port, and the server's."""
    with socket.socket(family) as server, socket.socket(family) as client:
        server.bind((host, 0))
        server.listen()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.connect(server.getsockname())
        accepted, _ = server.accept()
        ports = client.getsockname()[1], server.getsockname()[1]
        client.shutdown(socket.SHUT_WR)
        assert accepted.recv(1) == b""
        accepted.close()
        assert client.recv(1) == b""
    return ports


@pytest.mark.parametrize(
    ("host", "address", "family"),
    [
        ("127.0.0.1", "127.0.0.1", socket.AF_INET),
        ("::1", "::1", socket.AF_INET6),
        ("::ffff:127.0.0.1", "127.0.0.1", socket.AF_INET6),
    ],
)
@isolated
def test_a_connection_in_time_wait_is_in_the_way_of_its_own_kind_only(
    host: str, address: str, family: socket.AddressFamily
) -> None:
    port, server_port = leave_time_wait(host, family)
    with pytest.raises(Failure, match="in use") as failed:
        Guard(address, port, peer=(address, server_port))
    assert failed.value.status is Exit.PORT_TAKEN
    with Guard(address, port, peer=(address, server_port % 65535 + 1)) as guard:
        assert guard.port == port


@isolated
def test_ports_below_1024_take_a_capability() -> None:
    Guard("127.0.0.1", 80).close()
    keep_capabilities(NET_RAW)
    Guard("127.0.0.1", 1024).close()
    with pytest.raises(Failure, match="Local port 80 is one of those below 1024") as failed:
        Guard("127.0.0.1", 80)
    assert failed.value.status is Exit.NO_PRIVILEGE


@isolated
def test_what_a_default_container_may_is_enough() -> None:
    keep_capabilities(NET_BIND_SERVICE, NET_RAW)
    with Guard("127.0.0.1") as guard:
        assert resets_after_syn_ack("127.0.0.1", guard.port, "127.0.0.2") == 0


HOLD = """
import sys
from rawshake.net.guard import Guard
with Guard("127.0.0.1") as guard:
    print(guard.port, flush=True)
    sys.stdin.read()
"""


def test_killed_it_leaves_nothing() -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        port = int(holder.stdout.readline())
        with pytest.raises(Failure, match="in use"):
            Guard("127.0.0.1", port)
        os.kill(holder.pid, signal.SIGKILL)
    Guard("127.0.0.1", port).close()
