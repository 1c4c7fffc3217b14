"""The rule book: every rule in the order in which it may charge, the specific before the general."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from typing import Final

from rawshake.rules.model import Rule
from rawshake.rules.registry import RULES

#: In the order in which they charge: ``sequence`` says of any segment what the others know more exactly.
_CHAPTERS: Final = (
    "header",
    "options",
    "handshake",
    "refusal",
    "reset",
    "close",
    "acceptance",
    "acknowledgment",
    "sequence",
    "windows",
)

for _chapter in _CHAPTERS:
    importlib.import_module(f"rawshake.rules.{_chapter}")


def book() -> tuple[Rule, ...]:
    """All rules."""
    return tuple(RULES.values())


def chapters() -> tuple[str, ...]:
    """The names of the chapters that have rules, in order."""
    return tuple(dict.fromkeys(entry.chapter for entry in RULES.values()))


class UnknownRule(ValueError):
    """A name that is neither a rule nor a chapter; the message has the nearest match."""


def select(wanted: Iterable[str] = (), ignored: Iterable[str] = ()) -> tuple[Rule, ...]:
    """The rules named by id or chapter (all where none is), less the ignored ones.

    Raises UnknownRule for a name that is neither.
    """
    chosen = _matching(wanted) or set(RULES)
    dropped = _matching(ignored)
    return tuple(entry for name, entry in RULES.items() if name in chosen - dropped)


def _matching(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    known = [*chapters(), *RULES]
    for name in names:
        matching = {entry.id for entry in RULES.values() if name in (entry.id, entry.chapter)}
        if not matching:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            raise UnknownRule(f"no rule or chapter is called {name!r}{hint}")
        found |= matching
    return found
