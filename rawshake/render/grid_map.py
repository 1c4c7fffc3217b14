"""The grid drawn: a block for each state, a row for each kind of segment, a column for each place of SEQ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from rawshake.probes.grid.cells import WINDOWLESS, AckPlace, Cell, Kind, SeqPlace, live_cells, void
from rawshake.render import style
from rawshake.render.options import Options
from rawshake.render.style import OF_VERDICT, Span, paint
from rawshake.render.text import safe, wrap
from rawshake.render.verify_json import Stored
from rawshake.rules.model import Verdict
from rawshake.tcp.state import State

_MARKS: Final = {
    Verdict.PASS: "+",
    Verdict.FAIL: "F",
    Verdict.ERROR: "E",
    Verdict.WARN: "W",
    Verdict.KNOWN: "K",
    Verdict.INCONCLUSIVE: "?",
    Verdict.SKIPPED: "s",
}
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_COLUMN: Final = 8


def grid_map(results: Sequence[Stored], options: Options) -> str:
    """All states; what did not pass is told beneath, notes by their letters."""
    found = {one.id: one for one in results}
    letters = _lettered(results)
    lines: list[list[Span]] = []
    for state in State:
        lines += [*_block(state, found, letters), []]
    lines += _legend(letters, options)
    lines += _failed(results, options)
    return "".join(paint(line, colour=options.colour) + "\n" for line in lines)


def _lettered(results: Iterable[Stored]) -> dict[str, str]:
    """A letter for each note, the most frequent first."""
    counts: dict[str, int] = {}
    for one in results:
        if one.verdict is Verdict.NOTE:
            for note in one.notes:
                counts[note] = counts.get(note, 0) + 1
    ordered = sorted(counts, key=lambda note: -counts[note])
    return {note: _LETTERS[at] if at < len(_LETTERS) else "*" for at, note in enumerate(ordered)}


def _block(state: State, found: Mapping[str, Stored], letters: Mapping[str, str]) -> Iterator[list[Span]]:
    windowless = state in WINDOWLESS
    heads = ["any"] if windowless else [str(place) for place in SeqPlace]
    yield [
        Span(f"{state!s:24}", style.BOLD),
        Span("".join(f"{head:{_COLUMN}}" for head in heads), style.DIM),
    ]
    places: tuple[SeqPlace | None, ...] = (None,) if windowless else tuple(SeqPlace)
    for kind in Kind:
        acks: tuple[AckPlace | None, ...] = tuple(AckPlace) if kind.has_ack else (None,)
        if void(Cell(state, kind, None, acks[0])):
            acks = (None,)
        for ack in acks:
            name = str(kind) if ack is None else f"{kind} ack {ack}"
            row = [Span(f"  {name:22}")]
            row += [_mark(found.get(Cell(state, kind, place, ack).id), letters) for place in places]
            yield row


def _mark(one: Stored | None, letters: Mapping[str, str]) -> Span:
    if one is None:
        return Span(f"{'.':{_COLUMN}}", style.DIM)
    if one.verdict is Verdict.NOTE:
        text = "".join(letters[note] for note in one.notes)
    else:
        text = _MARKS[one.verdict]
    return Span(f"{text:{_COLUMN}}", OF_VERDICT[one.verdict])


def _legend(letters: Mapping[str, str], options: Options) -> Iterator[list[Span]]:
    yield [Span("+ as RFC 9293 has it, F not, ? could not be told, s skipped, . not run", style.DIM)]
    for note, letter in letters.items():
        first, *rest = wrap(safe(note, ascii_only=options.ascii), options.columns - 2)
        yield [Span(f"{letter} ", OF_VERDICT[Verdict.NOTE]), Span(first)]
        yield from ([Span(f"  {row}")] for row in rest)


def _failed(results: Iterable[Stored], options: Options) -> Iterator[list[Span]]:
    for one in results:
        if one.verdict in (Verdict.FAIL, Verdict.ERROR):
            yield []
            yield [Span(f"{one.verdict!s:5}", OF_VERDICT[one.verdict]), Span(f" {one.id}", style.BOLD)]
            for note in one.notes:
                for row in wrap(safe(note, ascii_only=options.ascii), options.columns - 6):
                    yield [Span(f"      {row}")]


#: Every cell of a report has one of these names.
NAMES: Final = frozenset(cell.id for cell in live_cells())
