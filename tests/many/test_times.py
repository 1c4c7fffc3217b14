"""Distributions: percentiles to 1 %, whatever the times, and every time in one stretch of the histogram."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rawshake.many.times import Times

TIMES = st.lists(st.integers(0, 10**12), min_size=1, max_size=50)


def of(*times: int) -> Times:
    found = Times()
    found.add(times)
    return found


@given(TIMES, st.sampled_from([0.01, 0.25, 0.5, 0.9, 0.99, 1]))
def test_a_percentile_is_right_to_one_percent(times: list[int], share: float) -> None:
    exact = next(one for at, one in enumerate(sorted(times), 1) if at >= share * len(times))
    assert abs(of(*times).percentile(share) - exact) <= 0.01 * exact + 1


@given(TIMES, st.integers(1, 40))
def test_a_histogram_has_each_time_once(times: list[int], most: int) -> None:
    rows = of(*times).histogram(most)
    assert 0 < len(rows) <= most
    assert sum(count for _, _, count in rows) == len(times)
    assert rows[0][2]
    assert rows[-1][2]
    assert all(before[1] == after[0] for before, after in pairwise(rows))
    assert rows[0][0] <= min(times) + 1
    assert max(times) <= rows[-1][1] + 1


@given(TIMES, TIMES)
def test_in_one_go_or_in_two(some: list[int], others: list[int]) -> None:
    twice = of(*some)
    twice.add(others)
    once = of(*some, *others)
    assert (twice.count, twice.least, twice.most) == (once.count, min(some + others), max(some + others))
    assert twice.histogram(20) == once.histogram(20)


def test_nothing_at_all() -> None:
    nothing = Times()
    nothing.add([])
    assert (nothing.count, nothing.histogram(5)) == (0, [])


def test_a_clock_that_went_back_counts_as_no_time() -> None:
    assert of(-5, 7).least == 0
