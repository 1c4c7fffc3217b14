"""Packets that are kept: rows, and the buffers that hold their octets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawshake.link import Frame
from rawshake.screen.columns import Columns

Column = NDArray[Any]


class Kept:
    """Rows and the buffers that their packets are in."""

    def __init__(self, rows: Columns, parts: list[bytes]) -> None:
        self.rows = rows
        self.parts = parts

    def frame(self, row: int) -> Frame:
        """The packet of a row."""
        rows = self.rows
        at = rows.ip[row]
        packet = self.parts[rows.part[row]][at : at + rows.captured[row]]
        offloaded, number = bool(rows.offloaded[row]), int(rows.number[row])
        return Frame(int(rows.time[row]), packet, offloaded=offloaded, number=number)

    def only(self, chosen: Column) -> Kept:
        """These rows alone, with their packets in a buffer of their own."""
        rows = self.rows.take(chosen)
        parts = self.parts
        places = zip(rows.part.tolist(), rows.ip.tolist(), (rows.ip + rows.captured).tolist(), strict=True)
        blob = b"".join([parts[part][begin:end] for part, begin, end in places])
        rows.ip = np.cumsum(rows.captured) - rows.captured
        rows.part = np.zeros(len(rows), np.uint8)
        return Kept(rows, [blob])

    def moved(self, part: int) -> Columns:
        """The rows, for use where their one buffer has that number."""
        self.rows.part = np.full(len(self.rows), part, np.uint8)
        return self.rows


class Run:
    """The packets of one connection: rows that follow one another."""

    __slots__ = ("first", "kept", "past")

    def __init__(self, kept: Kept, first: int, past: int) -> None:
        self.kept, self.first, self.past = kept, first, past

    def frames(self) -> list[Frame]:
        """Its packets."""
        return [self.kept.frame(row) for row in range(self.first, self.past)]
