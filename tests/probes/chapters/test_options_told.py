"""What probes on SACK, timestamps and ECN make of stacks that tell too much, too little, or something else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp import option
from rawshake.tcp.option import Kind, Option
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.probes.stack import Connection, Stack
from tests.probes.twins import attempt

FAIL, WARN, NOTE = Verdict.FAIL, Verdict.WARN, Verdict.NOTE
Blocks = tuple[tuple[Seq, Seq], ...]
Change = Callable[[Segment, Blocks], Blocks]


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def last(probe: str, stack: Stack) -> tuple[Verdict, str]:
    found = tried(probe, stack)
    return found.verdict, found.checks[-1].field


def swapped(one: Segment, kind: int, other: Option | None) -> Segment:
    """With ``other`` in place of its option of that kind, or without it."""
    changed = (other if each.kind == kind else each for each in one.options)
    return replace(one, options=tuple(each for each in changed if each is not None))


def reporting(change: Change) -> Stack:
    """Sends other blocks than it should."""

    def alter(one: Segment) -> Segment:
        blocks = change(one, one.sack) if one.sack else ()
        return swapped(one, Kind.SACK, option.sack(*blocks) if blocks else None)

    return Stack(alter=alter)


#: What is done to its blocks, and what comes of that.
FALSIFIED: Final[dict[str, tuple[Change, Verdict]]] = {
    "none": (lambda one, blocks: (), NOTE),
    "oldest first": (lambda one, blocks: blocks[::-1], FAIL),
    "not the latest": (lambda one, blocks: blocks[1:], FAIL),
    "only the latest": (lambda one, blocks: blocks[:1], WARN),
    "oldest second": (lambda one, blocks: (blocks[0], *blocks[:0:-1]), WARN),
    "an octet more": (lambda one, blocks: ((blocks[0][0], blocks[0][1] + 1), *blocks[1:]), FAIL),
    "upside down": (lambda one, blocks: ((blocks[0][1], blocks[0][0]), *blocks[1:]), FAIL),
    "at the ACK": (lambda one, blocks: (*blocks[:3], (one.ack, one.ack + 50)), FAIL),
    "touching": (lambda one, blocks: (*blocks[:3], (blocks[0][1], blocks[0][1] + 10)), FAIL),
}


@pytest.mark.parametrize("name", FALSIFIED)
def test_blocks(name: str) -> None:
    change, verdict = FALSIFIED[name]
    assert tried("sack-names-what-is-held", reporting(change)).verdict is verdict


@pytest.mark.parametrize("probe", ["sack-names-what-is-held", "duplicates-told-by-dsack"])
def test_who_takes_up_no_sack_is_asked_nothing(probe: str) -> None:
    plain = Stack(alter=lambda one: swapped(one, Kind.SACK_PERMITTED, None))
    assert tried(probe, plain).verdict is Verdict.SKIPPED


class Quiet(Stack):
    """Says nothing to what comes above a gap."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        connection = self.connections.get((segment.dport, segment.sport))
        above = connection is not None and segment.seq > connection.block.rcv_nxt and segment.length > 0
        found = list(super().took(segment, now))
        return () if above else found


@pytest.mark.parametrize(
    "probe", ["sack-names-what-is-held", "no-sack-unless-permitted", "timestamps-echoed"]
)
def test_no_ack_of_what_lies_above_a_gap_proves_nothing(probe: str) -> None:
    assert tried(probe, Quiet()).verdict is Verdict.INCONCLUSIVE


def test_sack_to_who_has_not_permitted_it_is_named() -> None:
    class Forward(Stack):
        def _segment(self, connection: Connection, *args: object, **more: object) -> Segment:
            connection.terms.sack = connection.block.nxt != connection.block.iss + 1 or bool(
                connection.terms.held
            )
            return super()._segment(connection, *args, **more)  # type: ignore[arg-type]

    assert last("no-sack-unless-permitted", Forward()) == (FAIL, "options")


def test_duplicates_that_are_told_wrongly_or_not_at_all() -> None:
    silent = reporting(lambda one, blocks: tuple(each for each in blocks if each[0] > one.ack)[:1])
    assert tried("duplicates-told-by-dsack", silent).verdict is NOTE
    short = reporting(lambda one, blocks: ((blocks[0][0] + 1, blocks[0][1]), *blocks[1:]))
    assert last("duplicates-told-by-dsack", short) == (FAIL, "sack")


def stamping(change: Callable[[Segment, int, int], tuple[int, int] | None]) -> Stack:
    """Sends other timestamps than it should, or none."""

    def alter(one: Segment) -> Segment:
        if one.timestamps is None:
            return one
        changed = change(one, *one.timestamps)
        return swapped(one, Kind.TIMESTAMPS, option.timestamps(*changed) if changed else None)

    return Stack(alter=alter)


def test_timestamps_that_are_missing_go_back_or_echo_another_are_named() -> None:
    probe = "timestamps-on-every-segment"
    assert last(probe, stamping(lambda one, value, echo: (value, 7))) == (FAIL, "TSecr")
    assert last(probe, stamping(lambda one, value, echo: (value, echo) if one.syn else None)) == (
        FAIL,
        "options",
    )
    values = count(5000, -1)
    assert last(probe, stamping(lambda one, value, echo: (next(values), echo))) == (FAIL, "TSval")


#: What it echoes in place of what it should.
ECHOES: Final[dict[str, Callable[[int], int]]] = {
    "of what lies above a gap": lambda echo: max(echo, 1010),
    "of the SYN for ever": lambda echo: min(echo, 1000),
    "of the last in place of the first": lambda echo: 1040 if echo == 1030 else echo,
}


@pytest.mark.parametrize("which", ECHOES)
def test_the_echo_of_another_segment_is_named(which: str) -> None:
    spoiled = stamping(lambda one, value, echo: (value, ECHOES[which](echo)))
    assert last("timestamps-echoed", spoiled) == (FAIL, "TSecr")


@pytest.mark.parametrize(
    "probe", ["timestamps-on-every-segment", "timestamps-echoed", "segment-without-timestamps"]
)
def test_who_takes_up_no_timestamps_is_asked_nothing(probe: str) -> None:
    assert tried(probe, stamping(lambda one, value, echo: None)).verdict is Verdict.SKIPPED


@dataclass
class Missing(Stack):
    """Does something else with a segment that lacks its timestamps."""

    answer: str = "takes"

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        connection = self.connections.get((segment.dport, segment.sport))
        lacks = segment.timestamps is None and not segment.syn and segment.payload_length > 0
        if connection is None or not connection.terms.stamps or not lacks:
            yield from super().took(segment, now)
        elif self.answer == "takes":
            stamped = option.timestamps(connection.terms.recent, 0)
            yield from super().took(replace(segment, options=(stamped,)), now)
        elif self.answer == "speaks":
            yield 0, self._segment(connection, Flags.ACK, connection.block.nxt)
        else:
            yield 0, self._segment(connection, Flags.RST, connection.block.nxt)


@pytest.mark.parametrize(("answer", "verdict"), [("takes", NOTE), ("speaks", NOTE), ("resets", FAIL)])
def test_a_segment_that_lacks_its_timestamps(answer: str, verdict: Verdict) -> None:
    assert tried("segment-without-timestamps", Missing(answer=answer)).verdict is verdict


def test_timestamps_that_were_not_agreed_on_and_are_compared_are_named() -> None:
    class Comparing(Stack):
        def took(self, segment: Segment, now: int) -> Iterable[Reply]:
            stale = segment.timestamps is not None and segment.timestamps[0] < 4
            return () if stale else super().took(segment, now)

    assert tried("unagreed-timestamps-ignored", Comparing()).verdict is FAIL


def flagged(change: Callable[[Segment], tuple[Flags, int]]) -> Stack:
    def alter(one: Segment) -> Segment:
        flags, ecn = change(one)
        return replace(one, flags=flags, ecn=ecn)

    return Stack(alter=alter)


def test_ecn_that_is_answered_wrongly_is_named() -> None:
    eager = flagged(lambda one: (one.flags | Flags.ECE if one.syn else one.flags, one.ecn))
    assert tried("ecn-agreed-only-if-asked", eager).verdict is FAIL
    both = flagged(lambda one: (one.flags | Flags.ECE | Flags.CWR if one.syn else one.flags, one.ecn))
    assert tried("ecn-agreed-only-if-asked", both).verdict is FAIL


@pytest.mark.parametrize("probe", ["ecn-agreed-only-if-asked", "ecn-mark-told-until-cwr"])
def test_control_segments_that_are_ecn_capable_are_notes(probe: str) -> None:
    assert tried(probe, flagged(lambda one: (one.flags, 2))).verdict is NOTE


@pytest.mark.parametrize("probe", ["ecn-mark-told-until-cwr", "cwr-on-new-data-after-ece"])
def test_who_takes_up_no_ecn_is_asked_nothing(probe: str) -> None:
    plain = flagged(lambda one: (one.flags & ~Flags.ECE, 0))
    assert tried(probe, plain).verdict is Verdict.SKIPPED


def test_a_mark_that_is_told_once_or_for_ever_is_named() -> None:
    class Once(Stack):
        def _segment(self, connection: Connection, *args: object, **more: object) -> Segment:
            found = super()._segment(connection, *args, **more)  # type: ignore[arg-type]
            connection.terms.marked = False
            return found

    for_ever = flagged(lambda one: (one.flags | Flags.ECE, one.ecn))
    assert tried("ecn-mark-told-until-cwr", Once()).verdict is FAIL
    assert tried("ecn-mark-told-until-cwr", for_ever).verdict is FAIL
    assert tried("unagreed-mark-ignored", for_ever).verdict is FAIL


def test_no_cwr_after_ece_is_a_warning() -> None:
    deaf = flagged(lambda one: (one.flags & ~Flags.CWR, one.ecn))
    assert last("cwr-on-new-data-after-ece", deaf) == (WARN, "flags")
    unmarked = flagged(lambda one: (one.flags, 0))
    assert tried("cwr-on-new-data-after-ece", unmarked).verdict is Verdict.SKIPPED
    silent = Stack(alter=lambda one: None if one.payload else one)
    assert tried("cwr-on-new-data-after-ece", silent).verdict is Verdict.INCONCLUSIVE
