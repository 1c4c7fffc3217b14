"""The way that each end took through the table, step by step, also where the capture or the network is unkind."""

from __future__ import annotations

import pytest

from rawshake.render.figure5 import path
from rawshake.tcp.notation import parse_exchange
from rawshake.tcp.state import Event, State, Transition, advance, transition, transitions
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import Fate, Step
from rawshake.tcp.walk import Walk, walks

HANDSHAKE = """
> S 0:0(0)
< S. 0:0(0) ack 1
> . 1:1(0) ack 1
"""


def steps(text: str) -> list[Step]:
    """As a tap sees them."""
    lines = parse_exchange(text, client_isn=0xFFFFFFFF, server_isn=5000)
    first = lines[0].segment
    client, server = (first.src, first.sport), (first.dst, first.dport)
    if first.syn and first.has_ack:
        client, server = server, client
    tracker = Tracker(client, server)
    fates = {True: Fate.LOST, False: Fate.PASSED}
    return [tracker.apply(line.segment, line.time, fate=fates[line.lost]) for line in lines]


def ways(text: str) -> tuple[str, str]:
    client, server = walks(steps(text))
    return path(client), path(server)


WAYS = {
    "active and passive close": (
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1
        < . 1:1(0) ack 2
        < F. 1:1(0) ack 2
        > . 2:2(0) ack 2
        """,
        "CLOSED → SYN-SENT → (SYN-RECEIVED) → ESTABLISHED → FIN-WAIT-1 → FIN-WAIT-2 → TIME-WAIT",
        "LISTEN → SYN-RECEIVED → ESTABLISHED → CLOSE-WAIT → LAST-ACK → CLOSED?",
    ),
    "FIN and ACK in one": (
        HANDSHAKE + "> F. 1:1(0) ack 1\n< F. 1:1(0) ack 2\n> . 2:2(0) ack 2",
        "CLOSED → SYN-SENT → (SYN-RECEIVED) → ESTABLISHED → FIN-WAIT-1 → (FIN-WAIT-2) → TIME-WAIT",
        "LISTEN → SYN-RECEIVED → ESTABLISHED → CLOSE-WAIT → LAST-ACK → CLOSED?",
    ),
    "both close at once": (
        HANDSHAKE
        + """
        > F. 1:1(0) ack 1
        < F. 1:1(0) ack 1
        > . 2:2(0) ack 2
        < . 2:2(0) ack 2
        """,
        "CLOSED → SYN-SENT → (SYN-RECEIVED) → ESTABLISHED → FIN-WAIT-1 → CLOSING → TIME-WAIT?",
        # That the server had not got the client's FIN yet is known only once it has spoken.
        "LISTEN → SYN-RECEIVED → ESTABLISHED → (FIN-WAIT-1) → CLOSING → TIME-WAIT?",
    ),
    "both open at once": (
        "> S 0:0(0)\n< S 0:0(0)\n> S. 0:0(0) ack 1\n< S. 0:0(0) ack 1\n> . 1:1(0) ack 1",
        "CLOSED → SYN-SENT → SYN-RECEIVED → ESTABLISHED?",
        "CLOSED → (SYN-SENT) → SYN-RECEIVED → ESTABLISHED?",
    ),
    "refused": (
        "> S 0:0(0)\n< R. 0:0(0) ack 1",
        "CLOSED → SYN-SENT → CLOSED?",
        "CLOSED",
    ),
    "a listener is reset before it is established": (
        "> S 0:0(0)\n< S. 0:0(0) ack 1\n> R 1:1(0)",
        "CLOSED → SYN-SENT → (SYN-RECEIVED) → ESTABLISHED → CLOSED",
        "LISTEN → SYN-RECEIVED → LISTEN?",
    ),
    "aborted": (
        HANDSHAKE + "> R. 1:1(0) ack 1",
        "CLOSED → SYN-SENT → (SYN-RECEIVED) → ESTABLISHED → CLOSED",
        "LISTEN → SYN-RECEIVED → ESTABLISHED → CLOSED?",
    ),
    "the SYN,ACK was lost after the tap": (
        "> S 0:0(0)\n< S. 0:0(0) ack 1\n> S 0:0(0)",
        "CLOSED → SYN-SENT",
        "LISTEN → SYN-RECEIVED",
    ),
    "a FIN above a gap": (
        HANDSHAKE
        + """
        < P. 6:11(5) ack 1
        < F. 11:11(0) ack 1
        < P. 1:6(5) ack 1
        """,
        "CLOSED → SYN-SENT → (SYN-RECEIVED) → ESTABLISHED → CLOSE-WAIT?",
        "LISTEN → SYN-RECEIVED → ESTABLISHED → FIN-WAIT-1",
    ),
    "a SYN with FIN": (
        "> SF 0:0(0)\n< S. 0:0(0) ack 1\n> . 2:2(0) ack 1",
        "CLOSED → SYN-SENT → (SYN-RECEIVED) → FIN-WAIT-1",
        "LISTEN → (SYN-RECEIVED) → CLOSE-WAIT?",
    ),
    "from the middle on": (
        "> P. 1:6(5) ack 1\n< F. 1:1(0) ack 6\n> F. 6:6(0) ack 2",
        "ESTABLISHED → CLOSE-WAIT → LAST-ACK",
        "FIN-WAIT-1 → (FIN-WAIT-2) → TIME-WAIT?",
    ),
}


@pytest.mark.parametrize(("text", "client", "server"), WAYS.values(), ids=WAYS.keys())
def test_the_ways_of_both_ends(text: str, client: str, server: str) -> None:
    assert ways(text) == (client, server)


@pytest.mark.parametrize("text", [text for text, *_ in WAYS.values()], ids=WAYS.keys())
def test_a_way_is_without_gaps_but_for_what_was_not_seen(text: str) -> None:
    for walk in walks(steps(text)):
        state = walk.start
        for leg in walk.legs:
            for row in leg.moves:
                assert row.before is state
                assert row in transitions()
                state = row.after
            assert not leg.moves or state is leg.state
            state = leg.state
        assert state is walk.state


def test_each_row_has_the_number_of_its_segment() -> None:
    client, server = walks(steps(HANDSHAKE))
    assert client.numbers(Transition(State.SYN_SENT, Event.GOT_SYN, State.SYN_RECEIVED)) == (2,)
    assert client.numbers(Transition(State.SYN_RECEIVED, Event.SYN_ACKED, State.ESTABLISHED)) == (2,)
    assert server.numbers(Transition(State.SYN_RECEIVED, Event.SYN_ACKED, State.ESTABLISHED)) == (3,)
    assert server.numbers(Transition(State.CLOSED, Event.SENT_SYN, State.SYN_SENT)) == ()


def test_an_end_that_was_never_seen() -> None:
    assert path(walks([])[0]) == "never seen"
    assert walks([])[0].state is None
    assert Walk(walks([])[0].end, State.LISTEN).state is State.LISTEN


@pytest.mark.parametrize("passive", [False, True])
@pytest.mark.parametrize("row", transitions())
def test_a_row_is_found_by_its_state_and_event(row: Transition, passive: bool) -> None:
    found = transition(row.before, row.event, passive=passive)
    assert found is not None
    assert found.after is advance(row.before, row.event, passive=passive)
    assert passive or not found.passive
