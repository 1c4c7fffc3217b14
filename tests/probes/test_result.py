"""A verdict over several attempts: silence is forgiven, what came wrong but not always is not decided."""

from __future__ import annotations

import pytest

from rawshake.probes import catalogue
from rawshake.probes.model import Check, Probe
from rawshake.probes.result import Attempt, decide, enough, verdict_of
from rawshake.rules.model import Verdict

PROBE: Probe = catalogue()[0]
PASS, FAIL, WARN, NOTE = Verdict.PASS, Verdict.FAIL, Verdict.WARN, Verdict.NOTE
INCONCLUSIVE = Verdict.INCONCLUSIVE


def one(verdict: Verdict, *, silent: bool = False) -> Attempt:
    return Attempt(
        verdict, (Check("it", verdict, sentence=f"It was {verdict}."),), silent=silent, ended=2_000_000_000
    )


GOOD, NOTED, WRONG, LOST, UNSURE = one(PASS), one(NOTE), one(FAIL), one(FAIL, silent=True), one(INCONCLUSIVE)


@pytest.mark.parametrize(
    ("attempts", "verdict"),
    [
        ([GOOD], PASS),
        ([NOTED], NOTE),
        ([WRONG, WRONG, WRONG], FAIL),
        ([LOST, LOST, LOST], FAIL),
        ([LOST, GOOD], PASS),
        ([UNSURE, GOOD], PASS),
        ([WRONG, GOOD, GOOD], INCONCLUSIVE),
        ([WRONG, UNSURE, UNSURE], INCONCLUSIVE),
        ([UNSURE, UNSURE, UNSURE], INCONCLUSIVE),
        ([one(WARN), one(WARN)], WARN),
        ([one(WARN), WRONG], FAIL),
    ],
)
def test_the_verdict(attempts: list[Attempt], verdict: Verdict) -> None:
    assert decide(PROBE, attempts).verdict is verdict


@pytest.mark.parametrize(
    ("attempts", "done"),
    [
        ([], False),
        ([GOOD], True),
        ([WRONG], False),
        ([LOST, GOOD], True),
        ([UNSURE, GOOD], True),
        ([WRONG, GOOD], False),
        ([WRONG, GOOD, GOOD], True),
        ([WRONG, WRONG, WRONG], True),
    ],
)
def test_it_is_tried_again_until_that_is_decided(attempts: list[Attempt], done: bool) -> None:
    assert enough(attempts, repeat=2) is done


def test_a_result_shows_the_attempt_that_decided() -> None:
    found = decide(PROBE, [LOST, NOTED])
    assert found.deciding is NOTED
    assert [check.sentence for check in found.telling] == ["It was NOTE."]
    assert (found.failed, found.seconds) == (1, 4.0)
    assert decide(PROBE, [WRONG, GOOD, WRONG]).reason == "failed 2 of 3 times"
    assert decide(PROBE, [UNSURE]).reason == "It was INCONCLUSIVE."


def test_an_attempt_is_as_grave_as_its_gravest_check() -> None:
    assert verdict_of([Check("a"), Check("b", WARN), Check("c", NOTE)]) is WARN
    assert verdict_of([]) is PASS


def test_what_the_target_need_not_have_is_a_reason() -> None:
    found = decide(PROBE, [one(Verdict.SKIPPED)])
    assert (found.verdict, found.reason) == (Verdict.SKIPPED, "it")
    assert not decide(PROBE, [GOOD]).reason
