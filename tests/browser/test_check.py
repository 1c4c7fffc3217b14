"""The page of check: its table is sorted and filtered, each connection opens, and 10,000 of them are answered for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from rawshake.connection import Connection
from rawshake.html.check import Room
from tests.browser.checked import CHECKS, Check, answer_time, numbers, rows
from tests.browser.checks import PAPER, inaccessible, lightness, sideways
from tests.browser.conftest import Reader, Scheme
from tests.browser.ladders import segments
from tests.cli.traces import CLEAN, FAULTY, MIDSTREAM, REFUSED
from tests.html.pages import page_of
from tests.html.test_check import followed

Write = Callable[[str, Callable[[], str]], Path]

MANY = 10_000


@cache
def few() -> list[Connection]:
    return followed(CLEAN, FAULTY, REFUSED, CLEAN, MIDSTREAM)


def few_page() -> str:
    return page_of({"trace.pcap": few()}).document()


def many_page() -> str:
    """As many connections, each with addresses of its own."""
    kinds = few()
    made = []
    for number in range(1, MANY + 1):
        one = kinds[number % len(kinds)]
        made.append(replace(one, number=number, client=(f"10.0.{number >> 8}.{number & 255}", 1024 + number)))
    return page_of({"trace.pcap": made}, Room(ladders=100)).document()


@pytest.fixture
def checked(written: Write) -> Path:
    return written("check.html", few_page)


@pytest.mark.parametrize("check", CHECKS)
def test_it_answers(reader: Reader, checked: Path, check: Check) -> None:
    page = reader.opens(checked)
    rows(page).first.wait_for()
    check(page, few())


def test_ten_thousand_connections_answer_within_a_second(reader: Reader, written: Write) -> None:
    page = reader.opens(written("ten-thousand.html", many_page))
    rows(page).first.wait_for()
    assert answer_time(page, "10.0.39.") < 1
    assert numbers(page)[0] == 39 * 256
    assert answer_time(page, "port:11024") < 1
    assert numbers(page) == [MANY]
    rows(page).first.get_by_role("button").click()
    # In so large a page not all have a picture; the others have their segments in a table.
    page.locator(".picture").locator("svg, .briefly").first.wait_for()
    assert answer_time(page, "") < 1
    assert page.get_by_role("status").inner_text().startswith("10,000 connections")


def test_it_fits_on_paper_with_all_its_words(reader: Reader, checked: Path) -> None:
    page = reader.opens(checked)
    rows(page).first.wait_for()
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    assert sideways(page) == []
    for words in ("No.", "Client", "ISNs", "complete", "still open"):
        assert page.get_by_role("button", name=words, exact=True).first.is_visible()


def test_everybody_can_read_it(reader: Reader, checked: Path, seat: tuple[bool, Scheme]) -> None:
    phone, scheme = seat
    page = reader.opens(checked, phone=phone, scheme=scheme)
    rows(page).nth(1).get_by_role("button").click()
    segments(page).first.wait_for()
    for details in page.locator("details").all():
        details.evaluate("details => { details.open = true }")
    assert sideways(page) == []
    assert inaccessible(page) == []
    assert (lightness(page) < 0.2) is (scheme == "dark")
