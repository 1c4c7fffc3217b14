"""The register that every probe enters by its decorator."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from rawshake.probes.model import Holds, Probe, ProbeFunction, Server
from rawshake.probes.scenarios import SCENARIOS
from rawshake.rules.model import Level, citations

PROBES: Final[dict[str, Probe]] = {}

_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
FunctionT = TypeVar("FunctionT", bound=ProbeFunction)


def probe(
    name: str,
    scenarios: str,
    cites: str,
    level: Level,
    *,
    rules: str = "",
    server: Server = Server.OPEN,
    also: tuple[Server, ...] = (),
    holds: Holds = Holds.ACCEPTED,
    slow: bool = False,
    alone: bool = False,
    patience: float = 30.0,
) -> Callable[[FunctionT], FunctionT]:
    """Enter a script as the probe ``name``; the chapter is the module that defines it, up to a "_" in its name.

    ``scenarios`` lists those of the catalogue as "E01 E02", ``cites`` clauses as "RFC 9293 3.7.1 MUST-14; RFC 6691 2",
    ``rules`` ids of requirements as "synack-form fin-acked". ``level`` says how grave an expectation is that is not
    met. ``patience`` is how many seconds it may take, at most.
    """
    if not _ID.fullmatch(name):
        raise ValueError(f"not an id: {name!r}")
    named = tuple(scenarios.split())
    for scenario in named:
        if scenario not in SCENARIOS:
            raise ValueError(f"not a scenario: {scenario!r}")
    if not named:
        raise ValueError(f"{name} cites no scenario")
    clauses = citations(cites)

    def enter(script: FunctionT) -> FunctionT:
        if name in PROBES:
            raise ValueError(f"two probes are called {name}")
        PROBES[name] = Probe(
            id=name,
            chapter=script.__module__.rpartition(".")[2].partition("_")[0],
            scenarios=named,
            citations=clauses,
            level=level,
            script=script,
            server=server,
            also=also,
            rules=tuple(rules.split()),
            holds=holds,
            slow=slow,
            alone=alone,
            patience=patience,
        )
        return script

    return enter
