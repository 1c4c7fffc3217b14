"""What probes on ACKs make of stacks that send them late, rarely, or by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Flags, Segment
from tests.probes.stack import SECOND, Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def last(probe: str, stack: Stack) -> tuple[Verdict, str]:
    found = tried(probe, stack)
    return found.verdict, found.checks[-1].field


@dataclass
class Delays(Stack):
    """Delays each ACK by so many ns, from the ``first`` that has data on."""

    delay: int = 0
    first: int = 0
    came: int = 0

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        self.came += bool(segment.payload_length)
        late = self.delay if self.came > self.first else 0
        for after, one in super().took(segment, now):
            yield after + late, one


@pytest.mark.parametrize("first", [0, 16])
def test_an_ack_may_be_delayed_but_under_half_a_second(first: int) -> None:
    probe = "acks-under-half-a-second"
    assert tried(probe, Delays(delay=SECOND // 4, first=first)).verdict is Verdict.PASS
    assert last(probe, Delays(delay=7 * SECOND // 10, first=first)) == (Verdict.FAIL, "answer")


def test_no_more_is_asked_once_acks_are_seen_to_be_delayed() -> None:
    assert len(tried("acks-under-half-a-second", Delays(delay=SECOND // 4)).checks) == 4
    assert len(tried("acks-under-half-a-second", Stack()).checks) == 20


@dataclass
class Thins(Stack):
    """Acknowledges every ``each``-th segment, and all after a pause."""

    each: int = 2
    came: int = 0

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        self.came += bool(segment.payload_length)
        for after, one in super().took(segment, now):
            acks = isinstance(one, Segment) and segment.payload_length
            if not acks or not self.came % self.each:
                yield after, one


def test_fewer_acks_than_every_second_are_a_warning() -> None:
    probe = "every-second-segment-acked"
    assert tried(probe, Thins(each=2)).verdict is Verdict.PASS
    assert last(probe, Thins(each=6)) == (Verdict.WARN, "answer")
    assert tried(probe, Thins(each=99)).verdict is Verdict.INCONCLUSIVE


def test_a_small_window_or_a_program_that_gives_up_decides_nothing() -> None:
    probe = "every-second-segment-acked"
    small = Stack(alter=lambda one: replace(one, window=2000))
    resets = Stack(alter=lambda one: one if one.syn else replace(one, flags=Flags.RST))
    for stack in (small, resets):
        assert tried(probe, stack).verdict is Verdict.INCONCLUSIVE


@dataclass
class Apart(Stack):
    """Acknowledges by itself before it answers, so many times; ``stale``: what it answers acknowledges less."""

    times: int = 99
    stale: int = 0

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        for after, one in super().took(segment, now):
            if isinstance(one, Segment) and one.payload_length:
                self.times -= 1
                if self.times >= 0:
                    yield after, replace(one, payload=b"", payload_length=0)
                one = replace(one, ack=one.ack - self.stale)
            yield after, one


def test_acks_apart_from_data_are_a_note_and_stale_ones_a_fault() -> None:
    probe = "ack-rides-on-data"
    assert tried(probe, Apart()).verdict is Verdict.NOTE
    assert tried(probe, Apart(times=3)).verdict is Verdict.PASS
    assert last(probe, Apart(stale=1)) == (Verdict.FAIL, "ack")
    mute = Stack(alter=lambda one: None if one.payload_length else one)
    assert tried(probe, mute).verdict is Verdict.INCONCLUSIVE
