"""Each check of a run's page fails with a page that is broken where it looks."""

from __future__ import annotations

import pytest
from playwright.sync_api import TimeoutError as NeverCame

from tests.browser.breaking import broken
from tests.browser.conftest import Reader
from tests.browser.test_verify import page_of, run
from tests.browser.verified import (
    Check,
    filters_by_chapter,
    filters_by_verdict,
    filters_by_words,
    leads_on_to_the_next,
    opens_a_cell_by_keyboard,
    opens_a_cell_by_mouse,
    opens_a_probe_with_its_ladder,
    saves_its_report,
    says_what_a_cell_is,
)

GRID, PAGE, FILTER = "heatmap.js", "verify.js", "filter.js"


def whole() -> str:
    return page_of(run())


@pytest.mark.parametrize(
    ("asset", "right", "wrong", "check"),
    [
        (GRID, "if (cell) open(", "if (!cell) open(", opens_a_cell_by_mouse),
        (PAGE, 'unpack("details", number)', 'unpack("details", 0)', opens_a_cell_by_mouse),
        (GRID, "ArrowRight: [1, 0]", "ArrowRite: [1, 0]", opens_a_cell_by_keyboard),
        (GRID, "readout.textContent =", "readout.title =", says_what_a_cell_is),
        (PAGE, "enliven(body);", "", opens_a_probe_with_its_ladder),
        (PAGE, "go(1)", "go(0)", leads_on_to_the_next),
        (FILTER, "sought.every(", "sought.some(", filters_by_words),
        (PAGE, "row.hidden = !kept", "row.hidden = kept", filters_by_words),
        (FILTER, "sought = ", "SOUGHT = ", filters_by_verdict),
        (PAGE, 'toggle("out"', 'toggle("in"', filters_by_verdict),
        (FILTER, "of === chapter.value", "of !== chapter.value", filters_by_chapter),
        ("base.js", "new Blob([text]", "new Blob([text, text]", saves_its_report),
    ],
)
def test_it_is_found(
    anyone: Reader, monkeypatch: pytest.MonkeyPatch, asset: str, right: str, wrong: str, check: Check
) -> None:
    anyone.patience = 1_000
    page = anyone.opens(broken(monkeypatch, asset, right, wrong, whole))
    with pytest.raises((AssertionError, NeverCame)):
        check(page, run())
