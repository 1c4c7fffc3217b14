"""Each server of the lab does what its one line says, over IPv4 and IPv6, seen through plain sockets."""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from rawshake.net.lab import INTERFACE, SERVER_LINK_LOCAL, diag
from rawshake.net.lab.kernel import Address
from rawshake.net.lab.namespaces import Lab
from rawshake.net.lab.servers import BULK, PART, PARTS, SERVERS
from rawshake.tcp.state import State

#: Seconds that nothing here takes, on a machine however slow.
LONG = 60.0


@contextmanager
def connected(lab: Lab, address: str, name: str) -> Iterator[socket.socket]:
    with socket.create_connection((address, lab.ports[name]), timeout=LONG) as client:
        yield client


def ends(client: socket.socket) -> tuple[Address, Address]:
    """Server's and client's address and port."""
    return client.getpeername()[:2], client.getsockname()[:2]


def everything(client: socket.socket) -> bytes:
    """All that comes until end of file."""
    received = b""
    while more := client.recv(65536):
        received += more
    return received


def until(true: Callable[[], bool]) -> None:
    """Poll until something is true."""
    deadline = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < deadline
        select.select([], [], [], 0.001)


def test_every_server_has_its_own_port(lab: Lab) -> None:
    assert lab.ports == {name: server.port for name, server in SERVERS.items()}


def test_echo(lab: Lab, address: str) -> None:
    with connected(lab, address, "echo") as client:
        for said in (b"hello", b"x" * 3000):
            client.sendall(said)
            heard = b""
            while len(heard) < len(said):
                heard += client.recv(65536)
            assert heard == said
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b""


def test_discard_reads_everything(lab: Lab, address: str) -> None:
    with connected(lab, address, "discard") as client:
        client.sendall(bytes(1_000_000))
        server, us = ends(client)
        until(lambda: diag.find(us, server).unacknowledged == 0 and lab.control.state(server, us).unread == 0)
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b""


def test_closes_first(lab: Lab, address: str) -> None:
    with connected(lab, address, "closes-first") as client:
        assert everything(client) == b"That was all.\r\n"
        assert lab.control.await_state(*ends(client), State.FIN_WAIT_2).state is State.FIN_WAIT_2


def test_sends_bulk(lab: Lab, address: str) -> None:
    with connected(lab, address, "sends-bulk") as client:
        assert everything(client) == BULK
        assert len(BULK) == 200_000


def test_banner_then_waits(lab: Lab, address: str) -> None:
    with connected(lab, address, "banner") as client:
        assert client.recv(100) == b"220 lab ready\r\n"
        client.sendall(b"HELO\r\n")
        server, us = ends(client)
        until(
            lambda: lab.control.state(server, us).received == 6 and not lab.control.state(server, us).unread
        )
        assert lab.control.state(server, us).state is State.ESTABLISHED
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b""


def test_closes_on_eof_answers_requests(lab: Lab, address: str) -> None:
    with connected(lab, address, "closes-on-eof") as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        client.sendall(b"GET / HTTP/1.0\r\n\r\nGET")
        client.shutdown(socket.SHUT_WR)
        heard = everything(client)
        assert heard.count(b"HTTP/1.0 200 OK\r\n") == 3
        assert heard.endswith(b"\r\n\r\na handshake made this\n")


def test_closes_on_eof_says_nothing_unasked(lab: Lab, address: str) -> None:
    with connected(lab, address, "closes-on-eof") as client:
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b""


def test_half_closes_reads_on(lab: Lab, address: str) -> None:
    with connected(lab, address, "half-closes") as client:
        assert everything(client) == b"I have said all; go on.\r\n"
        client.sendall(bytes(10_000))
        server, us = ends(client)
        until(lambda: diag.find(us, server).unacknowledged == 0)
        assert lab.control.state(server, us).state is State.FIN_WAIT_2
        client.shutdown(socket.SHUT_WR)
        assert lab.control.await_state(server, us, State.TIME_WAIT).state is State.TIME_WAIT


def test_answers_after_eof(lab: Lab, address: str) -> None:
    with connected(lab, address, "answers-after-eof") as client:
        client.sendall(b"go on")
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == PART * PARTS
        assert len(PART * PARTS) == 24_000


def test_does_not_read(lab: Lab, address: str) -> None:
    with connected(lab, address, "does-not-read") as client:
        server, us = ends(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
        client.sendall(bytes(200_000))
        # Its window is closed once the kernel of the client probes it (RFC 9293 3.8.6.1).
        until(lambda: lab.control.state(server, us).unread > 1000)
        assert diag.find(us, server).unacknowledged > 100_000
        assert lab.control.state(server, us).state is State.ESTABLISHED


def test_does_not_read_until_the_end(lab: Lab, address: str) -> None:
    with connected(lab, address, "does-not-read") as client:
        client.sendall(bytes(1000))
        server, us = ends(client)
        until(lambda: lab.control.state(server, us).unread == 1000)
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b""


def test_resets_at_the_first_data(lab: Lab, address: str) -> None:
    with connected(lab, address, "resets") as client:
        client.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            client.recv(100)


def test_resets_closes_where_there_is_no_data(lab: Lab, address: str) -> None:
    with connected(lab, address, "resets") as client:
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b""


def test_resets_on_accept(lab: Lab, address: str) -> None:
    # The reset may come before connect() has returned, or after.
    with pytest.raises(ConnectionResetError), connected(lab, address, "resets-on-accept") as client:
        client.recv(100)


def test_never_accepts_but_acknowledges(lab: Lab, address: str) -> None:
    with connected(lab, address, "never-accepts") as client:
        client.sendall(b"hello?")
        server, us = ends(client)
        until(lambda: diag.find(us, server).unacknowledged == 0)
        found = lab.control.state(server, us)
        assert (found.state, found.unread) == (State.ESTABLISHED, 6)
        assert lab.control.listener(server).unread == 1  # waits to be accepted
        client.shutdown(socket.SHUT_WR)
        assert lab.control.await_state(server, us, State.CLOSE_WAIT).state is State.CLOSE_WAIT


def test_closed_refuses(lab: Lab, address: str) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, lab.ports["closed"]), timeout=LONG)


def test_filtered_says_nothing(lab: Lab, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        server = (address, lab.ports["filtered"])
        assert client.connect_ex(server) == errno.EINPROGRESS
        us = client.getsockname()[:2]
        # The SYN has gone out twice, and the client waits as if nobody were there.
        until(lambda: diag.find(us, server).retransmissions >= 1)
        assert diag.find(us, server).state is State.SYN_SENT
        assert lab.control.state(server, us).state is State.CLOSED


def test_link_local(lab: Lab) -> None:
    with connected(lab, f"{SERVER_LINK_LOCAL}%{INTERFACE}", "echo") as client:
        client.sendall(b"near")
        assert client.recv(100) == b"near"
        assert lab.control.state(*ends(client)).state is State.ESTABLISHED


def descriptors(lab: Lab) -> int:
    """How many files the servers' process has open: it is the last that the lab's first process forked."""
    process = lab.process
    while children := Path(f"/proc/{process}/task/{process}/children").read_text().split():
        process = int(children[-1])
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def test_hundreds_at_once(lab: Lab, address: str) -> None:
    clients = [socket.create_connection((address, lab.ports["echo"]), timeout=LONG) for _client in range(400)]
    for number, client in enumerate(clients):
        client.sendall(b"%d" % number)
    for number, client in enumerate(clients):
        with closing(client):
            assert client.recv(100) == b"%d" % number


def test_a_thousand_in_sequence_leave_nothing(lab: Lab, address: str) -> None:
    names = ["echo", "closes-first", "banner", "resets", "resets-on-accept", "half-closes", "discard"]
    with connected(lab, address, "echo") as witness:
        witness.sendall(b"here")
        assert witness.recv(100) == b"here"  # so it has been accepted
        before = descriptors(lab)
        for number in range(1000):
            name = names[number % len(names)]
            with suppress(ConnectionResetError), connected(lab, address, name):
                pass
        until(lambda: descriptors(lab) <= before)
        witness.sendall(b"still there")
        assert witness.recv(100) == b"still there"


def test_dials_back(lab: Lab, address: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as waiting:
        waiting.bind((lab.client6 if ":" in address else lab.client4, 0))
        waiting.listen()
        waiting.settimeout(LONG)
        with connected(lab, address, "dials-back") as asking:
            asking.sendall(f"{waiting.getsockname()[1]}\n".encode())
            dialled, (there, *_) = waiting.accept()
            assert there == address
            dialled.settimeout(LONG)
            dialled.sendall(b"is that you?")
            assert dialled.recv(100) == b"is that you?"
            dialled.close()
            assert asking.recv(1) == b""


def test_dials_back_to_no_port(lab: Lab, address: str) -> None:
    with connected(lab, address, "dials-back") as asking:
        asking.sendall(b"nowhere\n")
        assert asking.recv(1) == b""
