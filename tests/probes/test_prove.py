"""The proofs tell each state from its neighbours, whatever the recipe believed, and silence from an answer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import pytest

from rawshake.play import Action, Ending, Peer, Result, Script, Unexpected, handshake, rehearse
from rawshake.probes.grid.block import Block
from rawshake.probes.model import Server, Undecided
from rawshake.probes.park import WAYS, Recipe, time_wait_through_closing
from rawshake.probes.prove import (
    GONE,
    NO_CONNECTION,
    Alive,
    Proof,
    alive,
    answers,
    heard,
    hushed,
    lives,
    silent,
    state_of,
)
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.state import State
from tests.probes.stack import PORTS, Stack

CONNECTED = [state for state in WAYS if state not in (State.CLOSED, State.LISTEN, State.SYN_SENT)]


def played(
    stack: Stack, state: State, then: Callable[[Peer, Block], Script], recipe: Recipe | None = None
) -> Any:
    """What ``then`` gives after ``state`` was reached."""
    way = WAYS[state]

    def script(peer: Peer) -> Script:
        here = yield from (recipe or way.recipe)(peer)
        return (yield from then(peer, here))

    result = rehearse(script, stack, port=PORTS[way.servers[0]]).result
    if result.cause is not None:
        raise result.cause
    return result.value


def told(stack: Stack, state: State, *stimuli: str, recipe: Recipe | None = None) -> Proof:
    def then(peer: Peer, here: Block) -> Script:
        for stimulus in stimuli:
            yield from peer.send(stimulus)
        return (yield from state_of(peer, here))

    proof = played(stack, state, then, recipe)
    assert isinstance(proof, Proof)
    return proof


@pytest.mark.parametrize("state", CONNECTED, ids=str)
def test_a_state_is_told(state: State) -> None:
    proof = told(Stack(), state)
    assert proof.states == {state}, proof
    assert proof.why


def test_time_wait_is_told_through_closing_too() -> None:
    assert told(Stack(), State.TIME_WAIT, recipe=time_wait_through_closing).states == {State.TIME_WAIT}


@pytest.mark.parametrize("state", CONNECTED, ids=str)
def test_a_connection_that_is_gone_is_told(state: State) -> None:
    assert told(Stack(), state, "R").states == GONE


MOVES = [
    (State.SYN_RECEIVED, ".", State.ESTABLISHED),
    (State.FIN_WAIT_1, "F.", State.TIME_WAIT),
    (State.FIN_WAIT_1, ".", State.FIN_WAIT_2),
    (State.FIN_WAIT_2, "F.", State.TIME_WAIT),
    (State.CLOSING, ".", State.TIME_WAIT),
    (State.ESTABLISHED, "F.", State.CLOSE_WAIT),
]


@pytest.mark.parametrize(("before", "stimulus", "after"), MOVES)
def test_a_state_that_moved_is_told(before: State, stimulus: str, after: State) -> None:
    assert told(Stack(), before, stimulus).states == {after}


@pytest.mark.parametrize(("before", "stimulus", "after"), MOVES)
def test_a_stack_that_does_not_move_is_found_out(before: State, stimulus: str, after: State) -> None:
    stack = Stack()

    def then(peer: Peer, here: Block) -> Script:
        yield from peer.wait(0.01)
        stack.moves = lambda before, after: before
        yield from peer.send(stimulus)
        yield from peer.wait(0.01)
        stack.moves = lambda before, after: after
        return (yield from state_of(peer, here))

    assert after not in played(stack, before, then).states


@pytest.mark.parametrize(
    ("parked", "truly"),
    [
        (State.FIN_WAIT_1, State.FIN_WAIT_2),
        (State.FIN_WAIT_2, State.FIN_WAIT_1),
        (State.CLOSING, State.TIME_WAIT),
        (State.CLOSING, State.LAST_ACK),
        (State.LAST_ACK, State.CLOSING),
        (State.TIME_WAIT, State.LAST_ACK),
        (State.SYN_RECEIVED, State.ESTABLISHED),
    ],
)
def test_neighbours_are_told_apart(parked: State, truly: State) -> None:
    """The stack is put into another state behind our back."""
    stack = Stack()

    def then(peer: Peer, here: Block) -> Script:
        yield from peer.wait(0.01)
        connection = stack.connections[peer.there[1], peer.here[1]]
        fin = here.fin if truly in (State.FIN_WAIT_1, State.LAST_ACK, State.CLOSING) else None
        una = fin if fin is not None else connection.block.nxt
        connection.block = replace(connection.block, state=truly, una=una)
        connection.timer = connection.timer or stack.now + 100_000_000
        return (yield from state_of(peer, here))

    assert played(stack, parked, then).states == {truly}


def test_who_answers_nothing_is_not_known() -> None:
    stack = Stack()

    def then(peer: Peer, here: Block) -> Script:
        stack.alter = lambda segment: None
        return (yield from state_of(peer, here))

    assert played(stack, State.ESTABLISHED, then).states == frozenset()


def test_alive_gives_the_numbers_of_the_answer() -> None:
    assert played(Stack(), State.ESTABLISHED, alive) is not None

    def then(peer: Peer, here: Block) -> Script:
        yield from peer.send("P.", data=b"hello")
        yield from peer.wait(0.01)
        found = yield from alive(peer, here)
        assert found == Alive(here.nxt, here.rcv_nxt + 5)
        yield from peer.send("R")
        return (yield from alive(peer, here))

    assert played(Stack(), State.ESTABLISHED, then) is NO_CONNECTION


def _silence(stimulus: str) -> Callable[[Peer, Block], Generator[Action[Any], Any, object]]:
    return lambda peer, here: silent(peer, here, stimulus)


def test_silence_is_proved() -> None:
    assert played(Stack(), State.ESTABLISHED, _silence(".")) == ()
    (answer,) = played(Stack(), State.ESTABLISHED, _silence("S"))
    assert answer.segment.flags == Flags.ACK


@pytest.mark.parametrize(
    "state", [State.FIN_WAIT_1, State.SYN_RECEIVED, State.LAST_ACK, State.CLOSE_WAIT], ids=str
)
def test_what_is_sent_again_breaks_no_silence(state: State) -> None:
    stimulus = "R -5000:" if state is not State.SYN_RECEIVED else "R 9000:"

    def then(peer: Peer, here: Block) -> Script:
        return (yield from silent(peer, here, stimulus, watch=4.0))

    assert played(Stack(), state, then) == ()


def test_the_silence_of_the_dead_proves_nothing() -> None:
    def dies(segment: Segment) -> Segment | None:
        return None if segment.flags == Flags.ACK else segment

    with pytest.raises(Undecided, match="did not answer before"):
        played(Stack(alter=dies), State.ESTABLISHED, _silence("."))
    stack = Stack()

    def then(peer: Peer, here: Block) -> Script:
        found = yield from alive(peer, here)
        assert isinstance(found, Alive)

        def kill(segment: Segment) -> Segment | None:
            stack.alter = lambda segment: None
            return segment

        stack.alter = kill
        return (yield from silent(peer, here, "."))

    with pytest.raises(Undecided, match="did not answer after"):
        played(stack, State.ESTABLISHED, then)


def echoed(stimulus: str, proof: Callable[[Peer, Block], Script]) -> Result:
    """What ``proof`` makes of a server that echoes, after four octets as ``stimulus`` says."""

    def script(peer: Peer) -> Script:
        here = yield from WAYS[State.ESTABLISHED].recipe(peer)
        yield peer.send(stimulus, data=b"more")
        try:
            yield from proof(peer, here)
        except Undecided as undecided:
            return undecided.reason

    return rehearse(script, Stack(), port=PORTS[Server.ECHO]).result


def test_what_a_program_says_meanwhile_is_no_answer() -> None:
    """An echo is text; what lies above a gap draws an ACK, which is an answer."""
    assert echoed("P.", hushed).value == "its program has spoken or closed meanwhile"
    assert echoed("P. 2:", hushed).ending is Ending.MISMATCH


def test_that_a_program_speaks_hides_nothing_that_was_taken() -> None:
    assert echoed("P.", lambda peer, here: answers(peer, here, 4)).ending is Ending.PLAYED
    assert echoed("P.", answers).ending is Ending.MISMATCH
    assert echoed("P.", lives).ending is Ending.MISMATCH


@pytest.mark.parametrize(("server", "raised"), [(Server.ECHO, Unexpected), (Server.CLOSES_FIRST, Undecided)])
def test_what_a_program_that_has_closed_does_not_say_cannot_be_told(
    server: Server, raised: type[Exception]
) -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        yield peer.collect(0.1)
        with pytest.raises(raised):
            yield from heard(peer, ". ack 99", within=0.1)
        return "raised"

    assert rehearse(script, Stack(), port=PORTS[server]).result.value == "raised"
