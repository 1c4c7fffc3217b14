"""What is sent to be refused moves neither our numbers nor our state; what is meant does."""

from __future__ import annotations

import pytest

from rawshake.play import Peer, Script, handshake, rehearse
from rawshake.play.host import serving
from rawshake.rules import book
from rawshake.tcp.state import State

REFUSED = [
    "R 2:",
    "R. 100: ack 1",
    "S 7:",
    "S. 1: ack 1",
    "F 1:",
    "F. 1: ack 1000000",
    "P. (3) [bad checksum]",
    "F. [bad checksum]",
    "P. 200000:200003(3) ack 1",
    "SF",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_to_be_refused_leaves_us_where_we_were(text: str) -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        yield peer.send(text)
        ours, theirs = peer.our, peer.their
        before = (ours.nxt, ours.top, ours.state, theirs.state)
        yield peer.wait(0.1)
        yield peer.send("P.", data=b"x")
        yield peer.expect(". 1: ack 2")
        return before

    played = rehearse(script, serving("echo"), rules=book())
    assert played.result.value == (1, 1, State.ESTABLISHED, State.ESTABLISHED), played.result
    assert [found.rule for found in played.exchanges[0].findings if not found.ours] == []


@pytest.mark.parametrize(
    ("text", "nxt", "state"),
    [
        ("P. (3)", 4, State.ESTABLISHED),
        ("F.", 2, State.FIN_WAIT_1),
        ("R 1:", 1, State.CLOSED),
        ("P. 0:1(1) ack 1", 1, State.ESTABLISHED),
    ],
)
def test_what_is_meant_counts(text: str, nxt: int, state: State) -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        yield peer.send(text)
        return peer.our.nxt, peer.our.state

    assert rehearse(script, serving("echo")).result.value == (nxt, state)


def test_what_is_sent_again_is_a_retransmission_and_no_trick() -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        yield peer.send("P. 1:4(3)")
        yield peer.expect(". ack 4")
        yield peer.send("P. 1:4(3)")
        yield peer.expect(". 4: ack 4")

    (exchange,) = rehearse(script, serving("echo")).exchanges
    data = [step for step in exchange.steps if step.ours and step.segment.payload]
    assert [(step.again, step.meant) for step in data] == [(False, None), (True, None)]


def test_a_connection_of_which_nothing_right_was_seen_is_left_with_a_reset_all_the_same() -> None:
    def script(peer: Peer) -> Script:
        yield peer.send("S [bad checksum]")
        yield peer.send(". [bad checksum]")

    (exchange,) = rehearse(script, serving("echo")).exchanges
    last = exchange.steps[-1].segment
    assert (last.rst, last.seq) == (True, exchange.steps[0].segment.seq + 1)
