"""Several verify reports side by side: what differs between the stacks first, and what is the same counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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


def compared(names: Sequence[str], runs: Sequence[StoredRun], options: Options) -> str:
    """A row for each probe on which the stacks differ, with ``verbose`` for all; then the counts of each stack.

    ``names`` are those of the stacks, in the order of ``runs``. A note differs where its sentences do.
    """
    tables = [{one.id: one for one in run.results} for run in runs]
    ids = list(dict.fromkeys(name for table in tables for name in table))
    rows = [(name, [table.get(name) for table in tables]) for name in ids]
    differing = [row for row in rows if len({_told(one) for one in row[1]}) > 1]
    same = [row for row in rows if row not in differing]
    column = max(_NARROWEST, min(14, max(map(len, names)) + 2))
    width = max(24, options.columns - column * len(names))
    lines = [_head("differs", names, width, column, options)]
    lines += [_row(name, found, width, column) for name, found in differing]
    if options.verbose:
        lines += [[], _head("the same", names, width, column, options)]
        lines += [_row(name, found, width, column) for name, found in same]
    lines.append([])
    lines += _totals(tables, width, column)
    cells = sum(any(one is not None and one.chapter == CHAPTER for one in found) for _, found in differing)
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


def _row(name: str, found: Iterable[Stored | None], width: int, column: int) -> list[Span]:
    spans = [Span(f"{fit(name, width - 1):<{width}}")]
    for one in found:
        if one is None:
            spans.append(Span(f"{MISSING:<{column}}", style.DIM))
        else:
            spans.append(Span(f"{fit(one.verdict.value, column - 1):<{column}}", OF_VERDICT[one.verdict]))
    return spans


def _totals(tables: Sequence[dict[str, Stored]], width: int, column: int) -> Iterator[list[Span]]:
    counts = [Counter(one.verdict for one in table.values()) for table in tables]
    for verdict in Verdict:
        if any(count[verdict] for count in counts):
            spans = [Span(f"{verdict.value:<{width}}", OF_VERDICT[verdict])]
            spans += [Span(f"{count[verdict] or '':<{column}}") for count in counts]
            yield spans
