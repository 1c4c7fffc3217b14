"""Probes on resets that a target's program asks for, and on what it learns of ours; an agent makes the calls."""

from __future__ import annotations

from typing import Final

from rawshake.play import Peer, Script, handshake
from rawshake.probes.agent import ANSWERED, SOON, dialled, hire, served, told
from rawshake.probes.model import Server, skipped, warn
from rawshake.probes.park import block
from rawshake.probes.prove import ANSWER, WATCH, says
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

STAMPS: Final = 1000


@probe(
    "abort-in-syn-received-resets", "R25", "RFC 9293 3.10.5", Level.PROCEDURE,
    rules="abort-rst-seq", server=Server.AGENT,
)  # fmt: skip
def abort_in_syn_received_resets(control: Peer) -> Script:
    """An ABORT in SYN-RECEIVED sends <SEQ=SND.NXT><CTL=RST>.

    A socket gets there only through SYNs that cross. Without the reset we would be left with half a connection.
    """
    agent = yield from hire(control)
    peer, number = yield from dialled(agent)
    yield peer.send("S 0: <mss 1460>")
    yield peer.expect("S.E? 0: ack 1", within=ANSWER)
    yield from agent.must(f"abort {number}")
    yield peer.expect("R.? 1:1(0)", within=ANSWER)


@probe(
    "abort-in-established-resets", "R25", "RFC 9293 3.10.5", Level.PROCEDURE,
    rules="abort-rst-seq", server=Server.AGENT,
)  # fmt: skip
def abort_in_established_resets(control: Peer) -> Script:
    """An ABORT in ESTABLISHED sends <SEQ=SND.NXT><CTL=RST>, also while data is not acknowledged.

    SND.NXT counts what is under way: it is what the client stands at, once that has come. With SND.UNA in its place
    the reset would lie left of the window, and be ignored.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield from agent.must(f"send {number} 5")
    yield peer.expect("P?. 1:6(5) ack 1", within=WATCH)
    yield from agent.must(f"abort {number}")
    yield peer.expect("R.? 6:6(0)", within=ANSWER)


@probe(
    "abort-in-fin-wait-1-resets", "R25", "RFC 9293 3.10.5", Level.PROCEDURE,
    rules="abort-rst-seq", server=Server.AGENT,
)  # fmt: skip
def abort_in_fin_wait_1_resets(control: Peer) -> Script:
    """An ABORT in FIN-WAIT-1 sends <SEQ=SND.NXT><CTL=RST>, behind its FIN.

    The FIN counts: a reset at its own number would be beside the window of a client that has taken it.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield from agent.must(f"shutdown {number} wr")
    yield peer.expect("F. 1:1(0) ack 1", within=ANSWER)
    yield from agent.must(f"abort {number}")
    yield peer.expect("R.? 2:2(0)", within=ANSWER)


@probe(
    "abort-in-fin-wait-2-resets", "R25", "RFC 9293 3.10.5", Level.PROCEDURE,
    rules="abort-rst-seq", server=Server.AGENT,
)  # fmt: skip
def abort_in_fin_wait_2_resets(control: Peer) -> Script:
    """An ABORT in FIN-WAIT-2 sends <SEQ=SND.NXT><CTL=RST>.

    The client may still be sending: it learns that nobody reads.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield from agent.must(f"shutdown {number} wr")
    yield peer.expect("F. 1:1(0) ack 1", within=ANSWER)
    yield peer.send(". 1: ack 2")
    yield from agent.must(f"abort {number}")
    yield peer.expect("R.? 2:2(0)", within=ANSWER)


@probe(
    "abort-in-close-wait-resets", "R25", "RFC 9293 3.10.5", Level.PROCEDURE,
    rules="abort-rst-seq", server=Server.AGENT,
)  # fmt: skip
def abort_in_close_wait_resets(control: Peer) -> Script:
    """An ABORT in CLOSE-WAIT sends <SEQ=SND.NXT><CTL=RST>, and no FIN.

    A client in FIN-WAIT-2 waits for the end: a reset is one, but says that the answer is not complete.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield peer.send("F.")
    yield peer.expect(". ack 2", within=ANSWER)
    yield from agent.must(f"abort {number}")
    yield peer.expect("R.? 1:1(0)", within=ANSWER)


@probe(
    "abort-in-closing-is-silent", "R25", "RFC 9293 3.10.5", Level.PROCEDURE,
    rules="abort-rst-seq", server=Server.AGENT,
)  # fmt: skip
def abort_in_closing_is_silent(control: Peer) -> Script:
    """An ABORT in CLOSING deletes the connection without a word: both sides have said all.

    "Respond with 'ok' and delete the TCB". A reset here is a WARN at most: it ends only what was to end anyway.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield from agent.must(f"shutdown {number} wr")
    yield peer.expect("F. 1:1(0) ack 1", within=ANSWER)
    yield peer.send("F. 1: ack 1")
    yield from says(peer, ". 2:2(0) ack 2", block(peer, State.CLOSING), within=ANSWER)
    yield from agent.must(f"abort {number}")
    came = yield peer.collect(WATCH)
    if any(one.segment.rst for one in came):
        return warn("An ABORT in CLOSING sends a reset.", expected="nothing", actual="R.")
    return None


@probe(
    "abort-carries-timestamps", "R24", "RFC 7323 3.2; RFC 9293 3.10.5", Level.SHOULD,
    rules="rst-carries-timestamp abort-rst-seq", server=Server.AGENT,
)  # fmt: skip
def abort_carries_timestamps(control: Peer) -> Script:
    """Where timestamps were agreed on the reset of an ABORT has one, too, and it does not go back.

    "TSopt [...] SHOULD be sent in an <RST> segment": a reset is older than the connection as often as data is. A
    receiver may not ask for it, so that most never notice.
    """
    agent = yield from hire(control)
    listener, port = yield from agent.must("listen")
    peer = agent.control.another(int(port))
    synack = yield from handshake(peer, "<mss 1460,TS val 100000 ecr 0>")
    began = synack.segment.timestamps
    if began is None:
        skipped("it does not take up timestamps")
    (number,) = yield from agent.must(f"accept {listener} {SOON}", within=ANSWERED + SOON)
    yield from agent.must(f"abort {number}")
    reset = yield from peer.expect("R.? 1:1(0)", within=ANSWER)
    stamps = reset.segment.timestamps
    if stamps is None:
        return warn("The reset has no timestamp.", field="options", expected="TS", actual=reset.text)
    if Seq(stamps[0]) < Seq(began[0]):
        return warn("The timestamp of the reset goes back.", field="options", expected=f"TS val {began[0]} or later",
                    actual=reset.text)  # fmt: skip
    return None


@probe(
    "reset-told-to-program", "R26", "RFC 9293 3.10.7.4; RFC 9293 3.5.3", Level.PROCEDURE,
    rules="rst-exact-resets", server=Server.AGENT,
)  # fmt: skip
def reset_told_to_program(control: Peer) -> Script:
    """A RST at RCV.NXT ends the connection, and the program's RECEIVE says ECONNRESET: no end of file.

    "Any outstanding RECEIVEs and SEND should receive 'reset' responses". An end of file would pass half an answer for
    a whole one.
    """
    agent = yield from hire(control)
    peer, number = yield from served(agent)
    yield peer.send("P. 1:", data=b"half")
    yield peer.expect(". ack 5", within=ANSWER)
    yield from agent.must(f"recv {number} 100 {SOON}", within=ANSWERED + SOON)
    yield peer.send("R 5:")
    found = yield from agent.call(f"recv {number} 100 {SOON}", within=ANSWERED + SOON)
    yield peer.send(". 5: ack 1")
    yield peer.expect("R.? 1:1(0)", within=ANSWER)
    return told("RECEIVE tells of the reset", "ECONNRESET", found)
