"""What ends do besides keeping numbers in order, by columns: how soon they answer, what they echo, what they push.

Of what a rule would name, all is left to the judge; what remains is told as bits of ``Seen``, for each end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rawshake.rules.sending import IW10, IW10_OCTETS
from rawshake.screen.columns import CORRECT, UNVERIFIABLE
from rawshake.screen.rows import by_number
from rawshake.screen.table import Seen
from rawshake.screen.traced import APART, Traced, before

Column = NDArray[Any]

_PSH: Final = 0x08
#: Data that waits longer for its ACK is for the judge: the rule on delayed ACKs allows 20 ms more.
_DELAY: Final = 500_000_000
#: Within so much time three segments and no ACK may be one burst.
_BURST: Final = 20_000_000
#: Segments below this are full-sized for nobody.
_FULL: Final = 536
#: An end that does not push, in a connection of so much time, is for the judge; and so is the pace of timestamps.
_LONG: Final = 3_000_000_000
_PACE: Final = 10_000_000_000
#: The constants of ``rawshake.vantage``.
_TTLS: Final = np.array([64, 128, 255])
_NEAR: Final = 20_000_000
_RATIO: Final = 10
_ROUTERS: Final = 2


@dataclass(slots=True, eq=False, repr=False)
class Habits:
    """Rows and runs that are for the judge, and what was seen in those that are not."""

    bad: Column
    seen: Column
    bad_run: Column
    seen_of_runs: Column
    echo_unsure: Column
    #: of the runs, for the client and for the server: the number of the last segment of a first flight that today's
    #: stacks send and the letter forbids, and the MSS; 0 if there is none
    flights: tuple[Column, Column]
    rooms: tuple[Column, Column]


@dataclass(slots=True, eq=False, repr=False)
class _Sides:
    """Rows by the end that sent them: ``order`` puts those of one end together, first the client's."""

    side: Column
    order: Column
    starts: Column
    #: which runs and ends there are, as numbers of ``side``
    kinds: Column


def habits(t: Traced, room: Column, by_name: Column) -> Habits:
    """Look at the habits of both ends; ``room`` is the MSS of each row's receiver, ``by_name`` where it named one."""
    side = t.run * 2 + ~t.client
    order = by_number(side.astype(np.uint64))
    sorted_sides = side[order]
    starts = np.flatnonzero(np.append(True, sorted_sides[1:] != sorted_sides[:-1]))
    sides = _Sides(side, order, starts, sorted_sides[starts])
    bad = np.zeros(len(t.run), bool)
    seen = np.zeros(len(t.run), np.int64)
    bad_run = np.zeros(len(t.starts), bool)
    _answers(t, sides, bad, seen)
    _surplus(t, sides, bad_run, seen)
    _pushes(t, sides, bad_run, seen)
    _small(t, np.where(by_name, room, _FULL), bad, bad_run, seen, sides)
    flights, rooms = _first_flights(t, sides, room, bad, seen)
    _stretches(t, sides, bad_run, seen)
    _half_closed(t, bad, seen)
    echo_unsure = _stamps(t, sides, bad, bad_run, seen)
    return Habits(
        bad,
        seen,
        bad_run,
        _near(t, sides),
        echo_unsure,
        (flights[::2], flights[1::2]),
        (rooms[::2], rooms[1::2]),
    )


def _bit(t: Traced, rows: Column, client: Seen, server: Seen) -> Column:
    found: Column = (rows & t.client) * int(client) | (rows & ~t.client) * int(server)
    return found


def _of_sides(sides: _Sides, values: Column, runs: int) -> Column:
    """The sum of the values of each end of each run: two for each."""
    found = np.zeros(2 * runs, np.int64)
    found[sides.kinds] = np.add.reduceat(values[sides.order], sides.starts)
    return found


def _answers(t: Traced, sides: _Sides, bad: Column, seen: Column) -> None:
    """ACKs of whole segments, not late (delayed-ack-under-500ms)."""
    news = np.flatnonzero(t.later & (t.ack > t.acked))
    past = (sides.side.astype(np.int64) << APART) + t.own + t.length
    sorted_past = past[sides.order]
    wanted = ((sides.side[news] ^ 1).astype(np.int64) << APART) + t.acked[news]
    found = np.searchsorted(sorted_past, wanted, side="right")
    first = sides.order[np.minimum(found, len(sides.order) - 1)]
    partly = (found >= len(sides.order)) | (sides.side[first] != (sides.side[news] ^ 1))
    partly |= t.ack[news] < (t.own + t.length)[first]
    late = t.rows.time[news] - t.rows.time[first] > _DELAY
    bad[news] |= partly | late
    seen[news] |= _bit(t, np.ones(len(seen), bool), Seen.ACKED_BY_CLIENT, Seen.ACKED_BY_SERVER)[news]


def _surplus(t: Traced, sides: _Sides, bad_run: Column, seen: Column) -> None:
    """Bare ACKs, few of which repeat the one before (pure-ack-not-acked, one-ack-per-segment)."""
    bare = t.later & (t.length == 0)
    seen |= _bit(t, bare, Seen.BARE_BY_CLIENT, Seen.BARE_BY_SERVER)
    previous = np.maximum(t.before, 0)
    again = bare & (t.before >= 0) & (t.ack == t.acked) & (t.window == t.window[previous])
    _mark(bad_run, _of_sides(sides, again, len(bad_run)) >= 3)


def _mark(bad_run: Column, bad_sides: Column) -> None:
    bad_run |= bad_sides[::2] | bad_sides[1::2]


def _pushes(t: Traced, sides: _Sides, bad_run: Column, seen: Column) -> None:
    """Data that is pushed (psh-on-last-segment)."""
    rows = t.rows
    data = t.later & (rows.payload > 0)
    pushed = data & (rows.flags & _PSH != 0)
    seen |= pushed * int(Seen.PUSHED)
    runs = len(bad_run)
    never = (_of_sides(sides, data, runs) > 0) & (_of_sides(sides, pushed, runs) == 0)
    long = rows.time[t.lasts] - rows.time[t.starts] >= _LONG
    _mark(bad_run, never & np.repeat(long, 2))


def _small(t: Traced, room: Column, bad: Column, bad_run: Column, seen: Column, sides: _Sides) -> None:
    """Pushed data that is acknowledged before anything else is sent, and few small segments (nagle-coalesces)."""
    rows = t.rows
    pushed = t.later & (rows.payload > 0) & (rows.flags & _PSH != 0) & ~t.fin
    fits = pushed & (rows.payload <= room)
    # The last that the receiver of an ACK sent: what is before it, or what is before that, and so on.
    index = np.arange(len(rows.seq))
    last = np.full(len(index), -1)
    for mine in (t.client, ~t.client):
        found = np.maximum.accumulate(np.where(mine, index, -1))
        last = np.where(mine, last, found)
    known = last >= t.starts[t.run]
    last = np.maximum(last, 0)
    news = t.later & (t.ack > t.acked) & known
    calm = news & (t.ack == t.peer) & fits[last]
    seen |= _bit(t, calm, Seen.CALM_SERVER, Seen.CALM_CLIENT)
    partly = news & (t.ack < t.peer) & pushed[last]
    runs = len(bad_run)
    # Of those that were acknowledged in part only the judge can tell whether they still counted.
    calm_sides = _of_sides(sides, calm, runs)
    _mark(bad_run, (_of_sides(sides, partly, runs) > 0) & (calm_sides == 0))
    one = t.before
    two = np.where(one >= 0, one[one], -1)
    three = np.where(two >= 0, one[two], -1)
    many = pushed & (three >= 0) & pushed[one] & pushed[two] & pushed[three]
    acked = np.where(t.client, t.acked_server, t.acked_client)
    many &= acked < (t.own + t.length)[three]
    many &= t.own + t.length - t.seq[three] <= room
    bad |= many


def _first_flights(
    t: Traced, sides: _Sides, room: Column, bad: Column, seen: Column
) -> tuple[Column, Column]:
    """Data before the first ACK of data (initial-window-bounded), more than the letter allows: where, and the MSS."""
    payload = t.rows.payload
    acked = np.where(t.client, t.acked_server, t.acked_client)
    flight = t.later & (payload > 0) & (acked == 0)
    segments = np.where(room <= 1095, 4, np.where(room <= 2190, 3, 2))
    octets = t.own + payload
    bad |= flight & (octets > np.maximum(IW10 * room, IW10_OCTETS) + room)
    runs = len(t.starts)
    over = _of_sides(sides, flight & (octets > segments * room), runs) > 0
    seen |= (flight & ~over[sides.side]) * int(Seen.FIRST_FLIGHT)
    last, rooms = np.zeros(2 * runs, np.int64), np.zeros(2 * runs, np.int64)
    last[sides.kinds] = np.maximum.reduceat(np.where(flight, t.at + 1, 0)[sides.order], sides.starts)
    rooms[sides.kinds] = room[sides.order][sides.starts]
    return np.where(over, last, 0), rooms


def _stretches(t: Traced, sides: _Sides, bad_run: Column, seen: Column) -> None:
    """How many full-sized segments each ACK covers (ack-every-second-segment)."""
    rows = t.rows
    runs = len(bad_run)
    largest = np.zeros(2 * runs, np.int64)
    payload = np.where(t.later, rows.payload, 0)
    largest[sides.kinds] = np.maximum.reduceat(payload[sides.order], sides.starts)
    full = t.later & (payload == largest[sides.side]) & (payload >= _FULL)
    count = before(full & t.client, t.starts, t.run)
    count_back = before(full & ~t.client, t.starts, t.run)
    theirs = np.where(t.client, count_back, count)
    previous = np.maximum(t.before, 0)
    since = np.where(t.before >= 0, theirs - theirs[previous], theirs)
    since = np.where(t.later, since, 0)
    seen |= _bit(t, since > 1, Seen.EACH_SECOND_BY_CLIENT, Seen.EACH_SECOND_BY_SERVER)
    seen |= _bit(t, since > 2, Seen.GLUED_BY_CLIENT, Seen.GLUED_BY_SERVER)
    slow = (since > 2) & (rows.time - rows.time[previous] >= _BURST)
    _mark(bad_run, _of_sides(sides, slow, runs) >= 3)


def _half_closed(t: Traced, bad: Column, seen: Column) -> None:
    """Data that is acknowledged after a FIN (half-close-supported)."""
    came = np.zeros(len(t.run), bool)
    came[1:] = (t.run[1:] == t.run[:-1]) & (t.client[1:] != t.client[:-1]) & (t.rows.payload[:-1] > 0)
    came[1:] &= t.own_fin[1:] & t.later[1:]
    seen |= (came & (t.ack == t.peer)) * int(Seen.HALF_CLOSED)
    bad |= came & (t.ack < t.peer)


def _stamps(t: Traced, sides: _Sides, bad: Column, bad_run: Column, seen: Column) -> Column:
    """Timestamps that rise, and echoes of what was sent (ts-value-monotonic, ts-echo-rules)."""
    rows = t.rows
    stamped = t.stamped[t.run]
    runs = len(bad_run)
    if not stamped.any():
        return np.zeros(runs, np.int64)
    previous = np.maximum(t.before, 0)
    risen = (rows.value - rows.value[previous]).astype(np.int32)
    bad |= stamped & (t.before >= 0) & (risen < 0)

    # The pace: from the first after the SYN to the last.
    first = np.full(2 * runs, -1)
    first_at = sides.starts + 1
    more = np.append(np.diff(sides.starts), len(sides.order) - sides.starts[-1]) > 1
    first[sides.kinds[more]] = sides.order[first_at[more]]
    last = np.full(2 * runs, -1)
    last[sides.kinds] = sides.order[np.append(sides.starts[1:], len(sides.order)) - 1]
    both = (first >= 0) & (last >= 0)
    elapsed = np.where(both, rows.time[last] - rows.time[first], 0)
    ticks = (rows.value[last] - rows.value[first]).astype(np.int32).astype(np.int64)
    spans = elapsed // 1_000_000
    odd = (elapsed >= _PACE) & ((spans > ticks * 2_000) | (ticks > 2 * spans))
    _mark(bad_run, odd & np.repeat(t.stamped, 2))

    # Each echo: the lowest segment with that value. Of one end they rise, as counted from its first.
    zero = np.zeros(2 * runs, np.uint32)
    zero[sides.kinds] = rows.value[sides.order[sides.starts]]
    keys = sides.side.astype(np.int64) << 32 | rows.value - zero[sides.side]
    by_key = sides.order
    sorted_keys = keys[by_key]
    falls = np.flatnonzero(sorted_keys[1:] < sorted_keys[:-1])
    bad_run[sides.side[by_key[falls]] >> 1] |= stamped[by_key[falls]]
    number = np.where(t.at < 2, -1, t.seq)
    echoing = np.flatnonzero(stamped & (t.at > 0))
    other = sides.side[echoing] ^ 1
    wanted = other.astype(np.int64) << 32 | rows.echo[echoing] - zero[other]
    at = np.searchsorted(sorted_keys, wanted)
    known = at < len(sorted_keys)
    at = np.minimum(at, len(sorted_keys) - 1)
    known &= sorted_keys[at] == wanted
    lowest = number[by_key[at]]
    ack = t.ack[echoing]
    bad[echoing] |= ~known | (lowest > ack)
    # Before its first ACK an end has said nothing: of the client that is the third segment.
    said = np.where(t.at[echoing] <= 2, 1 << 40, t.acked[echoing])
    unsure = lowest > said
    seen[echoing] |= ~unsure * int(Seen.ECHOED)
    found = np.zeros(len(t.run), np.int64)
    found[echoing] = unsure
    seen |= stamped * int(Seen.STAMPED)
    total: Column = np.add.reduceat(found, t.starts)
    return total


def _near(t: Traced, sides: _Sides) -> Column:
    """Which ends the tap was near to, as ``rawshake.vantage`` tells it."""
    rows, runs = t.rows, len(t.starts)
    count = len(rows)
    correct = _of_sides(sides, (rows.checksum == CORRECT) & rows.whole, runs) > 0
    offloaded = _of_sides(sides, (rows.checksum == UNVERIFIABLE) & rows.whole, runs) > 0
    certain = offloaded & ~correct
    ttl = np.zeros(2 * runs, np.int64)
    ttl[sides.kinds] = rows.ttl[sides.order[sides.starts]]
    routers = _TTLS[np.searchsorted(_TTLS, ttl)] - ttl
    third = np.minimum(t.starts + 2, count - 1)
    answer = np.empty(2 * runs, np.int64)
    answer[::2] = rows.time[third] - rows.time[t.second]
    answer[1::2] = rows.time[t.second] - rows.time[t.starts]
    other = np.arange(2 * runs) ^ 1
    nearer = (answer[other] * _RATIO <= answer) & (routers[other] > 0)
    faster = (answer * _RATIO <= answer[other]) & (routers <= _ROUTERS)
    near = certain | ((answer <= _NEAR) & np.where(routers == 0, ~nearer, faster))
    found: Column = np.where(near[::2], int(Seen.NEAR_CLIENT), 0) | np.where(
        near[1::2], int(Seen.NEAR_SERVER), 0
    )
    return found
