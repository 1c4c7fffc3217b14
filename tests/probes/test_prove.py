"""The proofs tell each state from its neighbours, whatever the recipe believed, and silence from an answer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from rawshake.play import Action, Ending, Peer, Result, Script, Unexpected, handshake, rehearse
from rawshake.probes.grid.block import Block
from rawshake.probes.model import Server, Undecided
from rawshake.probes.park import WAYS
from rawshake.probes.prove import NO_CONNECTION, Alive, alive, answers, heard, hushed, lives, silent
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.state import State
from tests.probes.parked import played
from tests.probes.stack import PORTS, Stack


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


def test_a_timer_that_runs_out_after_a_stimulus_is_no_answer() -> None:
    """The FIN comes again 200 ms after it came, of which 150 had passed when we sent something."""
    deaf = Stack(timeout=200_000_000, alter=lambda one: one if one.length else None)

    def then(peer: Peer, here: Block) -> Script:
        yield from peer.wait(0.15)
        yield from peer.send(f"P. ={here.rcv_nxt - 1}: ack ={here.una}", data=b"?")
        with pytest.raises(Unexpected):
            yield from answers(peer, here, within=0.1)
        return "no answer"

    assert played(deaf, State.FIN_WAIT_1, then) == "no answer"
