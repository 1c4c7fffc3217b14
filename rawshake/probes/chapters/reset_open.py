"""Probes on resets and SYNs that reach an open connection: which end it, which are challenged, which are ignored."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Peer, Script, Unexpected
from rawshake.probes.grid.block import BEYOND, UNSENT, Block
from rawshake.probes.model import Check, note
from rawshake.probes.park import greeted
from rawshake.probes.prove import NO_CONNECTION, WATCH, alive, gone, holds, hushed, lives
from rawshake.probes.registry import probe
from rawshake.rules.model import Level, Verdict

#: How many SYNs in a row, and the seconds between them: RFC 5961 section 7 would answer 10 in 5 seconds.
_SYNS: Final = 20
_PAUSE: Final = 0.05


def challenged(peer: Peer, here: Block) -> Generator[Action[Any], Any, Check | None]:
    """Send a SYN inside the window: it is challenged, and the connection lives on.

    By RFC 793 it resets: that is a note, as the mitigation is no duty.
    """
    yield from peer.collect(0)
    yield from peer.send(f"S ={here.rcv_nxt + 100}:")
    try:
        yield from holds(peer, here)
    except Unexpected as unexpected:
        came = unexpected.mismatch.came
        if came is not None and came.text.startswith("R") and (yield from alive(peer, here)) is NO_CONNECTION:
            return note("RFC 793: a SYN in the window resets; RFC 5961 4.2 is not followed.")
        raise
    yield from lives(peer, here)
    return None


@probe(
    "rst-at-rcv-nxt-ends", "R09", "RFC 9293 3.10.7.4; RFC 9293 3.5.3", Level.MUST, rules="rst-exact-resets"
)
def rst_at_rcv_nxt_ends(peer: Peer) -> Script:
    """A RST at RCV.NXT ends the connection at once, and is not answered.

    What is not ended by it stays on for as long as a keep-alive takes, hours, or for ever. A RST that is answered by
    a RST may be answered in turn, without end; one stack once did so.
    """
    here = yield from greeted(peer)
    yield peer.send("R")
    yield from hushed(peer, here)
    yield from gone(peer, here)


@probe(
    "rst-in-window-challenged",
    "R10",
    "RFC 9293 3.10.7.4; RFC 5961 3.2",
    Level.MUST,
    rules="rst-in-window-challenged",
)
def rst_in_window_challenged(peer: Peer) -> Script:
    """A RST inside the window, but not at RCV.NXT, draws a challenge ACK and ends nothing.

    Else who guesses a number within the window, one of some 65,000, can cut the connections of others. A stack that
    resets follows RFC 793, as the mitigation is not obligatory: that is a note. gVisor did until 2026.
    """
    here = yield from greeted(peer)
    yield peer.send(f"R ={here.rcv_nxt + 100}:")
    try:
        yield peer.expect(f". ={here.nxt}: ack ={here.rcv_nxt}", within=WATCH)
    except Unexpected as unexpected:
        if unexpected.mismatch.silence and (yield from alive(peer, here)) is NO_CONNECTION:
            return note("RFC 793: a RST anywhere in the window resets; RFC 5961 3.2 is not followed.")
        raise
    yield from lives(peer, here)
    return None


@probe(
    "rst-outside-window-ignored-when-open", "R11", "RFC 9293 3.10.7.4; RFC 9293 3.5.3; RFC 5961 3.2",
    Level.PROCEDURE, rules="rst-outside-window-ignored",
)  # fmt: skip
def rst_outside_window_ignored_when_open(peer: Peer) -> Script:
    """A RST left of the window, or well right of it, is dropped in silence; the connection lives.

    The first comes from a connection of before, the second from someone who guesses. Linux and lwIP take the edge
    itself for inside, hence "well right".
    """
    here = yield from greeted(peer)
    yield peer.send(f"R ={here.rcv_nxt - 1}:")
    yield from hushed(peer, here)
    yield peer.send(f"R ={here.rcv_nxt + (here.rcv_wnd + BEYOND)}:")
    yield from hushed(peer, here)
    yield from lives(peer, here)


@probe(
    "rst-ack-field-not-heeded", "R12", "RFC 9293 3.10.7.4; RFC 9293 3.5.3", Level.MUST,
    rules="rst-exact-resets",
)  # fmt: skip
def rst_ack_field_not_heeded(peer: Peer) -> Script:
    """A RST at RCV.NXT ends the connection whatever its ACK field: right, nonsense, or nonsense without the ACK bit.

    "In all states except SYN-SENT, all reset segments are validated by checking their SEQ fields." Most stacks send
    RST,ACK when they abort. Firewalls that follow connections may drop those with nonsense.
    """
    here = yield from greeted(peer)
    yield peer.send("R.")
    yield from gone(peer, here)
    for text in ("R. ack {}", "R (ack {})"):
        other = peer.another()
        there = yield from greeted(other)
        yield other.send(text.format(f"={there.nxt + UNSENT}"))
        yield from gone(other, there)


@probe("rst-with-text-ends", "R13", "RFC 9293 3.5.3 SHLD-2", Level.SHOULD, rules="rst-exact-resets")
def rst_with_text_ends(peer: Peer) -> Script:
    """A RST at RCV.NXT that carries octets ends the connection like any other.

    The octets were meant for the reason, in words; some systems send one. A stack that drops such a RST keeps a
    connection that the other end has given up.
    """
    here = yield from greeted(peer)
    yield peer.send("R", data=b"bye")
    yield from hushed(peer, here)
    yield from gone(peer, here)


@probe(
    "syn-in-window-challenged", "R14", "RFC 9293 3.10.7.4; RFC 5961 4.2", Level.MUST,
    rules="syn-synchronized-challenged",
)  # fmt: skip
def syn_in_window_challenged(peer: Peer) -> Script:
    """A SYN inside the window draws a challenge ACK of what is awaited, and ends nothing.

    RFC 793 had it reset the connection, which makes a guessed SYN as good as a guessed RST. A stack that still does
    so is told by a note; FreeBSD can be set to it.
    """
    here = yield from greeted(peer)
    return (yield from challenged(peer, here))


@probe(
    "syn-outside-window-acked", "R15", "RFC 9293 3.10.7.4", Level.PROCEDURE,
    rules="syn-synchronized-challenged",
)  # fmt: skip
def syn_outside_window_acked(peer: Peer) -> Script:
    """A SYN left or right of the window draws an ACK of what is awaited; the connection lives.

    That holds by RFC 793 as well. The one on the left may be an old duplicate, and so may the very SYN that opened
    the connection, which is tried, too.
    """
    for number in (-30_000, 0, None):
        other = peer.another()
        here = yield from greeted(other)
        seq = here.rcv_nxt + (here.rcv_wnd + BEYOND) if number is None else other.isn + number
        yield other.send(f"S ={seq}:")
        yield other.expect(f". ={here.nxt}: ack ={here.rcv_nxt}", within=WATCH)
        yield from lives(other, here)
        yield other.send(f"R ={here.rcv_nxt}:")  # some targets hold one connection at a time


@probe(
    "rebooted-client-gets-through", "R16", "RFC 9293 3.5.1; RFC 9293 3.10.7.4", Level.PROCEDURE,
    rules="half-open-recovery",
)  # fmt: skip
def rebooted_client_gets_through(peer: Peer) -> Script:
    """A client that lost its memory and calls again from the same port is served at its second SYN (figure 9).

    Its SYN draws an ACK with the old numbers, its reset of that ends the old connection, and the next SYN opens a new
    one. Devices with fixed source ports depend on it: where one step fails they stay out until a keep-alive, or for
    ever.
    """
    here = yield from greeted(peer)
    isn = here.rcv_nxt + 777_000
    yield peer.send(f"S ={isn}: <mss 1460>")
    yield peer.expect(f". ={here.nxt}: ack ={here.rcv_nxt}", within=WATCH)
    yield peer.send(f"R ={here.rcv_nxt}:")
    yield peer.collect(0.1)
    peer.restart(isn.value)
    yield peer.send("S <mss 1460>")
    yield peer.expect("S. ack 1")


@probe("challenge-acks-rationed", "R17", "RFC 5961 7", Level.SHOULD, rules="challenge-ack-throttled")
def challenge_acks_rationed(peer: Peer) -> Script:
    """Of 20 SYNs in a second on one connection not all are challenged; and the first is.

    Without a limit each forged segment costs the target one of its own, sent to whoever was named. Linux sends one in
    500 ms for a connection, the RFC's example is 10 in 5 s; no number is prescribed, so that a stack which answered
    all is told by a note.
    """
    here = yield from greeted(peer)
    challenge = f". ={here.nxt}: ack ={here.rcv_nxt}"
    yield peer.send("S 0:")
    yield peer.expect(challenge, within=WATCH)
    for _ in range(_SYNS - 1):
        yield peer.send("S 0:")
        yield peer.wait(_PAUSE)
    came = yield from peer.collect(WATCH)
    answers = 1 + sum(one.segment.has_ack and not one.segment.rst for one in came)
    yield from lives(peer, here)
    if answers < _SYNS:
        return Check("challenge ACKs are limited", Verdict.PASS, actual=f"{answers} of {_SYNS}")
    return note(f"Challenge ACKs are not limited: {answers} of {_SYNS} in {_SYNS * _PAUSE:g} s.")


@probe(
    "resets-end-the-talk", "R18", "RFC 9293 3.10.7.1; RFC 5961 3.2", Level.PROCEDURE,
    rules="rst-never-answered rst-in-window-challenged",
)  # fmt: skip
def resets_end_the_talk(peer: Peer) -> Script:
    """Whatever the target has sent, a RST in answer to it is the end: to its reset, and to its challenge.

    FreeRTOS+TCP once built its challenge from the numbers of the RST, so that two such ends played ping-pong.
    """
    yield peer.send(". 0: ack =100")
    yield peer.expect("R.? =100:")
    yield peer.send("R =0:")
    yield peer.send("R. =0: ack =101")
    yield peer.quiet(WATCH)
    other = peer.another()
    here = yield from greeted(other)
    yield other.send(f"R ={here.rcv_nxt + 100}:")
    came = yield from other.next(within=WATCH)
    if came is not None:
        yield other.send(f"R ={came.segment.ack}:")
        yield from hushed(other, here)
    yield from gone(other, here)
