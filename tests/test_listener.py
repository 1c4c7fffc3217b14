"""Many clients of one port at a time, what comes to it without a connection, and how little of all that is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

import pytest

from rawshake.clients import Limits
from rawshake.listener import AT_ONCE
from rawshake.profile import SECOND
from rawshake.report import Judged
from rawshake.report import Outcome as Ended
from rawshake.rules import book
from rawshake.rules.model import ExchangeCheck, Outcome, Rule, Scope, Verdict
from rawshake.tcp.notation import parse_segment
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import Step
from tests.memory import MILLISECOND
from tests.town import HERE, Register, Town, listening, run

SOMEONE = ("192.0.2.1", 40000)
RULE_TAKES = SECOND // 10


def complaints(register: Register) -> list[str]:
    return [
        f"{exchange.client}: {one.sentence}"
        for exchange in register.exchanges
        for one in exchange.findings
        if one.verdict is not Verdict.NOTE
    ]


def to_port(text: str, there: tuple[str, int] = SOMEONE) -> Segment:
    return parse_segment(text, src=there, dst=HERE)


@pytest.mark.parametrize("together", [True, False])
def test_every_client_is_served_and_judged(together: bool) -> None:
    listener, town, register = listening()
    residents = []
    for number in range(100):
        residents.append(town.dial((f"192.0.2.{number % 7 + 10}", 50000 + number), b"hello" * number))
        if not together:
            run(listener, lambda: len(register.exchanges) == number + 1)  # noqa: B023
    run(listener, lambda: len(register.exchanges) == 100)
    assert all(bytes(one.heard) == one.says for one in residents)
    assert {one.outcome for one in register.exchanges} == {Ended.CLOSED}
    assert complaints(register) == []
    assert sorted(one.number for one in register.connections) == list(range(1, 101))
    assert all(len(one.steps) >= 6 and one.held > 10 for one in register.exchanges)
    assert listener.open == 0


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (". =7:7(0) ack =99", (Flags.RST, 99)),
        ("S. =7:7(0) ack =99", (Flags.RST, 99)),
        ("F. =7:8(1) ack =99", (Flags.RST, 99)),
        ("R =7:7(0)", None),
        ("R. =7:7(0) ack =99", None),
        ("P =7:8(1)", None),
    ],
)
def test_what_comes_to_listen_without_a_connection(text: str, answer: tuple[Flags, int] | None) -> None:
    """RFC 9293 3.10.7.2."""
    listener, town, register = listening()
    town.inject(to_port(text))
    listener.run(lambda: False, deadline=town.now() + SECOND)
    found = [(one.flags, int(one.seq)) for one in town.strays]
    assert found == ([] if answer is None else [answer])
    assert register.opened_ == []
    assert listener.open == 0


def test_a_syn_with_a_wrong_checksum_opens_nothing() -> None:
    listener, town, register = listening()
    town.inject(replace(to_port("S =7:7(0)"), checksum=Checksum.WRONG))
    listener.run(lambda: False, deadline=town.now() + SECOND)
    assert (town.strays, register.opened_) == ([], [])


def test_a_flood_of_syns_is_forgotten_and_others_are_served() -> None:
    listener, town, register = listening(limits=Limits(half_open=16))
    for number in range(5000):
        town.inject(to_port("S =7:7(0)", (f"198.51.{number // 250}.{number % 250}", 1024)), number * 1000)
    served = town.dial(SOMEONE, b"hello")
    run(listener, lambda: bytes(served.heard) == b"hello")
    assert listener.open <= 17
    assert listener.counts.passed_over + listener.counts.clients >= 5000
    run(listener, lambda: listener.open == 0)
    # Those of whom it could not be otherwise are counted, and not told.
    assert [one.client for one in register.exchanges if one.outcome is Ended.CLOSED] == [SOMEONE]
    assert len(register.exchanges) < 20


def test_a_crowd_beyond_the_limit_waits_outside() -> None:
    listener, town, _ = listening(limits=Limits(open=2))
    first = [town.dial((SOMEONE[0], 40000 + n), b"x", closes=False) for n in range(2)]
    run(listener, lambda: all(one.heard for one in first))
    late = town.dial((SOMEONE[0], 50000), b"late")
    listener.run(lambda: False, deadline=town.now() + SECOND // 2)
    assert not late.conversation.established
    for one in first:
        one.closes = True
        town.live(one)
    run(listener, lambda: bytes(late.heard) == b"late")


def test_a_transcript_that_grows_too_long_is_not_kept() -> None:
    listener, town, register = listening("discard", limits=Limits(steps=20, all_steps=1000))
    town.dial(SOMEONE, bytes(100_000))
    run(listener, lambda: len(register.connections) == 1)
    (connection,) = register.connections
    assert connection.exchange is None
    assert connection.facts.client.octets == 100_000
    assert connection.remarks == ("too long to be judged as a whole: only segment by segment",)


def test_of_all_transcripts_the_longest_is_given_up_first() -> None:
    listener, town, register = listening("discard", limits=Limits(all_steps=60))
    town.dial(SOMEONE, bytes(100_000))
    small = town.dial((SOMEONE[0], 41000), b"x")
    run(listener, lambda: len(register.connections) == 2)
    kept = {one.client[1]: one.exchange is not None for one in register.connections}
    assert kept == {40000: False, small.conversation.tracker.client[1]: True}


def test_time_wait_acknowledges_a_fin_again_and_is_then_over() -> None:
    listener, town, register = listening("half-close")
    resident = town.dial(SOMEONE, waits=True)
    run(listener, lambda: len(register.exchanges) == 1)
    listener.run(lambda: False, deadline=town.now() + 10 * MILLISECOND)
    me = resident.conversation.me
    assert register.exchanges[0].steps[-1].after.server.expected is State.TIME_WAIT
    del town.residents[SOMEONE]
    assert me.fin is not None
    fin = Segment(
        src=SOMEONE[0], dst=HERE[0], sport=SOMEONE[1], dport=HERE[1],
        seq=me.fin, ack=me.rcv_nxt or Seq(0), flags=Flags.FIN | Flags.ACK, window=1000,
    )  # fmt: skip
    town.inject(fin, 100 * MILLISECOND)
    town.inject(fin, 3 * SECOND)
    listener.run(lambda: False, deadline=town.now() + 4 * SECOND)
    again, late = town.strays
    assert (str(again.flags), again.ack) == (".", me.fin + 1)
    assert str(late.flags) == "R"


@pytest.mark.parametrize("isn", [5, 0xFFFFFFFF])
def test_a_syn_reopens_out_of_time_wait(isn: int) -> None:
    """RFC 9293 MAY-2; the new ISN is above all that the connection before has used."""
    listener, town, register = listening("half-close")
    town.dial(SOMEONE, isn=(isn - 100) % (1 << 32))
    run(listener, lambda: len(register.exchanges) == 1)
    listener.run(lambda: False, deadline=town.now() + 100 * MILLISECOND)
    town.dial(SOMEONE, isn=isn)
    run(listener, lambda: len(register.exchanges) == 2)
    before, after = register.exchanges
    used = before.steps[-1].after.server.nxt
    assert used is not None
    assert after.steps[1].segment.seq > used
    assert complaints(register) == []


def test_goodbye_is_said_to_everyone() -> None:
    listener, town, register = listening("silent")
    talking = town.dial(SOMEONE, b"hello")
    idle = town.dial((SOMEONE[0], 41000), closes=False)
    town.inject(to_port("S =7:7(0)", ("198.51.100.1", 1)))
    run(listener, lambda: talking.conversation.established and idle.conversation.established)
    listener.run(lambda: False, deadline=town.now() + SECOND)
    listener.close(2 * SECOND)
    assert listener.open == 0
    listener.run(lambda: False, deadline=town.now() + SECOND)
    assert talking.conversation.closed
    assert idle.conversation.was_reset
    assert idle.conversation.peer.fin is not None
    assert "R." in [str(one.flags) for one in town.strays]
    assert {one.outcome for one in register.exchanges} == {Ended.CLOSED, Ended.RESET_BY_US}


def test_a_client_is_charged_and_so_is_nobody_else() -> None:
    listener, town, register = listening()
    town.dial(SOMEONE, b"hello", options="<mss 1460>")
    run(listener, lambda: len(register.exchanges) == 1)
    assert not register.exchanges[0].broken_by_peer
    other = ("192.0.2.9", 9)
    town.inject(to_port("S =9:9(0) <mss 1460>", other))
    listener.run(lambda: bool(town.strays), deadline=town.now() + SECOND)
    isn = int(town.strays[0].seq)
    town.inject(to_port(f". =10:10(0) ack ={isn + 1}", other))
    town.inject(to_port(f". =10:10(0) ack ={isn + 1000}", other), 100 * MILLISECOND)
    listener.run(lambda: False, deadline=town.now() + SECOND)
    listener.close(SECOND)
    charged = [one for one in register.exchanges if one.broken_by_peer]
    assert [one.client for one in charged] == [("192.0.2.9", 9)]
    assert any(isinstance(entry, Judged) for entry in charged[0].entries)
    assert len(book()) > 50


def test_nothing_is_left_over_in_memory() -> None:
    listener, town, register = listening("half-close", rules=())
    for number in range(300):
        town.dial((SOMEONE[0], 10_000 + number))
        run(listener, lambda: len(register.exchanges) == number + 1)  # noqa: B023
        del town.residents[SOMEONE[0], 10_000 + number]
    listener.run(lambda: False, deadline=town.now() + 3 * SECOND)
    tables = (listener._clients, listener._half_open, listener._time_wait, listener._timers)
    assert [len(one) for one in tables] == [0, 0, 0, 0]
    assert listener._steps == 0
    assert isinstance(town, Town)


def test_a_long_transcript_is_judged_as_whole_as_a_short_one() -> None:
    listener, town, register = listening()
    long = town.dial(SOMEONE, bytes(1_000_000))
    run(listener, lambda: long.conversation.closed)
    short = town.dial((SOMEONE[0], 41000), b"hello")
    run(listener, lambda: len(register.exchanges) == 2)
    assert bytes(short.heard) == b"hello"
    first, second = sorted(register.exchanges, key=lambda one: len(one.steps), reverse=True)
    assert len(first.steps) > AT_ONCE > len(second.steps)
    assert {one.rule for one in second.closing} <= {one.rule for one in first.closing}
    assert complaints(register) == []
    assert listener._steps == 0


def test_a_verdict_that_is_not_yet_said_is_said_at_the_end() -> None:
    listener, town, register = listening()
    long = town.dial(SOMEONE, bytes(1_000_000))
    run(listener, lambda: long.conversation.closed)
    listener.close(SECOND)
    (exchange,) = register.exchanges
    assert exchange.closing


def slowed(town: Town, entry: Rule) -> Rule:
    """A rule that takes its time over a whole exchange."""
    check = cast(ExchangeCheck, entry.check)

    def checked(steps: Sequence[Step]) -> Iterable[Outcome]:
        town.clock += RULE_TAKES
        return check(steps)

    return replace(entry, check=checked) if entry.scope is Scope.EXCHANGE else entry


def test_who_comes_while_a_long_exchange_is_judged_need_not_send_its_syn_again() -> None:
    listener, town, register = listening("discard")
    listener.rules = [slowed(town, entry) for entry in book()]
    long = town.dial(SOMEONE, bytes(1_000_000))
    run(listener, lambda: long.conversation.closed)
    over = town.now()
    late = town.dial((SOMEONE[0], 41000), closes=False)
    run(listener, lambda: late.conversation.established)
    assert town.now() - over < SECOND  # RFC 6298's first RTO
    assert register.exchanges == []
    run(listener, lambda: bool(register.exchanges))
    assert town.now() - over > 3 * SECOND
    assert complaints(register) == []
