"""The grid of a stored report as a page: its cells are the report's, and what is told of each goes with it."""

from __future__ import annotations

import json
from dataclasses import replace

from rawshake.html.grid import page
from rawshake.render.verify_json import dump, load
from tests.html.reading import Page
from tests.html.test_shell import HOSTILE
from tests.render.test_verify_json import challenged_wrongly, ran

STORED = load(dump(ran(challenged_wrongly(), "ESTABLISHED/SYN/at", "LISTEN/SYN", "SYN-SENT/SYN"))).results


def test_its_cells_are_those_of_the_report() -> None:
    found = Page(page("lab", STORED))
    told = json.loads(found.script("data-told"))
    cells = [one for tag, one in found.elements if tag == "button" and "data-x" in one]
    shown = {
        (one["aria-label"] or "").rpartition(": ")[2]: told[int(one["data-number"] or "")] for one in cells
    }
    assert len(cells) == len(STORED)
    assert shown == {
        one.verdict.value: [*one.notes, *([f"answer: {one.answer}"] if one.answer else [])] for one in STORED
    }
    assert set(shown) == {"PASS", "FAIL", "SKIPPED"}


def test_hostile_words_stay_words() -> None:
    found = Page(page(HOSTILE, [replace(one, notes=(HOSTILE,), answer=HOSTILE) for one in STORED]))
    assert "img" not in [tag for tag, _ in found.elements]
