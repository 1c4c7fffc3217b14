"""The state diagram as text holds every row of the table and nothing else: its lines are followed from box to box."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree

import pytest
from hypothesis import given

from rawshake.render import figure5, states_svg
from rawshake.render.figure5 import HEIGHT, ROUTES, WIDTH, figure, label
from rawshake.render.options import Options
from rawshake.render.states_text import draw, table
from rawshake.report import Exchange
from rawshake.tcp.state import State, Transition, transitions
from rawshake.tcp.walk import walks
from tests.render.exchanges import exchanges
from tests.tcp.test_walk import HANDSHAKE, WAYS, steps

UP, DOWN, LEFT, RIGHT = (0, -1), (0, 1), (-1, 0), (1, 0)
HEADS: Final = {"▲": UP, "▼": DOWN, "◄": LEFT, "►": RIGHT}
SIDES: Final = {
    "─═": {LEFT, RIGHT},
    "│║": {UP, DOWN},
    "┌╔": {RIGHT, DOWN},
    "┐╗": {LEFT, DOWN},
    "└╚": {RIGHT, UP},
    "┘╝": {LEFT, UP},
}
#: Where a line leaves a box.
EXITS: Final = {"├╠╟╞": RIGHT, "┤╣╢╡": LEFT, "┬╦╤╥": DOWN, "┴╩╧╨": UP}
EVENT: Final = re.compile(r"(?:sent|got) (?:SYN|FIN|RST)(?: \(passive\))?|(?:SYN|FIN) acknowledged")

Drawn = tuple[State, str, State]


def expected() -> set[Drawn]:
    return {(row.before, label(row), row.after) for row in transitions()}


class Picture:
    """What a reader sees in it."""

    def __init__(self, text: str) -> None:
        figure_rows, _, self.below = text.partition("\n\n")
        self.rows = [row.ljust(WIDTH) for row in figure_rows.splitlines()]
        self.boxes = {
            (x, y): state
            for state, left, top in self._boxes()
            for x in range(left, left + figure5.BOX_WIDTH)
            for y in range(top, top + figure5.BOX_HEIGHT)
        }

    def at(self, x: int, y: int) -> str:
        return self.rows[y][x]

    def _boxes(self) -> Iterator[tuple[State, int, int]]:
        for y, row in enumerate(self.rows):
            for found in re.finditer(r"[│║├╠╟╞┤╣╢╡◄►] *([A-Z0-9-]+) *[│║├╠╟╞┤╣╢╡]", row):
                left = found.end() - figure5.BOX_WIDTH
                yield State(found[1]), left, y - 1

    def lines(self) -> Iterator[tuple[State, State, set[tuple[int, int]]]]:
        """Each line that leaves a box: from where, to where, over which cells."""
        for (x, y), state in self.boxes.items():
            for signs, way in EXITS.items():
                if self.at(x, y) in signs and (x + way[0], y + way[1]) not in self.boxes:
                    cells = self._follow(x, y, way)
                    yield state, self.boxes[cells[-1]], set(cells[:-1])

    def _follow(self, x: int, y: int, way: tuple[int, int]) -> list[tuple[int, int]]:
        cells = []
        while True:
            x, y = x + way[0], y + way[1]
            cells.append((x, y))
            sign = self.at(x, y)
            if sign in HEADS:
                assert HEADS[sign] == way
                return [*cells, (x + way[0], y + way[1])]
            (sides,) = (sides for signs, sides in SIDES.items() if sign in signs)
            assert (-way[0], -way[1]) in sides
            (way,) = sides - {(-way[0], -way[1])}

    def labels(self) -> Iterator[tuple[str, set[tuple[int, int]]]]:
        """Each event, and the cells where the line that it belongs to may be: below it, or beside it."""
        for y, row in enumerate(self.rows):
            for found in EVENT.finditer(row):
                after = re.match(r"( [cs]\d+\+?)*", row[found.end() :])
                assert after is not None
                end = found.end() + after.end()
                beside = {(found.start() - 2, y), (end + 1, y)}
                yield found[0], beside | {(x, y + 1) for x in range(found.start(), found.end())}

    def arrows(self) -> list[Drawn]:
        """Each line with its label; both belong to each other only."""
        left = list(self.labels())
        found = []
        for before, after, cells in self.lines():
            (own,) = (one for one in left if one[1] & cells)
            left.remove(own)
            found.append((before, own[0], after))
        assert left == []
        return found

    def listed(self) -> list[Drawn]:
        """What has no line."""
        text = re.sub(r"\n  +", " ", self.below.partition("\n\n")[0])
        return [
            (State(state.split()[0]), event, State(after))
            for event, after, states in re.findall(r"^(.+?) (?:→|->) (\S+), from (.+)$", text, re.MULTILINE)
            for state in states.split(", ")
        ]


@pytest.mark.parametrize("way", [None, *WAYS])
def test_every_row_of_the_table_is_drawn_once_and_nothing_else(way: str | None) -> None:
    text = draw(Options(), walks(steps(WAYS[way][0])) if way else ())
    picture = Picture(text)
    drawn = picture.arrows() + picture.listed()
    assert len(drawn) == len(transitions())
    assert set(drawn) == expected()
    assert set(picture.boxes.values()) == set(State)


@pytest.mark.parametrize("row", transitions())
def test_a_row_that_is_not_in_the_table_is_not_drawn(
    row: Transition, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = tuple(one for one in transitions() if one != row)
    monkeypatch.setattr(figure5, "transitions", lambda: rest)
    picture = Picture(draw(Options()))
    assert expected() - {*picture.arrows(), *picture.listed()} == {(row.before, label(row), row.after)}


def test_the_reader_sees_where_a_line_is_broken() -> None:
    text = draw(Options())
    for broken in (
        text.replace("▼", "│", 1),
        text.replace("◄", "►", 1),
        text.replace("got FIN", "got RST", 1),
    ):
        with pytest.raises((AssertionError, ValueError, KeyError)):
            assert set(Picture(broken).arrows()) | set(Picture(broken).listed()) == expected()


def test_there_is_no_route_that_nothing_takes() -> None:
    drawn = {(arrow.row.before, arrow.row.event, arrow.row.after) for arrow in figure().arrows}
    assert drawn == set(ROUTES)


@pytest.mark.parametrize("way", [None, *WAYS])
def test_it_fits_and_is_ascii_where_that_is_asked_for(way: str | None) -> None:
    ways = walks(steps(WAYS[way][0])) if way else ()
    plain = draw(Options(width=200), ways)
    assert max(map(len, plain.splitlines())) <= WIDTH == 80
    assert [line for line in plain.splitlines() if line != line.rstrip()] == []
    ascii_only = draw(Options(ascii=True), ways)
    assert ascii_only.isascii()
    assert len(ascii_only.splitlines()[:HEIGHT]) == HEIGHT
    for name in map(str, State):
        assert name in ascii_only


def test_the_ways_are_marked_and_told() -> None:
    text = draw(Options(), walks(steps(HANDSHAKE)))
    assert "SYN acknowledged c2 s3" in text
    assert "sent SYN c1" in text
    assert "client: CLOSED → SYN-SENT → (SYN-RECEIVED) → ESTABLISHED\n" in text
    assert "server: LISTEN → SYN-RECEIVED → ESTABLISHED?\n" in text
    assert re.search("[║╢] +ESTABLISHED", text)
    assert re.search("│ +FIN-WAIT-1", text)


def test_a_reset_is_marked_in_the_list() -> None:
    text = draw(Options(), walks(steps(HANDSHAKE + "> R. 1:1(0) ack 1")))
    sent, got = re.findall(
        r"^(?:sent|got) RST → CLOSED, from .+?(?=^\S)", text + "x", re.MULTILINE | re.DOTALL
    )[:2]
    assert "ESTABLISHED c4" in sent
    assert "ESTABLISHED s4" in got


def test_whoever_has_no_80_columns_gets_the_table() -> None:
    text = draw(Options(width=60), walks(steps(HANDSHAKE)))
    assert max(map(len, text.splitlines())) <= 60
    assert text.startswith(table(Options(), walks(steps(HANDSHAKE))))
    assert re.search("^SYN-RECEIVED  SYN acknowledged +ESTABLISHED +c2 s3$", text, re.MULTILINE)
    assert "server: LISTEN → SYN-RECEIVED → ESTABLISHED?\n" in text
    assert "┌" not in text


def test_each_end_has_its_colour() -> None:
    text = draw(Options(colour=True), walks(steps(HANDSHAKE)))
    assert "\x1b[36mc2\x1b[0m" in text
    assert "\x1b[35ms3\x1b[0m" in text
    assert "\x1b[" not in draw(Options(colour=False), walks(steps(HANDSHAKE)))


def test_a_row_that_is_walked_more_than_once_says_so() -> None:
    again = "> S 0:0(0)\n< S. 0:0(0) ack 1\n> R 1:1(0)\n" * 2
    text = draw(Options(), walks(steps(again)))
    assert "got SYN s1+" in text
    assert "+: and again later." in " ".join(text.split())


def test_the_table_has_a_line_for_each_row() -> None:
    head, *lines = table(Options()).splitlines()
    assert head.split() == ["from", "event", "to"]
    rows = [re.split(r" {2,}", line) for line in lines]
    assert {(State(before), event, State(after)) for before, event, after in rows} == expected()
    assert len(rows) == len(transitions())


@given(exchanges())
def test_whatever_passed_is_drawn(exchange: Exchange) -> None:
    text = draw(Options(), walks(exchange.steps))
    assert max(map(len, text.splitlines())) <= WIDTH
    ElementTree.fromstring(states_svg.draw(walks(exchange.steps)))
