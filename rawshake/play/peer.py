"""What a script holds of the other end: the way to send to it, to await what it sends, and both ends' numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from rawshake.link import IcmpMessage, Malformed, Outgoing
from rawshake.play.actions import (
    Action,
    Arrival,
    Collect,
    Expect,
    ExpectIcmp,
    IcmpArrival,
    Mistake,
    Next,
    Quiet,
    Send,
    SendIcmp,
    Wait,
)
from rawshake.play.belief import believed
from rawshake.play.sketch import Isns, Sketch, parse
from rawshake.profile import SECOND, Timestamps
from rawshake.report import Remark
from rawshake.tcp import option
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.notation import NotationError, one_line
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate, Step, View
from rawshake.tcp.words import distance

ActionT = TypeVar("ActionT", bound=Action[Any])

#: Seconds to wait for what is expected, unless the script says otherwise.
PATIENCE: Final = 1.0
#: Receive window of our segments, in octets as written, unless the script says otherwise.
WINDOW: Final = 65535


@dataclass(frozen=True, slots=True)
class Numbers:
    """One end as the tracker sees it, its numbers relative to the ISNs as in the notation.

    A number that is not known yet is a Mistake of the script that asks for it.
    """

    view: View
    isns: Isns
    #: SND.NXT as an honest sender would have it: RCV.NXT of the other end, if everything sent so far arrives
    next_seq: Seq | None

    @property
    def isn(self) -> Seq | None:
        """The ISN, None before it was seen."""
        return self.isns.sender

    @property
    def state(self) -> State | None:
        """The state that it is expected to be in; None where too little was seen."""
        return self.view.expected

    @property
    def nxt(self) -> int:
        """SND.NXT: the number that the other end awaits next, if all that was sent arrives."""
        return self._relative(self.next_seq, self.isns.sender, "SND.NXT")

    @property
    def top(self) -> int:
        """One past the highest number that it ever sent, gaps included, but for what must be refused."""
        return self._relative(self.view.nxt, self.isns.sender, "the highest number sent")

    @property
    def una(self) -> int:
        """SND.UNA: the lowest number that is not acknowledged."""
        return self._relative(self.view.una, self.isns.sender, "SND.UNA")

    @property
    def rcv_nxt(self) -> int:
        """RCV.NXT: the number that it awaits next, if all that was sent arrives."""
        return self._relative(self.view.rcv_nxt, self.isns.receiver, "RCV.NXT")

    @property
    def acked(self) -> int:
        """What its latest acknowledgment said, right or wrong."""
        return self._relative(self.view.last_ack, self.isns.receiver, "the last acknowledgment")

    @property
    def window(self) -> int:
        """The window that it advertised last, in octets, scaled; 0 before that."""
        return self.view.window or 0

    def _relative(self, number: Seq | None, isn: Seq | None, name: str) -> int:
        if number is None or isn is None:
            raise Mistake(f"{name} of the {self.view.end} is not known yet.")
        return distance(number, isn)


@dataclass(slots=True)
class Stage:
    """What all peers of one script share.

    ``opened`` gives a peer at a new port of ours; ``made`` are actions that were not yielded yet.
    """

    opened: Callable[[int | None], Peer]
    made: list[Action[Any]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Peer:
    """The other end of one connection, ``here`` being ours and ``there`` its address and port.

    A ``there`` of port 0 is whoever sends to us first from that address. ``isn`` is what our numbers are relative
    to, and begins our SYNs; ``window`` is what our segments advertise, and ``ttl`` theirs.
    """

    here: tuple[str, int]
    there: tuple[str, int]
    isn: Seq
    stage: Stage
    window: int = WINDOW
    ttl: int = 64
    #: what comes counts as still under way to us: so segments cross
    crossing: bool = False
    #: what passed, in order: segments both ways, and what is no segment of the connection
    entries: list[Step | Remark] = field(default_factory=list)
    #: what came and was not awaited yet
    inbox: deque[Arrival] = field(default_factory=deque)
    icmp: deque[IcmpArrival] = field(default_factory=deque)
    #: which end we play: CLIENT if the first segment is ours
    end: End = End.CLIENT
    #: the ISN of the other end, once seen
    their_isn: Seq | None = None
    #: our latest segment, in the notation
    said: str = ""
    tracker: Tracker | None = None
    #: where in ``entries`` stand those segments of ours that were not captured yet
    uncaptured: list[int] = field(default_factory=list)
    #: number and flags of those that were malformed, likewise
    _odd: list[tuple[Seq, Flags]] = field(default_factory=list)
    #: the next SYN begins a connection
    _anew: bool = True
    _stamps: Timestamps = field(default_factory=Timestamps)

    # What a script does.

    def send(
        self,
        text: str,
        *,
        data: bytes | None = None,
        options: bytes | None = None,
        checksum: int | None = None,
        offset: int | None = None,
        cut: int | None = None,
        fragment: int | None = None,
        src: str | None = None,
        dst: str | None = None,
    ) -> Send:
        """Send a segment; gives the ``Segment``. What ``text`` does not say is what an honest end would send.

        That is: SEQ = SND.NXT (a SYN's is our ISN), ACK = RCV.NXT, window ``self.window``, no payload, no options
        but timestamps once both SYNs had them. ``data`` is the payload and ``options`` the options as octets.
        Malformed: ``checksum`` as written, ``offset`` the data offset in 32-bit words, ``cut`` how many octets
        of the TCP segment go out. ``fragment`` is how many octets of it each IP fragment holds, a multiple of 8.
        ``src`` and ``dst`` replace the IP addresses: that is no segment of this connection, nobody follows it.
        """
        malformed = Malformed(checksum, offset, cut, fragment)
        return self._made(
            Send(
                self,
                self._parse(text),
                data,
                options,
                None if malformed == Malformed() else malformed,
                src,
                dst,
            )
        )

    def send_icmp(self, about: Segment, *, type: int, code: int, mtu: int = 0) -> SendIcmp:  # noqa: A002
        """Send an ICMP error from our address about ``about``, a segment that came from the peer.

        ``type`` and ``code`` are ICMP's, or for IPv6 ICMPv6's; ``mtu`` in octets for "fragmentation needed" and
        "packet too big".
        """
        return self._made(SendIcmp(self, IcmpMessage(about, type, code, mtu)))

    def expect(self, *texts: str, within: float = PATIENCE, strict: bool = False) -> Expect:
        """Await a segment that is what one of ``texts`` says, for so many seconds; gives the ``Arrival``.

        What a text does not say does not matter. What comes and is something else is passed over, and counts as
        awaited; with ``strict`` the very next segment must be it. ``arrival.which`` says which text was met.
        """
        return self._made(Expect(self, tuple(map(self._parse, texts)), _ns(within), strict))

    def expect_icmp(self, description: str = "", *, within: float = PATIENCE) -> ExpectIcmp:
        """Await an ICMP error about a segment of ours, in the words of ``IcmpError.description``, or any."""
        return self._made(ExpectIcmp(self, description, _ns(within)))

    def next(self, *, within: float = PATIENCE) -> Next:
        """Await any segment; gives the ``Arrival``, or None after so many seconds."""
        return self._made(Next(self, _ns(within)))

    def quiet(self, for_: float, *, but: Sequence[str] = ()) -> Quiet:
        """Demand that nothing comes for so many seconds, but for segments that are what ``but`` says.

        What has come before and was not awaited counts too: ``collect(0)`` takes that away.
        """
        return self._made(Quiet(self, _ns(for_), tuple(map(self._parse, but))))

    def collect(self, for_: float) -> Collect:
        """Wait so many seconds; gives the ``Arrival`` of all that has come, and was not awaited, until then."""
        return self._made(Collect(self, _ns(for_)))

    def wait(self, for_: float) -> Wait:
        """Let so many seconds pass; what comes meanwhile can be awaited afterwards."""
        return self._made(Wait(self, _ns(for_)))

    def another(self, port: int | None = None) -> Peer:
        """A further connection, from a new port of ours to the same port, or to ``port``, of the same host."""
        return self.stage.opened(port)

    def restart(self, isn: int) -> None:
        """Begin anew with our ISN ``isn`` on the same ports: numbers are relative to the SYNs that come now."""
        self.isn, self.their_isn, self._anew = Seq(isn), None, True

    # What a script may look at.

    @property
    def our(self) -> Numbers:
        """Our end."""
        return self._numbers(self.end)

    @property
    def their(self) -> Numbers:
        """The other end."""
        return self._numbers(self.end.other)

    @property
    def sent_at(self) -> int:
        """When our latest segment left, in ns since the epoch, by the kernel's clock once it was captured; or 0."""
        ours = (one for one in reversed(self.entries) if isinstance(one, Step) and one.ours)
        return next((step.time for step in ours), 0)

    def text(self, segment: Segment) -> str:
        """A segment of either end in notation, relative to the ISNs, without its payload's octets."""
        ours = (segment.src, segment.sport) == self.here
        isns = self.isns(ours=ours)
        if segment.checksum is Checksum.UNVERIFIABLE:
            segment = replace(segment, checksum=Checksum.CORRECT)
        return one_line(segment, isn=isns.sender, peer_isn=isns.receiver, content=False)

    def isns(self, *, ours: bool) -> Isns:
        """What numbers of our segments, or of theirs, are relative to."""
        return Isns(self.isn, self.their_isn) if ours else Isns(self.their_isn, self.isn)

    def _numbers(self, end: End) -> Numbers:
        views = self.tracker.ends if self.tracker is not None else None
        view = View(end) if views is None else views.of(end)
        other = View(end.other) if views is None else views.of(end.other)
        isns = self.isns(ours=end is self.end)
        awaited = other.rcv_nxt if other.rcv_nxt is not None else view.nxt
        return Numbers(view, isns, isns.sender if awaited is None else awaited)

    def _parse(self, text: str) -> Sketch:
        try:
            return parse(text)
        except NotationError as error:
            raise Mistake(error.problem) from None

    def _made(self, action: ActionT) -> ActionT:
        self.stage.made.append(action)
        return action

    # What a conversation does.

    def sending(self, send: Send, now: int) -> tuple[Segment, Outgoing]:
        """Fill in what leaves at ``now`` (ns), follow it, and give what the script and the wire get of it."""
        usual = self._usual(now)
        try:
            segment = send.sketch.fill(usual, self.isns(ours=True), data=send.data, options=send.options)
        except NotationError as error:
            raise Mistake(error.problem) from None
        self.said = self.text(segment)
        malformed = send.malformed or Malformed()
        if malformed.checksum is not None:
            segment = replace(segment, checksum=Checksum.WRONG)
        foreign = send.src or send.dst
        segment = replace(segment, src=send.src or segment.src, dst=send.dst or segment.dst)
        if foreign or malformed.breaks_header:
            self._odd.append((segment.seq, segment.flags))
            why = f"from {segment.src} to {segment.dst}" if foreign else str(malformed)
            self.entries.append(Remark(now, f"sent {self.said}, {why}"))
            return segment, Outgoing(segment, send.malformed)
        if segment.syn:
            self._stamps.begin(segment.options, now)
        if malformed.fragment is None:  # fragments are not put together when captured, either
            self.uncaptured.append(len(self.entries))
        self._apply(segment, now, Fate.PASSED, ours=True, note=str(malformed) if malformed.fragment else "")
        return segment, Outgoing(segment, send.malformed)

    def sending_icmp(self, send: SendIcmp, now: int) -> Outgoing:
        """The same for an ICMP error."""
        message = send.message
        self.said = f"ICMP type {message.type} code {message.code}"
        self.entries.append(Remark(now, f"sent {self.said} about {self.text(message.about)}"))
        return Outgoing(message)

    def arrived(self, segment: Segment, time: int) -> None:
        """Follow a segment that came at ``time`` (ns), and keep it until it is awaited."""
        if self.tracker is None:
            self.end = End.SERVER
            self.there = (segment.src, segment.sport)
        if self.their_isn is None and segment.syn and segment.checksum is not Checksum.WRONG:
            self.their_isn = segment.seq
        fate = Fate.PASSED if self.crossing else Fate.DELIVERED
        step = self._apply(segment, time, fate, ours=False)
        if segment.timestamps is not None and segment.checksum is not Checksum.WRONG:
            self._stamps.note(segment.timestamps[0], segment, step.before.of(self.end).last_ack)
        self.inbox.append(Arrival(step, self.text(segment)))

    def left(self, segment: Segment, time: int) -> bool:
        """Take the captured copy of a segment of ours, which tells when it left; whether we had sent that."""
        for index in self.uncaptured:
            step = self.entries[index]
            if isinstance(step, Step) and step.segment == segment:
                self.entries[index] = replace(step, time=time)
                self.uncaptured.remove(index)
                return True
        odd = (segment.seq, segment.flags)
        if segment.defects and odd in self._odd:
            self._odd.remove(odd)
            return True
        return False

    def told(self, error: IcmpError, time: int) -> None:
        """Keep an ICMP error that came at ``time`` (ns) about a segment of ours."""
        arrival = IcmpArrival(error, time)
        self.entries.append(Remark(time, arrival.text))
        self.icmp.append(arrival)

    def farewell(self, now: int) -> Outgoing | None:
        """A reset that the other end must believe, unless it has no connection by now; followed like the rest."""
        their, our = self._numbers(self.end.other), self._numbers(self.end)
        view = their.view
        gone = (None, State.CLOSED, State.LISTEN, State.TIME_WAIT)
        if self.tracker is None or view.expected in gone or (view.iss is None and our.view.iss is None):
            return None
        if view.expected is State.SYN_SENT:
            # 3.10.7.3: there a reset is believed if it acknowledges the SYN.
            ack = f"ack ={view.nxt}"
            return self.sending(Send(self, parse(f"R. =0: {ack}")), now)[1]
        number = view.last_ack if view.last_ack is not None else our.next_seq
        return self.sending(Send(self, parse(f"R ={number or self.isn + 1}:")), now)[1]

    def _usual(self, now: int) -> Segment:
        our, their = self._numbers(self.end), self._numbers(self.end.other)
        agreed = our.view.timestamps and their.view.timestamps and self._stamps.recent is not None
        stamps = option.timestamps(self._stamps.value(now), self._stamps.recent or 0) if agreed else None
        return Segment(
            src=self.here[0],
            dst=self.there[0],
            sport=self.here[1],
            dport=self.there[1],
            seq=our.next_seq or self.isn,
            ack=our.view.rcv_nxt or Seq(0),
            window=self.window,
            options=(option.NOP, option.NOP, stamps) if stamps is not None else (),
            ttl=self.ttl,
        )

    def _apply(self, segment: Segment, time: int, fate: Fate, *, ours: bool, note: str = "") -> Step:
        if self.tracker is None:
            ends = (self.here, self.there) if ours else (self.there, self.here)
            self.tracker = Tracker(*ends)
        meant = None
        if ours and not (self._anew and segment.syn):
            meant = believed(self._numbers(self.end).view, self._numbers(self.end.other).view, segment)
        if ours and segment.syn:
            self._anew = False
        note = "taken as still under way" if self.crossing and not ours else note
        step = self.tracker.apply(segment, time, fate=fate, ours=ours, meant=meant, note=note)
        self.entries.append(step)
        return step


def _ns(seconds: float) -> int:
    if not 0 <= seconds <= 86_400:
        raise Mistake(f"{seconds} is not a number of seconds from 0 to a day.")
    return round(seconds * SECOND)
