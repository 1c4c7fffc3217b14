"""What probes on options that both SYNs agree on make of stacks that agree to too much, or heed it wrongly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp import option
from rawshake.tcp.option import Kind, Option
from rawshake.tcp.segment import Segment
from tests.probes.stack import Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def last(probe: str, stack: Stack) -> tuple[Verdict, str]:
    found = tried(probe, stack)
    return found.verdict, found.checks[-1].sentence


def adding(*options: Option) -> Stack:
    return Stack(alter=lambda one: replace(one, options=(*one.options, *options)) if one.syn else one)


@pytest.mark.parametrize(
    ("extra", "verdict", "words"),
    [
        (option.wscale(7), Verdict.FAIL, "has window scale"),
        (option.timestamps(1, 0), Verdict.FAIL, "has timestamps"),
        (option.SACK_PERMITTED, Verdict.NOTE, "permits SACK unasked"),
    ],
)
def test_options_that_were_not_offered(extra: Option, verdict: Verdict, words: str) -> None:
    found, sentence = last("agreed-only-if-offered", adding(extra))
    assert (found, words in sentence) == (verdict, True)


@dataclass
class Deaf(Stack):
    """Takes no option of some kinds, or another one for it; of SYNs only, unless ``always``."""

    kinds: frozenset[int] = frozenset()
    instead: tuple[Option, ...] = ()
    always: bool = False

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if segment.syn or self.always:
            left = tuple(one for one in segment.options if one.kind not in self.kinds)
            changed = self.instead if len(left) < len(segment.options) else ()
            segment = replace(segment, options=(*left, *changed))
        return super().took(segment, now)


NO_SCALE = frozenset({Kind.WSCALE})


@pytest.mark.parametrize("probe", ["window-scaled-as-agreed", "syn-ack-window-unscaled"])
def test_without_window_scale_there_is_nothing_to_be_seen(probe: str) -> None:
    found = tried(probe, Deaf(kinds=NO_SCALE))
    assert found.verdict is Verdict.SKIPPED


@dataclass
class Scaling(Stack):
    """Uses one shift count for everybody, whatever was agreed on."""

    shift: int = 0

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if not segment.syn:
            connection = self.connections.get((segment.dport, segment.sport))
            if connection is not None:
                connection.terms.shift = self.shift
        return super().took(segment, now)


@pytest.mark.parametrize(("shift", "expected"), [(8, "at most 1280"), (0, "up to 1280")])
def test_another_shift_than_was_agreed_is_named(shift: int, expected: str) -> None:
    found = tried("window-scaled-as-agreed", Scaling(shift=shift))
    assert (found.verdict, found.checks[-1].expected) == (Verdict.FAIL, expected)


def test_a_shift_of_15_by_its_word_is_named() -> None:
    found = tried("shift-above-14-used-as-14", Scaling(shift=15))
    assert (found.verdict, found.checks[-1].expected) == (Verdict.FAIL, "at most 16384")


def test_a_shift_of_15_that_would_not_show_or_is_refused() -> None:
    class Narrow(Stack):
        """Has never more than a few segments under way."""

        def took(self, segment: Segment, now: int) -> Iterable[Reply]:
            connection = self.connections.get((segment.dport, segment.sport))
            if connection is not None:
                connection.cwnd = 2000
            return super().took(segment, now)

    assert tried("shift-above-14-used-as-14", Narrow()).verdict is Verdict.SKIPPED
    assert last("shift-above-14-used-as-14", Deaf(kinds=NO_SCALE))[0] is Verdict.NOTE


def test_window_scale_that_comes_late_and_is_heeded_is_named() -> None:
    found = tried("late-wscale-ignored", Scaling(shift=14))
    assert (found.verdict, found.checks[-1].field) == (Verdict.FAIL, "octets")


@pytest.mark.parametrize("probe", ["window-scaled-as-agreed", "late-wscale-ignored"])
def test_a_program_that_sends_nothing_proves_nothing(probe: str) -> None:
    silent = Stack(alter=lambda one: None if one.payload else one)
    assert tried(probe, silent).verdict is Verdict.INCONCLUSIVE


def test_a_window_that_looks_scaled_in_a_syn_is_a_note() -> None:
    scaled = (option.mss(1460), option.wscale(7))
    stack = Stack(alter=lambda one: replace(one, window=64, options=scaled if one.syn else ()))
    assert last("syn-ack-window-unscaled", stack)[0] is Verdict.NOTE


@dataclass
class Forgetting(Stack):
    """Begins anew with every SYN, and resets what the one before had begun."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        key = (segment.dport, segment.sport)
        if segment.syn and key in self.connections:
            del self.connections[key]
            return ()
        return super().took(segment, now)


def test_who_loses_the_connection_to_a_second_syn_is_named() -> None:
    assert tried("syn-with-and-without-timestamps", Forgetting()).verdict is Verdict.FAIL


def test_the_terms_of_the_last_syn_ack_are_kept_to() -> None:
    class Renewing(Stack):
        """Agrees anew with every SYN."""

        def took(self, segment: Segment, now: int) -> Iterable[Reply]:
            connection = self.connections.pop((segment.dport, segment.sport), None) if segment.syn else None
            if connection is None:
                yield from super().took(segment, now)
                return
            self._isns[segment.dport, segment.sport] = connection.block.iss + -1_000_000
            yield from super().took(segment, now)

    assert tried("syn-with-and-without-timestamps", Renewing()).verdict is Verdict.PASS


@dataclass
class Granting(Stack):
    """Has fast open: grants a cookie, and takes data with whatever it believes."""

    cookie: bytes = bytes(range(1, 9))
    #: what it takes for a valid cookie
    believes: frozenset[bytes] = frozenset({bytes(range(1, 9))})

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        asked = segment.option(Kind.FAST_OPEN)
        for after, one in super().took(segment, now):
            if isinstance(one, Segment) and one.syn and asked is not None:
                if asked.data == b"":
                    grant = option.make(Kind.FAST_OPEN, self.cookie)
                    one = replace(one, options=(*one.options, grant))
                elif asked.data in self.believes:
                    one = replace(one, ack=one.ack + segment.payload_length)
            yield after, one


@pytest.mark.parametrize(
    ("stack", "verdict"),
    [
        (Granting(), Verdict.PASS),
        (Granting(believes=frozenset()), Verdict.PASS),
        (Granting(believes=frozenset({bytes(8)})), Verdict.FAIL),
        (Granting(believes=frozenset({bytes(range(1, 4))})), Verdict.FAIL),
        (Granting(cookie=b"abc"), Verdict.FAIL),
        (Granting(cookie=b"abcde"), Verdict.FAIL),
        (Granting(cookie=bytes(18)), Verdict.FAIL),
    ],
)
def test_fast_open(stack: Stack, verdict: Verdict) -> None:
    assert tried("fast-open-cookies", stack).verdict is verdict
