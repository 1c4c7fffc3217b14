"""JUnit files of verify are what CI systems take: a suite for each chapter, a case for each probe."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest

from rawshake.probes.model import Check
from rawshake.probes.result import Result
from rawshake.render.verify_junit import dump
from rawshake.rules.model import Verdict
from tests.render.test_junit import SCHEMA
from tests.render.test_verified import PROBES, WRONG, result, run

FAIL, WARN, NOTE, PASS = Verdict.FAIL, Verdict.WARN, Verdict.NOTE, Verdict.PASS


def document(*results: Result, grave: tuple[Verdict, ...] = (FAIL, Verdict.ERROR)) -> Element:
    text = dump(run(*results), grave)
    SCHEMA.validate(text)
    return fromstring(text)


def case(root: Element, name: str) -> Element:
    (found,) = [one for one in root.iter("testcase") if one.attrib["name"] == name]
    return found


def test_a_suite_for_each_chapter_and_a_case_for_each_probe() -> None:
    root = document(result("syn-opens", PASS, Check("it")), result("fin-acked-at-once", FAIL, WRONG))
    assert [suite.attrib["name"] for suite in root] == ["192.0.2.2 establishment", "192.0.2.2 teardown"]
    assert [suite.attrib["failures"] for suite in root] == ["0", "1"]
    assert len(case(root, "syn-opens")) == 0
    (failure,) = case(root, "fin-acked-at-once")
    assert (failure.tag, failure.attrib["type"]) == ("failure", "FAIL")
    assert failure.attrib["message"] == WRONG.sentence
    assert failure.text is not None
    assert failure.text.endswith("RFC 9293 3.10.7.4, 3.8.6.3 MUST-40")


def test_what_tells_nothing_of_the_target_is_skipped() -> None:
    root = document(
        Result(PROBES["syn-opens"], Verdict.SKIPPED, reason="needs --closed"),
        Result(PROBES["fin-acked-at-once"], Verdict.INCONCLUSIVE, reason="it did not answer"),
    )
    messages = [next(iter(one)).attrib["message"] for one in root.iter("testcase")]
    assert messages == ["needs --closed", "it did not answer"]
    assert [suite.attrib["skipped"] for suite in root] == ["1", "1"]


@pytest.mark.parametrize(("grave", "fails"), [((FAIL,), False), ((FAIL, WARN, NOTE), True)])
def test_what_fails_a_case_can_be_chosen(grave: tuple[Verdict, ...], fails: bool) -> None:
    noted = result("syn-opens", NOTE, Check("it", NOTE, sentence="RFC 793."))
    root = document(noted, grave=grave)
    assert (root[0].attrib["failures"] == "1") is fails
    assert ("NOTE syn-opens:\nRFC 793." in (root.findtext("testsuite/system-out") or "")) is not fails


def test_a_fault_of_ours_is_an_error_and_odd_text_does_no_harm() -> None:
    odd = Check("it", Verdict.ERROR, sentence='The probe is "wrong" <here> & \x00there\x1b')
    root = document(result("syn-opens", Verdict.ERROR, odd))
    assert root[0].attrib["errors"] == "1"
    (error,) = case(root, "syn-opens")
    assert error.attrib["message"].startswith('The probe is "wrong" <here> & ')
