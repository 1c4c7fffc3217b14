"""Connections of the normal form that have ended, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rawshake.screen.openings import Openings
from rawshake.screen.rows import Rows, empty
from rawshake.tcp.seq import SPACE

Column = NDArray[Any]


_KINDS: Final = tuple(
    "i8 i8 i8 u8 ? u8 u8 u8 u8 u4 ? u4 u4 i8 i8 i8 i8 ? ? i8 i8 i8 i8 i8 i8 i8 i8 i8 i8 i8 i8 i8".split()
)


@dataclass(slots=True, eq=False, repr=False)
class Closed(Rows):
    """Connections of the normal form that are closed, as columns; see ``emit.Clean``.

    ``number`` is that of the connection if it has one already, else 0; ``begun`` is where in its block it began.
    Of its packets, ``at`` is the first.
    """

    number: Column
    begun: Column
    at: Column
    hash: Column
    v6: Column
    low_upper: Column
    low_lower: Column
    high_upper: Column
    high_lower: Column
    ports: Column
    client_low: Column
    isn: Column
    isn_back: Column
    octets: Column
    octets_back: Column
    client_segments: Column
    segments: Column
    crossed: Column
    client_first: Column
    first_time: Column
    second_time: Column
    last_time: Column
    first_frame: Column
    last_frame: Column
    seen: Column
    too_large: Column
    too_large_by_default: Column
    echo_unsure: Column
    flight: Column
    flight_back: Column
    room: Column
    room_back: Column

    def ends(self) -> tuple[tuple[Column, Column, Column], tuple[Column, Column, Column]]:
        """Upper and lower half of the address, and the port, of the client and of the server."""
        low = self.low_upper, self.low_lower, self.ports >> np.uint32(16)
        high = self.high_upper, self.high_lower, self.ports & np.uint32(0xFFFF)
        pairs = list(zip(low, high, strict=True))
        client = [np.where(self.client_low, one, other) for one, other in pairs]
        server = [np.where(self.client_low, other, one) for one, other in pairs]
        return (client[0], client[1], client[2]), (server[0], server[1], server[2])

    def openings(self) -> Openings:
        """How both ends opened each, the client first."""
        client, server = self.ends()
        both: list[Column] = [
            _twice(self.number, self.number),
            _twice(np.zeros(len(self), bool), np.ones(len(self), bool)),
            _twice(self.v6, self.v6),
            _twice(client[0], server[0]),
            _twice(client[1], server[1]),
            _twice(server[0], client[0]),
            _twice(server[1], client[1]),
            _twice(client[2] << np.uint32(16) | server[2], server[2] << np.uint32(16) | client[2]),
            _twice(self.first_time, self.second_time),
            _twice(self.isn, self.isn_back).astype(np.int64),
            _twice(self.isn_back, self.isn).astype(np.int64),
            (_twice(self.isn, self.isn_back).astype(np.int64) + _twice(self.octets, self.octets_back) + 2)
            % SPACE,
            np.ones(2 * len(self), bool),
            _twice(self.crossed | self.client_first, self.crossed | ~self.client_first),
        ]
        return Openings(*both)


def none() -> Closed:
    """No connection."""
    return empty(Closed, _KINDS)


def _twice(client: Column, server: Column) -> Column:
    """What is so of each client and each server, in turns."""
    found = np.empty(2 * len(client), client.dtype)
    found[::2], found[1::2] = client, server
    return found
