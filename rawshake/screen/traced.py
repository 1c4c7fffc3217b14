"""What both ends of many connections have sent and acknowledged before each of their segments, by columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rawshake.screen import offer as offers
from rawshake.screen.columns import Columns
from rawshake.screen.rows import either

Column = NDArray[Any]

_FIN: Final = 0x01
#: Room for one connection's numbers where the running maximum of all is taken at once.
APART: Final = 34


@dataclass(slots=True, eq=False, repr=False)
class Traced:
    """Runs of segments, each from a SYN on to before the next of ``starts``, as if all were in the normal form.

    What has an element for each run is said to be of the runs; all else is of the rows. Numbers count from ISN + 1
    on. ``back`` is what the other end, the server, has to do with.
    """

    rows: Columns
    #: of the runs: first, second and last row, how many there are
    starts: Column
    second: Column
    lasts: Column
    sizes: Column
    #: of the runs: the options of the SYN and of the SYN,ACK; window scales that hold; timestamps that hold
    offered: Column
    answered: Column
    shift: Column
    shift_back: Column
    stamped: Column
    #: the run; how many of it went before; whether the client sent it; whether it is none of the SYNs
    run: Column
    at: Column
    client: Column
    later: Column
    #: the row that the same end sent before, or -1
    before: Column
    fin: Column
    #: numbers, of the SYNs 0; how much sequence space it takes, of the SYNs nothing
    seq: Column
    ack: Column
    length: Column
    #: what the sender and the receiver have sent before, and whether a FIN
    own: Column
    peer: Column
    own_fin: Column
    peer_fin: Column
    #: the highest acknowledgment of the sender before, and of both ends up to it
    acked: Column
    acked_client: Column
    acked_server: Column
    #: the window in octets and the right edge that it advertises; the highest edges before of sender and receiver
    window: Column
    edge: Column
    own_edge: Column
    peer_edge: Column


def traced(rows: Columns, starts: Column) -> Traced:
    """Trace runs of segments; rows are in the order of the runs."""
    count = len(rows)
    sizes = np.diff(np.append(starts, count))
    run = np.repeat(np.arange(len(starts)), sizes)
    at = np.arange(count) - starts[run]
    second = np.minimum(starts + 1, count - 1)
    client = rows.low == rows.low[starts][run]
    later = at >= 2
    offered, answered = rows.offer[starts], rows.offer[second]
    scaled = offered & answered & offers.HAS_WSCALE != 0
    shift = np.where(scaled, offered >> offers.WSCALE_AT & 0xFF, 0)
    shift_back = np.where(scaled, answered >> offers.WSCALE_AT & 0xFF, 0)
    isn, isn_back = rows.seq[starts], rows.seq[second]
    both = (isn + isn_back)[run]
    own_isn = either(client, isn[run], isn_back[run])
    mine, other = own_isn + np.uint32(1), both - own_isn + np.uint32(1)
    ack = (rows.ack - other).astype(np.int64) * later
    fin = later & (rows.flags & _FIN != 0)
    length = (rows.payload + fin) * later
    of_client = length * client
    sent = before(of_client, starts, run)
    sent_back = before(length - of_client, starts, run)
    fins = before(client & fin, starts, run) > 0
    fins_back = before(~client & fin, starts, run) > 0
    offset = run.astype(np.int64) << APART
    acked, acked_now = _highest(ack * client, offset)
    acked_back, acked_back_now = _highest(ack * ~client, offset)
    window = rows.window << either(client, shift[run], shift_back[run]) * later
    edge = ack + window
    edges, _ = _highest(edge * (client & later), offset)
    edges_back, _ = _highest(edge * ~client, offset)
    own, own_acked = either(client, sent, sent_back), either(client, acked, acked_back)
    own_edge = either(client, edges, edges_back)
    return Traced(
        rows=rows,
        starts=starts,
        second=second,
        lasts=starts + sizes - 1,
        sizes=sizes,
        offered=offered,
        answered=answered,
        shift=shift,
        shift_back=shift_back,
        stamped=offered & answered & offers.HAS_TIMESTAMPS != 0,
        run=run,
        at=at,
        client=client,
        later=later,
        before=_same_end(client, starts, run),
        fin=fin,
        seq=(rows.seq - mine).astype(np.int64) * later,
        ack=ack,
        length=length,
        own=own,
        peer=sent + sent_back - own,
        own_fin=np.where(client, fins, fins_back),
        peer_fin=np.where(client, fins_back, fins),
        acked=own_acked,
        acked_client=acked_now,
        acked_server=acked_back_now,
        window=window,
        edge=edge,
        own_edge=own_edge,
        peer_edge=edges + edges_back - own_edge,
    )


def before(values: Column, starts: Column, run: Column) -> Column:
    """The sum of the values of a run before each row."""
    total = np.cumsum(values, dtype=np.int64) - values
    # No connection of the normal form has so much; beyond that only the order matters.
    found: Column = np.minimum(total - total[starts][run], 1 << APART - 1)
    return found


def _highest(values: Column, offset: Column) -> tuple[Column, Column]:
    """The highest value of a run before each row (of no use in its first), and up to it; none is below 0."""
    now = np.maximum.accumulate(values + offset)
    earlier = np.empty_like(now)
    earlier[0] = 0
    earlier[1:] = now[:-1]
    return earlier - offset, now - offset


def _same_end(client: Column, starts: Column, run: Column) -> Column:
    """For each row the one that the same end of the same run sent before; -1 if there is none."""
    index = np.arange(len(client))
    found = np.full(len(client), -1)
    for mine in (client, ~client):
        last = np.maximum.accumulate(np.where(mine, index, -1))
        found[1:] = np.where(mine[1:], last[:-1], found[1:])
    found[found < starts[run]] = -1
    return found
