"""Each recipe brings an honest stack into its state, by that stack's own word; and a stack that will not go is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from rawshake.play import Ending, Peer, Script, rehearse
from rawshake.probes.grid.block import Block
from rawshake.probes.model import Server, Undecided
from rawshake.probes.park import WAYS, Recipe, greeted, time_wait_through_closing, time_wait_with_timestamps
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.state import State
from tests.probes.stack import GREETING, PORTS, Connection, Stack

RECIPES: dict[str, tuple[State, Recipe, Server]] = {
    **{str(state): (state, way.recipe, server) for state, way in WAYS.items() if state is not State.SYN_SENT
       for server in way.servers[:1]},
    "TIME-WAIT with timestamps": (State.TIME_WAIT, time_wait_with_timestamps, Server.CLOSES_FIRST),
    "TIME-WAIT through CLOSING": (State.TIME_WAIT, time_wait_through_closing, Server.CLOSES_FIRST),
    **{f"{state} at {server}": (state, WAYS[state].recipe, server)
       for state in (State.ESTABLISHED, State.LAST_ACK) for server in WAYS[state].servers[1:]},
}  # fmt: skip


def parked(stack: Stack, recipe: Recipe, server: Server) -> tuple[Block, Block]:
    """Where the recipe says that the stack stands, and where that says it stands itself."""
    found: list[tuple[Block, Block]] = []

    def script(peer: Peer) -> Script:
        here = yield from recipe(peer)
        yield from peer.wait(0.01)  # what was sent last has to arrive
        found.append((here, stack.block(PORTS[server], peer.here[1])))

    played = rehearse(script, stack, port=PORTS[server])
    if played.result.cause is not None:
        raise played.result.cause
    assert played.result.ending is Ending.PLAYED
    (only,) = found
    return only


@pytest.mark.parametrize("name", RECIPES)
def test_it_gets_there(name: str) -> None:
    state, recipe, server = RECIPES[name]
    here, true = parked(Stack(), recipe, server)
    assert here.state is state
    assert true.state is (State.CLOSED if state is State.LISTEN else state)


@pytest.mark.parametrize("name", [name for name in RECIPES if not name.startswith(("CLOSED", "LISTEN"))])
def test_the_block_has_the_stack_s_own_numbers(name: str) -> None:
    _, recipe, server = RECIPES[name]
    here, true = parked(Stack(), recipe, server)
    assert (here.iss, here.una, here.nxt, here.fin) == (true.iss, true.una, true.nxt, true.fin)
    assert (here.rcv_nxt, here.rcv_wnd) == (true.rcv_nxt, true.rcv_wnd)


def _deaf(flags: Flags) -> Callable[[Segment], Segment | None]:
    return lambda segment: None if segment.flags & flags == flags else segment


@pytest.mark.parametrize(
    ("state", "alter"),
    [
        (State.SYN_RECEIVED, _deaf(Flags.SYN)),
        (State.LAST_ACK, _deaf(Flags.FIN)),
        (State.FIN_WAIT_1, _deaf(Flags.FIN)),
        (State.CLOSE_WAIT, lambda segment: segment if segment.syn else None),
        (
            State.CLOSING,
            lambda segment: replace(segment, flags=Flags.RST, ack=segment.ack) if segment.fin else segment,
        ),
    ],
)
def test_where_it_cannot_get_there_it_says_so(
    state: State, alter: Callable[[Segment], Segment | None]
) -> None:
    way = WAYS[state]
    with pytest.raises(Undecided, match="it could not be brought to "):
        parked(Stack(alter=alter), way.recipe, way.servers[0])


class Greeting(Stack):
    """Its programs speak first."""

    def _program(self, connection: Connection, before: State, text: bytes) -> Iterator[Segment]:
        if before is State.SYN_RECEIVED:
            connection.queue += GREETING
        yield from super()._program(connection, before, text)


def test_without_timestamps_nothing_is_told_of_them() -> None:
    plain = Stack(alter=lambda one: replace(one, options=()))
    with pytest.raises(Undecided, match="it does not take up timestamps"):
        parked(plain, time_wait_with_timestamps, Server.CLOSES_FIRST)


def test_a_greeting_is_heard_and_acknowledged() -> None:
    here, there = parked(Greeting(), greeted, Server.OPEN)
    assert here.nxt == there.nxt == there.una
    assert here.nxt == here.iss + 1 + len(GREETING)
    with pytest.raises(Undecided, match="its program closed by itself"):
        parked(Stack(), greeted, Server.CLOSES_FIRST)
