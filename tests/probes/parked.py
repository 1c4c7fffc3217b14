"""Scripts that go on where a recipe has brought the stack in memory, for the tests of what they tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rawshake.play import Peer, Script, rehearse
from rawshake.probes.grid.block import Block
from rawshake.probes.park import WAYS, Recipe
from rawshake.tcp.state import State
from tests.probes.stack import PORTS, Stack


def played(
    stack: Stack, state: State, then: Callable[[Peer, Block], Script], recipe: Recipe | None = None
) -> Any:
    """What ``then`` gives after ``state`` was reached."""
    way = WAYS[state]

    def script(peer: Peer) -> Script:
        here = yield from (recipe or way.recipe)(peer)
        return (yield from then(peer, here))

    result = rehearse(script, stack, port=PORTS[way.servers[0]]).result
    if result.cause is not None:
        raise result.cause
    return result.value
