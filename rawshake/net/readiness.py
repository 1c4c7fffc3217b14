"""Waiting for packets: until some can be read, a moment has come, or somebody wakes us."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import Protocol


class Readable(Protocol):
    """Anything with a descriptor."""

    def fileno(self) -> int: ...


class Readiness:
    """Watches what is given to ``watch``, all of it open for as long as it is asked."""

    def __init__(self, *sources: Readable) -> None:
        self._poll = select.poll()
        self._wakers: set[int] = set()
        for source in sources:
            self.watch(source)

    def watch(self, source: Readable) -> None:
        """Watch this one, too."""
        self._poll.register(source, select.POLLIN)

    def wake_by(self, *descriptors: int | None) -> None:
        """Have ``wait`` return early, with nothing, while one of these can be read, and no other; None is none."""
        for waker in self._wakers:
            self._poll.unregister(waker)
        self._wakers = {one for one in descriptors if one is not None}
        for waker in self._wakers:
            self._poll.register(waker, select.POLLIN)

    def wait(self, deadline: int | None) -> Sequence[int]:
        """Which descriptors can be read; none once ``deadline`` (ns since the epoch) has come, or somebody wakes us.

        None as deadline waits for ever; one that has passed does not wait.
        """
        left = None if deadline is None else max(0, deadline - time.time_ns())
        ready = [one for one, _ in self._poll.poll(None if left is None else left / 1e6)]  # ms, rounded up
        return ready if self._wakers.isdisjoint(ready) else ()
