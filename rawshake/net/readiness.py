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
        self._waker: int | None = None
        for source in sources:
            self.watch(source)

    def watch(self, source: Readable) -> None:
        """Watch this one, too."""
        self._poll.register(source, select.POLLIN)

    def wake_by(self, descriptor: int | None) -> None:
        """Have ``wait`` return early, with nothing, while that can be read; None for no such thing."""
        if self._waker is not None:
            self._poll.unregister(self._waker)
        self._waker = descriptor
        if descriptor is not None:
            self._poll.register(descriptor, select.POLLIN)

    def wait(self, deadline: int | None) -> Sequence[int]:
        """Which descriptors can be read; none once ``deadline`` (ns since the epoch) has come, or somebody wakes us.

        None as deadline waits for ever; one that has passed does not wait.
        """
        left = None if deadline is None else max(0, deadline - time.time_ns())
        ready = [one for one, _ in self._poll.poll(None if left is None else left / 1e6)]  # ms, rounded up
        return () if self._waker in ready else ready
