"""Several verify reports side by side: what differs between the stacks first, and what is the same counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.probes.gridprobes import CHAPTER
from rawshake.render import style
from rawshake.render.options import Options
from rawshake.render.style import OF_VERDICT, Span, paint
from rawshake.render.text import fit, plural, safe
from rawshake.render.verify_json import Stored, StoredRun
from rawshake.rules.model import Verdict

#: What stands for a probe that a report does not have.
MISSING: Final = "-"
_NARROWEST: Final = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One probe, and what each report has of it: None where it was not run."""

    id: str
    found: tuple[Stored | None, ...]

    @property
    def differs(self) -> bool:
        """Whether the stacks do; a note differs where its sentences do."""
        return len(set(map(_told, self.found))) > 1

    @property
    def is_cell(self) -> bool:
        """Whether it is a cell of the grid."""
        return any(one is not None and one.chapter == CHAPTER for one in self.found)


def rows_of(runs: Sequence[StoredRun]) -> tuple[Row, ...]:
    """A row for each probe that any of the reports has, in their order."""
    tables = [{one.id: one for one in run.results} for run in runs]
    ids = dict.fromkeys(name for table in tables for name in table)
    return tuple(Row(name, tuple(table.get(name) for table in tables)) for name in ids)


def compared(names: Sequence[str], runs: Sequence[StoredRun], options: Options) -> str:
    """A row for each probe on which the stacks differ, with ``verbose`` for all; then the counts of each stack.

    ``names`` are those of the stacks, in the order of ``runs``.
    """
    rows = rows_of(runs)
    differing = [row for row in rows if row.differs]
    column = max(_NARROWEST, min(14, max(map(len, names)) + 2))
    width = max(24, options.columns - column * len(names))
    lines = [_head("differs", names, width, column, options)]
    lines += [_row(row, width, column) for row in differing]
    if options.verbose:
        lines += [[], _head("the same", names, width, column, options)]
        lines += [_row(row, width, column) for row in rows if not row.differs]
    lines.append([])
    lines += _totals(runs, width, column)
    cells = sum(row.is_cell for row in differing)
    text = f"{plural(len(differing), 'probe')} of {len(rows)} differ, {cells} of them cells of the grid."
    lines += [[], [Span(text)]]
    return "".join(paint(line, colour=options.colour) + "\n" for line in lines)


def _told(one: Stored | None) -> tuple[str, tuple[str, ...]]:
    if one is None:
        return MISSING, ()
    # What exactly failed differs by its numbers each time; which choice was made does not.
    return one.verdict.value, one.notes if one.verdict is Verdict.NOTE else ()


def _head(title: str, names: Sequence[str], width: int, column: int, options: Options) -> list[Span]:
    shown = "".join(f"{fit(safe(name, ascii_only=options.ascii), column - 1):<{column}}" for name in names)
    return [Span(f"{title:<{width}}", style.DIM), Span(shown, style.BOLD)]


def _row(row: Row, width: int, column: int) -> list[Span]:
    spans = [Span(f"{fit(row.id, width - 1):<{width}}")]
    for one in row.found:
        if one is None:
            spans.append(Span(f"{MISSING:<{column}}", style.DIM))
        else:
            spans.append(Span(f"{fit(one.verdict.value, column - 1):<{column}}", OF_VERDICT[one.verdict]))
    return spans


def _totals(runs: Sequence[StoredRun], width: int, column: int) -> Iterator[list[Span]]:
    counts = [Counter(one.verdict for one in run.results) for run in runs]
    for verdict in Verdict:
        if any(count[verdict] for count in counts):
            spans = [Span(f"{verdict.value:<{width}}", OF_VERDICT[verdict])]
            spans += [Span(f"{count[verdict] or '':<{column}}") for count in counts]
            yield spans
