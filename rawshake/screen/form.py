"""The normal form: which connections of a block are clean beyond doubt, found by columns.

A connection is in the normal form if a SYN is answered by a SYN,ACK, and the client goes on; if each end then
sends every number once and in order, acknowledges what it got, never less than before, and stays inside the
window of the other, which is never closed, and whose right edge never moves left; and if both send a FIN behind
all data, and both are acknowledged, by the last segment. SYNs carry MSS, window scale, SACK-permitted and
timestamps at most, with values that no rule minds; other segments carry nothing, or timestamps if both SYNs did.
No other flags than SYN, ACK, PSH and FIN, no RST, no congestion marks, no checksum that is wrong. What it may do
besides, and how long it may take, is in ``habits``. Whatever else there is, is for the judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rawshake.screen import offer as offers
from rawshake.screen.columns import CORRECT, NO_OPTIONS, PLAIN, TIMESTAMPS, WRONG, Columns
from rawshake.screen.habits import habits
from rawshake.screen.rows import either
from rawshake.screen.table import Seen
from rawshake.screen.traced import Traced, before, traced

Column = NDArray[Any]

_SYN, _SYN_ACK, _PSH = 0x02, 0x12, 0x08
#: The flags of all other segments: ACK, with PSH or FIN or both.
_OTHERS: Final = np.isin(np.arange(0x1000), (0x10, 0x11, 0x18, 0x19))
#: More octets than this one way, or in a window, are for the judge: numbers so far apart have no order.
_MOST: Final = 1 << 30
_DEFAULT_MSS, _DEFAULT_MSS_V6 = 536, 1220
_LARGEST_MSS: Final = 65495
_MAX_SHIFT: Final = 14


@dataclass(slots=True, eq=False, repr=False)
class Formed:
    """What became of each run of segments: one element for each."""

    #: it is in the normal form as far as it goes, and whether it is at its end
    good: Column
    closed: Column
    #: bits of ``Seen``
    seen: Column
    #: how often segments are larger than the MSS, or the default of one, with checksums left to the hardware; how
    #: often it cannot be told which segment an echo is of
    too_large: Column
    too_large_by_default: Column
    echo_unsure: Column
    #: see ``Habits``
    flights: tuple[Column, Column]
    rooms: tuple[Column, Column]
    client_low: Column
    client_octets: Column
    server_octets: Column
    client_segments: Column
    #: whether the FINs crossed, and whether the client's was the first
    crossed: Column
    client_first: Column


def formed(rows: Columns, starts: Column) -> Formed:
    """Judge runs of segments, each from a SYN on to before the next of ``starts``; rows are in that order."""
    t = traced(rows, starts)
    has_mss, has_mss_back = t.offered & offers.HAS_MSS != 0, t.answered & offers.HAS_MSS != 0
    default = np.where(rows.v6[starts], _DEFAULT_MSS_V6, _DEFAULT_MSS)
    mss = np.where(has_mss, t.offered >> offers.MSS_AT, default)
    mss_back = np.where(has_mss_back, t.answered >> offers.MSS_AT, default)
    room = np.where(t.client, mss_back[t.run], mss[t.run])
    by_name = np.where(t.client, has_mss_back[t.run], has_mss[t.run])
    data = t.later & (rows.payload > 0)
    large = data & (rows.payload + rows.options > room)
    covers_fin = t.peer_fin & (t.ack == t.peer)
    windows = (t.at >= 3) & ~covers_fin
    bad = _bad_rows(t) | (large & (rows.checksum == CORRECT))
    bad |= windows & _shrinks(t, np.where(has_mss_back, mss_back, 0))
    extra = habits(t, room, by_name)
    bad |= extra.bad
    seen = _seen(t, data & ~large, by_name) | extra.seen
    seen |= windows * int(Seen.WINDOW)
    seen |= (t.later & covers_fin) * int(Seen.FIN_ACKED)

    # The end: both FINs acknowledged, by the last segment and not before.
    client, length = t.client, t.length
    of_client = either(client, t.own, t.peer)
    sent = of_client + length * client
    sent_back = t.own + t.peer - of_client + length * ~client
    fins = np.where(client, t.own_fin | t.fin, t.peer_fin)
    fins_back = np.where(client, t.peer_fin, t.own_fin | t.fin)
    done = fins & fins_back & (t.acked_client == sent_back) & (t.acked_server == sent)
    good = ~(_bad_start(t) | extra.bad_run | np.logical_or.reduceat(bad, starts))
    good &= ~((t.sizes > 1) & done[np.maximum(t.lasts - 1, 0)])
    return Formed(
        good=good,
        closed=good & done[t.lasts],
        seen=np.bitwise_or.reduceat(seen, starts) | _seen_of_syns(t) | extra.seen_of_runs,
        too_large=np.add.reduceat((large & by_name).astype(np.int64), starts),
        too_large_by_default=np.add.reduceat((large & ~by_name).astype(np.int64), starts),
        echo_unsure=extra.echo_unsure,
        flights=extra.flights,
        rooms=extra.rooms,
        client_low=rows.low[starts],
        client_octets=(sent - fins)[t.lasts],
        server_octets=(sent_back - fins_back)[t.lasts],
        client_segments=np.add.reduceat(client.astype(np.int64), starts),
        crossed=np.logical_or.reduceat(t.fin & t.peer_fin & ~covers_fin, starts),
        client_first=np.logical_or.reduceat(client & t.fin & ~t.peer_fin, starts),
    )


def _bad_start(t: Traced) -> Column:
    """Which runs do not begin as they should."""
    rows, starts, second, two = t.rows, t.starts, t.second, t.sizes > 1
    wrong: Column = _bad_syn(t.offered) | (t.offered & offers.ECHOES != 0)
    unasked = t.answered & ~t.offered & (offers.HAS_WSCALE | offers.HAS_TIMESTAMPS) != 0
    wrong |= two & (_bad_syn(t.answered) | unasked)
    for which, flags in ((starts, _SYN), (second, _SYN_ACK)):
        wrong_here = (rows.flags[which] != flags) | (rows.payload[which] != 0) | (rows.window[which] == 0)
        wrong |= wrong_here & (two | (flags == _SYN))
    wrong |= two & (t.client[second] | (rows.ack[second] != rows.seq[starts] + np.uint32(1)))
    third = np.minimum(starts + 2, len(rows) - 1)
    wrong |= (t.sizes > 2) & ~t.client[third]
    return wrong


def _bad_syn(offer: Column) -> Column:
    scale, mss = offer >> offers.WSCALE_AT & 0xFF, offer >> offers.MSS_AT
    bad: Column = (offer & offers.GOOD == 0) | (scale > _MAX_SHIFT)
    bad |= (offer & offers.HAS_MSS != 0) & ((mss == 0) | (mss > _LARGEST_MSS))
    return bad


def _bad_rows(t: Traced) -> Column:
    """Which segments are not as they should be, each by itself and by what was sent before."""
    rows, later = t.rows, t.later
    bad: Column = (rows.kind != PLAIN) | (rows.checksum == WRONG)
    flags = rows.flags
    wrong = ~_OTHERS[flags] | (rows.layout != np.where(t.stamped, TIMESTAMPS, NO_OPTIONS)[t.run])
    wrong |= (t.seq != t.own) | (t.seq >= _MOST) | (rows.window == 0)
    wrong |= (t.ack > t.peer) | (t.ack < t.acked)
    wrong |= t.own_fin & (t.length > 0)
    wrong |= t.seq + rows.payload > t.peer_edge
    wrong |= (flags & _PSH != 0) & (t.length == 0)
    bad |= later & wrong
    bad |= _copies(t)
    return bad


def _shrinks(t: Traced, mss_back: Column) -> Column:
    """Whether the right edge moves left by more than rounding, or than a SYN cookie forgets."""
    rounding = np.where(t.client, 1 << t.shift[t.run], 1 << t.shift_back[t.run])
    first = ~t.client & (t.own_edge == t.rows.window[t.second][t.run])
    rounding = np.where(first, np.maximum(rounding, mss_back[t.run]), rounding)
    found: Column = t.own_edge - t.edge >= rounding
    return found


def _copies(t: Traced) -> Column:
    """What may be a copy of a packet that was seen shortly before: the same in all that can be told.

    Only what holds no numbers can be there twice in the normal form, and then stands behind its like. More than
    two of a kind are left to the judge.
    """
    previous = np.maximum(t.before, 0)
    like = t.later & t.later[previous] & (t.before >= 0) & (t.length == 0) & (t.length[previous] == 0)
    like &= (t.seq == t.seq[previous]) & (t.ack == t.ack[previous])
    mark = t.rows.mark
    found: Column = like & ((mark == mark[previous]) | like[previous])
    return found


def _seen(t: Traced, fits: Column, by_name: Column) -> Column:
    rows, run, later = t.rows, t.run, t.later
    several = later & (rows.payload > 1)
    speaks = ~t.client & later & ((rows.payload > 0) | (t.ack > 0) | t.fin)
    told = before(speaks, t.starts, run)
    in_vain = (t.offered & ~t.answered & offers.HAS_WSCALE != 0) & (t.offered >> offers.WSCALE_AT & 0xFF > 0)
    seen = np.zeros(len(rows), np.int64)
    seen |= (rows.checksum == CORRECT) * int(Seen.CHECKSUM)
    seen |= (rows.options > 0) * int(Seen.OPTIONS)
    seen |= (later & t.stamped[run]) * int(Seen.TIMESTAMPS)
    seen |= several * int(Seen.DATA)
    seen |= (fits & by_name) * int(Seen.MSS_RESPECTED) | (fits & ~by_name) * int(Seen.MSS_DEFAULT)
    seen |= (several & t.client & (t.shift_back[run] > 0) & (told == 0)) * int(Seen.UNSHIFTED)
    seen |= (several & ~t.client & in_vain[run]) * int(Seen.NEVER_SHIFTED)
    seen |= t.fin * int(Seen.FIN)
    return seen


def _seen_of_syns(t: Traced) -> Column:
    two = t.sizes > 1
    both = t.offered | np.where(two, t.answered, 0)
    seen = np.full(len(t.starts), int(Seen.ALWAYS))
    seen |= (both & offers.HAS_MSS != 0) * int(Seen.MSS)
    seen |= (both & offers.HAS_WSCALE != 0) * int(Seen.WSCALE)
    seen |= (both & offers.HAS_SACK != 0) * int(Seen.SACK)
    answer = two & (t.answered & (offers.HAS_WSCALE | offers.HAS_TIMESTAMPS) != 0)
    seen |= answer * int(Seen.ANSWER)
    seen |= two * int(Seen.SYN_ACK)
    seen |= (t.sizes > 2) * int(Seen.THIRD)
    seen |= (t.sizes > 3) * int(Seen.FOURTH)
    return seen
