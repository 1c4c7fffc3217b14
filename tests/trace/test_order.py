"""Frames come in the order of their times, held no longer than must be."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from rawshake.link import Frame
from rawshake.trace.order import BEHIND, WITHIN, ordered


def frames(times: list[int]) -> list[Frame]:
    return [Frame(time, b"", number=number) for number, time in enumerate(times, 1)]


def numbers(times: list[int]) -> list[int]:
    return [frame.number for frame in ordered(frames(times))]


def test_order_is_kept_and_made() -> None:
    assert numbers([1, 2, 2, 3]) == [1, 2, 3, 4]
    assert numbers([5, 1, 3, 1, 5]) == [2, 4, 3, 1, 5]


def test_a_clock_that_is_set_back_leaves_the_order_of_the_file() -> None:
    late = 10 * WITHIN
    assert numbers([late, late + 1, 0, 2, 1]) == [1, 2, 3, 5, 4]


@given(st.lists(st.integers(0, WITHIN), max_size=300))
def test_nothing_is_lost_and_no_more_are_held_than_may(times: list[int]) -> None:
    given_in = 0

    def counted() -> Iterator[Frame]:
        nonlocal given_in
        for frame in frames(times):
            given_in += 1
            yield frame

    out = []
    for frame in ordered(counted()):
        out.append(frame)
        assert given_in - len(out) <= BEHIND
    assert sorted(frame.number for frame in out) == list(range(1, len(times) + 1))
    if len(times) <= BEHIND:
        assert [frame.number for frame in out] == [
            n for _, n in sorted(zip(times, range(1, 999), strict=False))
        ]


@given(st.lists(st.integers(0, BEHIND // 2), min_size=1, max_size=300))
def test_who_is_late_by_less_than_is_held_is_put_right(late: list[int]) -> None:
    times = [at - back for at, back in enumerate(late)]
    assert [frame.time for frame in ordered(frames(times))] == sorted(times)


def test_a_frame_goes_on_once_nothing_can_come_before_it() -> None:
    """So that a capture that still grows is followed, however slowly it does."""
    given_in = 0

    def slow() -> Iterator[Frame]:
        nonlocal given_in
        for frame in frames([at * (WITHIN + 1) for at in range(10)]):
            given_in += 1
            yield frame

    assert [given_in - frame.number for frame in ordered(slow())] == [1] * 9 + [0]
