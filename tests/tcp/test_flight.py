"""Pieces of the sequence space that lie apart, and become one where they meet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rawshake.tcp.flight import join
from rawshake.tcp.seq import Seq

START = Seq(0xFFFFFFF0)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=30))
def test_pieces_stay_apart_and_hold_all_that_was_added(added: list[tuple[int, int]]) -> None:
    pieces: list[tuple[Seq, Seq]] = []
    numbers: set[int] = set()
    for first, length in added:
        join(pieces, START + first, START + first + length)
        numbers |= set(range(first, first + length))
    held = [n for left, right in pieces for n in range(left - START, right - START)]
    assert sorted(held) == sorted(numbers)
    edges = {right for _, right in pieces}
    assert not any(left in edges for left, _ in pieces)
