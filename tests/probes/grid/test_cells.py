"""The grid has no gaps, every void cell a reason, and every cell a name of its own."""

from __future__ import annotations

from collections import Counter

import pytest

from rawshake.probes.grid.cells import (
    WINDOWLESS,
    AckPlace,
    Cell,
    Kind,
    SeqPlace,
    live_cells,
    parse,
    product_cells,
    void,
)
from rawshake.tcp.segment import Flags
from rawshake.tcp.state import State


def test_the_full_product_is_eleven_states_of_a_hundred() -> None:
    counted = Counter(cell.state for cell in product_cells())
    assert counted == dict.fromkeys(State, 5 * (5 * 3 + 5 * 1))
    assert len(set(product_cells())) == 1100


def test_the_live_cells_are_counted_by_state() -> None:
    counted = Counter(cell.state for cell in live_cells())
    assert (counted[State.CLOSED], counted[State.LISTEN], counted[State.SYN_SENT]) == (10, 10, 20)
    assert all(counted[state] == 100 for state in State if state not in WINDOWLESS)
    assert len(set(live_cells())) == len(live_cells()) == 840


def test_every_cell_of_the_product_is_live_or_void() -> None:
    live = set(live_cells())
    for cell in product_cells():
        assert (cell in live) is (void(cell) == ""), cell
    assert not any(map(void, live))


def test_a_void_cell_has_its_reason() -> None:
    assert sum(1 for cell in product_cells() if void(cell)) == 300
    listen = Cell(State.LISTEN, Kind.ACK, SeqPlace.AT, AckPlace.ABOVE)
    assert void(listen) == "There is no window in LISTEN, so SEG.SEQ has no place."
    assert void(Cell(State.CLOSED, Kind.ACK, None, AckPlace.ABOVE)).startswith("Nothing was sent in CLOSED")
    assert void(Cell(State.SYN_SENT, Kind.ACK, None, AckPlace.ABOVE)) == ""


def test_a_cell_is_found_by_its_id_and_says_what_it_is() -> None:
    assert all(parse(cell.id) == cell for cell in live_cells())
    cell = Cell(State.FIN_WAIT_1, Kind.FIN_ACK, SeqPlace.AT, AckPlace.IN_RANGE)
    assert cell.id == "FIN-WAIT-1/FIN+ACK/at/in-range"
    assert str(cell) == "FIN-WAIT-1: FIN+ACK at RCV.NXT, acknowledging SND.NXT"
    assert str(Cell(State.LISTEN, Kind.NONE)) == "LISTEN: no flags"
    assert parse("listen/no-flags") == Cell(State.LISTEN, Kind.NONE)
    with pytest.raises(ValueError, match="no cell is called 'LISTEN/XMAS'"):
        parse("LISTEN/XMAS")


def test_kinds_are_what_their_names_say() -> None:
    for kind in Kind:
        if kind not in (Kind.DATA, Kind.NONE):
            names = {flag.name for flag in Flags if flag & kind.flags}
            assert names == set(kind.value.split("+"))
    assert (Kind.DATA.flags, Kind.DATA.octets) == (Flags.PSH | Flags.ACK, 1)
    assert Kind.NONE.flags == Flags(0)
