"""The register that every rule enters by its decorator, in the order in which rules charge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, cast

from rawshake.rules.model import CaptureCheck, ExchangeCheck, Level, Rule, Scope, StepCheck, citations

RULES: Final[dict[str, Rule]] = {}

CheckT = TypeVar("CheckT", bound=Callable[..., object])


def rule(
    name: str,
    cites: str,
    level: Level,
    *,
    scope: Scope = Scope.STEP,
    near: bool = False,
    undisturbed: bool = False,
    corrupt: bool = False,
) -> Callable[[CheckT], CheckT]:
    """Enter a check as the rule ``name``; the chapter is the module that defines it.

    ``cites`` lists clauses as "RFC 9293 3.7.1 MUST-14; RFC 6691 2".
    """
    clauses = citations(cites)

    def enter(check: CheckT) -> CheckT:
        if name in RULES:
            raise ValueError(f"two rules are called {name}")
        chapter = check.__module__.rpartition(".")[2]
        entry = cast(StepCheck | ExchangeCheck | CaptureCheck, check)
        RULES[name] = Rule(name, chapter, clauses, level, scope, entry, near, undisturbed, corrupt)
        return check

    return enter
