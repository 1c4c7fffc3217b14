"""Every cell run against honest stacks passes, by the letter or by the choice that they make; faults are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest

from rawshake.play import Ending, rehearse
from rawshake.play.rehearse import Reply
from rawshake.probes.cell import Played, script_of
from rawshake.probes.grid.answers import Choice
from rawshake.probes.grid.block import Block
from rawshake.probes.grid.cells import Cell, live_cells, parse
from rawshake.probes.model import Server, Undecided
from rawshake.probes.park import WAYS
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from tests.probes.stack import PORTS, Connection, Stack
from tests.probes.stack_kinds import WithItsFin


def run(cell: Cell, stack: Stack) -> Played:
    if cell.state is State.SYN_SENT:
        stack.dials = True
    port = 0 if stack.dials else PORTS[WAYS[cell.state].servers[0]]
    rehearsed = rehearse(script_of(cell), stack, port=port)
    if rehearsed.result.cause is not None:
        raise rehearsed.result.cause
    assert rehearsed.result.ending is Ending.PLAYED
    assert isinstance(rehearsed.result.value, Played)
    return rehearsed.result.value


def cells(state: State) -> list[Cell]:
    return [cell for cell in live_cells() if cell.state is state]


@pytest.mark.parametrize("state", State, ids=str)
def test_the_letter_passes_in_every_cell(state: State) -> None:
    for cell in cells(state):
        played = run(cell, Stack())
        assert played.ruling.met is not None, f"{cell}: {played.answer} {played.proof} {played.ruling}"
        assert played.ruling.met.noted == (), cell


def test_a_stack_that_sends_each_ack_with_its_fin_passes_in_every_cell() -> None:
    for state in (State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK):
        for cell in cells(state):
            played = run(cell, WithItsFin())
            assert played.ruling.met is not None, f"{cell}: {played.answer} {played.proof} {played.ruling}"
            assert played.ruling.met.noted == (), cell


CHOICES: dict[Choice, list[str]] = {
    Choice.RFC_793_RST: ["ESTABLISHED/RST/inside", "CLOSE-WAIT/RST/last", "SYN-RECEIVED/RST/inside"],
    Choice.RFC_793_SYN: ["ESTABLISHED/SYN/at", "LAST-ACK/SYN+FIN/inside", "FIN-WAIT-1/SYN+ACK/at/above"],
    Choice.RFC_5961_SYN: ["SYN-RECEIVED/SYN/inside"],
    Choice.RFC_1337: ["TIME-WAIT/RST/at"],
    Choice.REOPENED: ["TIME-WAIT/SYN/at", "TIME-WAIT/SYN/right"],
    Choice.HALF_DUPLEX: [
        "FIN-WAIT-1/data/at/in-range",
        "FIN-WAIT-2/FIN+ACK/inside/in-range",
        "CLOSE-WAIT/data/at/in-range",
        "CLOSING/data/at/below",
        "LAST-ACK/data/at/in-range",
        "TIME-WAIT/data/at/in-range",
    ],
    Choice.RFC_6191: ["TIME-WAIT/SYN/left", "TIME-WAIT/SYN/at", "TIME-WAIT/SYN+FIN/left"],
    Choice.GAP_SILENT: ["ESTABLISHED/data/inside/in-range"],
    Choice.GROUP_2: ["SYN-RECEIVED/ACK/right/above"],
    Choice.RST_BAD_ACK: ["SYN-RECEIVED/RST+ACK/at/above"],
    Choice.SYN_RESET: ["SYN-RECEIVED/SYN/inside"],
    Choice.SYN_ACK_AGAIN: ["SYN-RECEIVED/SYN/left"],
    Choice.SYN_FIN_DROPPED: ["LISTEN/SYN+FIN"],
    Choice.NO_ACK_FIRST: ["ESTABLISHED/FIN/left", "CLOSING/no-flags/right"],
    Choice.NO_ACK_ANSWERED: ["ESTABLISHED/FIN/at"],
    Choice.UNSENT_SILENT: ["ESTABLISHED/data/at/above"],
    Choice.ACK_UNREAD: ["FIN-WAIT-2/FIN+ACK/at/above"],
    Choice.TIME_WAIT_RST: ["TIME-WAIT/RST/inside"],
    Choice.RST_ANSWERED: ["FIN-WAIT-2/RST/left"],
    Choice.OLD_ACK: [
        "FIN-WAIT-1/data/left/in-range",
        "LAST-ACK/ACK/left/in-range",
        "CLOSING/ACK/left/in-range",
    ],
    Choice.SYN_RESET_STAYS: ["TIME-WAIT/SYN/at", "TIME-WAIT/SYN+ACK/inside/above"],
    Choice.TEXT_ANSWERED: ["CLOSE-WAIT/data/at/in-range"],
}


@pytest.mark.parametrize(
    ("choice", "cell"), [(choice, one) for choice, named in CHOICES.items() for one in named]
)
def test_a_choice_is_found_and_named(choice: Choice, cell: str) -> None:
    played = run(parse(cell), Stack(takes=frozenset({choice})))
    assert played.ruling.met is not None, (played.answer, played.ruling)
    assert played.ruling.met.noted == (choice,)


def _acks(change: Callable[[Segment], Segment | None]) -> Callable[[Segment], Segment | None]:
    """Change bare ACKs only, which are what most cells are answered by."""
    return lambda segment: change(segment) if segment.flags == Flags.ACK and not segment.length else segment


def _resets(change: Callable[[Segment], Segment | None]) -> Callable[[Segment], Segment | None]:
    return lambda segment: change(segment) if segment.rst else segment


def _frozen(before: Block, after: Block) -> Block:
    """Takes nothing, once it is connected, and moves no more."""
    return before if before.state.synchronized else after


def _eager(before: Block, after: Block) -> Block:
    """Takes an octet too many of whatever comes."""
    return replace(after, rcv_nxt=after.rcv_nxt + 1) if before.state is State.ESTABLISHED else after


FAULTS: dict[str, tuple[str, Stack]] = {
    "a challenge one off": ("ESTABLISHED/SYN/at", Stack(alter=_acks(lambda s: replace(s, ack=s.ack + 1)))),
    "a challenge from elsewhere": ("ESTABLISHED/SYN/at", Stack(alter=_acks(lambda s: replace(s, seq=s.seq + 7)))),
    "no challenge": ("ESTABLISHED/SYN/at", Stack(alter=_acks(lambda s: None))),
    "a reset for a challenge": (
        "ESTABLISHED/data/left/in-range", Stack(alter=_acks(lambda s: replace(s, flags=Flags.RST, ack=Seq(0))))),
    "a reset one off": ("CLOSED/ACK", Stack(alter=_resets(lambda s: replace(s, seq=s.seq + 1)))),
    "a refusal one off": ("CLOSED/SYN", Stack(alter=_resets(lambda s: replace(s, ack=s.ack + 1)))),
    "no refusal": ("CLOSED/SYN", Stack(alter=_resets(lambda s: None))),
    "a RST that does nothing": ("ESTABLISHED/RST/at", Stack(moves=_frozen)),
    "a FIN that does nothing": ("ESTABLISHED/FIN+ACK/at/in-range", Stack(moves=_frozen)),
    "an ACK that does nothing": ("FIN-WAIT-1/ACK/at/in-range", Stack(moves=_frozen)),
    "a bare ACK in SYN-SENT reset": (
        "SYN-SENT/ACK/in-range", Stack(moves=lambda before, after: replace(after, state=State.CLOSED))),
    "a bad ACK in SYN-SENT not reset": ("SYN-SENT/ACK/above", Stack(alter=_resets(lambda s: None))),
    "any RST believed in SYN-SENT": (
        "SYN-SENT/RST", Stack(moves=lambda before, after: replace(after, state=State.CLOSED))),
    "a SYN that is not crossed": ("SYN-SENT/SYN", Stack(moves=lambda before, after: before)),
    "a third ACK one off": (
        "SYN-SENT/SYN+ACK/in-range", Stack(alter=_acks(lambda s: replace(s, ack=s.ack + 1)))),
    "data taken without ACK": ("ESTABLISHED/no-flags/at", Stack(moves=_eager)),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name: str) -> None:
    cell, stack = FAULTS[name]
    played = run(parse(cell), stack)
    assert played.ruling.met is None, played
    assert played.ruling.differences


class Answering(Stack):
    """A listener that answers what has no SYN, RST or ACK as a closed port does."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        yield from super().took(segment, now)
        if not segment.flags & (Flags.SYN | Flags.RST | Flags.ACK):
            refusal = Segment(
                src=segment.dst, dst=segment.src, sport=segment.dport, dport=segment.sport,
                seq=Seq(0), ack=segment.end, flags=Flags.RST | Flags.ACK,
            )  # fmt: skip
            yield 0, refusal


def test_no_program_is_behind_what_a_listener_answers() -> None:
    found = rehearse(script_of(parse("LISTEN/FIN"), unknown=True), Answering(), port=PORTS[Server.OPEN])
    assert isinstance(found.result.value, Played)
    assert found.result.value.ruling.met is None


class Talkative(Stack):
    """A server whose program speaks and closes at once, at the port that is only known to be open."""

    def _program(self, connection: Connection, before: State, text: bytes) -> Iterator[Segment]:
        if connection.server is Server.OPEN:
            connection.server = Server.CLOSES_FIRST
        yield from super()._program(connection, before, text)


def test_what_an_unknown_program_does_by_itself_accuses_nobody() -> None:
    cell = parse("ESTABLISHED/FIN+ACK/at/in-range")
    known = rehearse(script_of(cell), Talkative(), port=PORTS[Server.OPEN]).result
    assert isinstance(known.value, Played)
    assert known.value.ruling.met is None
    unknown = rehearse(script_of(cell, unknown=True), Talkative(), port=PORTS[Server.OPEN]).result
    assert isinstance(unknown.cause, Undecided)
    assert unknown.cause.reason == "the program behind the port went on by itself"


def test_a_fault_at_an_unknown_program_is_found_where_it_kept_quiet() -> None:
    stack = Stack(alter=_acks(lambda s: replace(s, ack=s.ack + 1)))
    played = rehearse(
        script_of(parse("ESTABLISHED/SYN/at"), unknown=True), stack, port=PORTS[Server.OPEN]
    ).result
    assert isinstance(played.value, Played)
    assert played.value.ruling.met is None


def test_what_a_program_says_is_no_answer() -> None:
    """A greeting that comes late is not what the segment drew."""
    for name in ("ESTABLISHED/ACK/at/in-range", "ESTABLISHED/RST/right"):
        greeted = rehearse(script_of(parse(name), unknown=True), Greeting(), port=PORTS[Server.OPEN]).result
        assert isinstance(greeted.value, Played), greeted
        assert greeted.value.ruling.met is not None
        assert any(one.payload_length for one in greeted.value.replies)


class Greeting(Stack):
    """A server whose program greets a fifth of a second after the handshake."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        yield from super().took(segment, now)
        connection = self.connections.get((segment.dport, segment.sport))
        if connection is not None and connection.block.state is State.ESTABLISHED and not connection.queue:
            connection.queue = b"hello"
            yield from ((200_000_000, greeting) for greeting in self._push(connection))
