"""Probes on closing a connection where the target closes first: FIN-WAIT-1, FIN-WAIT-2 and CLOSING."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from typing import Any, Final

from rawshake.play import Action, Peer, Script
from rawshake.probes.model import Check, Server, broken, note, undecided, warn
from rawshake.probes.park import PROGRAM, block, closing, established, fin_wait_1, fin_wait_2
from rawshake.probes.prove import FIRST_PROBE, FIRST_RTO, NO_CONNECTION, UNHURRIED, WATCH, alive, lives
from rawshake.probes.registry import probe
from rawshake.profile import SECOND
from rawshake.rules.model import Level
from rawshake.tcp.state import State

#: Seconds for a second timeout, whose first was FIRST_RTO; and how long no FIN-WAIT-2 lasts that has a timer.
SECOND_RTO: Final = 7.0
FIN_WAIT_2: Final = 150.0
#: So often a FIN may come although what is before it has not.
_FINS: Final = 3
_LATE: Final = b"anyone there?"


def _heard_out(peer: Peer) -> Generator[Action[Any], Any, Check | None]:
    """Acknowledge all that comes in order, up to its FIN; broken where that does not come in its place."""
    fins = 0
    while True:
        fin, here = peer.their.view.fin, peer.our.view.rcv_nxt
        if fin is not None and here == fin + 1 and not peer.inbox:
            yield from peer.send(".")
            return None
        came = yield from peer.next(within=PROGRAM)
        fins += came is not None and came.segment.fin
        if came is None or fins > _FINS:
            actual = "nothing more" if came is None else came.text
            sentence = "It sent no FIN that follows its last octet."
            return broken(sentence, field="seq", expected="data, then FIN", actual=actual)
        if came.segment.rst:
            return broken("It reset where it should close.", field="flags", expected="F", actual=came.text)
        if came.segment.length and not peer.inbox:
            yield from peer.send(".")


@probe(
    "closes-first-by-one-fin", "T09", "RFC 9293 3.10.4; RFC 9293 3.6", Level.PROCEDURE,
    rules="active-close-sequence fin-is-final", server=Server.CLOSES_FIRST,
)  # fmt: skip
def closes_first_by_one_fin(peer: Peer) -> Script:
    """A server that closes first sends its FIN right behind its last octet; once that is acknowledged, no other.

    "Queue this until all preceding SENDs have been segmentized, then form a FIN segment and send it." A FIN ahead of
    the data cuts the answer off; one that comes again after its ACK was not taken for acknowledged.
    """
    yield from established(peer)
    fault = yield from _heard_out(peer)
    if fault:
        return fault
    here = block(peer, State.FIN_WAIT_2)
    yield peer.quiet(WATCH)
    yield from lives(peer, here)
    return None


@probe(
    "fin-acked-in-fin-wait-2", "T10", "RFC 9293 3.10.7.4; RFC 9293 3.6", Level.PROCEDURE,
    rules="active-close-sequence fin-acked", server=Server.CLOSES_FIRST,
)  # fmt: skip
def fin_acked_in_fin_wait_2(peer: Peer) -> Script:
    """Our FIN in FIN-WAIT-2 is acknowledged at once, and the connection lingers in TIME-WAIT.

    The ordinary end of a connection that a server closes. Where that ACK does not come the client stays in LAST-ACK
    and sends its FIN for a minute or more.
    """
    here = yield from fin_wait_2(peer)
    yield peer.send("F.")
    yield peer.expect(f". ={here.nxt}: ack ={here.rcv_nxt + 1}", within=WATCH)
    yield from lives(peer, here, taken=1)


@probe(
    "fin-and-ack-in-fin-wait-1", "T11", "RFC 9293 3.10.7.4; RFC 9293 3.6", Level.PROCEDURE,
    rules="active-close-sequence fin-acked", server=Server.CLOSES_FIRST,
)  # fmt: skip
def fin_and_ack_in_fin_wait_1(peer: Peer) -> Script:
    """In FIN-WAIT-1 one segment that acknowledges its FIN and is a FIN itself takes it to TIME-WAIT at once.

    It is how most connections end, in three segments. The FIN must be acknowledged, and its own not sent again.
    """
    here = yield from fin_wait_1(peer)
    yield peer.send(f"F. ack ={here.nxt}")
    yield peer.expect(f". ={here.nxt}: ack ={here.rcv_nxt + 1}", within=WATCH)
    yield peer.quiet(WATCH)
    yield from lives(peer, here, taken=1)


@probe(
    "both-close-at-once", "T12", "RFC 9293 3.6; RFC 9293 3.10.7.4", Level.PROCEDURE, rules="simultaneous-close",
    server=Server.CLOSES_FIRST,
)  # fmt: skip
def both_close_at_once(peer: Peer) -> Script:
    """FINs that cross: ours is acknowledged although it does not acknowledge theirs, and then comes TIME-WAIT.

    Figure 13. In CLOSING the FIN may be sent again, with the ACK of ours; after our ACK nothing more may come. Some
    small stacks have no CLOSING, and send FINs until they give up.
    """
    here = yield from fin_wait_1(peer)
    yield peer.send(f"F. ack ={here.una}")
    ack = here.rcv_nxt + 1
    yield peer.expect(f". ={here.nxt}: ack ={ack}", f"F. ack ={ack}", within=WATCH)
    yield peer.collect(0)
    yield peer.send(f". ack ={here.nxt}")
    yield peer.quiet(WATCH)
    yield from lives(peer, here, taken=1)


@probe(
    "fin-with-old-ack-taken", "T13", "RFC 9293 3.10.7.4", Level.PROCEDURE, rules="fin-acked active-close-sequence",
    server=Server.CLOSES_FIRST,
)  # fmt: skip
def fin_with_old_ack_taken(peer: Peer) -> Script:
    """A FIN in FIN-WAIT-2 whose ACK does not cover the target's FIN, since it was overtaken on its way, is taken.

    "If the ACK is a duplicate [...], it can be ignored": the ACK, not the FIN. Where it is dropped the client has to
    send it again, after a timeout.
    """
    here = yield from fin_wait_2(peer)
    yield peer.send(f"F. ack ={here.nxt - 1}")
    yield peer.expect(f". ={here.nxt}: ack ={here.rcv_nxt + 1}", within=WATCH)


@probe(
    "own-fin-again-until-acked", "T14", "RFC 9293 3.8.1; RFC 9293 3.10.8", Level.PROCEDURE,
    rules="fin-is-final", server=Server.CLOSES_FIRST,
)  # fmt: skip
def own_fin_again_until_acked(peer: Peer) -> Script:
    """In FIN-WAIT-1 and in CLOSING the FIN is sent again while it is not acknowledged, and no more once it is.

    A FIN is like an octet: it may get lost. A server that sends it once leaves its client waiting for ever, with a
    connection that looks alive.
    """
    other = peer.another()
    first = yield from fin_wait_1(peer)
    second = yield from closing(other)
    # It may bring along the data that it rode on.
    came = (
        (yield from peer.expect(f"F. ack ={first.rcv_nxt}", within=FIRST_RTO)),
        (yield from other.expect(f"F. ack ={second.rcv_nxt}", within=SECOND_RTO)),
    )
    for again, here in zip(came, (first, second), strict=True):
        if again.segment.fin_seq != here.fin:
            return broken("Its FIN came again with another number.", field="seq", expected=here.fin,
                          actual=again.segment.fin_seq)  # fmt: skip
    yield peer.send(f". ack ={first.nxt}")
    yield other.send(f". ack ={second.nxt}")
    yield peer.collect(0)
    yield other.collect(0)
    yield peer.quiet(2 * WATCH)
    yield other.quiet(0)
    yield from lives(peer, first)
    yield from lives(other, second)
    return None


@probe(
    "data-after-full-close-reset", "T17", "RFC 9293 3.6.1 SHLD-3; RFC 2525 2.16", Level.SHOULD,
    rules="half-duplex-close-rst", server=Server.CLOSES_FIRST,
)  # fmt: skip
def data_after_full_close_reset(peer: Peer) -> Script:
    """Octets for a server whose program has closed for good draw a RST, with SEQ = SEG.ACK.

    Nobody will read them, and the client had better know. Where they are acknowledged, the server's program may have
    closed one way only, which cannot be seen from here.
    """
    here = yield from fin_wait_2(peer)
    yield peer.send(f"P. ack ={here.nxt}", data=_LATE)
    taken = f". ={here.nxt}: ack ={here.rcv_nxt + len(_LATE)}"
    came = yield from peer.expect(f"R.? ={here.nxt}:", taken, within=WATCH)
    if came.which:
        return Check(
            "who reads it", actual="acknowledged: its program closed one way only, or SHLD-3 is not kept"
        )
    yield peer.send(f"P. ={here.rcv_nxt}: ack ={here.nxt - 3}", data=_LATE)
    yield peer.expect(f"R.? ={here.nxt - 3}:", within=WATCH)
    return None


@probe(
    "fin-wait-2-timed", "T21", "RFC 9293 3.10.7.4; RFC 9293 3.6", Level.PROCEDURE, rules="active-close-sequence",
    server=Server.CLOSES_FIRST, slow=True, patience=FIN_WAIT_2 + 30,
)  # fmt: skip
def fin_wait_2_timed(peer: Peer) -> Script:
    """FIN-WAIT-2 stays for a while, and whether it ends although no FIN comes is told.

    RFC 9293 has no timer there. Linux ends it after 60 s where the program has closed for good, lwIP after 20 s, BSD
    after some minutes of silence: each against clients that never close. That is a note; going at once is a fault.
    """
    here = yield from fin_wait_2(peer)
    yield peer.wait(2)
    yield from lives(peer, here)
    yield peer.wait(FIN_WAIT_2)
    found = yield from alive(peer, here)
    if found is None:
        undecided("it does not answer any more")
    if found is NO_CONNECTION:
        return note(f"FIN-WAIT-2 ends by itself within {FIN_WAIT_2:g} s; RFC 9293 has no such timer.")
    return None


@probe(
    "fin-waits-for-the-window", "T23", "RFC 9293 3.8.6.1 MUST-36; RFC 9293 3.10.4", Level.MUST,
    rules="active-close-sequence", server=Server.CLOSES_FIRST,
)  # fmt: skip
def fin_waits_for_the_window(peer: Peer) -> Script:
    """A server whose last words and FIN meet a window of 0 asks about it, ever more slowly, until both can be sent.

    Its program has gone by then: nobody but TCP can do it. Stacks that let go of a connection when it is closed leave
    their client without the end of the answer.
    """
    peer.window = 0
    yield from established(peer)
    asked = [(yield from peer.expect(".", within=FIRST_PROBE)).time]
    for _ in range(2):
        came = yield from peer.next(within=SECOND_RTO)
        if came is not None:
            asked.append(came.time)
    waits = [(after - before) / SECOND for before, after in pairwise(asked)]
    peer.window = 65535
    yield peer.send(".")
    fault = yield from _heard_out(peer)
    if fault:
        return fault
    yield from lives(peer, block(peer, State.FIN_WAIT_2))
    if len(waits) == 2 and waits[1] < 1.3 * waits[0] < 1.3 * UNHURRIED:
        shown = " and ".join(f"{wait:.2f} s" for wait in waits)
        sentence = f"It asked about the window after {shown}: not ever more slowly."
        return warn(sentence, field="time", expected="longer waits (SHLD-30)", actual=shown)
    return None
