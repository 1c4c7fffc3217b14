"""Where pieces stand: in their order, never over one another, and on a linear axis as near to their times as can be."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.html.axis import _monotone, in_rows, in_time, tick

MS = 1_000_000
PIECES = st.lists(
    st.tuples(st.integers(0, 10**12), st.floats(20, 200), st.floats(0, 20)), min_size=1, max_size=20
)


def test_rows_stand_one_below_the_other() -> None:
    assert in_rows([10, 20, 5]) == [0, 10, 30]
    assert in_rows([]) == []


@given(PIECES)
def test_on_the_axis_no_piece_stands_over_another(pieces: list[tuple[int, float, float]]) -> None:
    times, heights, anchors = zip(*pieces, strict=True)
    edges, _, _ = in_time(times, heights, anchors)
    assert edges[0] >= -1e-6
    for (upper, height), lower in zip(zip(edges, heights, strict=True), edges[1:], strict=False):
        assert lower >= upper + height - 1e-6 * (1 + abs(upper))


def test_where_there_is_room_each_stands_at_its_time() -> None:
    times, heights, anchors = [0, 10 * MS, 40 * MS, 80 * MS], [20.0] * 4, [5.0] * 4
    edges, at, length = in_time(times, heights, anchors)
    assert length == 100
    # 0, 10, 40 and 80 of 80 ms on 100 units, from what happens first
    assert at == pytest.approx([5, 17.5, 55, 105])
    # The second would begin 12.5 below the first, which is 20 high, and nothing goes higher than the beginning.
    assert edges == pytest.approx([0, 20, 50, 100])


def test_neighbours_that_are_too_near_share_the_shift() -> None:
    edges, at, _ = in_time([0, 100 * MS, 100 * MS, 200 * MS], [20.0] * 4, [0.0] * 4)
    assert at == pytest.approx([0, 50, 50, 100])
    assert edges == pytest.approx([0, 40, 60, 100])


def test_times_that_are_equal_are_drawn_in_rows() -> None:
    assert in_time([7, 7, 7], [10, 20, 30], [5, 5, 5])[0] == pytest.approx([0, 10, 30], abs=10)
    assert in_time([], [], []) == ([], [], 1.0)


@given(st.lists(st.floats(-1000, 1000), max_size=12))
def test_the_shift_is_the_least_that_there_is(values: list[float]) -> None:
    def mean(first: int, last: int) -> float:
        return sum(values[first : last + 1]) / (last + 1 - first)

    # The max-min formula of isotonic regression (Robertson, Wright and Dykstra, 1988).
    count = len(values)
    best = [
        max(min(mean(first, last) for last in range(at, count)) for first in range(at + 1))
        for at in range(count)
    ]
    found = _monotone(values)
    assert found == pytest.approx(best, abs=1e-6)
    assert all(one <= other + 1e-9 for one, other in pairwise(found))


def test_values_that_fall_are_moved() -> None:
    assert _monotone([3, 1]) == [2, 2]
    assert _monotone([1, 3]) == [1, 3]


def test_ticks_are_round_and_not_crowded() -> None:
    assert tick([0, 100 * MS], 240) == 10 * MS
    assert tick([0, 100 * MS], 239) == 20 * MS
    assert tick([5, 5], 100) == 0
    assert tick([], 100) == 0
