"""The page of exchanges: every one is in it, its findings lead to their rules, and what a peer wrote is harmless."""

from __future__ import annotations

from dataclasses import replace

from rawshake.html.exchange import MANY, page
from rawshake.plain.language import Language
from rawshake.render.json import load
from rawshake.render.options import Options
from rawshake.report import Report
from rawshake.tcp.view import End
from tests.html.reading import Page, unpacked
from tests.html.transcripts import EVERYTHING, FAULTY, WHOLE

OPTIONS = Options(ours=End.CLIENT)


def of(report: Report) -> Page:
    return Page(page(report, OPTIONS))


def ids(found: Page) -> list[str]:
    return [one["id"] or "" for _, one in found.elements if "id" in one]


def links(found: Page) -> set[str]:
    return {
        (one["href"] or "")[1:] for tag, one in found.elements if tag == "a" and one["href"] != "#content"
    }


def test_the_report_can_be_saved_as_it_is() -> None:
    report = Report("connect", (FAULTY,), ("synack-ack-is-isn-plus-1",))
    assert load(unpacked(of(report), "report", 0)) == report


def test_each_finding_leads_to_its_rule_and_its_segment() -> None:
    found = of(Report("connect", (FAULTY,)))
    inside = {link for link in links(found) if not link.startswith("ttps:")}
    assert {f"rule-{ruling.rule}" for ruling in FAULTY.findings} <= inside
    assert {f"x1-{ruling.step}" for ruling in FAULTY.findings} <= inside
    assert inside <= set(ids(found))


def test_no_two_elements_have_one_id() -> None:
    found = ids(of(Report("listen 8080", (FAULTY, WHOLE, FAULTY))))
    assert len(found) == len(set(found))


def test_a_rule_that_nobody_knows_has_no_link() -> None:
    found = of(Report("connect", (EVERYTHING,)))
    assert "rule-isn-clock" not in links(found) | set(ids(found))


def test_hostile_words_stay_words() -> None:
    found = of(Report("connect </script><img src=x onerror=alert(1)>", (EVERYTHING,)))
    assert "img" not in [tag for tag, _ in found.elements]


def test_many_are_unpacked_when_they_are_opened() -> None:
    found = of(Report("listen 8080", (WHOLE,) * MANY))
    waiting = [one["data-exchange"] for _, one in found.elements if "data-exchange" in one]
    assert waiting == [str(number) for number in range(MANY)]
    assert "x1-1" not in ids(found)
    for number in range(MANY):
        assert f'id="x{number + 1}-1"' in unpacked(found, "exchanges", number)


def test_few_are_there_at_once() -> None:
    found = of(Report("listen 8080", (WHOLE,) * 2))
    assert {"x1", "x2", "x1-1", "x2-1"} <= set(ids(found))
    assert {"x1", "x2"} <= links(found)


def test_nothing_at_all_is_a_page() -> None:
    assert "No connection came about" in page(Report("listen 8080", ()), OPTIONS)


def test_it_says_what_the_states_mean_in_the_language_that_was_asked_for() -> None:
    asked = replace(OPTIONS, words=Language("xx", lambda text: f"XX {text}"))
    text = page(Report("connect", (WHOLE,)), asked)
    assert '<details class="plain" lang="xx" open>' in text
    assert "<dd>XX " in text
    assert '<details class="plain" lang="en">' in page(Report("connect", (WHOLE,)), OPTIONS)


def test_a_rule_says_where_it_was_broken() -> None:
    rule = FAULTY.findings[0].rule
    one = page(Report("connect", (FAULTY,)), OPTIONS)
    two = page(Report("listen 8080", (WHOLE, FAULTY)), OPTIONS)
    many = page(Report("listen 8080", (FAULTY,) * MANY), OPTIONS)
    for text, link in (
        (one, '<a href="#x1-2">segment 2</a>'),
        (two, '<a href="#x2-2">connection 2, segment 2</a>'),
        (many, '<a href="#x1">connection 1</a>, <a href="#x2">connection 2</a>'),
    ):
        section = text.partition(f'id="rule-{rule}"')[2].partition("</article>")[0]
        assert f"<dt>found here</dt><dd>{link}" in section
