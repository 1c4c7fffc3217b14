"""What is expected of the server after every step is what its kernel says, for each kind and each close."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from rawshake.endpoint import Want
from rawshake.net.lab.kernel import KernelSocket
from rawshake.net.lab.namespaces import Lab
from rawshake.net.route import first_route, largest_segment, resolve
from rawshake.net.wire import Wire
from rawshake.profile import SECOND, Profile
from rawshake.report import Judged, Outcome
from rawshake.rules import book
from rawshake.session import Session
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
from tests.live.linux import unexpected

#: Next to the wrap, and anywhere.
ISNS = (4294967295, 4294967290, 1)
#: How long a kernel on the same machine may take to answer, in ns; it takes microseconds.
SOON = SECOND // 50


class Witness:
    """A session against a lab whose servers stand still, and the server's kernel beside it."""

    def __init__(self, lab: Lab, session: Session) -> None:
        self.lab = lab
        self.session = session
        self.compared = 0

    @property
    def kernel(self) -> KernelSocket:
        return self.lab.control.state(self.session.tracker.server, self.session.tracker.client)

    def pass_time(self) -> None:
        """Let everything arrive that is on its way, and answer it, however busy the machine is."""
        passed = -1
        while passed != (passed := len(self.session.entries)):
            self.session.run(lambda: False, deadline=self.session.link.now() + SOON)

    def compare(self) -> None:
        """Nothing is on its way: the kernel stands where the server is expected."""
        expected, kernel = self.session.server.expected, self.kernel
        assert expected is kernel.state
        self.compared += 1
        server, client = self.session.server, self.session.client
        if kernel.acknowledged is not None and server.iss is not None:
            assert server.una_proven is not None or server.una is not None
            assert server.una == server.iss + 1 + kernel.acknowledged
            assert client.iss is not None
            assert kernel.received is not None
            assert server.rcv_nxt == client.iss + 1 + kernel.received

    def step(self) -> None:
        """Let the server act once, and compare."""
        assert self.lab.control.step(within=5 * SECOND)
        self.pass_time()
        self.compare()

    def step_until(self, done: Callable[[], bool]) -> None:
        for _ in range(50):
            if done():
                return
            self.step()
        raise AssertionError("the server acts for ever")

    def is_in(self, state: State) -> bool:
        """Whether our own end stands there."""
        return self.session.client.expected is state

    def kernel_is_in(self, state: State) -> bool:
        return self.kernel.state is state


@contextmanager
def witnessed(lab: Lab, address: str, server: str, *, isn: int = 1) -> Iterator[Witness]:
    target, route = first_route(resolve(address, family=None), interface=None, source=None)
    with Wire(route.source, 0, target.address, lab.ports[server], scope=target.scope) as wire:
        mss = largest_segment(route.mtu, v6=":" in address)
        tracker = Tracker((wire.source, wire.sport), (wire.target, wire.dport))
        session = Session(wire, tracker, Profile(isn=Seq(isn), mss=mss), book())
        yield Witness(lab, session)
        assert unexpected(session.exchange(Outcome.OPEN)) == []
        assert not session.firewalled


def opened(witness: Witness, data: bytes = b"", want: Want = Want.OPEN) -> None:
    witness.session.endpoint.send(data)
    witness.session.endpoint.want = want
    witness.session.run(lambda: witness.session.established)
    witness.pass_time()
    witness.compare()
    assert witness.session.server.expected is State.ESTABLISHED


def want(witness: Witness, wanted: Want) -> None:
    witness.session.endpoint.want = wanted
    witness.pass_time()
    witness.session.read()
    witness.compare()


@pytest.mark.parametrize("isn", ISNS)
def test_active_close(held: Lab, address: str, isn: int) -> None:
    with witnessed(held, address, "echo", isn=isn) as witness:
        opened(witness, b"hello")
        witness.step_until(lambda: len(witness.session.endpoint.unread) == 5)
        witness.session.endpoint.want = Want.CLOSE
        witness.session.run(lambda: witness.is_in(State.FIN_WAIT_2))  # Linux may delay that ACK, too
        witness.compare()
        assert witness.kernel_is_in(State.CLOSE_WAIT)
        witness.step_until(lambda: witness.session.closed)
        assert witness.is_in(State.TIME_WAIT)
        assert witness.session.read() == b"hello"
        assert witness.kernel_is_in(State.CLOSED)


def test_passive_close(held: Lab, address: str) -> None:
    with witnessed(held, address, "closes-first") as witness:
        opened(witness)
        witness.step_until(lambda: witness.is_in(State.CLOSE_WAIT))
        assert witness.kernel_is_in(State.FIN_WAIT_2)
        want(witness, Want.CLOSE)
        assert witness.is_in(State.CLOSED)
        assert witness.kernel_is_in(State.TIME_WAIT)


def test_simultaneous_close(held: Lab, address: str) -> None:
    with witnessed(held, address, "closes-first") as witness:
        opened(witness, want=Want.CLOSE_CROSSING)
        witness.step_until(lambda: witness.is_in(State.TIME_WAIT))
        seen = [entry.step.after.client for entry in witness.session.entries if isinstance(entry, Judged)]
        assert State.CLOSING in [view.proven for view in seen]
        assert witness.kernel_is_in(State.TIME_WAIT)


def test_half_close_and_the_rest_is_read(held: Lab, address: str) -> None:
    with witnessed(held, address, "answers-after-eof") as witness:
        opened(witness)
        witness.step()
        witness.session.endpoint.want = Want.CLOSE
        witness.session.run(lambda: witness.is_in(State.FIN_WAIT_2))
        witness.step_until(lambda: witness.session.closed)
        assert len(witness.session.read()) == 24_000
        assert witness.is_in(State.TIME_WAIT)


def test_reset_by_us(held: Lab, address: str) -> None:
    with witnessed(held, address, "echo") as witness:
        opened(witness)
        witness.session.abort()
        witness.compare()
        assert witness.kernel_is_in(State.CLOSED)


def test_reset_by_the_server(held: Lab, address: str) -> None:
    with witnessed(held, address, "resets") as witness:
        opened(witness, b"x")
        witness.step_until(lambda: witness.session.was_reset)
        assert witness.kernel_is_in(State.CLOSED)


def test_half_closed_by_the_server(held: Lab, address: str) -> None:
    with witnessed(held, address, "half-closes") as witness:
        opened(witness)
        witness.step_until(lambda: witness.is_in(State.CLOSE_WAIT))
        assert witness.kernel_is_in(State.FIN_WAIT_2)
        witness.session.endpoint.send(b"still talking")
        witness.pass_time()
        witness.compare()
        want(witness, Want.CLOSE)
        assert witness.is_in(State.CLOSED)


@pytest.mark.parametrize("server", ["banner", "discard", "closes-on-eof", "does-not-read", "never-accepts"])
def test_whatever_the_server_does_with_it(held: Lab, address: str, server: str) -> None:
    with witnessed(held, address, server) as witness:
        opened(witness, b"x")
        for wanted in (Want.OPEN, Want.CLOSE):
            want(witness, wanted)
            while held.control.step(within=SOON):
                witness.pass_time()
                witness.compare()
        assert witness.compared >= 3


def _nobody(witness: Witness) -> bool:
    return witness.session.connect()


def _refused(witness: Witness) -> bool:
    return not witness.session.connect() and witness.session.refused


@pytest.mark.parametrize(
    ("server", "act"), [("closed", _refused), ("filtered", lambda one: not _nobody(one))]
)
def test_no_server(held: Lab, address: str, server: str, act: Callable[[Witness], bool]) -> None:
    with witnessed(held, address, server) as witness:
        witness.session.profile = Profile(isn=Seq(1), timeout=SECOND // 5)
        witness.session.endpoint.profile = witness.session.profile
        assert act(witness)
        assert witness.kernel_is_in(State.CLOSED)
