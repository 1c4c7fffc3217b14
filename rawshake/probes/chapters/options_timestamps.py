"""Probes on timestamps: on every segment, echoed by the rules, and missed where they are missing."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from typing import Any

from rawshake.play import Action, Arrival, Peer, Script
from rawshake.probes.chapters.options_agreed import STAMPS, opened, stamped
from rawshake.probes.model import Check, broken, note, skipped, undecided
from rawshake.probes.prove import WATCH, heard, unless_aborted
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import Step
from rawshake.tcp.words import distance


@probe("timestamps-on-every-segment", "O15", "RFC 7323 3.2; RFC 7323 5.4; RFC 7323 4.3", Level.MUST,
       rules="ts-on-every-segment ts-value-monotonic")  # fmt: skip
def timestamps_on_every_segment(peer: Peer) -> Script:
    """Once both SYNs had timestamps, each segment has them, and their values never go back.

    Old duplicates are told by them: one that goes back looks old, and is dropped. Resets need not have them; a SYN
    cookie may put options into the value of its SYN,ACK, which is therefore not compared.
    """
    synack = yield from _agreed(peer)
    if synack.timestamps is not None and synack.timestamps[1] != 1000:
        return broken("The SYN,ACK does not echo our timestamp.", field="TSecr", expected=1000,
                      actual=synack.timestamps[1])  # fmt: skip
    yield peer.send("P.", data=b"HELLO")
    yield from heard(peer, ". ack 6")
    yield peer.send("P. 9:", data=b"LATER")
    yield peer.collect(0.1)
    yield peer.send("P. 6:", data=b"NOW")
    yield from heard(peer, ". ack 14", ". ack 9")
    yield peer.send("F. 14:")
    yield peer.collect(0.2)
    said = [one.segment for one in peer.entries if isinstance(one, Step) and one.sender is not peer.end]
    for one in said:
        if one.timestamps is None and not one.rst:
            return broken("A segment has no timestamps.", field="options", expected="timestamps",
                          actual=peer.text(one))  # fmt: skip
    values = [Seq(one.timestamps[0]) for one in said if one.timestamps and not (one.syn or one.rst)]
    for before, after in pairwise(values):
        if after < before:
            return broken("Its timestamps went back.", field="TSval", expected=f"at least {int(before)}",
                          actual=int(after))  # fmt: skip
    return None


@probe("timestamps-echoed", "O15", "RFC 7323 4.3", Level.MUST, rules="ts-echo-rules")
def timestamps_echoed(peer: Peer) -> Script:
    """Echoed is the timestamp of the first segment that was not acknowledged before, and none of those above a gap.

    The round trip is measured by that: with the delay of an ACK in it, and without the time that a gap took to fill.
    """
    synack = yield from _agreed(peer)
    # Above a gap: TS.Recent stays as it was, at the value that our SYN had, and our third segment.
    yield peer.send(f"P. 4: {stamped(synack, 1010)}", data=b"DEF")
    gap = yield from _next(peer)
    fault = _echo(gap, 1000, "data above a gap")
    if fault is not None:
        return fault
    yield peer.send(f"P. 1: {stamped(synack, 1020)}", data=b"ABC")
    filled = yield from heard(peer, ". ack 7", ". ack 4")
    fault = _echo(filled, 1020, "what fills the gap")
    if fault is not None or filled.which:
        return fault
    yield peer.send(f"P. 7: {stamped(synack, 1030)}", data=b"GHI")
    yield peer.send(f"P. 10: {stamped(synack, 1040)}", data=b"JKL")
    while True:
        came = yield from _next(peer)
        if distance(came.segment.ack, peer.isn) > 7:
            return _echo(came, 1030, "the first of two segments")


@probe("segment-without-timestamps", "O16", "RFC 7323 3.2", Level.MUST_NOT, rules="ts-missing-dropped")
def segment_without_timestamps(peer: Peer) -> Script:
    """Data without the timestamps that were agreed on is dropped in silence; the connection lives on.

    Who takes it has no protection from old duplicates for that segment. Linux takes it on purpose, since firewalls
    strip options (a note); FreeBSD drops it. To abort is forbidden.
    """
    synack = yield from _agreed(peer)
    yield peer.collect(0)
    yield peer.send("P. <>", data=b"HELLO")
    came = yield from peer.collect(WATCH)
    if any(one.segment.rst for one in came):
        yield from unless_aborted(peer)
        return broken("A segment without timestamps ends the connection.", field="answer", expected="nothing",
                      actual=next(one.text for one in came if one.segment.rst))  # fmt: skip
    taken = any(one.segment.ack == peer.isn + 6 for one in came)
    yield peer.send(f"P. 1: {stamped(synack, 2000)}", data=b"HELLO")
    yield from heard(peer, ". ack 6")
    if taken:
        return note("A segment without the agreed timestamps is taken, which RFC 7323 3.2 advises against.")
    if any(not one.segment.length for one in came):
        return note("A segment without the agreed timestamps is dropped, but not in silence.")
    return None


@probe("unagreed-timestamps-ignored", "O16", "RFC 7323 3.2", Level.MUST, rules="ts-unnegotiated-ignored")
def unagreed_timestamps_ignored(peer: Peer) -> Script:
    """Timestamps on a connection without them are ignored: the data is taken, and nothing is echoed.

    Who compares them with what was never agreed on drops good data.
    """
    yield from opened(peer, "<mss 1460>")
    yield peer.send("P. <nop,nop,TS val 5 ecr 6>", data=b"HELLO")
    yield from heard(peer, ". ack 6 <>")
    yield peer.send("P. <nop,nop,TS val 3 ecr 6>", data=b"OLDER")
    yield from heard(peer, ". ack 11 <>")


def _agreed(peer: Peer) -> Generator[Action[Any], Any, Segment]:
    """Open the connection with timestamps, ours being 1000 from the SYN to the third segment; gives the SYN,ACK."""
    yield from peer.send(f"S <mss 1460,{STAMPS}>")
    synack = (yield from peer.expect("S. ack 1")).segment
    if synack.timestamps is None:
        skipped("it does not take up timestamps")
    yield from peer.send(f". {stamped(synack, 1000)}")
    said = yield from peer.collect(0.3)
    if any(one.segment.length for one in said):
        yield from peer.send(f". {stamped(synack, 1000)}")
    return synack


def _next(peer: Peer) -> Generator[Action[Any], Any, Arrival]:
    while True:
        came = yield from peer.next(within=WATCH)
        if came is None:
            undecided("it does not acknowledge at once")
        if came.segment.has_ack and not came.segment.rst:
            return came


def _echo(came: Arrival, value: int, what: str) -> Check | None:
    """Judge what it echoes."""
    stamps = came.segment.timestamps
    if stamps is None:
        undecided("it left timestamps out")
    if stamps[1] == value:
        return None
    return broken(f"After {what} it echoes {stamps[1]}.", field="TSecr", expected=value, actual=stamps[1])
