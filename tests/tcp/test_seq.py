"""Sequence numbers next to the wrap and to half the space, each pair of them, and any others."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.tcp.seq import HALF, SPACE, Seq, later
from tests.tcp.strategies import EDGES, numbers

#: Every number within two of the wrap and of half the space, and each of them moved by 1000 and by -1000.
NEAR = sorted(
    {(edge + by + move) % SPACE for edge in (0, HALF) for by in range(-2, 3) for move in (0, 1000, -1000)}
)


@pytest.mark.parametrize("a", NEAR)
def test_order_is_the_shorter_way_round(a: int) -> None:
    for b in NEAR:
        before = 0 < (b - a) % SPACE < HALF
        assert (Seq(a) < Seq(b)) is before
        assert (Seq(b) > Seq(a)) is before
        assert (Seq(a) <= Seq(b)) is (before or a == b)
        assert (Seq(b) >= Seq(a)) is (before or a == b)
        assert (Seq(a) == Seq(b)) is (a == b)


@given(numbers())
def test_half_the_space_apart_is_unordered(number: int) -> None:
    a, b = Seq(number), Seq(number + HALF)
    assert not a < b
    assert not a > b
    assert not a <= b
    assert not a >= b
    assert a != b
    assert b - a == a - b == -HALF


@given(numbers(), numbers())
def test_distance_leads_from_one_to_the_other(a: int, b: int) -> None:
    distance = Seq(b) - Seq(a)
    assert -HALF <= distance < HALF
    assert Seq(a) + distance == Seq(b)
    assert Seq(b) - distance == Seq(a)
    assert (distance > 0) is (Seq(a) < Seq(b))
    if abs(distance) != HALF:
        assert Seq(a) - Seq(b) == -distance


@given(numbers(), st.integers(-SPACE * 2, SPACE * 2))
def test_sums_wrap(number: int, octets: int) -> None:
    assert int(Seq(number) + octets) == (number + octets) % SPACE
    assert int(Seq(number) - octets) == (number - octets) % SPACE
    assert Seq(number) + octets - octets == Seq(number)


@pytest.mark.parametrize("start", EDGES)
@pytest.mark.parametrize("length", [0, 1, 2, 1000, HALF])
def test_within_counts_from_start_and_leaves_out_the_end(start: int, length: int) -> None:
    inside = {start + length // 2, start, start + length - 1} if length else set()
    for number in inside:
        assert Seq(number).within(Seq(start), length)
    for number in (start - 1, start + length, start + length + 1):
        assert not Seq(number).within(Seq(start), length)


def test_wrap_example() -> None:
    isn = Seq(0xFFFFFFFF)
    assert isn + 1 == Seq(0)
    assert isn < isn + 1
    assert (isn + 1) - isn == 1
    assert str(isn) == "4294967295"
    assert repr(isn) == "Seq(4294967295)"
    assert hash(isn) == hash(Seq(-1))


def test_later_takes_the_known_and_the_further() -> None:
    assert later(None, Seq(5)) == Seq(5)
    assert later(Seq(SPACE - 1), Seq(5)) == Seq(5)
    assert later(Seq(5), Seq(SPACE - 1)) == Seq(5)
    assert later(Seq(5 + HALF), Seq(5)) == Seq(5)


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_order_with_a_plain_number_is_an_error(compare: Callable[[Any, Any], bool]) -> None:
    with pytest.raises(TypeError):
        compare(Seq(1), 2)
    with pytest.raises(TypeError):
        compare(2, Seq(1))


def test_arithmetic_the_wrong_way_round_is_an_error() -> None:
    wrong: Any = Seq(1)
    with pytest.raises(TypeError):
        2 - wrong
    with pytest.raises(TypeError):
        2 + wrong
    with pytest.raises(TypeError):
        wrong + wrong


def test_a_plain_number_is_never_equal() -> None:
    plain: object = 1
    assert Seq(1) != plain
