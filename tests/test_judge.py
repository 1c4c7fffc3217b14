"""One breach, one finding: which rulings count, which follow from others, and who is charged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import pytest

from rawshake.judge import RULINGS_AT_ONCE, Judge, Ruling
from rawshake.rules import book, select
from rawshake.rules.model import (
    Citation,
    Level,
    Outcome,
    Rule,
    Scope,
    Vantage,
    Verdict,
    broken,
    held,
    undecidable,
)
from rawshake.tcp.view import End, Step
from tests.rules.play import finding_text, findings_of, rulings_of, steps_of

CITE = (Citation("RFC 9293", "3.4"),)
#: Six segments of a client and six of a server, in turn.
TALK = """
    > S 0:0(0) win 65535
    < S. 0:0(0) ack 1 win 65535
    > P. 1:2(1) ack 1 win 65535
    < P. 1:2(1) ack 2 win 65535
    > P. 2:3(1) ack 2 win 65535
    < P. 2:3(1) ack 3 win 65535
    > P. 3:4(1) ack 3 win 65535
    < P. 3:4(1) ack 4 win 65535
    > P. 4:5(1) ack 4 win 65535
    < P. 4:5(1) ack 5 win 65535
"""


def says(name: str, by_step: dict[int, Outcome], *, level: Level = Level.MUST, corrupt: bool = False) -> Rule:
    """A rule of scope step that says what is written for the steps of those numbers."""

    def check(step: Step) -> Outcome | None:
        return by_step.get(step.number)

    return Rule(name, "chapter", CITE, level, Scope.STEP, check, corrupt=corrupt)


def closes(name: str, outcomes: Iterable[Outcome], *, level: Level = Level.MUST) -> Rule:
    """A rule of scope exchange that says all that once it is over."""
    said = tuple(outcomes)

    def check(steps: Sequence[Step]) -> Iterator[Outcome]:
        last = steps[-1].number if steps else 0
        return (outcome for outcome in said if outcome.step is None or outcome.step <= last)

    return Rule(name, "chapter", CITE, level, Scope.EXCHANGE, check)


def bad(field: str = "ack", *, step: int | None = None, end: End | None = None) -> Outcome:
    return broken(field, f"{field} is wrong", expected=1, actual=2, step=step, end=end)


def note(field: str = "ack") -> Outcome:
    return broken(field, f"{field} is odd", expected=1, actual=2, verdict=Verdict.NOTE)


def good(field: str = "ack") -> Outcome:
    return held(field, f"{field} is right")


def judged(*rules: Rule, text: str = TALK, ours: End | None = None) -> list[Ruling]:
    return rulings_of(text, rules, ours=ours)


def found(rulings: Iterable[Ruling]) -> list[str]:
    return [finding_text(ruling) for ruling in rulings if ruling.is_finding]


def followed(rulings: Iterable[Ruling]) -> list[str]:
    return [finding_text(ruling) for ruling in rulings if ruling.consequence]


def test_the_first_rule_of_the_book_charges_the_cell() -> None:
    rulings = judged(says("special", {4: bad()}), says("general", {4: bad()}))
    assert found(rulings) == ["special FAIL server 4"]
    assert followed(rulings) == ["general FAIL server 4"]


@pytest.mark.parametrize(
    ("first", "second", "findings"),
    [
        (bad("ack"), bad("seq"), ["one FAIL server 4", "two FAIL server 4"]),
        (bad("ack"), bad("ack", end=End.CLIENT), ["one FAIL server 4", "two FAIL client 4"]),
        (note("ack"), bad("ack"), ["one NOTE server 4"]),
        (undecidable("ack", "who knows"), bad("ack"), ["two FAIL server 4"]),
        (good("ack"), bad("ack"), ["two FAIL server 4"]),
    ],
    ids=["another field", "another end", "a note charges", "undecidable charges nothing", "right in part"],
)
def test_a_cell_is_a_step_an_end_and_a_field(first: Outcome, second: Outcome, findings: list[str]) -> None:
    assert found(judged(says("one", {4: first}), says("two", {4: second}))) == findings


def test_a_breach_that_goes_on_is_one_finding() -> None:
    rulings = judged(says("one", {4: bad(), 6: bad()}), says("two", {8: bad(), 10: bad("seq")}))
    assert found(rulings) == ["one FAIL server 4", "two FAIL server 10"]
    assert followed(rulings) == ["one FAIL server 6", "two FAIL server 8"]


def test_what_is_judged_right_again_can_be_broken_again() -> None:
    rulings = judged(says("one", {4: bad(), 6: good(), 8: bad()}))
    assert found(rulings) == ["one FAIL server 4", "one FAIL server 8"]


def test_right_by_another_rule_is_right_too() -> None:
    rulings = judged(says("one", {4: bad(), 8: bad()}), says("two", {6: good()}))
    assert found(rulings) == ["one FAIL server 4", "one FAIL server 8"]


def test_a_step_that_one_rule_finds_right_and_another_wrong_is_not_right() -> None:
    rulings = judged(says("one", {4: bad(), 6: good(), 8: bad()}), says("two", {6: bad()}))
    assert found(rulings) == ["one FAIL server 4"]


def test_the_other_end_does_not_make_it_right() -> None:
    assert found(judged(says("one", {4: bad(), 5: good(), 6: bad()}))) == ["one FAIL server 4"]


def test_a_note_hides_no_later_breach_and_is_not_repeated() -> None:
    rulings = judged(
        says("odd", {4: note(), 6: note(), 8: note()}), says("wrong", {6: bad("seq"), 10: bad()})
    )
    assert found(rulings) == ["odd NOTE server 4", "wrong FAIL server 6", "wrong FAIL server 10"]
    assert followed(rulings) == ["odd NOTE server 6", "odd NOTE server 8"]


def test_notes_of_different_rules_do_not_follow_from_one_another() -> None:
    rulings = judged(says("odd", {4: note()}), says("odder", {6: note()}))
    assert found(rulings) == ["odd NOTE server 4", "odder NOTE server 6"]


@pytest.mark.parametrize(
    ("level", "verdict"),
    [
        (Level.MUST, Verdict.FAIL),
        (Level.MUST_NOT, Verdict.FAIL),
        (Level.PROCEDURE, Verdict.FAIL),
        (Level.SHOULD, Verdict.WARN),
        (Level.SHOULD_NOT, Verdict.WARN),
        (Level.MAY, Verdict.NOTE),
        (Level.LINT, Verdict.NOTE),
        (Level.INFO, Verdict.NOTE),
    ],
)
def test_the_level_says_how_grave_a_breach_is(level: Level, verdict: Verdict) -> None:
    assert found(judged(says("one", {4: bad()}, level=level))) == [f"one {verdict} server 4"]


def test_a_known_deviation_is_shown_and_charges_nothing() -> None:
    known = broken("ack", "Linux does so", expected=1, actual=2, verdict=Verdict.KNOWN)
    rulings = judged(says("one", {4: known}), says("two", {4: bad()}))
    assert [ruling.verdict for ruling in rulings] == [Verdict.KNOWN, Verdict.FAIL]
    assert found(rulings) == ["two FAIL server 4"]


def test_who_is_charged_is_ours_or_not() -> None:
    rule = says("one", {3: bad(), 4: bad(), 5: bad("seq", end=End.SERVER)})
    assert [ruling.ours for ruling in judged(rule, ours=End.CLIENT)] == [True, False, False]
    assert [ruling.ours for ruling in judged(rule)] == [False, False, False]


def test_a_ruling_says_where_and_what() -> None:
    (ruling,) = judged(says("one", {4: bad("seq")}))
    assert ruling == Ruling(
        rule="one",
        cite="RFC 9293 3.4",
        step=4,
        end=End.SERVER,
        field="seq",
        verdict=Verdict.FAIL,
        sentence="seq is wrong",
        expected="1",
        actual="2",
    )


def test_a_damaged_segment_is_shown_only_to_rules_that_ask_for_it() -> None:
    damaged = TALK.replace("< P. 1:2(1) ack 2 win 65535", "< P. 1:2(1) ack 2 win 65535 [bad checksum]")
    numbers = says("numbers", {4: bad()})
    sums = says("sums", {4: bad("checksum")}, corrupt=True)
    assert found(judged(numbers, sums, text=damaged)) == ["sums FAIL server 4"]


def test_damaged_numbers_accuse_nobody() -> None:
    assert findings_of("""
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < SFR. 77777:77787(10) ack 88888 win 0 [bad checksum]
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    """) == ["checksum-sent-valid FAIL server 4"]


def test_what_is_said_of_the_whole_follows_from_what_was_said_of_its_steps() -> None:
    rulings = judged(says("one", {4: bad()}), closes("whole", [bad(step=4), bad("seq", step=4)]))
    assert found(rulings) == ["one FAIL server 4", "whole FAIL server 4"]
    assert [ruling.field for ruling in rulings if ruling.is_finding] == ["ack", "seq"]


def test_what_came_before_a_breach_does_not_follow_from_it() -> None:
    rulings = judged(says("one", {8: bad()}), closes("whole", [bad(step=4), bad(step=10)]))
    assert found(rulings) == ["one FAIL server 8", "whole FAIL server 4"]
    assert followed(rulings) == ["whole FAIL server 10"]


def test_a_breach_that_was_over_explains_nothing_later() -> None:
    rule = says("one", {2: bad(), 4: good()})
    rulings = judged(rule, closes("whole", [bad(step=2), bad(step=6), bad(step=8)]))
    assert found(rulings) == ["one FAIL server 2", "whole FAIL server 6"]
    assert followed(rulings) == ["whole FAIL server 2", "whole FAIL server 8"]


def test_what_names_no_step_is_charged_to_the_last() -> None:
    assert found(judged(closes("whole", [bad()]))) == ["whole FAIL server 10"]


def test_an_exchange_can_be_judged_again_and_can_go_on() -> None:
    rules = (says("one", {4: bad(), 10: bad("seq")}), closes("whole", [bad(step=6), bad("seq", step=8)]))
    judge = Judge(rules)
    steps = steps_of(TALK)
    early = [ruling for step in steps[:8] for ruling in judge.step(step)]
    first = judge.exchange(steps[:8])
    assert judge.exchange(steps[:8]) == first
    assert found(early) == ["one FAIL server 4"]
    assert found(first) == ["whole FAIL server 8"]
    # Not yet known when the exchange rules first spoke; they are asked again when it is over.
    assert found(judge.step(steps[8]) + judge.step(steps[9])) == ["one FAIL server 10"]
    assert judge.exchange(steps) == first


def test_nothing_seen_is_nothing_said() -> None:
    assert Judge(book()).exchange([]) == ()


def test_only_the_rules_that_were_selected_are_asked() -> None:
    text = """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 2 win 65535 <mss 1460,nop,wscale 7>
    """
    assert findings_of(text, select(["handshake"])) == ["synack-ack-is-isn-plus-1 FAIL server 2"]
    assert findings_of(text, select((), ["handshake"])) == ["synack-wscale-ts-only-if-offered FAIL server 2"]
    assert findings_of(text, ()) == []


def nearby(*outcomes: Outcome) -> Rule:
    """A rule of scope exchange that needs a tap near the end that it charges."""
    return Rule("nearby", "chapter", CITE, Level.MUST, Scope.EXCHANGE, lambda steps: outcomes, near=True)


@pytest.mark.parametrize(
    ("vantage", "end", "verdict"),
    [
        (Vantage.NEAR_CLIENT, End.CLIENT, Verdict.FAIL),
        (Vantage.NEAR_CLIENT, End.SERVER, Verdict.INCONCLUSIVE),
        (Vantage.NEAR_BOTH, End.SERVER, Verdict.FAIL),
        (Vantage.BETWEEN, End.CLIENT, Verdict.INCONCLUSIVE),
        (Vantage.UNKNOWN, End.CLIENT, Verdict.INCONCLUSIVE),
        # Told from the TTLs of the transcript: nothing between the two ends.
        (None, End.SERVER, Verdict.FAIL),
    ],
)
def test_a_rule_that_needs_a_near_tap_decides_nothing_elsewhere(
    vantage: Vantage | None, end: End, verdict: Verdict
) -> None:
    steps = steps_of(TALK)
    [ruling] = Judge([nearby(bad(step=3, end=end))], vantage=vantage).exchange(steps)
    assert ruling.verdict is verdict
    assert (ruling.step, ruling.end, ruling.field) == (3, end, "ack")
    if verdict is Verdict.INCONCLUSIVE:
        assert ruling.sentence == f"the tap was not near the {end}"


def test_what_is_right_is_not_told_from_afar_either() -> None:
    steps = steps_of(TALK)
    rule = nearby(held("ack", "right", end=End.SERVER, step=3))
    [ruling] = Judge([rule], vantage=Vantage.NEAR_CLIENT).exchange(steps)
    assert ruling.verdict is Verdict.INCONCLUSIVE


def test_of_one_side_alone_nothing_is_told_that_needs_a_near_tap() -> None:
    """What drew its ACKs was not captured."""
    text = """
        > S 0:0(0) win 65535
        > . 1:1(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    """
    book = select(["replies"])
    assert findings_of(text, book) == []
    answered = text.replace("win 65535", "win 65535\n        < S. 0:0(0) ack 1 win 65535", 1)
    assert findings_of(answered, book) == ["one-ack-per-segment FAIL client 6"]
    [ruling] = Judge([nearby(bad(step=3, end=End.CLIENT))]).exchange(steps_of(text))
    assert (ruling.verdict, ruling.sentence) == (Verdict.INCONCLUSIVE, "nothing of the server was seen")


def test_a_rule_that_has_much_to_say_says_it_in_pieces() -> None:
    steps = steps_of(TALK)
    talkative = nearby(*[bad(step=3, end=End.CLIENT)] * (2 * RULINGS_AT_ONCE + 1))
    pieces = list(Judge([talkative]).exchange_by_rule(steps))
    assert [len(piece) for piece in pieces] == [RULINGS_AT_ONCE, RULINGS_AT_ONCE, 1]
    assert tuple(chain.from_iterable(pieces)) == Judge([talkative]).exchange(steps)
