"""The grid of a stored report as a page: the heat map, and for each cell what was told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rawshake.html.heatmap import columns, lettered, rows, voids
from rawshake.html.palette import SIGNS
from rawshake.html.shell import document
from rawshake.render.text import plural
from rawshake.render.verify_json import Stored
from rawshake.rules.model import Verdict


def page(target: str, cells: Sequence[Stored]) -> str:
    """The page; ``target`` as it was called, ``cells`` are those of its results that are of the grid."""
    letters, signs = lettered({one.id: one.notes for one in cells if one.verdict is Verdict.NOTE})
    counts = Counter(one.verdict for one in cells)
    return document(
        "grid.html",
        title=f"The grid of {target}",
        css=["verdicts.css", "heatmap.css"],
        js=["heatmap.js", "grid.js"],
        data={"told": [_told(one) for one in cells]},
        total=plural(len(cells), "cell"),
        counts=counts,
        verdicts=[verdict for verdict in Verdict if counts[verdict]],
        numbers={one.id: number for number, one in enumerate(cells)},
        columns=columns(),
        rows=rows({one.id: one.verdict for one in cells}, signs),
        voids=voids(),
        letters=letters,
        signs=SIGNS,
    )


def _told(one: Stored) -> list[str]:
    return [*one.notes, *([f"answer: {one.answer}"] if one.answer else [])]
