"""A Follower that is also told of connections which need not be followed: clean ones, whole, as they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Final, NamedTuple, Protocol

from rawshake.connection import Connection, Found
from rawshake.follow import LINGER, Follower, Key, Limits, Totals, key_of
from rawshake.judge import Ruling, ruled
from rawshake.link import Frame
from rawshake.report import Exchange, Judged, Outcome, Remark
from rawshake.rules.model import Rule, Scope, Verdict
from rawshake.rules.sending import first_flight
from rawshake.screen import table
from rawshake.screen.emit import Clean
from rawshake.tcp.decode import decode
from rawshake.tcp.notation import one_line
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End

#: What a Clean counts.
_COUNTED: Final = (table.TOO_LARGE, table.TOO_LARGE_BY_DEFAULT, table.ECHO_UNSURE)


class Packets(Protocol):
    """All packets of a connection, wherever they are kept."""

    def frames(self) -> list[Frame]:
        """The packets themselves."""
        ...


class Settled(NamedTuple):
    """A clean connection that has ended and may still hear something; ``hash`` is that of its ends."""

    number: int
    clean: Clean
    hash: int
    packets: Packets


class Settling(Follower):
    """Follows what it is given, and keeps what is settled elsewhere among it, in the order of their ends."""

    def __init__(
        self,
        rules: Sequence[Rule],
        done: Callable[[Connection], None],
        *,
        limits: Limits | None = None,
        keep: Callable[[Connection], bool] = lambda connection: False,
        live: Callable[[int, Tracker, Judged | Remark], None] | None = None,
    ) -> None:
        super().__init__(rules, done, limits=limits, keep=keep, live=live)
        #: those that have ended last, by their ends
        self.settled: dict[Key, Settled] = {}
        #: of what is followed here, the hash of both ends
        self.owned: dict[Key, int] = {}
        self._hash = 0
        self._ids = frozenset(rule.id for rule in rules)
        self._initial_window = next((rule for rule in rules if rule.id == "initial-window-bounded"), None)
        self._judges_captures = any(rule.scope is Scope.CAPTURE for rule in rules)

        @cache
        def known(seen: int) -> tuple[frozenset[str], Counter[tuple[str, str]]]:
            return table.held(self._ids, seen), table.undecided(self._ids, seen)

        @cache
        def with_passed(
            held: frozenset[str], passed: frozenset[str], failed: frozenset[str]
        ) -> frozenset[str]:
            return (held | passed) - failed

        self._known, self._with = known, with_passed

    def feed(self, frame: Frame, hashed: int, number: int = 0) -> None:
        """Follow one packet; ``number`` is that of the connection that it begins, if it has one already."""
        self._hash = hashed
        if not number:
            self.frame(frame)
            return
        count, self.totals.connections = self.totals.connections, number - 1
        self.frame(frame)
        self.totals.connections = count

    def settle(self, before: int) -> None:
        """Hand on what has ended before; see Follower."""
        while self._ended:
            key = next(iter(self._ended))
            one = self.settled.get(key)
            if (self._open[key].last_time if one is None else one.clean.last_time) >= before:
                return
            self._close(key)

    def add(self, one: Settled) -> None:
        """A connection has ended: it is handed on when nothing more can come of it."""
        clean = one.clean
        self._now = max(self._now, clean.last_time)
        self.totals.frames += clean.segments
        self.totals.segments += clean.segments
        key = clean.key
        self.settled[key] = one
        self._ended[key] = None
        if len(self._ended) > self._limits.ended:
            self._close(next(iter(self._ended)))

    def begins(self, key: Key, time: int) -> None:
        """Another connection of these ends begins: the one before is over."""
        self._now = max(self._now, time)
        self._close(key)

    def vouch(self, address: str) -> None:
        """Whoever has this address has sent a right checksum."""
        self._right[address] = None
        if len(self._right) > self._limits.connections:
            self._right.popitem(last=False)

    def finish(self) -> Totals:
        """The capture has ended: whatever is still there is over, in the order in which it was last heard of."""
        order = [(live.last_time, live.last_frame, key) for key, live in self._open.items()]
        order += [(one.clean.last_time, one.clean.last_frame, key) for key, one in self.settled.items()]
        for _, _, key in sorted(order):
            self._close(key)
        return self.totals

    def _segment(self, segment: Segment, frame: Frame) -> None:
        key = key_of(segment)
        one = self.settled.get(key)
        if one is not None:
            if frame.time - one.clean.last_time > LINGER or one.clean.opens_another(segment):
                self._close(key)
            else:
                self._revive(key, one)
        super()._segment(segment, frame)
        if key in self._open:
            self.owned[key] = self._hash

    def _revive(self, key: Key, one: Settled) -> None:
        """Follow it after all, from its beginning."""
        del self.settled[key]
        del self._ended[key]
        totals = self.totals
        kept = totals.frames, totals.segments, totals.connections
        totals.connections = one.number - 1
        for frame in one.packets.frames():
            self.frame(frame)
        totals.frames, totals.segments, totals.connections = kept

    def _close(self, key: Key) -> None:
        one = self.settled.pop(key, None)
        if one is None:
            super()._close(key)
            if key not in self._open:
                self.owned.pop(key, None)
            return
        del self._ended[key]
        clean = one.clean
        held, undecided = self._known(clean.seen)
        undecidable = undecided  # shared by all that are alike, until something is added
        counts = clean.too_large, clean.too_large_by_default, clean.echo_unsure
        for reason, times in zip(_COUNTED, counts, strict=True):
            if times and reason[0] in self._ids:
                undecidable = undecidable | Counter({reason: times})
        findings = self._flights(one) if clean.flight or clean.flight_back else ()
        if self._judges_captures:
            passed, failed = set(), set()
            for entry, outcome, opening in self._capture.outcomes(clean.openings(one.number, self._now)):
                if outcome.verdict is Verdict.PASS:
                    passed.add(entry.id)
                    continue
                ruling = self._capture.ruling(entry, outcome, opening)
                if ruling.verdict is Verdict.INCONCLUSIVE:
                    undecidable = undecidable + Counter({(ruling.rule, ruling.sentence): 1})
                elif ruling.verdict is Verdict.FAIL:
                    failed.add(ruling.rule)
                if ruling.is_finding:
                    findings += (_found(one, ruling),)
            held = self._with(held, frozenset(passed), frozenset(failed))
        connection = clean.connection(one.number, held, undecidable, findings)
        if self._keep(connection):
            connection = replace(connection, exchange=self._transcript(connection, one.packets.frames()))
        self._done(connection)

    def _transcript(self, connection: Connection, frames: Sequence[Frame]) -> Exchange:
        """All segments of a clean connection, with what was found of it, but not with what held."""
        return transcript(connection, frames)

    def _flights(self, one: Settled) -> tuple[Found, ...]:
        """Notes of first flights that are longer than the letter allows, and no longer than today's stacks send."""
        if self._initial_window is None:
            return ()
        clean = one.clean
        found = []
        for end, number, room, isn in (
            (End.CLIENT, clean.flight, clean.room, clean.isn),
            (End.SERVER, clean.flight_back, clean.room_back, clean.isn_back),
        ):
            if number:
                segment = decode(one.packets.frames()[number - 1].packet)
                assert isinstance(segment, Segment)
                octets = segment.seq + segment.payload_length - (Seq(isn) + 1)
                outcome = first_flight(octets, room, end=end, step=number)
                found.append(_found(one, ruled(self._initial_window, outcome, end, number)))
        return tuple(found)


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


def _found(one: Settled, ruling: Ruling) -> Found:
    """A finding and its segment."""
    frame = one.packets.frames()[ruling.step - 1]
    segment = decode(frame.packet)
    assert isinstance(segment, Segment)
    if segment.checksum is Checksum.UNVERIFIABLE:
        segment = replace(segment, checksum=Checksum.CORRECT)
    isn, back = Seq(one.clean.isn), Seq(one.clean.isn_back)
    client = ruling.end is End.CLIENT
    mine, other = (isn, back) if client else (back, isn)
    return Found(
        frame.number, ruling, one_line(segment, isn=mine, peer_isn=other, from_client=client, content=False)
    )
