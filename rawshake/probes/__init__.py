"""What ``verify`` does to a target: the catalogue of probes, and the grid of states, segments and numbers."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rawshake.probes.model import Probe

#: In the order in which they are shown.
_CHAPTERS: Final[tuple[str, ...]] = ()


@cache
def catalogue() -> tuple[Probe, ...]:
    """All probes. The chapters are loaded when they are first asked for."""
    from rawshake.probes.registry import PROBES

    for chapter in _CHAPTERS:
        importlib.import_module(f"rawshake.probes.{chapter}")
    return tuple(sorted(PROBES.values(), key=lambda entry: _CHAPTERS.index(entry.chapter)))


def chapters() -> tuple[str, ...]:
    """The names of the chapters that have probes, in order."""
    return tuple(dict.fromkeys(entry.chapter for entry in catalogue()))


class UnknownProbe(ValueError):
    """A name that is neither a probe, nor a chapter, nor a scenario; the message has the nearest match."""


def select(wanted: Iterable[str] = (), ignored: Iterable[str] = ()) -> tuple[Probe, ...]:
    """The probes named by id, chapter or scenario (all where none is), less the ignored ones.

    Raises UnknownProbe for a name that is none of them.
    """
    chosen = _matching(wanted) or {entry.id for entry in catalogue()}
    dropped = _matching(ignored)
    return tuple(entry for entry in catalogue() if entry.id in chosen - dropped)


def _matching(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        matching = {one.id for one in catalogue() if name in (one.id, one.chapter, *one.scenarios)}
        if not matching:
            known = [*chapters(), *(one.id for one in catalogue())]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            raise UnknownProbe(f"no probe or chapter is called {name!r}{hint}")
        found |= matching
    return found
