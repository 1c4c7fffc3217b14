"""The picture of the states in a browser, by itself and in a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rawshake.render.states_svg import DARK, LIGHT, draw
from rawshake.tcp.state import State
from tests.browser.checks import inaccessible
from tests.browser.conftest import Reader, Scheme
from tests.browser.test_checks import WHOLE


def test_it_opens_by_itself(
    reader: Reader, written: Callable[[str, Callable[[], str]], Path], scheme: Scheme
) -> None:
    page = reader.opens(written("states.svg", draw), scheme=scheme)
    paper = page.locator(".paper").evaluate("one => getComputedStyle(one).fill")
    wanted = (LIGHT if scheme == "light" else DARK)["paper"]
    assert paper == f"rgb{tuple(bytes.fromhex(wanted[1:]))}"
    # The states of Figure 5, and CLOSED once more where TIME-WAIT ends.
    assert page.locator(".state").count() == len(State) + 1


def test_it_is_readable_in_a_page(reader: Reader, scheme: Scheme) -> None:
    assert inaccessible(reader.opens(WHOLE.format(draw()), scheme=scheme)) == []
