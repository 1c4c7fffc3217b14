"""RFC 9293's Figure 5 laid out in cells of a page: where boxes, lines and words go; what they are is the table's.

Both pictures are drawn from this, in text and as SVG, so that both have the same shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from rawshake.tcp.state import Event, State, Transition, transitions
from rawshake.tcp.view import End
from rawshake.tcp.walk import Walk

#: How many cells the page has, and a box takes.
WIDTH: Final = 80
HEIGHT: Final = 35
BOX_WIDTH: Final = 17
BOX_HEIGHT: Final = 3


class Cell(NamedTuple):
    """Column and row, from 0 at the upper left."""

    x: int
    y: int


class Box(NamedTuple):
    """A state's box, by its upper left cell; ``last`` is the one of a state drawn twice where ways end."""

    state: State
    at: Cell
    last: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A line by its corners: from a cell of one box's border to the cell before another's, all straight between.

    ``words`` is where its label begins, or where it ends if ``leftward``.
    """

    corners: tuple[Cell, ...]
    words: Cell
    leftward: bool = False


class Arrow(NamedTuple):
    """A row of the table that has a line of its own."""

    row: Transition
    route: Route


class Group(NamedTuple):
    """Rows without a line: from any of these states the event leads to the same one."""

    event: Event
    after: State
    rows: tuple[Transition, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """What there is to draw."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    groups: tuple[Group, ...]


_S, _E = State, Event
_LEFT, _MIDDLE, _RIGHT = 0, 32, 63

#: The upper left cell of each state's box, as the RFC arranges them; CLOSED is where all begins and where it ends.
PLACES: Final[dict[State, tuple[Cell, ...]]] = {
    _S.CLOSED: (Cell(_MIDDLE, 0), Cell(_RIGHT, 32)),
    _S.LISTEN: (Cell(_MIDDLE, 6),),
    _S.SYN_RECEIVED: (Cell(_LEFT, 10),),
    _S.SYN_SENT: (Cell(_RIGHT, 10),),
    _S.ESTABLISHED: (Cell(_MIDDLE, 18),),
    _S.FIN_WAIT_1: (Cell(_LEFT, 22),),
    _S.CLOSE_WAIT: (Cell(_RIGHT, 22),),
    _S.FIN_WAIT_2: (Cell(_LEFT, 27),),
    _S.CLOSING: (Cell(_MIDDLE, 27),),
    _S.LAST_ACK: (Cell(_RIGHT, 27),),
    _S.TIME_WAIT: (Cell(_MIDDLE, 32),),
}


def _route(*corners: tuple[int, int], words: tuple[int, int], leftward: bool = False) -> Route:
    return Route(tuple(Cell(*corner) for corner in corners), Cell(*words), leftward)


#: How to draw a row of the table, by its states and its event. Rows that are not here are listed below the figure.
ROUTES: Final[dict[tuple[State, Event, State], Route]] = {
    (_S.CLOSED, _E.SENT_SYN, _S.SYN_SENT): _route((48, 1), (75, 1), (75, 9), words=(50, 0)),
    (_S.LISTEN, _E.SENT_SYN, _S.SYN_SENT): _route((48, 7), (67, 7), (67, 9), words=(50, 6)),
    (_S.LISTEN, _E.GOT_SYN, _S.SYN_RECEIVED): _route((32, 7), (12, 7), (12, 9), words=(14, 6)),
    (_S.SYN_RECEIVED, _E.GOT_RST, _S.LISTEN): _route((4, 10), (4, 4), (40, 4), (40, 5), words=(6, 3)),
    (_S.SYN_SENT, _E.GOT_SYN, _S.SYN_RECEIVED): _route((63, 11), (17, 11), words=(30, 10)),
    (_S.SYN_RECEIVED, _E.SYN_ACKED, _S.ESTABLISHED): _route(
        (8, 12), (8, 16), (40, 16), (40, 17), words=(10, 15)
    ),
    (_S.SYN_RECEIVED, _E.SENT_FIN, _S.FIN_WAIT_1): _route((4, 12), (4, 21), words=(6, 17)),
    (_S.SYN_RECEIVED, _E.GOT_FIN, _S.CLOSE_WAIT): _route(
        (12, 12), (12, 14), (75, 14), (75, 21), words=(50, 13)
    ),
    (_S.ESTABLISHED, _E.SENT_FIN, _S.FIN_WAIT_1): _route((32, 19), (12, 19), (12, 21), words=(14, 18)),
    (_S.ESTABLISHED, _E.GOT_FIN, _S.CLOSE_WAIT): _route((48, 19), (67, 19), (67, 21), words=(50, 18)),
    (_S.FIN_WAIT_1, _E.FIN_ACKED, _S.FIN_WAIT_2): _route((8, 24), (8, 26), words=(10, 25)),
    (_S.FIN_WAIT_1, _E.GOT_FIN, _S.CLOSING): _route((16, 23), (40, 23), (40, 26), words=(18, 22)),
    (_S.FIN_WAIT_2, _E.GOT_FIN, _S.TIME_WAIT): _route((8, 29), (8, 33), (31, 33), words=(10, 32)),
    (_S.CLOSING, _E.FIN_ACKED, _S.TIME_WAIT): _route((40, 29), (40, 31), words=(38, 30), leftward=True),
    (_S.CLOSE_WAIT, _E.SENT_FIN, _S.LAST_ACK): _route((71, 24), (71, 26), words=(69, 25), leftward=True),
    (_S.LAST_ACK, _E.FIN_ACKED, _S.CLOSED): _route((71, 29), (71, 31), words=(69, 30), leftward=True),
}

#: What the table does not hold, since no segment shows it, or what one segment does at once.
NOTES: Final = (
    "A SYN,ACK brings two events at once, got SYN and SYN acknowledged, and so may a FIN,ACK: FIN acknowledged and "
    "got FIN.",
    "No segment shows a passive OPEN, which leads from CLOSED to LISTEN, nor the end of TIME-WAIT in CLOSED after "
    "2 MSL.",
)


def figure(rows: Iterable[Transition] | None = None) -> Figure:
    """The figure of these rows; of both tables unless given."""
    boxes = [
        Box(state, place, last=number > 0) for state in State for number, place in enumerate(PLACES[state])
    ]
    arrows, groups = [], dict[tuple[Event, State], list[Transition]]()
    for row in transitions() if rows is None else rows:
        route = ROUTES.get((row.before, row.event, row.after))
        if route is None:
            groups.setdefault((row.event, row.after), []).append(row)
        else:
            arrows.append(Arrow(row, route))
    found = (Group(event, after, tuple(members)) for (event, after), members in groups.items())
    return Figure(tuple(boxes), tuple(arrows), tuple(found))


def label(row: Transition) -> str:
    """The event, and for whom it counts."""
    return f"{row.event.value} (passive)" if row.passive else row.event.value


def walkers(row: Transition, walks: Sequence[Walk]) -> tuple[Walk, ...]:
    """Who went through that row."""
    return tuple(walk for walk in walks if walk.numbers(row))


def visitors(box: Box, walks: Sequence[Walk]) -> tuple[Walk, ...]:
    """Who was in that state: of a state drawn twice, who began there, or who came to it."""

    def came(walk: Walk) -> bool:
        return any(box.state in (leg.state, *(row.after for row in leg.moves)) for leg in walk.legs)

    twice = len(PLACES[box.state]) > 1
    return tuple(
        walk
        for walk in walks
        if (walk.start is box.state and not box.last) or (came(walk) and (box.last or not twice))
    )


def mark(walk: Walk, row: Transition) -> str:
    """By which segment an end went through that row: c4, s2; with a + if later once more."""
    numbers = walk.numbers(row)
    if not numbers:
        return ""
    letter = "c" if walk.end is End.CLIENT else "s"
    return f"{letter}{numbers[0]}{'+' if len(numbers) > 1 else ''}"


def path(walk: Walk) -> str:
    """The way as a line: what one segment only led through is in parentheses, what is not proven has a ?."""
    if walk.start is None:
        return "never seen"
    said = str(walk.start)
    for leg in walk.legs:
        said += " →" if leg.moves else " ..."
        said += "".join(f" ({row.after}) →" for row in leg.moves[:-1])
        said += f" {leg.state}"
    return said if walk.proven else f"{said}?"


def legend(walks: Sequence[Walk]) -> str:
    """What the marks and the lines of these ways mean."""
    told = " and ".join(f"{walk.end.value[0]} is the {walk.end}" for walk in walks)
    parts = [f"The number is that of the segment that led there; {told}."]
    if any(len(walk.numbers(row)) > 1 for walk in walks for leg in walk.legs for row in leg.moves):
        parts.append("+: and again later.")
    if any(len(leg.moves) > 1 for walk in walks for leg in walk.legs):
        parts.append("In parentheses: passed through within one segment.")
    if any(walk.start is not None and not walk.proven for walk in walks):
        parts.append("STATE?: expected, no segment has proven it.")
    if any(not leg.moves for walk in walks for leg in walk.legs):
        parts.append("STATE ... STATE: what led there was not seen.")
    return " ".join(parts)
