"""A guard holds its port as long as it stands, and says why where it cannot."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from rawshake.errors import Exit, Failure
from rawshake.net.guard import Guard, _in_table

HOST = "127.0.0.1"


def test_the_kernel_chooses_a_free_port() -> None:
    with Guard(HOST) as one, Guard(HOST) as another:
        assert one.port > 0
        assert another.port > 0
        assert one.port != another.port
        assert (one.address, one.fileno() >= 0) == (HOST, True)


def test_a_port_can_be_asked_for_and_is_free_again_afterwards() -> None:
    with Guard(HOST) as guard:
        port = guard.port
    with Guard(HOST, port) as again:
        assert again.port == port


def test_nobody_can_connect_to_it() -> None:
    with Guard(HOST) as guard, socket.socket() as client:
        client.setblocking(False)
        assert client.connect_ex((HOST, guard.port)) != 0
        # Loopback delivers at once: a kernel without guard would have refused by now.
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_a_port_in_use_is_refused() -> None:
    for holder in (Guard(HOST), socket.create_server((HOST, 0))):
        with closing(holder) as taken:
            port = taken.port if isinstance(taken, Guard) else taken.getsockname()[1]
            for peer in (None, (HOST, 9)):
                with pytest.raises(Failure, match=f"Local port {port} on {HOST} is in use") as failed:
                    Guard(HOST, port, peer=peer)
                assert failed.value.status is Exit.PORT_TAKEN


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(Failure, match=r"198\.51\.100\.1") as failed:
        Guard("198.51.100.1")
    assert failed.value.status is Exit.FOREIGN_SOURCE


def test_detached_it_stands_until_its_descriptor_is_closed() -> None:
    guard = Guard(HOST)
    port = guard.port
    descriptor = guard.detach()
    guard.close()
    with pytest.raises(Failure, match="in use"):
        Guard(HOST, port)
    os.close(descriptor)
    Guard(HOST, port).close()


def test_the_names_of_proc_are_those_that_the_kernel_writes() -> None:
    with socket.create_server((HOST, 0)) as server:
        name = _in_table(HOST, server.getsockname()[1])
        table = Path("/proc/thread-self/net/tcp").read_text(encoding="ascii").splitlines()
        assert [line for line in table if line.split()[1] == name]
