"""Probes on what a target sends when its program closes, shuts down or aborts; an agent makes the calls."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Peer, Script
from rawshake.probes.agent import ANSWERED, Agent, dialled, hire, received, served, told, unaccepted
from rawshake.probes.model import Check, Server, note
from rawshake.probes.park import block
from rawshake.probes.prove import ANSWER, WATCH, says
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.state import State

#: Seconds that a close lingers, and in which it may not have returned.
LINGERS: Final = 5
HELD: Final = 0.3


@probe(
    "half-closed-takes-data", "T18", "RFC 9293 3.6.1 MAY-1; RFC 9293 3.10.7.4", Level.PROCEDURE,
    rules="half-close-supported", server=Server.AGENT,
)  # fmt: skip
def half_closed_takes_data(control: Peer) -> Script:
    """A target that shut down only its sending side takes data in FIN-WAIT-1 and FIN-WAIT-2, for its program.

    So a client says that its request is complete, and reads the answer. Had the program closed both ways, as most
    do, a reset would be right.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield from agent.must(f"shutdown {number} wr")
    yield peer.expect("F. 1:1(0) ack 1")
    yield peer.send("P. 1: ack 1", data=b"one")
    yield from says(peer, ". ack 4", block(peer, State.FIN_WAIT_1), within=ANSWER)
    yield peer.send("P. 4: ack 2", data=b"two")
    yield peer.expect(". 2: ack 7", within=ANSWER)
    return (yield from received(agent, number, b"onetwo"))


@probe(
    "close-over-unread-resets", "T19", "RFC 9293 3.6.1 SHLD-3; RFC 2525 2.17", Level.SHOULD,
    rules="close-with-unread-data-rst", server=Server.AGENT,
)  # fmt: skip
def close_over_unread_resets(control: Peer) -> Script:
    """A close while received data is unread sends RST and no FIN.

    A FIN would tell the client that all was read. BSD and Windows stay with the FIN for some kinds of socket; Linux
    and lwIP send the RST.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield peer.send("P. 1:", data=b"never read")
    yield peer.expect(". ack 11")
    yield from agent.must(f"close {number}")
    yield peer.expect("R.? 1:1(0)", within=ANSWER)


@probe(
    "linger-zero-resets", "T25", "RFC 9293 3.10.5; RFC 9293 3.6", Level.PROCEDURE,
    rules="abort-rst-seq", server=Server.AGENT,
)  # fmt: skip
def linger_zero_resets(control: Peer) -> Script:
    """A close with SO_LINGER 0 is an ABORT: one RST with SEQ = SND.NXT, and nothing after it.

    Another number and the client, which challenges what is not exact, keeps the connection.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield from agent.must(f"set {number} linger 0")
    yield from agent.must(f"close {number}")
    yield peer.expect("R.? 1:1(0)", within=ANSWER)
    yield peer.quiet(WATCH)


@probe(
    "linger-waits-for-ack-of-fin", "T25", "RFC 9293 3.10.4; RFC 9293 3.6", Level.PROCEDURE,
    rules="passive-close-sequence", server=Server.AGENT,
)  # fmt: skip
def linger_waits_for_ack_of_fin(control: Peer) -> Script:
    """A close that lingers sends its FIN at once, and the call returns when that is acknowledged.

    RFC 9293 has CLOSE return once what is queued was sent; SO_LINGER is the sockets' way to await the ACK as well.
    A call that returns earlier is told as a note: some hosts do not wait where the socket does not block.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield from agent.must(f"set {number} linger {LINGERS}")
    yield from agent.begin(f"close {number} {LINGERS}")
    yield peer.expect("F. 1:1(0) ack 1", within=ANSWER)
    early = yield from agent.answered(HELD)
    yield peer.send(". 1: ack 2")
    if early:
        return note("SO_LINGER does not make a close wait for the ACK of its FIN.")
    return told("the close returns once its FIN is acknowledged", "ok", (yield from agent.answer(ANSWERED)))


@probe(
    "unaccepted-reset-with-listener", "T26", "RFC 9293 3.10.4; RFC 9293 3.10.5", Level.INFO,
    rules="abort-rst-seq", server=Server.AGENT,
)  # fmt: skip
def unaccepted_reset_with_listener(control: Peer) -> Script:
    """Connections that wait to be accepted are reset when the listening socket is closed.

    No standard says so, but every widespread stack does it: a client whom nobody will ever serve learns it at once.
    """
    agent = yield from hire(control)
    peer, listener = yield from unaccepted(agent)
    yield peer.send("P. 1:", data=b"hello")
    yield peer.expect(". ack 6")
    yield from agent.must(f"close {listener}")
    yield peer.expect("R.? 1:1(0)", within=ANSWER)


@probe(
    "close-in-syn-received-sends-fin", "T27", "RFC 9293 3.10.4", Level.PROCEDURE,
    rules="simultaneous-open", server=Server.AGENT,
)  # fmt: skip
def close_in_syn_received_sends_fin(control: Peer) -> Script:
    """A CLOSE in SYN-RECEIVED with nothing to send sends a FIN, and goes on to FIN-WAIT-1.

    A socket gets there only through SYNs that cross, as hole punching makes them. "If no SENDs have been issued and
    there is no pending data to send, then form a FIN segment and send it".
    """
    agent = yield from hire(control)
    peer, number = yield from dialled(agent)
    yield peer.send("S 0: <mss 1460>")
    yield peer.expect("S.E? 0: ack 1", within=ANSWER)
    yield from agent.must(f"close {number}")
    yield peer.expect("F. 1:1(0) ack 1", within=ANSWER)


@probe(
    "shutdown-of-receiving-is-local", "T28", "RFC 9293 3.6.1; RFC 9293 3.10.7.4", Level.INFO,
    rules="half-close-supported", server=Server.AGENT,
)  # fmt: skip
def shutdown_of_receiving_is_local(control: Peer) -> Script:
    """A shutdown of the receiving side alone sends nothing: TCP has no segment for it.

    What comes afterwards is acknowledged all the same. Linux lets the program still read it; BSD throws it away;
    Windows resets, which is told as a note.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield from agent.must(f"shutdown {number} rd")
    yield peer.quiet(HELD)
    yield peer.send("P. 1:", data=b"late")
    yield peer.expect(". 1: ack 5", within=ANSWER)


@probe(
    "shutdown-of-both-sends-fin", "T28", "RFC 9293 3.6; RFC 9293 3.10.4", Level.PROCEDURE,
    rules="passive-close-sequence", server=Server.AGENT,
)  # fmt: skip
def shutdown_of_both_sends_fin(control: Peer) -> Script:
    """A shutdown of both sides sends a FIN, and takes ours.

    It is a CLOSE but for the socket, which its program still holds: the client sees no difference.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield from agent.must(f"shutdown {number} rdwr")
    yield peer.expect("F. 1:1(0) ack 1", within=ANSWER)
    yield peer.send("F. 1: ack 2")
    yield peer.expect(". 2:2(0) ack 2", within=ANSWER)


@probe(
    "calls-fail-by-state", "T29", "RFC 9293 3.10.1; RFC 9293 3.10.2; RFC 9293 3.10.3", Level.PROCEDURE,
    rules="half-close-supported", server=Server.AGENT,
)  # fmt: skip
def calls_fail_by_state(control: Peer) -> Script:
    """SEND and RECEIVE without a connection, OPEN of an open one and SEND after CLOSE fail; RECEIVE tells the end.

    "Connection does not exist" is ENOTCONN to most, "connection already exists" EISCONN, and "connection closing"
    EPIPE: which errno it is does not matter here. An end of file that stays unseen keeps a program waiting for ever.
    SEND in CLOSE-WAIT still goes out.
    """
    agent = yield from hire(control)
    (nothing,) = yield from agent.must("socket")
    early = yield from _fails(agent, f"send {nothing} 1")
    deaf = yield from _fails(agent, f"recv {nothing} 1")
    peer, number = yield from served(agent)
    again = yield from _fails(agent, f"connect {number} {control.here[1]}")
    yield peer.send("F.")
    yield peer.expect(". ack 2", within=ANSWER)
    ended = told(
        "RECEIVE tells the end", "ok eof", (yield from agent.call(f"recv {number} 9 1", ANSWERED + 1))
    )
    yield from agent.must(f"send {number} 5")
    yield peer.expect("P?. 1:6(5) ack 2", within=WATCH)
    yield peer.send(". 2: ack 6")
    yield from agent.must(f"shutdown {number} wr")
    yield peer.expect("F. 6:6(0) ack 2", within=ANSWER)
    return early, deaf, again, ended, (yield from _fails(agent, f"send {number} 1"))


def _fails(agent: Agent, order: str) -> Generator[Action[Any], Any, Check]:
    """Whether a call is refused; which errno says so is the host's affair."""
    found = yield from agent.call(order)
    verb = order.partition(" ")[0]
    return told(f"{verb} is refused", "an error", "an error" if found.errno else found)
