"""Probes on data as the program sees it, and on what it has sent while it says nothing; an agent is that program."""

from __future__ import annotations

from typing import Final

from rawshake.play import Peer, Script
from rawshake.probes.agent import ANSWERED, SOON, hire, received, served, told
from rawshake.probes.model import Server, undecided
from rawshake.probes.prove import ANSWER
from rawshake.probes.registry import probe
from rawshake.rules.model import Level

#: Seconds in which a keep-alive that is set to 1 s comes: timers are coarse. How many go unanswered.
IDLE: Final = 2.5
PROBES: Final = 2


@probe(
    "urgent-octet-out-of-band", "D08", "RFC 9293 3.8.5 MUST-62; RFC 9293 3.8.5 MUST-32", Level.MUST,
    rules="urgent-pointer-semantics", server=Server.AGENT,
)  # fmt: skip
def urgent_octet_out_of_band(control: Peer) -> Script:
    """The program is told of urgent data, and its last octet is the one before the urgent pointer.

    RFC 793 said both this and "the pointer names the last octet"; RFC 6093 asked the stacks, and all had taken this.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield peer.send("PU. 1: urg 3", data=b"abcdef")
    yield peer.expect(". ack 7", within=ANSWER)
    found = yield from agent.call(f"urgent {number} {SOON}", within=ANSWERED + SOON)
    return told("the urgent octet is the third", f"ok {b'c'.hex()}", found)


@probe(
    "received-in-order", "D11", "RFC 9293 3.10.3; RFC 9293 3.10.7.4 MUST-58", Level.PROCEDURE,
    rules="out-of-order-queued", server=Server.AGENT,
)  # fmt: skip
def received_in_order(control: Peer) -> Script:
    """RECEIVE gives the octets in their order, each once, whatever came first or twice; and in CLOSE-WAIT the end.

    The end of the stream, its FIN included, is here first; then the middle twice, with an overlap; then the beginning.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield peer.send("F. 9:", data=b"ijkl")
    yield peer.send("P. 5:", data=b"efgh")
    yield peer.send("P. 4:", data=b"defg")
    yield peer.send("P. 1:", data=b"abc")
    yield peer.expect(". 1:1(0) ack 14", within=ANSWER)
    got = yield from received(agent, number, b"abcdefghijkl")
    end = yield from agent.call(f"recv {number} 1 {SOON}", within=ANSWERED + SOON)
    return got, told("RECEIVE tells the end", "ok eof", end)


@probe(
    "keep-alive-asks-and-gives-up", "D10", "RFC 9293 3.8.4 MAY-5; RFC 9293 3.8.4 MUST-26; RFC 9293 3.8.4 SHLD-12",
    Level.PROCEDURE, rules="keepalive-form", server=Server.AGENT,
)  # fmt: skip
def keep_alive_asks_and_gives_up(control: Peer) -> Script:
    """A keep-alive begins at SND.NXT-1, with one octet or none; an answer keeps the connection, silence ends it.

    What is before RCV.NXT must be acknowledged, so that any TCP answers. The program asked for 1 s, and for an end
    after two without an answer; Linux then sends a reset. One that is lost alone must not end it.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    for option, value in (("keepidle", 1), ("keepintvl", 1), ("keepcnt", PROBES), ("keepalive", 1)):
        if (yield from agent.call(f"set {number} {option} {value}")).errno:
            undecided("its sockets cannot set keep-alives")
    yield peer.expect("P?. 0: ack 1", within=IDLE)
    yield peer.send(".")
    yield peer.expect("P?. 0: ack 1", within=IDLE)
    found = yield from agent.call(f"error {number} 5", within=ANSWERED + 5)
    yield peer.collect(0)
    yield peer.send("P. 1: ack 1", data=b"?")
    yield peer.expect("R.? 1:1(0)", within=ANSWER)
    return told("the program learns that it timed out", "ok ETIMEDOUT", found)
