"""What probes on acceptance make of stacks that take what they must not, or answer where none is due."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.grid.answers import Choice
from rawshake.probes.grid.block import Arrival, Block
from rawshake.probes.grid.otherwise import acceptable
from rawshake.probes.model import Server
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.state import State
from tests.probes.stack import GREETING, PORTS, SECOND, Connection, Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


NOTED = {
    "ack-of-unsent-answered": Choice.UNSENT_SILENT,
    "data-without-ack-dropped": Choice.NO_ACK_ANSWERED,
    "ack-of-unsent-in-fin-wait-1-answered": Choice.UNSENT_SILENT,
    "ack-of-unsent-in-fin-wait-2-answered": Choice.ACK_UNREAD,
    "ack-of-unsent-in-closing-answered": Choice.UNSENT_SILENT,
    "urg-in-fin-wait-1-ignored": Choice.NO_ACK_ANSWERED,
    "urg-in-fin-wait-2-ignored": Choice.NO_ACK_ANSWERED,
    "urg-in-closing-ignored": Choice.NO_ACK_ANSWERED,
}


@pytest.mark.parametrize("probe", NOTED)
def test_a_choice_is_named(probe: str) -> None:
    found = tried(probe, Stack(takes=frozenset({NOTED[probe]})))
    assert (found.verdict, found.checks[-1].sentence) == (Verdict.NOTE, str(NOTED[probe]))


def moved_to(state: State, after: State) -> Stack:
    """Once in ``state`` the next segment brings it to ``after``, as lwIP is by an ACK outside its window."""

    def moves(before: Block, block: Block) -> Block:
        left = before.state is state is block.state
        return replace(block, state=after, una=block.nxt) if left else block

    return Stack(moves=moves)


@pytest.mark.parametrize(
    ("probe", "state", "after"),
    [
        ("outside-window-in-fin-wait-1-answered", State.FIN_WAIT_1, State.FIN_WAIT_2),
        ("ack-of-unsent-in-fin-wait-1-answered", State.FIN_WAIT_1, State.FIN_WAIT_2),
        ("outside-window-in-closing-answered", State.CLOSING, State.TIME_WAIT),
        ("urg-in-closing-ignored", State.CLOSING, State.TIME_WAIT),
    ],
)
def test_who_leaves_its_state_is_named(probe: str, state: State, after: State) -> None:
    found = tried(probe, moved_to(state, after))
    last = found.checks[-1]
    assert (found.verdict, last.field, last.expected) == (Verdict.FAIL, "state", str(state))


@dataclass
class Opens(Stack):
    """Opens by an ACK whatever its sequence number."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        found = list(super().took(segment, now))
        for connection in self.connections.values():
            half_open = connection.block.state is State.SYN_RECEIVED
            if half_open and segment.has_ack and segment.ack == connection.block.nxt:
                connection.block = replace(connection.block, state=State.ESTABLISHED, una=segment.ack)
        return found


def test_who_opens_by_any_number_is_named() -> None:
    found = tried("outside-window-in-syn-received-answered", Opens())
    assert (found.verdict, found.checks[-1].actual) == (Verdict.FAIL, "ESTABLISHED")


@dataclass
class Trusting(Stack):
    """Takes data whatever it acknowledges, or does not, and gives it to a program that echoes."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if segment.payload and not segment.rst:
            block = self.block(segment.dport, segment.sport)
            segment = replace(segment, flags=segment.flags | Flags.ACK, ack=block.nxt)
        return super().took(segment, now)


@pytest.mark.parametrize("probe", ["ack-of-unsent-answered", "data-without-ack-dropped"])
@pytest.mark.parametrize("echoes", [False, True])
def test_data_that_is_taken_is_named_though_its_program_answers(
    probe: str, echoes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if echoes:
        monkeypatch.setitem(PORTS, Server.OPEN, PORTS[Server.ECHO])
        monkeypatch.setitem(PORTS, Server.ECHO, 80)
    found = tried(probe, Trusting())
    assert (found.verdict, found.checks[-1].field) == (Verdict.FAIL, "ack")


@dataclass
class Answering(Stack):
    """Acknowledges ACKs."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        found = list(super().took(segment, now))
        here = self.connections.get((segment.dport, segment.sport))
        if here is not None and segment.flags == Flags.ACK and not segment.length and not found:
            found.append((0, self._segment(here, Flags.ACK, here.block.nxt)))
        return found


def test_an_ack_of_an_ack_is_named() -> None:
    assert tried("ack-not-answered", Answering()).verdict is Verdict.FAIL


@dataclass
class Portless(Stack):
    """Finds connections by its own port alone."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        known = next((sport for port, sport in self.connections if port == segment.dport), segment.sport)
        return super().took(segment if segment.syn else replace(segment, sport=known), now)


def test_who_takes_segments_of_other_ports_is_named() -> None:
    assert tried("other-port-is-another-connection", Portless()).verdict is Verdict.FAIL


@dataclass
class Greeting(Stack):
    """Its programs speak first."""

    def _program(self, connection: Connection, before: State, text: bytes) -> Iterator[Segment]:
        if before is State.SYN_RECEIVED:
            connection.queue += GREETING
        yield from super()._program(connection, before, text)


@pytest.mark.parametrize(
    "probe", ["data-beyond-window-answered", "old-data-answered", "ack-of-unsent-answered", "keep-alive-answered",
              "ack-not-answered", "data-without-ack-dropped", "sequence-numbers-wrap"],
)  # fmt: skip
def test_a_program_that_speaks_first_does_no_harm(probe: str) -> None:
    assert tried(probe, Greeting()).verdict is Verdict.PASS


@dataclass
class Refusing(Stack):
    """Its programs abort when they read something; ``late`` after it was acknowledged."""

    late: bool = False

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        found = list(super().took(segment, now))
        here = self.connections.get((segment.dport, segment.sport))
        if here is None or not segment.payload:
            return found
        del self.connections[segment.dport, segment.sport]
        abort = self._segment(here, Flags.RST | Flags.ACK, here.block.nxt)
        return [*(found if self.late else ()), (1_000_000, abort)]


@pytest.mark.parametrize("late", [False, True])
def test_a_program_that_aborts_accuses_nobody(late: bool) -> None:
    for probe in ("old-data-answered", "sequence-numbers-wrap"):
        assert tried(probe, Refusing(late=late)).verdict is Verdict.INCONCLUSIVE


@dataclass
class Sparing(Stack):
    """Answers what is not acceptable no more than once a second, as smoltcp does."""

    silent_until: int = 0

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        here = self.block(segment.dport, segment.sport)
        arrival = Arrival(segment.flags, segment.seq, segment.ack, segment.payload_length)
        synchronized = here.state.synchronized
        odd = synchronized and not (acceptable(here, arrival) and segment.ack <= here.nxt)
        found = list(super().took(segment, now))
        if odd and found:
            if now < self.silent_until:
                return ()
            self.silent_until = now + SECOND
        return found


@pytest.mark.parametrize("probe", [one.id for one in select(["acceptance"])])
def test_who_answers_once_a_second_is_not_at_fault(probe: str) -> None:
    assert tried(probe, Sparing()).verdict is Verdict.PASS
