"""The state diagram as SVG: self-contained, light or dark as its reader's screen is, with its content in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from string import Template
from typing import Final

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
    figure,
    label,
    legend,
    mark,
    path,
    visitors,
    walkers,
)
from rawshake.render.text import wrap
from rawshake.tcp.state import Transition
from rawshake.tcp.view import End
from rawshake.tcp.walk import Walk

#: Units that a cell of the page takes, the margin around all, and how far a box stays inside its cells.
_X: Final = 10
_Y: Final = 20
_MARGIN: Final = 20
_INSET: Final = 3
#: How round a corner of a line is, and how long and wide the head of an arrow.
_ROUND: Final = 8
_HEAD: Final = 9
_HALF_HEAD: Final = 4.5
#: What is between badges and words, and how high the lines of text below are.
_GAP: Final = 4
_LINE: Final = 20
#: So many characters of a line of text below the figure, at the most.
_CHARACTERS: Final = 100

#: Class names of what each end has walked.
CLASSES: Final = {End.CLIENT: "client", End.SERVER: "server"}

#: Which element has which colour. Custom properties would say it once, but few programs besides browsers know them.
_COLOURS: Final = Template("""\
.rawshake-states .paper { fill: $paper }
.rawshake-states text { fill: $ink }
.rawshake-states .state rect { fill: $box; stroke: $line }
.rawshake-states .reset { fill: $reset }
.rawshake-states .transition path { stroke: $line }
.rawshake-states .transition .head { fill: $line }
.rawshake-states.walked .state rect { stroke: $faint }
.rawshake-states.walked .transition path { stroke: $faint }
.rawshake-states.walked .transition .head { fill: $faint }
.rawshake-states.walked .state.client rect { stroke: $client }
.rawshake-states.walked .state.server rect { stroke: $server }
.rawshake-states.walked .state.client.server rect { stroke: $ink }
.rawshake-states.walked .transition path.client { stroke: $client }
.rawshake-states.walked .transition path.server { stroke: $server }
.rawshake-states.walked .transition.client .head { fill: $client }
.rawshake-states.walked .transition.server .head { fill: $server }
.rawshake-states.walked .transition.client.server .head { fill: $ink }
.rawshake-states.walked .reset .client { fill: $client }
.rawshake-states.walked .reset .server { fill: $server }
.rawshake-states .badge.client rect { fill: $client }
.rawshake-states .badge.server rect { fill: $server }
.rawshake-states .badge text { fill: $on }
.rawshake-states .way.client { fill: $client }
.rawshake-states .way.server { fill: $server }
""")
LIGHT: Final = {
    "paper": "#ffffff", "ink": "#1f2328", "line": "#57606a", "faint": "#afb8c1", "box": "#f6f8fa",
    "reset": "#b3261e", "client": "#0757b8", "server": "#a33c00", "on": "#ffffff",
}  # fmt: skip
DARK: Final = {
    "paper": "#0d1117", "ink": "#e6edf3", "line": "#9198a1", "faint": "#4d545c", "box": "#161b22",
    "reset": "#ff8a80", "client": "#79b8ff", "server": "#ffab70", "on": "#0d1117",
}  # fmt: skip
#: All classes are below ``.rawshake-states``, so that a page that holds the picture is left alone.
_SHAPES: Final = """\
.rawshake-states { font: 15px system-ui, "Segoe UI", Roboto, "DejaVu Sans", Helvetica, Arial, sans-serif }
.rawshake-states .state rect { stroke-width: 1.5 }
.rawshake-states .state .name { font-weight: 600; text-anchor: middle }
.rawshake-states .reset { font-size: 11px; text-anchor: middle }
.rawshake-states .transition path { fill: none; stroke-width: 1.5 }
.rawshake-states .transition .head, .rawshake-states.walked .transition .head { stroke: none }
.rawshake-states.walked .state.client rect, .rawshake-states.walked .state.server rect { stroke-width: 3 }
.rawshake-states .transition path.client, .rawshake-states .transition path.server { stroke-width: 3 }
.rawshake-states .transition path.client + path.server { stroke-dasharray: 8 8 }
.rawshake-states .badge text { font-size: 12px; font-weight: 600; text-anchor: middle }
.rawshake-states .way { font-weight: 600 }
.rawshake-states .note { font-size: 13px }
"""
STYLE: Final = f"""\
{_SHAPES}{_COLOURS.substitute(LIGHT)}@media (prefers-color-scheme: dark) {{
{_COLOURS.substitute(DARK)}}}
"""
#: For a page that says itself whether it is light or dark.
PAGE_STYLE: Final = _SHAPES + _COLOURS.substitute({
    name: f"light-dark({light}, {DARK[name]})" for name, light in LIGHT.items()
})  # fmt: skip


def draw(walks: Sequence[Walk] = (), *, title: str = "The states of TCP", style: str = STYLE) -> str:
    """A document of its own, which may also stand inside a page of HTML; no ids, nothing from elsewhere.

    With ``walks`` the ways of these ends are drawn over it, and their segments' numbers beside it. A page that has
    ``PAGE_STYLE`` once wants no ``style`` in each.
    """
    found = figure()
    below = list(_below(found, walks))
    width = WIDTH * _X + 2 * _MARGIN
    height = HEIGHT * _Y + 2 * _MARGIN + (len(below) + 1) * _LINE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" style="max-width: 100%; height: auto" '
        f'class="rawshake-states{" walked" if walks else ""}">',
        f"<title>{_text(title)}</title>",
        f"<desc>{_text(_description(found, walks))}</desc>",
        f"<style>\n{style}</style>" if style else "",
        f'<rect class="paper" width="{width}" height="{height}" rx="8"/>',
        f'<g transform="translate({_MARGIN} {_MARGIN})">',
        *(_arrow(arrow, walkers(arrow.row, walks)) for arrow in _unwalked_first(found.arrows, walks)),
        *(_box(box, found, walks) for box in found.boxes),
        *(_badges(arrow, walkers(arrow.row, walks)) for arrow in found.arrows),
        *_texts(below),
        "</g>",
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _unwalked_first(arrows: Sequence[Arrow], walks: Sequence[Walk]) -> list[Arrow]:
    return sorted(arrows, key=lambda arrow: bool(walkers(arrow.row, walks)))


def _description(found: Figure, walks: Sequence[Walk]) -> str:
    """The whole content in words."""
    rows = [f"{one.row.before} to {one.row.after} on {label(one.row)}" for one in found.arrows]
    groups = [
        f"from {', '.join(str(row.before) for row in group.rows)} to {group.after} on {group.event.value}"
        for group in found.groups
    ]
    ways = [f" The {walk.end} went {path(walk)}." for walk in walks]
    return f"Transitions: {'; '.join([*rows, *groups])}.{''.join(ways)}"


# Lines.


def _classes(*names: str) -> str:
    return " ".join(name for name in names if name)


def _names(walks: Sequence[Walk]) -> str:
    return " ".join(dict.fromkeys(CLASSES[walk.end] for walk in walks))


def _data(row: Transition) -> str:
    passive = ' data-passive=""' if row.passive else ""
    return f'data-from="{row.before}" data-event="{row.event.value}" data-to="{row.after}"{passive}'


def _arrow(arrow: Arrow, walks: Sequence[Walk]) -> str:
    """The line, once more for each end that went there, the head, and the label."""
    points = _points(arrow.route.corners)
    (back_x, back_y), (x, y) = points[-2:]
    ahead = (x > back_x) - (x < back_x), (y > back_y) - (y < back_y)
    short = x - ahead[0] * _HEAD, y - ahead[1] * _HEAD
    line = _rounded([*points[:-1], short])
    side = ahead[1] * _HALF_HEAD, ahead[0] * _HALF_HEAD
    head = (
        f"M{_n(x)} {_n(y)}L{_n(short[0] + side[0])} {_n(short[1] + side[1])}"
        f"L{_n(short[0] - side[0])} {_n(short[1] - side[1])}Z"
    )
    lines = [f'<path d="{line}"/>'] if not walks else []
    lines += [f'<path class="{name}" d="{line}"/>' for name in _names(walks).split()]
    words, anchor = _anchor(arrow, walks)
    return (
        f'<g class="{_classes("transition", _names(walks))}" {_data(arrow.row)}>{"".join(lines)}'
        f'<path class="head" d="{head}"/>'
        f'<text x="{_n(words[0])}" y="{_n(words[1])}"{anchor}>{_text(label(arrow.row))}</text></g>'
    )


def _points(corners: Sequence[Cell]) -> list[tuple[float, float]]:
    """The middles of the cells; the ends are drawn out to the borders of the boxes."""
    points = [(cell.x * _X + _X / 2, cell.y * _Y + _Y / 2) for cell in corners]
    for at, towards, out in ((0, 1, -1), (-1, -2, 1)):
        x, y = points[at]
        ahead_x, ahead_y = points[towards]
        # From its cell of the border out to the border itself, or from the cell before a box into that box.
        way = ((x > ahead_x) - (x < ahead_x), (y > ahead_y) - (y < ahead_y))
        reach = (_X / 2 + _INSET, _Y / 2 + _INSET) if out > 0 else (-_X / 2 + _INSET, -_Y / 2 + _INSET)
        points[at] = x + way[0] * reach[0], y + way[1] * reach[1]
    return points


def _rounded(points: Sequence[tuple[float, float]]) -> str:
    drawn = f"M{_n(points[0][0])} {_n(points[0][1])}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        into, out = _towards(corner, before), _towards(corner, after)
        drawn += f"L{_n(into[0])} {_n(into[1])}Q{_n(corner[0])} {_n(corner[1])} {_n(out[0])} {_n(out[1])}"
    return drawn + f"L{_n(points[-1][0])} {_n(points[-1][1])}"


def _towards(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """The point ``_ROUND`` units from ``start`` on the way to ``end``."""
    (x, y), (to_x, to_y) = start, end
    return x + _ROUND * ((to_x > x) - (to_x < x)), y + _ROUND * ((to_y > y) - (to_y < y))


# Boxes and words.


def _box(box: Box, found: Figure, walks: Sequence[Walk]) -> str:
    x, y = box.at.x * _X + _INSET, box.at.y * _Y + _INSET
    width, height = BOX_WIDTH * _X - 2 * _INSET, BOX_HEIGHT * _Y - 2 * _INSET
    middle = x + width / 2
    rows = [] if box.last else [(row, walkers(row, walks)) for g in found.groups for row in g.rows]
    own = [(row, went) for row, went in rows if row.before is box.state]
    name_y = y + 22 if own else y + height / 2 + 5
    words = []
    for row, went in own:
        names = _classes("transition", _names(went))
        words.append(f'<tspan class="{names}" {_data(row)}>{_text(label(row))}</tspan>')
    below = f'<text class="reset" x="{_n(middle)}" y="{_n(y + 37)}">{" · ".join(words)} ✕</text>'
    return (
        f'<g class="{_classes("state", _names(visitors(box, walks)))}">'
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="7"/>'
        f'<text class="name" x="{_n(middle)}" y="{_n(name_y)}">{box.state}</text>'
        f"{below if own else ''}</g>{_on_the_border(own, Cell(int(x), int(y)), width, height)}"
    )


def _on_the_border(
    own: Sequence[tuple[Transition, Sequence[Walk]]], at: Cell, width: float, height: float
) -> str:
    """By which segments an end left the state without a line: the first row's at the left, others' at the right."""
    drawn = ""
    left, right = at.x + 2.0 * _GAP, at.x + width - 2 * _GAP
    for number, (row, went) in enumerate(own):
        for walk in went:
            text = mark(walk, row)
            if number:
                right -= _badge_width(text)
            drawn += _badge(walk, text, right if number else left, at.y + height + 3)
            if number:
                right -= _GAP
            else:
                left += _badge_width(text) + _GAP
    return drawn


def _anchor(arrow: Arrow, walks: Sequence[Walk]) -> tuple[tuple[float, float], str]:
    """Where the label stands, and by which of its ends; badges stand at that end, since their width is known."""
    x, y = arrow.route.words
    room = sum(_badge_width(mark(walk, arrow.row)) + _GAP for walk in walks)
    if arrow.route.leftward:
        return ((x + 1) * _X - room, y * _Y + 15), ' text-anchor="end"'
    return (x * _X + room, y * _Y + 15), ""


def _badge_width(text: str) -> float:
    return 12 + 7.5 * len(text)


def _badge(walk: Walk, text: str, x: float, y: float) -> str:
    """A badge whose text stands on ``y``."""
    width = _badge_width(text)
    return (
        f'<g class="badge {CLASSES[walk.end]}">'
        f'<rect x="{_n(x)}" y="{_n(y - 14)}" width="{_n(width)}" height="18" rx="9"/>'
        f'<text x="{_n(x + width / 2)}" y="{_n(y - 0.5)}">{_text(text)}</text></g>'
    )


def _badges(arrow: Arrow, walks: Sequence[Walk]) -> str:
    """By which segments, one badge for each end."""
    (x, y), _ = _anchor(arrow, walks)
    x = x + _GAP if arrow.route.leftward else arrow.route.words.x * _X
    drawn = ""
    for walk in walks:
        text = mark(walk, arrow.row)
        drawn += _badge(walk, text, x, y)
        x += _badge_width(text) + _GAP
    return drawn


def _below(found: Figure, walks: Sequence[Walk]) -> Iterator[tuple[str, str]]:
    """Class and text of each line below the figure."""
    for walk in walks:
        for row in wrap(f"{walk.end}: {path(walk)}", _CHARACTERS - 18, indent=8):
            yield f"way {CLASSES[walk.end]}", row
    if walks:
        yield "note", ""
    ends = " or ".join(dict.fromkeys(str(group.after) for group in found.groups))
    for note in (f"✕ leads to {ends}.", *NOTES, *([legend(walks)] if walks else ())):
        for row in wrap(note, _CHARACTERS):
            yield "note", row


def _texts(lines: Sequence[tuple[str, str]]) -> Iterator[str]:
    for number, (name, row) in enumerate(lines, 1):
        y = HEIGHT * _Y + number * _LINE + 10
        indent = len(row) - len(row.lstrip(" "))
        if row:
            yield f'<text class="{name}" x="{indent * 8}" y="{y}">{_text(row.strip())}</text>'


def _text(text: str) -> str:
    return escape(text, quote=True)


def _n(number: float) -> str:
    return f"{number:.4g}"
