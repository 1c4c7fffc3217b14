"""The page of a run of verify: its cells and probes open, its filter filters, and everybody can read it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from rawshake.html.verify import page as written_page
from rawshake.probes import catalogue
from rawshake.render.verified import Run
from rawshake.render.verify_json import dump
from rawshake.rules import book
from tests.browser.checks import PAPER, inaccessible, lightness, sideways
from tests.browser.conftest import Reader, Scheme
from tests.browser.verified import CHECKS, Check, cells
from tests.render.test_verify_json import challenged_wrongly, ran

Write = Callable[[str, Callable[[], str]], Path]

PROBES = (
    "syn-opens", "closed-port-refuses", "ESTABLISHED/SYN/at", "ESTABLISHED/RST/inside", "ESTABLISHED/FIN+ACK/at/below",
    "LISTEN/SYN", "LISTEN/SYN+FIN", "SYN-SENT/SYN",
)  # fmt: skip


@cache
def run() -> Run:
    return ran(challenged_wrongly(), *PROBES)


def page_of(of: Run) -> str:
    return written_page(of, dump(of), catalogue(), {rule.id for rule in book()})


@pytest.fixture
def verified(written: Write) -> Path:
    return written("verify.html", lambda: page_of(run()))


@pytest.mark.parametrize("check", CHECKS)
def test_it_answers(reader: Reader, verified: Path, check: Check) -> None:
    check(reader.opens(verified), run())


def test_it_fits_on_paper(reader: Reader, verified: Path) -> None:
    page = reader.opens(verified)
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    assert sideways(page) == []
    assert cells(page).first.is_visible()


def test_everybody_can_read_it(reader: Reader, verified: Path, seat: tuple[bool, Scheme]) -> None:
    phone, scheme = seat
    page = reader.opens(verified, phone=phone, scheme=scheme)
    for details in page.locator("details").all():
        details.evaluate("details => { details.open = true }")
    assert sideways(page) == []
    assert inaccessible(page) == []
    assert (lightness(page) < 0.2) is (scheme == "dark")
    page.locator(".probes .probe-link").first.click()
    page.locator("#detail-name").wait_for()
    assert sideways(page) == []
    assert inaccessible(page, "dialog") == []
