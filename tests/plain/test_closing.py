"""What is said at the end: each state that was met, and TIME-WAIT only where there is one, and whose it is."""

from __future__ import annotations

import pytest

from rawshake.api.languages import languages, load
from rawshake.plain.closing import Closing, closing
from rawshake.report import Exchange, Judged
from rawshake.tcp.state import State
from tests.plain.test_meaning import EXCHANGES, OPENED
from tests.plain.test_sentences import CLOSED, HANGUL
from tests.rules.play import steps_of


def exchange(text: str) -> Exchange:
    steps = steps_of(text)
    return Exchange(("192.0.2.1", 40000), ("192.0.2.2", 80), tuple(Judged(step) for step in steps))


def told(text: str) -> Closing:
    return closing(exchange(text))


def test_the_states_that_were_met() -> None:
    assert [state for state, _ in told("> S 0:0(0)").states] == [
        State.CLOSED, State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED
    ]  # fmt: skip
    assert {state for state, _ in told(CLOSED).states} == set(State) - {State.CLOSING}


def test_closing_at_once_is_among_them() -> None:
    states = {state for state, _ in told(EXCHANGES["both dial, and both close, at once"]).states}
    assert State.CLOSING in states
    assert State.LAST_ACK not in states


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("four segments to close, begun by the client", "TIME-WAIT is the client's"),
        ("three segments to close, begun by the server", "TIME-WAIT is the server's"),
        ("both dial, and both close, at once", "Both ends go through TIME-WAIT"),
    ],
)
def test_time_wait_is_the_closers(name: str, whose: str) -> None:
    paragraphs = told(EXCHANGES[name]).paragraphs
    assert paragraphs[1].startswith(whose)
    assert "last ACK may be lost" in paragraphs[2]
    assert "could take them for its own" in paragraphs[2]
    assert "four minutes" in paragraphs[3]


@pytest.mark.parametrize("text", [OPENED, EXCHANGES["refused"], EXCHANGES["hung up"]])
def test_where_there_is_none_nobody_is_said_to_be_in_it(text: str) -> None:
    assert not any("is the client's" in text or "two reasons" in text for text in told(text).paragraphs)


def test_after_a_reset_there_is_none() -> None:
    assert told(EXCHANGES["hung up"]).paragraphs[-1].startswith("After a RST no end goes through TIME-WAIT")
    assert not any("RST" in text for text in told(OPENED).paragraphs)


def test_nothing_is_said_of_nothing() -> None:
    assert closing(Exchange(("192.0.2.1", 1), ("192.0.2.2", 2))) == Closing((), ())


@pytest.mark.parametrize("code", [code for code in languages() if code != "en"])
@pytest.mark.parametrize("name", EXCHANGES)
def test_in_other_languages(code: str, name: str) -> None:
    english, other = told(EXCHANGES[name]), closing(exchange(EXCHANGES[name]), load(code))
    assert [state for state, _ in other.states] == [state for state, _ in english.states]
    assert len(other.paragraphs) == len(english.paragraphs)
    assert all(HANGUL.search(text) for text in [*(text for _, text in other.states), *other.paragraphs])
