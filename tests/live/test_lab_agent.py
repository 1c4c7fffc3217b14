"""The agent makes socket calls as it is told, in the lab and as a file that was copied; seen through plain sockets."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rawshake.errors import Exit
from rawshake.net.lab import agent
from rawshake.net.lab.namespaces import Lab
from tests.command import rawshake

LONG = 60.0


class Caller:
    """A control connection, by lines."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control

    def __call__(self, order: str) -> str:
        self.control.sendall(order.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            more = self.control.recv(1000)
            assert more, answer
            answer += more
        return answer[:-1].decode()

    def served(self) -> tuple[socket.socket, str]:
        """A connection to a port that the agent listens at, and its number there."""
        _, listening, port = self("listen").split()
        client = socket.create_connection((self.control.getpeername()[0], int(port)), timeout=LONG)
        _, accepted = self(f"accept {listening} 9").split()
        return client, accepted


@contextmanager
def calling(address: str, port: int) -> Iterator[Caller]:
    with socket.create_connection((address, port), timeout=LONG) as control:
        yield Caller(control)


@pytest.fixture
def call(lab: Lab, address: str) -> Iterator[Caller]:
    with calling(address, lab.ports["agent"]) as caller:
        yield caller


def test_it_says_what_it_is(call: Caller) -> None:
    assert call("hello") == f"ok {agent.NAME}"


def test_it_accepts_sends_receives_and_closes(call: Caller) -> None:
    client, accepted = call.served()
    with client:
        assert call(f"send {accepted} 30") == "ok 30"
        assert client.recv(100) == b"abcdefghijklmnopqrstuvwxyzabcd"
        client.sendall(b"hi")
        assert call(f"recv {accepted} 100 9") == "ok 6869"
        client.send(b"!", socket.MSG_OOB)
        assert call(f"urgent {accepted} 9") == "ok 21"
        assert call(f"recv {accepted} 100") == "error EAGAIN"
        assert call(f"shutdown {accepted} wr") == "ok"
        assert client.recv(100) == b""
        assert call(f"send {accepted} 1") == "error EPIPE"
        client.shutdown(socket.SHUT_WR)
        assert call(f"recv {accepted} 100 9") == "ok eof"
        assert call(f"close {accepted}") == "ok"
        assert call(f"close {accepted}") == "error EBADF"


def test_it_connects_to_its_caller(call: Caller) -> None:
    here = call.control.getsockname()[0]
    with socket.create_server((here, 0), family=call.control.family) as listener:
        listener.settimeout(LONG)
        assert call("socket") == "ok 1"
        assert call("send 1 1") == "error EPIPE"
        assert call("recv 1 1") == "error ENOTCONN"
        assert call(f"connect 1 {listener.getsockname()[1]}") == "ok"
        accepted, there = listener.accept()
        with accepted:
            assert there[0] == call.control.getpeername()[0]
            assert call(f"connect 1 {listener.getsockname()[1]}") in ("ok", "error EISCONN")
            assert call(f"connect 1 {listener.getsockname()[1]}") == "error EISCONN"
            assert call("abort 1") == "ok"
            with pytest.raises(ConnectionResetError):
                accepted.recv(1)


def test_a_refusal_and_a_reset_are_told(call: Caller) -> None:
    with socket.create_server((call.control.getsockname()[0], 0), family=call.control.family) as taken:
        closed = taken.getsockname()[1]
    assert call("socket") == "ok 1"
    assert call(f"connect 1 {closed}") == "ok"
    assert call("error 1 9") == "ok ECONNREFUSED"
    client, accepted = call.served()
    assert call(f"error {accepted} 0.01") == "ok 0"
    agent._linger(client, 0)
    client.close()
    assert call(f"error {accepted} 9") == "ok ECONNRESET"


@pytest.mark.parametrize("what", sorted(agent.OPTIONS))
def test_options_are_set(call: Caller, what: str) -> None:
    call("socket")
    assert call(f"set 1 {what} 1") == "ok"


def test_a_lingering_close_is_told_once_it_is_over(call: Caller) -> None:
    client, accepted = call.served()
    with client:
        assert call(f"set {accepted} linger 9") == "ok"
        assert call(f"close {accepted} 9") == "ok"  # the kernel acknowledges its FIN at once
        assert client.recv(1) == b""


@pytest.mark.parametrize(
    "order", ["", "exec 1", "listen many", "accept", "set 1 speed 1", "close 1 2 3", "accept 1 x"]
)
def test_what_is_no_order_is_an_error(call: Caller, order: str) -> None:
    call("socket")
    assert call(order).startswith("error EINVAL ")
    assert call("hello") == f"ok {agent.NAME}"


def test_what_it_made_ends_with_its_caller(lab: Lab, address: str) -> None:
    with calling(address, lab.ports["agent"]) as caller:
        client, _ = caller.served()
        port = client.getpeername()[1]
        caller.control.sendall(b"accept 1 600\n")  # it waits, and sees all the same that its caller is gone
    with client, pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, port), timeout=LONG)


def test_nobody_has_more_sockets_than_that(call: Caller) -> None:
    answers = [call("socket") for _ in range(agent.MOST_SOCKETS + 1)]
    assert answers[-2:] == [f"ok {agent.MOST_SOCKETS}", "error EMFILE"]


def test_the_copied_file_runs_by_itself(tmp_path: Path) -> None:
    copied = shutil.copy(agent.__file__, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-I", "-S", copied, "--control", str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == (
                f"{agent.NAME}: makes TCP calls for whoever connects to 127.0.0.1 port {port}; Ctrl-C ends it.\n"
            )
            with calling("127.0.0.1", port) as caller:
                assert caller("hello") == f"ok {agent.NAME}"
                client, accepted = caller.served()
                with client:
                    assert caller(f"send {accepted} 3") == "ok 3"
                    assert client.recv(9) == b"abc"
        finally:
            process.terminate()


def test_it_is_printed_to_be_copied() -> None:
    assert rawshake("lab", "agent", "--print").out == Path(agent.__file__).read_text()


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = rawshake("lab", "agent", "--control", str(port))
    assert done.status == Exit.USAGE
    assert done.err.startswith(f"rawshake: 127.0.0.1 port {port} cannot be had: ")
