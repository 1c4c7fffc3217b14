"""The rule book: every rule in the order in which it may charge, the specific before the general."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from functools import cache
from typing import Final

from rawshake.rules.model import Rule
from rawshake.rules.registry import RULES

#: In the order in which they charge: ``sequence`` says of any segment what the others know more exactly.
_CHAPTERS: Final = (
    "header",
    "options",
    "mss",
    "handshake",
    "refusal",
    "reset",
    "close",
    "acceptance",
    "acknowledgment",
    "sequence",
    "windows",
    "timestamps",
    "sack",
    "ecn",
    "halfclose",
    "keepalive",
    "timewait",
    "isn",
    "replies",
    "delayed_ack",
    "retransmission",
    "giving_up",
    "persist",
    "sending",
)


@cache
def book() -> tuple[Rule, ...]:
    """All rules. The chapters are loaded when they are first asked for, in whatever order they were before."""
    for chapter in _CHAPTERS:
        importlib.import_module(f"rawshake.rules.{chapter}")
    return tuple(sorted(RULES.values(), key=lambda entry: _CHAPTERS.index(entry.chapter)))


def chapters() -> tuple[str, ...]:
    """The names of the chapters that have rules, in order."""
    return tuple(dict.fromkeys(entry.chapter for entry in book()))


class UnknownRule(ValueError):
    """A name that is neither a rule nor a chapter; the message has the nearest match."""


def select(wanted: Iterable[str] = (), ignored: Iterable[str] = ()) -> tuple[Rule, ...]:
    """The rules named by id or chapter (all where none is), less the ignored ones.

    Raises UnknownRule for a name that is neither.
    """
    chosen = _matching(wanted) or {entry.id for entry in book()}
    dropped = _matching(ignored)
    return tuple(entry for entry in book() if entry.id in chosen - dropped)


def _matching(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    known = [*chapters(), *(entry.id for entry in book())]
    for name in names:
        matching = {entry.id for entry in book() if name in (entry.id, entry.chapter)}
        if not matching:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            raise UnknownRule(f"no rule or chapter is called {name!r}{hint}")
        found |= matching
    return found
