"""Servers that go wrong in what was agreed on, timestamps, SACK and ECN: each is named by one finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rawshake.net.lab.namespaces import Lab
from rawshake.rules.model import Verdict
from rawshake.tcp import option
from rawshake.tcp.option import Option
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.live.peer import Case, Cases, Peer, check, mentioned

faulty, warned = Cases(), Cases()
HELLO = ("--data", "hello")


def stamped(segment: Segment, *, later: int = 0, echo: int | None = None) -> Segment:
    """The segment with its timestamp moved, or another echo."""
    assert segment.timestamps is not None
    value, right = segment.timestamps
    stamp = option.timestamps((value + later) % (1 << 32), right if echo is None else echo)
    options = (stamp if one.kind == stamp.kind else one for one in segment.options)
    return replace(segment, options=tuple(options))


def sacked(segment: Segment, first: Seq, past: Seq) -> Segment:
    """The segment with a block of SACK besides."""
    added: tuple[Option, ...] = (option.NOP, option.NOP, option.sack((first, past)))
    return replace(segment, options=(*segment.options, *added))


@faulty("ts-value-monotonic", "ack finack fin", *HELLO, "--timestamps")
def timestamps_that_go_back(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield stamped(right, later=-500)


@faulty("ts-value-monotonic", "finack", "--timestamps")
def timestamp_that_goes_back_once(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield stamped(right, later=-500)


@faulty("ts-echo-rules", "synack", "--timestamps")
def no_echo_on_the_synack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield stamped(right, echo=0)


@faulty("ts-echo-rules", "finack", "--timestamps")
def echo_of_what_was_never_sent(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield stamped(right, echo=4711)


@faulty("ts-echo-rules", "finack", "--timestamps")
def echo_from_the_future(peer: Peer, right: Segment) -> Iterator[Segment]:
    assert right.timestamps is not None
    yield stamped(right, echo=right.timestamps[1] + 1_000_000)


@faulty("sack-blocks-sane", "ack", *HELLO, "--sack")
def sack_of_what_was_never_sent(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield sacked(right, right.ack + 1000, right.ack + 1100)


@faulty("sack-blocks-sane", "ack", *HELLO, "--sack")
def sack_the_wrong_way_round(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield sacked(right, right.ack, right.ack - 4)


@faulty("sack-blocks-sane", "ack", *HELLO, "--sack")
def sack_of_nothing(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield sacked(right, right.ack, right.ack)


@faulty("sack-blocks-sane", "ack", *HELLO, "--sack")
def dsack_of_before_the_isn(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield sacked(right, right.ack - 1000, right.ack - 900)


@faulty("ecn-synack-only-after-setup-syn", "synack")
def ece_that_nobody_asked_for(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=right.flags | Flags.ECE)


@pytest.mark.parametrize("case", faulty, ids=str)
def test_named_by_one_finding(lab: Lab, tmp_path: Path, case: Case) -> None:
    check(case, case.meet(lab, tmp_path))


@warned("ecn-synack-only-after-setup-syn", "synack", "--ecn")
def ece_and_cwr_reflected(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=right.flags | Flags.ECE | Flags.CWR)


@warned("ecn-no-ect-before-negotiation", "synack")
def ect_on_the_synack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ecn=2)


@pytest.mark.parametrize("case", warned, ids=str)
def test_what_many_servers_do_is_a_warning(lab: Lab, tmp_path: Path, case: Case) -> None:
    mentioned(case, case.meet(lab, tmp_path), Verdict.WARN)
