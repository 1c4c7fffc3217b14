"""What inet_diag says of each state equals what the sockets were made to do, and what /proc/net/tcp says."""

from __future__ import annotations

import errno
import ipaddress
import json
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rawshake.net import bpf
from rawshake.net.lab import diag
from rawshake.net.lab.kernel import Address, KernelSocket
from rawshake.net.lab.namespaces import Lab, Side
from rawshake.tcp.state import State

SO_DETACH_FILTER = 27
LONG = 60_000_000_000

#: Numbers of /proc/net/tcp (include/net/tcp_states.h), written down apart from the module under test.
IN_PROC = {
    "01": State.ESTABLISHED, "02": State.SYN_SENT, "03": State.SYN_RECEIVED, "04": State.FIN_WAIT_1,
    "05": State.FIN_WAIT_2, "06": State.TIME_WAIT, "08": State.CLOSE_WAIT, "09": State.LAST_ACK,
    "0A": State.LISTEN, "0B": State.CLOSING,
}  # fmt: skip


def witness(lab: Lab, server: Address, client: Address) -> State:
    """The server's state as /proc/net/tcp and tcp6 have it."""
    wanted = [_as_in_proc(server), _as_in_proc(client)]
    with lab.entered(Side.SERVER):
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/thread-self/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[1:3] == wanted:
                    return IN_PROC[fields[3]]
    return State.CLOSED


def _as_in_proc(address: Address) -> str:
    packed = ipaddress.ip_address(address[0]).packed
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    # Each word is printed as a number of this machine's order.
    numbers = [int.from_bytes(word, sys.byteorder) for word in words]
    return "".join(f"{number:08X}" for number in numbers) + f":{address[1]:04X}"


def freeze(client: socket.socket) -> None:
    """Make a socket deaf: nothing that comes reaches its TCP, so that it acknowledges nothing more."""
    bpf.attach(client, bpf.NOTHING)


def thaw(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


@contextmanager
def connected(lab: Lab, address: str, name: str) -> Iterator[tuple[socket.socket, Address, Address]]:
    """A connection with a server that has accepted it, and the server's and our address."""
    with socket.create_connection((address, lab.ports[name]), timeout=LONG / 1e9) as client:
        assert lab.control.step(within=LONG) == 1
        yield client, client.getpeername()[:2], client.getsockname()[:2]


def expect(lab: Lab, server: Address, client: Address, state: State) -> KernelSocket:
    found = lab.control.await_state(server, client, state, within=LONG)
    assert found.state is state
    assert witness(lab, server, client) is state
    return found


def expect_of_client(client: Address, server: Address, state: State) -> None:
    """As ``expect``, for our own end."""
    deadline = time.monotonic_ns() + LONG
    while (found := diag.find(client, server)).state is not state and time.monotonic_ns() < deadline:
        select.select([], [], [], 0.001)
    assert found.state is state


def test_listen(lab: Lab, address: str) -> None:
    assert lab.control.listener((address, lab.ports["echo"])).state is State.LISTEN
    assert lab.control.listener((address, lab.ports["filtered"])).state is State.LISTEN
    assert lab.control.listener((address, lab.ports["closed"])).state is State.CLOSED
    assert lab.control.listener((address, 4711)).state is State.CLOSED


def test_a_listener_is_no_connection(lab: Lab, address: str) -> None:
    assert lab.control.state((address, lab.ports["echo"]), (address, 4711)).state is State.CLOSED


def test_syn_received(held: Lab, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        freeze(client)
        client.setblocking(False)
        server = (address, held.ports["echo"])
        assert client.connect_ex(server) == errno.EINPROGRESS
        us = client.getsockname()[:2]
        expect(held, server, us, State.SYN_RECEIVED)
        expect_of_client(us, server, State.SYN_SENT)
        thaw(client)
        # The next SYN-ACK is heard.
        assert select.select([], [client], [], LONG / 1e9)[1]
        expect(held, server, us, State.ESTABLISHED)


def test_close_by_the_client(held: Lab, address: str) -> None:
    with connected(held, address, "discard") as (client, server, us):
        found = expect(held, server, us, State.ESTABLISHED)
        assert (found.acknowledged, found.received) == (0, 0)
        client.shutdown(socket.SHUT_WR)
        found = expect(held, server, us, State.CLOSE_WAIT)
        assert found.received == 1  # the FIN has a number too
        expect_of_client(us, server, State.FIN_WAIT_2)
        freeze(client)
        assert held.control.step(within=LONG) == 1
        found = expect(held, server, us, State.LAST_ACK)
        thaw(client)
        assert client.recv(1) == b""
        expect(held, server, us, State.CLOSED)
        expect_of_client(us, server, State.TIME_WAIT)


def test_close_by_the_server(held: Lab, address: str) -> None:
    with connected(held, address, "closes-first") as (client, server, us):
        freeze(client)
        assert held.control.step(within=LONG) == 1
        expect(held, server, us, State.FIN_WAIT_1)
        thaw(client)
        expect(held, server, us, State.FIN_WAIT_2)
        expect_of_client(us, server, State.CLOSE_WAIT)
        client.shutdown(socket.SHUT_WR)
        expect(held, server, us, State.TIME_WAIT)
        expect_of_client(us, server, State.CLOSED)


def test_simultaneous_close(held: Lab, address: str) -> None:
    with connected(held, address, "half-closes") as (client, server, us):
        freeze(client)
        assert held.control.step(within=LONG) == 1
        expect(held, server, us, State.FIN_WAIT_1)
        client.shutdown(socket.SHUT_WR)  # it has heard of no FIN
        expect(held, server, us, State.CLOSING)
        thaw(client)
        expect(held, server, us, State.TIME_WAIT)


def test_reset(held: Lab, address: str) -> None:
    with connected(held, address, "echo") as (client, server, us):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    expect(held, server, us, State.CLOSED)
    assert held.control.step(within=LONG) == 1


def test_numbers(held: Lab, address: str) -> None:
    with connected(held, address, "echo") as (client, server, us):
        client.sendall(b"12345")
        held.control.await_state(server, us, State.ESTABLISHED)
        deadline = time.monotonic_ns() + LONG
        while (found := held.control.state(server, us)).received != 5 and time.monotonic_ns() < deadline:
            select.select([], [], [], 0.001)
        assert (found.unread, found.acknowledged, found.received) == (5, 0, 5)
        assert held.control.step(within=LONG) == 1  # reads
        assert held.control.state(server, us).unread == 0
        freeze(client)
        assert held.control.step(within=LONG) == 1  # writes
        assert held.control.state(server, us).unacknowledged == 5
        thaw(client)
        assert client.recv(100) == b"12345"


def test_standing_still(held: Lab, address: str) -> None:
    with socket.create_connection((address, held.ports["echo"]), timeout=LONG / 1e9) as client:
        client.sendall(b"hello")
        server, us = client.getpeername()[:2], client.getsockname()[:2]
        while held.control.listener(server).unread == 0:
            select.select([], [], [], 0.001)
        # Accepts, reads, writes; then there is nothing left to do.
        assert [held.control.step(within=LONG) for _step in range(3)] == [1, 1, 1]
        assert client.recv(100) == b"hello"
        assert held.control.step(within=0) == 0
        expect(held, server, us, State.ESTABLISHED)
        held.control.release()
        client.sendall(b"again")
        assert client.recv(100) == b"again"


def test_ipv4_over_an_ipv6_socket(lab: Lab) -> None:
    with lab.entered(Side.SERVER):
        listener = socket.create_server(("", 4000), family=socket.AF_INET6, dualstack_ipv6=True)
    with listener, socket.create_connection((lab.address4, 4000), timeout=LONG / 1e9) as client:
        us = client.getsockname()[:2]
        assert lab.control.state((lab.address4, 4000), us).state is State.ESTABLISHED
        mapped = (f"::ffff:{lab.address4}", 4000), (f"::ffff:{us[0]}", us[1])
        assert lab.control.state(*mapped).state is State.ESTABLISHED
        assert lab.control.listener((lab.address4, 4000)).state is State.LISTEN


def test_census(lab: Lab) -> None:
    before = lab.control.census()
    # Each port that listens does so for IPv4 and for IPv6; one does not listen.
    assert before[State.LISTEN] == 2 * (len(lab.ports) - 1)
    assert State.CLOSED not in before
    with socket.create_connection((lab.address4, lab.ports["discard"]), timeout=LONG / 1e9):
        assert lab.control.census()[State.ESTABLISHED] == before[State.ESTABLISHED] + 1


@pytest.mark.parametrize("bad", ["nonsense", "192.0.2.300"])
def test_an_address_that_is_none(lab: Lab, bad: str) -> None:
    with pytest.raises(ValueError, match=bad):
        diag.find((bad, 1), (lab.address4, 2))


def test_an_answer_that_nobody_waited_for(held: Lab, address: str) -> None:
    # As when a signal has us leave between the question and its answer.
    held.control._pair.send(json.dumps({"ask": "census", "number": -1}).encode())
    assert held.control.listener((address, held.ports["echo"])).state is State.LISTEN
    assert held.control.step(within=0) == 0
