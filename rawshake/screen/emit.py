"""Sums up connections of the normal form, as the judge would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rawshake.connection import Connection, Ended, EndFacts, Facts, Found, Opened
from rawshake.follow import Key, ordered_ends
from rawshake.rules.opening import Opening
from rawshake.screen.columns import Columns
from rawshake.screen.form import Formed
from rawshake.tcp.decode import address_text
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End

Column = NDArray[Any]

#: Where the ends are left: whoever closed first, whoever closed last, and both where the FINs crossed.
_FIRST: Final = (State.TIME_WAIT, State.TIME_WAIT, "TIME-WAIT")
_LAST: Final = (State.LAST_ACK, State.CLOSED, "CLOSED?")
_CROSSED: Final = (State.CLOSING, State.TIME_WAIT, "TIME-WAIT?")


class Clean(NamedTuple):
    """A connection of the normal form that is closed. Times are ns since the epoch; ``seen`` has bits of Seen."""

    client: str
    client_port: int
    server: str
    server_port: int
    isn: int
    isn_back: int
    octets: int
    octets_back: int
    client_segments: int
    segments: int
    crossed: bool
    client_first: bool
    first_time: int
    second_time: int
    last_time: int
    first_frame: int
    last_frame: int
    seen: int
    too_large: int
    too_large_by_default: int
    echo_unsure: int
    #: of the client and the server: the last segment of a first flight that is worth a note, or 0; the MSS
    flight: int
    flight_back: int
    room: int
    room_back: int

    @property
    def key(self) -> Key:
        """Both ends, as the Follower knows connections by."""
        return ordered_ends(self.client, self.client_port, self.server, self.server_port)

    def opens_another(self, segment: Segment) -> bool:
        """Whether the segment, of the same ends, is a SYN that begins another connection."""
        if not segment.syn or segment.has_ack:
            return False
        by_client = (segment.src, segment.sport) == (self.client, self.client_port)
        return segment.seq.value != (self.isn if by_client else self.isn_back)

    def openings(self, number: int, until: int) -> tuple[Opening, Opening]:
        """How both ends opened it."""
        here, there = (self.client, self.client_port), (self.server, self.server_port)
        isn, back = Seq(self.isn), Seq(self.isn_back)
        nxt, nxt_back = isn + (self.octets + 2), back + (self.octets_back + 2)
        return (
            Opening(
                number,
                End.CLIENT,
                1,
                isn,
                (here, there),
                (self.first_time,),
                until,
                True,
                True,
                nxt,
                back,
                self.crossed or self.client_first,
            ),
            Opening(
                number,
                End.SERVER,
                2,
                back,
                (there, here),
                (self.second_time,),
                until,
                True,
                True,
                nxt_back,
                isn,
                self.crossed or not self.client_first,
            ),
        )

    def connection(
        self,
        number: int,
        held: frozenset[str],
        undecidable: Counter[tuple[str, str]],
        findings: tuple[Found, ...] = (),
    ) -> Connection:
        """What the Follower would have handed on."""
        if self.crossed:
            one = other = _CROSSED
        else:
            one, other = (_FIRST, _LAST) if self.client_first else (_LAST, _FIRST)
        segments = self.segments
        return Connection(
            number,
            (self.client, self.client_port),
            (self.server, self.server_port),
            Facts(
                EndFacts(Seq(self.isn), *one, True, True, (), self.octets, self.client_segments),
                EndFacts(
                    Seq(self.isn_back),
                    *other,
                    True,
                    True,
                    (),
                    self.octets_back,
                    segments - self.client_segments,
                ),
                Opened.COMPLETE,
                Ended.SIMULTANEOUS if self.crossed else Ended.CLOSED,
                None if self.crossed else End.CLIENT if self.client_first else End.SERVER,
                True,
                segments,
                self.first_time,
                self.last_time,
                self.second_time - self.first_time,
            ),
            self.first_frame,
            self.last_frame,
            findings,
            held,
            undecidable,
        )


def clean(rows: Columns, starts: Column, lasts: Column, what: Formed, chosen: Column) -> Iterator[Clean]:
    """Those ``chosen`` among the runs that begin at ``starts``."""
    first, second, last = starts[chosen], starts[chosen] + 1, lasts[chosen]
    client_low, v6 = what.client_low[chosen], rows.v6[first]
    upper = rows.low_upper[first], rows.high_upper[first]
    lower = rows.low_lower[first], rows.high_lower[first]
    ports = rows.ports[first]
    low_port, high_port = ports >> np.uint32(16), ports & np.uint32(0xFFFF)
    return map(
        Clean,
        _texts(v6, *(np.where(client_low, *pair) for pair in (upper, lower))),
        np.where(client_low, low_port, high_port).tolist(),
        _texts(v6, *(np.where(client_low, *reversed(pair)) for pair in (upper, lower))),
        np.where(client_low, high_port, low_port).tolist(),
        rows.seq[first].tolist(),
        rows.seq[second].tolist(),
        what.client_octets[chosen].tolist(),
        what.server_octets[chosen].tolist(),
        what.client_segments[chosen].tolist(),
        (last - first + 1).tolist(),
        what.crossed[chosen].tolist(),
        what.client_first[chosen].tolist(),
        rows.time[first].tolist(),
        rows.time[second].tolist(),
        rows.time[last].tolist(),
        rows.number[first].tolist(),
        rows.number[last].tolist(),
        what.seen[chosen].tolist(),
        what.too_large[chosen].tolist(),
        what.too_large_by_default[chosen].tolist(),
        what.echo_unsure[chosen].tolist(),
        *(column[chosen].tolist() for column in (*what.flights, *what.rooms)),
    )


def _texts(v6: Column, upper: Column, lower: Column) -> list[str]:
    """Addresses as text."""
    if not v6.any():
        return list(map(_text, lower.tolist()))
    return list(map(text, v6.tolist(), upper.tolist(), lower.tolist()))


def _text(address: int) -> str:
    return address_text(address.to_bytes(4, "big"))


def text(v6: bool, upper: int, lower: int) -> str:
    """An address as text, from its upper and lower 64 bits."""
    return address_text(upper.to_bytes(8, "big") + lower.to_bytes(8, "big")) if v6 else _text(lower)
