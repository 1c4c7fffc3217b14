"""What the rules said of a connection, gathered entry by entry: the same as what its transcript holds."""

from __future__ import annotations

from dataclasses import replace

from rawshake.account import Account
from rawshake.connection import Ended, Opened
from rawshake.report import Judged, Remark
from rawshake.rules.model import Verdict
from rawshake.tcp.tracker import Tracker
from tests.memory import START
from tests.town import listening, run

SOMEONE = ("192.0.2.1", 40000)


def test_an_account_says_what_the_transcript_says() -> None:
    listener, town, register = listening()
    town.dial(SOMEONE, b"hello")
    run(listener, lambda: bool(register.exchanges))
    ((exchange,), (connection,)) = register.exchanges, register.connections
    assert connection.exchange == exchange
    assert connection.facts.opened is Opened.COMPLETE
    assert connection.facts.ended is Ended.CLOSED
    assert connection.facts.segments == len(exchange.steps)
    assert connection.facts.client.octets == connection.facts.server.octets == 5
    passed = {one.rule for one in exchange.rulings if one.verdict is Verdict.PASS}
    assert passed <= connection.held
    assert [found.ruling for found in connection.findings] == list(exchange.findings)


def test_findings_are_kept_up_to_a_limit_with_the_segment_in_words() -> None:
    listener, town, register = listening()
    town.dial(SOMEONE, b"hello")
    run(listener, lambda: bool(register.exchanges))
    (exchange,) = register.exchanges
    first = next(entry for entry in exchange.entries if isinstance(entry, Judged))
    finding = first.rulings[0]._replace(verdict=Verdict.FAIL, consequence=False)
    account = Account(7, Tracker(exchange.client, exchange.server), most=2)
    assert account.unheard
    for _ in range(3):
        account.add(replace(first, rulings=(finding,)))
    account.add(Remark(START, "no segment"))
    assert account.unheard
    found = account.connection(None)
    assert (found.number, len(found.findings)) == (7, 2)
    assert found.findings[0].segment.startswith("> S ")
    assert found.remarks == ("only the first 2 findings are told",)
    assert finding.rule not in found.held
    for entry in exchange.entries:
        account.add(entry)
    assert not account.unheard
