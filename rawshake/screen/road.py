"""The fast road through a capture: clean connections by columns, all others through the Follower."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rawshake.connection import Alike, Connection
from rawshake.follow import Limits, Totals
from rawshake.link import Frame
from rawshake.report import Judged, Remark
from rawshake.rules.model import Rule
from rawshake.screen import columns as kinds
from rawshake.screen.batch import Numbering
from rawshake.screen.closed import Closed
from rawshake.screen.columns import PADDING, Columns, columns
from rawshake.screen.flows import Flows, flows, hashes_of
from rawshake.screen.kept import Kept
from rawshake.screen.link import LINKS, packets
from rawshake.screen.openings import text
from rawshake.screen.order import order
from rawshake.screen.rows import by_number, joined
from rawshake.screen.settle import Settling
from rawshake.screen.table import undeclared
from rawshake.screen.walk import walk
from rawshake.tcp.tracker import Tracker
from rawshake.trace import pcap
from rawshake.trace.links import DAMAGED, damaged
from rawshake.trace.model import Damage, Record, Source

Column = NDArray[Any]

#: How many octets of a capture are looked at at a time.
BLOCK: Final = 1 << 23
#: How many octets of connections that are still open are kept for the next block.
CARRIED: Final = 1 << 25
_SECOND: Final = 1_000_000_000
#: What may happen at a row, in this order: its sender is vouched for, a connection begins, it is followed, one ends.
_VOUCH, _BEGIN, _FOLLOW, _END = range(4)

Event = tuple[int, int, Any]


class _Ends(NamedTuple):
    """The runs that end in a block, in that order, and how the connections that begin there are numbered."""

    found: Flows
    chosen: Column
    numbering: Numbering


class Wanted(Protocol):
    """A filter."""

    def matches(self, packet: bytes) -> bool:
        """Whether an IP packet is wanted."""
        ...


class Reading(Protocol):
    """Reads captures packet by packet and counts what it leaves out; what the screen cannot read, it reads."""

    records: int
    cut: int
    unwanted: int
    left_out: Counter[str]
    damage: Damage | None

    @property
    def wanted(self) -> Wanted | None:
        """Which packets are wanted; None where all are."""
        ...

    def frames(self, chunks: Iterable[bytes]) -> Iterator[Frame]:
        """All packets of a capture."""
        ...

    def frame(self, record: Record) -> Frame | None:
        """The packet of one record, or the one that it completes."""
        ...

    def finish(self) -> None:
        """The capture has ended."""
        ...


class Screen(Settling):
    """Judges the connections of captures, each handed to ``done``; what it says is what a Follower would.

    ``passed`` counts those that were judged by columns. Where ``alike`` is given, those of them in which nothing was
    found are told to it, many at once.
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
        block: int = BLOCK,
    ) -> None:
        super().__init__(rules, done, limits=limits, keep=keep, live=live, alike=alike)
        self.undeclared = undeclared(rules)
        self.passed = 0
        self._block = block
        none = columns(PADDING, 0, *(np.zeros(0, np.int64) for _ in range(4)))
        self._carried = self._waiting = Kept(none, [b""])
        self._latest = 0

    def run(self, chunks: Iterable[bytes], reading: Reading) -> Totals:
        """Judge a whole capture, whose octets come in ``chunks``; ``reading`` counts what is left out."""
        source = Source.of(chunks)
        file = None if self.undeclared else _file(source)
        if file is None:
            for frame in reading.frames(chain([source.buffer], source.chunks)):
                self.frame(frame)
            return self.finish()
        tail, number, offset = b"", 0, pcap.HEADER
        blocks = _Blocks(chain([source.buffer[pcap.HEADER :]], source.chunks), self._block)
        for block in blocks:
            buffer = b"".join((tail, *block, PADDING))
            size = len(buffer) - len(PADDING)
            found = walk(buffer, size, file.order, file.record_header)
            self._records(buffer, found.starts, file, number, reading, offset)
            number += len(found.starts)
            tail = buffer[found.end : size]
            offset += found.end
            if found.damaged:
                break
        rest = Source(chain.from_iterable(blocks), tail, 0, offset)
        frames: list[Frame] = []
        try:
            for record in pcap.records_after(rest, file, number):
                reading.records += 1
                reading.cut += len(record.data) < record.original_length
                one = reading.frame(record)
                if one is not None:
                    frames.append(one)
        except Damage as damage:
            reading.damage = damage
        reading.damage = reading.damage or blocks.damage
        reading.finish()
        extra, buffer = columns_of(frames, 0)
        self._advance(extra, [buffer], final=True)
        return self.finish()

    def _records(
        self, buffer: bytes, starts: Column, file: pcap.Header, number: int, reading: Reading, offset: int
    ) -> None:
        """Take the records that begin at ``starts``."""
        if not len(starts):
            return
        four = np.ndarray((len(buffer) - 3,), f"{file.order}u4", buffer, strides=(1,))
        time = four[starts].astype(np.int64) * _SECOND + four[starts + 4].astype(np.int64) * file.unit
        captured = four[starts + 8].astype(np.int64)
        original = four[starts + 12]
        begin = starts + file.record_header
        numbers = number + 1 + np.arange(len(starts))
        ip = packets(buffer, file.link_type, begin, captured)
        reading.records += len(starts)
        reading.cut += int((captured < original).sum())
        plain = ip >= 0
        frames: list[Frame] = []
        for row in np.flatnonzero(~plain).tolist():
            data = buffer[begin[row] : begin[row] + captured[row]]
            record = Record(
                int(numbers[row]), int(time[row]), file.link_type, data, int(original[row]),
                offset=offset + int(starts[row]),
            )  # fmt: skip
            frame = reading.frame(record)
            if frame is not None:
                frames.append(frame)
        left = begin + captured - ip
        whole = np.flatnonzero(plain & (captured >= original))
        v4 = np.frombuffer(buffer, np.uint8)[ip[whole]] >> 4 == 4
        named = np.ndarray((len(buffer) - 1,), ">u2", buffer, strides=(1,))[ip[whole] + 2]
        for row in whole[v4 & (named > left[whole])].tolist():
            if damaged(buffer[ip[row] : ip[row] + left[row]]):
                plain[row] = False
                reading.left_out[DAMAGED] += 1
        if reading.wanted is not None:
            matches = reading.wanted.matches
            for row in np.flatnonzero(plain).tolist():
                plain[row] = matches(buffer[ip[row] : ip[row] + left[row]])
                reading.unwanted += not plain[row]
        if not plain.all():
            ip, left, time, numbers = ip[plain], left[plain], time[plain], numbers[plain]
        rows = columns(buffer, 0, ip, left, time, numbers)
        extra, blob = columns_of(frames, 1)
        if frames:
            rows = joined([rows, extra])
            rows = rows.take(np.argsort(rows.number, kind="stable"))
        self._advance(rows, [buffer, blob])

    def _advance(self, rows: Columns, parts: list[bytes], *, final: bool = False) -> None:
        """Go on by these rows, as far as nothing can still stand before them."""
        waiting, carried = self._waiting, self._carried
        rows = joined([waiting.behind(parts), rows])
        released, held, self._latest = order(rows.time, len(waiting.rows), self._latest)
        if final:
            released, held = np.concatenate((released, held)), held[:0]
        self._waiting = Kept(rows, parts).only(held)
        rows = rows.take(released)
        elsewhere = rows.kind == kinds.NOT_TCP
        if elsewhere.any():
            count = int(elsewhere.sum())
            self.totals.frames += count
            self.totals.left_out["not TCP"] += count
            rows = rows.take(~elsewhere)
        block = Kept(joined([carried.behind(parts), rows]), parts)
        lingering = self.batches.closed(np.array(list(self.settled.values()))) if self.settled else None
        owned = np.array(list(self.owned.values()), np.uint64)
        found = flows(block.rows, owned, lingering, longest=self._limits.steps)
        if found is None:
            for row in range(len(block.rows)):
                self.feed(block.frame(row), 0)
            self._carried = block.only(np.zeros(0, np.int64))
            return
        if final:
            found.slow |= found.undecided
            found.undecided &= False
        else:
            _lighten(found)
        self._go(block, found, len(carried.rows), lingering)
        open_rows = np.flatnonzero(np.repeat(found.undecided, found.lasts - found.starts + 1))
        by_place = open_rows[np.argsort(found.place[open_rows])]
        self._carried = Kept(found.rows, block.parts).only(by_place)
        self.hand_on()

    def _go(self, block: Kept[Columns], found: Flows, known: int, lingering: Closed | None) -> None:
        """Hand on what the block holds, in its order; the first ``known`` rows were there before."""
        rows, place, starts = block.rows, found.place, found.starts
        first = place[starts]
        events: list[Event] = [(at, _FOLLOW, 0) for at in np.flatnonzero(rows.kind == kinds.OTHER).tolist()]
        of_slow = place[np.repeat(found.slow, found.lasts - starts + 1)]
        events += [(at, _FOLLOW, 0) for at in of_slow.tolist()]
        taken = found.accepted | found.undecided
        again = found.again if lingering is None else found.again | np.isin(found.hash, lingering.hash)
        events += [(int(first[run]), _BEGIN, run) for run in np.flatnonzero(taken & again).tolist()]
        events += [(at, _VOUCH, address) for at, address in self._vouched(rows, known)]
        begun = np.sort(first[taken & (found.rows.reserved[starts] == 0)])
        numbering = Numbering(self.totals.connections, begun, [])
        chosen = np.flatnonzero(found.accepted)
        chosen = chosen[np.argsort(place[found.lasts[chosen]])]
        self._play(block, sorted(events, key=itemgetter(0, 1)), _Ends(found, chosen, numbering))
        self.passed += len(chosen)
        going_on = starts[found.undecided]
        known_as = found.rows.reserved[going_on]
        found.rows.reserved[going_on] = np.where(known_as > 0, known_as, numbering.of(place[going_on]))

    def _play(self, block: Kept[Columns], events: list[Event], ends: _Ends) -> None:
        """What happens, one after the other, up to the end of each clean connection."""
        rows, totals = block.rows, self.totals
        found, numbering = ends.found, ends.numbering
        base, begun, followed = numbering.base, numbering.begun.tolist(), numbering.followed
        closed = found.closed(ends.chosen)
        last_rows, hashes = found.place[found.lasts[ends.chosen]].tolist(), closed.hash.tolist()
        number = self.batches.add(closed, Kept(found.rows, block.parts).places(), numbering)
        done = 0
        for at, kind, what in [*events, (len(rows), _END, None)]:
            past = bisect_left(last_rows, at)
            if past > done:
                self.add(hashes[done:past], number + done, int(closed.last_time[done:past].max()))
                done = past
            if kind == _FOLLOW:
                totals.connections = before = base + bisect_left(begun, at) + len(followed)
                self.feed(block.frame(at), int(hashes_of(rows.hash[at])), int(rows.reserved[at]))
                if totals.connections > before:
                    followed.append(at)
            elif kind == _BEGIN:
                self.begins(int(found.hash[what]), int(found.rows.time[found.starts[what]]))
            elif kind == _VOUCH:
                self.vouch(what)
        totals.connections = base + len(begun) + len(followed)
        totals.frames += int(closed.segments.sum())
        totals.segments += int(closed.segments.sum())

    def _vouched(self, rows: Columns, known: int) -> list[tuple[int, str]]:
        """Who sends right checksums, and where first, among the rows that are new."""
        right = known + np.flatnonzero(
            (rows.kind[known:] == kinds.PLAIN) & (rows.checksum[known:] == kinds.CORRECT)
        )
        low = rows.low[right]
        lower = np.where(low, rows.low_lower[right], rows.high_lower[right])
        upper = np.where(low, rows.low_upper[right], rows.high_upper[right])
        v6 = rows.v6[right]
        found: list[tuple[int, str]] = []
        for wide in (False, True):
            here = np.flatnonzero(v6 == wide)
            order = np.lexsort((lower[here], upper[here])) if wide else by_number(lower[here])
            here = here[order]
            new = np.ones(len(here), bool)
            new[1:] = (lower[here[1:]] != lower[here[:-1]]) | (upper[here[1:]] != upper[here[:-1]])
            for one in here[new].tolist():
                address = text(wide, int(upper[one]), int(lower[one]))
                if address not in self._right:
                    found.append((int(right[one]), address))
        return found


def _file(source: Source) -> pcap.Header | None:
    """What the header says of a capture that can be read by columns; nothing is taken from ``source``."""
    try:
        octets = source.peek(pcap.HEADER)
    except Damage:
        return None  # whoever reads it as a whole will say so
    if octets[:4] not in pcap.MAGICS or len(octets) < pcap.HEADER:
        return None
    file = pcap.read_header(Source(iter(()), octets))
    return file if file.link_type in LINKS else None


def columns_of(frames: Sequence[Frame], part: int) -> tuple[Columns, bytes]:
    """Packets that were read one by one, as columns."""
    sizes = np.array([len(frame.packet) for frame in frames], np.int64)
    blob = b"".join([frame.packet for frame in frames]) + PADDING
    times = np.array([frame.time for frame in frames], np.int64)
    numbers = np.array([frame.number for frame in frames], np.int64)
    return columns(blob, part, np.cumsum(sizes) - sizes, sizes, times, numbers), blob


def _lighten(found: Flows) -> None:
    """Give the judge what is open and too large to be kept, the oldest first."""
    sizes = np.add.reduceat(found.rows.captured, found.starts)
    runs = np.flatnonzero(found.undecided)
    runs = runs[np.argsort(found.place[found.starts[runs]])]
    heavy = sizes[runs][::-1].cumsum()[::-1] > CARRIED
    found.slow[runs[heavy]] = True
    found.undecided[runs[heavy]] = False


class _Blocks:
    """Chunks of about ``size`` octets together; ``damage`` says why there are no more, if that is not the end."""

    def __init__(self, chunks: Iterable[bytes], size: int) -> None:
        self._chunks = iter(chunks)
        self._size = size
        self.damage: Damage | None = None

    def __iter__(self) -> Iterator[list[bytes]]:
        pieces: list[bytes] = []
        held = 0
        try:
            for chunk in self._chunks:
                pieces.append(chunk)
                held += len(chunk)
                if held >= self._size:
                    yield pieces
                    pieces, held = [], 0
        except Damage as damage:
            self.damage = damage
        if held:
            yield pieces
