"""Stacks side by side as a page: what differs first and from the gravest on, each verdict with its reason."""

from __future__ import annotations

import json

from rawshake.html.matrix import page
from rawshake.render.verify_json import Stored, StoredRun, dump, load
from rawshake.rules.model import Verdict
from tests.html.reading import Page
from tests.html.test_shell import HOSTILE
from tests.probes.stack import Stack
from tests.render.test_compared import LINUX, LWIP
from tests.render.test_verify_json import challenged_wrongly, ran

NAMES = ("ESTABLISHED/RST/at", "syn-opens", "ESTABLISHED/SYN/at")


class Matrix(Page):
    """Its rows: probe, then for each cell its word and the number of its reason."""

    def __init__(self, text: str) -> None:
        self.rows: list[list[tuple[str, str]]] = []
        self.differing = 0
        self._reason = ""
        super().__init__(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        given = dict(attrs)
        if tag == "tr" and "data-words" in given:
            self.rows.append([])
            self.differing += given.get("role") == "row"
        self._reason = given.get("data-reason") or self._reason
        self._within = tag

    def handle_data(self, data: str) -> None:
        super().handle_data(data)
        if self.rows and data.strip() and self._within in ("code", "span"):
            self.rows[-1].append((data.strip(), self._reason))

    def words(self) -> list[list[str]]:
        return [[word for word, _ in row] for row in self.rows]


def reason(found: Matrix, row: int, stack: int) -> str:
    told: list[str] = json.loads(found.script("data-reasons"))
    return told[int(found.rows[row][1 + stack][1])]


def cells_of(*runs: StoredRun) -> Matrix:
    """The page of runs whose probes are all told without a summary."""
    return Matrix(page([f"stack{number}" for number in range(len(runs))], runs))


def test_what_differs_comes_first_the_gravest_before_all() -> None:
    words = cells_of(LINUX, LWIP).words()
    assert words[:3] == [
        ["CELL", "PASS", "FAIL"],
        ["three", "NOTE 1", "NOTE 2"],
        ["only", "PASS", "not run"],
    ]
    assert words[3:] == [["one", "PASS"], ["two", "NOTE"]]


def test_each_verdict_has_its_reason() -> None:
    found = cells_of(LINUX, LWIP)
    assert [reason(found, 0, stack) for stack in (0, 1)] == ["", "ack: 1 and 2"]
    assert [reason(found, 1, stack) for stack in (0, 1)] == ["RFC 793.", "MAY-2."]
    assert reason(found, 2, 1) == "Not in this report."


def test_its_verdicts_are_those_of_the_reports() -> None:
    reports = [dump(ran(stack, *NAMES)) for stack in (Stack(), challenged_wrongly())]
    text = page(["right", "wrong"], [load(one) for one in reports])
    told = {
        one["id"]: [found["verdict"] for found in (one, other)]
        for one in json.loads(reports[0])["results"]
        for other in json.loads(reports[1])["results"]
        if other["id"] == one["id"]
    }
    shown = {
        row[0]: [word for word in row[1:] if word in Verdict.__members__] for row in Matrix(text).words()
    }
    assert shown == {
        name: verdicts if len(set(verdicts)) > 1 else verdicts[:1] for name, verdicts in told.items()
    }
    assert ["PASS", "FAIL"] in shown.values()


def test_totals_are_told_for_each_stack() -> None:
    text = page(["linux", "lwip"], [LINUX, LWIP])
    assert '<th scope="row">linux</th><td>host</td>' in text
    assert '<td class="number pass">3</td>' in text
    assert '<td class="number fail">1</td>' in text


def test_where_nothing_differs_it_says_so() -> None:
    text = page(["a", "b"], [LINUX, LINUX])
    assert "Nothing does." in text
    assert 'id="matrix"' not in text
    assert "0 probes of 5 differ" in text


def test_one_report_alone_is_a_page() -> None:
    assert Matrix(page(["linux"], [LINUX])).differing == 0


def test_hostile_words_stay_words() -> None:
    def run(verdict: Verdict) -> StoredRun:
        return StoredRun(HOSTILE, (Stored(HOSTILE, HOSTILE, verdict, (HOSTILE,), HOSTILE, HOSTILE),))

    found = Matrix(page([HOSTILE, "b", "c"], [run(Verdict.FAIL), run(Verdict.NOTE), run(Verdict.FAIL)]))
    assert "img" not in [tag for tag, _ in found.elements]
    assert not [name for _, one in found.elements for name in one if name.startswith("on")]
    assert json.loads(found.script("data-reasons"))[0].startswith(HOSTILE)
