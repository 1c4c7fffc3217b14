"""Puts packets in the order of their times where a capture has them slightly out of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from rawshake.link import Frame

#: How far, in ns, and behind how many others a packet may stand: a capture merges the queues of a network card
#: in bursts. A clock that was set back goes further, and the order of the file then stands.
WITHIN: Final = 100_000_000
BEHIND: Final = 64


def ordered(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames by time, those of one time in the order given; never more than BEHIND of them are held.

    A frame is handed on once WITHIN has passed behind it, so that a capture that still grows is followed.
    """
    held: deque[Frame] = deque()
    latest = 0
    for frame in frames:
        time = frame.time
        if time >= latest or not held:
            latest = time
            held.append(frame)
            while len(held) > BEHIND or held[0].time < time - WITHIN:
                yield held.popleft()
        elif time < latest - WITHIN:
            yield from held
            held.clear()
            held.append(frame)
            latest = time
        else:
            at = len(held)
            while at and held[at - 1].time > time:
                at -= 1
            held.insert(at, frame)
            if len(held) > BEHIND:
                yield held.popleft()
    yield from held
