"""``rawshake.listen`` in scripts: clients accepted and talked to by hand, or served by a behaviour, and goodbyes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

import rawshake
from rawshake.net.lab.namespaces import Lab, Side
from rawshake.report import Outcome
from rawshake.tcp.state import State


class Dialler:
    """Makes kernel sockets on the far side that dial us; they are closed at the end of the test."""

    def __init__(self, lab: Lab, stack: ExitStack) -> None:
        self._lab = lab
        self._stack = stack

    def __call__(self, server: rawshake.Server, v6: bool = False) -> socket.socket:
        with self._lab.entered(Side.SERVER):
            made = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
        self._stack.enter_context(made)
        made.setblocking(False)
        made.connect_ex(("2001:db8::1" if v6 else "192.0.2.1", server.port))
        made.settimeout(5)
        return made


@pytest.fixture
def dial(lab: Lab) -> Iterator[Dialler]:
    with ExitStack() as stack:
        yield Dialler(lab, stack)


def kernel(lab: Lab, accepted: rawshake.Accepted) -> State:
    """Where the client's kernel says that it is."""
    return lab.control.state(accepted.client, accepted.server).state


def states(accepted: rawshake.Accepted) -> tuple[State, State]:
    """Ours, and the client's."""
    return accepted.state, accepted.peer_state


@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
def test_a_client_is_accepted_and_closes_first(lab: Lab, dial: Dialler, v6: bool) -> None:
    with rawshake.listen() as server:
        client = dial(server, v6)
        with server.accept() as accepted:
            assert states(accepted) == (State.ESTABLISHED, State.ESTABLISHED)
            assert kernel(lab, accepted) is State.ESTABLISHED
            client.send(b"hello")
            assert accepted.receive(5) == b"hello"
            accepted.send(b"there")
            assert client.recv(100) == b"there"
            client.shutdown(socket.SHUT_WR)
            assert accepted.receive() == b""
            assert states(accepted)[0] is State.CLOSE_WAIT
            assert kernel(lab, accepted) is State.FIN_WAIT_2
        assert client.recv(100) == b""
    assert accepted.exchange.outcome is Outcome.CLOSED
    assert accepted.findings == ()
    assert server.exchanges == (accepted.exchange,)


def test_we_close_first(lab: Lab, dial: Dialler) -> None:
    with rawshake.listen() as server:
        client = dial(server)
        accepted = server.accept()
        accepted.shutdown()
        assert states(accepted)[0] is State.FIN_WAIT_2
        assert kernel(lab, accepted) is State.CLOSE_WAIT
        client.send(b"late")
        client.close()
        assert accepted.receive_all() == b"late"
        with pytest.raises(rawshake.Failure, match="after our FIN"):
            accepted.send(b"more")
        assert accepted.close().outcome is Outcome.CLOSED
    with pytest.raises(rawshake.Failure, match="The connection is closed"):
        accepted.send(b"more")
    with pytest.raises(rawshake.Failure, match="The server is closed"):
        server.accept()


def test_an_exception_resets_all_clients(lab: Lab, dial: Dialler) -> None:
    def go_wrong() -> None:
        with rawshake.listen() as server:
            clients.extend((dial(server), dial(server)))
            accepted.append(server.accept())
            raise ZeroDivisionError

    clients: list[socket.socket] = []
    accepted: list[rawshake.Accepted] = []
    with pytest.raises(ZeroDivisionError):
        go_wrong()
    assert accepted[0].exchange.outcome is Outcome.RESET_BY_US
    for client in clients:
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_all_are_served_while_one_is_waited_for(lab: Lab, dial: Dialler) -> None:
    with rawshake.listen() as server:
        sockets = [dial(server) for _ in range(3)]
        accepted = [server.accept() for _ in sockets]
        by_port = {one.client[1]: one for one in accepted}
        for number, client in enumerate(sockets):
            client.send(b"%d" % number)
        for number, client in reversed(list(enumerate(sockets))):
            assert by_port[client.getsockname()[1]].receive() == b"%d" % number
        for client in sockets:
            client.close()
        assert [exchange.outcome for exchange in (one.close() for one in accepted)] == [Outcome.CLOSED] * 3
    assert server.findings == ()


def test_more_than_a_window_each_way(lab: Lab, dial: Dialler) -> None:
    octets = bytes(range(256)) * 400
    with rawshake.listen(window=8192) as server:
        client = dial(server)
        accepted = server.accept()
        client.setblocking(False)
        sent = client.send(octets)
        assert accepted.receive(sent) == octets[:sent]
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        accepted.send(octets)
        client.settimeout(5)
        got = b""
        while len(got) < len(octets):
            got += client.recv(1 << 20)
        assert got == octets
        client.close()
        accepted.close()
    assert not accepted.exchange.broken_by_peer


def test_a_client_that_resets(lab: Lab, dial: Dialler) -> None:
    with rawshake.listen() as server:
        client = dial(server)
        accepted = server.accept()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        with pytest.raises(rawshake.Broken, match="reset the connection") as raised:
            accepted.receive()
        assert raised.value.problem.startswith(f"192.0.2.2:{accepted.client[1]} ")
        for attempt in (accepted.receive_all, accepted.shutdown, lambda: accepted.send(b"x")):
            with pytest.raises(rawshake.Broken, match="reset the connection"):
                attempt()
        assert accepted.close().outcome is Outcome.RESET


def test_whoever_has_gone_before_is_not_accepted(lab: Lab, dial: Dialler) -> None:
    with rawshake.listen() as server:
        first = dial(server)
        server.run(lambda: False, 100_000_000)
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        first.close()
        server.wait()
        second = dial(server)
        assert server.accept().client[1] == second.getsockname()[1]
    assert server.exchanges[0].outcome is Outcome.RESET


def test_a_behaviour_serves_them(lab: Lab, dial: Dialler) -> None:
    with rawshake.listen(behave="echo") as server:
        client = dial(server)
        client.setblocking(False)
        server.run(lambda: lab.control.state(("192.0.2.2", client.getsockname()[1]), ("192.0.2.1", server.port)).state
                   is State.ESTABLISHED, 5_000_000_000)  # fmt: skip
        client.send(b"hello")
        client.shutdown(socket.SHUT_WR)
        (exchange,) = server.wait()
        assert client.recv(100) == b"hello"
        with pytest.raises(rawshake.Failure, match="'echo' serves every client"):
            server.accept()
    assert exchange.data == b"hello"
    assert exchange.outcome is Outcome.CLOSED


def test_wrong_on_purpose(lab: Lab, dial: Dialler) -> None:
    with rawshake.listen(bad=["synack.ack=+1"], retries=0) as server:
        dial(server)
        (exchange,) = server.wait()
    assert [found.rule for found in exchange.findings] == ["synack-ack-is-isn-plus-1"]
    assert exchange.findings[0].ours
    assert not exchange.broken_by_peer


def test_what_came_before_the_end_can_be_read_after_the_server(lab: Lab, dial: Dialler) -> None:
    with rawshake.listen() as server:
        client = dial(server)
        accepted = server.accept()
        client.send(b"hello")
        client.close()
        server.run(lambda: states(accepted)[0] is State.CLOSE_WAIT, 5_000_000_000)
    assert accepted.exchange.outcome is Outcome.CLOSED
    assert accepted.receive() == b"hello"
    assert accepted.receive() == b""


@pytest.mark.parametrize("wait", ["accept", "wait"])
def test_nobody_comes(lab: Lab, wait: str) -> None:
    with rawshake.listen(timeout=0.05) as server:
        with pytest.raises(rawshake.Failure, match=r"within 0\.05 s") as raised:
            getattr(server, wait)()
        assert raised.value.status is rawshake.Exit.TIMED_OUT


def test_what_cannot_be_served_is_refused(lab: Lab) -> None:
    for changes, said in (({"behave": "ecko"}, "'ecko' is no behaviour"), ({"port": 65536}, "port is 65536")):
        with pytest.raises(rawshake.Failure, match=said) as raised:
            rawshake.listen(**changes)
        assert raised.value.status is rawshake.Exit.USAGE


def test_two_rawshakes(lab: Lab) -> None:
    """One in this thread, the other in another: no kernel's TCP is between them."""
    from threading import Thread

    sent: list[rawshake.Client] = []

    def call(port: int) -> None:
        with rawshake.connect("127.0.0.1", port) as client:
            client.send(b"hello")
            sent.append(client)
            assert client.receive() == b"there"

    with rawshake.listen(addresses=["127.0.0.1"]) as server:
        thread = Thread(target=call, args=[server.port])
        thread.start()
        accepted = server.accept()
        assert accepted.receive(5) == b"hello"
        accepted.send(b"there")
        assert accepted.receive() == b""
        accepted.close()
        thread.join()
    (client,) = sent
    assert client.exchange.outcome is accepted.exchange.outcome is Outcome.CLOSED
    assert client.findings == accepted.findings == ()


def test_one_address_need_not_be_in_a_list(lab: Lab, dial: Dialler) -> None:
    with rawshake.listen(addresses="192.0.2.1") as server:
        client = dial(server)
        assert server.accept().server == ("192.0.2.1", server.port)
        client.close()


def test_an_address_of_the_family_that_was_not_asked_for(lab: Lab) -> None:
    with pytest.raises(rawshake.Failure, match="is an IPv4 address, and IPv6 only was asked for"):
        rawshake.listen(addresses="192.0.2.1", family=6)
