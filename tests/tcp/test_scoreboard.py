"""Which segments are lost: by what was sent after them and has arrived."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rawshake.tcp.scoreboard import Scoreboard


def board(count: int) -> Scoreboard:
    """``count`` segments of ten octets under way."""
    made = Scoreboard()
    for at in range(count):
        made.sent(10 * at, 10 * at + 10)
    return made


def lost(of: Scoreboard) -> tuple[int, int] | None:
    found = of.lost()
    return None if found is None else (found.start, found.end)


def test_what_three_have_overtaken_is_lost() -> None:
    made = board(6)
    made.sacked(10, 30)
    assert lost(made) is None
    made.sacked(40, 50)
    assert lost(made) == (0, 10)


def test_nothing_is_lost_where_nothing_is_reported() -> None:
    made = board(6)
    made.acknowledged(40)
    assert lost(made) is None


def test_holes_come_one_after_the_other_and_what_is_reported_is_spared() -> None:
    made = board(8)
    made.sacked(10, 20)
    made.sacked(50, 80)
    holes = []
    while (hole := lost(made)) is not None:
        holes.append(hole)
        made.sent(*hole)
    assert holes == [(0, 10), (20, 30), (30, 40), (40, 50)]


def test_what_is_sent_again_is_lost_again_once_three_new_ones_have_overtaken_it() -> None:
    made = board(4)
    made.sacked(10, 40)
    made.sent(0, 10)
    for at in (40, 50, 60):
        made.sent(at, at + 10)
        assert lost(made) is None
        made.sacked(at, at + 10)
    assert lost(made) == (0, 10)


def test_the_copy_that_was_sent_again_proves_nothing_of_others() -> None:
    """Nobody can tell which of the two arrived."""
    made = board(6)
    for at in (0, 10, 20, 30):
        made.sent(at, at + 10)
    made.sacked(10, 40)
    assert lost(made) is None


def test_only_what_is_reported_as_a_whole_is_spared() -> None:
    made = board(6)
    made.sacked(15, 60)
    made.sent(0, 10)
    assert lost(made) == (10, 20)


def test_a_hole_ends_where_something_is_reported() -> None:
    made = board(6)
    assert made.hole(0) is None
    made.sacked(30, 40)
    assert made.hole(0) == 30
    assert made.hole(40) is None


def test_what_was_reported_may_have_been_dropped() -> None:
    """RFC 2018 section 8."""
    made = board(6)
    made.sacked(10, 60)
    made.forget()
    assert made.hole(0) is None
    assert lost(made) is None


def test_a_piece_sent_again_leaves_the_rest_as_it_was() -> None:
    made = board(6)
    made.sacked(20, 60)
    made.sent(3, 13)
    first = made.first
    assert first is not None
    assert (first.start, first.end) == (0, 3)
    assert lost(made) == (0, 3)
    made.sent(0, 3)
    assert lost(made) == (13, 20)
    made.acknowledged(15)
    assert lost(made) == (15, 20)


actions = st.lists(
    st.tuples(
        st.sampled_from(["new", "again", "acknowledged", "sacked"]), st.integers(0, 40), st.integers(1, 15)
    )
)


@given(actions)
def test_it_always_covers_what_is_under_way_once(steps: list[tuple[str, int, int]]) -> None:
    made = Scoreboard()
    una = nxt = 0
    for what, at, length in steps:
        if what == "new":
            made.sent(nxt, nxt + length)
            nxt += length
        elif what == "again" and una < nxt:
            start = una + at % (nxt - una)
            made.sent(start, min(nxt, start + length))
        elif what == "acknowledged":
            una = min(nxt, una + at)
            made.acknowledged(una)
        elif what == "sacked":
            made.sacked(una + at, una + at + length)
        assert [n for one in made._sent for n in range(one.start, one.end)] == list(range(una, nxt))
        found = made.lost()
        assert found is None or not found.sacked
