"""Reports of several stacks as a page: probes x stacks, what differs first, each verdict with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.html.shell import document
from rawshake.render.compared import Row, rows_of
from rawshake.render.text import plural
from rawshake.render.verify_json import Stored, StoredRun
from rawshake.rules.model import Verdict

#: Rows come in the order of the first of these that any stack came to.
_GRAVEST: Final = (
    Verdict.ERROR,
    Verdict.FAIL,
    Verdict.WARN,
    Verdict.INCONCLUSIVE,
    Verdict.KNOWN,
    Verdict.NOTE,
    Verdict.SKIPPED,
    Verdict.PASS,
)


@dataclass(frozen=True, slots=True)
class Mark:
    """What one stack came to: ``word`` is its verdict, numbered where notes of a row differ; none if it was not run.

    ``reason`` is the number of what is told of it among all reasons of the page.
    """

    verdict: Verdict | None
    word: str
    reason: int


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the matrix; ``verdicts`` are what a filter looks for."""

    id: str
    chapter: str
    summary: str
    marks: tuple[Mark, ...]
    verdicts: str
    words: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A column: what the user called it, the target as it was called, and its totals."""

    name: str
    target: str
    counts: Counter[Verdict]


def page(names: Sequence[str], runs: Sequence[StoredRun]) -> str:
    """The page; ``names`` are those of the stacks, in the order of ``runs``."""
    rows = rows_of(runs)
    reasons: dict[str, int] = {}
    differing = [_line(row, reasons) for row in sorted((row for row in rows if row.differs), key=_gravity)]
    same = [_line(row, reasons) for row in rows if not row.differs]
    stacks = [
        Stack(name, run.target, Counter(one.verdict for one in run.results))
        for name, run in zip(names, runs, strict=True)
    ]
    return document(
        "matrix.html",
        title=f"{plural(len(runs), 'TCP stack')} side by side" if len(runs) > 1 else f"TCP of {names[0]}",
        css=["verdicts.css", "matrix.css"],
        js=["filter.js", "matrix.js"],
        data={"reasons": list(reasons)},
        stacks=stacks,
        differing=differing,
        same=same,
        reasons=list(reasons),
        total=len(rows),
        cells=sum(row.is_cell for row in rows if row.differs),
        verdicts=[verdict for verdict in Verdict if any(stack.counts[verdict] for stack in stacks)],
        chapters=list(dict.fromkeys(line.chapter for line in (*differing, *same))),
        agreed=Counter(line.marks[0].verdict for line in same),
        plural=plural,
    )


def _gravity(row: Row) -> int:
    return min((_GRAVEST.index(one.verdict) for one in row.found if one is not None), default=len(_GRAVEST))


def _line(row: Row, reasons: dict[str, int]) -> Line:
    known = next(one for one in row.found if one is not None)
    notes = list(
        dict.fromkeys(one.notes for one in row.found if one is not None and one.verdict is Verdict.NOTE)
    )
    marks = []
    for one in row.found:
        word = "" if one is None else one.verdict.value
        if one is not None and one.verdict is Verdict.NOTE and len(notes) > 1:
            word += f" {notes.index(one.notes) + 1}"
        marks.append(
            Mark(None if one is None else one.verdict, word, reasons.setdefault(_reason(one), len(reasons)))
        )
    words = [row.id, known.summary, *(note for one in row.found if one is not None for note in one.notes)]
    return Line(
        row.id,
        known.chapter,
        known.summary,
        tuple(marks),
        " ".join(_unique(one.verdict.value for one in row.found if one is not None)),
        " ".join(_unique(words)).lower(),
    )


def _unique(words: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(words)


def _reason(one: Stored | None) -> str:
    """Why, in lines."""
    if one is None:
        return "Not in this report."
    told = list(one.notes)
    if one.answer and not any(one.answer in note for note in told):
        told.append(f"Answer: {one.answer}")
    return "\n".join(told)
