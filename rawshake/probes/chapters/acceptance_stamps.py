"""Probes on which segments are taken by their timestamps: RFC 7323 section 5, PAWS."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Peer, Script
from rawshake.probes.grid.block import BEYOND, UNSENT, Block
from rawshake.probes.model import note, skipped, undecided
from rawshake.probes.park import GREETING, PATIENCE, block
from rawshake.probes.prove import WATCH, answers, heard
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.state import State
from rawshake.tcp.view import Step

#: TSval of our SYN, and what later ones add: more than a clock does meanwhile, and far more than that.
_FIRST: Final = 100_000_000
_STEP: Final = 10_000
_FAR: Final = 10_000_000


@probe(
    "older-timestamp-dropped", "S13", "RFC 7323 5.3; RFC 7323 5.2", Level.MUST,
    rules="paws-stale-acked-and-dropped",
)  # fmt: skip
def older_timestamp_dropped(peer: Peer) -> Script:
    """Data at RCV.NXT with a TSval older than the last is answered by an ACK and dropped; with a newer one it is taken.

    On fast lines the numbers come round within seconds, and what was delayed that long would be taken for new. A
    stack that uses timestamps without this protection is told as a note.
    """
    here = yield from _stamped(peer)
    yield peer.send(f"P. {_options(peer, _STEP)}", data=b"abc")
    yield from answers(peer, here, 3)
    yield peer.send(f"P. 4: {_options(peer, -_FAR // 2)}", data=b"def")
    came = yield from heard(peer, ". ack 4", ". ack 7")
    if came.which:
        return note("PAWS is not used: data was taken whose timestamp is older than the last.")
    yield peer.send(f"P. 4: {_options(peer, 2 * _STEP)}", data=b"def")
    yield from heard(peer, ". ack 7")
    return None


@probe(
    "timestamp-beyond-window-not-kept", "S14", "RFC 7323 5.3; RFC 7323 4.3", Level.MUST, rules="ts-echo-rules"
)  # fmt: skip
def timestamp_beyond_window_not_kept(peer: Peer) -> Script:
    """A TSval far ahead, on a segment beyond the window, is not kept: data with the next ordinary one is taken.

    Else a single segment, of any number, makes all that the right sender has to say look old for weeks.
    """
    here = yield from _stamped(peer)
    yield peer.send(f"P. ={here.rcv_nxt + here.rcv_wnd + BEYOND}: {_options(peer, _FAR)}", data=b"x")
    yield from answers(peer, here)
    yield peer.send(f"P. 1: {_options(peer, _STEP)}", data=b"abc")
    yield from answers(peer, here, 3)


@probe(
    "timestamp-of-bad-ack-not-kept", "S14", "RFC 7323 5.3; RFC 9293 3.10.7.4", Level.MUST,
    rules="ts-echo-rules unsent-ack-answered",
)  # fmt: skip
def timestamp_of_bad_ack_not_kept(peer: Peer) -> Script:
    """A TSval far ahead, on a segment that acknowledges what was never sent, is not kept.

    By the letter of RFC 7323 it is: timestamps are looked at before acknowledgments. A stack that keeps it is told as
    a note; Linux does not, so that whoever guesses one number does not stop the connection.
    """
    here = yield from _stamped(peer)
    yield peer.send(f"P. ack ={here.nxt + UNSENT} {_options(peer, _FAR)}", data=b"x")
    yield peer.collect(WATCH)
    yield peer.send(f"P. 1: {_options(peer, _STEP)}", data=b"abc")
    came = yield from heard(peer, ". ack 4", ". ack 1")
    if came.which:
        return note("RFC 7323 to the letter: the timestamp of a segment counts before its ACK is looked at.")
    return None


def _stamped(peer: Peer) -> Generator[Action[Any], Any, Block]:
    """ESTABLISHED with timestamps; what its program says by itself is acknowledged."""
    yield from peer.send(f"S <mss 1460,nop,nop,TS val {_FIRST} ecr 0>")
    synack = yield from peer.expect("S. ack 1", within=PATIENCE)
    if synack.segment.timestamps is None:
        skipped("it does not take up timestamps")
    yield from peer.send(".")
    yield from peer.collect(GREETING)
    if peer.their.view.fin is not None:
        undecided("its program closed by itself")
    yield from peer.send(".")
    return block(peer, State.ESTABLISHED)


def _options(peer: Peer, ahead: int) -> str:
    """Timestamps so far ahead of what the SYN had, echoing the latest of theirs."""
    said = [one.segment for one in peer.entries if isinstance(one, Step) and one.sender is not peer.end]
    theirs = [one.timestamps[0] for one in said if one.timestamps is not None]
    return f"<nop,nop,TS val {_FIRST + ahead} ecr {theirs[-1] if theirs else 0}>"
