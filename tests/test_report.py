"""What an exchange says of itself: round-trip time, final states, rules held and broken, what was undecidable."""

from __future__ import annotations

import pytest

from rawshake.judge import Ruling
from rawshake.report import Exchange, Judged, Remark
from rawshake.rules import book
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End
from tests.render.exchanges import FAULTY, LOSSES, WHOLE, exchange, ruling

EMPTY = Exchange(("192.0.2.1", 40000), ("192.0.2.2", 80))

OPENING = "> S 0:0(0)\n+0.000042 < S. 0:0(0) ack 1\n+0.000020 > . 1:1(0) ack 1"

ROUND_TRIPS: dict[str, tuple[str, int | None]] = {
    "by the frames' times": (OPENING, 42_000),
    "of the handshake, not of what follows": (WHOLE, 42_000),
    "nothing of a SYN alone": ("> S 0:0(0)", None),
    "nothing without a SYN": ("> . 1:1(0) ack 1\n< . 1:1(0) ack 1", None),
    "nothing of a SYN,ACK whose SYN was not seen": ("< S. 0:0(0) ack 1\n> . 1:1(0) ack 1", None),
    "nothing where the SYN was sent again": ("> S 0:0(0)\n+1 > S 0:0(0)\n+0.01 < S. 0:0(0) ack 1", None),
    "nothing where it was lost, as rawshake knows": (LOSSES, None),
    "nothing where the SYN,ACK was lost and came again": (
        "> S 0:0(0)\n+0.01 < S. 0:0(0) ack 1 [lost]\n+1 < S. 0:0(0) ack 1\n> . 1:1(0) ack 1",
        None,
    ),
    "the first of two SYN,ACKs, where it arrived": (f"{OPENING}\n+1 < S. 0:0(0) ack 1", 42_000),
    "nothing of a SYN,ACK that acknowledges no SYN": (FAULTY, None),
    "nothing of a damaged SYN,ACK": ("> S 0:0(0)\n+0.01 < S. 0:0(0) ack 1 [bad checksum]", None),
    "nothing of a refusal": ("> S 0:0(0)\n+0.01 < R. =0:0(0) ack 1", None),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_round_trip_time(name: str) -> None:
    text, wanted = ROUND_TRIPS[name]
    assert exchange(text).rtt == wanted


STATES = [
    ("> S 0:0(0)", ("SYN-SENT", "SYN-RECEIVED?")),
    ("> S 0:0(0)\n< S. 0:0(0) ack 1", ("ESTABLISHED?", "SYN-RECEIVED")),
    (OPENING, ("ESTABLISHED", "ESTABLISHED?")),
    (WHOLE, ("TIME-WAIT", "CLOSED?")),
    (FAULTY, ("CLOSED", "CLOSED")),
]


@pytest.mark.parametrize(("text", "states"), STATES)
def test_states_are_those_after_the_last_segment(text: str, states: tuple[str, str]) -> None:
    made = exchange(text)
    assert (made.state(End.CLIENT), made.state(End.SERVER)) == states


def test_a_remark_at_the_end_changes_no_state() -> None:
    made = exchange(OPENING)
    later = Exchange(made.client, made.server, (*made.entries, Remark(10**18 + 1, "ICMP")))
    assert later.state(End.CLIENT) == "ESTABLISHED"
    assert later.steps == made.steps


def test_an_exchange_without_segments_says_little() -> None:
    assert (EMPTY.state(End.CLIENT), EMPTY.state(End.SERVER)) == ("CLOSED", "CLOSED")
    assert (EMPTY.rtt, EMPTY.steps, EMPTY.rulings, EMPTY.held, EMPTY.broken) == (None, (), (), 0, 0)
    assert not EMPTY.broken_by_peer
    assert not EMPTY.undecidable


def said(*of_steps: Ruling, closing: tuple[Ruling, ...] = ()) -> Exchange:
    """An exchange of which those things were said, of its first segment and of the whole."""
    made = exchange("> S 0:0(0)")
    return Exchange(made.client, made.server, (Judged(made.steps[0], of_steps),), closing)


PASSED, FAILED = ruling("a", Verdict.PASS, "right"), ruling("a", Verdict.FAIL, "wrong")


def test_a_rule_is_held_once_however_often_it_was_exercised() -> None:
    assert said(PASSED, PASSED, ruling("b", Verdict.PASS, "right")).held == 2
    assert said(PASSED, closing=(PASSED, ruling("b", Verdict.PASS, "right"))).held == 2


@pytest.mark.parametrize(
    ("verdict", "held", "broken"),
    [
        (Verdict.FAIL, 0, 1),
        (Verdict.WARN, 0, 0),
        (Verdict.NOTE, 1, 0),
        (Verdict.KNOWN, 1, 0),
        (Verdict.INCONCLUSIVE, 1, 0),
    ],
)
def test_a_rule_that_was_broken_once_is_not_held(verdict: Verdict, held: int, broken: int) -> None:
    other = ruling("a", verdict, "the other time")
    for made in (said(PASSED, other), said(other, PASSED), said(PASSED, closing=(other,))):
        assert (made.held, made.broken) == (held, broken)


def test_a_consequence_is_no_breach_of_its_own_but_its_rule_did_not_hold() -> None:
    made = said(
        FAILED, PASSED, ruling("b", Verdict.FAIL, "so", consequence=True), ruling("b", Verdict.PASS, "x")
    )
    assert made.broken == 1
    assert made.held == 0
    assert made.findings == (FAILED,)
    assert len(made.rulings) == 4


def test_each_breach_counts_also_of_one_rule() -> None:
    assert said(FAILED, closing=(FAILED,)).broken == 2


def test_findings_are_breaches_warnings_and_notes_in_order() -> None:
    verdicts = [Verdict.PASS, Verdict.NOTE, Verdict.FAIL, Verdict.KNOWN, Verdict.INCONCLUSIVE, Verdict.WARN]
    made = said(*(ruling("a", verdict, "x") for verdict in verdicts[:4]), closing=(
        *(ruling("a", verdict, "x") for verdict in verdicts[4:]),
    ))  # fmt: skip
    assert [found.verdict for found in made.findings] == [Verdict.NOTE, Verdict.FAIL, Verdict.WARN]


def test_only_the_peer_is_blamed_for_what_the_peer_broke() -> None:
    assert said(FAILED).broken_by_peer
    assert not said(ruling("a", Verdict.FAIL, "x", ours=True)).broken_by_peer
    assert not said(ruling("a", Verdict.WARN, "x")).broken_by_peer
    assert book()
    assert said(ruling("window-not-shrunk", Verdict.WARN, "x")).broken_by_peer
    assert not said(ruling("a", Verdict.FAIL, "x", consequence=True)).broken_by_peer


def test_what_was_undecidable_is_counted_by_rule_and_reason() -> None:
    def undecided(rule: str, reason: str) -> Ruling:
        return ruling(rule, Verdict.INCONCLUSIVE, reason)

    made = said(
        undecided("a", "began late"), undecided("a", "began late"), undecided("b", "began late"), PASSED,
        closing=(undecided("a", "offloaded"),),
    )  # fmt: skip
    assert made.undecidable == {("a", "began late"): 2, ("b", "began late"): 1, ("a", "offloaded"): 1}
    assert made.findings == ()
