"""Tells the connections of a capture apart and follows each: frames in, judged connections out."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from rawshake.connection import Connection, Found, Tally, written
from rawshake.judge import CaptureJudge, Judge, Ruling
from rawshake.link import Frame, without_hop
from rawshake.report import Exchange, Judged, Outcome, Remark
from rawshake.rules.model import Rule, Verdict
from rawshake.rules.opening import Opening, Syns
from rawshake.tcp.decode import IcmpError, Undecoded, decode
from rawshake.tcp.ends import Key, key_of, ordered_ends
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker

SECOND: Final = 1_000_000_000
#: Two copies of one packet within this time were captured twice; no stack sends again so soon (RFC 6298
#: section 2.4 has a second, Linux 200 ms), but one may answer twice: Linux numbers no SYN,ACK and no RST.
COPY_WITHIN: Final = SECOND // 500
#: How many packets of a connection are remembered to know copies by.
REMEMBERED: Final = 8
#: How long a connection that has ended is kept for what still comes: RFC 9293 section 3.4.2, 2 MSL.
LINGER: Final = 240 * SECOND
#: States in which a SYN with another ISN begins another connection at once.
OVER: Final = frozenset({None, State.CLOSED, State.LISTEN, State.TIME_WAIT, State.SYN_SENT, State.LAST_ACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is kept at the most: open connections, ended ones that linger, steps of one, steps of all."""

    connections: int = 65536
    ended: int = 4096
    steps: int = 10_000
    all_steps: int = 100_000
    findings: int = 100


@dataclass(slots=True)
class Totals:
    """What passed, and what of it was not judged and why."""

    frames: int = 0
    segments: int = 0
    connections: int = 0
    copies: int = 0
    icmp: int = 0
    evicted: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Live:
    """A connection that is being followed. ``held_back`` is a SYN that may begin another one."""

    number: int
    key: Key
    tracker: Tracker
    judge: Judge
    first_frame: int
    tally: Tally = field(default_factory=Tally)
    syns: Syns = field(default_factory=Syns)
    disturbed: bool = False
    last_frame: int = 0
    last_time: int = 0
    entries: list[Judged | Remark] = field(default_factory=list)
    kept: int = 0
    cut: bool = False
    findings: list[Found] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    undecidable: Counter[tuple[str, str]] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    doubted: list[tuple[int, int, str]] = field(default_factory=list)
    recent: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    held_back: tuple[Segment, int, int] | None = None


class Follower:
    """Follows every connection among the frames given to ``frame``, in their order.

    ``done`` is told each Connection once nothing more can come of it; where ``keep`` says so of it, it has its
    transcript.
    ``live`` is told each judged step as it passes, with its connection's number. Memory grows with the
    connections that are open at a time, within ``limits``, and not with what has passed.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        done: Callable[[Connection], None],
        *,
        limits: Limits | None = None,
        keep: Callable[[Connection], bool] = lambda connection: False,
        live: Callable[[int, Tracker, Judged | Remark], None] | None = None,
    ) -> None:
        self._rules = rules
        self._capture = CaptureJudge(rules)
        self._now = 0
        self._done = done
        self._limits = limits or Limits()
        self._keep = keep
        self._live = live
        self._open: OrderedDict[Key, Live] = OrderedDict()
        #: those that have ended, in that order: their ends, or a number by which a subclass knows them
        self._ended: OrderedDict[Key | int, int] = OrderedDict()
        self._right: OrderedDict[str, None] = OrderedDict()
        self._steps = 0
        self.totals = Totals()

    def frame(self, frame: Frame) -> None:
        """Follow one IP packet."""
        totals = self.totals
        totals.frames += 1
        self._now = max(self._now, frame.time)
        seen = decode(frame.packet, offloaded=frame.offloaded)
        if isinstance(seen, Segment):
            totals.segments += 1
            self._segment(seen, frame)
        elif isinstance(seen, IcmpError):
            self._icmp(seen, frame)
        else:
            self.leave_out(seen)

    def leave_out(self, what: Undecoded) -> None:
        """Count a packet that tells nothing of a connection."""
        self.totals.left_out[what.reason.value] += 1

    def settle(self, before: int) -> None:
        """Hand on the connections that have ended and were silent since ``before``, ns: live traffic has no end."""
        while self._ended and self._last_time(next(iter(self._ended))) < before:
            self._let_go()

    def _last_time(self, name: Key | int) -> int:
        return self._open[name].last_time if isinstance(name, tuple) else self._now

    def finish(self) -> Totals:
        """The capture has ended: judge what is still open."""
        for key in list(self._open):
            self._close(key)
        return self.totals

    # One segment.

    def _segment(self, segment: Segment, frame: Frame) -> None:
        key = key_of(segment)
        live = self._open.get(key)
        if live is not None and self._is_copy(live, frame):
            self.totals.copies += 1
            return
        if live is not None and frame.time - live.last_time > LINGER and key in self._ended:
            self._close(key)
            live = None
        if live is not None:
            live = self._same_or_another(live, segment, frame)
            if live is None:
                return
        else:
            live = self._begin(key, segment, frame)
        self._open.move_to_end(key)
        self._apply(live, self._doubt(live, segment, frame.number), frame.time, frame.number)

    def _doubt(self, live: Live, segment: Segment, number: int) -> Segment:
        """Take a wrong checksum of who has never sent a right one for one that was yet to be filled in.

        Hardware fills in checksums behind the tap, and what stands there before is not always the sum over
        the pseudo-header, by which ``decode`` knows it. Hindsight tells: ``_summary``.
        """
        if segment.checksum is Checksum.CORRECT:
            self._right[segment.src] = None
            if len(self._right) > self._limits.connections:
                self._right.popitem(last=False)
        elif segment.checksum is Checksum.WRONG and segment.src not in self._right:
            live.doubted.append((live.tracker.count + 1, number, segment.src))
            return replace(segment, checksum=Checksum.UNVERIFIABLE)
        return segment

    def _same_or_another(self, live: Live, segment: Segment, frame: Frame) -> Live | None:
        """The connection that this segment belongs to; None while a SYN waits for what is said to it."""
        if live.held_back is not None:
            syn, time, number = live.held_back
            if segment.syn and not segment.has_ack and segment.src == syn.src and segment.seq == syn.seq:
                return None  # the same SYN once more tells nothing new
            live.held_back = None
            answered = segment.syn and segment.has_ack and segment.src == syn.dst and segment.ack == syn.end
            if answered or (segment.src == syn.dst and segment.syn and segment.ack == syn.seq + 1):
                live = self._replace(live, syn, time, number)
            else:
                self._apply(live, syn, time, number)
        if segment.syn and not segment.has_ack and self._is_another(live, segment):
            if self._over(live, segment):
                return self._replace_by(live, segment, frame)
            live.held_back = segment, frame.time, frame.number
            return None
        return live

    def _is_another(self, live: Live, syn: Segment) -> bool:
        sender = live.tracker.sender_of(syn)
        iss = live.tracker.ends.of(sender).iss
        return iss is not None and iss != syn.seq

    def _over(self, live: Live, syn: Segment) -> bool:
        ends = live.tracker.ends
        sender = live.tracker.sender_of(syn)
        me, peer = ends.of(sender), ends.of(sender.other)
        if me.expected in OVER and peer.expected in OVER:
            return me.expected is not State.SYN_SENT or peer.proven is not None or peer.iss is None
        return False

    def _replace_by(self, live: Live, segment: Segment, frame: Frame) -> Live:
        self._close(live.key)
        return self._begin(live.key, segment, frame)

    def _replace(self, live: Live, syn: Segment, time: int, number: int) -> Live:
        self._close(live.key)
        fresh = self._begin(live.key, syn, Frame(time, b"", number=number))
        self._apply(fresh, syn, time, number)
        return fresh

    def _begin(self, key: Key, segment: Segment, frame: Frame) -> Live:
        if len(self._open) >= self._limits.connections:
            self._evict()
        self.totals.connections += 1
        client, server = (segment.src, segment.sport), (segment.dst, segment.dport)
        if segment.syn and segment.has_ack:
            client, server = server, client
        live = Live(self.totals.connections, key, Tracker(client, server), Judge(self._rules), frame.number)
        self._open[key] = live
        if frame.packet:
            live.recent.append((frame.time, without_hop(frame.packet)))
        return live

    def _is_copy(self, live: Live, frame: Frame) -> bool:
        packet = without_hop(frame.packet)
        copied = False
        for time, seen in live.recent:
            copied = copied or (packet == seen and abs(frame.time - time) <= COPY_WITHIN)
        live.recent.append((frame.time, packet))
        return copied

    def _apply(self, live: Live, segment: Segment, time: int, number: int) -> None:
        step = live.tracker.apply(segment, time)
        rulings = live.judge.step(step)
        live.tally.add(step)
        live.syns.add(step)
        live.last_frame, live.last_time = number, time
        entry = Judged(step, rulings, number)
        self._note(live, rulings, number, segment)
        if not live.cut:
            live.entries.append(entry)
            self._steps += 1
            if len(live.entries) > self._limits.steps or self._steps > self._limits.all_steps:
                self._cut(live)
        if self._live is not None:
            self._live(live.number, live.tracker, entry)
        self._ended_or_not(live)

    def _cut(self, live: Live) -> None:
        """Keep no more of its transcript, and none of what is kept: the whole can no longer be judged."""
        longest = max(self._open.values(), key=lambda one: len(one.entries))
        for one in {id(live): live, id(longest): longest}.values():
            if len(one.entries) > self._limits.steps or one is longest:
                self._steps -= len(one.entries)
                one.entries.clear()
                one.cut = True

    def _note(self, live: Live, rulings: Sequence[Ruling], number: int, segment: Segment | None) -> None:
        for ruling in rulings:
            if ruling.verdict is Verdict.PASS:
                live.passed.add(ruling.rule)
                continue
            if ruling.verdict is Verdict.INCONCLUSIVE:
                live.undecidable[ruling.rule, ruling.sentence] += 1
            elif ruling.verdict is Verdict.FAIL:
                live.failed.add(ruling.rule)
            if ruling.is_finding and len(live.findings) < self._limits.findings:
                live.findings.append(Found(number, ruling, written(segment, live.tracker)))

    # The end.

    def _ended_or_not(self, live: Live) -> None:
        states = {view.expected for view in live.tracker.ends}
        if not states <= {State.CLOSED, State.TIME_WAIT, State.LISTEN}:
            self._ended.pop(live.key, None)
            return
        self._ended[live.key] = 0
        self._ended.move_to_end(live.key)
        if len(self._ended) > self._limits.ended:
            self._let_go()

    def _let_go(self) -> None:
        if isinstance(name := next(iter(self._ended)), tuple):
            self._close(name)

    def _evict(self) -> None:
        """Make room: what has ended first, then what was silent for longest."""
        if self._ended:
            self._let_go()
            return
        key, live = next(iter(self._open.items()))
        live.remarks.append("forgotten while open: too many connections at a time")
        self.totals.evicted += 1
        self._close(key)

    def _close(self, key: Key) -> None:
        live = self._open.pop(key)
        self._ended.pop(key, None)
        if live.held_back is not None:
            syn, time, number = live.held_back
            live.held_back = None
            self._open[key] = live
            self._apply(live, syn, time, number)
            self._open.pop(key, None)
            self._ended.pop(key, None)
        self._steps -= len(live.entries)
        ends = live.tracker.client, live.tracker.server
        self._finished(live, live.syns.openings(live.number, *ends, self._now))

    def _finished(self, live: Live, openings: Sequence[Opening]) -> None:
        """Judge the whole of a connection of which nothing more is to come, and hand it on."""
        self._done(self._summary(live, self._whole(live) + self._capture.connection(openings)))

    def _whole(self, live: Live) -> tuple[Ruling, ...]:
        """What the rules over a whole connection say of it."""
        closing: tuple[Ruling, ...] = ()
        if live.cut:
            live.remarks.append("too long to be judged as a whole: only segment by segment")
        else:
            steps = [entry.step for entry in live.entries if isinstance(entry, Judged)]
            closing = live.judge.exchange(steps, disturbed=live.disturbed)
        self._undoubt(live)
        return closing

    def _summary(self, live: Live, closing: tuple[Ruling, ...]) -> Connection:
        judged = [entry for entry in live.entries if isinstance(entry, Judged)]
        for ruling in closing:
            at = judged[ruling.step - 1] if 0 < ruling.step <= len(judged) else None
            segment = at.step.segment if at else None
            self._note(live, [ruling], at.frame if at else live.first_frame, segment)
        if len(live.findings) == self._limits.findings:
            live.remarks.append(f"only the first {self._limits.findings} findings are told")
        connection = Connection(
            number=live.number,
            client=live.tracker.client,
            server=live.tracker.server,
            facts=live.tally.facts(),
            first_frame=live.first_frame,
            last_frame=live.last_frame,
            findings=tuple(live.findings),
            held=frozenset(live.passed - live.failed),
            undecidable=live.undecidable,
            remarks=tuple(live.remarks),
        )
        if live.cut or not self._keep(connection):
            return connection
        exchange = Exchange(
            client=connection.client,
            server=connection.server,
            entries=tuple(live.entries),
            closing=closing,
            outcome=Outcome.OPEN,
        )
        return replace(connection, exchange=exchange)

    def _undoubt(self, live: Live) -> None:
        """Who has sent right checksums after all, sent a wrong one."""
        corrupt = [rule for rule in self._rules if rule.corrupt]
        for number, frame, src in live.doubted:
            if src not in self._right or number > len(live.entries):
                continue
            steps = enumerate(live.entries)
            at = next((i for i, one in steps if isinstance(one, Judged) and one.step.number == number), None)
            if at is None:
                continue
            entry = live.entries[at]
            assert isinstance(entry, Judged)
            wrong = replace(entry.step.segment, checksum=Checksum.WRONG)
            rulings = Judge(corrupt).step(replace(entry.step, segment=wrong))
            live.entries[at] = replace(entry, rulings=(*entry.rulings, *rulings))
            self._note(live, rulings, frame, wrong)

    def _icmp(self, error: IcmpError, frame: Frame) -> None:
        self.totals.icmp += 1
        live = self._open.get(
            ordered_ends(error.quoted_src, error.quoted_sport, error.quoted_dst, error.quoted_dport)
        )
        if live is None:
            return
        live.disturbed = True
        remark = Remark(frame.time, f"ICMP from {error.src}: {error.description}")
        if not live.cut:
            live.entries.append(remark)
        if self._live is not None:
            self._live(live.number, live.tracker, remark)
