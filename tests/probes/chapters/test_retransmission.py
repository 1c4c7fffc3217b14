"""What probes on sending again make of stacks that do it too soon, too often, too much, or with other octets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Flags, Segment
from tests.probes.stack import SECOND, Connection, Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def last(probe: str, stack: Stack) -> tuple[Verdict, str]:
    found = tried(probe, stack)
    return found.verdict, found.checks[-1].field


def test_a_steady_pace_is_named() -> None:
    assert last("data-again-ever-slower", Stack(backs_off=1.0)) == (Verdict.FAIL, "time")
    assert last("waits-never-shrink", Stack(backs_off=1.0)) == (Verdict.FAIL, "time")
    assert last("waits-never-shrink", Stack(timeout=30 * SECOND, backs_off=0.6)) == (Verdict.FAIL, "time")


def test_who_never_sends_again_is_named() -> None:
    assert last("data-again-ever-slower", Stack(repeats=False)) == (Verdict.FAIL, "answer")
    assert tried("first-timeout-in-bounds", Stack(repeats=False)).verdict is Verdict.INCONCLUSIVE


class Garbled(Stack):
    """Sends other octets the second time."""

    def _again(self, connection: Connection) -> Iterable[Segment]:  # type: ignore[override]
        for one in super()._again(connection):
            yield replace(one, payload=one.payload[::-1])


def test_other_octets_the_second_time_are_named() -> None:
    assert last("data-again-ever-slower", Garbled()) == (Verdict.FAIL, "payload")


@pytest.mark.parametrize(
    ("milliseconds", "verdict"),
    [(1000, Verdict.PASS), (200, Verdict.NOTE), (50, Verdict.WARN)],
)
def test_the_first_timeout_has_bounds(milliseconds: int, verdict: Verdict) -> None:
    assert tried("first-timeout-in-bounds", Stack(timeout=milliseconds * 1_000_000)).verdict is verdict


class Learned(Stack):
    """Takes any ACK for a measurement."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        for one in self.connections.values():
            one.resent = False
        return super().took(segment, now)


def test_an_ambiguous_ack_measures_nothing() -> None:
    assert last("back-off-outlives-ambiguous-ack", Learned()) == (Verdict.WARN, "time")


def test_repeated_acks_and_window_updates_are_told_apart() -> None:
    assert last("third-duplicate-sends-again", Stack(third=99)) == (Verdict.WARN, "answer")


class Touchy(Stack):
    """Takes every ACK of the same number for a repeated one."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return super().took(segment if segment.syn else replace(segment, window=65_000), now)


def test_a_window_update_that_counts_as_repeated_is_named() -> None:
    assert last("window-updates-are-no-duplicates", Touchy()) == (Verdict.WARN, "answer")


class Blind(Stack):
    """Reports or not, the whole flight comes again."""

    def _again(self, connection: Connection) -> Iterable[Segment]:  # type: ignore[override]
        yield from super()._again(connection)
        block = connection.block
        if block.nxt - block.una > connection.mss:
            at = block.una + connection.mss
            sent = at - connection.first
            yield self._segment(
                connection, Flags.ACK, at, payload=connection.queue[sent : sent + connection.mss]
            )


def test_what_sack_reported_stays_unsent_and_the_hole_is_filled() -> None:
    assert last("only-holes-sent-again", Blind()) == (Verdict.WARN, "seq")
    assert last("only-holes-sent-again", Stack(third=99)) == (Verdict.WARN, "answer")
    none = Stack(alter=lambda one: replace(one, options=()))
    assert tried("only-holes-sent-again", none).verdict is Verdict.SKIPPED


def test_more_than_one_segment_after_a_timeout_is_named() -> None:
    assert last("one-segment-after-timeout", Blind()) == (Verdict.FAIL, "octets")


class Probing(Stack):
    """Asks about a tail after a tenth of a second, and then waits for its timer."""

    def woke(self, now: int) -> Iterable[Reply]:
        replies = list(super().woke(now))
        for one in self.connections.values():
            if one.tries == 1:
                one.rto, one.timer = SECOND, now + SECOND
        return replies


def test_a_tail_loss_probe_is_a_note() -> None:
    assert tried("tail-loss-probed", Probing(timeout=SECOND // 10)).verdict is Verdict.NOTE


@pytest.mark.parametrize(("segments", "verdict"), [(4, Verdict.PASS), (10, Verdict.NOTE), (20, Verdict.WARN)])
def test_the_first_flight_has_bounds(segments: int, verdict: Verdict) -> None:
    assert tried("first-flight-bounded", Stack(flight=segments)).verdict is verdict


class Backwards(Stack):
    """After a timeout it sends all again from its second segment on, whatever is acknowledged."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        for after, one in super().took(segment, now):
            stale = isinstance(one, Segment) and one.payload_length and segment.ack == one.seq and not one.syn
            if stale and isinstance(one, Segment):
                one = replace(one, seq=one.seq - one.payload_length)
            yield after, one


def test_going_back_after_an_ack_of_all_is_named() -> None:
    assert tried("ack-of-all-after-timeout", Backwards()).verdict is Verdict.FAIL


def test_giving_up_too_soon_is_a_warning() -> None:
    assert last("gives-up-in-the-end", Stack(tries=2)) == (Verdict.WARN, "time")
    assert tried("gives-up-in-the-end", Stack(tries=7)).verdict is Verdict.PASS
