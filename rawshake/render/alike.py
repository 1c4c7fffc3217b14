"""Which results of ``verify`` tell the same: one fault shows in many probes, and is told once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.probes.gridprobes import CHAPTER
from rawshake.probes.model import Check
from rawshake.probes.result import Result
from rawshake.rules.model import Verdict
from rawshake.tcp.state import State

#: In the order in which they are told.
TOLD: Final = (Verdict.ERROR, Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE)
_STATES: Final = "|".join(sorted((re.escape(state.value) for state in State), key=len, reverse=True))
_SHAPE: Final = re.compile(rf"(?P<state>{_STATES})|\d+")


@dataclass(frozen=True, slots=True)
class Group:
    """Results that tell the same, the first of which is told in full; ``clause`` is what they are about."""

    verdict: Verdict
    clause: str
    results: tuple[Result, ...]

    @property
    def first(self) -> Result:
        return self.results[0]

    @property
    def ways(self) -> tuple[tuple[Check, tuple[Result, ...]], ...]:
        """The different ways in which they fail, each with its first check and with those that fail so."""
        found: dict[object, tuple[Check, list[Result]]] = {}
        for one in self.results:
            if one.telling:
                way = _way(one.telling)
                found.setdefault(way, (one.telling[0], []))[1].append(one)
        return tuple((check, tuple(results)) for check, results in found.values())


def groups(results: Iterable[Result], verdict: Verdict) -> list[Group]:
    """The results of that verdict, those together that break one clause in one way, whatever state and numbers.

    Cells of the grid stand together where one check of RFC 9293 3.10.7 decides: that is mended in one place.
    """
    found: dict[object, list[Result]] = {}
    for one in results:
        if one.verdict is verdict:
            found.setdefault((clause_of(one), _cause(one)), []).append(one)
    return [Group(verdict, clause_of(alike[0]), tuple(alike)) for alike in found.values()]


def clause_of(result: Result) -> str:
    """What it is about: of a cell the check that decides, else the first clause that the probe cites."""
    deciding = result.deciding
    if deciding is not None and deciding.played is not None:
        return f"RFC 9293 {deciding.played.ruling.nearest.outcome.clause}"
    return str(result.probe.citations[0])


def _cause(result: Result) -> object:
    if not result.telling:
        return result.reason or result.probe.id
    deciding = result.deciding
    if result.probe.chapter == CHAPTER and deciding is not None and deciding.played is not None:
        return deciding.played.arrival.has_ack
    return _way(result.telling)


def _way(checks: Sequence[Check]) -> tuple[object, ...]:
    """What differs, whatever the states and numbers."""
    return tuple(
        (one.field, _shape(one.expected), _shape(one.actual), "" if one.field else _shape(one.sentence))
        for one in checks
    )


def _shape(text: str) -> str:
    return _SHAPE.sub(lambda match: "STATE" if match["state"] else "#", text)


def braced(names: Sequence[str]) -> dict[str, str]:
    """Names of cells with what they share written once, ``CLOSING/{ACK,data}/right``, each with the first so named.

    Other names stay as they are.
    """
    cells: dict[tuple[tuple[str, ...], ...], None] = {
        tuple((part,) for part in name.split("/")): None for name in names
    }
    most = max((len(cell) for cell in cells), default=0)
    for place in reversed(range(1, most)):
        merged: dict[object, list[tuple[tuple[str, ...], ...]]] = {}
        for cell in cells:
            rest = (*cell[:place], *cell[place + 1 :], len(cell)) if place < len(cell) else cell
            merged.setdefault(rest, []).append(cell)
        cells = {_merged(alike, place): None for alike in merged.values()}
    return {"/".join(map(_alternatives, cell)): "/".join(part[0] for part in cell) for cell in cells}


def _alternatives(part: tuple[str, ...]) -> str:
    return part[0] if len(part) == 1 else f"{{{','.join(part)}}}"


def _merged(cells: Sequence[tuple[tuple[str, ...], ...]], place: int) -> tuple[tuple[str, ...], ...]:
    first = cells[0]
    if len(cells) == 1:
        return first
    parts = dict.fromkeys(part for cell in cells for part in cell[place])
    return (*first[:place], tuple(parts), *first[place + 1 :])
