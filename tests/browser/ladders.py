"""What a ladder in a page must do for somebody who points, types, taps or clicks; each fails where it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from playwright.sync_api import Locator, Page

from rawshake.render.json import load
from rawshake.render.words import flags_text, seq_text
from rawshake.report import Exchange, Judged, Report
from rawshake.rules.model import Verdict

#: A check of the page of one exchange.
Check = Callable[[Page, Exchange], None]


def shows_each_segment(page: Page, exchange: Exchange) -> None:
    drawn = segments(page)
    assert drawn.count() == len(exchange.steps)
    for one, step in zip(drawn.all(), exchange.steps, strict=True):
        box = one.bounding_box()
        assert box is not None
        assert box["width"] > 100
        assert flags_text(step.segment.flags) in (one.text_content() or "")


def bars_reach_from_state_to_state(page: Page, exchange: Exchange) -> None:
    """What a page's own style sheets say of other things does not cut them short."""
    bars = page.locator("svg.rawshake-ladder:not(.rule *)").first.locator("rect.bar")
    assert bars.count() >= 2
    for bar in bars.all():
        assert bar.evaluate("bar => bar.getBBox().height - bar.getAttribute('height')") == 0


def tells_of_what_is_pointed_at(page: Page, exchange: Exchange) -> None:
    for one, entry in zip(segments(page).all(), judged(exchange), strict=True):
        one.hover()
        is_told(page, entry)


def tells_of_what_is_tapped(page: Page, exchange: Exchange) -> None:
    for one, entry in zip(segments(page).all(), judged(exchange), strict=True):
        # The panel may lie over the foot of the page, and nobody taps what is below it.
        one.evaluate("one => one.scrollIntoView()")
        one.locator(".flags").tap()
        is_told(page, entry)


def tells_of_what_is_focused(page: Page, exchange: Exchange) -> None:
    """The ladder is one stop of Tab, behind its buttons; the arrow keys lead through it."""
    ladder(page).locator(".ladder-tools button").last.focus()
    page.keyboard.press("Tab")
    for entry in judged(exchange):
        focused: str = page.evaluate("document.activeElement.dataset.number")
        assert focused == str(entry.step.number)
        is_told(page, entry)
        page.keyboard.press("ArrowDown")


def switches_its_numbers(page: Page, exchange: Exchange) -> None:
    step, drawn = exchange.steps[1], segments(page).nth(1)
    relative, absolute = f"seq {seq_text(step)}", f"seq {step.segment.seq}"
    for button, wanted, other in (("absolute", absolute, relative), ("relative", relative, absolute)):
        ladder(page).get_by_role("button", name=button, exact=True).click()
        shown = [
            field for one in drawn.locator(".numbers").all() if one.is_visible() for field in fields(one)
        ]
        assert wanted in shown
        assert other not in shown


def switches_its_axis(page: Page, exchange: Exchange) -> None:
    times = [entry.time if not isinstance(entry, Judged) else entry.step.time for entry in exchange.entries]
    in_rows = tops(page)
    assert in_rows == sorted(in_rows)
    assert not ladder(page).locator(".axis").is_visible()
    ladder(page).get_by_role("button", name="linear", exact=True).click()
    dots = [float(one.get_attribute("cy") or "nan") for one in ladder(page).locator(".axis circle").all()]
    scale = (dots[-1] - dots[0]) / (times[-1] - times[0])
    for dot, time in zip(dots, times, strict=True):
        assert abs(dot - dots[0] - (time - times[0]) * scale) < 0.2
    assert ladder(page).locator(".axis").is_visible()
    in_time = tops(page)
    assert in_time == sorted(in_time)
    assert in_time != in_rows
    ladder(page).get_by_role("button", name="a row each", exact=True).click()
    assert tops(page) == in_rows


def leads_from_a_finding_to_its_rule(page: Page, exchange: Exchange) -> None:
    for ruling in exchange.findings:
        place = follow(page, ruling.rule)
        assert place.get_attribute("id") == f"rule-{ruling.rule}"
        assert is_in_view(place)
        assert ruling.rule in place.inner_text()


def leads_from_a_finding_to_its_segment(page: Page, exchange: Exchange) -> None:
    for ruling in exchange.findings:
        place = follow(page, f"segment {ruling.step}")
        assert place.get_attribute("data-number") == str(ruling.step)
        assert is_in_view(place)


def saves_its_report(page: Page, exchange: Exchange) -> None:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the report (JSON)").click()
    path: Path = waiting.value.path()
    text = path.read_text(encoding="utf-8")
    report: Report = load(text)
    assert report.exchanges == (exchange,)


#: At a desk, with a mouse and a keyboard.
CHECKS: Final[tuple[Check, ...]] = (
    shows_each_segment,
    bars_reach_from_state_to_state,
    tells_of_what_is_pointed_at,
    tells_of_what_is_focused,
    switches_its_numbers,
    switches_its_axis,
    leads_from_a_finding_to_its_rule,
    leads_from_a_finding_to_its_segment,
    saves_its_report,
)


def ladder(page: Page) -> Locator:
    """The exchange's own, with its buttons and panel; those of rules' examples come after it."""
    return page.locator(".ladder:not(.rule *)").first


def segments(page: Page) -> Locator:
    """Those of the exchange's own ladder, also where no script has put it into a frame."""
    return page.locator("svg.rawshake-ladder:not(.rule *)").first.locator("g.segment")


def judged(exchange: Exchange) -> list[Judged]:
    return [entry for entry in exchange.entries if isinstance(entry, Judged)]


def follow(page: Page, link: str) -> Locator:
    """Where that link of a finding leads in the page."""
    page.locator(".findings").get_by_role("link", name=link, exact=True).first.click()
    place = page.locator(":target")
    assert place.count() == 1
    return place


def is_told(page: Page, entry: Judged) -> None:
    """The panel has the segment's fields and each finding with its arithmetic, and is in the window."""
    panel, segment = ladder(page).locator(".ladder-panel"), entry.step.segment
    told = panel.inner_text()
    for field in (str(segment.seq), str(segment.window), str(segment.ttl), flags_text(segment.flags)):
        assert field in told
    for ruling in entry.rulings:
        if ruling.verdict is not Verdict.PASS:
            assert ruling.sentence in told
            assert ruling.rule in told
    assert is_in_view(panel)


def fields(numbers: Locator) -> list[str]:
    """``seq a+2``, ``ack b+1`` and so on."""
    return (numbers.text_content() or "").split("   ")


def tops(page: Page) -> list[float]:
    """How far below the upper edge of the ladder each entry begins."""
    found: list[float] = (
        ladder(page)
        .locator("svg")
        .evaluate(
            "one => [...one.querySelectorAll('[data-y] > .segment, [data-y] > .remarked')]"
            ".map((entry) => entry.parentElement.transform.baseVal.consolidate().matrix.f)"
        )
    )
    return found


def is_in_view(place: Locator) -> bool:
    """Whether some of it is in the window, and nothing lies over that."""
    seen: bool = place.evaluate("""place => {
        const { left, right, top, bottom } = place.getBoundingClientRect();
        const x = (Math.max(left, 0) + Math.min(right, innerWidth)) / 2;
        const y = (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2;
        return place.contains(document.elementFromPoint(x, y));
    }""")
    return seen
