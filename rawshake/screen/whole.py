"""Rules over a whole capture: what columns decide of clean connections, and of which the rules are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rawshake.judge import CaptureJudge, Ruling
from rawshake.rules.isn import CLOCK, ENOUGH, HALF_ROUND, LONG, SECOND, STEP
from rawshake.rules.model import Outcome, Rule, Scope
from rawshake.rules.opening import Host, Opening, Others
from rawshake.screen.openings import Hosts, Look, Openings, Tuples
from rawshake.tcp.seq import HALF, SPACE
from rawshake.tcp.view import End

Column = NDArray[Any]

#: Whether a rule holds, of each row, and whether the rule itself has to be asked; else it has nothing to say.
Decided = tuple[Column, Column]


@dataclass(slots=True, eq=False, repr=False)
class Asking:
    """Openings of clean connections, and what was before them: ``old`` where ``known`` says that there is any.

    ``count``, ``gap`` (ns) and ``apart`` are of the first two in time of the host's last openings, and of how many.
    """

    batch: Openings
    known: Column
    old: Openings
    count: Column
    gap: Column
    apart: Column
    irregular: Column


def _unrelated(one: Asking) -> Decided:
    silent = (one.count < ENOUGH) | (one.gap > LONG)
    far = one.apart > STEP + one.gap * CLOCK // SECOND
    return ~one.irregular & ~silent & far, one.irregular | (~silent & ~far)


def _clock(one: Asking) -> Decided:
    elapsed = one.batch.time - one.old.time
    risen = (one.batch.isn - one.old.isn) % SPACE
    holds = one.known & (elapsed > 0) & (elapsed <= HALF_ROUND) & (risen > 0) & (risen < HALF)
    return holds, one.known & ~holds


def _reopened(one: Asking) -> Decided:
    batch, old = one.batch, one.old
    waits = one.known & old.waits & (old.nxt >= 0) & (old.server == batch.server)
    waits &= (old.isn - batch.isn) % SPACE >= HALF
    above = (batch.isn - old.nxt) % SPACE < HALF
    return waits & above, waits & ~above


def _answered(one: Asking) -> Decided:
    nothing = np.zeros(len(one.batch), bool)
    return nothing, nothing


def _asked(one: Asking) -> Decided:
    return np.zeros(len(one.batch), bool), np.ones(len(one.batch), bool)


#: What the normal form makes of each.
DECIDES: Final[dict[str, Callable[[Asking], Decided]]] = {
    "isn-differs-across-tuples": _unrelated,
    "isn-clock-same-tuple": _clock,
    "timewait-syn-reopen": _reopened,
    "syn-r2-three-minutes": _answered,
}


class _Beside(Others):
    """What was before one connection, by the end whose opening is asked about."""

    def __init__(self, tuples: Mapping[End, Opening | None], hosts: Mapping[End, Host | None]) -> None:
        super().__init__()
        self._before = tuples
        self._host = hosts

    def earliest(self, opening: Opening) -> tuple[int, Opening, Opening]:
        host = self._host[opening.end]
        if host is None:
            return 1, opening, opening
        return host.earliest(opening, alone=self._before[opening.end] is None)

    def run(self, opening: Opening) -> list[Opening]:
        host = self._host[opening.end]
        return [opening] if host is None else host.run(opening)

    def of_tuple(self, opening: Opening) -> Opening | None:
        return self._before[opening.end]


class Whole:
    """Judges how connections were opened beside all others, many at a time, in the order in which they ended."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = [entry for entry in rules if entry.scope is Scope.CAPTURE]
        self._judge = CaptureJudge(self.rules)
        self._tuples = Tuples()
        self._hosts = {End.CLIENT: Hosts(), End.SERVER: Hosts()}
        self._rows = self._at = self._before = np.zeros(0, np.int64)
        self._old: Openings | None = None

    def take(self, batch: Openings) -> tuple[Column, Column]:
        """Of each row of the batch the rules that hold, as bits in their order, and whether they are to be asked."""
        count = len(batch)
        held, ask = np.zeros(count, np.int64), np.zeros(count, bool)
        self._old, self._before = self._tuples.before(batch)
        asking = Asking(
            batch,
            self._before >= 0,
            self._old.take(self._before),
            count=np.zeros(count, np.int64),
            gap=np.zeros(count, np.int64),
            apart=np.zeros(count, np.int64),
            irregular=np.zeros(count, bool),
        )
        self._at = np.zeros(count, np.int64)
        for server, hosts in ((False, self._hosts[End.CLIENT]), (True, self._hosts[End.SERVER])):
            mine = np.flatnonzero(batch.server == server)
            self._at[mine] = np.arange(len(mine))
            if len(mine):
                _fill(asking, mine, hosts.look(batch.take(mine)))
        for bit, entry in enumerate(self.rules):
            holds, unsure = DECIDES.get(entry.id, _asked)(asking)
            held |= holds.astype(np.int64) << bit
            ask |= unsure
        return held, ask

    def outcomes(
        self, openings: Sequence[Opening], rows: Sequence[int]
    ) -> list[tuple[Rule, Outcome, Opening]]:
        """What the rules themselves say of a connection that was taken last, as it is in those rows."""
        tuples: dict[End, Opening | None] = {}
        hosts: dict[End, Host | None] = {}
        for opening, row in zip(openings, rows, strict=True):
            before = int(self._before[row])
            tuples[opening.end] = self._old.opening(before) if before >= 0 and self._old is not None else None
            hosts[opening.end] = self._hosts[opening.end].at(int(self._at[row]))
        return self._judge.outcomes(openings, _Beside(tuples, hosts))

    def ruling(self, entry: Rule, outcome: Outcome, opening: Opening) -> Ruling:
        """What there is to say of an outcome; in the order in which connections ended."""
        return self._judge.ruling(entry, outcome, opening)


def _fill(asking: Asking, mine: Column, look: Look) -> None:
    rows = look.rows
    asking.count[mine] = look.count
    enough = look.second >= 0
    gap = rows.time[look.second] - rows.time[look.first]
    distance = (rows.isn[look.second] - rows.isn[look.first] + HALF) % SPACE - HALF
    asking.gap[mine] = np.where(enough, gap, 0)
    asking.apart[mine] = np.abs(distance)
    asking.irregular[mine] = look.irregular
