"""Octets in order, whatever the order and overlap of the segments, and the blocks that a SACK option reports."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rawshake.tcp.seq import Seq
from rawshake.tcp.stream import Stream

START = Seq(0xFFFFFFF0)
OCTETS = bytes(range(64))


def stream(*pieces: tuple[int, int]) -> Stream:
    """What has taken the octets from the first number to before the second of each piece."""
    made = Stream(START)
    for first, end in pieces:
        made.put(START + first, OCTETS[first:end])
    return made


def blocks(of: Stream, most: int = 9) -> list[tuple[int, int]]:
    return [(left - START, right - START) for left, right in of.blocks(most)]


def test_what_fills_a_gap_brings_all_that_waits_behind_it() -> None:
    made = stream((4, 8), (8, 12), (16, 20))
    assert made.put(START, OCTETS[:4]) == OCTETS[:12]
    assert blocks(made) == [(16, 20)]
    assert made.next == START + 12


def test_the_first_copy_of_an_octet_counts() -> None:
    made = stream((4, 8))
    assert made.put(START + 2, b"x" * 4) == b""
    assert made.put(START, b"y" * 12) == b"yyxx" + OCTETS[4:8] + b"yyyy"


def test_the_block_that_changed_last_stands_first() -> None:
    """RFC 2018 section 4."""
    made = stream((4, 8), (16, 20), (28, 32))
    assert blocks(made) == [(28, 32), (16, 20), (4, 8)]
    made.put(START + 8, OCTETS[8:12])
    assert blocks(made) == [(4, 12), (28, 32), (16, 20)]
    assert blocks(made, 2) == [(4, 12), (28, 32)]
    made.put(START + 20, OCTETS[20:28])
    assert blocks(made) == [(16, 32), (4, 12)]


pieces = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), max_size=30)


@given(pieces)
def test_any_pieces_in_any_order(given_: list[tuple[int, int]]) -> None:
    made = Stream(START)
    there: set[int] = set()
    got = b""
    for first, length in given_:
        octets = OCTETS[first : first + length]
        got += made.put(START + first, octets)
        there |= set(range(first, first + len(octets)))
        contiguous = next(n for n in range(65) if n not in there)
        assert got == OCTETS[:contiguous]
        assert made.next == START + contiguous
        above = {n for n in there if n > contiguous}
        shown = blocks(made, 99)
        assert {n for left, right in shown for n in range(left, right)} == above
        assert sum(right - left for left, right in shown) == len(above)
        assert made.gaps == bool(above)
        ordered = sorted(shown)
        assert all(one[1] < other[0] for one, other in pairwise(ordered))


@given(pieces)
def test_no_octet_is_kept_twice(given_: list[tuple[int, int]]) -> None:
    made = Stream(START)
    for first, length in given_:
        made.put(START + first + 1, OCTETS[first : first + length])
    kept = sum(map(len, made._chunks.values()))
    assert kept == sum(right - left for left, right in made.blocks(99))
