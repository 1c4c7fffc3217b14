"""What a live endpoint has to send: octets not yet acknowledged, the timer that sends them again, the peer's window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from rawshake.profile import RTO_AFTER_LOST_SYN, Profile, Timer
from rawshake.tcp.scoreboard import DUP_THRESH, Scoreboard
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq, later
from rawshake.tcp.view import View

#: RFC 6928's initial window. There is no congestion control: once data has been acknowledged, FLIGHT octets may be
#: on their way, or as many as the peer's window lets in.
FLIGHT_SEGMENTS: Final = 10
FLIGHT: Final = 1 << 18


class Piece(NamedTuple):
    """Octets for one segment; ``last`` says that no more wait behind them."""

    octets: bytes
    last: bool


@dataclass(slots=True)
class Sending:
    """The sender of one connection; ``me`` is the tracker's view of our end, ``peer`` that of the other.

    What the peer has said is what has reached us: its view knows also what was lost on our own side.
    """

    profile: Profile
    timer: Timer = field(default_factory=Timer)
    #: nothing answered for so long that it stopped trying
    gave_up: bool = False
    #: a SYN of ours went out again
    lost_syn: bool = False
    #: where to send again what has not arrived; None where there is nothing to
    resend: Seq | None = None
    _queue: bytearray = field(default_factory=bytearray)
    #: the number of the first octet of the queue, and its position in the stream; None until our SYN is acknowledged
    _base: Seq | None = None
    _at: int = 0
    _board: Scoreboard = field(default_factory=Scoreboard)
    #: retransmission goes on, hole by hole, until all before this is acknowledged; and since which segment
    _recover: Seq | None = None
    _since: int = 0
    #: how often the latest acknowledgment was repeated, where there is no SACK
    _repeats: int = 0
    #: one past the last segment that was not full
    _small: Seq | None = None
    #: SND.WND in octets, the largest that it ever was, and the furthest right edge
    _window: int | None = None
    _max_window: int = 0
    _edge: Seq | None = None

    def add(self, data: bytes) -> None:
        """Queue octets for the peer."""
        self._queue += data

    @property
    def open(self) -> bool:
        """Whether our SYN is acknowledged, so that data may follow."""
        return self._base is not None

    @property
    def queued(self) -> int:
        """How many octets wait to be sent or acknowledged."""
        return len(self._queue)

    def unsent(self, nxt: Seq) -> int:
        """How many octets wait that have never been sent."""
        return 0 if self._base is None else len(self._queue) - (nxt - self._base)

    def give(self, now: int) -> None:
        """Forget that we gave up: a new intention starts its own patience at ``now``."""
        self.gave_up = False
        if self.timer.at is not None:
            self.timer.since = now

    # What the peer says.

    def took(self, segment: Segment, was: View, me: View, peer: View, now: int, *, heard: bool) -> None:
        """Learn what a segment says of what we sent; ``was`` is our end before it, ``heard`` whether it counts."""
        edge, window = self._edge, self._window
        if heard and segment.has_ack and me.una is not None and me.nxt is not None:
            self._hear_window(segment, peer)
            if me.sack_permitted and peer.sack_permitted and self._base is not None:
                for left, right in segment.sack:
                    if me.una < left < right <= me.nxt:
                        self._board.sacked(self._position(left), self._position(right))
        if me.una != was.una:
            self._progress(was, me, now)
        elif self._window == 0:
            # RFC 9293 section 3.8.6.1: a peer that answers probes may keep its window closed for ever.
            self.timer.since, self.timer.tries = now, 0
        elif me.una is None or me.una == me.nxt:
            return
        elif edge is not None and edge <= me.una and self._edge is not None and me.una < self._edge:
            self.resend = me.una  # the probe was not taken; now it would be
        elif heard and segment.has_ack and segment.ack == me.una and not segment.length:
            self._repeated(me, peer, same_window=self._window == window)
        lost = self._board.lost()
        if lost is not None and self.resend is None and me.una is not None:
            self._begin(me)
            self.resend = self._number(lost.start)

    def _hear_window(self, segment: Segment, peer: View) -> None:
        self._window = segment.window if segment.syn else segment.window << peer.shift
        self._max_window = max(self._max_window, self._window)
        self._edge = later(self._edge, segment.ack + self._window)

    def _repeated(self, me: View, peer: View, *, same_window: bool) -> None:
        """RFC 5681 section 3.2, for a peer that does not say which segments it has."""
        if me.sack_permitted and peer.sack_permitted:
            return
        self._repeats = self._repeats + 1 if same_window else 0
        if self._repeats == DUP_THRESH and self._recover is None:
            self._begin(me)
            self.resend = me.una

    def _begin(self, me: View) -> None:
        if self._recover is None:
            self._recover, self._since = me.nxt, self._board.order

    def _progress(self, was: View, me: View, now: int) -> None:
        if me.una is None or me.iss is None:
            return
        self.timer.measure(me.una, now)
        self._repeats = 0
        if was.una == me.iss:
            self._base = me.iss + 1
            if self.lost_syn:
                self.timer.rto = RTO_AFTER_LOST_SYN
        self.timer.stop()
        if self._base is not None:
            self._board.acknowledged(self._position(me.una))
            acknowledged = min(max(0, me.una - self._base), len(self._queue))
            del self._queue[:acknowledged]
            self._base += acknowledged
            self._at += acknowledged
        self.resend = None
        if self._recover is not None:
            # One hole is filled, and the next one begins here: RFC 6582's partial acknowledgment.
            first = self._board.first
            if not me.una < self._recover:
                self._recover = None
            elif first is None or first.order <= self._since:
                self.resend = me.una
        if me.una != me.nxt:
            self.timer.start(now)

    def _position(self, number: Seq) -> int:
        assert self._base is not None
        return self._at + (number - self._base)

    def _number(self, position: int) -> Seq:
        assert self._base is not None
        return self._base + (position - self._at)

    # What to send.

    def expire(self, me: View, now: int) -> None:
        """Send again, once the timer's time has come, or give up."""
        timer = self.timer
        if timer.at is None or now < timer.at:
            return
        if timer.tries >= self.profile.retries or now - timer.since >= self.profile.timeout:
            timer.stop()
            self.gave_up = True
            return
        timer.back_off(now, self.profile.timeout)
        first = self._board.first
        if first is not None and first.sacked:
            self._board.forget()  # RFC 2018 section 8: it has dropped what it had reported
        self.resend = me.una
        self._recover, self._since = me.nxt, self._board.order

    def again(self, me: View, seq: Seq, mss: int) -> Piece | None:
        """What goes out once more from ``seq`` on in one segment of at most ``mss`` octets; or a probe of one octet."""
        assert self._base is not None
        hole = self._board.hole(self._position(seq))
        most = mss if hole is None else min(mss, hole)
        return self._piece(seq, min(most, max(1, self._usable(me, seq, mss))))

    def fresh(self, me: View, mss: int, now: int) -> Piece | None:
        """What goes out for the first time in one segment of at most ``mss`` octets."""
        assert self._base is not None
        assert me.nxt is not None
        usable = self._usable(me, me.nxt, mss)
        # RFC 9293 section 3.8.6.2.1: no silly windows; and 3.8.6.1: a closed one is probed.
        worth = min(mss, self.unsent(me.nxt))
        if usable < worth and 2 * usable < max(2, self._max_window):
            self.timer.start(now)
            return None
        # RFC 9293 section 3.7.4, as RFC 896 was refined: one segment that is not full is under way at most.
        if worth < mss and self._small is not None and me.una is not None and me.una < self._small:
            return None
        piece = self._piece(me.nxt, min(mss, usable))
        if piece is not None and len(piece.octets) < mss:
            self._small = me.nxt + len(piece.octets)
        return piece

    def _usable(self, me: View, seq: Seq, mss: int) -> int:
        """How many octets from ``seq`` on the peer's window and our own limit let out."""
        in_flight = 0 if me.una is None else seq - me.una
        room = (max(FLIGHT, FLIGHT_SEGMENTS * mss) if self._at else FLIGHT_SEGMENTS * mss) - in_flight
        return room if self._edge is None else min(room, self._edge - seq)

    def _piece(self, seq: Seq, most: int) -> Piece | None:
        assert self._base is not None
        at = seq - self._base
        octets = bytes(self._queue[at : at + most])
        return Piece(octets, at + len(octets) == len(self._queue)) if octets else None

    def sent(self, seq: Seq, length: int, now: int) -> None:
        """So many numbers from ``seq`` on have left, data or FIN."""
        again = self.resend is not None
        self.timer.start(now, None if again else seq + length)
        if self._base is not None:
            self._board.sent(self._position(seq), self._position(seq) + length)

    def next_lost(self) -> None:
        """What was asked to be sent again has been: on to what else is lost."""
        self.timer.timed = None  # Karn: which of the two is acknowledged cannot be told
        lost = self._board.lost()
        self.resend = None if lost is None else self._number(lost.start)
