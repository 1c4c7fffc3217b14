"""The state diagram as text: 80 columns of box drawing, with the ways that ends took in double lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from rawshake.render import style
from rawshake.render.figure5 import (
    BOX_HEIGHT,
    BOX_WIDTH,
    HEIGHT,
    NOTES,
    WIDTH,
    Arrow,
    Box,
    Cell,
    Figure,
    Group,
    figure,
    label,
    legend,
    mark,
    path,
    visitors,
    walkers,
)
from rawshake.render.options import Options
from rawshake.render.style import Span, paint
from rawshake.render.text import safe, wrap
from rawshake.tcp.state import Transition, transitions
from rawshake.tcp.view import End
from rawshake.tcp.walk import Walk

#: Lines by the sides that they lead to (up 1, down 2, left 4, right 8), whether horizontal and vertical ones are
#: double. All of them are in the font of the Linux console.
_SIDES: Final = (0b1100, 0b0011, 0b1010, 0b0110, 0b1001, 0b0101, 0b1011, 0b0111, 0b1110, 0b1101, 0b1111)
_LINES: Final = {
    (False, False): dict(zip(_SIDES, "─│┌┐└┘├┤┬┴┼", strict=True)),
    (True, False): dict(zip(_SIDES, "═│╒╕╘╛╞╡╤╧╪", strict=True)),
    (False, True): dict(zip(_SIDES, "─║╓╖╙╜╟╢╥╨╫", strict=True)),
    (True, True): dict(zip(_SIDES, "═║╔╗╚╝╠╣╦╩╬", strict=True)),
}
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_HEADS: Final = {_UP: "▲", _DOWN: "▼", _LEFT: "◄", _RIGHT: "►"}
_ASCII_HEADS: Final = {"▲": "^", "▼": "v", "◄": "<", "►": ">"}
_VERTICAL: Final = _UP | _DOWN
_HORIZONTAL: Final = _LEFT | _RIGHT

#: The colour of each end's way; what both went is bold.
COLOURS: Final = {End.CLIENT: style.CYAN, End.SERVER: style.MAGENTA}


class _Sign(NamedTuple):
    text: str
    style: str


@dataclass(slots=True)
class _Page:
    """Cells that hold lines, and cells that hold signs, which hide lines."""

    options: Options
    walked: bool
    sides: dict[Cell, int] = field(default_factory=dict)
    double: dict[Cell, int] = field(default_factory=dict)
    styles: dict[Cell, str] = field(default_factory=dict)
    signs: dict[Cell, _Sign] = field(default_factory=dict)

    def style_of(self, walks: Sequence[Walk]) -> str:
        if not self.walked:
            return style.PLAIN
        ends = {walk.end for walk in walks}
        return style.DIM if not ends else style.BOLD if len(ends) > 1 else COLOURS[ends.pop()]

    def line(self, start: Cell, end: Cell, walks: Sequence[Walk]) -> None:
        """A straight line between two cells, which both end in it."""
        across = start.y == end.y
        low, high = sorted((start, end))
        count = high.x - low.x if across else high.y - low.y
        for step in range(count + 1):
            cell = Cell(low.x + step, low.y) if across else Cell(low.x, low.y + step)
            ahead, back = (_RIGHT, _LEFT) if across else (_DOWN, _UP)
            sides = (ahead if step < count else 0) | (back if step else 0)
            self.sides[cell] = self.sides.get(cell, 0) | sides
            if walks:
                self.double[cell] = self.double.get(cell, 0) | sides
            if walks or cell not in self.styles:
                self.styles[cell] = self.style_of(walks)

    def text(self, at: Cell, text: str, style: str) -> None:
        for step, character in enumerate(text):
            self.signs[Cell(at.x + step, at.y)] = _Sign(character, style)

    def sign(self, cell: Cell) -> _Sign:
        if cell in self.signs:
            return self.signs[cell]
        sides, double = self.sides.get(cell, 0), self.double.get(cell, 0)
        if not sides:
            return _Sign(" ", style.PLAIN)
        heavy = bool(double & _HORIZONTAL), bool(double & _VERTICAL)
        drawn = _LINES[heavy][sides]
        if self.options.ascii:
            across, upright = not sides & _VERTICAL, not sides & _HORIZONTAL
            drawn = ("=" if double else "-") if across else ("#" if double else "|") if upright else "+"
            drawn = "#" if double and drawn == "+" else drawn
        return _Sign(drawn, self.styles[cell])

    def rows(self) -> Iterator[list[Span]]:
        for y in range(HEIGHT):
            signs = [self.sign(Cell(x, y)) for x in range(WIDTH)]
            yield [
                Span("".join(sign.text for sign in run), found)
                for found, run in groupby(signs, key=lambda sign: sign.style)
            ]


def draw(options: Options, walks: Sequence[Walk] = ()) -> str:
    """The diagram, and what it has no lines for; with the ways of these ends, each told below as a line.

    Whoever has no 80 columns gets the table in its place.
    """
    wide = options.width >= WIDTH
    lines: list[list[Span]] = [[], *_groups(figure(), options, walks), []] if wide else [[]]
    if walks:
        lines += [*_ways(options, walks), []]
    notes = (*NOTES, *([legend(walks)] if walks else ()))
    lines += [[Span(row, style.DIM)] for note in notes for row in _wrap(note, options)]
    return (picture if wide else table)(options, walks) + _painted(lines, options)


def picture(options: Options, walks: Sequence[Walk] = ()) -> str:
    """The diagram alone."""
    found = figure()
    page = _Page(options, walked=bool(walks))
    for box in found.boxes:
        _box(page, box, visitors(box, walks))
    for arrow in found.arrows:
        _arrow(page, arrow, walkers(arrow.row, walks))
    return _painted(page.rows(), options)


def _painted(lines: Iterable[Sequence[Span]], options: Options) -> str:
    return "".join(paint(line, colour=options.colour) + "\n" for line in lines)


def _box(page: _Page, box: Box, walks: Sequence[Walk]) -> None:
    x, y = box.at
    corners = [Cell(x, y), Cell(x + BOX_WIDTH - 1, y), Cell(x + BOX_WIDTH - 1, y + BOX_HEIGHT - 1)]
    corners += [Cell(x, y + BOX_HEIGHT - 1), Cell(x, y)]
    for start, end in pairwise(corners):
        page.line(start, end, walks)
    name = str(box.state)
    bold = style.BOLD if not page.walked else page.style_of(walks)
    page.text(Cell(x + (BOX_WIDTH - len(name)) // 2, y + 1), name, bold)


def _arrow(page: _Page, arrow: Arrow, walks: Sequence[Walk]) -> None:
    corners = arrow.route.corners
    for start, end in pairwise(corners):
        page.line(start, end, walks)
    before, tip = corners[-2:]
    way = (
        (_RIGHT if tip.x > before.x else _LEFT) if tip.y == before.y else (_DOWN if tip.y > before.y else _UP)
    )
    head = _HEADS[way]
    drawn = page.style_of(walks)
    page.text(tip, _ASCII_HEADS[head] if page.options.ascii else head, drawn)
    marks = [(mark(walk, arrow.row), COLOURS[walk.end]) for walk in walks]
    words = [(label(arrow.row), drawn), *marks]
    x, y = arrow.route.words
    if arrow.route.leftward:
        x -= sum(len(text) + 1 for text, _ in words) - 2
    for text, colour in words:
        page.text(Cell(x, y), text, colour)
        x += len(text) + 1


def _groups(found: Figure, options: Options, walks: Sequence[Walk]) -> Iterator[list[Span]]:
    for group in found.groups:
        words = f"{group.event.value} → {group.after}, from {', '.join(_sources(group, walks))}"
        yield from ([Span(row)] for row in _wrap(words, options, indent=2))


def _sources(group: Group, walks: Sequence[Walk]) -> Iterator[str]:
    for row in group.rows:
        marks = "".join(f"\xa0{mark(walk, row)}" for walk in walkers(row, walks))
        yield f"{row.before}{marks}"


def _ways(options: Options, walks: Sequence[Walk]) -> Iterator[list[Span]]:
    for walk in walks:
        head, *rest = _wrap(f"{walk.end}:\xa0{path(walk)}", options, indent=len(str(walk.end)) + 2)
        yield from ([Span(row, COLOURS[walk.end])] for row in (head, *rest))


def _wrap(text: str, options: Options, *, indent: int = 0) -> list[str]:
    return [
        row.replace("\xa0", " ")
        for row in wrap(_safe(text, options), min(options.columns, WIDTH), indent=indent)
    ]


def _safe(text: str, options: Options) -> str:
    return "\xa0".join(safe(part, ascii_only=options.ascii) for part in text.split("\xa0"))


def table(options: Options, walks: Sequence[Walk] = ()) -> str:
    """Every row of the table: from, event, to; and by which segments these ends went through it."""
    rows = [("from", "event", "to", ""), *(_cells(row, walks) for row in transitions())]
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    head, *rest = (
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, [*widths, 0], strict=True)) for row in rows
    )
    told = [[Span(head, style.DIM)], *([Span(row)] for row in rest)]
    return _painted(told, options)


def _cells(row: Transition, walks: Sequence[Walk]) -> tuple[str, str, str, str]:
    marks = " ".join(mark(walk, row) for walk in walkers(row, walks))
    return str(row.before), label(row), str(row.after), marks
