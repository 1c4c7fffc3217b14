"""The proof tells each state from its neighbours, whatever the recipe believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from rawshake.play import Peer, Script
from rawshake.play.rehearse import Reply
from rawshake.probes.grid.block import Block
from rawshake.probes.park import WAYS, Recipe, time_wait_through_closing
from rawshake.probes.telling import GONE, Proof, state_of
from rawshake.tcp.segment import Segment
from rawshake.tcp.state import State
from tests.probes.parked import played
from tests.probes.stack import Stack
from tests.probes.stack_kinds import WithItsFin

CONNECTED = [state for state in WAYS if state not in (State.CLOSED, State.LISTEN, State.SYN_SENT)]


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

    states = played(stack, parked, then).states
    assert truly in states
    assert parked not in states


def test_who_answers_nothing_is_not_known() -> None:
    stack = Stack()

    def then(peer: Peer, here: Block) -> Script:
        stack.alter = lambda segment: None
        return (yield from state_of(peer, here))

    assert played(stack, State.ESTABLISHED, then).states == frozenset()


@pytest.mark.parametrize("state", CONNECTED, ids=str)
def test_a_stack_that_sends_each_ack_with_its_fin_is_told(state: State) -> None:
    assert told(WithItsFin(), state).states == {state}


@pytest.mark.parametrize(("before", "stimulus", "after"), MOVES)
def test_a_stack_that_sends_each_ack_with_its_fin_is_told_where_it_moves(
    before: State, stimulus: str, after: State
) -> None:
    assert told(WithItsFin(), before, stimulus).states == {after}


class Lingers(Stack):
    """No ACK of its FIN ends LAST-ACK."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        here = self.connections.get((segment.dport, segment.sport))
        if here is not None and here.block.state is State.LAST_ACK and segment.ack == here.block.nxt:
            segment = replace(segment, ack=here.block.una)
        return super().took(segment, now)


def test_last_ack_that_no_ack_ends_is_another_state() -> None:
    proof = told(Lingers(), State.LAST_ACK)
    assert State.LAST_ACK not in proof.states
    assert proof.why == "an ACK of its FIN did not end it"


def test_a_syn_ack_that_comes_again_is_told_where_nothing_else_is_said() -> None:
    deaf = Stack(alter=lambda one: one if one.syn else None)
    proof = told(deaf, State.SYN_RECEIVED)
    assert proof.states == {State.SYN_RECEIVED}
    assert proof.why == "it sends its SYN,ACK again"
