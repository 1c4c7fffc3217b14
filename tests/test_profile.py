"""What is given to a live endpoint: deviations, the timer, the allowance of challenge ACKs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.profile import (
    CHALLENGE_SPAN,
    CHALLENGES,
    INITIAL_RTO,
    MAX_RTO,
    SECOND,
    Allowance,
    Deviation,
    Timer,
    deviate,
)
from rawshake.tcp.notation import parse_segment
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq

MILLISECOND = SECOND // 1000


def segment(text: str) -> Segment:
    return parse_segment(text, src=("192.0.2.1", 40000), dst=("192.0.2.2", 80))


MEANT = segment(". =4294967295:4294967295(0) ack =7 win 1000")


@pytest.mark.parametrize(
    ("field", "value", "relative", "wanted"),
    [
        ("seq", 1, True, ". =0:0(0) ack =7 win 1000"),
        ("seq", 5, False, ". =5:5(0) ack =7 win 1000"),
        ("ack", -8, True, ". =4294967295:4294967295(0) ack =4294967295 win 1000"),
        ("ack", 0, False, ". =4294967295:4294967295(0) ack =0 win 1000"),
        ("window", 65535, True, ". =4294967295:4294967295(0) ack =7 win 999"),
        ("window", 0, False, ". =4294967295:4294967295(0) ack =7 win 0"),
        ("checksum", 1, True, ". =4294967295:4294967295(0) ack =7 win 1000 [bad checksum]"),
    ],
)
def test_a_deviation_changes_one_field_of_the_segment_it_names(
    field: str, value: int, relative: bool, wanted: str
) -> None:
    outgoing = deviate("ack", MEANT, [Deviation("ack", field, value, relative)])
    assert outgoing.segment == segment(wanted)
    assert outgoing.meant == MEANT
    assert deviate("data", MEANT, [Deviation("ack", field, value, relative)]).segment == MEANT


def test_flags_are_written_as_asked() -> None:
    outgoing = deviate("fin", MEANT, [Deviation("fin", "flags", int(Flags.FIN | Flags.PSH), False)])
    assert str(outgoing.segment.flags) == "FP"
    assert outgoing.meant.flags == MEANT.flags


def test_several_deviations_of_one_segment_add_up() -> None:
    both = [Deviation("ack", "seq", 1, True), Deviation("ack", "checksum", 0, False)]
    outgoing = deviate("ack", MEANT, both)
    assert outgoing.segment.seq == Seq(0)
    assert outgoing.segment.checksum is Checksum.WRONG
    assert outgoing.checksum is both[1]


def test_whatever_number_a_syn_has_is_the_isn() -> None:
    outgoing = deviate("syn", segment("S =5:5(0)"), [Deviation("syn", "seq", 9, False)])
    assert outgoing.meant == outgoing.segment == segment("S =9:9(0)")


def test_the_first_round_trip_sets_the_timeout_as_rfc_6298_has_it() -> None:
    timer = Timer()
    timer.start(0, Seq(1))
    timer.measure(Seq(1), 2 * SECOND)
    assert timer.rto == 6 * SECOND  # R + 4 * R / 2


def test_later_round_trips_are_smoothed() -> None:
    timer = Timer()
    for number, (sent, rtt) in enumerate([(0, 2 * SECOND), (10 * SECOND, 4 * SECOND)], 1):
        timer.stop()
        timer.start(sent, Seq(number))
        timer.measure(Seq(number), sent + rtt)
    # SRTT = 7/8 * 2 + 1/8 * 4, RTTVAR = 3/4 * 1 + 1/4 * 2
    assert timer.rto == 2250 * MILLISECOND + 4 * 1250 * MILLISECOND


def test_only_the_acknowledgment_of_what_is_timed_ends_a_measurement() -> None:
    timer = Timer()
    timer.start(0, Seq(100))
    timer.start(SECOND, Seq(200))
    timer.measure(Seq(99), 2 * SECOND)
    assert timer.timed == (Seq(100), 0)
    timer.measure(Seq(200), 2 * SECOND)
    assert timer.timed is None


@given(st.lists(st.integers(1, 200 * SECOND), max_size=20))
def test_the_timeout_stays_between_a_second_and_a_minute(rtts: list[int]) -> None:
    timer = Timer()
    for number, rtt in enumerate(rtts):
        timer.stop()
        timer.start(0, Seq(number))
        timer.measure(Seq(number), rtt)
        assert INITIAL_RTO <= timer.rto <= MAX_RTO


def test_it_waits_twice_as_long_each_time_and_no_longer_than_its_patience() -> None:
    timer = Timer()
    timer.start(0)
    expiries = []
    while timer.at is not None and timer.at < 200 * SECOND:
        expiries.append(timer.at // SECOND)
        timer.back_off(timer.at, 200 * SECOND)
    assert expiries == [1, 3, 7, 15, 31, 63, 123, 183]
    assert timer.at == 200 * SECOND


def test_ten_challenges_in_five_seconds_and_then_again() -> None:
    allowance = Allowance()
    assert [allowance.take(n) for n in range(CHALLENGES + 2)] == [True] * CHALLENGES + [False] * 2
    assert not allowance.take(CHALLENGE_SPAN - 1)
    assert allowance.take(CHALLENGE_SPAN)
    assert not allowance.take(CHALLENGE_SPAN)
