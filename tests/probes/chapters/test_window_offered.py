"""What probes on the window that a target offers make of stacks that take it back, or are deaf behind a closed one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.model import Server
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.probes.stack import PORTS, WINDOW, Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def last(probe: str, stack: Stack) -> tuple[Verdict, str]:
    found = tried(probe, stack)
    return found.verdict, found.checks[-1].field


FILLING = ["closed-window-still-answers", "reset-taken-at-closed-window", "ack-taken-at-closed-window"]


class Closed(Stack, ABC):
    """Does something else while its window is 0."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        full = any(one.block.rcv_wnd == 0 for one in self.connections.values())
        return self.closed(segment, now) if full else super().took(segment, now)

    @abstractmethod
    def closed(self, segment: Segment, now: int) -> Iterable[Reply]:
        """What it answers then."""


class Deaf(Closed):
    """Drops all that comes, but asks about our window as before."""

    def closed(self, segment: Segment, now: int) -> Iterable[Reply]:
        return ()


class AnswersOnly(Closed):
    """Answers whatever comes, and heeds none of it."""

    def closed(self, segment: Segment, now: int) -> Iterable[Reply]:
        for one in self.connections.values():
            yield 0, self._segment(one, Flags.ACK, one.block.nxt)


class Swallows(Closed):
    """Takes another octet."""

    def closed(self, segment: Segment, now: int) -> Iterable[Reply]:
        for one in self.connections.values():
            yield 0, self._segment(one, Flags.ACK, one.block.nxt, segment.end)


class Opens(Closed):
    """Its program begins to read just then."""

    def closed(self, segment: Segment, now: int) -> Iterable[Reply]:
        for one in self.connections.values():
            one.block = replace(one.block, rcv_wnd=WINDOW)
            yield 0, self._segment(one, Flags.ACK, one.block.nxt)


def test_silence_behind_a_closed_window_is_named() -> None:
    for probe in FILLING:
        assert last(probe, Deaf()) == (Verdict.FAIL, "answer")


def test_a_reset_and_an_ack_have_to_be_heeded_behind_a_closed_window() -> None:
    assert tried("reset-taken-at-closed-window", AnswersOnly()).verdict is Verdict.FAIL
    assert last("ack-taken-at-closed-window", AnswersOnly()) == (Verdict.FAIL, "answer")


def test_an_octet_that_is_taken_is_a_note_and_an_open_window_decides_nothing() -> None:
    assert tried("closed-window-still-answers", Swallows()).verdict is Verdict.NOTE
    assert tried("closed-window-still-answers", Opens()).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("probe", FILLING)
def test_a_window_that_never_closes_decides_nothing(probe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PORTS, Server.NO_READ, PORTS[Server.OPEN])
    monkeypatch.setitem(PORTS, Server.ECHO, PORTS[Server.OPEN])
    found = tried(probe, Stack())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.checks[-1].what.startswith("its window stayed open, with 20")


class Forgetful(Stack):
    """Loses what it was sent in a window that is small already."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        full = any(one.block.rcv_wnd < 3000 for one in self.connections.values())
        return () if full else super().took(segment, now)


def test_a_window_that_is_not_filled_decides_nothing() -> None:
    assert tried("closed-window-still-answers", Forgetful()).verdict is Verdict.INCONCLUSIVE


@dataclass
class Retreats(Stack):
    """Never moves the right edge of its window on; with each segment it moves it back by what it ``loses``."""

    loses: int = 0
    edge: Seq = Seq(0)

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        for after, one in super().took(segment, now):
            if isinstance(one, Segment):
                self.edge = one.ack + WINDOW if one.syn else self.edge - self.loses
                one = replace(one, window=self.edge - one.ack)
            yield after, one


def test_an_edge_that_moves_back_is_a_warning_and_one_that_stays_is_not() -> None:
    assert tried("offered-window-never-taken-back", Retreats(loses=0)).verdict is Verdict.PASS
    assert last("offered-window-never-taken-back", Retreats(loses=1)) == (Verdict.WARN, "window")


def test_a_stack_that_answers_nothing_decides_nothing() -> None:
    silent = Stack(alter=lambda one: one if one.syn else None)
    assert tried("offered-window-never-taken-back", silent).verdict is Verdict.INCONCLUSIVE
