"""The honest host of rehearsals: it does what it should in every state, and no rule has anything against it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rawshake.play import Ending, Peer, Rehearsed, Script, close, handshake, rehearse
from rawshake.play.honest import TIME_WAIT
from rawshake.play.host import HABITS, Host, calling, serving
from rawshake.profile import SECOND
from rawshake.rules import book
from rawshake.tcp.state import State
from tests.play.transcript import transcript

OPTIONS = ["", "<mss 1460>", "<mss 100,nop,wscale 3>", "<mss 1460,nop,nop,TS val 5 ecr 0,nop,wscale 9>"]


def honest(played: Rehearsed) -> Rehearsed:
    """It was played to its end, and the host has broken nothing."""
    assert played.result.ending is Ending.PLAYED, played.result
    for exchange in played.exchanges:
        found = [f"{one.step} {one.rule}: {one.sentence}" for one in exchange.findings if not one.ours]
        assert found == [], "\n".join([*found, *transcript(played)])
    return played


def play(script: Callable[[Peer], Script], host: Host) -> Rehearsed:
    return honest(rehearse(script, host, rules=book()))


@pytest.mark.parametrize("options", OPTIONS)
def test_an_echo(options: str) -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer, options)
        yield peer.send("P.", data=b"hello")
        yield peer.expect('P. 1:6(5) ack 6 "hello"')
        yield peer.send(".")
        yield peer.send("F.")
        yield peer.expect("F. 6: ack 7")
        yield peer.send(".")
        yield peer.quiet(5)

    host = serving("echo")
    play(script, host)
    assert host.connections == {}


@pytest.mark.parametrize("options", OPTIONS)
def test_a_lot_of_data_comes_in_order_and_whole(options: str) -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer, options)
        got = b""
        while True:
            arrival = yield peer.next(within=0.1)
            assert arrival is not None
            got += arrival.segment.payload
            yield peer.send(".")
            if arrival.segment.fin:
                break
        yield peer.send("F.")
        yield peer.expect(". ack 2")
        return got

    host = serving("sends-bulk")
    assert play(script, host).result.value == HABITS["sends-bulk"].says
    assert [one.state for one in host.connections.values()] == [State.TIME_WAIT]


def test_what_is_not_acknowledged_is_sent_again_ever_later() -> None:
    def script(peer: Peer) -> Script:
        yield peer.send("S")
        times = []
        for _ in range(4):
            arrival = yield peer.expect("S. 0:0(0) ack 1", within=10)
            times.append(arrival.time)
        yield peer.send(".")
        for _ in range(3):
            arrival = yield peer.expect('P. "welcome\n"', within=10)
            times.append(arrival.time)
        return [round((b - a) / SECOND) for a, b in pairwise(times)]

    assert play(script, serving("banner")).result.value == [1, 2, 4, 0, 1, 2]


def test_a_window_that_is_closed_is_respected_and_probed() -> None:
    def script(peer: Peer) -> Script:
        peer.window = 0
        yield from handshake(peer)
        yield peer.quiet(0.9)
        yield peer.expect('. 1:2(1) "w"', within=0.2)
        yield peer.send(". 1: ack 1 win 4")
        yield peer.expect('. 1:5(4) ack 1 "welc"', within=2)

    play(script, serving("banner"))


def test_what_does_not_read_closes_its_window() -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        for _ in range(45):
            yield peer.send(".", data=bytes(1460))
        yield peer.expect(". win 0")
        yield peer.send(". (1)")
        yield peer.expect(". win 0", strict=False)

    play(script, serving("does-not-read"))


def test_out_of_order_data_waits_for_the_gap() -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        yield peer.send("F. 6:9(3)")
        yield peer.expect(". 1:1(0) ack 1")
        yield peer.send(". 3:6(3)")
        yield peer.expect(". 1:1(0) ack 1")
        yield peer.send(". 1:4(3)")
        yield peer.expect("F. 1: ack 10", ". ack 10", "P. ack 10")

    play(script, serving("discard"))


def test_simultaneous_close_and_a_fin_that_comes_again() -> None:
    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        fin = yield peer.expect('F. "closing\n"', "P.")
        if fin.which == 1:
            fin = yield peer.expect("F.")
        yield peer.send("F. ack 9")
        yield peer.expect(". 10:10(0) ack 2")
        yield peer.send(". ack 10")
        yield peer.quiet(1)
        yield peer.send("F. 1: ack 10")
        yield peer.expect(". 10:10(0) ack 2")
        yield peer.wait(TIME_WAIT / SECOND + 1)
        yield peer.send(". 2: ack 10")
        yield peer.expect("R.?", within=0.1)

    host = serving("closes-first")
    play(script, host)
    assert host.connections == {}


def test_out_of_time_wait_a_higher_syn_opens_anew() -> None:
    def script(peer: Peer) -> Script:
        first = yield from handshake(peer)
        yield peer.expect("F.")
        yield peer.send(".")
        yield peer.send("F.")
        yield peer.expect(". ack 2")
        peer.restart((peer.isn + 100_000).value)
        second = yield from handshake(peer)
        assert second.segment.seq > first.segment.seq + 10
        yield peer.expect("F.", within=2)
        yield peer.send("R 1:")
        yield peer.wait(0.1)

    host = serving("closes-first")
    play(script, host)
    assert host.connections == {}


def test_it_dials_and_opens_at_once_with_us() -> None:
    def answers(peer: Peer) -> Script:
        yield peer.expect("S 0:")
        yield peer.send("S.")
        yield peer.expect(". 1:1(0) ack 1")
        yield from close(peer)

    def crosses(peer: Peer) -> Script:
        yield peer.expect("S 0:")
        yield peer.send("S")
        yield peer.expect("S. 0:0(0) ack 1")
        yield peer.send("S. 0: ack 1")
        yield peer.quiet(1.5)
        yield from close(peer)

    for script in (answers, crosses):
        honest(rehearse(script, calling(), port=5000, rules=book()))


def test_what_is_not_acceptable_in_syn_sent() -> None:
    def script(peer: Peer) -> Script:
        yield peer.expect("S 0:")
        yield peer.send("S. ack 77")
        yield peer.expect("R 77:77(0)")
        yield peer.send("R 5:")
        yield peer.send("R. ack 77")
        yield peer.quiet(0.2)
        yield peer.send("R. =0: ack 1")
        yield peer.wait(0.1)

    host = calling()
    honest(rehearse(script, host, port=5000, rules=book()))
    assert host.connections == {}


def test_where_nobody_listens() -> None:
    def script(peer: Peer) -> Script:
        yield peer.send("S")
        yield peer.expect("R. =0:0(0) ack 1")
        yield peer.send(". ack =77")
        yield peer.expect("R =77:77(0)")
        yield peer.send("R")
        yield peer.send("S [bad checksum]")
        yield peer.quiet(0.1)

    play(script, Host({}))


FLAGS = st.sampled_from(["S", "S.", ".", "P.", "F.", "R", "R.", "-", "SF", "F", "SR", "U.", "S.E"])
NUMBERS = st.sampled_from(["", "0:", "1:", "2:", "7:", "70000:", "-5:", "(3)", "1:4(3)", "65536:"])
ACKS = st.sampled_from(["", "ack 0", "ack 1", "ack 2", "ack 9", "ack 500"])
REST = st.sampled_from(["", "win 0", "[bad checksum]", "<>", "urg 5"])
BEGINNINGS = st.sampled_from(["nothing", "syn", "handshake", "fin", "finack"])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.sampled_from(sorted(HABITS)),
    BEGINNINGS,
    st.lists(st.tuples(FLAGS, NUMBERS, ACKS, REST), max_size=8),
)
@example("echo", "handshake", [("F.", "", "", ""), ("F.", "", "", "")])
def test_whatever_it_is_sent_it_breaks_no_rule(
    habit: str, beginning: str, lines: list[tuple[str, str, str, str]]
) -> None:
    def script(peer: Peer) -> Script:
        if beginning == "syn":
            yield peer.send("S")
            yield peer.expect("S.")
        elif beginning != "nothing":
            yield from handshake(peer)
            yield peer.wait(0.05)  # what it says by itself has come: no ACK can be of what is still under way
        if beginning in ("fin", "finack"):
            yield peer.send("F.")
            yield peer.wait(0.1)
        if beginning == "finack":
            yield peer.send(".")
        reset = False
        for flags, number, ack, rest in lines:
            reset = reset or "R" in flags
            if flags == "SF" and beginning == "nothing":
                continue  # whether LISTEN keeps the FIN or forgets it is nobody's fault
            if "S" in flags and (reset or beginning in ("fin", "finack")):
                continue  # who begins anew says so, by ``restart``
            acks = "." in flags and peer.their_isn is not None
            line = f"{flags} {number} {ack if acks else ''} {rest}"
            yield peer.send(line)
            yield peer.wait(0.05)
        yield peer.wait(20)

    honest(rehearse(script, serving(habit), rules=book()))
