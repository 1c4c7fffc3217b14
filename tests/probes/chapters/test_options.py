"""What probes on options make of stacks that obey no MSS, the wrong one, or choke on what they do not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.model import Probe, Server
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp import option
from rawshake.tcp.option import Kind
from rawshake.tcp.segment import Checksum, Flags, Segment
from tests.probes.stack import Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def last(probe: str, stack: Stack) -> tuple[Verdict, str]:
    found = tried(probe, stack)
    return found.verdict, found.checks[-1].sentence


def without(kind: int) -> Callable[[Segment], Segment]:
    return lambda one: replace(one, options=tuple(each for each in one.options if each.kind != kind))


def announcing(octets: int) -> Stack:
    return Stack(alter=lambda one: replace(one, options=(option.mss(octets),)) if one.syn else one)


@pytest.mark.parametrize(
    ("stack", "verdict", "words"),
    [
        (Stack(alter=without(Kind.MSS)), Verdict.NOTE, "No MSS in its SYN,ACK: segments of 536 octets"),
        (announcing(128), Verdict.NOTE, "an MSS of 128, less than the 536"),
        (announcing(0), Verdict.FAIL, "an MSS of 0"),
        (announcing(65500), Verdict.FAIL, "an MSS of 65500"),
        (announcing(65495), Verdict.PASS, ""),
    ],
)
def test_what_is_announced(stack: Stack, verdict: Verdict, words: str) -> None:
    found, sentence = last("synack-announces-mss", stack)
    assert (found, words in sentence) == (verdict, True)


@pytest.mark.parametrize("extra", [option.mss(1460), option.wscale(7), option.SACK_PERMITTED])
def test_an_option_of_the_syn_elsewhere_is_named(extra: option.Option) -> None:
    spoiled = Stack(alter=lambda one: one if one.syn else replace(one, options=(extra,)))
    found = tried("options-of-syn-only-there", spoiled)
    assert (found.verdict, found.checks[-1].field) == (Verdict.FAIL, "options")


@dataclass
class Reading(Stack):
    """Takes other options for those of a segment."""

    reads: Callable[[Segment], tuple[option.Option, ...]] = lambda one: one.options

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return super().took(replace(segment, options=self.reads(segment)), now)


def always(octets: int) -> Reading:
    """Sends segments of its own size to everybody, whatever else was agreed."""
    return Reading(reads=lambda one: (option.mss(octets), *(x for x in one.options if x.kind != Kind.MSS)))


@pytest.mark.parametrize(
    ("probe", "octets", "limit"),
    [
        ("segments-within-mss", 701, 700),
        ("options-come-out-of-mss", 713, 688),
        ("no-mss-means-default", 537, 536),
        ("two-mss-options", 1460, 1000),
        ("unaligned-mss-obeyed", 1460, 700),
        ("options-behind-unknown-heeded", 1460, 700),
    ],
)
def test_segments_that_are_too_long_are_named(probe: str, octets: int, limit: int) -> None:
    found = tried(probe, always(octets))
    (fault,) = [one for one in found.checks if one.verdict is Verdict.FAIL]
    assert (fault.field, fault.expected) == ("octets", f"at most {limit}")


@pytest.mark.parametrize("probe", ["segments-within-mss", "two-mss-options"])
def test_what_hardware_will_cut_accuses_nobody(probe: str) -> None:
    stack = always(1460)
    stack.alter = lambda one: replace(one, checksum=Checksum.UNVERIFIABLE)
    assert tried(probe, stack).verdict is Verdict.INCONCLUSIVE


def test_without_timestamps_nothing_comes_out_of_the_mss() -> None:
    deaf = Reading(reads=lambda one: tuple(x for x in one.options if x.kind != Kind.TIMESTAMPS))
    assert tried("options-come-out-of-mss", deaf).verdict is Verdict.SKIPPED


def test_the_first_of_two_mss_options_is_a_note() -> None:
    first = Reading(reads=lambda one: one.options[:1])
    assert last("two-mss-options", first) == (
        Verdict.NOTE,
        "Of two MSS options the first counts, here the larger.",
    )


class Heeding(Stack):
    """Takes an MSS from any segment."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        connection = self.connections.get((segment.dport, segment.sport))
        if connection is not None and segment.mss:
            connection.mss = segment.mss
        return super().took(segment, now)


def test_segments_that_are_short_anyway_prove_nothing() -> None:
    for probe in ("late-mss-not-heeded", "nothing-behind-end-of-list"):
        assert tried(probe, always(128)).verdict is Verdict.INCONCLUSIVE
    assert tried("late-mss-not-heeded", always(536)).verdict is Verdict.PASS


def test_an_mss_that_comes_late_and_is_heeded_is_a_warning() -> None:
    assert last("late-mss-not-heeded", Heeding())[0] is Verdict.WARN


def beyond_the_end(segment: Segment) -> tuple[option.Option, ...]:
    return option.parse(b"".join(x.data if x.kind == Kind.EOL else x.wire for x in segment.options))


def test_options_that_are_read_behind_the_end_are_a_warning() -> None:
    assert last("nothing-behind-end-of-list", Reading(reads=beyond_the_end))[0] is Verdict.WARN


def silent() -> Stack:
    """Its programs say nothing by themselves."""
    return Stack(alter=lambda one: None if one.payload else one)


@pytest.mark.parametrize(
    "probe", ["segments-within-mss", "late-mss-not-heeded", "nothing-behind-end-of-list"]
)
def test_a_program_that_sends_nothing_proves_nothing(probe: str) -> None:
    assert tried(probe, silent()).verdict is Verdict.INCONCLUSIVE


def test_what_becomes_of_a_tiny_mss() -> None:
    def least(segment: Segment) -> tuple[option.Option, ...]:
        return (option.mss(max(48, segment.mss or 536)),)

    def sentences(stack: Stack) -> list[tuple[Verdict, str]]:
        checks = tried("tiny-mss-survived", stack).checks
        return [(one.verdict, one.sentence) for one in checks if one.verdict is not Verdict.PASS]

    assert sentences(Reading(reads=least)) == [(Verdict.NOTE, "To an MSS of 1 it sends segments of 48.")]
    assert sentences(silent()) == [
        (Verdict.WARN, "With an MSS of 1 nothing is sent."),
        (Verdict.WARN, "With an MSS of 0 nothing is sent."),
    ]

    class Choosy(Stack):
        def took(self, segment: Segment, now: int) -> Iterable[Reply]:
            return () if segment.syn and segment.mss in (0, 1) else super().took(segment, now)

    assert [one for one, _ in sentences(Choosy())] == [Verdict.NOTE, Verdict.NOTE]


@dataclass
class Choking(Stack):
    """Hangs, or resets the connection, at a segment with a malformed option, or one of a kind."""

    hangs: bool = True
    kind: int = -1
    hung: bool = False

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        bad = any(one.defect or one.kind == self.kind for one in segment.options)
        self.hung = self.hung or (bad and self.hangs)
        if self.hung:
            return
        if not bad:
            yield from super().took(segment, now)
            return
        connection = self.connections.pop((segment.dport, segment.sport), None)
        if connection is not None:
            yield 0, self._segment(connection, Flags.RST, segment.ack)


@pytest.mark.parametrize("probe", ["illegal-length-in-syn-survived", "malformed-option-in-data-survived"])
def test_who_hangs_at_an_illegal_length_is_named(probe: str) -> None:
    assert tried(probe, Choking()).verdict is Verdict.FAIL


def test_a_reset_for_an_illegal_length_is_what_the_rfc_suggests() -> None:
    assert tried("illegal-length-in-syn-survived", Choking(hangs=False)).verdict is Verdict.PASS
    assert last("malformed-option-in-data-survived", Choking(hangs=False))[0] is Verdict.NOTE


def test_an_unknown_option_that_ends_a_connection_is_named() -> None:
    assert tried("unknown-options-ignored", Choking(hangs=False, kind=254)).verdict is Verdict.FAIL
    assert last("unsolicited-digest-survived", Choking(hangs=False, kind=19))[0] is Verdict.FAIL


def test_dropping_a_digest_is_a_note() -> None:
    class Verifying(Stack):
        def took(self, segment: Segment, now: int) -> Iterable[Reply]:
            signed = any(one.kind == 19 for one in segment.options)
            return () if signed else super().took(segment, now)

    assert last("unsolicited-digest-survived", Verifying())[0] is Verdict.NOTE


@dataclass
class Leaving(Stack):
    """Its program closes altogether as soon as it is told something, and may have said something before."""

    says: bytes = b""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        connection = self.connections.get((segment.dport, segment.sport))
        if connection is None or not segment.payload_length:
            yield from super().took(segment, now)
            return
        del self.connections[segment.dport, segment.sport]
        here = connection.block.nxt
        if self.says:
            yield 0, self._segment(connection, Flags.ACK, here, payload=self.says)
            yield 0, self._segment(connection, Flags.RST | Flags.ACK, here + len(self.says))
        else:
            yield 0, self._segment(connection, Flags.FIN | Flags.ACK, here)


@pytest.mark.parametrize(
    "probe", [one for one in select(["options"]) if one.server is Server.OPEN], ids=lambda one: one.id
)
@pytest.mark.parametrize("says", [b"", b"400 Bad Request"])
def test_a_program_that_ends_the_connection_accuses_nobody(probe: Probe, says: bytes) -> None:
    assert attempt(probe, Leaving(says=says)).verdict is not Verdict.FAIL
