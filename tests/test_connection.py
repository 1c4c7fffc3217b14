"""The facts of an exchange: opened, closed, reset, sent again, and how many octets."""

from __future__ import annotations

import pytest
from hypothesis import given

from rawshake.connection import Ended, Facts, Opened, Retransmissions, facts, written
from rawshake.report import Exchange
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End
from tests.render.exchanges import CLIENT_ISN, FAULTY, LOSSES, SERVER_ISN, WHOLE, exchange, exchanges

OPENING = "> S 0:0(0)\n< S. 0:0(0) ack 1\n> . 1:1(0) ack 1\n"


def of(text: str) -> Facts:
    return facts(exchange(text))


def test_a_whole_connection() -> None:
    found = of(WHOLE)
    assert found.handshake_complete
    assert (found.first_time, found.last_time) == (10**18, 10**18 + 1_213_726_000)
    assert found.retransmissions == Retransmissions(0, 0, 0, 0)
    client, server = found.client._asdict(), found.server._asdict()
    assert client == {
        "isn": Seq(CLIENT_ISN), "proven": State.TIME_WAIT, "expected": State.TIME_WAIT,
        "fin_sent": True, "fin_acked": True, "resets": (), "octets": 18,
        "state": "TIME-WAIT", "segments": 6,
    }  # fmt: skip
    assert server == {
        "isn": Seq(SERVER_ISN), "proven": State.LAST_ACK, "expected": State.CLOSED,
        "fin_sent": True, "fin_acked": True, "resets": (), "octets": 5,
        "state": "CLOSED?", "segments": 5,
    }  # fmt: skip


def test_an_exchange_without_segments() -> None:
    found = facts(Exchange(("192.0.2.1", 1), ("192.0.2.2", 2)))
    assert (found.first_time, found.last_time, found.handshake_complete) == (None, None, False)
    assert found.client == found.server
    assert (found.client.isn, found.client.proven, found.client.octets) == (None, None, 0)


CLOSE = "> F. 1:1(0) ack 1\n"
ENDINGS = {
    OPENING: (Opened.COMPLETE, Ended.OPEN, None),
    OPENING + CLOSE: (Opened.COMPLETE, Ended.HALF_CLOSED, End.CLIENT),
    OPENING + CLOSE + "< F. 1:1(0) ack 2\n> . 2:2(0) ack 2": (Opened.COMPLETE, Ended.CLOSED, End.CLIENT),
    OPENING + CLOSE + "< F. 1:1(0) ack 1\n> . 2:2(0) ack 2": (Opened.COMPLETE, Ended.SIMULTANEOUS, None),
    OPENING + "< R. 1:1(0) ack 1": (Opened.COMPLETE, Ended.RESET, End.SERVER),
    "> S 0:0(0)": (Opened.NO_ANSWER, Ended.OPEN, None),
    "> S 0:0(0)\n< R. =0:0(0) ack 1": (Opened.REFUSED, Ended.RESET, End.SERVER),
    "> S 0:0(0)\n< S. 0:0(0) ack 1": (Opened.INCOMPLETE, Ended.OPEN, None),
    "> S 0:0(0)\n< S 0:0(0)\n> S. 0:0(0) ack 1\n< S. 0:0(0) ack 1": (Opened.SIMULTANEOUS, Ended.OPEN, None),
    "> . 5:5(0) ack 5\n< . 5:5(0) ack 5": (Opened.MIDSTREAM, Ended.OPEN, None),
}


@pytest.mark.parametrize("text", ENDINGS, ids=range(len(ENDINGS)))
def test_how_it_opened_and_ended_and_by_whom(text: str) -> None:
    found = of(text)
    assert (found.opened, found.ended, found.ended_by) == ENDINGS[text]


def test_the_round_trip_is_that_of_a_syn_sent_once_and_an_answer_that_counts() -> None:
    assert of("> S 0:0(0)\n+0.5 < S. 0:0(0) ack 1").rtt == 500_000_000
    assert of("> S 0:0(0)\n+1 > S 0:0(0)\n+0.5 < S. 0:0(0) ack 1").rtt is None
    assert of("> S 0:0(0)\n+0.5 < S. 0:0(0) ack 0\n+0.5 < S. 0:0(0) ack 1").rtt is None
    assert of("> S 0:0(0)\n< S. 0:0(0) ack 1 [lost]\n+0.5 < S. 0:0(0) ack 1").rtt is None


HANDSHAKES = {
    "> S 0:0(0)": False,
    "> S 0:0(0)\n< S. 0:0(0) ack 1": False,
    OPENING: True,
    "> S 0:0(0)\n< S. 0:0(0) ack 1\n> . 1:1(0) ack 1 [lost]": False,
    "> S 0:0(0)\n< S. 0:0(0) ack 0\n> R 0:0(0)": False,
    "> S 0:0(0)\n< R. =0:0(0) ack 1": False,
    # Its beginning was not seen.
    "> . 1:1(0) ack 1\n< . 1:1(0) ack 1": False,
    FAULTY: False,
    LOSSES: True,
}


@pytest.mark.parametrize("text", HANDSHAKES, ids=range(len(HANDSHAKES)))
def test_handshake_complete(text: str) -> None:
    assert of(text).handshake_complete is HANDSHAKES[text]


def test_what_was_sent_again_is_counted_by_kind() -> None:
    assert of(LOSSES).retransmissions == Retransmissions(syn=1, syn_ack=1, fin=0, data=0)
    rest = """
        > P. 1:6(5) ack 1 [lost]
        > P. 1:6(5) ack 1
        > F. 6:6(0) ack 1
        > F. 6:6(0) ack 1
        > FP. 1:6(5) ack 1
    """
    assert of(OPENING + rest).retransmissions == Retransmissions(syn=0, syn_ack=0, fin=2, data=1)


def test_crossing_syns_are_not_sent_again() -> None:
    crossing = "> S 0:0(0)\n< S 0:0(0)\n> S. 0:0(0) ack 1\n< S. 0:0(0) ack 1\n"
    assert of(crossing).retransmissions == Retransmissions(syn=0, syn_ack=0, fin=0, data=0)
    assert of(crossing + "> S. 0:0(0) ack 1").retransmissions.syn_ack == 1
    assert of(crossing).handshake_complete


def test_octets_sent_again_count_once() -> None:
    rest = (
        "> P. 1:6(5) ack 1\n> P. 1:9(8) ack 1\n> FP. 4:11(7) ack 1\n> FP. 4:11(7) ack 1\n< P. 1:4(3) ack 12"
    )
    found = of(OPENING + rest)
    assert (found.client.octets, found.server.octets) == (10, 3)


def test_octets_with_a_syn_are_not_the_syn() -> None:
    assert of("> S 0:5(5)\n< S. 0:0(0) ack 6").client.octets == 5


def test_octets_count_across_the_wrap() -> None:
    made = facts(exchange("> S =4294967290:4294967290(0)\n> . =4294967291:4294967391(100) ack =1"))
    assert made.client.octets == 100


def test_a_fin_is_acknowledged_once_somebody_says_so() -> None:
    sent = of(OPENING + "> F. 1:1(0) ack 1\n< . 1:1(0) ack 1")
    assert (sent.client.fin_sent, sent.client.fin_acked) == (True, False)
    acked = of(OPENING + "> F. 1:1(0) ack 1\n< . 1:1(0) ack 2")
    assert (acked.client.fin_sent, acked.client.fin_acked) == (True, True)
    assert (acked.server.fin_sent, acked.server.fin_acked) == (False, False)


def test_resets_are_told_by_number() -> None:
    found = of(OPENING + "> R 1:1(0)\n< R 1:1(0)\n> R 1:1(0)")
    assert (found.client.resets, found.server.resets) == ((4, 6), (5,))


@given(exchanges())
def test_facts_of_anything_are_in_range(an_exchange: Exchange) -> None:
    found = facts(an_exchange)
    numbers = {step.number for step in an_exchange.steps}
    for end, of_end in ((End.CLIENT, found.client), (End.SERVER, found.server)):
        sent = sum(step.segment.payload_length for step in an_exchange.steps if step.sender is end)
        assert 0 <= of_end.octets <= sent
        assert set(of_end.resets) <= numbers
        assert of_end.fin_sent or not of_end.fin_acked


def test_a_segment_is_written_without_its_content_and_without_what_the_hardware_left() -> None:
    made = exchange(OPENING + '> P. 1:6(5) ack 1 win 500 "hello" [checksum unverifiable]')
    last = made.steps[-1]
    tracker = Tracker(made.client, made.server)
    for step in made.steps:
        tracker.apply(step.segment, step.time)
    assert written(last.segment, tracker) == "> P. 1:6(5) ack 1 win 500"
    assert written(None, tracker) == ""
