"""The page of several stacks: what differs stands first, says why, and is filtered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as NeverCame

from rawshake.html.matrix import page as written_page
from tests.browser.breaking import broken
from tests.browser.checks import inaccessible, lightness, sideways
from tests.browser.conftest import Reader, Scheme
from tests.render.test_compared import LINUX, LWIP

Write = Callable[[str, Callable[[], str]], Path]
Check = Callable[[Page], None]


def made() -> str:
    return written_page(["linux", "lwip"], [LINUX, LWIP])


@pytest.fixture
def matrix(written: Write) -> Path:
    return written("matrix.html", made)


def shows_what_differs_first(page: Page) -> None:
    assert probes(page) == ["CELL", "three", "only"]
    box, rest = page.locator("#matrix").bounding_box(), page.locator("#same").bounding_box()
    assert box is not None
    assert rest is not None
    assert box["y"] + box["height"] <= rest["y"]
    page.locator("summary").first.click()
    assert probes(page) == ["CELL", "three", "only", "one", "two"]


def says_why_to_a_mouse(page: Page) -> None:
    cell(page, "CELL", 1).hover()
    assert page.locator("#tip").is_visible()
    assert "ack: 1 and 2" in page.locator("#tip").inner_text()
    page.locator("h1").hover()
    assert not page.locator("#tip").is_visible()


def says_why_to_a_keyboard(page: Page) -> None:
    cell(page, "CELL", 0).focus()
    page.keyboard.press("ArrowRight")
    assert "ack: 1 and 2" in page.locator("#tip").inner_text()
    page.keyboard.press("ArrowDown")
    assert "MAY-2." in page.locator("#tip").inner_text()
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()


def filters(page: Page) -> None:
    page.get_by_role("searchbox").fill("thr")
    assert probes(page) == ["three"]
    page.get_by_role("searchbox").fill("")
    page.locator('.only[data-verdict="FAIL"]').click()
    assert probes(page) == ["CELL"]


CHECKS: Final[tuple[Check, ...]] = (
    shows_what_differs_first,
    says_why_to_a_mouse,
    says_why_to_a_keyboard,
    filters,
)


def probes(page: Page) -> list[str]:
    """The probes whose rows can be seen, in their order."""
    return [
        one.locator("code").inner_text() for one in page.locator("tr[data-words]").all() if one.is_visible()
    ]


def cell(page: Page, probe: str, stack: int) -> Locator:
    return (
        page.locator("tr[data-words]", has=page.locator("code", has_text=probe)).locator("td.mark").nth(stack)
    )


@pytest.mark.parametrize("check", CHECKS)
def test_it_answers(reader: Reader, matrix: Path, check: Check) -> None:
    check(reader.opens(matrix))


def test_it_says_why_to_a_finger(reader: Reader, matrix: Path) -> None:
    page = reader.opens(matrix, phone=True)
    cell(page, "CELL", 1).tap()
    assert "ack: 1 and 2" in page.locator("#tip").inner_text()
    assert sideways(page) == []


def test_everybody_can_read_it(reader: Reader, matrix: Path, seat: tuple[bool, Scheme]) -> None:
    phone, scheme = seat
    page = reader.opens(matrix, phone=phone, scheme=scheme)
    page.locator("details").first.evaluate("details => { details.open = true }")
    assert sideways(page) == []
    assert inaccessible(page) == []
    assert (lightness(page) < 0.2) is (scheme == "dark")


@pytest.mark.parametrize(
    ("asset", "right", "wrong", "check"),
    [
        ("matrix.css", ".matrix {", ".matrix { display: none;", shows_what_differs_first),
        (
            "matrix.js",
            '=== "mouse" && cellOf(event)) tell',
            '=== "pen" && cellOf(event)) tell',
            says_why_to_a_mouse,
        ),
        ("matrix.js", "ArrowDown: [0, 1]", "ArrowDown: [0, 2]", says_why_to_a_keyboard),
        ("filter.js", "sought.every(", "!sought.every(", filters),
    ],
)
def test_each_check_can_fail(
    anyone: Reader, monkeypatch: pytest.MonkeyPatch, asset: str, right: str, wrong: str, check: Check
) -> None:
    anyone.patience = 1_000
    page = anyone.opens(broken(monkeypatch, asset, right, wrong, made))
    with pytest.raises((AssertionError, NeverCame)):
        check(page)
