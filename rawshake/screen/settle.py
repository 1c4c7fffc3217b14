"""What is settled by columns and what is followed, put in one order: each connection is handed on once it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rawshake.connection import Alike, Connection, Ended, Found
from rawshake.follow import LINGER, Follower, Limits, Live, Totals
from rawshake.judge import Ruling, ruled
from rawshake.link import Frame
from rawshake.report import Exchange, Judged, Remark
from rawshake.rules.model import Outcome, Rule, Verdict
from rawshake.rules.opening import Opening
from rawshake.rules.sending import first_flight
from rawshake.screen import table
from rawshake.screen.batch import Batches
from rawshake.screen.closed import Closed
from rawshake.screen.emit import Clean, cleans, transcript
from rawshake.screen.openings import of_followed
from rawshake.screen.rows import distinct, joined
from rawshake.screen.whole import Whole
from rawshake.tcp.decode import IcmpError, decode
from rawshake.tcp.ends import Key, key_of, ordered_ends
from rawshake.tcp.notation import one_line
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End

Column = NDArray[Any]

#: What a Clean counts.
_COUNTED: Final = (table.TOO_LARGE, table.TOO_LARGE_BY_DEFAULT, table.ECHO_UNSURE)
#: So many that were followed wait to be handed on with others.
WAITING: Final = 1024

Said = list[tuple[Rule, Outcome, Opening]]


class _Over(NamedTuple):
    """A connection that was followed and is over: what the rules say of it, and how it was opened."""

    live: Live
    closing: tuple[Ruling, ...]
    openings: Sequence[Opening]


class Settling(Follower):
    """Follows what it is given, and keeps what is settled elsewhere among it, in the order of their ends.

    Each Connection is handed to ``done``. Where ``alike`` is given, it is told of those in which nothing was found.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        done: Callable[[Connection], None],
        *,
        limits: Limits | None = None,
        keep: Callable[[Connection], bool] = lambda connection: False,
        live: Callable[[int, Tracker, Judged | Remark], None] | None = None,
        alike: Callable[[Alike], None] | None = None,
    ) -> None:
        super().__init__(rules, done, limits=limits, keep=keep, live=live)
        #: those that have ended last and may still hear something: numbers of ``batches`` by the hash of their ends
        self.settled: dict[int, int] = {}
        self.batches = Batches()
        #: of what is followed here, the hash of both ends
        self.owned: dict[Key, int] = {}
        self._tell_alike = alike
        self._hash = 0
        self._queue: list[int | _Over] = []
        self._finished_lately = 0
        self._by_columns = Whole(rules)
        self._ids = frozenset(rule.id for rule in rules)
        self._initial_window = next((rule for rule in rules if rule.id == "initial-window-bounded"), None)

        @cache
        def known(seen: int, bits: int) -> tuple[frozenset[str], Counter[tuple[str, str]]]:
            whole = {rule.id for bit, rule in enumerate(self._by_columns.rules) if bits >> bit & 1}
            return table.held(self._ids, seen) | whole, table.undecided(self._ids, seen)

        self._known = known

    # What comes.

    def feed(self, frame: Frame, hashed: int, number: int = 0) -> None:
        """Follow one packet; ``number`` is that of the connection that it begins, if it has one already."""
        self._hash = hashed
        if not number:
            self.frame(frame)
            return
        count, self.totals.connections = self.totals.connections, number - 1
        self.frame(frame)
        self.totals.connections = count

    def add(self, hashes: Sequence[int], first: int, now: int) -> None:
        """Connections have ended, which are numbers of ``batches`` from ``first`` on, by ``now``: they are handed on
        when nothing more can come of them.
        """
        self._now = max(self._now, now)
        numbers = range(first, first + len(hashes))
        self.settled.update(zip(hashes, numbers, strict=True))
        self._ended.update(zip(numbers, hashes, strict=True))
        ended, settled = self._ended, self.settled
        for _ in range(len(ended) - self._limits.ended):
            name, hashed = ended.popitem(last=False)
            if isinstance(name, int):
                del settled[hashed]
                self._queue.append(name)
            else:
                self._close(name)

    def begins(self, hashed: int, time: int) -> None:
        """Another connection of these ends begins: the one before is over."""
        self._now = max(self._now, time)
        if hashed in self.settled:
            self._close_settled(hashed)

    def vouch(self, address: str) -> None:
        """Whoever has this address has sent a right checksum."""
        self._right[address] = None
        if len(self._right) > self._limits.connections:
            self._right.popitem(last=False)

    def _segment(self, segment: Segment, frame: Frame) -> None:
        key = key_of(segment)
        one = self._settled_of(key)
        if one is not None:
            if frame.time - one.last_time > LINGER or one.opens_another(segment):
                self._close_settled(self._hash)
            else:
                self._revive()
        super()._segment(segment, frame)
        if key in self._open:
            self.owned[key] = self._hash

    def _icmp(self, error: IcmpError, frame: Frame) -> None:
        ends = error.quoted_src, error.quoted_sport, error.quoted_dst, error.quoted_dport
        if self._settled_of(ordered_ends(*ends)) is not None:
            self._revive()
        super()._icmp(error, frame)

    def _settled_of(self, key: Key) -> Clean | None:
        """The settled connection of these ends, which are those of the packet that is fed."""
        at = self.settled.get(self._hash)
        if at is None:
            return None
        one = self._clean(at)
        return one if ordered_ends(one.client, one.client_port, one.server, one.server_port) == key else None

    def _clean(self, at: int) -> Clean:
        return next(cleans(self.batches.closed(np.array([at]))))

    def _revive(self) -> None:
        """Follow it after all, from its beginning."""
        at = self.settled.pop(self._hash)
        del self._ended[at]
        totals = self.totals
        kept = totals.frames, totals.segments, totals.connections
        totals.connections = int(self.batches.closed(np.array([at])).number[0]) - 1
        for frame in self.batches.frames(at):
            self.frame(frame)
        totals.frames, totals.segments, totals.connections = kept

    # What is over.

    def settle(self, before: int) -> None:
        """Hand on what has ended before; see Follower."""
        super().settle(before)
        self.hand_on()

    def _last_time(self, name: Key | int) -> int:
        return self.batches.last_time(name) if isinstance(name, int) else super()._last_time(name)

    def finish(self) -> Totals:
        """The capture has ended: whatever is still there is over, in the order in which it was last heard of."""
        order: list[tuple[int, int, Key | None, int]] = [
            (live.last_time, live.last_frame, key, 0) for key, live in self._open.items()
        ]
        if self.settled:
            clean = self.batches.closed(np.array(list(self.settled.values())))
            lasts = zip(clean.last_time.tolist(), clean.last_frame.tolist(), self.settled, strict=True)
            order += [(time, frame, None, hashed) for time, frame, hashed in lasts]
        for _, _, key, hashed in sorted(order, key=lambda one: one[:2]):
            if key is None:
                self._close_settled(hashed)
            else:
                self._close(key)
        self.hand_on()
        return self.totals

    def _let_go(self) -> None:
        name = next(iter(self._ended))
        if isinstance(name, tuple):
            self._close(name)
        else:
            self._close_settled(self._ended[name])

    def _close_settled(self, hashed: int) -> None:
        at = self.settled.pop(hashed)
        del self._ended[at]
        self._queue.append(at)

    def _close(self, key: Key) -> None:
        super()._close(key)
        if key not in self._open:
            self.owned.pop(key, None)

    def _finished(self, live: Live, openings: Sequence[Opening]) -> None:
        self._queue.append(_Over(live, self._whole(live), openings))
        self._finished_lately += 1
        if self._finished_lately >= WAITING:
            self.hand_on()

    # Handing on.

    def hand_on(self) -> None:
        """Hand on what is over."""
        queue, self._queue, self._finished_lately = self._queue, [], 0
        if not queue:
            return
        is_clean = np.array([isinstance(one, int) for one in queue])
        clean = self.batches.closed(np.array([one for one in queue if isinstance(one, int)], np.int64))
        bits, said = self._judged(queue, is_clean, clean)
        single: Column = np.full(len(clean), self._tell_alike is None)
        if self._initial_window is not None:
            single |= (clean.flight > 0) | (clean.flight_back > 0)
        places = np.flatnonzero(is_clean)
        if said:
            single |= np.isin(places, [at for at, found in said.items() if _is_told(found)])
        ones = zip(cleans(clean.take(single)), clean.number[single], bits[single], strict=True)
        told = ~is_clean
        told[places[single]] = True
        for at in np.flatnonzero(told).tolist():
            over = queue[at]
            if isinstance(over, int):
                one, number, held = next(ones)
                self._hand_on(over, one, int(number), int(held), said.get(at, []))
            else:
                rulings = tuple(self._by_columns.ruling(*one) for one in said.get(at, ()))
                self._done(self._summary(over.live, over.closing + rulings))
        self._hand_on_alike(clean, bits, ~single)
        self.batches.drop(min(self.settled.values(), default=self.batches.past))

    def _judged(
        self, queue: Sequence[int | _Over], is_clean: Column, clean: Closed
    ) -> tuple[Column, dict[int, Said]]:
        """Of clean connections, which rules over the whole capture hold; and what those say that had to be asked."""
        bits: Column = np.zeros(len(clean), np.int64)
        if not self._by_columns.rules:
            return bits, {}
        places = np.flatnonzero(is_clean)
        followed = [
            (at, opening)
            for at, one in enumerate(queue)
            if isinstance(one, _Over)
            for opening in one.openings
        ]
        at_place = np.concatenate((np.repeat(places, 2), np.array([at for at, _ in followed], np.int64)))
        order = np.argsort(at_place, kind="stable")
        at_place = at_place[order]
        both = joined((clean.openings(), of_followed([opening for _, opening in followed])))
        held, ask = self._by_columns.take(both.take(order))
        mine = np.flatnonzero(is_clean[at_place])
        bits = held[mine[::2]] | held[mine[1::2]]
        asked = distinct(at_place[ask | ~is_clean[at_place]])
        begins = np.searchsorted(at_place, asked).tolist()
        row_of = np.cumsum(is_clean) - 1
        ones = iter(cleans(clean.take(row_of[asked[is_clean[asked]]])))
        said: dict[int, Said] = {}
        for at, row in zip(asked.tolist(), begins, strict=True):
            over = queue[at]
            if isinstance(over, int):
                openings: Sequence[Opening] = next(ones).openings(int(clean.number[row_of[at]]), self._now)
            else:
                openings = over.openings
            said[at] = self._by_columns.outcomes(openings, range(row, row + len(openings)))
            if isinstance(over, int):
                for bit, rule in enumerate(self._by_columns.rules):
                    verdicts = [outcome.verdict for entry, outcome, _ in said[at] if entry is rule]
                    passed = Verdict.PASS in verdicts
                    bits[row_of[at]] = bits[row_of[at]] & ~(1 << bit) | passed << bit
        return bits, said

    def _hand_on(self, at: int, clean: Clean, number: int, bits: int, said: Said) -> None:
        """Hand on a clean connection by itself."""
        held, undecidable = self._known(clean.seen, bits)
        counts = clean.too_large, clean.too_large_by_default, clean.echo_unsure
        for reason, times in zip(_COUNTED, counts, strict=True):
            if times and reason[0] in self._ids:
                undecidable = undecidable | Counter({reason: times})
        findings = self._flights(at, clean) if clean.flight or clean.flight_back else ()
        for entry, outcome, opening in said:
            if outcome.verdict is Verdict.PASS:
                continue
            ruling = self._by_columns.ruling(entry, outcome, opening)
            if ruling.verdict is Verdict.INCONCLUSIVE:
                undecidable = undecidable + Counter({(ruling.rule, ruling.sentence): 1})
            elif ruling.verdict is Verdict.FAIL:
                held -= {ruling.rule}
            if ruling.is_finding:
                findings += (self._found(at, clean, ruling),)
        connection = clean.connection(number, held, undecidable, findings)
        if self._keep(connection):
            connection = replace(connection, exchange=self._transcript(connection, self.batches.frames(at)))
        self._done(connection)

    def _transcript(self, connection: Connection, frames: Sequence[Frame]) -> Exchange:
        """All segments of a clean connection, with what was found of it, but not with what held."""
        return transcript(connection, frames)

    def _hand_on_alike(self, clean: Closed, bits: Column, chosen: Column) -> None:
        """Hand on those clean connections of which nothing is to be told but how many there were."""
        if self._tell_alike is None or not chosen.any():
            return
        clean, bits = clean.take(chosen), bits[chosen]
        seen = clean.seen << np.int64(1) | clean.crossed
        order = np.lexsort((bits, seen))
        seen, bits, clean = seen[order], bits[order], clean.take(order)
        firsts = np.flatnonzero(np.append(True, (seen[1:] != seen[:-1]) | (bits[1:] != bits[:-1])))
        sizes = np.diff(np.append(firsts, len(seen))).tolist()
        counts = clean.too_large, clean.too_large_by_default, clean.echo_unsure
        sums = [np.add.reduceat(column, firsts).tolist() for column in counts]
        first_times = np.minimum.reduceat(clean.first_time, firsts).tolist()
        last_times = np.maximum.reduceat(clean.last_time, firsts).tolist()
        for k, (row, size) in enumerate(zip(firsts.tolist(), sizes, strict=True)):
            held, reasons = self._known(int(clean.seen[row]), int(bits[row]))
            undecidable = Counter({reason: count * size for reason, count in reasons.items()})
            for reason, column in zip(_COUNTED, sums, strict=True):
                if column[k] and reason[0] in self._ids:
                    undecidable[reason] += column[k]
            ended = Ended.SIMULTANEOUS if clean.crossed[row] else Ended.CLOSED
            self._tell_alike(Alike(size, ended, held, undecidable, first_times[k], last_times[k]))

    def _flights(self, at: int, clean: Clean) -> tuple[Found, ...]:
        """Notes of first flights that are longer than the letter allows, and no longer than today's stacks send."""
        if self._initial_window is None:
            return ()
        found = []
        for end, number, room, isn in (
            (End.CLIENT, clean.flight, clean.room, clean.isn),
            (End.SERVER, clean.flight_back, clean.room_back, clean.isn_back),
        ):
            if number:
                segment = decode(self.batches.frame(at, number - 1).packet)
                assert isinstance(segment, Segment)
                octets = segment.seq + segment.payload_length - (Seq(isn) + 1)
                outcome = first_flight(octets, room, end=end, step=number)
                found.append(self._found(at, clean, ruled(self._initial_window, outcome, end, number)))
        return tuple(found)

    def _found(self, at: int, clean: Clean, ruling: Ruling) -> Found:
        """A finding and its segment."""
        frame = self.batches.frame(at, ruling.step - 1)
        segment = decode(frame.packet)
        assert isinstance(segment, Segment)
        if segment.checksum is Checksum.UNVERIFIABLE:
            segment = replace(segment, checksum=Checksum.CORRECT)
        isn, back = Seq(clean.isn), Seq(clean.isn_back)
        client = ruling.end is End.CLIENT
        mine, other = (isn, back) if client else (back, isn)
        return Found(
            frame.number,
            ruling,
            one_line(segment, isn=mine, peer_isn=other, from_client=client, content=False),
        )


def _is_told(said: Said) -> bool:
    return any(outcome.verdict is not Verdict.PASS for _, outcome, _ in said)
