"""Probes on acceptance that need a program behind the port: what straddles an edge of the window, ACKs of long ago."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Peer, Script, Unexpected
from rawshake.probes.echo import echoed
from rawshake.probes.grid.block import OUTSIDE, Block
from rawshake.probes.model import Server, broken, note, undecided
from rawshake.probes.park import PROGRAM, block, greeted
from rawshake.probes.prove import WATCH, Alive, alive, lives
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.state import State

#: The window that we offer to a server that sends much, and the octets that it is let send before it is closed.
_OURS: Final = 2000
_TAKEN: Final = 2 * _OURS + OUTSIDE


@probe(
    "ack-of-long-ago-answered", "S04", "RFC 9293 3.10.7.4 MAY-12; RFC 5961 5.2", Level.MAY,
    rules="old-ack-rejected", server=Server.BULK,
)  # fmt: skip
def ack_of_long_ago_answered(peer: Peer) -> Script:
    """Data whose ACK lies further below SND.UNA than the largest window we ever offered is answered, and dropped.

    No segment of this connection can be that old: so who guesses numbers has to guess two. A MAY, told as a note
    where it is not done. The data has another window than the segment before: Linux takes what looks like the next
    that it awaits before it looks at the ACK, now and then.
    """
    peer.window = _OURS
    yield from greeted(peer)
    while peer.their.nxt < _TAKEN:
        came = yield from peer.next(within=PROGRAM)
        if came is None or peer.their.view.fin is not None:
            undecided("it has not sent enough")
        if came.segment.payload_length:
            yield peer.send(".")
    peer.window = 0
    yield peer.collect(0.1)
    yield peer.send(".")
    yield peer.collect(0.1)
    here = block(peer, State.ESTABLISHED)
    if (yield from _taken(peer, here)):
        return note("MAY-12 is not followed: data was taken whose ACK is older than any window allows.")
    return None


def _taken(peer: Peer, here: Block) -> Generator[Action[Any], Any, bool]:
    """Send data with an ACK of long ago: whether it is taken. If not, expect an answer, and that it lives on."""
    nxt = peer.their.nxt
    yield from peer.send(f"P. ={here.rcv_nxt}: ack ={here.una - (_OURS + OUTSIDE)} win 1", data=b"abc")
    came = yield from peer.expect(f". {nxt}:{nxt}(0) ack 1", ". ack 4", within=WATCH)
    if not came.which:
        yield from lives(peer, here)
    return bool(came.which)


@probe(
    "straddling-fin-taken", "S07", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE,
    rules="straddling-segment-trimmed fin-acked", server=Server.ECHO,
)  # fmt: skip
def straddling_fin_taken(peer: Peer) -> Script:
    """Of a segment that begins with what came before, the new octets are taken, and so is a FIN that alone is new.

    So a sender sends again that gathers what is not acknowledged: who drops it whole never gets the end of it.
    """
    text = b"abcdefghij"
    yield from greeted(peer)
    yield peer.send("P.", data=text[:5])
    yield peer.expect(". ack 6", within=WATCH)
    yield peer.send("P. 3:", data=text[2:])
    yield peer.expect(". ack 11", within=WATCH)
    wrong = yield from echoed(peer, text)
    yield peer.send("FP. 6:", data=text[5:])
    yield peer.expect(".F? ack 12", within=WATCH)
    return wrong


#: Octets of one segment while the window is filled, segments at once, and how often; the room that is left in it.
_CHUNK, _BURST, _ROUNDS, _ROOM = 500, 8, 60, 200


@probe(
    "straddling-edge-cut", "S08", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE,
    rules="straddling-segment-trimmed", server=Server.NO_READ,
)  # fmt: skip
def straddling_edge_cut(peer: Peer) -> Script:
    """Of a segment that goes beyond the window no more is taken than fits, and its FIN does not count.

    A FIN that counts though octets before it were cut off ends the stream short, and nobody notices. To drop the
    segment whole is right, too; to take it whole, as Linux did until 2025 where it had the memory, is told as a note.
    """
    yield from greeted(peer)
    room = yield from _filled(peer)
    here = block(peer, State.ESTABLISHED)
    octets = room + _ROOM
    yield peer.send("FP.", data=b"z" * octets)
    yield peer.collect(WATCH)
    found = yield from alive(peer, here)
    if not isinstance(found, Alive):
        undecided("it did not tell how much of it was taken")
    taken = found.rcv_nxt - here.rcv_nxt
    if taken == room + 1:
        return broken(
            "A FIN beyond its window counts.",
            what="the FIN is cut off",
            field="RCV.NXT",
            expected=room,
            actual=taken,
        )
    if taken > room:
        return note(f"{taken - room} numbers were taken beyond the window that it had advertised.")
    return None


def _filled(peer: Peer) -> Generator[Action[Any], Any, int]:
    """Send until little room is left in its window; gives how much."""
    for _ in range(_ROUNDS):
        room = peer.their.window
        if 0 < room <= _ROOM + _CHUNK // 2:
            return room
        sent = 0
        for _ in range(_BURST):
            octets = min(_CHUNK, room - sent - _ROOM)
            if octets > 0:
                yield from peer.send("P.", data=b"z" * octets)
                sent += octets
        if not sent:
            break
        yield from _acknowledged(peer)
    undecided("its window does not close")


def _acknowledged(peer: Peer) -> Generator[Action[Any], Any, None]:
    """Wait until all that was sent is acknowledged; what may have got lost is sent again."""
    end = peer.our.nxt
    for _ in range(_BURST):
        try:
            yield from peer.expect(f". ack {end}", within=WATCH)
        except Unexpected:
            first = peer.our.una
            yield from peer.send(f"P. {first}:", data=b"z" * max(1, min(_CHUNK, end - first)))
        else:
            return
    undecided("it did not acknowledge what was to fill its window")
