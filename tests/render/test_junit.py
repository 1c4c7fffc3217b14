"""JUnit files: what CI systems take, a case for each rule, and what fails it."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from rawshake.connection import Connection
from rawshake.render.junit import FOOT, HEAD, READABLE, suite
from rawshake.render.summary import Summary
from rawshake.rules import book
from rawshake.rules.model import Verdict
from tests.cli.traces import CLEAN, FAULTY, MIDSTREAM
from tests.render.captured import captured, connections, summed

#: Jenkins' own, of its xUnit plugin.
SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parent / "junit-10.xsd"))


def document(*summaries: Summary, floor: Verdict = Verdict.FAIL) -> Element:
    suites = (suite(summary, book(), floor, number=at) for at, summary in enumerate(summaries))
    text = HEAD + "".join(suites) + FOOT
    SCHEMA.validate(text)
    return fromstring(text)


def cases(root: Element) -> dict[str, Element]:
    return {case.attrib["name"]: case for case in root.iter("testcase")}


def test_a_case_for_each_rule_and_one_for_the_capture() -> None:
    root = document(captured(CLEAN).summary)
    (found,) = root
    names = [case.attrib["name"] for case in root.iter("testcase")]
    assert names == [READABLE, *(rule.id for rule in book())]
    assert found.attrib["tests"] == str(len(names))
    assert (found.attrib["failures"], found.attrib["errors"]) == ("0", "0")
    assert found.attrib["timestamp"] == "2023-11-14T22:13:21"
    assert len(cases(root)["synack-ack-is-isn-plus-1"]) == 0


def test_a_breach_fails_its_case_alone() -> None:
    root = document(captured(CLEAN, FAULTY, FAULTY).summary)
    assert root[0].attrib["failures"] == "1"
    (failure,) = cases(root)["synack-ack-is-isn-plus-1"]
    assert (failure.tag, failure.attrib["type"]) == ("failure", "FAIL")
    assert failure.attrib["message"] == "2 times in 2 connections"
    assert failure.text is not None
    assert failure.text.startswith("trace.pcap:10: FAIL: connection 2, the server: ack 2000")
    assert failure.text.endswith("RFC 9293 3.10.7.2, 3.5")


def test_what_nothing_put_to_the_test_is_skipped() -> None:
    root = document(captured(MIDSTREAM).summary)
    (skipped,) = cases(root)["synack-ack-is-isn-plus-1"]
    assert (skipped.tag, skipped.attrib["message"]) == ("skipped", "nothing put it to the test")
    (undecided,) = cases(root)["sender-within-window"]
    assert undecided.attrib["message"].startswith("could not be decided: ")


def test_damage_is_an_error() -> None:
    root = document(Summary("cut.pcap", damage="The file ends", damage_at=7))
    assert root[0].attrib["errors"] == "1"
    (error,) = cases(root)[READABLE]
    assert error.attrib["message"] == "The file ends (at octet 7)"


@pytest.mark.parametrize(("floor", "fails"), [(Verdict.FAIL, False), (Verdict.WARN, True)])
def test_what_fails_a_case_can_be_chosen(floor: Verdict, fails: bool) -> None:
    seen = captured(FAULTY).summary
    of_rule = seen.rules["synack-ack-is-isn-plus-1"]
    of_rule.found = type(of_rule.found)({Verdict.WARN: 1})
    root = document(seen, floor=floor)
    assert (root[0].attrib["failures"] == "1") is fails
    told = root.findtext("testsuite/system-out") or ""
    assert ("synack-ack-is-isn-plus-1:\n" in told) is not fails


@given(
    st.lists(st.lists(connections(), max_size=3), max_size=2), st.sampled_from(["a<b>&\"'.pcap", "\x1b\x00é"])
)
def test_whatever_was_found_the_file_is_valid(captures: list[list[Connection]], file: str) -> None:
    document(*(summed(some, file) for some in captures), floor=Verdict.NOTE)
