"""``rawshake listen`` and the kernel's own clients: each behaviour, where it leaves them, and that none is accused."""

from __future__ import annotations

import signal
import socket
import struct
import time
from pathlib import Path

import pytest

from rawshake.errors import Exit
from rawshake.net.guard import Guard
from rawshake.net.lab.diag import find
from rawshake.net.lab.namespaces import Lab, Side
from rawshake.tcp.state import State
from tests.command import rawshake, read_until
from tests.live.serving import read, serving, talk

HELLO = b"hello" * 1000


@pytest.mark.parametrize(
    ("behave", "heard"),
    [("echo", HELLO), ("discard", b""), ("half-close", b""), ("slow:100000", b""), ("split", HELLO)],
)
def test_a_client_completes(lab: Lab, tmp_path: Path, address: str, behave: str, heard: bytes) -> None:
    offered = ("--wscale", "7", "--timestamps", "--sack", "--ecn")
    with serving(lab, tmp_path, "--behave", behave, "--once", *offered, address=address) as listener:
        assert talk(listener.name, HELLO) == heard
        assert listener.end() == Exit.OK, listener.said
    (connection,) = listener.connections
    assert listener.found("client") == listener.found("server") == []
    assert connection["ended"].startswith("closed")
    assert connection["client"]["octets"] == len(HELLO)


@pytest.mark.parametrize("behave", ["close", "reset:3", "reset:0"])
def test_a_client_is_reset(lab: Lab, tmp_path: Path, behave: str) -> None:
    with serving(lab, tmp_path, "--behave", behave, "--once") as listener:
        with pytest.raises(ConnectionError):
            talk(listener.name, HELLO)
        assert listener.end() == Exit.OK, listener.said
    assert listener.found() == []
    assert [one["ended"] for one in listener.connections] == ["reset"]


def test_a_client_is_refused(lab: Lab, tmp_path: Path) -> None:
    with serving(lab, tmp_path, "--behave", "refuse", "--once") as listener:
        with pytest.raises(ConnectionRefusedError):
            talk(listener.name, HELLO)
        assert listener.end() == Exit.OK, listener.said
    assert "refused (by us)" in listener.said


@pytest.mark.parametrize(
    ("behave", "closes", "state"),
    [
        ("silent", False, State.ESTABLISHED),
        ("silent", True, State.FIN_WAIT_2),
        ("no-finack", True, State.FIN_WAIT_1),
        ("zero-window", False, State.ESTABLISHED),
        ("half-close", False, State.CLOSE_WAIT),
    ],
)
def test_where_a_behaviour_leaves_the_client(
    lab: Lab, tmp_path: Path, behave: str, closes: bool, state: State
) -> None:
    with (
        serving(lab, tmp_path, "--behave", behave) as listener,
        socket.create_connection(listener.name, timeout=10) as client,
    ):
        if closes:
            client.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + 10
        while find(client.getsockname(), listener.name).state is not state:
            assert time.monotonic() < deadline
        assert listener.end(signal.SIGINT) == Exit.OK, listener.said
    assert listener.found() == []


def test_no_answer_at_all(lab: Lab, tmp_path: Path) -> None:
    with serving(lab, tmp_path, "--behave", "no-synack") as listener, socket.socket() as client:
        client.setblocking(False)
        client.connect_ex(listener.name)
        read_until(listener.process, "> S 0:0(0)")
        assert find(client.getsockname(), listener.name).state is State.SYN_SENT
        assert listener.end(signal.SIGTERM) == Exit.OK
    assert [one["opened"] for one in listener.connections] == ["no answer"]


def test_a_wrong_syn_ack_is_reset_by_the_client(lab: Lab, tmp_path: Path) -> None:
    """RFC 9293 3.10.7.3, which Linux keeps: nothing is found against it."""
    with serving(lab, tmp_path, "--bad", "synack.ack=+1") as listener, socket.socket() as client:
        client.setblocking(False)
        client.connect_ex(listener.name)
        read_until(listener.process, "> R ")
        assert find(client.getsockname(), listener.name).state is State.SYN_SENT
        assert listener.end(signal.SIGINT) == Exit.OK, listener.said
    assert listener.found("client") == []
    assert any("synack-ack-is-isn-plus-1" in one for one in listener.found("server"))


def test_a_client_that_breaks_a_rule_is_told_of_by_the_exit_status(lab: Lab, tmp_path: Path) -> None:
    """The client is rawshake's own, which does so on purpose."""
    with serving(lab, tmp_path, "--once", "--behave", "discard") as listener:
        rawshake("teardown", lab.address4, str(listener.port), "--bad", "fin.ack=+1000", "--timeout", "1")
        assert listener.end() == Exit.RULE_BROKEN, listener.said
    assert listener.found() != []


def test_ctrl_c_says_goodbye(lab: Lab, tmp_path: Path) -> None:
    with serving(lab, tmp_path) as listener, socket.create_connection(listener.name, timeout=10) as client:
        read_until(listener.process, "> . 1:1(0) ack 1")
        listener.process.send_signal(signal.SIGINT)
        assert client.recv(1) == b""
        client.close()
        assert listener.end() == Exit.OK
    assert [one["ended"] for one in listener.connections] == ["closed"]


def test_a_port_that_a_program_has_is_not_served(lab: Lab) -> None:
    with lab.entered(Side.SERVER):
        port = str(lab.ports["echo"])
        for more in ((), ("--address", lab.address4)):
            done = rawshake("listen", port, "--duration", "1", *more)
            assert done.status == Exit.PORT_TAKEN
            assert "belongs to a program of this machine" in done.err


def test_a_server_that_has_gone_leaves_its_port_to_us(lab: Lab) -> None:
    """Its connections in TIME-WAIT are in nobody's way."""
    with lab.entered(Side.SERVER), socket.create_server((lab.address4, 0)) as server:
        name = server.getsockname()
        with socket.create_connection(name) as client, server.accept()[0] as accepted:
            peer = client.getsockname()
            accepted.close()
            assert client.recv(1) == b""
        server.close()
        assert find(name, peer).state is State.TIME_WAIT
        with Guard(lab.address4, name[1], serves=True) as guard:
            assert guard.port == name[1]


def test_nobody_came(lab: Lab, tmp_path: Path) -> None:
    with serving(lab, tmp_path, "--once", "--duration", "0.3") as listener:
        assert listener.end() == Exit.TIMED_OUT
    assert "Nobody came." in listener.said


def test_a_crowd_and_a_queue(lab: Lab, tmp_path: Path) -> None:
    """100 at once, and 1,000 in turn."""
    with serving(lab, tmp_path, "--count", "1100", "--quiet") as listener:
        crowd = [socket.create_connection(listener.name, timeout=30) for _ in range(100)]
        for number, client in enumerate(crowd):
            client.sendall(bytes(number))
            client.shutdown(socket.SHUT_WR)
        for number, client in enumerate(crowd):
            assert read(client) == bytes(number)
            client.close()
        for number in range(1000):
            assert talk(listener.name, b"%d" % number) == b"%d" % number
        peak = listener.peak()
        assert listener.end() == Exit.OK
    assert listener.found() == []
    assert {(one["opened"], one["ended"]) for one in listener.connections} == {("complete", "closed")}
    assert len(listener.connections) == 1100
    assert peak < 150_000_000


def test_a_flood(lab: Lab, tmp_path: Path) -> None:
    """100,000 SYNs of nobody, and somebody among them."""
    with serving(lab, tmp_path, "--quiet") as listener, socket.socket() as amid:
        amid.setblocking(False)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for number in range(100_000):
                raw.sendto(_syn(number, listener.name), (listener.address, 0))
                if number == 50_000:
                    amid.connect_ex(listener.name)
        amid.settimeout(30)
        amid.sendall(b"amid")
        amid.shutdown(socket.SHUT_WR)
        assert read(amid) == b"amid"
        assert talk(listener.name, b"after") == b"after"
        peak = listener.peak()
        assert listener.end(signal.SIGINT) == Exit.OK
    assert peak < 200_000_000
    assert sum(one["ended"] == "closed" for one in listener.connections) == 2
    assert len(listener.connections) < 2000


def _syn(number: int, to: tuple[str, int]) -> bytes:
    source = socket.inet_aton(f"198.18.{number // 250 % 250}.{number % 250 + 1}")
    ends = source + socket.inet_aton(to[0])
    tcp = struct.pack("!HHIIHHHH", 1024 + number % 60_000, to[1], number, 0, 0x5002, 1000, 0, 0)
    total = int.from_bytes(ends + struct.pack("!HH", 6, 20) + tcp, "big") % 0xFFFF
    tcp = tcp[:16] + struct.pack("!H", 0xFFFF - total) + tcp[18:]
    return struct.pack("!BBHHHBBH", 0x45, 0, 40, number % 0xFFFF + 1, 0, 64, 6, 0) + ends + tcp
