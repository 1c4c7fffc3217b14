"""What ``verify`` does to a target: the catalogue of probes, and the grid of states, segments and numbers."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rawshake.probes.model import Probe

#: In the order in which they are shown.
CHAPTERS: Final = (
    "establishment",
    "teardown",
    "reset",
    "timewait",
    "acceptance",
    "header",
    "options",
    "retransmission",
    "window",
    "data",
)


@cache
def catalogue() -> tuple[Probe, ...]:
    """All probes, chapter by chapter. The modules of the chapters are found, and loaded when first asked for."""
    from rawshake.probes import chapters as package
    from rawshake.probes.registry import PROBES

    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return tuple(sorted(PROBES.values(), key=lambda entry: CHAPTERS.index(entry.chapter)))


def chapter_names() -> tuple[str, ...]:
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
            known = [*chapter_names(), *(one.id for one in catalogue())]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            raise UnknownProbe(f"no probe or chapter is called {name!r}{hint}")
        found |= matching
    return found
