"""The grid as a picture: every cell has its square, no two lie on one another, and the rest is void."""

from __future__ import annotations

from collections import Counter

from rawshake.html.heatmap import MORE, columns, lettered, rows, voids
from rawshake.probes.grid.cells import AckPlace, live_cells, product_cells
from rawshake.rules.model import Verdict

PASSED = {cell.id: Verdict.PASS for cell in live_cells()}


def test_every_cell_has_one_square() -> None:
    squares = [square for row in rows(PASSED, {}) for square in row.squares]
    assert Counter(square.cell for square in squares) == Counter(live_cells())
    assert {square.verdict for square in squares} == {Verdict.PASS}


def test_squares_fill_the_whole_and_overlap_nowhere() -> None:
    drawn = rows(PASSED, {})
    taken = Counter(
        (square.x, square.y + down) for row in drawn for square in row.squares for down in range(square.rows)
    )
    assert taken == Counter((x, y) for x in range(len(columns())) for y in range(len(drawn)))


def test_a_square_stands_in_its_row_and_column() -> None:
    for y, row in enumerate(rows(PASSED, {})):
        for square in row.squares:
            column = columns()[square.x]
            assert (square.y, square.cell.kind) == (y, row.kind)
            assert (square.cell.state, square.cell.seq) == (column.state, column.place)
            assert square.cell.ack in ({None} if square.rows == len(AckPlace) else {row.ack})


def test_what_was_not_run_has_neither_verdict_nor_sign() -> None:
    squares = [square for row in rows({"LISTEN/SYN": Verdict.FAIL}, {}) for square in row.squares]
    assert {square.cell.id: square.sign for square in squares if square.verdict} == {"LISTEN/SYN": "✗"}
    assert {square.sign for square in squares if square.verdict is None} == {""}


def test_what_is_void_is_counted_with_its_reasons() -> None:
    assert sum(one.count for one in voids()) == len(product_cells()) - len(live_cells())
    why = {str(one.state): one.why for one in voids()}
    assert why["SYN-SENT"] == "There is no window in SYN-SENT, so SEG.SEQ has no place."
    assert why["LISTEN"].endswith("Nothing was sent in LISTEN, so SEG.ACK has no place.")


def test_notes_have_letters_the_most_frequent_the_first() -> None:
    letters, signs = lettered({"x": ["seldom", "often"], "y": ["often"], "z": []})
    assert letters == {"often": "a", "seldom": "b"}
    assert signs == {"x": "ba", "y": "a"}


def test_letters_may_run_out() -> None:
    letters, signs = lettered({f"cell {number}": [f"note {number}"] for number in range(60)})
    assert len(set(letters.values())) == 53
    assert letters["note 59"] == signs["cell 59"] == MORE
