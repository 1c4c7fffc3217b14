"""What the page of a run of verify must do; each check fails where it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from playwright.sync_api import Locator, Page

from rawshake.render.verified import Run
from rawshake.render.verify_json import dump
from rawshake.rules.model import Verdict
from tests.browser.ladders import bars_reach_from_state_to_state, is_in_view, ladder, segments

Check = Callable[[Page, Run], None]


def opens_a_cell_by_mouse(page: Page, run: Run) -> None:
    for cell in cells(page).all():
        number = int(cell.get_attribute("data-number") or "")
        cell.click()
        is_told(page, run, number)
        page.get_by_role("button", name="Close").click()
        assert not page.locator("dialog").is_visible()


def opens_a_cell_by_keyboard(page: Page, run: Run) -> None:
    """The grid is one stop of Tab, behind its box; the arrow keys lead from cell to cell."""
    page.locator(".heat").focus()
    page.keyboard.press("Tab")
    seen = []
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
        seen.append(focused(page))
    assert None not in seen
    assert len(set(seen)) > 1
    page.keyboard.press("Enter")
    is_told(page, run, int(seen[-1] or ""))
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    assert focused(page) == seen[-1]


def says_what_a_cell_is(page: Page, run: Run) -> None:
    for cell in cells(page).all():
        cell.hover()
        assert (cell.get_attribute("aria-label") or "?") in page.locator("#readout").inner_text()


def opens_a_probe_with_its_ladder(page: Page, run: Run) -> None:
    number, deciding = next(
        (at, one.deciding)
        for at, one in enumerate(run.results)
        if one.probe.chapter != "grid" and one.deciding is not None
    )
    exchange = deciding.exchanges[0]
    page.locator(".probes").get_by_role("link", name=run.results[number].probe.id, exact=True).click()
    is_told(page, run, number)
    assert page.url.endswith(f"#{run.results[number].probe.id}")
    bars_reach_from_state_to_state(page, exchange)
    segments(page).nth(1).hover()
    assert str(exchange.steps[1].segment.seq) in ladder(page).locator(".ladder-panel").inner_text()


def leads_on_to_the_next(page: Page, run: Run) -> None:
    first = page.locator(".probes > li").first
    first.get_by_role("link").click()
    for number in range(int(first.get_attribute("data-number") or ""), len(run.results)):
        is_told(page, run, number)
        forward = page.get_by_role("button", name="The next probe")
        assert forward.is_disabled() is (number + 1 == len(run.results))
        if forward.is_enabled():
            forward.click()


def filters_by_words(page: Page, run: Run) -> None:
    probe = run.results[0].probe.id
    page.get_by_role("searchbox").fill(probe)
    assert shown(page) == {number for number, one in enumerate(run.results) if probe in one.probe.id}
    page.get_by_role("searchbox").fill("no such words")
    assert shown(page) == set()
    assert page.locator("#none").is_visible()
    page.get_by_role("button", name="Show all").click()
    assert shown(page) == set(range(len(run.results)))


def filters_by_verdict(page: Page, run: Run) -> None:
    for verdict in {one.verdict for one in run.results}:
        button = page.locator(f'.only[data-verdict="{verdict}"]')
        button.click()
        assert shown(page) == {at for at, one in enumerate(run.results) if one.verdict is verdict}
        button.click()


def filters_by_chapter(page: Page, run: Run) -> None:
    page.locator("#chapter").select_option("grid")
    assert shown(page) == {at for at, one in enumerate(run.results) if one.probe.chapter == "grid"}


def saves_its_report(page: Page, run: Run) -> None:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Report as JSON").click()
    path: Path = waiting.value.path()
    assert path.read_text(encoding="utf-8") == dump(run)


CHECKS: Final[tuple[Check, ...]] = (
    opens_a_cell_by_mouse,
    opens_a_cell_by_keyboard,
    says_what_a_cell_is,
    opens_a_probe_with_its_ladder,
    leads_on_to_the_next,
    filters_by_words,
    filters_by_verdict,
    filters_by_chapter,
    saves_its_report,
)


def cells(page: Page) -> Locator:
    return page.locator("#heatmap button.cell")


def focused(page: Page) -> str | None:
    """The number of the probe whose cell has the focus."""
    found: str | None = page.evaluate("document.activeElement.dataset.number ?? null")
    return found


def is_told(page: Page, run: Run, number: int) -> None:
    """The dialog is of that probe, and says what came of it."""
    result = run.results[number]
    name = page.locator("#detail-name", has_text=result.probe.id)
    name.wait_for()
    assert is_in_view(name)
    told = page.locator("dialog").inner_text()
    assert str(result.verdict) in told
    if result.verdict is Verdict.FAIL:
        assert result.telling[0].expected in told
    if result.deciding is not None:
        drawn = page.locator("dialog svg.rawshake-ladder")
        assert drawn.count() == len(result.deciding.exchanges)


def shown(page: Page) -> set[int]:
    """The numbers of the probes that fit the filter, in the list and on the grid."""
    listed = [one for one in page.locator(".probes > li").all() if one.is_visible()]
    bright = [one for one in cells(page).all() if "out" not in (one.get_attribute("class") or "").split()]
    return {int(one.get_attribute("data-number") or "") for one in [*listed, *bright]}
