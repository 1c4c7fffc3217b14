"""One live connection: sends what the endpoint decides, tracks and judges what passes, keeps a transcript."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import eq
from typing import Final

from rawshake.endpoint import Endpoint, Want
from rawshake.judge import Judge
from rawshake.link import Frame, Link, same_segment, tcp_part
from rawshake.profile import SECOND, Drops, Outgoing, Profile, name_of
from rawshake.report import Exchange, Judged, Outcome, Remark
from rawshake.rules.model import Rule
from rawshake.tcp.decode import IcmpError, decode
from rawshake.tcp.segment import Segment
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate, Standing, Step, View

#: How long the captured copy of a segment of ours may take; after that a local firewall is to blame.
COPY_WAIT: Final = SECOND // 4
#: How many octets of what the peer sends the report keeps.
KEPT_DATA: Final = 1 << 20
#: How many frames are taken before they are answered, and judged.
MAX_WAITING: Final = 64
#: How often a run asks whether it is still wanted.
CANCEL_CHECK: Final = SECOND // 2
#: How long an answer may be awaited before what has passed is judged and drawn: nothing is to delay our reply.
PROMPT: Final = SECOND // 50
#: ICMP (IPv6 or not, type) that say that nothing gets there: unreachable, and time exceeded.
UNREACHABLE: Final = frozenset({(False, 3), (False, 11), (True, 1), (True, 3)})
#: Of those (with the code), what says no more than that a smaller packet would get there (RFC 1191), or that
#: it came there in pieces, of which one was lost.
GETS_THERE: Final = frozenset({(False, 3, 4), (False, 11, 1), (True, 3, 1)})
#: How many of our segments are remembered to know further copies of them by.
REMEMBERED_COPIES: Final = 64


@dataclass(slots=True)
class _Waiting:
    """A step not yet judged, or a remark behind one.

    ``wire`` is what the captured copy will look like that tells the time of a segment of ours.
    """

    step: Step | Remark
    wire: bytes | None
    since: int


@dataclass(slots=True)
class Session:
    """Drives one connection over ``link``, as its client.

    ``on_entry`` is told each Judged or Remark in order, ``on_frame`` every frame as it was captured. All
    waiting is bounded by deadlines in nanoseconds since the epoch.
    """

    link: Link
    tracker: Tracker
    profile: Profile
    rules: Sequence[Rule]
    drops: Drops = field(default_factory=Drops)
    on_entry: Callable[[Judged | Remark], None] = lambda entry: None
    on_frame: Callable[[Frame], None] = lambda frame: None
    #: told each step once it is applied, before anything of ours answers it; what it remarks follows the step
    on_step: Callable[[Step], None] = lambda step: None
    #: whoever waits for the result has gone; asked every CANCEL_CHECK
    cancelled: Callable[[], bool] = lambda: False
    #: called where nothing is half done; what it raises ends the run
    checkpoint: Callable[[], None] = lambda: None
    entries: list[Judged | Remark] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    #: what an ICMP error said, and what this machine's own firewall did
    unreachable: str = ""
    firewalled: str = ""
    #: whose link-layer address the kernel still asks for, in words, while our segments wait for it
    unresolved: str = ""
    refused: bool = False
    was_reset: bool = False
    endpoint: Endpoint = field(init=False)
    _judge: Judge = field(init=False)
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _copied: deque[bytes] = field(default_factory=lambda: deque(maxlen=REMEMBERED_COPIES))
    #: an ICMP error that is to blame should nothing more come
    _soft_error: str = ""
    _told_lost: int = 0
    #: all that was captured until then has been taken
    _caught_up: int = 0
    _overdue: deque[bytes] = field(default_factory=lambda: deque(maxlen=REMEMBERED_COPIES))

    def __post_init__(self) -> None:
        self.endpoint = Endpoint(self.tracker, End.CLIENT, self.profile)
        self._judge = Judge(self.rules, ours=End.CLIENT)

    @property
    def client(self) -> View:
        return self.tracker.ends.client

    @property
    def server(self) -> View:
        return self.tracker.ends.server

    @property
    def established(self) -> bool:
        """Whether the handshake is done: our third ACK has left."""
        state = self.client.expected
        return state is not None and state.synchronized and self.client.acked is not None

    @property
    def half_closed(self) -> bool:
        """Whether our FIN is acknowledged."""
        me = self.client
        return me.fin is not None and me.una is not None and me.una > me.fin

    @property
    def closed(self) -> bool:
        """Whether both FINs are acknowledged, as far as our end can know."""
        acked, fin = self.client.acked, self.server.fin
        return self.half_closed and fin is not None and acked is not None and acked > fin

    @property
    def over(self) -> bool:
        """Whether nothing more can come of it."""
        gone = self.client.expected is State.CLOSED and self.client.iss is not None
        ended = self.endpoint.gave_up or bool(self.unreachable) or self.refused or self.was_reset
        return gone or ended or self.cancelled()

    # What the user wants.

    def connect(self, data: bytes = b"", *, want: Want = Want.OPEN) -> bool:
        """Open; ``data`` rides on the third ACK. True once ESTABLISHED, with that ACK sent."""
        self.endpoint.send(data)
        self.endpoint.want = want
        self.run(lambda: self.established or self.over)
        return self.established and not self.over

    def send(self, data: bytes, *, quiet: int, deadline: int | None = None) -> bytes:
        """Send, and return what came back until ``quiet`` ns of silence, the peer's FIN, or ``deadline``."""
        self.endpoint.send(data)
        self.endpoint.give(self.link.now())
        answer = bytearray(self.read())
        heard = self.link.now()

        def enough() -> bool:
            nonlocal heard
            now, fresh = self.link.now(), self.read()
            answer.extend(fresh)
            if fresh or self.endpoint.unacknowledged:
                heard = now
            me, fin = self.client, self.server.fin
            ended = fin is not None and me.rcv_nxt is not None and me.rcv_nxt > fin
            finished = ended and not self.endpoint.unacknowledged
            return finished or self.over or now - heard >= quiet

        self.run(enough, deadline=deadline, tick=quiet // (1 + quiet // CANCEL_CHECK))
        return bytes(answer)

    def close(self, *, crossing: bool = False, deadline: int | None = None) -> bool:
        """Send our FIN and wait for theirs; True once both are acknowledged as far as we can know."""
        self.endpoint.want = Want.CLOSE_CROSSING if crossing else Want.CLOSE
        self.endpoint.give(self.link.now())

        def done() -> bool:
            self.read()  # what still comes is taken, so that our window stays open
            return self.closed or self.over

        self.run(done, deadline=deadline)
        return self.closed

    def abort(self) -> None:
        """Send a RST, and stay long enough to see what it draws."""
        self.endpoint.want = Want.ABORT
        self.run(lambda: False, deadline=self.link.now() + COPY_WAIT)

    def linger(self, duration: int) -> None:
        """Hold TIME-WAIT for ``duration`` ns: a FIN that comes again is acknowledged again."""
        if self.client.expected is State.TIME_WAIT:
            self.run(lambda: False, deadline=self.link.now() + duration)

    def read(self) -> bytes:
        """Take what has arrived; the report keeps the first KEPT_DATA octets of it."""
        fresh = self.endpoint.read()
        if len(self.data) < KEPT_DATA:
            self.data += fresh[: KEPT_DATA - len(self.data)]
        return fresh

    def exchange(self, outcome: Outcome, detail: str = "") -> Exchange:
        """The transcript so far, judged as a whole."""
        if lost := self.link.lost - self._told_lost:
            self.remark(f"the capture lost {lost} frames: more passed than is shown")
            self._told_lost += lost
        self.settle()
        return Exchange(
            client=self.tracker.client,
            server=self.tracker.server,
            entries=tuple(self.entries),
            closing=self._judge.exchange([one.step for one in self.entries if isinstance(one, Judged)]),
            outcome=outcome,
            detail=detail,
            data=bytes(self.data + self.endpoint.unread)[:KEPT_DATA],
        )

    # The loop.

    def run(self, done: Callable[[], bool], *, deadline: int | None = None, tick: int = CANCEL_CHECK) -> None:
        """Go on until ``done()`` or ``deadline``; ask at least every ``tick`` ns."""
        while True:
            # What has arrived comes before what we want to send: one answer to all of it.
            self._take_all()
            self._flush()
            self.checkpoint()
            now = self.link.now()
            if done() or (deadline is not None and now >= deadline):
                break
            frame = self._receive(now)
            if frame is None:
                # Nothing waits on the wire, nor will in a moment: the time to judge and to draw.
                expecting = self._waiting and self.endpoint.unacknowledged
                until = self._waiting[0].since + PROMPT if expecting else now
                if now >= until:
                    self._judge_waiting()
                    until = now + tick
                frame = self._receive(self.next_deadline(deadline, until))
            if frame is not None:
                self._take(frame)
        self._judge_waiting()

    def pump(self) -> None:
        """Take every frame that is there, answer, judge; wait for nothing."""
        self._take_all()
        self._flush()
        self._judge_waiting()

    def _take_all(self) -> None:
        for _ in range(MAX_WAITING):
            frame = self._receive(self.link.now())
            if frame is None:
                return
            self._take(frame)
        self._judge_waiting()

    def _receive(self, deadline: int | None) -> Frame | None:
        frame = self.link.receive(deadline)
        self._caught_up = self.link.now() if frame is None else max(self._caught_up, frame.time)
        return frame

    def next_deadline(self, *others: int | None) -> int | None:
        """When the loop has to wake although nothing arrives: timers, late copies, and ``others``."""
        copy = self._waiting[0].since + COPY_WAIT if self._waiting else None
        bounds = self.endpoint.deadline(), copy, *others
        return min((bound for bound in bounds if bound is not None), default=None)

    def settle(self) -> None:
        """Wait for the captured copies of our last segments, and judge all that is left."""
        deadline = self.link.now() + COPY_WAIT
        self.run(lambda: not any(waiting.wire for waiting in self._waiting), deadline=deadline)
        self._judge_waiting(rest=True)

    def remark(self, text: str) -> None:
        """Write ``text`` into the transcript, after all that happened before."""
        now = self.link.now()
        self._wait(Remark(now, text), now)

    def _flush(self) -> None:
        while True:
            now = self.link.now()
            outgoing = self.endpoint.poll(now)
            if outgoing is None:
                break
            self._send(outgoing, now)
        if self.endpoint.gave_up and not self.unreachable:
            self.unreachable = self._soft_error

    def _send(self, outgoing: Outgoing, now: int) -> None:
        segment, wrong = outgoing.segment, outgoing.checksum
        meant = None if segment == outgoing.meant else outgoing.meant
        if self.drops.takes(outgoing.name):
            note = "dropped by rawshake"
            self._wait(
                self.tracker.apply(segment, now, fate=Fate.LOST, ours=True, meant=meant, note=note), now
            )
            return
        alter = None if wrong is None else lambda right: wrong.of(right, 1 << 16)
        packet = self.link.send(segment, checksum=alter)
        sent = decode(packet)
        if isinstance(sent, Segment):
            segment = sent  # the tracker follows what really left
        note = "" if meant is None else "wrong on purpose"
        step = self.tracker.apply(segment, now, ours=True, meant=meant, note=note)
        self._wait(step, now, tcp_part(packet))

    def _take(self, frame: Frame) -> None:
        self.on_frame(frame)
        seen = decode(frame.packet, offloaded=frame.offloaded)
        if isinstance(seen, IcmpError):
            self._icmp(seen, frame.time)
        elif isinstance(seen, Segment):
            if (seen.src, seen.sport) == self.tracker.client:
                self._took_copy(seen, frame)
            elif (seen.src, seen.sport) == self.tracker.server:
                self._took(seen, frame)

    def _took(self, segment: Segment, frame: Frame) -> None:
        now = self.link.now()
        if self.drops.takes(name_of(segment)):
            note = "dropped by rawshake"
            self._wait(self.tracker.apply(segment, frame.time, fate=Fate.LOST, note=note), now)
            return
        # A FIN that is to cross ours is answered as if it were still under way.
        crossing = self.endpoint.want is Want.CLOSE_CROSSING and segment.fin and self.client.fin is None
        fate, note = (Fate.PASSED, "taken as still under way") if crossing else (Fate.DELIVERED, "")
        was = self.client.expected
        step = self.tracker.apply(segment, frame.time, fate=fate, note=note)
        self.endpoint.took(step, now)
        if step.standing is Standing.NEW:
            self._soft_error = ""
        if segment.rst and step.standing is Standing.NEW:
            self.refused, self.was_reset = was is State.SYN_SENT, was is not State.SYN_SENT
        self._wait(step, now)
        if self.endpoint.urgent:
            self._flush()

    def _took_copy(self, segment: Segment, frame: Frame) -> None:
        wire = tcp_part(frame.packet)
        for same in (eq, same_segment):
            for waiting in self._waiting:
                if waiting.wire is not None and isinstance(waiting.step, Step) and same(waiting.wire, wire):
                    note = waiting.step.note or ("" if waiting.wire == wire else "changed on its way out")
                    waiting.step = replace(waiting.step, time=frame.time, note=note)
                    waiting.wire = None
                    self._copied.append(wire)
                    return
        if wire in self._copied:
            return  # the same segment on a further interface
        if wire in self._overdue:
            self._overdue.remove(wire)
            self._copied.append(wire)
            self.firewalled = self.unresolved = ""
            self._wait(Remark(frame.time, f"{segment.flags} left only now"), self.link.now())
            return
        step = self.tracker.apply(
            segment, frame.time, note="not by rawshake: this machine's kernel or firewall"
        )
        self.firewalled = f"this machine sent {segment.flags} in our name"
        self._wait(step, self.link.now())

    def _icmp(self, error: IcmpError, time: int) -> None:
        quoted = (error.quoted_src, error.quoted_sport), (error.quoted_dst, error.quoted_dport)
        if quoted != (self.tracker.client, self.tracker.server):
            return
        text = f"ICMP from {error.src}: {error.description}"
        self._wait(Remark(time, text), self.link.now())
        kind, me, seq = (error.v6, error.type), self.client, error.quoted_seq
        if kind not in UNREACHABLE or (*kind, error.code) in GETS_THERE or me.una is None or me.nxt is None:
            return
        if seq is not None and not me.una <= seq <= me.nxt:
            return  # forged, or about what is long acknowledged: RFC 5927 section 4.1
        if me.expected is State.SYN_SENT:
            self.unreachable = text  # RFC 5461 section 4.1: most stacks stop connecting at the first
        else:
            self._soft_error = text  # RFC 1122 section 4.2.3.9: no reason to abort

    def _wait(self, step: Step | Remark, now: int, wire: bytes | None = None) -> None:
        self._waiting.append(_Waiting(step, wire, now))
        if isinstance(step, Step):
            self.on_step(step)

    def _judge_waiting(self, *, rest: bool = False) -> None:
        """Judge in order up to the first whose copy may still come; with ``rest`` also from there on."""
        while self._waiting:
            waiting = self._waiting[0]
            step = waiting.step
            if waiting.wire is not None and isinstance(step, Step):
                overdue = self._caught_up >= waiting.since + COPY_WAIT
                if not overdue and not rest:
                    return
                if not overdue or self.link.lost or self._arrived(step.segment):
                    self._copied.append(waiting.wire)  # it left; the capture is late, or has missed it
                else:
                    step = replace(step, note=self._why_not_sent(step, waiting.wire))
            self._waiting.popleft()
            entry = step if isinstance(step, Remark) else Judged(step, self._judge.step(step))
            self.entries.append(entry)
            self.on_entry(entry)

    def _arrived(self, segment: Segment) -> bool:
        una = self.client.una
        return segment.length > 0 and una is not None and segment.end <= una

    def _why_not_sent(self, step: Step, wire: bytes) -> str:
        self._overdue.append(wire)
        self.unresolved = self.link.obstacle()
        if self.unresolved:
            return f"waits in this machine: {self.unresolved}"
        self.firewalled = f"{step.segment.flags} was handed to the kernel and never left"
        return "never left this machine"
