"""Probes on calls in TIME-WAIT; an agent makes them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from rawshake.play import Action, Peer, Script
from rawshake.probes.agent import Agent, hire, served
from rawshake.probes.model import Holds, Server, note
from rawshake.probes.prove import ANSWER, WATCH
from rawshake.probes.registry import probe
from rawshake.rules.model import Level


@probe(
    "close-in-time-wait-is-silent", "Z12", "RFC 9293 3.10.4; RFC 9293 3.6.1 MUST-13", Level.MUST,
    rules="timewait-2msl", server=Server.AGENT, holds=Holds.TIME_WAIT,
)  # fmt: skip
def close_in_time_wait_is_silent(control: Peer) -> Script:
    """A CLOSE in TIME-WAIT sends nothing and shortens nothing: our FIN, sent again, is still acknowledged.

    The call lets go of the socket, not of the connection, which stays for 2 MSL to answer just this FIN.
    """
    agent = yield from hire(control)
    peer, number = yield from _time_wait(agent)
    yield from agent.must(f"close {number}")
    yield peer.quiet(WATCH)
    yield peer.send("F. 1: ack 2")
    yield peer.expect(". 2:2(0) ack 2", within=ANSWER)


@probe(
    "abort-in-time-wait-is-silent", "Z12", "RFC 9293 3.10.5", Level.PROCEDURE,
    rules="abort-rst-seq", server=Server.AGENT, holds=Holds.TIME_WAIT,
)  # fmt: skip
def abort_in_time_wait_is_silent(control: Peer) -> Script:
    """An ABORT in TIME-WAIT sends no reset: both ends have closed.

    "Respond with 'ok' and delete the TCB": what comes afterwards may be reset. Most keep the connection for 2 MSL all
    the same, Linux among them, which does no harm; a stack that deletes it is told as a note.
    """
    agent = yield from hire(control)
    peer, number = yield from _time_wait(agent)
    yield from agent.must(f"abort {number}")
    yield peer.quiet(WATCH)
    yield peer.send("F. 1: ack 2")
    answer = yield peer.expect(". 2:2(0) ack 2", "R.? 2:2(0)", within=ANSWER)
    return note("An ABORT in TIME-WAIT deletes the connection.") if answer.which else None


def _time_wait(agent: Agent) -> Generator[Action[Any], Any, tuple[Peer, str]]:
    """A connection in TIME-WAIT whose socket the program still holds."""
    peer, number = yield from served(agent)
    yield from agent.must(f"shutdown {number} wr")
    yield from peer.expect("F. 1:1(0) ack 1", within=ANSWER)
    yield from peer.send(". 1: ack 2")
    yield from peer.send("F. 1: ack 2")
    yield from peer.expect(". 2:2(0) ack 2", within=ANSWER)
    return peer, number
