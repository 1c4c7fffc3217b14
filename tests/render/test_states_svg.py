"""The state diagram as SVG: every row of the table as an element with its line, nothing else, and readable by all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Final, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from rawshake.render import figure5
from rawshake.render.figure5 import label, path
from rawshake.render.states_svg import DARK, LIGHT, draw
from rawshake.tcp.state import State, Transition, transitions
from rawshake.tcp.walk import Walk, walks
from tests.tcp.test_walk import HANDSHAKE, WAYS, steps

SVG: Final = "{http://www.w3.org/2000/svg}"
#: No ordinary font without serifs is wider, on an average over the letters of a word.
WIDEST_LETTER: Final = 0.65
SIZES: Final = {"reset": 11.0, "note": 13.0}

Row = tuple[str, str, str]


class Area(NamedTuple):
    """What something takes on the page."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area, by: float = 0.5) -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > by and down > by


def of(way: str | None) -> tuple[Walk, ...]:
    return walks(steps(WAYS[way][0])) if way else ()


def parsed(ways: tuple[Walk, ...] = ()) -> Element:
    return ElementTree.fromstring(draw(ways))


def drawn(root: Element) -> list[Row]:
    return [
        (one.attrib["data-from"], one.attrib["data-event"], one.attrib["data-to"])
        for one in root.iter()
        if "data-event" in one.attrib
    ]


def expected() -> list[Row]:
    return [(str(row.before), row.event.value, str(row.after)) for row in transitions()]


def number(element: Element, name: str) -> float:
    return float(element.attrib[name])


def area(rect: Element) -> Area:
    x, y = number(rect, "x"), number(rect, "y")
    return Area(x, y, x + number(rect, "width"), y + number(rect, "height"))


def boxes(root: Element) -> list[tuple[str, Area]]:
    found = []
    for group in root.iter(f"{SVG}g"):
        if "state" in group.attrib.get("class", "").split():
            name, rect = group.find(f"{SVG}text"), group.find(f"{SVG}rect")
            assert name is not None
            assert rect is not None
            found.append((name.text or "", area(rect)))
    return found


def texts(root: Element) -> Iterator[tuple[str, Area]]:
    """Each text with what it takes at the most; badges by their rectangle."""
    badges = {
        text
        for group in root.iter(f"{SVG}g")
        if "badge" in group.attrib.get("class", "")
        for text in group.iter(f"{SVG}text")
    }
    for group in root.iter(f"{SVG}g"):
        if "badge" in group.attrib.get("class", ""):
            rect = group.find(f"{SVG}rect")
            assert rect is not None
            yield "badge", area(rect)
    for text in root.iter(f"{SVG}text"):
        if text in badges:
            continue
        said = "".join(text.itertext())
        kind = text.attrib.get("class", "").partition(" ")[0]
        size = SIZES.get(kind, 15.0)
        width, x, y = len(said) * size * WIDEST_LETTER, number(text, "x"), number(text, "y")
        anchor = "middle" if kind in ("name", "reset") else text.attrib.get("text-anchor", "start")
        left = x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        yield said, Area(left, y - 0.75 * size, left + width, y + 0.2 * size)


@pytest.mark.parametrize("way", [None, *WAYS])
def test_every_row_of_the_table_is_there_once_and_nothing_else(way: str | None) -> None:
    assert sorted(drawn(parsed(of(way)))) == sorted(expected())


@pytest.mark.parametrize("row", transitions())
def test_a_row_that_is_not_in_the_table_is_not_drawn(
    row: Transition, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = tuple(one for one in transitions() if one != row)
    monkeypatch.setattr(figure5, "transitions", lambda: rest)
    missing = expected()
    for one in drawn(parsed()):
        missing.remove(one)
    assert missing == [(str(row.before), row.event.value, str(row.after))]


def test_each_line_leads_from_its_state_to_its_state() -> None:
    root = parsed()
    found = boxes(root)
    lines = [group for group in root.iter(f"{SVG}g") if "data-event" in group.attrib]
    assert len(lines) == len(figure5.ROUTES)
    for line in lines:
        shaft, head = line.findall(f"{SVG}path")
        start = [float(n) for n in re.findall(r"-?[\d.]+", shaft.attrib["d"])[:2]]
        tip = [float(n) for n in re.findall(r"-?[\d.]+", head.attrib["d"])[:2]]
        for name, (x, y) in ((line.attrib["data-from"], start), (line.attrib["data-to"], tip)):
            near = [
                box
                for state, box in found
                if box.meets(Area(x - 1, y - 1, x + 1, y + 1), by=0) and state == name
            ]
            assert near, (line.attrib, x, y)


def test_each_row_says_its_event() -> None:
    for one in parsed().iter():
        if "data-event" in one.attrib:
            row = next(
                row
                for row in transitions()
                if (str(row.before), row.event.value, str(row.after))
                == (one.attrib["data-from"], one.attrib["data-event"], one.attrib["data-to"])
                and row.passive == ("data-passive" in one.attrib)
            )
            assert "".join(one.itertext()) == label(row)


def test_every_state_has_its_box() -> None:
    names = [name for name, _ in boxes(parsed())]
    assert sorted(names) == sorted([*map(str, State), "CLOSED"])


@pytest.mark.parametrize("way", [None, *WAYS])
def test_no_text_lies_on_another_or_over_the_edge(way: str | None) -> None:
    root = parsed(of(way))
    found = list(texts(root))
    assert [(one, other) for one, other in combinations(found, 2) if one[1].meets(other[1])] == []
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for said, (left, top, right, bottom) in found:
        assert left >= -20, said
        assert top >= -20, said
        assert right <= width - 20, said
        assert bottom <= height - 20, said


def test_the_measure_finds_text_that_lies_on_another() -> None:
    one, other = Area(0, 0, 10, 10), Area(9, 9, 20, 20)
    assert one.meets(other)
    assert not one.meets(Area(10, 0, 20, 10))


def test_it_says_in_words_what_it_shows() -> None:
    ways = walks(steps(HANDSHAKE))
    root = ElementTree.fromstring(draw(ways, title="A <b> & c"))
    assert root.attrib["role"] == "img"
    title, description = root[0], root[1]
    assert (title.tag, title.text) == (f"{SVG}title", "A <b> & c")
    assert description.tag == f"{SVG}desc"
    assert description.text is not None
    for row in transitions():
        assert label(row) in description.text
    for walk in ways:
        assert f"The {walk.end} went {path(walk)}." in description.text


def test_it_needs_nothing_from_elsewhere_and_leaves_a_page_alone() -> None:
    text = draw(walks(steps(HANDSHAKE)))
    assert "href" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert "<script" not in text
    assert " id=" not in text
    assert text.count("http") == text.count("http://www.w3.org/2000/svg") == 1
    styles = text.partition("<style>")[2].partition("</style>")[0]
    assert "var(" not in styles  # which only browsers know
    for line in styles.strip().splitlines():
        assert line.startswith((".rawshake-states", "@media (prefers-color-scheme: dark) {", "}"))


def test_it_has_a_colour_for_the_dark_wherever_it_has_one() -> None:
    styles = draw().partition("<style>")[2].partition("</style>")[0]
    light, _, dark = styles.partition("@media (prefers-color-scheme: dark)")
    coloured = [re.sub("#[0-9a-f]{6}", "#", line) for line in light.splitlines() if "#" in line]
    assert coloured == [re.sub("#[0-9a-f]{6}", "#", line) for line in dark.splitlines() if "#" in line]
    assert len(coloured) > 20


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_what_is_written_can_be_read(palette: dict[str, str]) -> None:
    """WCAG 2.1, 1.4.3 and 1.4.11: text stands out by 4.5 to 1, what is drawn by 3 to 1 unless it is only there."""
    pairs = {"ink paper": 4.5, "ink box": 4.5, "reset box": 4.5, "client paper": 4.5, "server paper": 4.5}
    pairs |= {"on client": 4.5, "on server": 4.5, "line paper": 3, "client box": 3, "server box": 3}
    for pair, least in pairs.items():
        one, other = (luminance(palette[name]) for name in pair.split())
        assert (max(one, other) + 0.05) / (min(one, other) + 0.05) >= least, pair


def luminance(colour: str) -> float:
    """WCAG 2.1's relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_ways_are_marked() -> None:
    root = parsed(walks(steps(HANDSHAKE + "> R. 1:1(0) ack 1")))
    classes = {
        (one.attrib["data-from"], one.attrib["data-event"]): one.attrib["class"].split()
        for one in root.iter()
        if "data-event" in one.attrib and "data-passive" not in one.attrib
    }
    assert classes["CLOSED", "sent SYN"] == ["transition", "client"]
    assert classes["SYN-RECEIVED", "SYN acknowledged"] == ["transition", "client", "server"]
    assert classes["ESTABLISHED", "sent RST"] == ["transition", "client"]
    assert classes["ESTABLISHED", "got RST"] == ["transition", "server"]
    assert classes["ESTABLISHED", "sent FIN"] == ["transition"]
    badges = [
        "".join(group.itertext())
        for group in root.iter(f"{SVG}g")
        if group.attrib.get("class", "").startswith("badge")
    ]
    assert sorted(badges) == ["c1", "c2", "c2", "c4", "s1", "s3", "s4"]
