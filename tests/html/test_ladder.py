"""The ladder as SVG: every segment is in it, and nothing from elsewhere."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from rawshake.html.ladder import draw
from rawshake.render.options import Options
from tests.html.transcripts import EVERYTHING, FAULTY, LOSSES, WHOLE

EXCHANGES = {"whole": WHOLE, "faulty": FAULTY, "losses": LOSSES, "everything": EVERYTHING}


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_segment_is_there(name: str) -> None:
    drawn = EXCHANGES[name]
    root = ElementTree.fromstring(draw(drawn, Options(), alone=True))
    numbers = [int(one.attrib["data-number"]) for one in root.iter() if "data-number" in one.attrib]
    assert numbers == [step.number for step in drawn.steps]
