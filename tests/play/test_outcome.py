"""How connections are called that a script leaves in every way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rawshake.play import Peer, Script, close, handshake, rehearse
from rawshake.play.host import Host, serving
from rawshake.report import Outcome
from rawshake.tcp.state import State
from tests.play.stacks import Answers, says


def closed(peer: Peer) -> Script:
    yield from handshake(peer)
    yield from close(peer)


def left(peer: Peer) -> Script:
    yield from handshake(peer)


def asks(peer: Peer) -> Script:
    yield peer.send("S")
    yield peer.wait(0.1)


def looks_on(peer: Peer) -> Script:
    yield peer.send(".")
    yield peer.wait(0.1)


def reset_by_them(peer: Peer) -> Script:
    yield from handshake(peer)
    yield peer.send("P.", data=b"x")
    yield peer.expect("R")


RESETS = Answers(
    lambda segment: (
        says("S. 0:0(0) ack 1", to=segment)
        if segment.syn
        else says("R 1:1(0)", to=segment)
        if segment.payload
        else ()
    )
)


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (closed, Outcome.CLOSED),
        (left, Outcome.RESET_BY_US),
        (asks, Outcome.RESET_BY_US),
    ],
)
def test_against_an_honest_server(script: Callable[[Peer], Script], outcome: Outcome) -> None:
    (exchange,) = rehearse(script, serving("echo")).exchanges
    assert exchange.outcome is outcome


def test_where_somebody_else_ends_it() -> None:
    assert rehearse(asks, Host({})).exchanges[0].outcome is Outcome.REFUSED
    assert rehearse(reset_by_them, RESETS).exchanges[0].outcome is Outcome.RESET


def test_where_nobody_answers() -> None:
    silent = Answers(lambda segment: ())
    assert rehearse(asks, silent).exchanges[0].outcome is Outcome.FILTERED
    assert rehearse(looks_on, silent).exchanges[0].outcome is Outcome.OPEN


@pytest.mark.parametrize(("crossing", "state"), [(True, State.CLOSING), (False, State.LAST_ACK)])
def test_what_crosses_counts_as_still_under_way(crossing: bool, state: State) -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        peer.crossing = crossing
        yield peer.expect("F.")
        yield peer.send("F. 1: ack 9")
        peer.crossing = False
        return peer.our.state

    played = rehearse(script, serving("closes-first"))
    assert played.result.value is state
    notes = {step.note for step in played.exchanges[0].steps if not step.ours}
    assert ("taken as still under way" in notes) is crossing


def test_what_was_not_seen_to_leave_says_so() -> None:
    from rawshake.play import Conversation
    from rawshake.play.rehearse import START, place

    conversation = Conversation(asks, place())
    assert conversation.poll(START) is not None
    (step,) = conversation.exchanges()[0].steps
    assert step.note == "not seen to leave this machine"
    (step,) = conversation.exchanges(at_once=True)[0].steps
    assert step.note == ""


def test_only_the_last_may_be_on_its_way_yet() -> None:
    from rawshake.play import Conversation
    from rawshake.play.rehearse import START, place

    def script(peer: Peer) -> Script:
        yield peer.send("S")
        yield peer.send("R 1:")

    conversation = Conversation(script, place())
    assert [conversation.poll(START + at) is not None for at in (0, 1)] == [True, True]
    notes = [step.note for step in conversation.exchanges(at_once=True)[0].steps]
    assert notes == ["not seen to leave this machine", ""]
