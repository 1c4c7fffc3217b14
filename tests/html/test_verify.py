"""The page of ``verify``: what it tells is what the report as JSON tells, and what a target wrote is harmless."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from rawshake.html.verify import page
from rawshake.play.rehearse import CLIENT
from rawshake.probes import catalogue
from rawshake.probes.model import Check
from rawshake.probes.result import Attempt, Result
from rawshake.render.verified import Run
from rawshake.render.verify_json import dump
from rawshake.rules import book
from rawshake.rules.model import Verdict
from tests.html.reading import Page, unpacked
from tests.html.test_shell import HOSTILE
from tests.probes.stack import Stack
from tests.render.test_verify_json import challenged_wrongly, ran

NAMES = ("syn-opens", "ESTABLISHED/SYN/at", "ESTABLISHED/RST/inside", "LISTEN/SYN+FIN", "SYN-SENT/SYN")
RULES = {rule.id for rule in book()}


def of(run: Run) -> Page:
    return Page(page(run, dump(run), catalogue(), RULES))


@pytest.fixture(scope="module")
def run() -> Run:
    return ran(challenged_wrongly(), *NAMES)


def listed(found: Page) -> list[list[Any]]:
    """Each probe as the filter has it: id, chapter, verdict, words, what is told."""
    known: list[list[Any]] = json.loads(found.script("data-probes"))
    return known


def test_its_probes_are_those_of_the_report(run: Run) -> None:
    report = json.loads(dump(run))
    assert [one[:3] for one in listed(of(run))] == [
        [one["id"], one["chapter"], one["verdict"]] for one in report["results"]
    ]
    assert {one["verdict"] for one in report["results"]} >= {"PASS", "FAIL", "SKIPPED"}


def test_the_report_can_be_saved_as_it_is(run: Run) -> None:
    assert unpacked(of(run), "report", 0) == dump(run)


def test_each_detail_is_of_its_probe_with_a_ladder_of_all_its_connections(run: Run) -> None:
    found = of(run)
    for number, result in enumerate(run.results):
        text = unpacked(found, "details", number)
        drawn = [] if result.deciding is None else result.deciding.exchanges
        assert f"<code>{result.probe.id}</code>" in text
        assert text.count("<svg") == len(drawn)
        assert all(f"{CLIENT}:{one.client[1]}" in text for one in drawn)


def test_a_detail_says_what_was_expected_and_what_came(run: Run) -> None:
    number = [one.probe.id for one in run.results].index("ESTABLISHED/SYN/at")
    text = unpacked(of(run), "details", number)
    check = run.results[number].telling[0]
    assert f"{check.field}: expected {check.expected}, got {check.actual}" in text
    assert "✓ this" not in text  # none of what may come did
    passed = next(at for at, one in enumerate(run.results) if one.probe.id == "LISTEN/SYN+FIN")
    assert "✓ this" in unpacked(of(run), "details", passed)


def test_a_cell_is_a_button_with_its_verdict_in_words_and_sign(run: Run) -> None:
    text = page(run, "", catalogue(), RULES)
    cells = {
        one["aria-label"]: one for tag, one in Page(text).elements if tag == "button" and "data-x" in one
    }
    assert len(cells) == 4
    assert "fail" in (cells["ESTABLISHED: SYN at RCV.NXT: FAIL"]["class"] or "")
    assert 'aria-label="ESTABLISHED: SYN at RCV.NXT: FAIL">✗</button>' in text
    assert text.count('class="cell unrun"') == 836 + 1  # the others, and the legend


def test_without_cells_there_is_no_grid() -> None:
    assert "heatmap" not in [one.get("id") for _, one in of(ran(Stack(), "syn-opens")).elements]


def test_links_lead_to_what_is_there(run: Run) -> None:
    found = of(run)
    ids = [one["id"] for _, one in found.elements if "id" in one]
    assert len(ids) == len(set(ids))
    probes = {one[0] for one in listed(found)}
    for tag, one in found.elements:
        if tag == "a" and one["href"] != "#content":
            assert (one["href"] or "")[1:] in probes | set(ids)


def test_what_broke_is_told_at_once_with_the_command_that_runs_it_again(run: Run) -> None:
    text = page(replace(run, again="sudo rawshake verify lab --select {}".format), "", catalogue(), RULES)
    assert (
        '<pre class="again" tabindex="0">sudo rawshake verify lab --select ESTABLISHED/SYN/at</pre>' in text
    )
    fine = page(ran(Stack(), "syn-opens"), "", catalogue(), RULES)
    assert 'id="broken"' not in fine
    assert 'id="broken"' in text


def test_labels_have_the_verdicts_of_the_probes_that_cover_them() -> None:
    def row(run: Run) -> str:
        text = page(run, "", catalogue(), RULES)
        return text.partition('<th scope="row">MUST-40</th>')[2].partition("</tr>")[0]

    verdict, name = '<span class="badge pass">PASS</span> ', "fin-acked-at-once"
    link = f'<a class="probe-link" href="#{name}">{name}</a>'
    assert verdict + link in row(ran(Stack(), name))
    assert f'<span class="muted">not run</span> {name}<' in row(ran(Stack(), "syn-opens"))


def test_hostile_words_stay_words() -> None:
    check = Check(HOSTILE, Verdict.FAIL, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    note = Check(HOSTILE, Verdict.NOTE, sentence=HOSTILE)
    probes = catalogue()
    results = (
        Result(probes[0], Verdict.FAIL, (Attempt(Verdict.FAIL, (check,)),), HOSTILE),
        Result(probes[1], Verdict.NOTE, (Attempt(Verdict.NOTE, (note,)),)),
        Result(probes[2], Verdict.SKIPPED, reason=HOSTILE),
    )
    hostile = Run(HOSTILE, results, 1.0, lambda name: HOSTILE)
    found = of(hostile)
    parts = [found, *(Page(unpacked(found, "details", number)) for number in range(3))]
    for part in parts:
        assert "img" not in [tag for tag, _ in part.elements]
        assert not [name for _, one in part.elements for name in one if name.startswith("on")]
    assert listed(found)[0][4] == [f"{HOSTILE}: expected {HOSTILE}, got {HOSTILE}", HOSTILE]


def test_an_interrupted_run_says_so(run: Run) -> None:
    assert "It was interrupted" in page(replace(run, interrupted=True), "", catalogue(), RULES)
    assert "It was interrupted" not in page(run, "", catalogue(), RULES)
    assert "2 times the target did not serve" in page(replace(run, distress=2), "", catalogue(), RULES)
