"""The order of ``trace.order``, of rows: which come next, and which are held for what may still go before them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rawshake.trace.order import BEHIND, WITHIN

Column = NDArray[Any]


class Order(NamedTuple):
    """Rows in the order in which they go on, and those that are held, in theirs; and the latest time so far."""

    released: Column
    held: Column
    latest: int


def order(times: Column, held: int, latest: int) -> Order:
    """``times`` of rows, of which the first ``held`` were held before: see ``trace.order.ordered``."""
    count = len(times)
    if count == 0:
        return Order(np.zeros(0, np.int64), np.zeros(0, np.int64), latest)
    if np.all(times[1:] >= times[:-1]) and (not held or int(times[min(held, count - 1)]) >= latest):
        latest = int(times[-1])
        kept = int(np.searchsorted(times, latest - WITHIN))
        cut = max(kept, count - BEHIND, 0)
        rows = np.arange(count)
        return Order(rows[:cut], rows[cut:], latest)
    listed = times.tolist()
    waiting = list(range(held))
    out: list[int] = []
    for row in range(held, count):
        time = listed[row]
        if time >= latest or not waiting:
            latest = time
            waiting.append(row)
            while len(waiting) > BEHIND or listed[waiting[0]] < time - WITHIN:
                out.append(waiting.pop(0))
        elif time < latest - WITHIN:
            out += waiting
            waiting, latest = [row], time
        else:
            at = len(waiting)
            while at and listed[waiting[at - 1]] > time:
                at -= 1
            waiting.insert(at, row)
            if len(waiting) > BEHIND:
                out.append(waiting.pop(0))
    return Order(np.array(out, np.int64), np.array(waiting, np.int64), latest)
