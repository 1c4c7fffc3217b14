"""Probes on which segments an open connection takes: by their sequence number, and by what they acknowledge."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Peer, Script, Unexpected
from rawshake.probes.grid.answers import Choice
from rawshake.probes.grid.block import BEYOND, UNSENT, Block
from rawshake.probes.model import Holds, note, undecided
from rawshake.probes.park import GREETING, block, greeted, syn_received
from rawshake.probes.prove import WATCH, answers, hushed, lives
from rawshake.probes.registry import probe
from rawshake.probes.telling import stays
from rawshake.rules.model import Level
from rawshake.tcp.seq import SPACE
from rawshake.tcp.state import State


@probe(
    "data-beyond-window-answered", "S01", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE,
    rules="unacceptable-seq-acked no-rst-while-synchronized",
)  # fmt: skip
def data_beyond_window_answered(peer: Peer) -> Script:
    """Data beyond the window draws an ACK that says what is awaited, is dropped, and the connection lives.

    The ACK puts a sender right that is ahead by mistake. A reset would let anybody end the connection.
    """
    here = yield from greeted(peer)
    yield peer.send(f"P. ={here.rcv_nxt + here.rcv_wnd + BEYOND}:", data=b"beyond")
    yield from answers(peer, here)
    yield from lives(peer, here)


@probe(
    "old-data-answered", "S02", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE,
    rules="unacceptable-seq-acked",
)  # fmt: skip
def old_data_answered(peer: Peer) -> Script:
    """Data that was taken before draws an ACK of what is awaited now when it comes again, and is not taken again.

    The sender has missed the first ACK: without another it goes on sending until it gives up.
    """
    here = yield from greeted(peer)
    here = yield from _fed(peer, here, b"hello")
    yield peer.send("P. 1:", data=b"hello")
    yield from answers(peer, here)
    yield from lives(peer, here)


@probe(
    "ack-of-unsent-answered", "S03", "RFC 9293 3.10.7.4; RFC 9293 3.5.2", Level.PROCEDURE,
    rules="unsent-ack-answered no-rst-while-synchronized",
)  # fmt: skip
def ack_of_unsent_answered(peer: Peer) -> Script:
    """Data that acknowledges what was never sent draws an ACK, and is dropped.

    It is of another connection, or made up: who takes it has data put into its streams by others. Linux dropped it
    in silence until 2026, which is told as a note; lwIP takes it.
    """
    here = yield from greeted(peer)
    yield peer.send(f"P. ack ={here.nxt + UNSENT}", data=b"abc")
    silent = False
    try:
        yield from answers(peer, here)
    except Unexpected as unexpected:
        silent = unexpected.mismatch.silence
        if not silent:
            raise
    yield from lives(peer, here)
    return note(str(Choice.UNSENT_SILENT)) if silent else None


@probe("ack-not-answered", "S05", "RFC 9293 3.5", Level.PROCEDURE, rules="pure-ack-not-acked")
def ack_not_answered(peer: Peer) -> Script:
    """ACKs of what was acknowledged before, without data, draw nothing, three in a row.

    "If it did, we would wind up ACKing ACKs": two stacks that do so never come to rest.
    """
    here = yield from greeted(peer)
    for _ in range(3):
        yield peer.send(".")
    yield from hushed(peer, here)
    yield from lives(peer, here)


@probe(
    "data-without-ack-dropped", "S06", "RFC 9293 3.10.7.4; RFC 9293 3.1", Level.PROCEDURE
)  # fmt: skip
def data_without_ack_dropped(peer: Peer) -> Script:
    """Data at RCV.NXT whose ACK flag is not set is dropped.

    "If the ACK bit is off, drop the segment": whoever sends it need know one number less. An answer that takes
    nothing is told as a note. lwIP takes the data.
    """
    here = yield from greeted(peer)
    yield peer.send("P", data=b"abc")
    replied = False
    try:
        yield peer.quiet(WATCH)
    except Unexpected as unexpected:
        replied = True
        if any(one.text.startswith("R") for one in unexpected.mismatch.meanwhile):
            raise
    yield from lives(peer, here)
    return note(str(Choice.NO_ACK_ANSWERED)) if replied else None


@probe(
    "outside-window-in-syn-received-answered", "S09", "RFC 9293 3.10.7.4; RFC 9293 3.5.2", Level.PROCEDURE,
    rules="unacceptable-seq-acked", holds=Holds.HALF_OPEN,
)  # fmt: skip
def outside_window_in_syn_received_answered(peer: Peer) -> Script:
    """In SYN-RECEIVED an ACK whose sequence number is outside the window draws an ACK, and opens nothing.

    Its acknowledgment is right, its own number is not: so half of what an attacker has to guess is not asked for.
    lwIP does not look at the number, and opens.
    """
    here = yield from syn_received(peer)
    yield peer.send(f". ={here.rcv_nxt + here.rcv_wnd + BEYOND}: ack ={here.nxt}")
    yield from answers(peer, here)
    return (yield from stays(peer, here))


#: So that the first octets come before 2^32, the others behind it.
_NEAR_THE_END: Final = SPACE - 16


@probe(
    "sequence-numbers-wrap", "S15", "RFC 9293 3.4", Level.PROCEDURE,
    rules="sequence-wrap-handled ack-is-cumulative fin-acked",
)  # fmt: skip
def sequence_numbers_wrap(peer: Peer) -> Script:
    """Data across 2^32 is taken and acknowledged, and so is a FIN behind it.

    One connection in many crosses it, after hours: who compares the numbers as plain integers stands still there.
    """
    peer.restart(_NEAR_THE_END)
    here = yield from greeted(peer)
    here = yield from _fed(peer, here, b"0123456789")
    yield from _fed(peer, here, b"0123456789" * 3)
    yield peer.send("F.")
    yield peer.expect(".F? ack 42", within=WATCH)


@probe(
    "other-port-is-another-connection", "S16", "RFC 9293 3.10.7; RFC 9293 3.10.1", Level.PROCEDURE, rules=""
)
def other_port_is_another_connection(peer: Peer) -> Script:
    """Data and a RST with all numbers right, but from another port of ours, do nothing to the connection.

    A connection is named by both addresses and both ports. From another address the same would need a source that is
    not ours.
    """
    here = yield from greeted(peer)
    other = peer.another()
    yield other.send(f"P. ={here.rcv_nxt}: ack ={here.nxt}", data=b"abc")
    yield other.send(f"R ={here.rcv_nxt}:")
    yield peer.wait(0.1)
    yield from lives(peer, here)


@probe(
    "keep-alive-answered", "S17", "RFC 9293 3.8.4; RFC 9293 3.10.7.4; RFC 1122 4.2.3.6", Level.PROCEDURE,
    rules="keepalive-answered unacceptable-seq-acked",
)  # fmt: skip
def keep_alive_answered(peer: Peer) -> Script:
    """A segment at RCV.NXT - 1, empty or with one octet, draws an ACK.

    That is what a keep-alive looks like, and Windows sends the octet: who does not answer is taken for dead, and
    idle connections to it are ended.
    """
    here = yield from greeted(peer)
    yield peer.send(f". ={here.rcv_nxt - 1}:")
    yield from answers(peer, here)
    yield from lives(peer, here)


def _fed(peer: Peer, here: Block, data: bytes) -> Generator[Action[Any], Any, Block]:
    """Expect that ``data`` is taken; what its program says to that is acknowledged. Gives where it stands then."""
    yield from peer.send("P.", data=data)
    yield from answers(peer, here, len(data))
    said = yield from peer.collect(GREETING)
    if peer.their.view.fin is not None or any(one.segment.rst for one in said):
        undecided("its program has closed the connection")
    yield from peer.send(".")
    return block(peer, State.ESTABLISHED)
