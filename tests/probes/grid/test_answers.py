"""Branches of a reading are all followed, once each, and an outcome keeps the fewest choices that lead to it."""

from __future__ import annotations

from collections import Counter

from rawshake.probes.grid.answers import Choice, Expectation, Outcome, Reply, Takes, every
from rawshake.tcp.segment import Flags
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

A, B, C = Choice.RFC_793_RST, Choice.RFC_793_SYN, Choice.ACK_AT_ONCE


def _outcome(number: int) -> Outcome:
    return Outcome(None, State.ESTABLISHED, Seq(number), "3.10.7.4")


def test_every_branch_is_followed_once() -> None:
    runs: Counter[tuple[bool, ...]] = Counter()

    def reading(takes: Takes) -> Outcome:
        first, second = takes(A), takes(B)
        assert takes(A) is first  # the answer to a question stays the same
        third = second and takes(C)
        runs[first, second, third] += 1
        return _outcome(4 * first + 2 * second + third)

    found = {int(one.outcome.rcv_nxt): one.choices for one in every(reading)}
    assert found == {0: frozenset(), 2: {B}, 3: {B, C}, 4: {A}, 6: {A, B}, 7: {A, B, C}}
    assert set(runs.values()) == {1}
    assert len(runs) == 6


def test_the_fewest_noted_choices_lead_to_an_outcome_and_the_letter_comes_first() -> None:
    def reading(takes: Takes) -> Outcome:
        if takes(A):
            return _outcome(1)
        return _outcome(1) if takes(C) else _outcome(2)

    letter, other = every(reading)
    assert letter == Expectation(_outcome(2))
    assert other.choices == {C}  # which is not noted
    assert other.noted == ()


def test_a_reading_without_choices_has_one_outcome() -> None:
    assert every(lambda takes: _outcome(5)) == (Expectation(_outcome(5)),)


def test_noted_choices_are_told_in_their_order() -> None:
    assert Expectation(_outcome(0), frozenset({B, C, A})).noted == (A, B)


def test_a_reply_is_written_as_the_rfc_writes_it() -> None:
    assert str(Reply(Flags.RST | Flags.ACK, Seq(0), Seq(7))) == "<SEQ=0><ACK=7><CTL=RST,ACK>"
    assert str(Reply(Flags.RST, Seq(9))) == "<SEQ=9><CTL=RST>"
    assert str(Reply(Flags.SYN | Flags.ACK, None, Seq(1))) == "<SEQ=any><ACK=1><CTL=SYN,ACK>"
