"""What probes on a target that dials out tell of SYNs that are odd, and of clients that do not give up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp import option
from rawshake.tcp.segment import Flags, Segment
from tests.probes.stack import RTO, Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def test_a_syn_that_echoes_something_is_warned_of() -> None:
    stamped = Stack(alter=lambda one: replace(one, options=(option.timestamps(7, 9),)))
    found = tried("dialled-syn-bare", stamped)
    last = found.checks[-1]
    assert (last.verdict, last.field, last.actual) == (Verdict.WARN, "options", "9")
    right = Stack(alter=lambda one: replace(one, options=(option.timestamps(7, 0),)))
    assert tried("dialled-syn-bare", right).verdict is Verdict.PASS


@pytest.mark.parametrize("flags", [Flags.ECE | Flags.CWR, Flags.ECE | Flags.CWR | Flags.AE])
def test_a_syn_may_ask_for_ecn(flags: Flags) -> None:
    asking = Stack(alter=lambda one: replace(one, flags=one.flags | flags) if one.syn else one)
    assert tried("dialled-syn-bare", asking).verdict is Verdict.PASS
    asking = Stack(alter=lambda one: replace(one, flags=one.flags | flags) if one.syn else one)
    assert tried("ack-without-syn-dropped", asking).verdict is Verdict.PASS


@pytest.mark.parametrize("flags", [Flags.FIN, Flags.ACK, Flags.RST])
def test_a_syn_with_another_flag_is_named(flags: Flags) -> None:
    odd = Stack(alter=lambda one: replace(one, flags=one.flags | flags))
    assert tried("dialled-syn-bare", odd).verdict is Verdict.FAIL


@dataclass
class Hasty(Stack):
    """Sends its SYN again too early."""

    def deadline(self) -> int | None:
        found = super().deadline()
        return found if found in (None, 0) else found - RTO + RTO // 10

    def woke(self, now: int) -> Iterable[Reply]:
        return super().woke(now if self.dials else now + RTO)


def test_a_syn_that_comes_again_at_once_is_warned_of() -> None:
    found = tried("dialled-syn-bare", Hasty())
    assert found.verdict is Verdict.WARN
    assert found.checks[-1].what == "a SYN is not sent again within a second"


@dataclass
class Stubborn(Stack):
    """Does not take no for an answer, but for ``answers`` sends its SYN again."""

    answers: Flags = Flags.SYN

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        found = list(super().took(segment, now))
        again = Segment(
            src=segment.dst, dst=segment.src, sport=segment.dport, dport=segment.sport,
            seq=segment.ack - 1, ack=segment.seq, flags=self.answers, window=8192,
        )  # fmt: skip
        return [(0, again)] if segment.rst else found


def test_a_refusal_that_is_not_believed_is_told_and_one_that_is_answered_is_a_fault() -> None:
    found = tried("refusal-believed", Stubborn())
    assert found.verdict is Verdict.NOTE
    assert found.checks[-1].sentence == "As in Windows: a connection that was refused is tried again."
    assert tried("refusal-believed", Stubborn(answers=Flags.RST | Flags.ACK)).verdict is Verdict.FAIL


@dataclass
class Waiting(Stack):
    """Sends its SYN after these waits, in seconds."""

    waits: tuple[float, ...] = ()

    def woke(self, now: int) -> Iterable[Reply]:
        found = list(super().woke(now))
        for connection in self.connections.values():
            wait = self.waits[min(connection.tries, len(self.waits) - 1)]
            connection.timer = now + round(wait * RTO)
        return found


LINUX = (1, 1, 1, 1, 1, 2, 4, 8, 16, 32)


@pytest.mark.parametrize(
    ("waits", "verdict"),
    [
        ((1, 2, 4, 8, 16, 32), Verdict.PASS),
        ((3, 6, 12, 24, 48), Verdict.PASS),
        (LINUX, Verdict.NOTE),
        ((3,), Verdict.FAIL),
        ((4, 2, 1), Verdict.FAIL),
        ((1, 2, 80), Verdict.INCONCLUSIVE),
    ],
)
def test_waits_between_syns_are_judged(waits: tuple[float, ...], verdict: Verdict) -> None:
    assert tried("syn-waits-grow", Waiting(waits=waits, tries=60)).verdict is verdict


def test_a_syn_that_comes_again_early_is_warned_of_and_one_that_never_does_is_a_fault() -> None:
    found = tried("syn-sent-again", Waiting(waits=(0.5, 1)))
    assert (found.verdict, found.checks[-1].actual) == (Verdict.WARN, "0.50 s")
    assert tried("syn-sent-again", Waiting(waits=(3, 6))).verdict is Verdict.PASS
    assert tried("syn-sent-again", Waiting(waits=(20,))).verdict is Verdict.FAIL


def test_who_gives_up_within_three_minutes_is_noted() -> None:
    found = tried("syn-tried-for-three-minutes", Waiting(waits=LINUX, tries=9))
    assert (found.verdict, found.checks[-1].sentence) == (
        Verdict.NOTE,
        "It, or its program, has given up by then, as nearly all do.",
    )


def test_who_does_not_dial_is_not_at_fault() -> None:
    for probe in ("dialled-syn-bare", "dialled-syn-announces", "synack-acked", "syn-waits-grow"):
        found = tried(probe, Stack(alter=lambda one: None))
        assert found.verdict is Verdict.INCONCLUSIVE
