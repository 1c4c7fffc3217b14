"""One live connection as its frames come: sends what the endpoint decides, tracks and judges what passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from rawshake.copies import Copies, Copy
from rawshake.endpoint import Endpoint, Want
from rawshake.impair import Held, Impairments, Road, Treatment, name_of
from rawshake.judge import Judge, Ruling
from rawshake.link import Frame, Link, tcp_part
from rawshake.pace import Pace
from rawshake.profile import Outgoing, Profile
from rawshake.report import Exchange, Judged, Outcome, Remark
from rawshake.rules.model import Rule
from rawshake.tcp.decode import IcmpError, Undecoded, decode
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.unreachable import gets_nowhere
from rawshake.tcp.view import End, Fate, Standing, Step, View

#: How many octets of what the peer sends the report keeps.
KEPT_DATA: Final = 1 << 20

#: How many segments are sent before what has come meanwhile is looked at.
BURST: Final = 16


@dataclass(slots=True)
class Conversation:
    """Drives one connection over ``link``, as the end that is ``ours``: the server waits for a SYN.

    ``on_entry`` is told each Judged or Remark in order, ``on_frame`` every frame as it was captured.
    Times are nanoseconds since the epoch.
    """

    link: Link
    tracker: Tracker
    profile: Profile
    rules: Sequence[Rule]
    impairments: Impairments = field(default_factory=Impairments)
    ours: End = End.CLIENT
    #: their SYN is taken for one that has crossed ours: it is held back until ours has left
    crossing: bool = False
    #: no FIN of theirs is ever acknowledged
    deaf_to_fin: bool = False
    #: of how many segments the transcript is kept; a longer one is not judged as a whole
    most_entries: int | None = None
    #: of how many octets that the peer sends
    most_data: int = KEPT_DATA
    on_entry: Callable[[Judged | Remark], None] = lambda entry: None
    on_frame: Callable[[Frame], None] = lambda frame: None
    #: told each step once it is applied, before anything of ours answers it; what it remarks follows the step
    on_step: Callable[[Step], None] = lambda step: None
    entries: list[Judged | Remark] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    #: what an ICMP error said, and what this machine's own firewall did
    unreachable: str = ""
    firewalled: str = ""
    #: whose link-layer address the kernel still asks for, in words, while our segments wait for it
    unresolved: str = ""
    refused: bool = False
    was_reset: bool = False
    #: the transcript grew too long and is kept no more
    cut: bool = False
    #: all that was captured until then has been taken
    caught_up: int = 0
    pace: Pace = field(default_factory=Pace)
    endpoint: Endpoint = field(init=False)
    _judge: Judge = field(init=False)
    _addresses: tuple[tuple[str, int], ...] = field(init=False)
    _copies: Copies = field(default_factory=Copies)
    _held: Segment | None = None
    #: more is to be sent, or to be read, than was at the last flush
    _more: bool = False
    #: how to let go on what is held back on our own side, at what time and with what note
    _road: Road[Callable[[int, str], None]] = field(default_factory=Road)
    #: an ICMP error that is to blame should nothing more come
    _soft_error: str = ""
    _told_lost: int = 0

    def __post_init__(self) -> None:
        both = self.tracker.client, self.tracker.server
        self._addresses = both if self.ours is End.CLIENT else both[::-1]
        passive = self.ours is End.SERVER and not self.crossing
        self.endpoint = Endpoint(self.tracker, self.ours, self.profile, passive=passive)
        self._judge = Judge(self.rules, ours=self.ours)

    @property
    def client(self) -> View:
        return self.tracker.ends.client

    @property
    def server(self) -> View:
        return self.tracker.ends.server

    @property
    def me(self) -> View:
        """Our end."""
        return self.tracker.ends.of(self.ours)

    @property
    def peer(self) -> View:
        """The other end."""
        return self.tracker.ends.of(self.ours.other)

    @property
    def established(self) -> bool:
        """Whether the handshake is done: our acknowledgment of their SYN has left, and theirs of ours has come."""
        me = self.me
        return me.expected is not None and me.expected.synchronized and me.acked is not None

    @property
    def half_closed(self) -> bool:
        """Whether our FIN is acknowledged."""
        me = self.me
        return me.fin is not None and me.una is not None and me.una > me.fin

    @property
    def closed(self) -> bool:
        """Whether both FINs are acknowledged, as far as our end can know."""
        acked, fin = self.me.acked, self.peer.fin
        return self.half_closed and fin is not None and acked is not None and acked > fin

    @property
    def ended(self) -> bool:
        """Whether nothing more can come of it, as far as our end knows."""
        opened = self.me.iss is not None or self.ours is End.SERVER
        gone = self.me.expected is State.CLOSED and opened
        return gone or self.endpoint.gave_up or bool(self.unreachable) or self.refused or self.was_reset

    @property
    def called(self) -> bool:
        """Whether a SYN of theirs is held back."""
        return self._held is not None

    @property
    def settled(self) -> bool:
        """Whether nothing is held back, and no captured copy of a segment of ours awaited."""
        return self._road.empty and not self._copies.awaited

    # What the loop does with it.

    def read(self, most: int | None = None) -> bytes:
        """Take what has arrived, ``most`` octets of it; the report keeps the first ``most_data`` of all."""
        fresh = self.endpoint.read(most)
        if len(self.data) < self.most_data:
            self.data += fresh[: self.most_data - len(self.data)]
        return fresh

    def next_deadline(self, *others: int | None) -> int | None:
        """When the loop has to wake although nothing arrives: timers, late copies, and ``others``."""
        if self._more or (self.pace.withheld and not self.untold):
            return 0
        timer = self.pace.real(self.endpoint.deadline())
        bounds = (timer, self._copies.deadline, self._road.deadline(), *others)
        return min((bound for bound in bounds if bound is not None), default=None)

    def remark(self, text: str) -> None:
        """Write ``text`` into the transcript, after all that happened before."""
        now = self.link.now()
        self._wait(Remark(now, text), now)

    def transcript(self, outcome: Outcome, detail: str = "") -> Exchange:
        """All that was told so far, judged as a whole."""
        told = self.unjudged(outcome, detail)
        return replace(told, closing=self.pace.fair(chain.from_iterable(self.whole(told))))

    def whole(self, told: Exchange) -> Iterator[tuple[Ruling, ...]]:
        """What the rules say of all that was ``told``, one rule after the other."""
        return iter(()) if self.cut else self._judge.exchange_by_rule(told.steps)

    def unjudged(self, outcome: Outcome, detail: str = "") -> Exchange:
        """All that was told so far, not judged as a whole."""
        return Exchange(
            client=self.tracker.client,
            server=self.tracker.server,
            entries=tuple(self.entries),
            outcome=outcome,
            detail=detail,
            data=bytes(self.data + self.endpoint.unread)[: self.most_data],
        )

    def flush(self) -> None:
        """Send what is to be sent now: BURST segments at most, and the next deadline has passed if there are more."""
        self._more = False
        for _ in range(BURST):
            now = self.link.now()
            self._let_go(now)
            if not self.pace.may_send(self.endpoint, now, told=len(self.entries), untold=self.untold):
                break
            outgoing = self.endpoint.poll(self.pace.own(now))
            if outgoing is None:
                break
            self._send(outgoing, now)
            if self._held is not None:
                held, self._held = self._held, None
                self._take_segment(held, self.link.now(), note="held back until ours had left")
        else:
            self._more = True
        if self.endpoint.gave_up and not self.unreachable:
            self.unreachable = self._soft_error

    def _send(self, outgoing: Outgoing, now: int) -> None:
        treatment = self.impairments.treat(outgoing.name, ours=True)
        if treatment.withheld:
            meant = None if outgoing.segment == outgoing.meant else outgoing.meant
            step = self.tracker.apply(
                outgoing.segment, now, fate=Fate.LOST, ours=True, meant=meant, note=treatment.note
            )
            self._wait(step, now)
        else:
            self._leave(outgoing, now, treatment.note, corrupt=treatment.corrupted)

        def go_on(now: int, note: str) -> None:
            self._leave(outgoing, now, note, corrupt=treatment.corrupted, copy=True)

        self._follow(treatment, go_on, now, ours=True)

    def _leave(
        self, outgoing: Outgoing, now: int, note: str, *, corrupt: bool = False, copy: bool = False
    ) -> None:
        segment, wrong = outgoing.segment, outgoing.checksum
        meant = None if segment == outgoing.meant else outgoing.meant
        alter = None if wrong is None else lambda right: wrong.of(right, 1 << 16)
        packet = self.link.send(
            replace(segment, checksum=Checksum.WRONG) if corrupt else segment, checksum=alter
        )
        sent = decode(packet)
        if isinstance(sent, Segment) and not corrupt:
            segment = sent  # the tracker follows what really left
        fate = Fate.LOST if corrupt else Fate.PASSED  # RFC 9293 MUST-3
        note = note or ("" if meant is None else "wrong on purpose")
        step = self.tracker.apply(segment, now, fate=fate, ours=True, meant=meant, note=note, copy=copy)
        self._wait(step, now, tcp_part(packet))

    def _follow(
        self, treatment: Treatment, go_on: Callable[[int, str], None], now: int, *, ours: bool
    ) -> None:
        """After the step in which a segment was sent: those that it overtook, and what else comes of it."""
        if not treatment.withheld:
            self._road.passed(now, ours=ours)
        for _ in range(treatment.arrivals - (not treatment.withheld)):
            held = Held(go_on, self.tracker.count, treatment.note or "duplicated by rawshake", ours)
            self._road.hold(held, treatment, now)

    def _let_go(self, now: int) -> None:
        while (held := self._road.due(now)) is not None:
            held.item(now, f"segment {held.number}, {held.note}")
            self._more = self._more or not held.ours  # whoever reads what came has to be asked

    def take(self, frame: Frame, seen: Segment | IcmpError | Undecoded | None = None) -> None:
        """Take a captured frame, ``seen`` as that if it is decoded already."""
        self.on_frame(frame)
        self.caught_up = max(self.caught_up, frame.time)
        if seen is None:
            seen = decode(frame.packet, offloaded=frame.offloaded)
        if isinstance(seen, IcmpError):
            self._icmp(seen, frame.time)
        elif isinstance(seen, Segment):
            ours, theirs = self._addresses
            if (seen.src, seen.sport) == ours:
                self._took_copy(seen, frame)
            elif (seen.src, seen.sport) == theirs:
                self._took(seen, frame.time)

    def _took(self, segment: Segment, time: int) -> None:
        treatment = self.impairments.treat(name_of(segment), ours=False)
        if treatment.withheld or treatment.corrupted:
            step = self.tracker.apply(segment, time, fate=Fate.LOST, note=treatment.note)
            self._wait(step, self.link.now())
            if treatment.corrupted:
                return
        else:
            self._admit(segment, time)

        def go_on(now: int, note: str) -> None:
            self._admit(segment, now, note, copy=True)

        self._follow(treatment, go_on, self.link.now(), ours=False)

    def _admit(self, segment: Segment, time: int, note: str = "", *, copy: bool = False) -> None:
        if self.deaf_to_fin and segment.fin:
            note = "not taken: its FIN is to wait"
            step = self.tracker.apply(segment, time, fate=Fate.LOST, note=note, copy=copy)
            self._wait(step, self.link.now())
        elif self.crossing and self.me.iss is None and segment.syn and not segment.has_ack:
            self._held = segment
        else:
            self._take_segment(segment, time, note, copy=copy)

    def _take_segment(self, segment: Segment, time: int, note: str = "", *, copy: bool = False) -> None:
        now = self.link.now()
        # A FIN that is to cross ours is answered as if it were still under way.
        crossing = self.endpoint.want is Want.CLOSE_CROSSING and segment.fin and self.me.fin is None
        fate, note = (Fate.PASSED, "taken as still under way") if crossing else (Fate.DELIVERED, note)
        was = self.me.expected
        step = self.tracker.apply(segment, time, fate=fate, note=note, copy=copy)
        self.endpoint.took(step, self.pace.own(now))
        if step.standing is Standing.NEW:
            self._soft_error = ""
        if segment.rst and step.standing is Standing.NEW:
            self.refused, self.was_reset = was is State.SYN_SENT, was is not State.SYN_SENT
        self._wait(step, now)
        if self.endpoint.urgent:
            self.flush()

    def _took_copy(self, segment: Segment, frame: Frame) -> None:
        match self._copies.seen(tcp_part(frame.packet), frame.time):
            case Copy.LATE:
                self.firewalled = self.unresolved = ""
                self._wait(Remark(frame.time, f"{segment.flags} left only now"), self.link.now())
            case Copy.FOREIGN:
                note = "not by rawshake: this machine's kernel or firewall"
                step = self.tracker.apply(segment, frame.time, note=note)
                self.firewalled = f"this machine sent {segment.flags} in our name"
                self._wait(step, self.link.now())

    def _icmp(self, error: IcmpError, time: int) -> None:
        quoted = (error.quoted_src, error.quoted_sport), (error.quoted_dst, error.quoted_dport)
        if quoted != self._addresses:
            return
        text = f"ICMP from {error.src}: {error.description}"
        self._wait(Remark(time, text), self.link.now())
        if not gets_nowhere(error, self.me):
            return
        if self.me.expected is State.SYN_SENT:
            self.unreachable = text  # RFC 5461 section 4.1: most stacks stop connecting at the first
        else:
            self._soft_error = text  # RFC 1122 section 4.2.3.9: no reason to abort

    def _wait(self, step: Step | Remark, now: int, wire: bytes | None = None) -> None:
        self._copies.add(step, now, wire)
        if isinstance(step, Step):
            self.on_step(step)

    def judge(self, *, rest: bool = False, most: int | None = None) -> bool:
        """Judge in order up to the first whose copy may still come; with ``rest`` also from there on.

        With ``most`` no more than so many; whether more were left.
        """
        told = self._copies.told(self.caught_up, excused=self._excused, why=self._why_not_sent, rest=rest)
        for count, step in enumerate(told, 1):
            entry = step if isinstance(step, Remark) else Judged(step, self.pace.fair(self._judge.step(step)))
            self._keep(entry)
            self.on_entry(entry)
            if count == most:
                return True
        return False

    def _keep(self, entry: Judged | Remark) -> None:
        if self.most_entries is not None and len(self.entries) >= self.most_entries:
            self.forget()
        if not self.cut:
            self.entries.append(entry)

    def forget(self) -> None:
        """Keep nothing more of the transcript, nor what is kept: the whole can no longer be judged."""
        self.cut = True
        self.entries.clear()

    @property
    def untold(self) -> bool:
        """Whether anything waits still to be judged."""
        return self._copies.since is not None

    def succeed(self, before: Conversation) -> None:
        """It goes between the ends of another one, of which copies may still be captured."""
        self._copies.expect_no_more(before._copies.wires())

    def _excused(self, step: Step) -> bool:
        """Whether it has left although no copy of it was seen."""
        una, segment = self.me.una, step.segment
        return bool(self.link.lost) or (segment.length > 0 and una is not None and segment.end <= una)

    def _why_not_sent(self, step: Step) -> str:
        self.unresolved = self.link.obstacle()
        if self.unresolved:
            return f"waits in this machine: {self.unresolved}"
        self.firewalled = f"{step.segment.flags} was handed to the kernel and never left"
        return "never left this machine"
