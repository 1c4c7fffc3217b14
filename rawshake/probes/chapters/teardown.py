"""Probes on closing a connection where we close first: CLOSE-WAIT and LAST-ACK."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Arrival, Peer, Script, Unexpected, handshake
from rawshake.probes.grid.block import UNSENT, Block
from rawshake.probes.model import Check, Server, broken, note, undecided
from rawshake.probes.park import PROGRAM, block, close_wait, closing, greeted, last_ack
from rawshake.probes.prove import FIRST_RTO, NO_CONNECTION, WATCH, alive, gone, lives, quiet
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

#: A window so small that a server of bulk cannot have sent all when our FIN comes; and enough of it, if it never ends.
SMALL: Final = 8192
MUCH: Final = 300_000


@probe(
    "fin-acked-at-once",
    "T01",
    "RFC 9293 3.10.7.4; RFC 9293 3.8.6.3 MUST-40",
    Level.PROCEDURE,
    rules="fin-acked",
)
def fin_acked_at_once(peer: Peer) -> Script:
    """A FIN in ESTABLISHED is acknowledged by its number + 1, within half a second.

    Whoever waits for that in FIN-WAIT-1 sends its FIN again and again otherwise. Linux may take 40 ms, when it hopes
    that the program closes and its own FIN carries the acknowledgment.
    """
    yield from handshake(peer)
    yield peer.send("F.")
    yield peer.expect(".F? ack 2", within=0.6)


@probe(
    "closes-after-eof", "T02", "RFC 9293 3.6; RFC 9293 3.10.7.4", Level.PROCEDURE,
    rules="passive-close-sequence", server=Server.CLOSES_ON_EOF,
)  # fmt: skip
def closes_after_eof(peer: Peer) -> Script:
    """A server that closes on end of file sends one FIN, at SND.NXT, that acknowledges ours.

    A FIN with another number would never be taken by a careful client, and the connection would hang in LAST-ACK.
    """
    yield from handshake(peer)
    yield peer.send("F.")
    yield peer.expect("F. 1:1(0) ack 2", within=5)


@probe(
    "last-ack-ends-it", "T03", "RFC 9293 3.6; RFC 9293 3.10.7.4", Level.PROCEDURE,
    rules="passive-close-sequence closed-ack-rst", server=Server.CLOSES_ON_EOF,
)  # fmt: skip
def last_ack_ends_it(peer: Peer) -> Script:
    """The ACK of its FIN in LAST-ACK ends the connection: what comes then is reset, with SEQ = SEG.ACK.

    The passive closer does not linger: its numbers and memory are free at once.
    """
    here = yield from last_ack(peer)
    yield peer.send(".")
    yield from gone(peer, here)


@probe(
    "last-ack-wants-its-fin-acked", "T05", "RFC 9293 3.10.7.4", Level.PROCEDURE,
    rules="passive-close-sequence", server=Server.CLOSES_ON_EOF,
)  # fmt: skip
def last_ack_wants_its_fin_acked(peer: Peer) -> Script:
    """In LAST-ACK an ACK below the FIN, or above all that was sent, ends nothing; the right one then does.

    A server that leaves at any ACK forgets a connection whose client still waits for the FIN, if that was lost. Linux
    once hung in LAST-ACK for another reason: it must still leave.
    """
    here = yield from last_ack(peer)
    yield peer.send(f". ack ={here.una}")
    yield from lives(peer, here)
    yield peer.send(f". ack ={here.nxt + UNSENT}")
    yield from lives(peer, here)
    yield peer.send(".")
    yield from gone(peer, here)


def _acked(peer: Peer, here: Block, *texts: str) -> Generator[Action[Any], Any, Arrival]:
    """Expect one of these in answer to text; a program may also abort the connection for what it reads (3.10.5)."""
    try:
        return (yield from peer.expect(*texts, within=WATCH))
    except Unexpected as unexpected:
        came = [one.segment for one in unexpected.mismatch.meanwhile if isinstance(one, Arrival)]
        if any(one.rst and one.seq == here.nxt for one in came):
            undecided("its program reset the connection")
        raise


@probe("fin-with-data-acked", "T06", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE, rules="fin-acked")
def fin_with_data_acked(peer: Peer) -> Script:
    """A FIN that rides on five octets is acknowledged with them: by 6 more than its SEG.SEQ.

    Most requests that end a connection come this way. A stack that forgets the octets, or the FIN, has its client
    send it all again.
    """
    here = yield from greeted(peer)
    yield peer.send("FP.", data=b"hello")
    yield from _acked(peer, here, f".F? ack ={here.rcv_nxt + 6}")


@probe(
    "early-fin-awaits-the-data", "T07", "RFC 9293 3.10.7.4; RFC 9293 3.10.7.4 SHLD-31", Level.PROCEDURE,
    rules="early-fin-waits out-of-order-dup-ack",
)  # fmt: skip
def early_fin_awaits_the_data(peer: Peer) -> Script:
    """A FIN above a gap takes effect when the gap is filled, and not before.

    One lost segment before a FIN is what happens on every bad line. If the FIN counts at once, the program takes half
    a file for the whole. A stack that throws it away has it sent again, which is a note.
    """
    here = yield from greeted(peer)
    fin = here.rcv_nxt + 5
    yield peer.send(f"F. ={fin}:")
    yield peer.quiet(WATCH, but=[f". ={here.nxt}: ack ={here.rcv_nxt}"])
    yield peer.send(f"P. ={here.rcv_nxt}:", data=b"hello")
    came = yield from _acked(peer, here, f".F? ack ={fin + 1}", f". ack ={fin}")
    if not came.which:
        return None
    yield peer.send(f"F. ={fin}:")
    yield from _acked(peer, here, f".F? ack ={fin + 1}")
    return note("SHLD-31: a FIN above a gap is thrown away.")


@probe(
    "half-close-leaves-the-other-way-open", "T08", "RFC 9293 3.6.1 MAY-1; RFC 9293 3.6", Level.PROCEDURE,
    rules="half-close-supported passive-close-sequence fin-is-final", server=Server.BULK,
)  # fmt: skip
def half_close_leaves_the_other_way_open(peer: Peer) -> Script:
    """After our FIN a server with more to say sends all of it, acknowledging the FIN, and its own FIN comes last.

    A client that has asked may close its side at once, as rsh and many scripts do. A server need not go on (MAY-1):
    where it resets instead, that is a note.
    """
    peer.window = SMALL
    yield from handshake(peer)
    fin = peer.our.nxt
    yield peer.send("F.")
    after = 0
    last: Seq | None = None
    while after < MUCH:
        came = yield from peer.next(within=PROGRAM)
        if came is None:
            undecided("it stopped sending before its FIN")
        segment = came.segment
        if segment.rst:
            return note("MAY-1: no half-close: it resets when the client closes its side.")
        if segment.ack == peer.isn + fin + 1:
            after += segment.payload_length
        last = peer.their.view.fin
        if last is not None and segment.end > last + 1:
            return _more(came)
        if peer.inbox:
            continue
        yield peer.send(".")
        if last is not None and peer.our.view.rcv_nxt == last + 1:
            break
    if not after:
        undecided("it had said all before our FIN came")
    if last is not None:
        more = yield from quiet(peer)
        if more:
            return _more(more[0])
        yield from gone(peer, block(peer, State.LAST_ACK))
    return None


def _more(came: Arrival) -> Check:
    return broken("It sent more after its FIN.", field="seq", expected="the FIN last", actual=came.text)


def _fin_again(peer: Peer, here: Block) -> Generator[Action[Any], Any, None]:
    """Send our FIN once more: it is answered, and changes nothing."""
    yield from peer.collect(0)
    yield from peer.send(f"F. ={here.rcv_nxt - 1}: ack ={here.una}")
    answer = f". ={here.nxt}: ack ={here.rcv_nxt}"
    fin = [] if here.fin is None else [f"F. ack ={here.rcv_nxt}"]
    yield from peer.expect(answer, *fin, within=WATCH)
    yield from lives(peer, here)


@probe(
    "fin-again-in-last-ack", "T15", "RFC 9293 3.10.7.4", Level.PROCEDURE, rules="fin-acked",
    server=Server.CLOSES_ON_EOF,
)  # fmt: skip
def fin_again_in_last_ack(peer: Peer) -> Script:
    """Our FIN once more in LAST-ACK is answered as before, and changes nothing; the ACK of its FIN still ends it.

    It comes when the first answer was lost. A stack that took it for another would acknowledge what was never sent.
    """
    here = yield from last_ack(peer)
    yield from _fin_again(peer, here)
    yield peer.send(".")
    yield from gone(peer, here)


@probe(
    "fin-again-in-closing", "T15", "RFC 9293 3.10.7.4", Level.PROCEDURE, rules="fin-acked simultaneous-close",
    server=Server.CLOSES_FIRST,
)  # fmt: skip
def fin_again_in_closing(peer: Peer) -> Script:
    """Our FIN once more in CLOSING is answered as before, and changes nothing.

    "Remain in the CLOSING state." Both ends may send their FINs several times before they hear of each other's.
    """
    here = yield from closing(peer)
    yield from _fin_again(peer, here)


@probe(
    "fin-again-in-close-wait", "T15", "RFC 9293 3.10.7.4", Level.PROCEDURE, rules="fin-acked",
    server=Server.BULK,
)  # fmt: skip
def fin_again_in_close_wait(peer: Peer) -> Script:
    """Our FIN once more in CLOSE-WAIT is answered as before, and changes nothing.

    "Remain in the CLOSE-WAIT state." The server has data that waits for our window meanwhile.
    """
    here = yield from close_wait(peer)
    yield from _fin_again(peer, here)


@probe(
    "data-beyond-our-fin-dropped", "T16", "RFC 9293 3.10.7.4", Level.PROCEDURE,
    rules="data-beyond-fin-ignored", server=Server.CLOSES_ON_EOF,
)  # fmt: skip
def data_beyond_our_fin_dropped(peer: Peer) -> Script:
    """Octets above our FIN are not acknowledged, and change nothing: the stream has ended.

    "This should not occur [...] Ignore the segment text." What is forged behind a FIN must not reach a program, nor
    move RCV.NXT. Linux stays silent; an ACK of what it holds is as good. BSD and gVisor reset, since their program has
    called CLOSE (SHLD-3): a note.
    """
    here = yield from last_ack(peer)
    yield peer.send(f"P. ={here.rcv_nxt}: ack ={here.una}", data=b"beyond")
    here_again = [f"F. ack ={here.rcv_nxt}", f". ={here.nxt}: ack ={here.rcv_nxt}"]
    resets = [f"R.? ={here.una}:", f"R.? ={here.nxt}:"]
    yield peer.quiet(WATCH, but=here_again + resets)
    if (yield from alive(peer, here)) is NO_CONNECTION:
        return note("3.6.1, SHLD-3: data behind our FIN is reset, since its program has closed.")
    yield from lives(peer, here)
    return None


@probe(
    "all-read-closes-by-fin", "T20", "RFC 9293 3.10.4; RFC 9293 3.6.1 SHLD-3", Level.PROCEDURE,
    rules="passive-close-sequence close-with-unread-data-rst", server=Server.CLOSES_ON_EOF,
)  # fmt: skip
def all_read_closes_by_fin(peer: Peer) -> Script:
    """A server that has read all we sent closes by FIN, not by RST.

    A RST says that something was lost, and may throw away what our end had not read yet. A server that really leaves
    data unread is right to reset (SHLD-3), so this needs one that reads.
    """
    here = yield from greeted(peer)
    yield peer.send("P.", data=b"hello")
    yield peer.expect(f". ack ={here.rcv_nxt + 5}", within=WATCH)
    yield peer.send("F.")
    yield peer.expect(f"F. ack ={here.rcv_nxt + 6}", within=PROGRAM)


@probe(
    "fin-into-closed-window-answered", "T22", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE,
    server=Server.NO_READ,
)  # fmt: skip
def fin_into_closed_window_answered(peer: Peer) -> Script:
    """A FIN that comes while the receive window is 0 draws an ACK: of what is held, or of the FIN as well.

    By table 6 it is not acceptable, and is sent again until the window opens. Linux takes it at once, as it needs no
    room: a note. Silence leaves the client to guess.
    """
    here = yield from greeted(peer)
    yield from _filled(peer)
    fin = peer.isn + peer.our.nxt
    yield peer.collect(WATCH)
    yield peer.send("F.")
    came = yield from peer.expect(
        f". ={here.nxt}: ack ={fin}", f".F? ={here.nxt}: ack ={fin + 1}", within=WATCH
    )
    return note("Linux: a FIN is taken although the window is 0.") if came.which else None


def _filled(peer: Peer) -> Generator[Action[Any], Any, None]:
    """Send all that its window lets, until that is 0."""
    for _ in range(100):
        room = peer.their.window
        if room == 0:
            return
        while room > 0:
            octets = min(room, 1000)
            yield from peer.send("P.", data=bytes(octets))
            room -= octets
        while peer.their.acked != peer.our.nxt:
            if (yield from peer.next(within=FIRST_RTO)) is None:
                undecided("it did not acknowledge what filled its window")
    undecided("its window did not close")
