"""Probes on what a program has to do with windows and small segments; an agent is that program."""

from __future__ import annotations

from typing import Final

from rawshake.play import Peer, Script
from rawshake.probes.agent import ANSWERED, hire, served, told
from rawshake.probes.model import Server, undecided
from rawshake.probes.prove import ANSWER, WATCH
from rawshake.probes.registry import probe
from rawshake.rules.model import Level

#: The user timeout, in ms; and how many seconds giving up may take with it.
TIMEOUT: Final = 1500
LATEST: Final = 8
#: Seconds, less than a first retransmission timeout of 200 ms.
HELD: Final = 0.12


@probe(
    "small-segments-wait", "W15", "RFC 9293 3.7.4 SHLD-7", Level.SHOULD,
    rules="nagle-coalesces", server=Server.AGENT,
)  # fmt: skip
def small_segments_wait(control: Peer) -> Script:
    """While data is not acknowledged, less than a full segment waits; with the ACK it leaves, all in one.

    The Nagle algorithm: else a program that writes octet by octet fills the road with headers.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield from agent.must(f"send {number} 5")
    yield peer.expect("P?. 1:6(5) ack 1", within=WATCH)
    yield from agent.must(f"send {number} 3")
    yield from agent.must(f"send {number} 4")
    yield peer.quiet(HELD, but=["P?. 1:6(5)"])
    yield peer.send(". 1: ack 6")
    yield peer.expect("P?. 6:13(7) ack 1", within=WATCH)


@probe(
    "small-segments-leave-if-told", "W15", "RFC 9293 3.7.4 MUST-17", Level.MUST,
    rules="nagle-coalesces", server=Server.AGENT,
)  # fmt: skip
def small_segments_leave_if_told(control: Peer) -> Script:
    """With TCP_NODELAY a small segment leaves at once, although the one before is not acknowledged.

    "There MUST be a way for an application to disable the Nagle algorithm on an individual connection": what is
    typed or clicked would else wait for a delayed ACK.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield from agent.must(f"set {number} nodelay 1")
    yield from agent.must(f"send {number} 5")
    yield peer.expect("P?. 1:6(5) ack 1", within=WATCH)
    yield from agent.must(f"send {number} 3")
    yield peer.expect("P?. 6:9(3) ack 1", within=WATCH)


@probe(
    "user-timeout-ends-asking", "W16", "RFC 9293 3.8.3 MUST-21; RFC 9293 3.8.6.1 MUST-37", Level.MUST,
    rules="zero-window-probed", server=Server.AGENT,
)  # fmt: skip
def user_timeout_ends_asking(control: Peer) -> Script:
    """A closed window about which nobody answers ends the connection at the program's user timeout.

    MUST-37 keeps a connection as long as its questions are answered; one that is silent as well may be given up, and
    a program that has said when must not wait longer.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    if (yield from agent.call(f"set {number} user-timeout {TIMEOUT}")).errno:
        undecided("its sockets have no user timeout")
    peer.window = 0
    yield peer.send(".")
    yield from agent.must(f"send {number} 5")
    yield peer.next(within=4)  # a question, where it asks so soon
    found = yield from agent.call(f"error {number} {LATEST}", within=ANSWERED + LATEST)
    yield peer.collect(0)
    yield peer.send("P. 1: ack 1", data=b"?")
    yield peer.expect("R.? 1:1(0)", within=ANSWER)
    return told("the program learns that it timed out", "ok ETIMEDOUT", found)
