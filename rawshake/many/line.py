"""The seam between many exchanges and the wire: packets out and in as rows of octets, and a clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from rawshake.link import Frame
from rawshake.many.packets import ROW, Column
from rawshake.tcp.segment import Segment


class Batch(Protocol):
    """Packets that came, either way, in the order in which they were seen; each once.

    ``rows`` holds the first ROW octets of each, zeros behind its end. Times are ns since the epoch, by the kernel.
    """

    @property
    def rows(self) -> Column: ...

    @property
    def lengths(self) -> Column: ...

    @property
    def times(self) -> Column: ...

    @property
    def offloaded(self) -> Column: ...

    def frame(self, at: int) -> Frame:
        """All of one packet."""
        ...


class Frames:
    """Frames as a batch."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._frames = frames
        self.rows = np.zeros((len(frames), ROW), np.uint8)
        for row, frame in zip(self.rows, frames, strict=True):
            row[: len(frame.packet)] = np.frombuffer(frame.packet[:ROW], np.uint8)
        self.lengths = np.array([len(frame.packet) for frame in frames], np.int64)
        self.times = np.array([frame.time for frame in frames], np.int64)
        self.offloaded = np.array([frame.offloaded for frame in frames], bool)

    def frame(self, at: int) -> Frame:
        """All of one packet."""
        return self._frames[at]


class Line(Protocol):
    """Guarded ports of ours, and a way to one port of one host and back."""

    source: str
    target: str
    dport: int
    #: our ports
    ports: tuple[int, ...]

    def now(self) -> int:
        """Nanoseconds since the epoch, on the clock that stamps packets."""
        ...

    def send(self, rows: Column) -> None:
        """Send whole packets, one a row. Raises ``errors.Failure`` where the kernel refuses."""
        ...

    def transmit(self, segment: Segment, checksum: Callable[[int], int] | None = None) -> bytes:
        """Send one segment, and return its packet, as ``link.Link.send`` does."""
        ...

    def receive(self) -> Batch | None:
        """What has come; None if nothing has."""
        ...

    def wait(self, deadline: int) -> None:
        """Until something comes, or ``now() >= deadline``, or someone wakes us."""
        ...

    def obstacle(self) -> str:
        """Why what was sent has not left yet, if the next hop is to blame; empty otherwise."""
        ...

    @property
    def lost(self) -> int:
        """How many packets passed unseen, for want of room."""
        ...
