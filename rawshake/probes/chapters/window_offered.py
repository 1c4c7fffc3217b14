"""Probes on the window that a target offers: closed when its program does not read, and what is taken all the same."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Peer, Script, handshake
from rawshake.probes.model import Server, broken, note, undecided, warn
from rawshake.probes.park import block
from rawshake.probes.prove import WATCH, gone
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.state import State
from rawshake.tcp.view import Step
from rawshake.tcp.words import distance

#: Octets of a segment, how many are sent before their ACKs are awaited, and how many octets in all.
MSS: Final = 1000
BURST: Final = 16
MOST: Final = 2_000_000
#: Pieces of a stream, where each begins and how long it is: small and large, and one above a gap.
PIECES: Final = ((1, 1), (2, 300), (302, 3), (605, 300), (305, 300), (905, 600), (1505, 20))


@probe(
    "closed-window-still-answers", "W08", "RFC 9293 3.8.6.1; RFC 9293 3.10.7.4", Level.PROCEDURE, server=Server.NO_READ,
    rules="zero-window-answered",
)  # fmt: skip
def closed_window_still_answers(peer: Peer) -> Script:
    """A server that does not read lets its window become 0, and answers a probe of it by what it awaits and window 0.

    Whoever keeps silent instead is taken for dead. The octet of the probe is not to be taken, since there is no room;
    that a stack takes it all the same is a note.
    """
    end = yield from _filled(peer)
    yield peer.send(f"P. {end}: ack 1", data=b"?")
    came = yield from peer.expect(f". ack {end} win 0", f". ack {end}", f". ack {end + 1}", within=WATCH)
    if came.segment.window:
        undecided("its window opened meanwhile")
    if came.which:
        return note("It took an octet at a window of 0.")
    return None


@probe(
    "reset-taken-at-closed-window", "W09", "RFC 9293 3.4 MUST-66; RFC 9293 3.10.7.4", Level.MUST,
    server=Server.NO_READ, rules="rst-honoured-at-zero-window zero-window-answered",
)  # fmt: skip
def reset_taken_at_closed_window(peer: Peer) -> Script:
    """While its own window is 0, urgent data is answered, and a RST with the number that it awaits ends the connection.

    "A TCP receiver MUST process the RST and URG fields of all incoming segments, even when the receive window is zero."
    What its program is told of URG cannot be seen from outside.
    """
    end = yield from _filled(peer)
    yield peer.send(f"PU. {end}: ack 1 urg 1", data=b"!")
    yield peer.expect(f". ack {end}", f". ack {end + 1}", within=WATCH)
    here = block(peer, State.ESTABLISHED)
    yield peer.send(f"R ={here.rcv_nxt}:")
    yield from gone(peer, here)


@probe(
    "ack-taken-at-closed-window", "W09", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE, server=Server.ECHO,
    rules="window-update-rule",
)  # fmt: skip
def ack_taken_at_closed_window(peer: Peer) -> Script:
    """While both windows are 0, an ACK that opens ours lets data come.

    "If the RCV.WND is zero, no segments will be acceptable, but special allowance should be made to accept valid ACKs,
    URGs, and RSTs." Without it, two ends that wait for each other to read do so for ever.
    """
    yield from _filled(peer, window=0)
    yield from peer.collect(0.1)
    peer.window = 65535
    yield peer.send(". ack 1")
    while (came := (yield from peer.next(within=WATCH))) is not None:
        if came.segment.payload_length > 1:
            return None
    return broken("An ACK that opens our window was not heeded while its own was 0.", field="answer",
                  expected="data", actual="nothing")  # fmt: skip


@probe(
    "offered-window-never-taken-back", "W10", "RFC 9293 3.8.6 SHLD-14", Level.SHOULD_NOT, rules="window-not-shrunk"
)  # fmt: skip
def offered_window_never_taken_back(peer: Peer) -> Script:
    """While data comes, small and large, and above a gap, the right edge of its window never moves to the left.

    What is on the way to it when a window shrinks has no room any more, and is sent in vain.
    """
    yield from handshake(peer)
    for start, octets in PIECES:
        if peer.their.acked + peer.their.window < start + octets:
            break
        yield peer.send(f"P. {start}:", data=bytes(octets))
        yield peer.next(within=WATCH)
    acked, edge, moves = 1, 1, 0
    for one in peer.entries:
        if not isinstance(one, Step) or one.sender is peer.end or one.segment.rst:
            continue
        ack = distance(one.segment.ack, peer.isn)
        # What acknowledges less than one before it was overtaken by that on its way.
        if ack >= acked and ack + one.segment.window < edge:
            return warn("The right edge of its window moved back.", field="window", expected=f"at least {edge - ack}",
                        actual=peer.text(one.segment))  # fmt: skip
        moves += ack > acked
        acked, edge = max(ack, acked), max(edge, ack + one.segment.window)
    if moves < 3:
        undecided("it has not taken what was sent")
    return None


def _filled(peer: Peer, *, window: int | None = None) -> Generator[Action[Any], Any, int]:
    """Open, and send until its window is 0; gives what it awaits then. ``window`` is ours after the SYN."""
    yield from peer.send("S <mss 1000>")
    synack = yield from peer.expect("S. 0: ack 1")
    peer.window = peer.window if window is None else window
    yield from peer.send(". ack 1")
    size, idle = min(synack.segment.mss or 536, MSS), 0
    while idle < 4 and peer.our.una < MOST:
        una = peer.our.una
        edge = peer.their.acked + peer.their.window
        if peer.their.window == 0 and una == edge:
            return una
        for first in range(una, min(edge, una + BURST * size), size):
            yield from peer.send(f". {first}: ack 1", data=bytes(min(size, edge - first)))
        while peer.our.una < min(edge, una + BURST * size):
            if (yield from peer.next(within=WATCH)) is None:
                break
        idle = idle + 1 if peer.our.una == una else 0
    undecided(f"its window stayed open, with {peer.our.una - 1} octets sent")
