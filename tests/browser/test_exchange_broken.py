"""Each check of ladders fails with a page that is broken where it looks."""

from __future__ import annotations

import pytest

from tests.browser.breaking import broken
from tests.browser.checks import inaccessible
from tests.browser.conftest import Reader
from tests.browser.ladders import (
    Check,
    bars_reach_from_state_to_state,
    leads_from_a_finding_to_its_rule,
    leads_from_a_finding_to_its_segment,
    saves_its_report,
    shows_each_segment,
    switches_its_axis,
    switches_its_numbers,
    tells_of_what_is_focused,
    tells_of_what_is_pointed_at,
    tells_of_what_is_tapped,
)
from tests.browser.test_exchange import page_of
from tests.html.transcripts import FAULTY


def faulty() -> str:
    return page_of(FAULTY)


LADDER, BASE, PAGE = "ladder.js", "base.js", "ladder-page.css"


@pytest.mark.parametrize(
    ("asset", "right", "wrong", "check"),
    [
        (PAGE, ".rawshake-ladder {", ".rawshake-ladder { display: none;", shows_each_segment),
        (PAGE, ".ladder {", ".bar { height: 1rem } .ladder {", bars_reach_from_state_to_state),
        (LADDER, '"pointerenter"', '"pointerleave"', tells_of_what_is_pointed_at),
        (LADDER, "index) return;", "index || index == 1) return;", tells_of_what_is_pointed_at),
        (LADDER, '"focus", show', '"blur", show', tells_of_what_is_focused),
        (LADDER, "ArrowDown: 1", "ArrowDown: 2", tells_of_what_is_focused),
        (LADDER, "svg.dataset.numbers = numbers", "", switches_its_numbers),
        (LADDER, '=== "time" ? 1 : 0', '=== "time" ? 0 : 0', switches_its_axis),
        (PAGE, '[data-axis="time"]', '[data-axis="never"]', switches_its_axis),
        (BASE, "new Blob([text]", "new Blob([text.replace('refused', 'closed')]", saves_its_report),
    ],
)  # fmt: skip
def test_at_a_desk(
    anyone: Reader, monkeypatch: pytest.MonkeyPatch, asset: str, right: str, wrong: str, check: Check
) -> None:
    page = anyone.opens(broken(monkeypatch, asset, right, wrong, faulty))
    with pytest.raises(AssertionError):
        check(page, FAULTY)


def test_with_a_finger(anyone: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    text = broken(
        monkeypatch,
        LADDER,
        "const show = () => choose(ladder, segments, index)",
        "const show = () => {}",
        faulty,
    )
    with pytest.raises(AssertionError):
        tells_of_what_is_tapped(anyone.opens(text, phone=True), FAULTY)


@pytest.mark.parametrize(
    ("right", "wrong", "check"),
    [
        ('id="rule-', 'id="rules-', leads_from_a_finding_to_its_rule),
        ('id="x1-', 'id="y1-', leads_from_a_finding_to_its_segment),
    ],
)
def test_links_that_lead_nowhere(anyone: Reader, right: str, wrong: str, check: Check) -> None:
    text = faulty()
    assert right in text
    with pytest.raises(AssertionError):
        check(anyone.opens(text.replace(right, wrong)), FAULTY)


def test_a_pale_colour(anyone: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    text = broken(
        monkeypatch, "base.css", "--muted: light-dark(#57606a", "--muted: light-dark(#a7b0ba", faulty
    )
    assert any("color-contrast" in one for one in inaccessible(anyone.opens(text)))
