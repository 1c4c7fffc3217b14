"""Sums up connections of the normal form, as the judge would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

from rawshake.connection import Connection, Ended, EndFacts, Facts, Found, Opened
from rawshake.link import Frame
from rawshake.report import Exchange, Judged, Outcome
from rawshake.rules.opening import Opening
from rawshake.screen.closed import Closed
from rawshake.screen.openings import text
from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
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


#: What a Clean has after both ends, under the names that the columns have.
_ALIKE: Final = Clean._fields[4:]


def cleans(closed: Closed) -> Iterator[Clean]:
    """Each of them."""
    client, server = closed.ends()
    return map(
        Clean,
        _texts(closed.v6, *client[:2]),
        client[2].tolist(),
        _texts(closed.v6, *server[:2]),
        server[2].tolist(),
        *(getattr(closed, name).tolist() for name in _ALIKE),
    )


def _texts(v6: Column, upper: Column, lower: Column) -> list[str]:
    """Addresses as text."""
    return list(map(text, v6.tolist(), upper.tolist(), lower.tolist()))


def transcript(connection: Connection, frames: Sequence[Frame]) -> Exchange:
    """The packets of a connection that is judged already, tracked and not judged again, which would take longer."""
    tracker = Tracker(connection.client, connection.server)
    entries = []
    for frame in frames:
        segment = decode(frame.packet, offloaded=frame.offloaded)
        assert isinstance(segment, Segment)
        entries.append(Judged(tracker.apply(segment, frame.time), (), frame.number))
    return Exchange(
        client=connection.client,
        server=connection.server,
        entries=tuple(entries),
        closing=tuple(found.ruling for found in connection.findings),
        outcome=Outcome.OPEN,
    )
