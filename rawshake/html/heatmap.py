"""The grid as one picture: a row for each kind of segment and place of ACK, columns for each state's places of SEQ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.html.palette import SIGNS
from rawshake.probes.grid.cells import (
    WINDOWLESS,
    AckPlace,
    Cell,
    Kind,
    SeqPlace,
    live_cells,
    product_cells,
    void,
)
from rawshake.rules.model import Verdict
from rawshake.tcp.state import State

#: What stands for the notes of cells, the most frequent first; further ones share the last sign.
LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
MORE: Final = "*"


@dataclass(frozen=True, slots=True)
class Column:
    """One place of SEQ in one state; ``place`` None where there is no window."""

    state: State
    place: SeqPlace | None


@dataclass(frozen=True, slots=True)
class Square:
    """One cell as it is drawn at row ``y`` and column ``x``, from 0, over ``rows`` rows.

    ``sign`` is empty where it was not run.
    """

    cell: Cell
    x: int
    y: int
    rows: int
    verdict: Verdict | None
    sign: str


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of segment with a place of its ACK; ``rows`` that the kind takes, 0 where another row has named it."""

    kind: Kind
    ack: AckPlace | None
    rows: int
    squares: tuple[Square, ...]


@dataclass(frozen=True, slots=True)
class Void:
    """The cells of a state that have no meaning, and why."""

    state: State
    count: int
    why: str


def columns() -> tuple[Column, ...]:
    """All columns, from left to right."""
    return tuple(
        Column(state, place)
        for state in State
        for place in ((None,) if state in WINDOWLESS else tuple(SeqPlace))
    )


def rows(verdicts: Mapping[str, Verdict], signs: Mapping[str, str]) -> tuple[Row, ...]:
    """All rows, by the ids of cells; ``signs`` has those of cells with notes."""
    found = []
    y = 0
    for kind in Kind:
        acks: tuple[AckPlace | None, ...] = tuple(AckPlace) if kind.has_ack else (None,)
        for at, ack in enumerate(acks):
            squares = tuple(_squares(kind, ack, len(acks), y, verdicts, signs))
            found.append(Row(kind, ack, 0 if at else len(acks), squares))
            y += 1
    return tuple(found)


def _squares(
    kind: Kind,
    ack: AckPlace | None,
    acks: int,
    y: int,
    verdicts: Mapping[str, Verdict],
    signs: Mapping[str, str],
) -> Iterator[Square]:
    for x, column in enumerate(columns()):
        cell = Cell(column.state, kind, column.place, ack)
        height = 1
        if void(cell):
            # Nothing was sent that could be acknowledged: one cell stands for all places of ACK.
            if ack is not AckPlace.BELOW:
                continue
            cell, height = Cell(column.state, kind, column.place), acks
        verdict = verdicts.get(cell.id)
        sign = "" if verdict is None else signs.get(cell.id, SIGNS.get(verdict, ""))
        yield Square(cell, x, y, height, verdict, sign)


def voids() -> tuple[Void, ...]:
    """What of the full product of states, kinds and places is void, state by state."""
    found = []
    for state in (state for state in State if state in WINDOWLESS):
        product = [cell for cell in product_cells() if cell.state is state]
        live = sum(cell.state is state for cell in live_cells())
        bare = (Cell(state, cell.kind, None, cell.ack) for cell in product)
        whys = dict.fromkeys(filter(None, map(void, (*product, *bare))))
        found.append(Void(state, len(product) - live, " ".join(whys)))
    return tuple(found)


def lettered(notes: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], dict[str, str]]:
    """A letter for each sentence, the most frequent first; and by cell, the letters of its sentences."""
    counts: dict[str, int] = {}
    for sentences in notes.values():
        for one in sentences:
            counts[one] = counts.get(one, 0) + 1
    ordered = sorted(counts, key=lambda one: -counts[one])
    letters = {one: LETTERS[at] if at < len(LETTERS) else MORE for at, one in enumerate(ordered)}
    return letters, {
        cell: "".join(letters[one] for one in sentences) for cell, sentences in notes.items() if sentences
    }
