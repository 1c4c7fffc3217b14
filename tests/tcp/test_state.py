"""Every arc of RFC 9293 Figure 5, and nothing else, moves a state."""

from __future__ import annotations

from itertools import product

import pytest

from rawshake.tcp.state import PASSIVE_TRANSITIONS, TRANSITIONS, Event, State, advance

#: RFC 9293 Figure 5, written down from the figure: each arc that something on the wire makes visible.
FIGURE_5 = """
CLOSED       | sent SYN         | SYN-SENT
LISTEN       | sent SYN         | SYN-SENT
LISTEN       | got SYN          | SYN-RECEIVED
SYN-SENT     | got SYN          | SYN-RECEIVED
SYN-RECEIVED | SYN acknowledged | ESTABLISHED
SYN-RECEIVED | sent FIN         | FIN-WAIT-1
ESTABLISHED  | sent FIN         | FIN-WAIT-1
ESTABLISHED  | got FIN          | CLOSE-WAIT
FIN-WAIT-1   | FIN acknowledged | FIN-WAIT-2
FIN-WAIT-1   | got FIN          | CLOSING
FIN-WAIT-2   | got FIN          | TIME-WAIT
CLOSING      | FIN acknowledged | TIME-WAIT
CLOSE-WAIT   | sent FIN         | LAST-ACK
LAST-ACK     | FIN acknowledged | CLOSED
"""

#: Not drawn in the figure. RFC 9293 section 3.10.7.4, eighth: a FIN in SYN-RECEIVED enters CLOSE-WAIT.
TEXT = """
SYN-RECEIVED | got FIN          | CLOSE-WAIT
"""

#: RFC 9293 sections 3.10.5 and 3.10.7: an ABORT, and a reset that is believed, end every connection.
RESETS = "\n".join(
    f"{state} | {event} | CLOSED"
    for state in (
        "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",
        "LAST-ACK", "TIME-WAIT",
    )
    for event in ("sent RST", "got RST")
)  # fmt: skip


def arcs(table: str) -> dict[tuple[State, Event], State]:
    rows = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    return {(State(before), Event(event)): State(after) for before, event, after in rows}


EVERY_ARC = arcs(FIGURE_5) | arcs(TEXT) | arcs(RESETS)


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_arc_and_no_other(state: State, event: Event) -> None:
    assert advance(state, event) is EVERY_ARC.get((state, event), state)


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_a_passive_end_differs_only_in_where_a_reset_leads_it(state: State, event: Event) -> None:
    # Figure 5, note 1: SYN-RECEIVED that came from LISTEN goes back there.
    if (state, event) == (State.SYN_RECEIVED, Event.GOT_RST):
        assert advance(state, event, passive=True) is State.LISTEN
    else:
        assert advance(state, event, passive=True) is advance(state, event)


def test_the_table_holds_nothing_else() -> None:
    assert TRANSITIONS == EVERY_ARC
    assert set(PASSIVE_TRANSITIONS) == {(State.SYN_RECEIVED, Event.GOT_RST)}


def walk(state: State, *events: Event) -> list[str]:
    path = []
    for event in events:
        state = advance(state, event)
        path.append(str(state))
    return path


def test_active_open_and_close() -> None:
    events = (Event.SENT_SYN, Event.GOT_SYN, Event.SYN_ACKED, Event.SENT_FIN, Event.FIN_ACKED, Event.GOT_FIN)
    assert walk(State.CLOSED, *events) == [
        "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
    ]  # fmt: skip


def test_passive_open_and_close() -> None:
    events = (Event.GOT_SYN, Event.SYN_ACKED, Event.GOT_FIN, Event.SENT_FIN, Event.FIN_ACKED)
    assert walk(State.LISTEN, *events) == [
        "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED",
    ]  # fmt: skip


def test_simultaneous_close() -> None:
    events = (Event.SENT_FIN, Event.GOT_FIN, Event.FIN_ACKED)
    assert walk(State.ESTABLISHED, *events) == ["FIN-WAIT-1", "CLOSING", "TIME-WAIT"]


def test_synchronized_begins_with_established() -> None:
    # RFC 9293 section 3.5.1 names the others: LISTEN, SYN-SENT, SYN-RECEIVED, and CLOSED has no connection.
    unsynchronized = {state for state in State if not state.synchronized}
    assert unsynchronized == {State.CLOSED, State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED}


def test_names_are_those_of_the_rfc() -> None:
    names = "CLOSED LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING"
    assert [str(state) for state in State] == [*names.split(), "LAST-ACK", "TIME-WAIT"]
