"""The letter of every cell in the table; and what holds of all cells, whatever is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from rawshake.probes.grid.answers import Choice, Expectation, Outcome, Reply
from rawshake.probes.grid.block import Arrival, Block, place
from rawshake.probes.grid.cells import WINDOWLESS, Cell, Kind, SeqPlace, live_cells
from rawshake.probes.grid.clauses import arrives, expectations
from rawshake.tcp.segment import Flags
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from tests.probes.grid.blocks import block
from tests.probes.grid.rfc_table import rows

ANYWHERE = Seq(0xFFFFFFFF)
Letter = Callable[[Block, Arrival], Outcome]


def letter(here: Block, arrival: Arrival) -> Outcome:
    return arrives(here, arrival, lambda choice: False)


def _wanted(answer: str, here: Block, arrival: Arrival) -> Reply | None:
    return {
        "silence": None,
        "ACK": Reply(Flags.ACK, here.nxt, here.rcv_nxt),
        "ACK+1": Reply(Flags.ACK, here.nxt, here.rcv_nxt + 1),
        "RST=ACK": Reply(Flags.RST, arrival.ack),
        "RST,ACK": Reply(Flags.RST | Flags.ACK, Seq(0), arrival.seq + arrival.length),
        "SYN,ACK": Reply(
            Flags.SYN | Flags.ACK, here.iss if here.state is State.SYN_SENT else None, arrival.seq + 1
        ),
        "opens": Reply(Flags.ACK, here.nxt, arrival.seq + 1),
    }[answer]


def _disagreements(said: Letter) -> Iterator[str]:
    for cell, answer, after in rows():
        here = block(cell.state)
        arrival = place(cell, here, anywhere=ANYWHERE)
        outcome = said(here, arrival)
        if (outcome.reply, outcome.state) != (_wanted(answer, here, arrival), after):
            yield f"{cell}: {outcome}"


def test_the_letter_is_what_the_table_says() -> None:
    assert list(_disagreements(letter)) == []


def test_the_table_has_every_cell_without_a_window_and_names_each_cell_once() -> None:
    named = [cell for cell, _, _ in rows()]
    assert len(set(named)) == len(named)
    assert {cell for cell in live_cells() if cell.state in WINDOWLESS} <= set(named)
    assert {cell.state for cell in named} == set(State)
    assert {(cell.kind) for cell in named} == set(Kind)


def _mistaken(wrong: Callable[[Block, Arrival, Outcome], Outcome]) -> Letter:
    return lambda here, arrival: wrong(here, arrival, letter(here, arrival))


def _if(condition: Callable[[Block, Arrival], bool], **changes: object) -> Letter:
    def wrong(here: Block, arrival: Arrival, outcome: Outcome) -> Outcome:
        return replace(outcome, **changes) if condition(here, arrival) else outcome  # type: ignore[arg-type]

    return _mistaken(wrong)


def _off_by_one(here: Block, arrival: Arrival, outcome: Outcome) -> Outcome:
    reply = outcome.reply
    if reply is None or reply.ack is None:
        return outcome
    return replace(outcome, reply=replace(reply, ack=reply.ack + 1))


WRONG: dict[str, Letter] = {
    "nobody answers": _mistaken(lambda here, arrival, outcome: replace(outcome, reply=None)),
    "nothing moves": _mistaken(lambda here, arrival, outcome: replace(outcome, state=here.state)),
    "acks one too many": _mistaken(_off_by_one),
    "a RST is answered": _if(lambda h, a: h.state is State.CLOSED and a.rst, reply=Reply(Flags.RST, Seq(0))),
    "a listener answers a bare FIN": _if(
        lambda h, a: h.state is State.LISTEN and a.flags == Flags.FIN, reply=Reply(Flags.RST, Seq(0))
    ),
    "SYN-SENT believes any RST": _if(lambda h, a: h.state is State.SYN_SENT and a.rst, state=State.CLOSED),
    "a far RST resets": _if(
        lambda h, a: h.state is State.ESTABLISHED and a.rst and a.seq != h.rcv_nxt, state=State.CLOSED
    ),
    "TIME-WAIT takes FIN-WAIT-2's place": _if(
        lambda h, a: h.state is State.FIN_WAIT_1 and a.flags == Flags.ACK, state=State.TIME_WAIT
    ),
    "CLOSING forgets its FIN": _if(lambda h, a: h.state is State.CLOSING, state=State.CLOSED),
    "data needs no good ACK": _mistaken(lambda h, a, o: letter(h, replace(a, ack=h.nxt))),
    "data needs no ACK bit": _mistaken(
        lambda h, a, o: letter(h, replace(a, flags=a.flags | Flags.ACK, ack=h.nxt))
    ),
    "the ACK is looked at before the number": _mistaken(
        lambda h, a, o: arrives(h, a, lambda choice: choice in (Choice.GROUP_2, Choice.NO_ACK_FIRST))
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_the_table_catches_a_wrong_reading(fault: str) -> None:
    assert list(_disagreements(WRONG[fault]))


def _every() -> Iterator[tuple[Cell, Block, Arrival, tuple[Expectation, ...]]]:
    for cell in live_cells():
        for passive in (True, False) if cell.state is State.SYN_RECEIVED else (True,):
            here = block(cell.state, passive=passive)
            arrival = place(cell, here, anywhere=ANYWHERE)
            yield cell, here, arrival, expectations(here, arrival)


def test_every_live_cell_has_a_letter_and_no_outcome_twice() -> None:
    for cell, here, arrival, expected in _every():
        assert expected[0].choices == frozenset(), cell
        assert expected[0].outcome == letter(here, arrival)
        keys = [(one.outcome.reply, one.outcome.state, one.outcome.rcv_nxt) for one in expected]
        assert len(set(keys)) == len(keys), cell


def test_whatever_is_chosen_a_rst_is_never_answered_by_a_rst() -> None:
    for cell, _, arrival, expected in _every():
        for one in expected:
            reply = one.outcome.reply
            if arrival.rst and reply is not None:
                assert not reply.flags & (Flags.RST | Flags.SYN), cell


def test_whatever_is_chosen_what_lies_outside_the_window_is_not_taken() -> None:
    for cell, here, _, expected in _every():
        if cell.seq not in (SeqPlace.LEFT, SeqPlace.RIGHT):
            continue
        for one in expected:
            if Choice.REOPENED not in one.choices:
                assert one.outcome.rcv_nxt == here.rcv_nxt, cell
                assert one.outcome.state is here.state or Choice.OLD_ACK in one.choices, cell


def test_whatever_is_chosen_nothing_without_ack_is_taken_but_a_syn() -> None:
    for cell, here, arrival, expected in _every():
        if not (arrival.has_ack or arrival.syn or arrival.rst):
            for one in expected:
                assert (one.outcome.state, one.outcome.rcv_nxt) == (here.state, here.rcv_nxt), cell


def test_an_empty_ack_in_place_is_never_acknowledged_where_it_is_good() -> None:
    for cell, _, _, expected in _every():
        if cell.id.endswith("/ACK/at/in-range"):
            assert [one.outcome.reply for one in expected] == [None], cell


def test_every_choice_decides_some_cell_and_is_a_sentence() -> None:
    used = {choice for _, _, _, expected in _every() for one in expected for choice in one.choices}
    # That one needs a number that no cell has: an ACK just below SND.UNA.
    assert set(Choice) - used == {Choice.ACK_FLOOR}
    assert all(str(choice).endswith(".") for choice in Choice)


def test_an_ack_just_below_is_a_duplicate_or_hits_linux_floor() -> None:
    here = block(State.ESTABLISHED)
    old = Arrival(Flags.ACK | Flags.PSH, here.rcv_nxt, here.una - 1, octets=1)
    taken, floor = expectations(here, old)
    assert (taken.outcome.rcv_nxt, taken.choices) == (here.rcv_nxt + 1, frozenset())
    assert (floor.outcome.rcv_nxt, floor.choices) == (here.rcv_nxt, frozenset({Choice.ACK_FLOOR}))
    edge = replace(old, ack=here.una - here.max_wnd)
    assert expectations(here, edge)[1].choices == {Choice.ACK_FLOOR}
    below = replace(old, ack=here.una - (here.max_wnd + 1))
    assert expectations(here, below)[1].choices == {Choice.RFC_5961_ACK}


def test_the_crossing_syn_ack_of_a_simultaneous_open_is_taken() -> None:
    here = block(State.SYN_RECEIVED, passive=False)
    crossing = Arrival(Flags.SYN | Flags.ACK, here.rcv_nxt - 1, here.nxt)
    assert letter(here, crossing).state is State.ESTABLISHED
    assert letter(replace(here, passive=True), crossing).state is State.SYN_RECEIVED
    assert letter(here, replace(crossing, ack=here.nxt + 1)).reply == Reply(Flags.RST, here.nxt + 1)


def test_a_zero_window_takes_resets_and_acks_and_nothing_else() -> None:
    here = replace(block(State.ESTABLISHED), rcv_wnd=0)
    reset = Arrival(Flags.RST, here.rcv_nxt, octets=3)
    assert letter(here, reset).state is State.CLOSED
    assert letter(here, replace(reset, seq=here.rcv_nxt + 1)).state is State.ESTABLISHED
    assert letter(here, Arrival(Flags.ACK, here.rcv_nxt, here.nxt)).reply is None
    data = letter(here, Arrival(Flags.ACK, here.rcv_nxt, here.nxt, octets=1))
    assert (data.reply, data.rcv_nxt) == (Reply(Flags.ACK, here.nxt, here.rcv_nxt), here.rcv_nxt)
