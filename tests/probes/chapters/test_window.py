"""What probes on our window make of stacks that overrun it, read it wrongly, or do not ask about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Segment
from tests.probes.stack import SECOND, Connection, Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def last(probe: str, stack: Stack) -> tuple[Verdict, str]:
    found = tried(probe, stack)
    return found.verdict, found.checks[-1].field


class Reads(Stack, ABC):
    """Takes what each segment of ours says of our window for something else."""

    @abstractmethod
    def reads(self, segment: Segment) -> int:
        """What it takes the window for."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return super().took(replace(segment, window=self.reads(segment)), now)


class Boundless(Reads):
    """Takes every window for the largest."""

    def reads(self, segment: Segment) -> int:
        return 65535


class Overreaching(Reads):
    """Takes every window for a segment more than it is, but for one of 0."""

    def reads(self, segment: Segment) -> int:
        return segment.window + 1000 if segment.window else 0


class Signed(Reads):
    """Takes the window for a signed number."""

    def reads(self, segment: Segment) -> int:
        return segment.window if segment.window < 0x8000 else 0


@pytest.mark.parametrize("stack", [Boundless(flight=10), Overreaching(flight=10)])
def test_data_beyond_the_window_is_named(stack: Stack) -> None:
    assert last("never-beyond-window", stack) == (Verdict.FAIL, "octets")


def test_a_server_that_never_fills_the_window_decides_nothing() -> None:
    assert tried("never-beyond-window", Stack(flight=0)).verdict is Verdict.INCONCLUSIVE


def test_a_window_that_is_taken_as_negative_is_named() -> None:
    assert last("window-above-32767-used", Signed()) == (Verdict.FAIL, "answer")
    assert tried("window-above-32767-used", Stack(flight=0)).verdict is Verdict.INCONCLUSIVE


class Growing(Stack):
    """Sends new data at every segment, whatever the window has become."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        larger = segment.window if segment.window != 1000 else 65535
        for one in self.connections.values():
            one.cwnd += one.mss * bool(segment.payload_length)
        return super().took(replace(segment, window=larger), now)


class Wedged(Stack):
    """Is silent once its window has become negative."""

    wedged = False

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        replies = list(super().took(segment, now))
        self.wedged = self.wedged or segment.window == 1000
        return () if self.wedged else replies


def test_a_shrunken_window_has_to_be_survived_and_heeded() -> None:
    assert last("shrunken-window-survived", Growing()) == (Verdict.WARN, "octets")
    assert last("shrunken-window-survived", Wedged()) == (Verdict.FAIL, "answer")
    mute = tried("shrunken-window-survived", Stack(repeats=False))
    assert (mute.verdict, mute.checks[-1].field) == (Verdict.WARN, "answer")
    assert tried("shrunken-window-survived", Stack(flight=2)).verdict is Verdict.INCONCLUSIVE


class Late(Boundless):
    """Its program has something to say a little after the data was acknowledged, and then it is sent."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        for after, one in super().took(segment, now):
            if isinstance(one, Segment) and one.payload_length:
                yield after, replace(one, payload=b"", payload_length=0)
                yield after + SECOND // 20, one
            else:
                yield after, one


def test_data_into_a_closed_window_is_named() -> None:
    for stack in (Boundless(), Late()):
        assert last("closed-window-heeded-and-probed", stack) == (Verdict.FAIL, "octets")


class AsksByAll(Stack):
    """Probes a window by all that it has to say."""

    def _again(self, connection: Connection) -> Iterable[Segment]:  # type: ignore[override]
        for one in super()._again(connection):
            whole = connection.queue if connection.window == 0 else one.payload
            yield replace(one, seq=connection.block.una, payload=whole, payload_length=len(whole))


def test_the_first_probe_has_its_time_and_size() -> None:
    probe = "closed-window-heeded-and-probed"
    assert tried(probe, Stack(timeout=5 * SECOND)).verdict is Verdict.NOTE
    assert tried(probe, AsksByAll()).verdict is Verdict.NOTE
    assert last(probe, Stack(repeats=False)) == (Verdict.FAIL, "answer")


def test_probes_at_a_steady_pace_are_a_warning() -> None:
    probe = "closed-window-probed-ever-slower"
    assert last(probe, Stack(backs_off=1.0)) == (Verdict.WARN, "time")
    assert last(probe, Stack(timeout=3 * SECOND, backs_off=1.0)) == (Verdict.WARN, "time")
    assert tried(probe, Stack(timeout=9 * SECOND)).verdict is Verdict.INCONCLUSIVE


class Impatient(Stack):
    """Counts probes as unanswered, and gives up, with a reset if it ``resets``."""

    resets = True
    probes = 0

    def woke(self, now: int) -> Iterable[Reply]:
        self.probes += 1
        for after, one in super().woke(now):
            if self.probes > 5 and isinstance(one, Segment):
                one = replace(one, seq=one.seq + 1, flags=one.flags | 0x04)
                self.connections.clear()
            yield after, one


def test_giving_up_on_a_closed_window_is_named() -> None:
    assert last("closed-window-outlasted", Impatient()) == (Verdict.WARN, "flags")


class Waits(Stack):
    """Heeds an open window only when its timer runs out."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        held = segment if segment.window == 0 or segment.syn else replace(segment, window=0)
        return super().took(held, now)


def test_not_using_an_open_window_is_named() -> None:
    assert last("opened-window-used-at-once", Waits()) == (Verdict.FAIL, "answer")
    assert last("closed-window-outlasted", Waits()) == (Verdict.FAIL, "answer")


class Dribbles(Stack):
    """What its congestion window has not let go at first follows with the next ACK, and ACKs begin behind it."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        for one in self.connections.values():
            if segment.payload == b"a":
                one.cwnd += 20
        return super().took(segment, now)


def test_what_was_sent_before_a_window_shrank_is_no_fault() -> None:
    assert tried("shrunken-window-survived", Dribbles()).verdict is Verdict.PASS
