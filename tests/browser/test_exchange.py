"""The page of an exchange: it opens whole, can be read by all, and answers who points, types, taps or clicks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rawshake.html.exchange import page as written_page
from rawshake.render.options import Options
from rawshake.report import Exchange, Report
from rawshake.tcp.view import End
from tests.browser.checks import inaccessible, lightness, sideways
from tests.browser.conftest import Reader, Scheme
from tests.browser.ladders import CHECKS, Check, ladder, segments, shows_each_segment, tells_of_what_is_tapped
from tests.html.transcripts import FAULTY, LOSSES, WHOLE

Write = Callable[[str, Callable[[], str]], Path]


def page_of(*exchanges: Exchange) -> str:
    return written_page(Report("connect", exchanges), Options(ours=End.CLIENT))


@pytest.fixture
def faulty(written: Write) -> Path:
    return written("faulty.html", lambda: page_of(FAULTY))


@pytest.mark.parametrize("check", CHECKS)
def test_it_answers(reader: Reader, faulty: Path, check: Check) -> None:
    check(reader.opens(faulty), FAULTY)


def test_it_answers_a_finger(reader: Reader, faulty: Path) -> None:
    tells_of_what_is_tapped(reader.opens(faulty, phone=True), FAULTY)


def test_an_honest_exchange_is_shown(reader: Reader, written: Write) -> None:
    shows_each_segment(reader.opens(written("whole.html", lambda: page_of(WHOLE))), WHOLE)


def test_everybody_can_read_it(reader: Reader, written: Write, seat: tuple[bool, Scheme]) -> None:
    phone, scheme = seat
    page = reader.opens(
        written("three.html", lambda: page_of(FAULTY, WHOLE, LOSSES)), phone=phone, scheme=scheme
    )
    for details in page.locator("details").all():
        details.evaluate("details => { details.open = true }")
    assert inaccessible(page) == []
    assert sideways(page) == []
    assert (lightness(page) < 0.2) is (scheme == "dark")


def test_the_button_chooses_light_or_dark(reader: Reader, faulty: Path) -> None:
    page = reader.opens(faulty, scheme="dark")
    button = page.get_by_role("button", name="Theme")
    button.click()
    assert "light" in button.inner_text()
    assert lightness(page) > 0.8
    button.click()
    assert "dark" in button.inner_text()
    assert lightness(page) < 0.2


def test_paper_is_white_and_has_no_buttons(reader: Reader, faulty: Path) -> None:
    page = reader.opens(faulty, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert lightness(page) > 0.8
    assert [
        one for one in page.get_by_role("button").all() if one.evaluate("b => b.tagName") == "BUTTON"
    ] == []
    assert segments(page).last.is_visible()


def test_without_scripts_there_is_still_a_ladder(reader: Reader, faulty: Path) -> None:
    page = reader.opens(faulty, scripts=False)
    assert segments(page).count() == len(FAULTY.steps)


def test_of_many_one_is_unpacked_when_it_is_opened(reader: Reader, written: Write) -> None:
    many = (WHOLE,) * 13 + (FAULTY,)
    page = reader.opens(written("many.html", lambda: page_of(*many)))
    assert segments(page).count() == 0
    page.locator("details.exchange").last.locator("summary").first.click()
    segments(page).first.wait_for()
    assert segments(page).count() == len(FAULTY.steps)
    segments(page).nth(1).hover()
    assert FAULTY.findings[0].sentence in ladder(page).locator(".ladder-panel").inner_text()
