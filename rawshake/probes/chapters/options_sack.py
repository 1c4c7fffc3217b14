"""Probes on selective acknowledgments: which blocks, in which order, and what came twice."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import pairwise
from typing import Any, Final

from rawshake.play import Action, Arrival, Peer, Script
from rawshake.probes.chapters.options_agreed import opened
from rawshake.probes.model import Check, broken, note, skipped, undecided, warn
from rawshake.probes.prove import WATCH, heard
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.segment import Segment
from rawshake.tcp.words import distance

#: Where segments of 100 octets begin, each above a gap of its own; how many blocks find room beside nothing else.
HELD: Final = (101, 301, 501, 701, 901)
SIZE: Final = 100
ROOM: Final = 4
#: Capitals without an end of line: programs that answer lines wait for more.
TEXT: Final = b"X" * SIZE

Blocks = tuple[tuple[int, int], ...]


@probe("sack-names-what-is-held", "O13", "RFC 2018 4; RFC 2018 3", Level.MUST,
       rules="sack-sent-on-gap sack-block-order sack-blocks-sane")  # fmt: skip
def sack_names_what_is_held(peer: Peer) -> Script:
    """Each ACK of data above a gap names the block that has just come first, and then those before it, newest first.

    The sender takes out what it reads there: a block too many is lost for good, and one too few is sent twice. Linux
    names four; lwIP takes SACK up only if it is built so. Who permits SACK and never sends it may (a note).
    """
    yield from _permitted(peer)
    told: list[Blocks] = []
    for start in HELD:
        yield peer.send(f"P. {start}:", data=TEXT)
        answer = yield from _acked(peer)
        told.append(blocks_of(peer, answer.segment))
        fault = _insane(peer, answer)
        if fault is not None:
            return fault
    if not any(told):
        return note("It permits SACK and sends none: it only heeds ours.")
    newest = [(start, start + SIZE) for start in HELD]
    short: Check | None = None
    for count, blocks in enumerate(told, 1):
        wanted = tuple(reversed(newest[:count]))[:ROOM]
        if blocks and blocks[0] != wanted[0]:
            return broken("The first block is not what has just come.", field="sack", expected=_text(wanted[:1]),
                          actual=_text(blocks))  # fmt: skip
        if blocks != wanted and short is None:
            short = warn("Blocks are missing, or not the newest first.", field="sack", expected=_text(wanted),
                         actual=_text(blocks))  # fmt: skip
    yield peer.send("P. 1:", data=TEXT)
    return _insane(peer, (yield from _acked(peer))) or short


@probe("no-sack-unless-permitted", "O13 O11", "RFC 2018 4; RFC 2018 2", Level.MUST_NOT,
       rules="sack-only-if-permitted")  # fmt: skip
def no_sack_unless_permitted(peer: Peer) -> Script:
    """No SACK is sent to who has not permitted it in its SYN; to do so later does not count.

    To somebody who does not know the option it is noise, and takes room from data.
    """
    yield from opened(peer, "<mss 1460>")
    yield peer.send(f"P. {HELD[0]}: <nop,nop,sackOK>", data=TEXT)
    answer = yield from _acked(peer)
    if not answer.segment.sack:
        return None
    return broken("It sent SACK, which our SYN did not permit.", field="options", expected="no SACK",
                  actual=answer.text)  # fmt: skip


@probe("duplicates-told-by-dsack", "O14", "RFC 2883 4", Level.MAY, rules="dsack-reported sack-blocks-sane")
def duplicates_told_by_dsack(peer: Peer) -> Script:
    """What comes twice is told by a first block below the ACK, or one that stands within the second (D-SACK).

    So the sender learns that it need not have sent again. It is optional; Linux and FreeBSD do it. A block that is
    neither what came twice nor what is held is a fault, whoever sends it.
    """
    yield from _permitted(peer)
    yield peer.send("P. 1:", data=TEXT)
    yield from heard(peer, f". ack {SIZE + 1}")
    said = yield from peer.collect(0.2)
    if any(one.segment.length for one in said):
        yield peer.send(".")
    found: list[Check] = []
    for start, around in ((1, ()), (201, ((201, 301),))):
        twice = (start, start + SIZE)
        if around:
            yield peer.send(f"P. {start}:", data=TEXT)
            yield peer.collect(0.2)
        yield peer.send(f"P. {start}:", data=TEXT)
        came = yield from peer.collect(WATCH)
        told = [blocks for one in came if (blocks := blocks_of(peer, one.segment))]
        where = "above a gap" if around else "below the ACK"
        if (twice, *around) in told:
            continue
        if any(blocks != around for blocks in told):
            return broken(f"A duplicate {where} is told by a wrong block.", field="sack",
                          expected=_text((twice, *around)), actual=_text(told[0]))  # fmt: skip
        found.append(note(f"A duplicate {where} is not told: no D-SACK."))
    return tuple(found)


def blocks_of(peer: Peer, segment: Segment) -> Blocks:
    """The blocks of its SACK option, relative to our ISN."""
    return tuple((distance(left, peer.isn), distance(right, peer.isn)) for left, right in segment.sack)


def _permitted(peer: Peer) -> Generator[Action[Any], Any, None]:
    synack = yield from opened(peer, "<mss 1460,nop,nop,sackOK>")
    if not synack.segment.sack_permitted:
        skipped("it does not take up SACK")


def _acked(peer: Peer) -> Generator[Action[Any], Any, Arrival]:
    """The next bare ACK, or one that rides on data, which its program may have sent before it could know of ours."""
    riding: Arrival | None = None
    while True:
        came = yield from peer.next(within=WATCH)
        if came is None and riding is not None:
            return riding
        if came is None:
            undecided("it does not acknowledge data above a gap")
        if came.segment.rst:
            undecided("it reset the connection")
        if not came.segment.length:
            return came
        riding = came


def _insane(peer: Peer, answer: Arrival) -> Check | None:
    """A fault that no receiver's blocks have: beyond what was sent, upside down, at or below the ACK, touching."""
    ack, blocks = distance(answer.segment.ack, peer.isn), blocks_of(peer, answer.segment)
    inside = all(ack < left < right <= peer.our.top for left, right in blocks)
    ends = [end for block in sorted(blocks) for end in block]
    if inside and all(before < after for before, after in pairwise(ends)):
        return None
    return broken("It names a block that it cannot hold.", field="sack", expected="blocks of what was sent, apart",
                  actual=answer.text)  # fmt: skip


def _text(blocks: Sequence[tuple[int, int]]) -> str:
    return " ".join(f"{left}:{right}" for left, right in blocks) or "none"
