"""Every rule is declared: what the normal form makes of it."""

from __future__ import annotations

from rawshake.rules import book
from rawshake.rules.model import Scope
from rawshake.screen.table import ASKED, EXERCISED, NEAR, Seen, held, undecided, undeclared


def test_every_rule_says_what_the_normal_form_makes_of_it() -> None:
    assert undeclared(book()) == ()


def test_no_rule_is_declared_twice_or_without_being() -> None:
    names = [*EXERCISED, *NEAR, *ASKED]
    assert len(set(names)) == len(names)
    assert set(names) <= {rule.id for rule in book()}


def test_what_is_near_and_what_is_of_the_whole_capture_is_declared_so() -> None:
    assert {rule.id for rule in book() if rule.scope is Scope.CAPTURE} == ASKED
    assert {rule.id for rule in book() if rule.near} == NEAR.keys()


def test_a_rule_that_needs_the_tap_near_is_undecided_elsewhere() -> None:
    rules = ["one-ack-per-segment"]
    seen = Seen.BARE_BY_CLIENT | Seen.BARE_BY_SERVER | Seen.NEAR_CLIENT
    assert held(rules, seen) == {"one-ack-per-segment"}
    assert undecided(rules, seen) == {("one-ack-per-segment", "the tap was not near the server"): 1}
