"""Probes on TIME-WAIT: what is acknowledged there, what is dropped, what ends it, and who may come back."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from rawshake.play import Action, Arrival, Peer, Script
from rawshake.probes.grid.block import BEYOND, OUTSIDE, Block
from rawshake.probes.model import Check, Holds, Server, broken, note
from rawshake.probes.park import time_wait, time_wait_through_closing
from rawshake.probes.prove import NO_CONNECTION, WATCH, alive, gone, lives
from rawshake.probes.registry import probe
from rawshake.rules.model import Level

CLAUSES = "RFC 9293 3.10.7.4; RFC 9293 3.6.1"


def held(here: Block) -> str:
    """What it has to say in TIME-WAIT: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>."""
    return f". ={here.nxt}: ack ={here.rcv_nxt}"


def fin_again(peer: Peer, here: Block) -> Generator[Action[Any], Any, None]:
    """Our FIN once more, which is acknowledged as before."""
    yield from peer.collect(0)
    yield from peer.send(f"F. ={here.rcv_nxt - 1}: ack ={here.nxt}")
    yield from peer.expect(held(here), within=WATCH)


@probe(
    "fin-again-in-time-wait", "Z01", CLAUSES, Level.PROCEDURE, rules="timewait-reacks",
    server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def fin_again_in_time_wait(peer: Peer) -> Script:
    """Our FIN once more in TIME-WAIT is acknowledged once more.

    It is what TIME-WAIT is there for: the last ACK may be lost, and the other end sends its FIN until it comes. A
    server without TIME-WAIT answers by a reset, which turns a good end into an error.
    """
    here = yield from time_wait(peer)
    yield from fin_again(peer, here)
    yield peer.wait(WATCH)
    yield from fin_again(peer, here)


@probe(
    "old-segments-in-time-wait", "Z03", CLAUSES, Level.PROCEDURE, rules="timewait-reacks",
    server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def old_segments_in_time_wait(peer: Peer) -> Script:
    """Old octets, and octets right of the window, are answered in TIME-WAIT by an ACK of what was received.

    Duplicates that were delayed on the way arrive here, as they should: not at the next connection of the same ports.
    """
    here = yield from time_wait(peer)
    yield peer.send(f"P. ={here.rcv_nxt - 50}: ack ={here.nxt}", data=b"ab")
    yield peer.expect(held(here), within=WATCH)
    yield peer.wait(WATCH)
    yield peer.send(f"P. ={here.rcv_nxt + (here.rcv_wnd + BEYOND)}: ack ={here.nxt}", data=b"ab")
    yield peer.expect(held(here), within=WATCH)


@probe(
    "exact-ack-in-time-wait", "Z04", CLAUSES, Level.PROCEDURE, rules="timewait-reacks",
    server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def exact_ack_in_time_wait(peer: Peer) -> Script:
    """An empty ACK with the right numbers is taken in silence in TIME-WAIT.

    Whoever answers it has an endless talk with another end that does the same.
    """
    here = yield from time_wait(peer)
    yield peer.send(f". ={here.rcv_nxt}: ack ={here.nxt}")
    yield peer.quiet(WATCH)
    yield from lives(peer, here)


@probe(
    "rst-in-time-wait", "Z05", f"{CLAUSES}; RFC 1337 3", Level.PROCEDURE, rules="timewait-rst",
    server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def rst_in_time_wait(peer: Peer) -> Script:
    """A RST at RCV.NXT ends TIME-WAIT, or is ignored: the standards differ, and which is followed is told.

    RFC 9293 has it ended; RFC 1337 warns that a stray RST, drawn by an old duplicate, then lets old segments into the
    next connection. Linux ends it unless tcp_rfc1337 is set; FreeBSD and lwIP ignore the RST. It is not answered.
    """
    here = yield from time_wait(peer)
    yield peer.send(f"R ={here.rcv_nxt}:")
    yield peer.quiet(WATCH)
    if (yield from alive(peer, here)) is not NO_CONNECTION:
        yield from lives(peer, here)
        return note("RFC 1337 F1: TIME-WAIT ignores a RST.")
    yield from gone(peer, here)
    return None


@probe(
    "rst-outside-window-in-time-wait", "Z06", f"{CLAUSES}; RFC 5961 3.2", Level.PROCEDURE,
    rules="rst-outside-window-ignored", server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def rst_outside_window_in_time_wait(peer: Peer) -> Script:
    """A RST left or well right of the window does nothing to TIME-WAIT, and draws nothing.

    Whatever is done with an exact one: a RST that anybody could have guessed must not end it.
    """
    here = yield from time_wait(peer)
    yield peer.send(f"R ={here.rcv_nxt - 1}:")
    yield peer.send(f"R ={here.rcv_nxt + (here.rcv_wnd + BEYOND)}:")
    yield peer.quiet(WATCH)
    yield from lives(peer, here)


@probe(
    "syn-above-time-wait", "Z07", f"{CLAUSES} MAY-2; RFC 6191 2", Level.PROCEDURE,
    rules="timewait-syn-reopen", server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def syn_above_time_wait(peer: Peer) -> Script:
    """A SYN above all that the old connection had draws an ACK, or opens a new one with an ISN above the old numbers.

    A busy client comes back from the same port before two MSL are over. Linux and BSD let it in (MAY-2), which is
    told as a note; then the new ISN must lie above the old SND.NXT, or old segments may fit.
    """
    here = yield from time_wait(peer)
    isn = here.rcv_nxt + (here.rcv_wnd + BEYOND)
    yield peer.collect(0)
    yield peer.send(f"S ={isn}: <mss 1460>")
    came = yield from peer.expect(held(here), f"S. ack ={isn + 1}", within=WATCH)
    if not came.which:
        yield from lives(peer, here)
        return None
    return reopened(came, here)


def reopened(came: Arrival, here: Block) -> Check:
    """What is to be said of a SYN,ACK out of TIME-WAIT: its ISN has to lie above the old numbers."""
    ahead = came.segment.seq - here.nxt
    if ahead < 0:
        return broken("It opens a new connection below the old one's numbers.", field="seq",
                      expected=f"above {here.nxt}", actual=came.segment.seq)  # fmt: skip
    return note(f"MAY-2: a SYN above the old numbers opens a new connection, {ahead} above the old SND.NXT.")


@probe(
    "syn-below-time-wait", "Z08", f"{CLAUSES}; RFC 6191 2", Level.PROCEDURE,
    rules="timewait-stale-syn-refused half-open-recovery", server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def syn_below_time_wait(peer: Peer) -> Script:
    """A SYN below the old numbers draws an ACK, and opens nothing; after the RST that this draws, the next is served.

    It may be an old duplicate. A client with a random ISN, as small devices have after a restart, gets through all
    the same where a RST ends TIME-WAIT. RFC 6191 has the SYN dropped in silence, and RFC 1337 ignores the RST: each
    is told as a note, and the client has to wait.
    """
    here = yield from time_wait(peer)
    isn = here.rcv_nxt - 30_000
    yield peer.collect(0)
    yield peer.send(f"S ={isn}: <mss 1460>")
    came = yield from peer.next(within=WATCH)
    if came is None:
        yield from lives(peer, here)
        return note("RFC 6191: in TIME-WAIT a SYN below the old numbers is dropped in silence.")
    if came.segment.rst or came.segment.syn or came.segment.ack != here.rcv_nxt:
        return broken("A SYN below the old numbers was taken, or reset.", field="answer", expected=held(here),
                      actual=came.text)  # fmt: skip
    yield peer.send(f"R ={here.rcv_nxt}:")
    yield peer.wait(WATCH)
    peer.restart(isn.value)
    yield peer.send("S <mss 1460>")
    last = yield from peer.expect("S. ack 1", held(here), within=WATCH)
    return note("RFC 1337: TIME-WAIT ignores the RST, so that the client must wait.") if last.which else None


@probe(
    "odd-syns-in-time-wait", "Z09", CLAUSES, Level.PROCEDURE, rules="timewait-stale-syn-refused timewait-reacks",
    server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def odd_syns_in_time_wait(peer: Peer) -> Script:
    """A SYN,ACK, and a SYN with FIN below the window, open nothing in TIME-WAIT, and do not end it.

    They draw an ACK. Only a SYN by itself may come back (MAY-2); a SYN,ACK is somebody else's answer. RFC 6191 has a
    SYN that is too old dropped in silence.
    """
    here = yield from time_wait(peer)
    yield peer.send(f"S. ={here.rcv_nxt - OUTSIDE}: ack ={here.nxt} <mss 1460>")
    yield peer.expect(held(here), within=WATCH)
    yield peer.wait(WATCH)
    yield peer.send(f"SF ={here.rcv_nxt - OUTSIDE}: <mss 1460>")
    yield peer.quiet(WATCH, but=[held(here)])
    yield from lives(peer, here)


@probe(
    "time-wait-through-closing", "Z10", CLAUSES, Level.PROCEDURE, rules="timewait-reacks simultaneous-close",
    server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def time_wait_from_closing(peer: Peer) -> Script:
    """TIME-WAIT that was reached through CLOSING keeps the same rules: our FIN is acknowledged again, old RSTs ignored.

    Small stacks often have one way into TIME-WAIT and forget the other: after a simultaneous close they know nothing
    any more, or hold the connection without a timer.
    """
    here = yield from time_wait_through_closing(peer)
    yield peer.collect(0)
    yield peer.send(f"R ={here.rcv_nxt - 1}:")
    yield peer.quiet(WATCH)
    yield from fin_again(peer, here)
    yield peer.wait(WATCH)
    yield peer.send(f"P. ={here.rcv_nxt - 50}: ack ={here.nxt}", data=b"ab")
    yield peer.expect(held(here), within=WATCH)


@probe(
    "port-serves-beside-time-wait", "Z11", "RFC 9293 3.10.7.2; RFC 9293 3.6.1", Level.PROCEDURE,
    rules="synack-form timewait-2msl", server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def port_serves_beside_time_wait(peer: Peer) -> Script:
    """While one connection is in TIME-WAIT its port serves others, and they leave it alone.

    Only that pair of sockets is held. lwIP ends the oldest TIME-WAIT when it has no room for a new connection, which
    one more does not bring about.
    """
    here = yield from time_wait(peer)
    other = peer.another()
    yield other.send("S <mss 1460>")
    yield other.expect("S. ack 1")
    yield from lives(peer, here)
