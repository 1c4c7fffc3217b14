"""Probes on how long a target tries, where its program has a say; an agent is that program."""

from __future__ import annotations

from typing import Final

from rawshake.play import Peer, Script
from rawshake.probes.agent import ANSWERED, hire, served, told
from rawshake.probes.model import Server, undecided
from rawshake.probes.prove import ANSWER, WATCH
from rawshake.probes.registry import probe
from rawshake.rules.model import Level

#: The user timeout, in ms; and how many seconds giving up may take with it: some look only when they would send again.
TIMEOUT: Final = 1500
LATEST: Final = 8


@probe(
    "user-timeout-obeyed", "X14", "RFC 9293 3.8.3 MUST-21; RFC 5482 3.1", Level.MUST,
    rules="data-rto-backoff", server=Server.AGENT,
)  # fmt: skip
def user_timeout_obeyed(control: Peer) -> Script:
    """Data that is not acknowledged for the time that the program has set ends the connection, and the program knows.

    "An application MUST be able to set the value for R2". Linux and FreeBSD have TCP_USER_TIMEOUT for that; whose
    sockets have no such option is not judged. It may end without a word, or by a reset.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    if (yield from agent.call(f"set {number} user-timeout {TIMEOUT}")).errno:
        undecided("its sockets have no user timeout")
    yield from agent.must(f"send {number} 5")
    yield peer.expect("P?. 1:6(5) ack 1", within=WATCH)
    found = yield from agent.call(f"error {number} {LATEST}", within=ANSWERED + LATEST)
    yield peer.collect(0)
    yield peer.send("P. 1: ack 6", data=b"?")
    yield peer.expect("R.? 6:6(0)", within=ANSWER)
    return told("the program learns that it timed out", "ok ETIMEDOUT", found)
