"""What the stack in memory does only for a while, or only so often: TIME-WAIT, and challenge ACKs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rawshake.probes.grid.answers import Reply
from rawshake.probes.grid.block import Arrival
from rawshake.tcp.segment import Flags
from rawshake.tcp.state import State

SECOND: Final = 1_000_000_000
#: RFC 9293 3.4.2: "we assume that MSL is 2 minutes".
TWO_MSL: Final = 240 * SECOND
#: RFC 5961 section 7: "an implementation could [...] send no more than 10 in any 5 second window".
CHALLENGES: Final = 10
CHALLENGE_TIME: Final = 5 * SECOND


@dataclass
class Limits:
    """Those of one connection; times in ns."""

    two_msl: int = TWO_MSL
    since: int | None = None
    challenges: list[int] = field(default_factory=list)

    def expired(self, now: int) -> bool:
        """Whether its TIME-WAIT is over."""
        return self.since is not None and now - self.since >= self.two_msl

    def came_to(self, before: State, state: State, arrival: Arrival, now: int) -> None:
        """3.10.7.4, eighth: TIME-WAIT "restart[s] the 2 MSL time-wait timeout" at a FIN."""
        if state is not State.TIME_WAIT:
            self.since = None
        elif before is not state or arrival.fin:
            self.since = now

    def withholds(self, arrival: Arrival, reply: Reply | None, now: int) -> bool:
        """Whether ``reply`` would be a challenge too many."""
        if reply is None or reply.flags != Flags.ACK or not (arrival.syn or arrival.rst):
            return False
        self.challenges = [one for one in self.challenges if now - one < CHALLENGE_TIME]
        if len(self.challenges) >= CHALLENGES:
            return True
        self.challenges.append(now)
        return False
