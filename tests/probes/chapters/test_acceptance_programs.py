"""What probes on acceptance tell of stacks that take more than fits, or what is too old by ACK or timestamp."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Flags, Segment
from tests.probes.stack import Connection, Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def said(found: Attempt) -> str:
    return found.checks[-1].sentence


def test_who_takes_data_with_an_ack_of_long_ago_is_noted() -> None:
    found = tried("ack-of-long-ago-answered", Stack(takes=frozenset()))
    assert found.verdict is Verdict.NOTE
    assert said(found) == "MAY-12 is not followed: data was taken whose ACK is older than any window allows."


@dataclass
class Predicting(Stack):
    """Takes what it awaits next before it looks at the ACK, if the window is the one of the segment before."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        here = self.connections.get((segment.dport, segment.sport))
        usual = segment.payload and not segment.rst
        if here is not None and usual and segment.window == here.window:
            segment = replace(segment, ack=here.block.una)
        return super().took(segment, now)


def test_who_takes_what_it_awaits_unseen_is_asked_with_another_window() -> None:
    assert tried("ack-of-long-ago-answered", Predicting()).verdict is Verdict.PASS


@dataclass
class Roomy(Stack):
    """Takes what goes beyond its window, or cuts it off but for the FIN."""

    cuts: bool = False

    def _cut(self, segment: Segment) -> Segment:
        cut = super()._cut(segment)
        return replace(cut, flags=segment.flags) if self.cuts else segment


def test_a_fin_beyond_the_window_that_counts_is_named() -> None:
    found = tried("straddling-edge-cut", Roomy(cuts=True))
    assert (found.verdict, said(found)) == (Verdict.FAIL, "A FIN beyond its window counts.")


def test_who_takes_more_than_fits_is_noted() -> None:
    found = tried("straddling-edge-cut", Roomy())
    assert (found.verdict, said(found)) == (
        Verdict.NOTE,
        "201 numbers were taken beyond the window that it had advertised.",
    )


@dataclass
class Whole(Stack):
    """Drops whole what goes beyond its window."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return () if self._cut(segment) is not segment else super().took(segment, now)


def test_who_drops_it_whole_is_right_and_of_one_that_reads_nothing_can_be_told() -> None:
    assert tried("straddling-edge-cut", Whole()).verdict is Verdict.PASS
    found = tried("straddling-edge-cut", Stack(consumes=True))
    assert (found.verdict, said(found)) == (Verdict.INCONCLUSIVE, "its window does not close.")


@dataclass
class Stampless(Stack):
    """Answers no timestamps with any."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return super().took(replace(segment, options=()), now)


@pytest.mark.parametrize(
    "probe",
    ["older-timestamp-dropped", "timestamp-beyond-window-not-kept", "timestamp-of-bad-ack-not-kept"],
)
def test_without_timestamps_nothing_can_be_told(probe: str) -> None:
    found = tried(probe, Stampless())
    assert (found.verdict, said(found)) == (Verdict.SKIPPED, "it does not take up timestamps.")


@dataclass
class Keeping(Stack):
    """Keeps each timestamp; ``refuses``: what is older than the last is dropped."""

    refuses: bool = True

    def _heeds(self, connection: Connection, segment: Segment, now: int) -> bool:
        if segment.timestamps is None or segment.rst:
            return super()._heeds(connection, segment, now)
        if self.refuses and connection.terms.stale(segment):
            return False
        connection.terms.recent = segment.timestamps[0]
        return super()._heeds(connection, segment, now)


def test_a_timestamp_that_is_kept_wrongly_is_named() -> None:
    assert tried("timestamp-beyond-window-not-kept", Keeping()).verdict is Verdict.FAIL
    found = tried("timestamp-of-bad-ack-not-kept", Keeping())
    assert found.verdict is Verdict.NOTE
    assert said(found).startswith("RFC 7323 to the letter")
    found = tried("older-timestamp-dropped", Keeping(refuses=False))
    assert (found.verdict, said(found).partition(":")[0]) == (Verdict.NOTE, "PAWS is not used")


@dataclass
class Undone(Stack):
    """Drops whole what begins with old octets."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        here = self.block(segment.dport, segment.sport)
        old = bool(segment.payload) and segment.seq < here.rcv_nxt
        return super().took(
            replace(segment, payload=b"", payload_length=0, flags=Flags.ACK) if old else segment, now
        )


def test_who_drops_what_straddles_is_named() -> None:
    assert tried("straddling-fin-taken", Undone()).verdict is Verdict.FAIL


class Loses(Stack):
    """The fifth segment of data gets lost on its way."""

    count: int = 0

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        self.count += segment.payload_length > 0
        return () if self.count == 5 and segment.payload_length else super().took(segment, now)


def test_what_gets_lost_while_a_window_is_filled_is_no_fault() -> None:
    assert tried("straddling-edge-cut", Loses()).verdict is Verdict.PASS
