"""Sorts a block's packets by the ends of their connections, and tells which of those are clean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawshake.follow import LINGER
from rawshake.screen.closed import Closed
from rawshake.screen.columns import ODD, PLAIN, Columns
from rawshake.screen.form import Formed, formed
from rawshake.screen.rows import ROW_MASK

Column = NDArray[Any]

_SYN, _ACK = 0x02, 0x10


@dataclass(slots=True, eq=False, repr=False)
class Flows:
    """The segments of a block, those of the same ends together, in runs that each begin with a SYN.

    ``place`` has where in the block each row stood. Everything else has an element for each run: its first and
    last row, the hash of its ends, whether another run of the same ends goes before it, what became of it by
    columns, and whether it is clean and closed, clean as far as it goes, or for the judge.
    """

    rows: Columns
    place: Column
    starts: Column
    lasts: Column
    hash: Column
    again: Column
    what: Formed
    accepted: Column
    undecided: Column
    slow: Column

    def closed(self, chosen: Column) -> Closed:
        """Those chosen among the runs, which are clean and have ended."""
        rows, what = self.rows, self.what
        first, second, last = self.starts[chosen], self.starts[chosen] + 1, self.lasts[chosen]
        return Closed(
            number=rows.reserved[first],
            begun=self.place[first],
            at=first,
            hash=self.hash[chosen],
            v6=rows.v6[first],
            low_upper=rows.low_upper[first],
            low_lower=rows.low_lower[first],
            high_upper=rows.high_upper[first],
            high_lower=rows.high_lower[first],
            ports=rows.ports[first],
            client_low=what.client_low[chosen],
            isn=rows.seq[first],
            isn_back=rows.seq[second],
            octets=what.client_octets[chosen],
            octets_back=what.server_octets[chosen],
            client_segments=what.client_segments[chosen],
            segments=last - first + 1,
            crossed=what.crossed[chosen],
            client_first=what.client_first[chosen],
            first_time=rows.time[first],
            second_time=rows.time[second],
            last_time=rows.time[last],
            first_frame=rows.number[first],
            last_frame=rows.number[last],
            seen=what.seen[chosen],
            too_large=what.too_large[chosen],
            too_large_by_default=what.too_large_by_default[chosen],
            echo_unsure=what.echo_unsure[chosen],
            flight=what.flights[0][chosen],
            flight_back=what.flights[1][chosen],
            room=what.rooms[0][chosen],
            room_back=what.rooms[1][chosen],
        )


def flows(block: Columns, followed: Column, settled: Closed | None, *, longest: int) -> Flows | None:
    """Sort the segments of a block; None if there are none.

    ``followed`` are hashes of ends whose connection is with the judge already, ``settled`` what was clean and has
    ended but may still hear something. Runs of more than ``longest`` segments are for the judge.
    """
    segments = np.flatnonzero(block.kind <= ODD)
    if not len(segments):
        return None
    keys = np.sort((block.hash[segments] & ~ROW_MASK) | segments.astype(np.uint64))
    place = (keys & ROW_MASK).astype(np.int64)
    hashes = keys & ~ROW_MASK
    rows = block.take(place)
    begins = np.append(True, hashes[1:] != hashes[:-1])
    syn = (rows.flags & (_SYN | _ACK) == _SYN) & (rows.kind == PLAIN)
    starts = np.flatnonzero(begins | syn)
    lasts = np.append(starts[1:], len(place)) - 1
    what = formed(rows, starts)
    group = (np.cumsum(begins) - 1)[starts]
    again = np.append(False, group[1:] == group[:-1])
    more = np.append(again[1:], False)
    bad = _unfit(rows, np.flatnonzero(begins), hashes, followed, settled)[group]
    bad |= ~what.good | (lasts - starts >= longest) | (more & ~what.closed)
    bad[:-1] |= more[:-1] & ~_another(rows, starts, lasts)
    # Whatever follows what is for the judge is for the judge, too.
    slow = np.maximum.accumulate(group * 2 + bad) > group * 2
    return Flows(
        rows=rows,
        place=place,
        starts=starts,
        lasts=lasts,
        hash=hashes[starts],
        again=again,
        what=what,
        accepted=~slow & what.closed,
        undecided=~slow & ~what.closed,
        slow=slow,
    )


def hashes_of(hashes: Column) -> Column:
    """As much of each hash as tells flows apart."""
    found: Column = hashes & ~ROW_MASK
    return found


def _another(rows: Columns, starts: Column, lasts: Column) -> Column:
    """Whether each run but the first begins a connection of its own, if the one before has closed."""
    before, after = starts[:-1], starts[1:]
    same_client = rows.low[after] == rows.low[before]
    second = np.minimum(before + 1, len(rows) - 1)
    isn = np.where(same_client, rows.seq[before], rows.seq[second])
    late = rows.time[after] - rows.time[lasts[:-1]] > LINGER
    found: Column = late | (rows.seq[after] != isn)
    return found


def _unfit(rows: Columns, firsts: Column, hashes: Column, followed: Column, settled: Closed | None) -> Column:
    """Which groups are for the judge whatever they hold: for each of those that begin at ``firsts``."""
    sizes = np.diff(np.append(firsts, len(rows)))
    first = np.repeat(firsts, sizes)
    mixed = rows.ports != rows.ports[first]
    for column in (rows.low_lower, rows.high_lower, rows.low_upper, rows.high_upper, rows.v6):
        mixed |= column != column[first]
    unfit: Column = np.logical_or.reduceat(mixed, firsts)
    same = (rows.low_lower == rows.high_lower) & (rows.low_upper == rows.high_upper)
    unfit |= (same & (rows.ports >> 16 == rows.ports & 0xFFFF))[firsts]
    own = hashes[firsts]
    unfit |= np.isin(own, followed)
    if settled is not None:
        groups = np.flatnonzero(np.isin(own, settled.hash))
        by_hash = np.argsort(settled.hash)
        which = by_hash[np.searchsorted(settled.hash, own[groups], sorter=by_hash)]
        unfit[groups] |= ~_follow(rows, firsts[groups], settled.take(which))
    return unfit


def _follow(rows: Columns, first: Column, before: Closed) -> Column:
    """Whether each row begins a connection of the same ends as one that has ended."""
    same: Column = rows.ports[first] == before.ports
    for name in ("v6", "low_upper", "low_lower", "high_upper", "high_lower"):
        same &= getattr(rows, name)[first] == getattr(before, name)
    isn = np.where(rows.low[first] == before.client_low, before.isn, before.isn_back)
    same &= (rows.time[first] - before.last_time > LINGER) | (rows.seq[first] != isn)
    return same
