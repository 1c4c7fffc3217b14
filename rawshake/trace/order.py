"""Puts packets in the order of their times where a capture has them slightly out of it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Final

from rawshake.link import Frame

#: How far, in ns, and behind how many others a packet may stand: a capture merges the queues of a network card
#: in bursts. A clock that was set back goes further, and the order of the file then stands.
WITHIN: Final = 100_000_000
BEHIND: Final = 64


def ordered(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames by time, those of one time in the order given; never more than BEHIND of them are held."""
    held: list[tuple[int, int, Frame]] = []
    latest = 0
    for count, frame in enumerate(frames):
        time = frame.time
        if time < latest - WITHIN:
            while held:
                yield heapq.heappop(held)[2]
            latest = time
        elif time > latest:
            latest = time
        heapq.heappush(held, (time, count, frame))
        if len(held) > BEHIND:
            yield heapq.heappop(held)[2]
    while held:
        yield heapq.heappop(held)[2]
