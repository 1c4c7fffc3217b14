"""Probes on a target that is told to dial out by an agent, and told something else before the connection is open."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Peer, Script
from rawshake.probes.agent import ANSWERED, dialled, hire, told
from rawshake.probes.model import Server, note
from rawshake.probes.prove import ANSWER, WATCH
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.view import Step

#: Seconds in which it takes note of an ICMP error.
REACTS: Final = 0.1
#: Our answer to its SYN.
SYNACK: Final = "S. 0: ack 1 <mss 1460>"


@probe(
    "close-in-syn-sent-forgets", "E28", "RFC 9293 3.10.4; RFC 9293 3.10.7.1", Level.PROCEDURE,
    rules="synsent-bad-ack-rst", server=Server.AGENT,
)  # fmt: skip
def close_in_syn_sent_forgets(control: Peer) -> Script:
    """A CLOSE in SYN-SENT sends nothing, and the SYN,ACK that comes late is reset by <SEQ=SEG.ACK>.

    "Delete the TCB": there is nobody whom a FIN could reach. Without the reset the server holds a half-open
    connection until it gives up.
    """
    agent = yield from hire(control)
    peer, number = yield from dialled(agent)
    yield from agent.must(f"close {number}")
    yield peer.quiet(WATCH)
    yield peer.send(SYNACK)
    yield peer.expect("R.? 1:1(0)", within=ANSWER)


@probe(
    "send-in-syn-sent-goes-out", "E29", "RFC 9293 3.10.2", Level.PROCEDURE,
    rules="handshake-third-ack", server=Server.AGENT,
)  # fmt: skip
def send_in_syn_sent_goes_out(control: Peer) -> Script:
    """What a program wants to send in SYN-SENT leaves as soon as the connection is open, beginning at ISS+1.

    "Queue the data for transmission after entering ESTABLISHED state." The call waits meanwhile where, as in Linux,
    the kernel itself queues nothing yet.
    """
    agent = yield from hire(control)
    peer, number = yield from dialled(agent)
    yield from agent.begin(f"send {number} 5 4")
    yield peer.wait(0.1)
    yield peer.send(SYNACK)
    yield peer.expect("P?. 1:6(5) ack 1", within=ANSWER)
    return told("SEND succeeds", "ok 5", (yield from agent.answer(ANSWERED)))


@probe(
    "refusal-told-to-program", "E30 R26", "RFC 9293 3.10.7.3; RFC 9293 3.5.3", Level.PROCEDURE,
    rules="synsent-rst-needs-good-ack", server=Server.AGENT,
)  # fmt: skip
def refusal_told_to_program(control: Peer) -> Script:
    """A RST that acknowledges the SYN ends the attempt, and the program is told that the connection was refused.

    "Signal to the user 'error: connection reset'"; sockets say ECONNREFUSED. Windows first tries some times more, so
    that the answer takes two seconds.
    """
    agent = yield from hire(control)
    peer, number = yield from dialled(agent)
    yield peer.send("R. =0: ack 1")
    found = yield from agent.call(f"error {number} 4", within=ANSWERED + 4)
    yield peer.send(SYNACK)
    yield peer.expect("R.? 1:1(0)", within=ANSWER)
    return told("the program learns of the refusal", "ok ECONNREFUSED", found)


@probe(
    "port-unreachable-ends-attempt", "E30", "RFC 9293 3.9.2.2 SHLD-26; RFC 1122 4.2.3.9", Level.SHOULD,
    rules="icmp-hard-error-aborts", server=Server.AGENT,
)  # fmt: skip
def port_unreachable_ends_attempt(control: Peer) -> Script:
    """In SYN-SENT "port unreachable" about the SYN ends the attempt: a late SYN,ACK is reset.

    A firewall that refuses by ICMP says so. A target that goes on has its program wait for a minute or two.
    """
    agent = yield from hire(control)
    peer, number = yield from dialled(agent)
    yield from _unreachable(peer, v4=3, v6=4)
    found = yield from agent.call(f"error {number} 1", within=ANSWERED + 1)
    yield peer.send(SYNACK)
    yield peer.expect("R.? 1:1(0)", within=ANSWER)
    return told("the program learns of it", "an error", "none" if found.words == ("0",) else "an error")


@probe(
    "host-unreachable-survived", "E30", "RFC 9293 3.9.2.2 MUST-56", Level.MUST,
    rules="icmp-soft-error-survived", server=Server.AGENT,
)  # fmt: skip
def host_unreachable_survived(control: Peer) -> Script:
    """In SYN-SENT "host unreachable" about the SYN does not end the attempt: a SYN,ACK still opens.

    It is a soft error, which may be over in a moment. RFC 5461 tells that most stacks give up all the same in
    SYN-SENT, so that a program soon tries its next address; Linux does, which is told as a note.
    """
    agent = yield from hire(control)
    peer, _ = yield from dialled(agent)
    yield from _unreachable(peer, v4=1, v6=3)
    yield peer.send(SYNACK)
    answer = yield peer.expect(". 1: ack 1", "R.? 1:1(0)", within=ANSWER)
    return note("As in RFC 5461: a soft error ends an attempt to connect.") if answer.which else None


def _unreachable(peer: Peer, *, v4: int, v6: int) -> Generator[Action[Any], Any, None]:
    """Tell it that its SYN could not be delivered, by the code of ICMP or of ICMPv6."""
    syn = next(one.segment for one in peer.entries if isinstance(one, Step))
    if syn.v6:
        yield from peer.send_icmp(syn, type=1, code=v6)
    else:
        yield from peer.send_icmp(syn, type=3, code=v4)
    yield from peer.collect(REACTS)
