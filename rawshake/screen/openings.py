"""How ends opened connections, by columns, and those before that are remembered: ``rules.opening`` for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rawshake.rules.opening import HOSTS, OF_ONE, TUPLES, Host, Opening
from rawshake.screen.columns import hash_of
from rawshake.screen.rows import ROW_BITS, ROW_MASK, Rows, by_number, empty, joined
from rawshake.tcp.decode import address_text
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End

Column = NDArray[Any]

_NEVER: Final = 1 << 62
_KINDS: Final = tuple("i8 ? ? u8 u8 u8 u8 u4 i8 i8 i8 i8 ? ?".split())
_LOWER: Final = (1 << 64) - 1


@dataclass(slots=True, eq=False, repr=False)
class Openings(Rows):
    """What is remembered of an ``Opening``; of the times of its SYNs only the first. -1 stands for None."""

    connection: Column
    server: Column
    v6: Column
    here_upper: Column
    here_lower: Column
    there_upper: Column
    there_lower: Column
    #: its own in the upper half
    ports: Column
    time: Column
    isn: Column
    peer_isn: Column
    nxt: Column
    complete: Column
    waits: Column

    def opening(self, row: int) -> Opening:
        """One of them."""
        v6, ports = bool(self.v6[row]), int(self.ports[row])
        here = text(v6, int(self.here_upper[row]), int(self.here_lower[row])), ports >> 16
        there = text(v6, int(self.there_upper[row]), int(self.there_lower[row])), ports & 0xFFFF
        nxt, peer_isn, time = int(self.nxt[row]), int(self.peer_isn[row]), int(self.time[row])
        return Opening(
            connection=int(self.connection[row]),
            end=End.SERVER if self.server[row] else End.CLIENT,
            step=1,
            isn=Seq(int(self.isn[row])),
            ends=(here, there),
            syns=(time,),
            until=time,
            complete=bool(self.complete[row]),
            answered=True,
            nxt=None if nxt < 0 else Seq(nxt),
            peer_isn=None if peer_isn < 0 else Seq(peer_isn),
            waits=bool(self.waits[row]),
        )


@lru_cache(8192)
def text(v6: bool, upper: int, lower: int) -> str:
    """An address as text, from its upper and lower 64 bits."""
    return address_text(
        upper.to_bytes(8, "big") + lower.to_bytes(8, "big") if v6 else lower.to_bytes(4, "big")
    )


def none() -> Openings:
    """No opening."""
    return empty(Openings, _KINDS)


def of_followed(openings: Sequence[Opening]) -> Openings:
    """Openings of connections that were followed, as columns."""
    rows = []
    for one in openings:
        (here, port), (there, other) = one.ends
        v6, mine, its = ":" in here, int(ip_address(here)), int(ip_address(there))
        rows.append(
            (
                one.connection,
                one.end is End.SERVER,
                v6,
                mine >> 64,
                mine & _LOWER,
                its >> 64,
                its & _LOWER,
                port << 16 | other,
                one.time,
                one.isn.value,
                -1 if one.peer_isn is None else one.peer_isn.value,
                -1 if one.nxt is None else one.nxt.value,
                one.complete,
                one.waits,
            )
        )
    return Openings(*map(np.array, zip(*rows, strict=True), _KINDS)) if rows else none()


class Tuples:
    """The last opening between the same addresses and ports in that order, of the TUPLES that were used last."""

    def __init__(self) -> None:
        self._rows = none()

    def before(self, batch: Openings) -> tuple[Openings, Column]:
        """Rows, and which of them stands before each of the batch, if any, else -1; then those are remembered, too."""
        known = len(self._rows)
        rows = joined([self._rows, batch])
        count = len(rows)
        any6 = bool(rows.v6.any())
        mixed = hash_of(
            rows.here_upper, rows.here_lower, rows.there_upper, rows.there_lower, rows.ports, any6=any6
        )
        keys = np.sort((mixed & ~ROW_MASK) | np.arange(count, dtype=np.uint64))
        place = (keys & ROW_MASK).astype(np.int64)
        same = keys[1:] >> np.uint64(ROW_BITS) == keys[:-1] >> np.uint64(ROW_BITS)
        earlier, later = place[:-1][same], place[1:][same]
        previous, following = np.full(count, -1), np.full(count, _NEVER)
        # Hashes may be the same where tuples are not: then what is before is not remembered.
        alike = rows.ports[earlier] == rows.ports[later]
        for name in ("v6", "here_upper", "here_lower", "there_upper", "there_lower"):
            column = getattr(rows, name)
            alike &= column[earlier] == column[later]
        previous[later[alike]] = earlier[alike]
        following[earlier] = later
        asking = np.flatnonzero(previous >= 0)
        asking = asking[asking >= known]
        for row in asking[asking - previous[asking] > TUPLES].tolist():
            if _between(following, int(previous[row]), row) >= TUPLES:
                previous[row] = -1
        found = previous[known:]
        # An end that is its own peer: both of its openings count from when the connection was over.
        own = (found >= 0) & (rows.connection[found] == batch.connection)
        found[own] = previous[found[own]]
        self._rows = rows.take(np.flatnonzero(following == _NEVER)[-TUPLES:])
        return rows, found


def _between(following: Column, before: int, row: int) -> int:
    """How many different ones stand between two rows of the same kind."""
    return row - before - 1 - int(np.count_nonzero(following[before + 1 : row] < row))


@dataclass(slots=True, eq=False, repr=False)
class Look:
    """Of each opening of a batch which of ``rows`` are the first and the second in time among the last of the same host
    as the same end on other tuples and itself, -1 where there is no second; and how many those are.
    """

    first: Column
    second: Column
    count: Column
    #: ISNs at both ends were there before: nothing else is to be relied on
    irregular: Column
    rows: Openings


class Hosts:
    """The last OF_ONE openings of each host as one end, told apart by ISNs, of the HOSTS that were seen last."""

    def __init__(self) -> None:
        self._rows = none()
        self._order = self._start = self._place = np.zeros(0, np.int64)
        self._irregular = np.zeros(0, bool)
        self._sorted = none()
        self._known = 0
        self._hosts: dict[int, tuple[Host, int]] = {}

    def look(self, batch: Openings) -> Look:
        """Look at the openings of a batch, and remember them; ``at`` is of this batch until the next."""
        known = self._known = len(self._rows)
        rows = joined([self._rows, batch])
        count = len(rows)
        order = _by_host(rows)
        self._sorted = found = rows.take(order)
        new = np.ones(count, bool)
        new[1:] = (found.here_lower[1:] != found.here_lower[:-1]) | (found.v6[1:] != found.v6[:-1])
        new[1:] |= found.here_upper[1:] != found.here_upper[:-1]
        last = np.append(new[1:], True)
        following = np.full(count, _NEVER)
        following[order[:-1][~last[:-1]]] = order[1:][~last[:-1]]
        forgotten = ~new & (order >= known)
        forgotten[1:] &= order[1:] - order[:-1] > HOSTS
        for at in np.flatnonzero(forgotten).tolist():
            new[at] = _between(following, int(order[at - 1]), int(order[at])) >= HOSTS
        group = np.cumsum(new) - 1
        starts = np.flatnonzero(new)
        self._start = starts[group]
        self._order = order
        self._hosts = {}
        isns = found.isn.astype(np.uint64) << np.uint64(33)
        isns |= np.where(found.peer_isn < 0, 1 << 32, found.peer_isn).astype(np.uint64)
        twice = _twice(isns, group)
        self._irregular = np.zeros(len(starts), bool)
        self._irregular[group[twice]] = True
        self._irregular = self._irregular[group]
        mine = np.flatnonzero(order >= known)
        self._place = np.empty(len(batch), np.int64)
        self._place[order[mine] - known] = mine
        place = self._place
        looked = _earliest(found, place, self._start[place])
        looked.irregular = self._irregular[place]
        self._remember(rows, order, group, np.append(starts[1:], count), last, twice)
        return looked

    def _remember(
        self, rows: Openings, order: Column, group: Column, ends: Column, last: Column, twice: Column
    ) -> None:
        counts = np.ones(len(order), bool)
        counts[twice] = False
        # How many stand behind each in its group, of those that count.
        total = np.cumsum(counts)
        behind = total[ends - 1][group] - total
        keep = counts & (behind < OF_ONE)
        # Of a host that was forgotten in between only what is after that.
        keep &= last[ends - 1][group]
        latest = order[ends - 1]
        latest = np.where(last[ends - 1], latest, -1)
        if np.count_nonzero(latest >= 0) > HOSTS:
            least = np.sort(latest)[-HOSTS]
            keep &= (latest >= least)[group]
        self._rows = rows.take(np.sort(order[keep]))

    def at(self, row: int) -> Host | None:
        """What was remembered of the host before that row of the batch was; rows are to be asked for in order."""
        place = int(self._place[row])
        start = int(self._start[place])
        if place == start:
            return None
        host, past = self._hosts.get(start, (Host(), start))
        if not self._irregular[place] and past < place - OF_ONE:
            host, past = Host(), max(start, place - OF_ONE)
        for at in range(past, place):
            host.add(self._sorted.opening(at))
        self._hosts[start] = host, place
        return host


def _by_host(rows: Openings) -> Column:
    """The order that puts those of one host together, in theirs."""
    if rows.v6.any():
        return np.lexsort((rows.here_lower, rows.here_upper, rows.v6))
    return by_number(rows.here_lower)


def _twice(isns: Column, group: Column) -> Column:
    """Which come again in their group later."""
    by_isns = np.sort(isns)
    if not (by_isns[1:] == by_isns[:-1]).any():
        return np.zeros(0, np.int64)
    order = np.lexsort((isns, group))
    again = (isns[order][1:] == isns[order][:-1]) & (group[order][1:] == group[order][:-1])
    found: Column = order[:-1][again]
    return found


def _earliest(rows: Openings, place: Column, start: Column) -> Look:
    """Of the OF_ONE before each place and itself: which are first and second in time, and how many there are."""
    count = np.ones(len(place), np.int64)
    first, second = np.full(len(place), -1), np.full(len(place), -1)
    earliest, next_to_it = np.full(len(place), _NEVER), np.full(len(place), _NEVER)
    ports, there = rows.ports[place], rows.there_lower[place]
    there_upper = rows.there_upper[place]
    for back in range(OF_ONE, -1, -1):
        at = place - back
        known = at >= start
        at = np.maximum(at, 0)
        if back:
            same = (rows.ports[at] == ports) & (rows.there_lower[at] == there)
            known &= ~(same & (rows.there_upper[at] == there_upper))
            count += known
        time = np.where(known, rows.time[at], _NEVER)
        before = time < earliest
        between = ~before & (time < next_to_it)
        second = np.where(before, first, np.where(between, at, second))
        next_to_it = np.where(before, earliest, np.where(between, time, next_to_it))
        first = np.where(before, at, first)
        earliest = np.where(before, time, earliest)
    return Look(first, second, count, np.zeros(len(place), bool), rows)
