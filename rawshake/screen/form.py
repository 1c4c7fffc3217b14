"""The normal form: which connections of a block are clean beyond doubt, found by columns.

A connection is in the normal form if a SYN is answered by a SYN,ACK, and the client goes on; if each end then
sends every number once and in order, acknowledges what it got, never less than before, and stays inside the
window of the other, whose right edge never moves left; and if both send a FIN behind all data, and both are
acknowledged, by the last segment. SYNs carry MSS, window scale, SACK-permitted and timestamps at most, with
values that no rule minds; other segments carry nothing, or timestamps if both SYNs did. No other flags than SYN,
ACK, PSH and FIN, no RST, no checksum that is wrong. Whatever else there is, is for the judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rawshake.screen import offer as offers
from rawshake.screen.columns import CORRECT, NO_OPTIONS, PLAIN, TIMESTAMPS, WRONG, Columns
from rawshake.screen.table import Seen

Column = NDArray[Any]

_SYN, _SYN_ACK = 0x02, 0x12
#: The flags of all other segments: ACK, with PSH or FIN or both.
_OTHERS: Final = np.isin(np.arange(0x1000), (0x10, 0x11, 0x18, 0x19))
_FIN: Final = 0x01
#: More octets than this one way, or in a window, are for the judge: numbers so far apart have no order.
_MOST: Final = 1 << 30
#: Room for one connection's numbers where the running maximum of all is taken at once.
_APART: Final = 34
_DEFAULT_MSS, _DEFAULT_MSS_V6 = 536, 1220
_LARGEST_MSS: Final = 65495
_MAX_SHIFT: Final = 14


@dataclass(slots=True)
class Formed:
    """What became of each run of segments: one element for each."""

    #: it is in the normal form as far as it goes, and whether it is at its end
    good: Column
    closed: Column
    #: bits of ``Seen``
    seen: Column
    #: what is larger than the MSS allows, with checksums left to the hardware: of MSS, of default
    too_large: Column
    too_large_by_default: Column
    client_low: Column
    client_octets: Column
    server_octets: Column
    client_segments: Column
    #: whether the FINs crossed, and whether the client's was the first
    crossed: Column
    client_first: Column


def formed(rows: Columns, starts: Column) -> Formed:
    """Judge runs of segments, each from a SYN on to before the next of ``starts``; rows are in that order."""
    count = len(rows)
    sizes = np.diff(np.append(starts, count))
    run = np.repeat(np.arange(len(starts)), sizes)
    at = np.arange(count) - starts[run]
    second = np.minimum(starts + 1, count - 1)
    lasts = starts + sizes - 1
    client = rows.low == rows.low[starts][run]
    later = at >= 2

    # What the SYNs said.
    offered, answered = rows.offer[starts], rows.offer[second]
    named, named_back = offered >> offers.MSS_AT, answered >> offers.MSS_AT
    has_mss, has_mss_back = offered & offers.HAS_MSS != 0, answered & offers.HAS_MSS != 0
    scale, scale_back = offered >> offers.WSCALE_AT & 0xFF, answered >> offers.WSCALE_AT & 0xFF
    scaled = offered & answered & offers.HAS_WSCALE != 0
    stamped = offered & answered & offers.HAS_TIMESTAMPS != 0
    shift, shift_back = np.where(scaled, scale, 0), np.where(scaled, scale_back, 0)
    wrong = _bad_syn(offered, named, has_mss) | (offered & offers.ECHOES != 0)
    two = sizes > 1
    wrong_back = _bad_syn(answered, named_back, has_mss_back)
    unasked = answered & ~offered & (offers.HAS_WSCALE | offers.HAS_TIMESTAMPS) != 0
    wrong |= two & (wrong_back | unasked)
    isn, isn_back = rows.seq[starts], rows.seq[second]
    flags, payload = rows.flags, rows.payload
    wrong |= (flags[starts] != _SYN) | (payload[starts] != 0)
    wrong |= two & ((flags[second] != _SYN_ACK) | (payload[second] != 0) | client[second])
    wrong |= two & (rows.ack[second] != isn + np.uint32(1))
    wrong |= (sizes > 2) & ~client[np.minimum(starts + 2, count - 1)]

    # Numbers from ISN + 1 on; what each end has sent and acknowledged before each row.
    mine = np.where(client, isn[run], isn_back[run]) + np.uint32(1)
    other = np.where(client, isn_back[run], isn[run]) + np.uint32(1)
    seq = (rows.seq - mine).astype(np.int64)
    ack = np.where(later, (rows.ack - other).astype(np.int64), 0)
    fin = later & (flags & _FIN != 0)
    length = np.where(later, payload + fin, 0)
    sent = _before(np.where(client, length, 0), starts, run)
    sent_back = _before(np.where(client, 0, length), starts, run)
    own, peer = np.where(client, sent, sent_back), np.where(client, sent_back, sent)
    fins = _before(client & fin, starts, run)
    fins_back = _before(~client & fin, starts, run)
    own_fin, peer_fin = np.where(client, fins, fins_back) > 0, np.where(client, fins_back, fins) > 0
    offset = run.astype(np.int64) << _APART
    acked, acked_now = _highest(np.where(client, ack, 0), offset)
    acked_back, acked_back_now = _highest(np.where(client, 0, ack), offset)
    edge = ack + (rows.window << np.where(later, np.where(client, shift[run], shift_back[run]), 0))
    edges, _ = _highest(np.where(client & later, edge, 0), offset)
    edges_back, _ = _highest(np.where(client, 0, edge), offset)

    bad = (rows.kind != PLAIN) | (rows.checksum == WRONG)
    bad |= later & ~_OTHERS[flags]
    bad |= later & (rows.layout != np.where(stamped, TIMESTAMPS, NO_OPTIONS)[run])
    bad |= later & ((seq != own) | (seq >= _MOST))
    bad |= later & ((ack > peer) | (ack < np.where(client, acked, acked_back)))
    bad |= own_fin & (length > 0)
    bad |= later & (seq + payload > np.where(client, edges_back, edges))
    covers_fin = peer_fin & (ack == peer)
    windows = (at >= 3) & ~covers_fin
    synack_edge = rows.window[second]
    loss = np.where(client, edges, edges_back) - edge
    mss_back = np.where(has_mss_back, named_back, 0)
    rounding = np.where(client, 1 << shift[run], 1 << shift_back[run])
    cookie = ~client & (edges_back == synack_edge[run])
    rounding = np.where(cookie, np.maximum(rounding, mss_back[run]), rounding)
    bad |= windows & (loss >= rounding)
    bad |= _copies(rows, client, seq, ack, length, at)

    # The size of data, by what its receiver named.
    default = _default_mss(rows, starts)
    room = np.where(
        client, np.where(has_mss_back, named_back, default)[run], np.where(has_mss, named, default)[run]
    )
    by_name = np.where(client, has_mss_back[run], has_mss[run])
    data = later & (payload > 0)
    large = data & (payload + rows.options > room)
    bad |= large & (rows.checksum == CORRECT)

    # What there was.
    several = later & (payload > 1)
    told = _before(~client & later & ((payload > 0) | (ack > 0) | fin), starts, run)
    one_scaled = (offered & ~answered & offers.HAS_WSCALE != 0) & (scale > 0)
    seen = np.zeros(count, np.int64)
    seen |= np.where(rows.checksum == CORRECT, Seen.CHECKSUM, 0)
    seen |= np.where(rows.options > 0, Seen.OPTIONS, 0)
    seen |= np.where(later & stamped[run], Seen.TIMESTAMPS, 0)
    seen |= np.where(several, Seen.DATA, 0)
    seen |= np.where(data & ~large, np.where(by_name, Seen.MSS_RESPECTED, Seen.MSS_DEFAULT), 0)
    seen |= np.where(several & client & (shift_back[run] > 0) & (told == 0), Seen.UNSHIFTED, 0)
    seen |= np.where(several & ~client & one_scaled[run], Seen.NEVER_SHIFTED, 0)
    seen |= np.where(windows, Seen.WINDOW, 0)
    seen |= np.where(fin, Seen.FIN, 0)
    seen |= np.where(later & covers_fin, Seen.FIN_ACKED, 0)
    of_run = np.bitwise_or.reduceat(seen, starts) | Seen.ALWAYS
    both = offered | np.where(two, answered, 0)
    of_run |= np.where(both & offers.HAS_MSS != 0, Seen.MSS, 0)
    of_run |= np.where(both & offers.HAS_WSCALE != 0, Seen.WSCALE, 0)
    of_run |= np.where(both & offers.HAS_SACK != 0, Seen.SACK, 0)
    of_run |= np.where(two & (answered & (offers.HAS_WSCALE | offers.HAS_TIMESTAMPS) != 0), Seen.ANSWER, 0)
    of_run |= np.where(two, Seen.SYN_ACK, 0)
    of_run |= np.where(sizes > 2, Seen.THIRD, 0)
    of_run |= np.where(sizes > 3, Seen.FOURTH, 0)

    # The end: both FINs acknowledged, by the last segment and not before.
    all_sent, all_back = sent + np.where(client, length, 0), sent_back + np.where(client, 0, length)
    done = (fins + (client & fin) > 0) & (fins_back + (~client & fin) > 0)
    done &= (acked_now == all_back) & (acked_back_now == all_sent)
    good = ~(wrong | np.logical_or.reduceat(bad, starts))
    good &= ~((sizes > 1) & done[np.maximum(lasts - 1, 0)])
    return Formed(
        good=good,
        closed=good & done[lasts],
        seen=of_run,
        too_large=np.add.reduceat((large & by_name).astype(np.int64), starts),
        too_large_by_default=np.add.reduceat((large & ~by_name).astype(np.int64), starts),
        client_low=rows.low[starts],
        client_octets=all_sent[lasts] - (fins + (client & fin))[lasts],
        server_octets=all_back[lasts] - (fins_back + (~client & fin))[lasts],
        client_segments=np.add.reduceat(client.astype(np.int64), starts),
        crossed=np.logical_or.reduceat(fin & peer_fin & ~covers_fin, starts),
        client_first=np.logical_or.reduceat(client & fin & ~peer_fin, starts),
    )


def _bad_syn(offer: Column, mss: Column, has_mss: Column) -> Column:
    scale = offer >> offers.WSCALE_AT & 0xFF
    bad: Column = (offer & offers.GOOD == 0) | (scale > _MAX_SHIFT)
    bad |= has_mss & ((mss == 0) | (mss > _LARGEST_MSS))
    return bad


def _default_mss(rows: Columns, starts: Column) -> Column:
    return np.where(rows.v6[starts], _DEFAULT_MSS_V6, _DEFAULT_MSS)


def _before(values: Column, starts: Column, run: Column) -> Column:
    """The sum of the values of a run before each row."""
    total = np.cumsum(values, dtype=np.int64) - values
    return total - total[starts][run]


def _highest(values: Column, offset: Column) -> tuple[Column, Column]:
    """The highest value of a run before each row (of no use in its first), and up to it; none is below 0."""
    now = np.maximum.accumulate(values + offset)
    before = np.empty_like(now)
    before[0] = 0
    before[1:] = now[:-1]
    return before - offset, now - offset


def _copies(rows: Columns, client: Column, seq: Column, ack: Column, length: Column, at: Column) -> Column:
    """What may be a copy of a packet that was seen shortly before: the same in all that can be told.

    Only what holds no numbers can be there twice in the normal form, and then stands behind its like. More than
    two of a kind are left to the judge.
    """
    index = np.arange(len(seq))
    found = np.zeros(len(seq), bool)
    for mine in (client, ~client):
        last = np.maximum.accumulate(np.where(mine, index, -1))
        before = np.empty_like(last)
        before[0] = -1
        before[1:] = last[:-1]
        before = np.maximum(before, 0)
        like = mine & (index - before < at - 1) & (length == 0) & (length[before] == 0)
        like &= (seq == seq[before]) & (ack == ack[before])
        found |= like & ((rows.mark == rows.mark[before]) | like[before])
    return found
