"""Probes on resets and SYNs that reach a connection which is being closed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from rawshake.play import Action, Arrival, Peer, Script, Unexpected
from rawshake.probes.chapters.reset_open import challenged
from rawshake.probes.grid.block import BEYOND, OUTSIDE, Block
from rawshake.probes.model import Check, Server, note
from rawshake.probes.park import close_wait, closing, fin_wait_1, fin_wait_2, last_ack
from rawshake.probes.prove import WATCH, gone, lives
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.segment import Flags
from rawshake.tcp.state import State

CLAUSES = "RFC 9293 3.10.7.4; RFC 9293 3.5.3"


def _ended(peer: Peer, here: Block) -> Generator[Action[Any], Any, None]:
    """Reset it at RCV.NXT: no answer, and it is gone. What it sends again by itself may still cross."""
    yield from peer.collect(0)
    yield from peer.send("R")
    yield from peer.quiet(WATCH, but=_again(here))
    yield from gone(peer, here)


def _challenges(came: object, here: Block) -> bool:
    if not isinstance(came, Arrival):
        return False
    segment = came.segment
    return (segment.flags, segment.seq, segment.ack) == (Flags.ACK, here.nxt, here.rcv_nxt)


def _again(here: Block) -> Sequence[str]:
    """What it sends again by itself: its FIN, or a question about our window."""
    own = [] if here.fin is None else [f"F. ack ={here.rcv_nxt}"]
    return (*own, f". ={here.una}: ack ={here.rcv_nxt}", f". ={here.una - 1}: ack ={here.rcv_nxt}")


@probe("rst-ends-close-wait", "R19", CLAUSES, Level.MUST, rules="rst-exact-resets", server=Server.BULK)
def rst_ends_close_wait(peer: Peer) -> Script:
    """A RST at RCV.NXT ends a connection in CLOSE-WAIT, whose server still has much to send, and what it has queued.

    A client that said goodbye and then resets has gone for good. Where the reset is not taken, the server asks about
    a closed window for ever, with its buffers full.
    """
    here = yield from close_wait(peer)
    yield from _ended(peer, here)


@probe(
    "rst-ends-fin-wait-1", "R20", CLAUSES, Level.MUST, rules="rst-exact-resets", server=Server.CLOSES_FIRST
)
def rst_ends_fin_wait_1(peer: Peer) -> Script:
    """A RST at RCV.NXT ends a connection in FIN-WAIT-1, which then sends its FIN no more.

    A browser that was closed resets so. A server that goes on sends a FIN again and again, up to some minutes, to
    whoever has the address by then.
    """
    here = yield from fin_wait_1(peer)
    yield from _ended(peer, here)


@probe(
    "rst-ends-fin-wait-2", "R20", CLAUSES, Level.MUST, rules="rst-exact-resets", server=Server.CLOSES_FIRST
)
def rst_ends_fin_wait_2(peer: Peer) -> Script:
    """A RST at RCV.NXT ends a connection in FIN-WAIT-2, which waits for our FIN.

    Without it only a timer that no RFC has ends that wait, and a server with many such clients runs out of memory.
    """
    here = yield from fin_wait_2(peer)
    yield from _ended(peer, here)


@probe("rst-ends-closing", "R20", CLAUSES, Level.MUST, rules="rst-exact-resets", server=Server.CLOSES_FIRST)
def rst_ends_closing(peer: Peer) -> Script:
    """A RST at RCV.NXT, which lies behind our FIN, ends a connection in CLOSING.

    In CLOSING, LAST-ACK and TIME-WAIT the text has it enter CLOSED as well; nobody is told any more, as both programs
    have gone.
    """
    here = yield from closing(peer)
    yield from _ended(peer, here)


@probe("rst-ends-last-ack", "R21", CLAUSES, Level.MUST, rules="rst-exact-resets", server=Server.CLOSES_ON_EOF)
def rst_ends_last_ack(peer: Peer) -> Script:
    """A RST at RCV.NXT ends a connection in LAST-ACK, which then sends its FIN no more.

    Clients that do not linger in TIME-WAIT answer the server's FIN in this way. A server that does not believe them
    is left with dead connections for minutes.
    """
    here = yield from last_ack(peer)
    yield from _ended(peer, here)


@probe(
    "rst-outside-window-ignored-when-closing", "R22", f"{CLAUSES}; RFC 5961 3.2", Level.PROCEDURE,
    rules="rst-outside-window-ignored", server=Server.CLOSES_FIRST,
)  # fmt: skip
def rst_outside_window_ignored_when_closing(peer: Peer) -> Script:
    """In FIN-WAIT-1, FIN-WAIT-2 and CLOSING a RST left or well right of the window is dropped in silence.

    The window is looked at before the state is. Linux keeps FIN-WAIT-2 of a program that has closed for good as it
    keeps TIME-WAIT, and answers there, which is told as a note.
    """
    found: Check | None = None
    for state, recipe in ((None, fin_wait_1), (State.FIN_WAIT_2, fin_wait_2), (None, closing)):
        other = peer.another()
        here = yield from recipe(other)
        yield other.collect(0)
        yield other.send(f"R ={here.rcv_nxt - OUTSIDE}:")
        yield other.send(f"R ={here.rcv_nxt + (here.rcv_wnd + BEYOND)}:")
        try:
            yield other.quiet(WATCH, but=_again(here)[:1])
        except Unexpected as unexpected:
            if state is None or not all(_challenges(one, here) for one in unexpected.mismatch.meanwhile):
                raise
            found = note("Linux: FIN-WAIT-2 after a full close answers a RST outside the window.")
        yield from lives(other, here)
        yield other.send(f"R ={here.rcv_nxt}:")
    return found


@probe(
    "syn-challenged-when-closing", "R23", "RFC 9293 3.10.7.4; RFC 5961 4.2", Level.MUST,
    rules="syn-synchronized-challenged", server=Server.CLOSES_FIRST,
)  # fmt: skip
def syn_challenged_when_closing(peer: Peer) -> Script:
    """In FIN-WAIT-1, FIN-WAIT-2 and CLOSING a SYN is challenged, and opens nothing.

    Only TIME-WAIT may take a new SYN. By RFC 793 one in the window resets, which is told as a note: Linux does so in
    FIN-WAIT-2 of a program that has closed for good. Whoever answers by a SYN,ACK mixes up two connections.
    """
    found: list[Check | None] = []
    for recipe in (fin_wait_1, fin_wait_2, closing):
        other = peer.another()
        here = yield from recipe(other)
        found.append((yield from challenged(other, here)))
        yield other.send(f"R ={here.rcv_nxt}:")
    return next((one for one in found if one is not None), None)


@probe(
    "syn-challenged-in-last-ack", "R23", "RFC 9293 3.10.7.4; RFC 5961 4.2", Level.MUST,
    rules="syn-synchronized-challenged", server=Server.CLOSES_ON_EOF,
)  # fmt: skip
def syn_challenged_in_last_ack(peer: Peer) -> Script:
    """In LAST-ACK a SYN is challenged, and opens nothing.

    A client that comes back from the same port while the server still waits for its last ACK gets through by the
    reset that it answers with.
    """
    here = yield from last_ack(peer)
    return (yield from challenged(peer, here))


@probe(
    "syn-challenged-in-close-wait", "R23", "RFC 9293 3.10.7.4; RFC 5961 4.2", Level.MUST,
    rules="syn-synchronized-challenged", server=Server.BULK,
)  # fmt: skip
def syn_challenged_in_close_wait(peer: Peer) -> Script:
    """In CLOSE-WAIT, with data that waits for our window, a SYN is challenged, and opens nothing.

    A server that hangs in CLOSE-WAIT, since its program never closes, is the usual leftover of a client's crash: the
    client's next SYN from that port must not be lost in it.
    """
    here = yield from close_wait(peer)
    return (yield from challenged(peer, here))
