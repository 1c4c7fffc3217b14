"""What the page of check must do; each check of it fails where it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from playwright.sync_api import Locator, Page

from rawshake.connection import Connection
from tests.browser.ladders import bars_reach_from_state_to_state, is_in_view, ladder, segments

Connections = Sequence[Connection]
Check = Callable[[Page, Connections], None]

#: Types words into the filter, and waits until what then stands there has been painted: the time in ms.
_TYPE: Final = """
async (words) => {
    const field = document.getElementById("text");
    const began = performance.now();
    field.value = words;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
    return performance.now() - began;
}
"""


def lists_all(page: Page, connections: Connections) -> None:
    assert numbers(page) == [one.number for one in connections]
    one, row = connections[1], rows(page).nth(1).inner_text()
    states = one.facts.client.state, one.facts.server.state
    for wanted in (*map(str, one.client), *map(str, one.server), *states):
        assert wanted in row


def opens_each_with_its_ladder(page: Page, connections: Connections) -> None:
    for place, one in enumerate(connections):
        button = rows(page).nth(place).get_by_role("button")
        button.click()
        assert one.exchange is not None
        segments(page).first.wait_for()
        assert segments(page).count() == len(one.exchange.steps)
        bars_reach_from_state_to_state(page, one.exchange)
        segments(page).first.hover()
        first = one.exchange.steps[0].segment
        assert str(first.seq) in ladder(page).locator(".ladder-panel").inner_text()
        button.click()
        assert segments(page).count() == 0


def opens_by_keyboard(page: Page, connections: Connections) -> None:
    rows(page).nth(1).get_by_role("button").focus()
    page.keyboard.press("Enter")
    segments(page).first.wait_for()
    assert page.url.endswith("#connection-2")


def filters_by_words(page: Page, connections: Connections) -> None:
    one = connections[1]
    asked(page, f"port:{one.client[1]}", [one.number])
    asked(page, "no such words", [])
    asked(page, f"isn:{one.facts.client.isn}", [one.number])
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function(
        "count => document.querySelectorAll('.connection').length === count", arg=len(connections)
    )


def filters_by_findings(page: Page, connections: Connections) -> None:
    found = [one.number for one in connections if one.findings]
    assert 0 < len(found) < len(connections)
    page.locator("#found").select_option("some")
    assert numbers(page) == found
    page.locator("#found").select_option("none")
    assert numbers(page) == [one.number for one in connections if one.number not in found]


def sorts(page: Page, connections: Connections) -> None:
    sizes = {one.number: one.facts.segments for one in connections}
    head = page.get_by_role("columnheader", name="Segments")
    for order, descending in (("ascending", False), ("descending", True)):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == order
        shown = [sizes[number] for number in numbers(page)]
        assert shown == sorted(sizes.values(), reverse=descending)


def leads_from_a_finding_to_its_connection(page: Page, connections: Connections) -> None:
    found = next(one for one in connections if one.findings)
    page.locator(".finding").get_by_role("link", name=f"connection {found.number}", exact=True).first.click()
    assert page.url.endswith(f"#connection-{found.number}")
    segments(page).first.wait_for()
    assert is_in_view(page.locator(f"#connection-{found.number}"))


def leads_from_a_finding_to_its_rule(page: Page, connections: Connections) -> None:
    rule = next(found.ruling.rule for one in connections for found in one.findings)
    page.locator(".finding", has_text=rule).get_by_role("link", name="What the rule says").click()
    place = page.locator(":target")
    assert place.get_attribute("id") == f"rule-{rule}"
    assert is_in_view(place)


def saves_its_report(page: Page, connections: Connections) -> None:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Report as JSON").click()
    path: Path = waiting.value.path()
    report = json.loads(path.read_text(encoding="utf-8"))
    assert [one["number"] for one in report["captures"][0]["connections"]] == [
        one.number for one in connections
    ]


CHECKS: Final[tuple[Check, ...]] = (
    lists_all,
    opens_each_with_its_ladder,
    opens_by_keyboard,
    filters_by_words,
    filters_by_findings,
    sorts,
    leads_from_a_finding_to_its_connection,
    leads_from_a_finding_to_its_rule,
    saves_its_report,
)


def rows(page: Page) -> Locator:
    return page.locator("tr.connection")


def numbers(page: Page) -> list[int]:
    """Of the connections that are shown, in their order."""
    texts: list[str] = rows(page).locator(".toggle").all_inner_texts()
    return [int(text.replace(",", "")) for text in texts]


def asked(page: Page, words: str, wanted: Sequence[int]) -> None:
    page.get_by_role("searchbox").fill(words)
    assert numbers(page) == list(wanted)


def answer_time(page: Page, words: str) -> float:
    """How long the page takes to show what fits these words, in seconds."""
    milliseconds: float = page.evaluate(_TYPE, words)
    return milliseconds / 1000
