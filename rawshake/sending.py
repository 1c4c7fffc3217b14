"""What a live endpoint has to send: octets not yet acknowledged, the timer that sends them again, the peer's window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from rawshake.profile import RTO_AFTER_LOST_SYN, Profile, Timer
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import View

#: RFC 6928's ten segments; without congestion control, never more than this is in flight.
FLIGHT_SEGMENTS: Final = 10


class Piece(NamedTuple):
    """Octets for one segment; ``last`` says that no more wait behind them."""

    octets: bytes
    last: bool


@dataclass(slots=True)
class Sending:
    """The sender of one connection; ``me`` is the tracker's view of our end, ``peer`` that of the other."""

    profile: Profile
    timer: Timer = field(default_factory=Timer)
    #: nothing answered for so long that it stopped trying
    gave_up: bool = False
    #: a SYN of ours went out again
    lost_syn: bool = False
    #: the first of what is not acknowledged has to go out again
    resend: bool = False
    _queue: bytearray = field(default_factory=bytearray)
    #: the number of the first octet of the queue; None until our SYN is acknowledged
    _base: Seq | None = None
    #: retransmission goes on, hole by hole, until all before this is acknowledged
    _recover: Seq | None = None
    _max_window: int = 0

    def add(self, data: bytes) -> None:
        """Queue octets for the peer."""
        self._queue += data

    @property
    def open(self) -> bool:
        """Whether our SYN is acknowledged, so that data may follow."""
        return self._base is not None

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be sent or acknowledged."""
        return not self._queue

    def unsent(self, nxt: Seq) -> int:
        """How many octets wait that have never been sent."""
        return 0 if self._base is None else len(self._queue) - (nxt - self._base)

    def give(self, now: int) -> None:
        """Forget that we gave up: a new intention starts its own patience at ``now``."""
        self.gave_up = False
        if self.timer.at is not None:
            self.timer.since = now

    def took(self, was: View, me: View, peer_was: View, peer: View, now: int) -> None:
        """Learn what a segment of the peer says of what we sent; ``was`` and ``peer_was`` are before it."""
        self._max_window = max(self._max_window, peer.window or 0)
        if me.una != was.una:
            self._progress(was, me, now)
        elif peer.window == 0:
            # RFC 9293 section 3.8.6.1: a peer that answers probes may keep its window closed for ever.
            self.timer.since, self.timer.tries = now, 0
        elif me.una is not None and me.una != me.nxt and _shut(peer_was, me.una) and not _shut(peer, me.una):
            self.resend = True  # the probe was not taken; now it would be

    def _progress(self, was: View, me: View, now: int) -> None:
        if me.una is None or me.iss is None:
            return
        self.timer.measure(me.una, now)
        if was.una == me.iss:
            self._base = me.iss + 1
            if self.lost_syn:
                self.timer.rto = RTO_AFTER_LOST_SYN
        if self._recover is not None:
            # One hole is filled, and the next one begins here: RFC 6582's partial acknowledgment.
            self.resend = me.una < self._recover
            self._recover = self._recover if self.resend else None
        self.timer.stop()
        if self._base is not None:
            acknowledged = min(max(0, me.una - self._base), len(self._queue))
            del self._queue[:acknowledged]
            self._base += acknowledged
        if me.una != me.nxt:
            self.timer.start(now)

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
        self.resend = True
        self._recover = me.nxt

    def piece(
        self, me: View, peer: View, seq: Seq, mss: int, now: int, *, probe: bool = False
    ) -> Piece | None:
        """What may be sent from ``seq`` on in one segment of at most ``mss`` octets; an octet at least to ``probe``."""
        assert self._base is not None
        at = seq - self._base
        in_flight = 0 if me.una is None else seq - me.una
        room = FLIGHT_SEGMENTS * mss - in_flight
        usable = room if peer.edge is None else min(room, peer.edge - seq)
        # RFC 9293 section 3.8.6.2.1: no silly windows; and 3.8.6.1: a closed one is probed.
        worth = min(mss, len(self._queue) - at)
        if usable < worth and 2 * usable < max(2, self._max_window) and not probe:
            self.timer.start(now)
            return None
        octets = bytes(self._queue[at : at + min(mss, max(1, usable))])
        if not octets:
            return None
        self.timer.start(now, seq + len(octets))
        return Piece(octets, at + len(octets) == len(self._queue))


def _shut(view: View, seq: Seq) -> bool:
    """Whether its window has no room for ``seq``."""
    return view.edge is not None and view.edge <= seq
