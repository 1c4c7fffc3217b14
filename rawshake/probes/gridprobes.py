"""The cells of the grid as probes, so that they are chosen, run and reported as all others are."""

from __future__ import annotations

from functools import cache
from typing import Final

from rawshake.probes.cell import script_of
from rawshake.probes.grid.cells import Cell, live_cells
from rawshake.probes.model import Probe, Server
from rawshake.probes.park import WAYS
from rawshake.rules.model import Citation, Level
from rawshake.tcp.state import State

#: The name of their chapter.
CHAPTER: Final = "grid"

_CLAUSE: Final = {State.CLOSED: "3.10.7.1", State.LISTEN: "3.10.7.2", State.SYN_SENT: "3.10.7.3"}


@cache
def probe_of(cell: Cell, server: Server) -> Probe:
    """The probe that runs ``cell`` at a ``server`` of one of the kinds that lead to its state."""
    return Probe(
        id=cell.id,
        chapter=CHAPTER,
        scenarios=(),
        citations=(Citation("RFC 9293", _CLAUSE.get(cell.state, "3.10.7.4")),),
        level=Level.PROCEDURE,
        script=script_of(cell, unknown=server is Server.OPEN),
        server=server,
        holds=WAYS[cell.state].holds,
    )


def grid(servers: frozenset[Server]) -> tuple[Probe, ...]:
    """All cells. Each at the first kind of server leading there that is among ``servers``, else at the first of all."""
    found = []
    for cell in live_cells():
        fitting = [server for server in WAYS[cell.state].servers if server in servers]
        found.append(probe_of(cell, (fitting or WAYS[cell.state].servers)[0]))
    return tuple(found)
