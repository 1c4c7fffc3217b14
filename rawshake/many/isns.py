"""The server's ISNs, one beside the other: what two rules would pass is told by columns, the rest they judge."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rawshake.judge import CaptureJudge, Ruling
from rawshake.many.packets import Column
from rawshake.rules.isn import CLOCK, HALF_ROUND, SECOND, STEP
from rawshake.rules.model import Rule
from rawshake.rules.opening import OF_ONE, Address, Opening
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End

_SPACE = 1 << 32


@dataclass(frozen=True, slots=True)
class Opened:
    """How servers opened, one in each row: the exchange's number, our port, both ISNs, when theirs came, in ns.

    No port stands there twice.
    """

    number: Column
    port: Column
    iss: Column
    irs: Column
    time: Column


class Isns:
    """Judges how ``server`` chooses ISNs towards ``client``; ``add`` gives what was found."""

    def __init__(self, rules: Sequence[Rule], client: str, server: Address) -> None:
        self._judge = CaptureJudge(rules)
        self._client, self._server = client, server
        self._last: tuple[int, int] | None = None
        self._of_port = np.zeros((1 << 16, 3), np.int64)
        self._before: deque[tuple[int, int, int, int, int]] = deque(maxlen=OF_ONE)
        self._alike_told = False

    def add(self, opened: Opened) -> Iterator[tuple[int, Ruling]]:
        """Take more, and give each finding with the number of its exchange."""
        if not len(opened.number):
            return
        order = np.argsort(opened.time, kind="stable")
        columns = (opened.number, opened.port, opened.irs, opened.iss, opened.time)
        number, port, isn, iss, time = (column[order] for column in columns)
        suspect = self._alike(isn, time) & (not self._alike_told) | self._falls(port, isn, time)
        # Only the last few are asked about; all are gone through where one is suspect.
        first = 0 if suspect.any() else max(0, len(order) - OF_ONE)
        rows = np.stack([number, port, isn, iss, time], axis=1)[first:].tolist()
        for row, is_suspect in zip(rows, suspect[first:].tolist(), strict=True):
            if is_suspect:
                for ruling in self._ask(row):
                    self._alike_told |= ruling.rule == "isn-differs-across-tuples"
                    yield row[0], ruling
            self._before.append(tuple(row))
        self._of_port[port] = np.stack([isn, time, iss], axis=1)
        self._last = int(isn[-1]), int(time[-1])

    def _alike(self, isn: Column, time: Column) -> Column:
        """Which stand close to the one that came before."""
        first = self._last or (int(isn[0]) + _SPACE // 2, int(time[0]))
        apart = np.diff(isn, prepend=first[0]) % _SPACE
        elapsed = np.diff(time, prepend=first[1])
        found: Column = np.minimum(apart, _SPACE - apart) <= STEP + elapsed * CLOCK // SECOND
        return found

    def _falls(self, port: Column, isn: Column, time: Column) -> Column:
        """Which do not stand above the one before of the same port."""
        before, then = self._of_port[port, 0], self._of_port[port, 1]
        rise = (isn - before) % _SPACE
        elapsed = time - then
        found: Column = (then > 0) & (elapsed <= HALF_ROUND) & ((rise == 0) | (rise >= _SPACE // 2))
        return found

    def _ask(self, row: list[int]) -> list[Ruling]:
        port = row[1]
        isn, time, iss = self._of_port[port].tolist()
        if time:
            self._judge.connection([self._made(0, port, isn, iss, time)])
        for one in self._before:
            self._judge.connection([self._made(*one)])
        return [ruling for ruling in self._judge.connection([self._made(*row)]) if ruling.is_finding]

    def _made(self, number: int, port: int, isn: int, iss: int, time: int) -> Opening:
        return Opening(
            connection=number,
            end=End.SERVER,
            step=2,
            isn=Seq(isn),
            ends=(self._server, (self._client, port)),
            syns=(time,),
            until=time,
            complete=True,
            answered=True,
            nxt=Seq(isn) + 2,
            peer_isn=Seq(iss),
        )
