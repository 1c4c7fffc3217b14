"""Probes on the FIN in LAST-ACK that nobody acknowledges: it comes again, ever more slowly, and ends at last."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from typing import Any, Final

from rawshake.play import Action, Peer, Script
from rawshake.probes.grid.block import Block
from rawshake.probes.model import Server, broken, note
from rawshake.probes.park import last_ack
from rawshake.probes.prove import FIRST_RTO, gone
from rawshake.probes.registry import probe
from rawshake.profile import SECOND
from rawshake.rules.model import Level
from rawshake.tcp.view import Step

#: Seconds: how long it is watched, and for how long at most until it gives up (BSD takes nine minutes).
WATCHED: Final = 9.0
GIVEN_UP: Final = 900.0


def _waits(peer: Peer, here: Block) -> list[float]:
    """The seconds between its FINs."""
    times = [
        entry.time
        for entry in peer.entries
        if isinstance(entry, Step) and entry.sender is not peer.end and entry.segment.fin_seq == here.fin
    ]
    return [(after - before) / SECOND for before, after in pairwise(times)]


def _again(peer: Peer, here: Block) -> Generator[Action[Any], Any, None]:
    yield from peer.expect(f"F. ack ={here.rcv_nxt}", within=FIRST_RTO)


@probe(
    "last-ack-fin-ever-slower", "T04", "RFC 9293 3.8.1; RFC 6298 5.5", Level.MUST,
    rules="passive-close-sequence", server=Server.CLOSES_ON_EOF,
)  # fmt: skip
def last_ack_fin_ever_slower(peer: Peer) -> Script:
    """In LAST-ACK a FIN that is not acknowledged is sent again, each time after a longer wait.

    Its last ACK may have been lost. Servers see many clients vanish at this point; a FIN for each of them at a steady
    pace would be a flood.
    """
    here = yield from last_ack(peer)
    yield from _again(peer, here)
    watched = sum(_waits(peer, here))
    yield peer.wait(max(0, WATCHED - watched))
    yield peer.collect(0)
    waits = _waits(peer, here)
    if len(waits) > 1 and waits[-1] < 1.3 * waits[0]:
        shown = ", ".join(f"{wait:.2f}" for wait in waits)
        return broken(f"The FIN came again after {shown} s: not ever more slowly.", field="time",
                      expected="each wait twice the one before", actual=f"{shown} s")  # fmt: skip
    return None


@probe(
    "last-ack-ends-it-late-too", "T04", "RFC 9293 3.10.7.4; RFC 9293 3.8.1", Level.PROCEDURE,
    rules="passive-close-sequence", server=Server.CLOSES_ON_EOF,
)  # fmt: skip
def last_ack_ends_it_late_too(peer: Peer) -> Script:
    """The ACK of its FIN in LAST-ACK ends the connection as well where the FIN had to be sent again.

    gVisor took itself for being in FIN-WAIT-1 when it sent its FIN again, and then waited for ours, which it had.
    """
    here = yield from last_ack(peer)
    yield from _again(peer, here)
    yield peer.send(".")
    yield from gone(peer, here)


@probe(
    "last-ack-fin-given-up", "T04", "RFC 9293 3.8.3 MUST-20; RFC 9293 3.10.8", Level.PROCEDURE,
    rules="passive-close-sequence", server=Server.CLOSES_ON_EOF, slow=True, patience=GIVEN_UP + 200,
)  # fmt: skip
def last_ack_fin_given_up(peer: Peer) -> Script:
    """In LAST-ACK a FIN that is never acknowledged is given up in the end, and the connection with it.

    After R2, "close the connection": else each client that vanishes costs memory for ever. Linux gives up after 100 s
    and eight tries, BSD after nine minutes. One that still tries after 15 minutes is told by a note, as no longest
    time is prescribed.
    """
    here = yield from last_ack(peer)
    yield from _again(peer, here)
    waits = _waits(peer, here)
    while sum(waits) < GIVEN_UP:
        came = yield from peer.next(within=max(2.5 * waits[-1], FIRST_RTO))
        if came is None:
            yield from gone(peer, here)
            return None
        waits = _waits(peer, here)
    return note(f"After {GIVEN_UP / 60:g} minutes it still sends its FIN.")
