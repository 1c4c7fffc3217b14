"""What probes on the options of a target that dials out make of SYNs that announce nonsense, and of long segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp import option
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.state import State
from tests.probes.stack import Connection, Stack
from tests.probes.twins import attempt


def tried(probe: str, stack: Stack) -> Attempt:
    (found,) = select([probe])
    return attempt(found, stack)


def announcing(*options: option.Option) -> Stack:
    return Stack(alter=lambda one: replace(one, options=options) if one.syn else one)


@pytest.mark.parametrize(
    ("options", "verdict", "field"),
    [
        ((option.mss(0),), Verdict.FAIL, "mss"),
        (option.parse(b"\x02\x09\x05\xb4"), Verdict.FAIL, "options"),
        ((option.mss(1460), option.wscale(15)), Verdict.FAIL, "wscale"),
        ((option.mss(1460), option.mss(1460)), Verdict.WARN, ""),
        ((), Verdict.NOTE, ""),
        ((option.mss(1460), option.NOP, option.wscale(14)), Verdict.PASS, ""),
    ],
)
def test_what_a_syn_announces_is_judged(
    options: tuple[option.Option, ...], verdict: Verdict, field: str
) -> None:
    found = tried("dialled-syn-announces", announcing(*options))
    assert (found.verdict, found.checks[-1].field) == (verdict, field)


@dataclass
class Picky(Stack):
    """Does with a SYN,ACK whose options are malformed what ``manner`` says."""

    manner: Callable[[Stack, Connection, Segment], list[Segment]] = lambda stack, here, segment: []
    hung: bool = False

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if self.hung:
            return []
        here = self.connections.get((segment.dport, segment.sport))
        if here is not None and any(one.defect for one in segment.options):
            return [(0, one) for one in self.manner(self, here, segment)]
        return super().took(segment, now)


def resets(stack: Stack, here: Connection, segment: Segment) -> list[Segment]:
    here.block = replace(here.block, state=State.CLOSED)
    del stack.connections[segment.dport, segment.sport]
    return [stack._segment(here, Flags.RST, segment.ack)]


def hangs(stack: Stack, here: Connection, segment: Segment) -> list[Segment]:
    assert isinstance(stack, Picky)
    stack.hung = True
    return []


LENGTHS = [f"synack-mss-length-{one}-survived" for one in ("of-zero", "too-short", "past-the-end")]


@pytest.mark.parametrize("probe", LENGTHS)
def test_an_illegal_length_may_be_dropped_or_reset_but_must_not_hang(probe: str) -> None:
    assert tried(probe, Picky()).verdict is Verdict.PASS
    assert tried(probe, Picky(manner=resets)).verdict is Verdict.PASS
    assert tried(probe, Picky(manner=hangs)).verdict is Verdict.FAIL


@dataclass
class Deaf(Stack):
    """Has no ear for MSS options, but for those that it ``takes_for``; ``echoes`` what it gets, or not."""

    takes_for: int = 1460
    echoes: bool = True

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if segment.syn:
            segment = replace(segment, options=(option.mss(self.takes_for),))
        if segment.payload and not self.echoes:
            segment = replace(segment, payload=b"", payload_length=0)
        return super().took(segment, now)


def test_segments_longer_than_the_mss_of_our_synack_are_named() -> None:
    found = tried("mss-of-synack-obeyed", Deaf())
    assert (found.verdict, found.checks[-1].field) == (Verdict.FAIL, "octets")
    assert tried("mss-of-synack-obeyed", Deaf(takes_for=250)).verdict is Verdict.PASS


def test_of_a_program_that_says_nothing_nothing_can_be_told() -> None:
    found = tried("mss-of-synack-obeyed", Deaf(echoes=False))
    assert (found.verdict, found.checks[-1].sentence) == (
        Verdict.INCONCLUSIVE,
        "its program does not send more than the MSS.",
    )
