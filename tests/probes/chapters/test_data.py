"""What probes on data make of stacks whose numbers are right and whose octets are not, or that keep little."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Flags, Segment
from tests.probes.stack import Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def spoiled(segment: Segment) -> Segment:
    return replace(segment, payload=segment.payload[::-1])


@pytest.mark.parametrize(
    "probe", ["echo-equals-what-was-sent", "overlaps-put-together", "old-and-new-octets-taken"]
)
def test_an_echo_of_other_octets_is_named(probe: str) -> None:
    found = tried(probe, Stack(alter=spoiled))
    assert found.verdict is Verdict.FAIL
    assert [(one.field, one.expected) for one in found.checks if one.verdict is Verdict.FAIL] == [
        ("payload", "b'abcdefghijklmnopqrst'")
    ]


class Forgetful(Stack):
    """Throws away what comes above a gap."""

    def _in_order(self, segment: Segment, now: int) -> list[Segment]:
        return list(self._took(segment, now))


def test_who_keeps_nothing_above_a_gap_is_warned_and_has_it_sent_again() -> None:
    found = tried("gap-acked-and-filled", Forgetful())
    assert [one.sentence for one in found.checks if one.verdict is Verdict.WARN] == [
        "Data above a gap was thrown away."
    ]
    assert tried("overlaps-put-together", Forgetful()).verdict is Verdict.PASS


class Quiet(Stack):
    """Says nothing to what comes above a gap."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        found = list(super().took(segment, now))
        above = segment.payload == b"later"
        return () if above else found


def test_silence_about_a_gap_is_a_warning() -> None:
    found = tried("gap-acked-and-filled", Quiet())
    assert found.verdict is Verdict.WARN
    assert found.checks[-1].sentence == "Data above a gap drew no ACK."


def test_no_push_on_the_last_is_named() -> None:
    found = tried("push-on-last", Stack(alter=lambda one: replace(one, flags=one.flags & ~Flags.PSH)))
    assert (found.verdict, found.checks[-1].field) == (Verdict.FAIL, "flags")


class Short(Stack):
    """Has room for the first hundred segments only, and never again."""

    taken = 0

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        self.taken += 1
        return super().took(segment, now) if self.taken < 100 else ()


class Crowded(Stack):
    """Loses two of three segments while they come thick and fast."""

    last = 0

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        lost = segment.payload == b"x" and int(segment.seq) % 3 > 0 and now - self.last < 1_000_000
        self.last = now
        return () if lost else super().took(segment, now)


def test_what_was_dropped_of_many_may_come_again_but_not_in_vain() -> None:
    assert tried("many-small-segments-taken", Crowded()).verdict is Verdict.PASS
    assert tried("many-small-segments-taken", Short()).verdict is Verdict.FAIL
