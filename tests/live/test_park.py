"""The recipes bring a real kernel into each state, by the kernel's own word, and the proofs tell that state again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from rawshake.net.lab.namespaces import Lab
from rawshake.net.shared import SharedWire
from rawshake.play import Conversation, Peer, Place, Script, ScriptFunction
from rawshake.play.perform import Troupe
from rawshake.probes.model import Server
from rawshake.probes.park import WAYS, Recipe, time_wait_through_closing
from rawshake.probes.telling import GONE, Proof, in_syn_sent, state_of
from rawshake.tcp.state import State
from rawshake.verify.dialling import calling

SECOND = 1_000_000_000
SERVERS = {
    Server.OPEN: "discard", Server.ECHO: "echo", Server.CLOSES_FIRST: "closes-first", Server.BULK: "sends-bulk",
    Server.CLOSES_ON_EOF: "closes-on-eof", Server.NO_READ: "does-not-read", Server.CLOSED: "closed",
    Server.DIALS: "dials-back",
}  # fmt: skip
RECIPES: dict[str, tuple[State, Recipe, Server]] = {
    **{f"{state} at {server}": (state, way.recipe, server)
       for state, way in WAYS.items() for server in way.servers},
    "TIME-WAIT through CLOSING": (State.TIME_WAIT, time_wait_through_closing, Server.CLOSES_FIRST),
}  # fmt: skip
#: What is sent once a state is reached, and where that leads a kernel.
MOVES = [
    (State.SYN_RECEIVED, ".", State.ESTABLISHED),
    (State.ESTABLISHED, "R", State.CLOSED),
    (State.FIN_WAIT_1, "F.", State.TIME_WAIT),
    (State.FIN_WAIT_1, ".", State.FIN_WAIT_2),
    (State.FIN_WAIT_2, "F.", State.TIME_WAIT),
    (State.CLOSING, ".", State.TIME_WAIT),
    (State.LAST_ACK, ".", State.CLOSED),
    (State.TIME_WAIT, "R", State.CLOSED),
    (State.SYN_SENT, "R", State.SYN_SENT),
]


def isns() -> Iterator[int]:
    while True:
        yield int.from_bytes(os.urandom(4), "big")


@dataclass(frozen=True)
class Witnessed:
    """Where the kernel says that it stands, and what the proof says."""

    kernel: State
    proof: Proof


CASES: dict[str, tuple[State, Recipe, Server, str]] = {
    **{name: (state, recipe, server, "") for name, (state, recipe, server) in RECIPES.items()},
    **{f"{before} and {stimulus}": (after, WAYS[before].recipe, WAYS[before].servers[0], stimulus)
       for before, stimulus, after in MOVES},
}  # fmt: skip


def script_of(lab: Lab, recipe: Recipe, stimulus: str) -> ScriptFunction:
    def script(peer: Peer) -> Script:
        block = yield from recipe(peer)
        if stimulus:
            yield peer.send(stimulus)
        yield peer.wait(0.05)  # what was sent last has to arrive
        kernel = lab.control.state(peer.there, peer.here).state
        if block.state in GONE:
            return Witnessed(kernel, Proof(GONE, "nothing was opened"))
        if block.state is State.SYN_SENT:
            return Witnessed(kernel, (yield from in_syn_sent(peer, block, peer.isn)))
        return Witnessed(kernel, (yield from state_of(peer, block)))

    return script


@pytest.fixture(scope="module", params=["IPv4", "IPv6"])
def witnessed(lab: Lab, request: pytest.FixtureRequest) -> dict[str, Witnessed]:
    """All cases, played at once over that version."""
    v6 = request.param == "IPv6"
    here, there = (lab.client6, lab.address6) if v6 else (lab.client4, lab.address4)
    assert here is not None
    assert there is not None
    with SharedWire(here, there) as wire:
        troupe = Troupe(wire)
        playing = {}
        for name, (_, recipe, server, stimulus) in CASES.items():
            port = lab.ports[SERVERS[server]]
            place = Place(here=here, there=there, port=port, sports=wire.ports(), isns=isns())
            if server is Server.DIALS:
                playing[name] = Conversation(script_of(lab, recipe, stimulus), replace(place, port=0))
                troupe.add(Conversation(calling(playing[name].peers[0].here[1]), place))
            else:
                playing[name] = Conversation(script_of(lab, recipe, stimulus), place)
            troupe.add(playing[name])
        troupe.run(deadline=wire.now() + 60 * SECOND)
    found = {}
    for name, one in playing.items():
        assert one.result is not None, name
        assert isinstance(one.result.value, Witnessed), (name, one.result)
        found[name] = one.result.value
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_kernel_is_where_the_recipe_says_and_the_proof_says_so(
    witnessed: dict[str, Witnessed], name: str
) -> None:
    state = CASES[name][0]
    assert witnessed[name].kernel is (State.CLOSED if state in GONE else state)
    assert witnessed[name].proof.states == (GONE if state in GONE else {state}), witnessed[name].proof


def test_every_state_is_reached() -> None:
    assert {state for state, *_ in CASES.values()} == set(State)
