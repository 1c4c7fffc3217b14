"""The grid and the tracker's `standing` were written apart from one text: each stands witness to the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rawshake.probes.grid.answers import Expectation
from rawshake.probes.grid.block import Arrival, Block, place
from rawshake.probes.grid.cells import WINDOWLESS, live_cells
from rawshake.probes.grid.clauses import expectations
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.standing import standing
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Standing, View
from tests.probes.grid.blocks import block

ANYWHERE = Seq(0xFFFFFFFF)


def _view(here: Block) -> View:
    view = View(End.SERVER, passive=here.passive, proven=here.state, expected=here.state)
    if here.state in (State.CLOSED, State.LISTEN):
        return view
    view.iss, view.una, view.una_proven, view.nxt, view.fin = here.iss, here.una, here.una, here.nxt, here.fin
    if here.state not in WINDOWLESS:
        view.rcv_nxt = view.acked = view.last_ack = here.rcv_nxt
        view.window, view.edge = here.rcv_wnd, here.rcv_nxt + here.rcv_wnd
    return view


def _segment(arrival: Arrival) -> Segment:
    return Segment(
        src="192.0.2.1", dst="192.0.2.2", sport=1, dport=2,
        seq=arrival.seq, ack=arrival.ack, flags=arrival.flags, payload=b"x" * arrival.octets,
    )  # fmt: skip


def _agrees(said: Standing, here: Block, arrival: Arrival, one: Expectation) -> bool:
    """Whether a standing is another word for that outcome."""
    outcome = one.outcome
    silent, stays = outcome.reply is None, outcome.state is here.state
    flags = Flags(0) if outcome.reply is None else outcome.reply.flags
    numbers = (here.nxt, here.rcv_nxt)
    challenged = outcome.reply is not None and flags == Flags.ACK and (
        (outcome.reply.seq, outcome.reply.ack) == numbers
    )  # fmt: skip
    match said:
        case Standing.NEW:
            return not (stays and challenged and arrival.length == 0) and not flags & Flags.RST
        case Standing.OLD | Standing.OUT_OF_WINDOW | Standing.RST_CHALLENGED:
            return stays and challenged
        case Standing.SYN_CHALLENGED:
            # A standing has no word for a half-open connection that goes back to LISTEN.
            return (stays and challenged) or outcome.state is State.LISTEN
        case Standing.BAD_ACK:
            return stays and (challenged or flags == Flags.RST)
        case Standing.NO_CONNECTION:
            return stays and bool(flags & Flags.RST)
        case Standing.NO_ACK | Standing.DROPPED | Standing.RST_IGNORED:
            return stays and silent
    return False


def _disagreements(state: State) -> Iterator[str]:
    for cell in live_cells():
        for passive in (True, False) if state is State.SYN_RECEIVED else (True,):
            if cell.state is not state:
                continue
            here = block(state, passive=passive)
            arrival = place(cell, here, anywhere=ANYWHERE)
            said = standing(_view(here), _segment(arrival))
            unnoted = [one for one in expectations(here, arrival) if not one.noted]
            if not any(_agrees(said, here, arrival, one) for one in unnoted):
                yield f"{cell}: {said}, but {unnoted[0].outcome}"


@pytest.mark.parametrize("state", State, ids=str)
def test_a_standing_is_what_the_grid_says(state: State) -> None:
    assert list(_disagreements(state)) == []


def test_the_witness_can_disagree() -> None:
    here = block(State.ESTABLISHED)
    reset = Arrival(Flags.RST, here.rcv_nxt)
    letter = expectations(here, reset)[0]
    assert _agrees(Standing.NEW, here, reset, letter)
    assert not any(_agrees(wrong, here, reset, letter) for wrong in Standing if wrong is not Standing.NEW)
