"""Packets that are kept: rows, and the buffers that hold their octets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from rawshake.link import Frame
from rawshake.screen.rows import Rows

Column = NDArray[Any]


#: A buffer of which less than one part in so many is in use is let go of, and what is in use is copied.
SPARSE: Final = 4
#: How many buffers are held on to at the most.
BUFFERS: Final = 8


@dataclass(slots=True, eq=False, repr=False)
class Places(Rows):
    """Where packets are, and what else a Frame has: ``part`` and ``ip`` say where one begins, ``captured`` how many
    octets of it there are; ``offloaded`` that its checksum was left to the hardware.
    """

    part: Column
    ip: Column
    captured: Column
    time: Column
    number: Column
    offloaded: Column


Held = TypeVar("Held", bound=Places)


class Kept(Generic[Held]):
    """Rows and the buffers that their packets are in."""

    def __init__(self, rows: Held, parts: list[bytes]) -> None:
        self.rows = rows
        self.parts = parts

    def frame(self, row: int) -> Frame:
        """The packet of a row."""
        rows = self.rows
        at = rows.ip[row]
        packet = self.parts[rows.part[row]][at : at + rows.captured[row]]
        offloaded, number = bool(rows.offloaded[row]), int(rows.number[row])
        return Frame(int(rows.time[row]), packet, offloaded=offloaded, number=number)

    def only(self, chosen: Column) -> Kept[Held]:
        """These rows alone, and no more than SPARSE times the octets of their packets."""
        rows, parts = self.rows.take(chosen), self.parts
        used = np.bincount(rows.part, rows.captured, len(parts))
        sizes = np.array([len(part) for part in parts])
        dense = [int(part) for part in np.argsort(-used) if used[part] and used[part] * SPARSE >= sizes[part]]
        held = dense[:BUFFERS]
        number = np.full(len(parts), len(held))
        number[held] = np.arange(len(held))
        rows.part = number[rows.part].astype(np.uint8)
        copied = np.flatnonzero(rows.part == len(held))
        left = [parts[part] for part in held]
        if len(copied):
            begins, lengths = rows.ip[copied], rows.captured[copied]
            whose = self.rows.part[chosen][copied]
            places = zip(whose.tolist(), begins.tolist(), (begins + lengths).tolist(), strict=True)
            left.append(b"".join([parts[part][begin:end] for part, begin, end in places]))
            rows.ip[copied] = np.cumsum(lengths) - lengths
        return Kept(rows, left)

    def places(self) -> Kept[Places]:
        """The packets alone."""
        rows = self.rows
        return Kept(
            Places(rows.part, rows.ip, rows.captured, rows.time, rows.number, rows.offloaded), self.parts
        )

    def behind(self, parts: list[bytes]) -> Held:
        """The rows, for use where their buffers stand behind others; they are put there."""
        self.rows.part = self.rows.part + np.uint8(len(parts))
        parts += self.parts
        return self.rows
