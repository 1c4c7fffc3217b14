"""Numbers of a cell lie where its places say, by Table 6 and by what is outstanding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rawshake.probes.grid.block import SMALLEST, Arrival, place
from rawshake.probes.grid.cells import AckPlace, Cell, Kind, SeqPlace
from rawshake.probes.grid.otherwise import acceptable
from rawshake.tcp.segment import Flags
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from tests.probes.grid.blocks import MAX_WND, RCV_NXT, RCV_WND, UNA, block

HERE = block(State.ESTABLISHED)


@pytest.mark.parametrize("kind", Kind, ids=str)
def test_seq_lies_in_its_place(kind: Kind) -> None:
    ack = AckPlace.IN_RANGE if kind.has_ack else None
    places = {where: place(Cell(HERE.state, kind, where, ack), HERE) for where in SeqPlace}
    inside = {where for where, arrival in places.items() if acceptable(HERE, arrival)}
    assert inside == {SeqPlace.AT, SeqPlace.INSIDE, SeqPlace.LAST}
    assert places[SeqPlace.LEFT].end < RCV_NXT
    assert places[SeqPlace.AT].seq == RCV_NXT
    assert places[SeqPlace.LAST].seq == RCV_NXT + (RCV_WND - 1)
    assert places[SeqPlace.RIGHT].seq > RCV_NXT + RCV_WND
    assert len({arrival.seq for arrival in places.values()}) == 5


def test_ack_lies_in_its_place() -> None:
    half_closed = block(State.FIN_WAIT_1)
    below, within, above = (
        place(Cell(half_closed.state, Kind.ACK, SeqPlace.AT, where), half_closed).ack for where in AckPlace
    )
    assert below < UNA - MAX_WND
    assert UNA < within <= half_closed.nxt
    assert above > half_closed.nxt


def test_the_smallest_window_has_five_places_and_a_smaller_one_has_not() -> None:
    cell = Cell(HERE.state, Kind.RST, SeqPlace.INSIDE)
    small = replace(HERE, rcv_wnd=SMALLEST)
    assert place(cell, small).seq < place(replace_seq(cell, SeqPlace.LAST), small).seq
    with pytest.raises(ValueError, match="a window of 11 octets has no five places"):
        place(cell, replace(HERE, rcv_wnd=SMALLEST - 1))


def replace_seq(cell: Cell, where: SeqPlace) -> Cell:
    return replace(cell, seq=where)


def test_where_no_place_matters_any_number_is_used() -> None:
    listening = block(State.LISTEN)
    arrival = place(Cell(State.LISTEN, Kind.SYN_ACK), listening, anywhere=Seq(77))
    assert arrival == Arrival(Flags.SYN | Flags.ACK, Seq(77), Seq(78))


def test_seg_len_counts_syn_fin_and_text() -> None:
    assert Arrival(Flags.SYN | Flags.FIN, Seq(0xFFFFFFFF), octets=10).length == 12
    assert Arrival(Flags.SYN | Flags.FIN, Seq(0xFFFFFFFF), octets=10).end == Seq(11)
    assert Arrival(Flags.RST | Flags.ACK, Seq(5)).length == 0
