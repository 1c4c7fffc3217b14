"""What probes on opening tell, warn of and call broken, which no twin shows: choices, times, ISNs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.grid.answers import Choice
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.probes.stack import SECOND, Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def told(found: Attempt) -> tuple[Verdict, str]:
    return found.verdict, found.checks[-1].sentence


@pytest.mark.parametrize(
    ("probe", "choice", "words"),
    [
        ("other-syn-in-syn-received", Choice.RFC_5961_SYN, "RFC 5961 4.2 in SYN-RECEIVED"),
        ("other-syn-in-syn-received", Choice.SYN_RESET, "is reset, and the server returns to LISTEN"),
        ("syn-with-fin", Choice.SYN_FIN_DROPPED, "a SYN with FIN is dropped"),
    ],
)
def test_choices_are_notes_that_name_them(probe: str, choice: Choice, words: str) -> None:
    verdict, sentence = told(tried(probe, Stack(takes=frozenset({choice}))))
    assert verdict is Verdict.NOTE
    assert words in sentence


@dataclass
class Answering(Stack):
    """Gives another answer to one kind of segment, by its flags and how far from the ISN it stands."""

    flags: Flags = Flags.SYN
    at: int = 0
    answer: Flags = Flags.ACK
    ack: int = 1
    isn: Seq | None = None

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if segment.syn and self.isn is None:
            self.isn = segment.seq
        if self.isn is None or segment.flags != self.flags or segment.seq != self.isn + self.at:
            return super().took(segment, now)
        odd = Segment(
            src=segment.dst, dst=segment.src, sport=segment.dport, dport=segment.sport,
            seq=Seq(1), ack=segment.seq + self.ack, flags=self.answer,
        )  # fmt: skip
        return [(0, odd)]


def test_a_second_syn_that_is_taken_into_the_connection_is_named() -> None:
    odd = Answering(at=101, answer=Flags.ACK, ack=7)
    assert told(tried("other-syn-in-syn-received", odd)) == (
        Verdict.FAIL, "Another SYN was taken into the connection.",
    )  # fmt: skip
    anew = Answering(at=101, answer=Flags.SYN | Flags.ACK)
    assert told(tried("other-syn-in-syn-received", anew))[0] is Verdict.NOTE


def test_a_syn_with_fin_that_is_reset_or_half_closes_is_named() -> None:
    for answer in (Flags.RST | Flags.ACK, Flags.FIN | Flags.ACK):
        odd = Answering(flags=Flags.SYN | Flags.FIN, answer=answer)
        assert told(tried("syn-with-fin", odd)) == (Verdict.FAIL, "A SYN with FIN was answered oddly.")


def test_data_on_a_syn_that_is_taken_is_a_note() -> None:
    taken = Answering(flags=Flags.SYN, answer=Flags.SYN | Flags.ACK, ack=6)
    assert (
        tried("data-on-syn", taken).verdict is Verdict.FAIL
    )  # it says so, and knows nothing of it afterwards


class Steady(Stack):
    """Sends what is not acknowledged again after the same time, always."""

    pause = SECOND

    def woke(self, now: int) -> Iterable[Reply]:
        replies = list(super().woke(now))
        for one in self.connections.values():
            if one.timer is not None:
                one.timer = now + self.pause
        return replies


class Hasty(Steady):
    pause = SECOND * 4

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        replies = list(super().took(segment, now))
        for one in self.connections.values():
            one.timer = now + SECOND // 5
        return replies


def test_the_times_of_a_synack_are_judged() -> None:
    assert tried("synack-again-ever-slower", Steady()).verdict is Verdict.FAIL
    assert tried("synack-again-ever-slower", Hasty()).verdict is Verdict.WARN
    assert tried("synack-again-ever-slower", Stack(repeats=False)).verdict is Verdict.NOTE


class Numbered(Stack):
    """Takes its ISNs from a list."""

    numbers: Iterator[int] = iter(())

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        for after, reply in super().took(segment, now):
            if isinstance(reply, Segment) and reply.syn:
                reply = replace(reply, seq=Seq(next(self.numbers)))
            yield after, reply


def test_isns_that_stand_still_go_back_or_lie_together_are_named() -> None:
    still, back, near = Numbered(), Numbered(), Numbered()
    still.numbers = iter([7, 7, 7, 7])
    back.numbers = iter([7, 1_000, 5, 2_000])
    near.numbers = iter(range(6510, 6600))
    assert tried("isn-moves-on", still).verdict is Verdict.FAIL
    assert tried("isn-moves-on", back).verdict is Verdict.NOTE
    assert tried("isns-unrelated", near).verdict is Verdict.WARN


class Greedy(Stack):
    """Heeds no window."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return super().took(replace(segment, window=60_000), now)


class Mute(Stack):
    """Its servers say nothing by themselves."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return super().took(replace(segment, window=0), now)


def test_more_than_the_window_is_named_and_silence_decides_nothing() -> None:
    assert tried("window-of-third-segment-counts", Greedy()).verdict is Verdict.FAIL
    assert tried("window-of-third-segment-counts", Mute()).verdict is Verdict.INCONCLUSIVE
