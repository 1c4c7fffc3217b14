"""Runs many exchanges with one server, so many at a time, each on a port of its own, and counts what they come to."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from rawshake.conversation import Conversation
from rawshake.copies import COPY_WAIT
from rawshake.link import Frame
from rawshake.many.forms import MANNERS, Forms
from rawshake.many.isns import Isns, Opened
from rawshake.many.kinds import Result
from rawshake.many.lane import Lane
from rawshake.many.line import Batch, Frames, Line
from rawshake.many.packets import Column
from rawshake.many.road import ASTRAY, FREE, PATIENCE, Road
from rawshake.many.tally import Tally
from rawshake.profile import SECOND, Profile
from rawshake.report import Outcome
from rawshake.rules.model import Rule
from rawshake.tcp.decode import IcmpError, decode
from rawshake.tcp.segment import Segment

#: How often what is late is looked for.
TICK: Final = SECOND // 20
#: How long lanes are looked after in one go, in ns.
SLICE: Final = SECOND // 200
#: So many are under way though lanes do not keep up.
FEWEST: Final = 4
#: How long the first exchange goes ahead alone: what it shows, the others need no session for.
HEAD_START: Final = SECOND // 2
#: A clock that ticks every 4 microseconds stands behind our ISNs (RFC 9293 section 3.4.1).
ISN_TICK: Final = 4_000
_SPACE: Final = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted: ``count`` exchanges, ``jobs`` at a time, begun at most ``rate`` a second (0: at any).

    ``linger`` is how long the last ones are held in TIME-WAIT, ns; the others until their port is needed.
    """

    count: int
    jobs: int
    rate: float = 0
    linger: int = 0


class Run:
    """The exchanges of one order.

    ``syn`` is our SYN as it was built whole, and ``tsval`` its TSval if that is not to be the clock's; ``keys`` has a
    secret for each port. ``name`` says how a conversation that has ended is to be called. ``checkpoint`` is called
    where nothing is half done; what it raises ends ``go``, and ``interrupt`` then resets what is open.
    """

    def __init__(
        self,
        line: Line,
        order: Order,
        profile: Profile,
        rules: Sequence[Rule],
        *,
        syn: bytes,
        keys: Column,
        name: Callable[[Conversation], tuple[Outcome, str]],
        tsval: int | None = None,
    ) -> None:
        self.tally = Tally()
        #: how many were begun, and how many have come to their end
        self.begun = self.finished = 0
        #: ns since the epoch: when the first began, and when the last came to its end
        self.since = self.until = self.clock = line.now()
        self._line, self.order, self._profile, self._rules = line, order, profile, rules
        self._name = name
        self.checkpoint: Callable[[], None] = lambda: None
        self._keys = keys
        self._forms = Forms(syn, written=tsval is not None)
        self._road = Road(self._forms, line.source, line.ports, line.target, line.dport, tsval=tsval)
        self._isns = Isns(rules, line.source, (line.target, line.dport))
        self._number = np.zeros(len(line.ports), np.int64)
        #: how many packets the line had lost when the exchange began
        self._lost = np.zeros(len(line.ports), np.int64)
        #: slots whose exchange is over, or that had none, the one that is so for the longest first
        self._ring = deque(range(len(line.ports)))
        self._waits = np.ones(len(line.ports), bool)
        self.lanes: dict[int, Lane] = {}
        #: slots whose lane has something to look at; exchanges that are to have a lane, with what came for them
        self._waiting: deque[int] = deque()
        self._parked: dict[int, list[Frame]] = {}
        #: when a lane has to be looked at although nothing comes, the next first; and which is in force
        self._alarms: list[tuple[int, int]] = []
        self._alarm_of: dict[int, int] = {}
        self._slot_of = {port: slot for slot, port in enumerate(line.ports)}
        self._next_tick = 0
        #: when the next may begin, where their rate is limited
        self._due = self.since
        #: how many may be under way: fewer than wanted where lanes do not keep up, for then what is late is our doing
        self._window = 1

    @property
    def under_way(self) -> int:
        return self.begun - self.finished

    def go(self) -> None:
        """Run them all, and hold the last ones in TIME-WAIT."""
        self.since = self.until = self._line.now()
        while self.finished < self.order.count:
            self.checkpoint()
            begins = self._begin()
            self._turn(begins)
        self._hold(self._line.now() + self.order.linger)
        self._retire_all()

    def interrupt(self) -> None:
        """Reset what is open, and count it as interrupted."""
        for slot in np.nonzero(~self._waits)[0].tolist():
            self._lane(slot).interrupt()
            self._look(slot)
        self._hold(self._line.now())
        self._retire_all()

    def _hold(self, deadline: int) -> None:
        """Answer what still comes until then, and until all of ours was seen to leave, or is known not to have."""
        last = max(deadline, self._line.now() + 2 * (COPY_WAIT + PATIENCE))
        while (now := self._line.now()) < deadline or (now < last and not self._is_settled()):
            self.checkpoint()
            self._turn(deadline if now < deadline else last)

    def _turn(self, deadline: int) -> None:
        """Take what has come, or wait for it until then, but no longer than a TICK."""
        idle = True
        while True:
            now = self._line.now()
            batch = self._line.receive()
            if batch is None:
                break
            idle = False
            self._take(batch, now)
        self.clock = now
        if now >= self._next_tick:
            self._next_tick = now + TICK
            for slot in self._road.late(now):
                self._lane(slot)
        known = self._forms.version
        self._attend(now + SLICE)
        if self._waiting or self._parked:
            self._window = max(min(FEWEST, self.order.jobs), self._window // 2)
        elif 2 * self.under_way > self._window:
            self._window = min(self.order.jobs, 2 * self._window)
        if self._forms.version != known:
            # Some may stand where only now is known that all may be over.
            self._complete(self._road.over(), now)
        if idle and not self._waiting and not self._parked:
            alarm = self._alarms[0][0] if self._alarms else deadline
            self._line.wait(min(deadline, alarm, self._next_tick))

    def _attend(self, until: int) -> None:
        """Look after the lanes, one at least, and no longer than ``until``: the road is not to wait for them."""
        while True:
            if self._alarms and self._alarms[0][0] <= self.clock:
                alarm, slot = heapq.heappop(self._alarms)
                if self._alarm_of.get(slot) == alarm:
                    del self._alarm_of[slot]
                    self._look(slot)
            elif self._waiting:
                self._look(self._waiting.popleft())
            elif self._parked:
                self._unpark()
            else:
                return
            if self._line.now() >= until:
                return

    def _unpark(self) -> None:
        """Give a lane to the exchange that is parked for the longest; the others try the road with what it shows."""
        known = self._forms.version
        slot = next(iter(self._parked))
        self._lane(slot)
        if self._forms.version != known and self._parked:
            frames = [frame for parked in self._parked.values() for frame in parked]
            self._road.parked[list(self._parked)] = False
            self._parked.clear()
            self._take(Frames(frames), self._line.now())

    # Beginning.

    def _begin(self) -> int:
        """Begin as many as may be, and return when the next may be, ns since the epoch."""
        order, now = self.order, self._line.now()
        jobs = self._window
        if not self._forms.over.any() and now < self.since + HEAD_START:
            jobs = 1
        room = min(jobs - self.under_way, order.count - self.begun, len(self._ring))
        if order.rate:
            # What was missed is not made up for, or there were more a second.
            self._due = max(self._due, now - TICK)
            room = min(room, 1 + int((now - self._due) * order.rate / SECOND) if now >= self._due else 0)
        if room > 0:
            slots = self._ready(room)
            if len(slots):
                self._open(slots, now)
                self._due += int(len(slots) * SECOND / order.rate) if order.rate else 0
        return self._due if order.rate else now + TICK

    def _ready(self, room: int) -> Column:
        """Up to so many slots, out of the ring, of which nothing more is to be learned."""
        asked = [self._ring.popleft() for _ in range(room)]
        slots = np.array(asked, np.int64)
        settled = self._settled(slots)
        self._ring.extendleft(reversed(slots[~settled].tolist()))
        self._retire(slots[settled])
        return slots[settled]

    def _open(self, slots: Column, now: int) -> None:
        self._number[slots] = self.begun + 1 + np.arange(len(slots))
        self._waits[slots] = False
        self._lost[slots] = self._line.lost
        self.begun += len(slots)
        iss = (self._keys[slots] + now // ISN_TICK) % _SPACE
        self._line.send(self._road.open(slots, iss, now))

    # Going on.

    def _take(self, batch: Batch, now: int) -> None:
        taken = self._road.take(batch, now)
        for rows in taken.send:
            self._line.send(rows)
        self._complete(taken.complete, now)
        for slot in taken.astray:
            self._parked.setdefault(slot, [])
        for slot, row in taken.rest:
            frame = batch.frame(row)
            found = slot if slot >= 0 else self._addressed(frame.packet)
            if found in self._parked:
                self._parked[found].append(frame)
            elif found is not None and self._road.node[found] != FREE:
                self._lane(found).push(frame)
                self._waiting.append(found)

    def _addressed(self, packet: bytes) -> int | None:
        """The slot that a packet speaks of which is no plain segment: an ICMP error, an odd header."""
        seen = decode(packet)
        if isinstance(seen, IcmpError):
            return self._slot_of.get(seen.quoted_sport)
        if isinstance(seen, Segment):
            port = (
                seen.sport if seen.dport == self._line.dport and seen.sport in self._slot_of else seen.dport
            )
            return self._slot_of.get(port)
        return None

    def _lane(self, slot: int) -> Lane:
        """The lane of the exchange in that slot, which leaves the road for it if it has to."""
        lane = self.lanes.get(slot)
        if lane is None:
            number, port = int(self._number[slot]), int(self._road.ports[slot])
            past = self._road.past(slot)
            syn = decode(past.sent[0][1])
            assert isinstance(syn, Segment)
            # With the TSval that it had.
            profile = replace(self._profile, isn=syn.seq, options=syn.options)
            lane = self.lanes[slot] = Lane(
                number,
                self._line,
                port,
                profile,
                self._rules,
                clock=lambda: self.clock,
                lost=int(self._lost[slot]),
                name=self._name,
            )
            lane.replay(past)
            for frame in self._parked.pop(slot, ()):
                lane.push(frame)
            self._look(slot)
        return lane

    def _look(self, slot: int) -> None:
        lane = self.lanes.get(slot)
        if lane is None:
            return
        lane.look()
        lane.teach(self._forms)
        if lane.is_over and not self._waits[slot]:
            self._complete([slot], self.clock)
        alarm = lane.deadline()
        if alarm is not None and self._alarm_of.get(slot, alarm + 1) > alarm:
            self._alarm_of[slot] = alarm
            heapq.heappush(self._alarms, (alarm, slot))

    def _complete(self, slots: Sequence[int], now: int) -> None:
        fresh = [slot for slot in slots if not self._waits[slot]]
        if not fresh:
            return
        self._waits[fresh] = True
        self._ring.extend(fresh)
        self.finished += len(fresh)
        self.until = now

    # Coming to an end.

    def _settled(self, slots: Column) -> Column:
        settled = self._road.is_settled(slots) & ~self._road.parked[slots]
        for at, slot in enumerate(slots.tolist()):
            if slot in self.lanes:
                settled[at] = self.lanes[slot].is_settled
        return settled

    def _is_settled(self) -> bool:
        return bool(self._settled(np.nonzero(self._road.node != FREE)[0]).all())

    def _retire_all(self) -> None:
        self._retire(np.nonzero(self._road.node != FREE)[0])

    def _retire(self, slots: Column) -> None:
        """Count the exchanges in these slots, and forget them."""
        road = self._road
        for slot in slots[road.parked[slots]].tolist():
            self._lane(slot)
        on_road = slots[road.node[slots] >= 0]
        ways = road.node[on_road] * MANNERS + road.manners(on_road)
        ways[~road.is_quick(on_road)] = -1
        for way in np.unique(ways).tolist():
            left = on_road[ways == way]
            while len(left) and (found := self._known(way)) is None:
                self._lane(int(left[0]))  # judged by itself; the others perhaps as that was
                left = left[1:]
            if len(left):
                assert found is not None
                self._count_alike(left, found)
        for slot in slots[road.node[slots] == ASTRAY].tolist():
            self._count(slot, self.lanes.pop(slot).result())
        road.node[slots] = FREE

    def _known(self, way: int) -> Result | None:
        """What exchanges are that went a way: a node of the forms, and a manner."""
        return None if way < 0 else self._forms.nodes[way // MANNERS].results.get(way % MANNERS)

    def _count_alike(self, slots: Column, result: Result) -> None:
        road, tally = self._road, self.tally
        numbers = self._number[slots]
        tally.add(result, int(numbers.min()), len(slots))
        if result.teardown is not None:
            tally.teardown.add(road.spans(slots, result.teardown))
        if result.handshake is not None:
            spans = road.spans(slots, result.handshake)
            tally.handshake.add(spans)
            times = road.began(slots) + spans
            self._compare(Opened(numbers, road.ports[slots], road.iss[slots], road.irs[slots], times))

    def _count(self, slot: int, result: Result) -> None:
        tally, number = self.tally, int(self._number[slot])
        tally.add(result, number)
        tally.by_session += 1
        for times, span in ((tally.handshake, result.handshake), (tally.teardown, result.teardown)):
            if span is not None:
                times.add([span.time])
        for step in result.exchange.steps:
            segment = step.segment
            if segment.syn and segment.has_ack and step.now.iss == segment.seq and not step.ours:
                columns = (number, self._road.ports[slot], self._road.iss[slot], int(segment.seq), step.time)
                self._compare(Opened(*(np.array([one], np.int64) for one in columns)))
                break

    def _compare(self, opened: Opened) -> None:
        for number, ruling in self._isns.add(opened):
            self.tally.find(ruling, number)
