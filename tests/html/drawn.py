"""A ladder as a reader measures it: which texts and pieces are where, in rows and on the linear axis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Final, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from rawshake.html.rung import CLIENT, SERVER, WIDTH
from rawshake.render.text import columns

SVG: Final = "{http://www.w3.org/2000/svg}"
#: No ordinary font is wider, on an average over the letters of a word, by its size.
WIDEST: Final = {"numbers": 0.62, "octets": 0.62, "time": 0.62, "address": 0.62}
SIZES: Final = {"flags": 13.0, "end": 13.0, "verdict": 13.0, "": 11.0}
#: Beside the lifelines stand these only.
OUTSIDE: Final = {"time", "number", "end", "address", "verdict", "legend"}


class Text(NamedTuple):
    """A line of text and what it takes at the most, and whose piece it belongs to."""

    kind: str
    said: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Text) -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > 0.5 and down > 0.5


def parsed(svg: str) -> Element:
    return ElementTree.fromstring(svg)


def number(element: Element, name: str) -> float:
    return float(element.attrib[name])


def texts(root: Element, *, by_time: bool, numbers: str) -> list[Text]:
    """All that is shown, with numbers ``relative`` or ``absolute``; the axis is shown by times only."""
    return list(_texts(root, 0.0, by_time, numbers))


def _texts(element: Element, y: float, by_time: bool, numbers: str) -> Iterator[Text]:
    names = element.attrib.get("class", "").split()
    hidden = {"relative", "absolute"} - {numbers} | ({"gap"} if by_time else {"axis"})
    if hidden & set(names):
        return
    if "data-y" in element.attrib:
        y += float(element.attrib["data-y"].split()[by_time])
    elif "transform" in element.attrib:
        moved = re.fullmatch(r"translate\(0 ([0-9.-]+)\)", element.attrib["transform"])
        assert moved
        y += float(moved[1])
    if element.tag == f"{SVG}text":
        yield _text(element, y, names[0] if names else "")
    for child in element:
        yield from _texts(child, y, by_time, numbers)


def _text(element: Element, y: float, kind: str) -> Text:
    said = "".join(element.itertext())
    size = SIZES.get(kind, 11.5)
    width = columns(said) * size * WIDEST.get(kind, 0.64)
    x, baseline = number(element, "x"), y + number(element, "y")
    left = x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[element.attrib.get("text-anchor", "start")]
    return Text(kind, said, left, baseline - 0.75 * size, left + width, baseline + 0.2 * size)


def overlaps(found: list[Text]) -> list[tuple[str, str]]:
    """Pairs of texts that would be drawn over one another."""
    near = sorted(found, key=lambda text: text.top)
    close: list[tuple[str, str]] = []
    waiting: list[Text] = []
    for text in near:
        waiting = [other for other in waiting if other.bottom > text.top]
        close += [(other.said, text.said) for other in waiting if other.meets(text)]
        waiting.append(text)
    return close


def astray(found: list[Text], height: float) -> list[str]:
    """Texts that leave the picture, or the lane between the lifelines where they belong there."""
    return [
        text.said
        for text in found
        if text.left < 0
        or text.right > WIDTH
        or text.top < 0
        or text.bottom > height
        or (text.kind not in OUTSIDE | {"quiet"} and (text.left < CLIENT or text.right > SERVER + 12))
    ]


def bars(root: Element, end: str, *, by_time: bool) -> list[tuple[str, float, float]]:
    """Each state of an end with where it begins and ends."""
    found = []
    for rect in root.iter(f"{SVG}rect"):
        if {"bar", end} <= set(rect.attrib["class"].split() if "class" in rect.attrib else ()):
            title = rect.find(f"{SVG}title")
            assert title is not None
            y, height = map(float, rect.attrib["data-span"].split()[by_time].split(","))
            found.append(((title.text or "").removeprefix(f"{end} "), y, y + height))
    return found


def joined(spans: list[tuple[str, float, float]]) -> bool:
    """Whether each begins where the one before ends."""
    return all(abs(one[2] - other[1]) < 0.11 for one, other in pairwise(spans))


def crowded(found: list[Text]) -> bool:
    """The slow way to ask for overlaps."""
    return any(one.meets(other) for one, other in combinations(found, 2))
