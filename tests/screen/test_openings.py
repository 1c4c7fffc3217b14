"""What columns remember of how connections were opened is what ``Others`` does, one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rawshake.judge import CaptureJudge
from rawshake.rules import book
from rawshake.rules import opening as rules_opening
from rawshake.rules.model import Scope, Verdict
from rawshake.rules.opening import Opening, Others
from rawshake.screen import openings as by_columns
from rawshake.screen.openings import Hosts, Tuples, of_followed, text
from rawshake.screen.table import ASKED
from rawshake.screen.whole import DECIDES, Whole
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End

SECOND = 1_000_000_000
HOSTS = ("10.0.0.1", "10.0.0.2", "2001:db8::1", "0.0.0.1", "::1", "10.0.0.3")


def opened(
    number: int,
    host: int,
    port: int,
    isn: int,
    peer_isn: int | None,
    time: int,
    end: End,
    grown: int | None,
    waits: bool,
) -> Opening:
    here, there = (HOSTS[host], port), (HOSTS[2 if ":" in HOSTS[host] else 0], 80)
    return Opening(
        connection=number,
        end=end,
        step=1,
        isn=Seq(isn),
        ends=(here, there),
        syns=(time * SECOND // 4,),
        until=time * SECOND // 4,
        complete=True,
        answered=True,
        nxt=None if grown is None else Seq(isn + grown),
        peer_isn=None if peer_isn is None else Seq(peer_isn),
        waits=waits,
    )


def drawn(hosts: int) -> st.SearchStrategy[list[Opening]]:
    one = st.builds(
        opened,
        st.just(0),
        st.integers(0, hosts - 1),
        st.integers(1, 6),
        st.one_of(st.integers(0, 5), st.integers(0, (1 << 32) - 1)),
        st.one_of(st.none(), st.integers(0, 3), st.integers(0, (1 << 32) - 1)),
        st.integers(0, 500),
        st.sampled_from(list(End)),
        st.one_of(st.none(), st.integers(1, 9)),
        st.booleans(),
    )
    return st.lists(one, min_size=1, max_size=70).map(
        lambda found: [each._replace(connection=number) for number, each in enumerate(found, 1)]
    )


def in_batches(openings: Sequence[Opening], size: int) -> list[Sequence[Opening]]:
    return [openings[at : at + size] for at in range(0, len(openings), size)]


def shown(one: Opening | None) -> object:
    return (
        None
        if one is None
        else (one.connection, one.isn, one.nxt, one.peer_isn, one.waits, one.time, one.ends)
    )


@given(drawn(6), st.sampled_from([1, 7, 100]), st.sampled_from([(2, 3), (4096, 16_384)]))
@settings(max_examples=150, deadline=None)
def test_columns_remember_what_is_remembered_one_by_one(
    openings: list[Opening], size: int, most: tuple[int, int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (rules_opening, by_columns):
            patch.setattr(module, "HOSTS", most[0])
            patch.setattr(module, "TUPLES", most[1])
        others = Others()
        tuples, hosts = Tuples(), {end: Hosts() for end in End}
        for batch in in_batches(openings, size):
            rows = of_followed(batch)
            known, before = tuples.before(rows)
            mine = {end: [at for at, one in enumerate(batch) if one.end is end] for end in End}
            for end, chosen in mine.items():
                if chosen:
                    hosts[end].look(rows.take(np.array(chosen)))
            for at, one in enumerate(batch):
                last = None if before[at] < 0 else known.opening(int(before[at]))
                assert shown(last) == shown(others.of_tuple(one))
                host = hosts[one.end].at(mine[one.end].index(at))
                run = [one] if host is None else host.run(one)
                assert list(map(shown, run)) == list(map(shown, others.run(one)))
                others.add(one)


@given(drawn(3), st.sampled_from([1, 9, 100]))
@settings(max_examples=150, deadline=None)
def test_what_columns_decide_is_what_the_rules_say(openings: list[Opening], size: int) -> None:
    rules = [rule for rule in book() if rule.scope is Scope.CAPTURE]
    judge, whole = CaptureJudge(rules), Whole(rules)
    for batch in in_batches(openings, size):
        held, ask = whole.take(of_followed(batch))
        for at, one in enumerate(batch):
            said = judge.outcomes([one])
            if ask[at]:
                assert whole.outcomes([one], [at]) == said
            else:
                assert {rule.id for rule, outcome, _ in said if outcome.verdict is Verdict.PASS} == {
                    rule.id for bit, rule in enumerate(whole.rules) if held[at] >> bit & 1
                }
                assert all(outcome.verdict is Verdict.PASS for _, outcome, _ in said)


def test_an_ordinary_host_is_not_asked_about() -> None:
    rules = [rule for rule in book() if rule.scope is Scope.CAPTURE]
    ordinary = [
        opened(
            at, 0, at, at * 1_234_567_891 % (1 << 32), at * 987_654_321 % (1 << 32), at, End.CLIENT, 5, True
        )
        for at in range(1, 60)
    ]
    held, ask = Whole(rules).take(of_followed(ordinary))
    assert not ask.any()
    assert held[3:].all()
    alike = [one._replace(isn=Seq(7)) for one in ordinary]
    assert Whole(rules).take(of_followed(alike))[1][3:].all()


def test_each_rule_over_the_whole_capture_has_its_columns() -> None:
    assert DECIDES.keys() == ASKED


def test_addresses_are_written_as_everywhere() -> None:
    assert (text(False, 0, 0x0A000001), text(True, 0x20010DB8 << 32, 1)) == ("10.0.0.1", "2001:db8::1")
