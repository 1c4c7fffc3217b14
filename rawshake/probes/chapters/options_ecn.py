"""Probes on explicit congestion notification: asked for, agreed on, and told."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Arrival, Peer, Script
from rawshake.probes.chapters.options import data_of
from rawshake.probes.chapters.options_agreed import opened
from rawshake.probes.model import Holds, Server, note, skipped, undecided, warn
from rawshake.probes.park import PATIENCE, PROGRAM
from rawshake.probes.prove import heard
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.segment import Flags

#: IP's codepoints for who understands ECN: one of them is CE, "congestion experienced".
CAPABLE: Final = (1, 2)


@probe("ecn-agreed-only-if-asked", "O18", "RFC 3168 6.1.1", Level.MUST_NOT,
       rules="ecn-synack-only-after-setup-syn ecn-no-ect-before-negotiation", holds=Holds.HALF_OPEN)  # fmt: skip
def ecn_agreed_only_if_asked(peer: Peer) -> Script:
    """A SYN with ECE and CWR is answered with ECE or without; one with only one of them is answered like any.

    ECE in the answer means that ECN is agreed on. Linux does so if it is asked; lwIP has no ECN. RFC 9768 takes every
    other choice of the bits for a wish for accurate ECN, and agrees to that by CWR alone: a note.
    """
    yield peer.send("SEW <mss 1460>")
    came = yield from peer.expect("S.E? ack 1")
    accurate = False
    for flags in ("SE", "SW"):
        other = peer.another()
        yield other.send(f"{flags} <mss 1460>")
        accurate |= bool((yield from other.expect("S. ack 1", "S.W ack 1")).which)
    if accurate:
        return note(
            "RFC 9768: a SYN with one of ECE and CWR is answered by CWR, which agrees on accurate ECN."
        )
    if came.segment.ecn:
        return note(
            "Its SYN,ACK is ECN-capable in IP, which RFC 3168 forbids and RFC 8311 lets experiments do."
        )
    return None


@probe("ecn-mark-told-until-cwr", "O18", "RFC 3168 6.1.3; RFC 3168 6.1.4", Level.PROCEDURE,
       rules="ecn-ece-latched ecn-no-ect-on-ack-rexmit-probe")  # fmt: skip
def ecn_mark_told_until_cwr(peer: Peer) -> Script:
    """After a mark of congestion every ACK has ECE, until our CWR says that it was heard.

    A single ACK may get lost, and with it the only word of congestion. DCTCP (RFC 8257), which data centers use among
    themselves, tells of each mark by itself and fails here.
    """
    yield from _agreed(peer)
    yield peer.send("P. [ecn 3]", data=b"HELLO")
    first = yield from heard(peer, ".E ack 6")
    yield peer.collect(0.1)
    yield peer.send("P. [ecn 2]", data=b"AGAIN")
    yield from heard(peer, ".E ack 11")
    yield peer.collect(0.1)
    yield peer.send("PW. [ecn 2]", data=b"HEARD")
    yield from heard(peer, ". ack 16")
    if first.segment.ecn and not first.segment.length:
        return note(
            "Its bare ACKs are ECN-capable in IP, which RFC 3168 forbids and RFC 8311 lets experiments do."
        )
    return None


@probe("unagreed-mark-ignored", "O18", "RFC 3168 6.1.1; RFC 3168 6.1.3", Level.MUST_NOT,
       rules="ecn-ece-latched ecn-no-ect-before-negotiation")  # fmt: skip
def unagreed_mark_ignored(peer: Peer) -> Script:
    """A mark of congestion on a connection without ECN is not told.

    Some mark everything, or use the bits for something else. Who answered with ECE there would send a flag that the
    other end has never agreed to understand.
    """
    yield from opened(peer, "<mss 1460>")
    yield peer.send("P. [ecn 3]", data=b"HELLO")
    yield from heard(peer, ". ack 6 [ecn 0]")


@probe("cwr-on-new-data-after-ece", "O18", "RFC 3168 6.1.2", Level.SHOULD, server=Server.BULK,
       rules="ecn-cwr-on-new-data")  # fmt: skip
def cwr_on_new_data_after_ece(peer: Peer) -> Script:
    """When an ACK with ECE has told it of congestion, the next new data carries CWR.

    Without CWR the receiver never stops to tell, and each of its ACKs halves the pace once more.
    """
    came = yield from _flight(peer)
    if not any(one.segment.ecn in CAPABLE for one in came):
        skipped("its data is not ECN-capable, so that nobody would mark it")
    edge = came[0].segment.seq + peer.their.top - 1
    yield peer.send(".E")
    fresh = yield from data_of(peer, PATIENCE)
    if not fresh:
        undecided("its program sent no more")
    if fresh[0].segment.seq < edge:
        undecided("it has sent old data again before new")
    if fresh[0].segment.flags & Flags.CWR:
        return None
    return warn("No CWR on the first new data after ECE.", field="flags", expected="W.", actual=fresh[0].text)


def _agreed(peer: Peer) -> Generator[Action[Any], Any, None]:
    synack = yield from opened(peer, "<mss 1460>", syn="SEW")
    if not synack.segment.flags & Flags.ECE:
        skipped("it does not take up ECN")


def _flight(peer: Peer) -> Generator[Action[Any], Any, tuple[Arrival, ...]]:
    """Open with ECN to a server that sends by itself; gives what it then sends at first."""
    yield from peer.send("SEW <mss 1000>")
    synack = yield from peer.expect("S.E? ack 1")
    if not synack.segment.flags & Flags.ECE:
        skipped("it does not take up ECN")
    yield from peer.send(".")
    came = yield from data_of(peer, PROGRAM)
    if not came:
        undecided("its program sent nothing")
    return came
