"""The ladder as SVG: every segment is in it, and nothing from elsewhere."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from rawshake.html.ladder import draw
from rawshake.render.options import Options
from rawshake.report import Exchange
from tests.render.exchanges import FAULTY, LOSSES, WHOLE, exchange

EXCHANGES: dict[str, Exchange] = {
    "whole": exchange(WHOLE),
    "faulty": exchange(FAULTY),
    "losses": exchange(LOSSES),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_segment_is_there(name: str) -> None:
    drawn = EXCHANGES[name]
    root = ElementTree.fromstring(draw(drawn, Options(), alone=True))
    numbers = [int(one.attrib["data-number"]) for one in root.iter() if "data-number" in one.attrib]
    assert numbers == [step.number for step in drawn.steps]
