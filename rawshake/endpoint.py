"""One live end of a connection: an intention, timers, and which segment to send next; no TCP machine of its own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from rawshake.profile import RTO_AFTER_LOST_SYN, Allowance, Outgoing, Profile, Timer, Timestamps, deviate
from rawshake.tcp import option
from rawshake.tcp.option import Option
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.stream import Stream
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Standing, Step, View

#: RFC 9293 section 3.7.1, MUST-15.
DEFAULT_MSS: Final = {4: 536, 6: 1220}
#: RFC 6928's ten segments; without congestion control, never more than this is in flight.
FLIGHT_SEGMENTS: Final = 10

SENDING: Final = frozenset({State.ESTABLISHED, State.CLOSE_WAIT})
UNACCEPTABLE: Final = frozenset(
    {Standing.OLD, Standing.OUT_OF_WINDOW, Standing.SYN_CHALLENGED, Standing.RST_CHALLENGED}
)


class Want(Enum):
    """What the user of the connection wants of it."""

    LISTEN = "nothing yet"
    OPEN = "open"
    CLOSE = "open, and close once all is sent"
    CLOSE_CROSSING = "open, and answer their FIN with ours as if both had crossed"
    ABORT = "abort"


@dataclass(slots=True)
class Endpoint:
    """Decides what our ``end`` of the tracked connection sends next; ``poll`` until it has nothing more.

    Times are nanoseconds since the epoch, given by the caller.
    """

    tracker: Tracker
    end: End
    profile: Profile
    want: Want = Want.LISTEN
    #: nothing answered for so long that it stopped trying
    gave_up: bool = False
    #: octets received and not yet taken by ``read``
    unread: bytearray = field(default_factory=bytearray)
    _timer: Timer = field(default_factory=Timer)
    _unsent: bytearray = field(default_factory=bytearray)
    _base: Seq | None = None
    _stream: Stream | None = None
    _replies: deque[tuple[str, Flags, Seq, Seq | None]] = field(default_factory=deque)
    _ack_now: str = ""
    _aborted: bool = False
    _lost_syn: bool = False
    #: retransmission goes on, hole by hole, until all before this is acknowledged
    _recover: Seq | None = None
    _resend: bool = False
    _max_window: int = 0
    _stamps: Timestamps = field(default_factory=Timestamps)
    _ce: bool = False
    _challenges: Allowance = field(default_factory=Allowance)

    @property
    def me(self) -> View:
        return self.tracker.ends.of(self.end)

    @property
    def peer(self) -> View:
        return self.tracker.ends.of(self.end.other)

    @property
    def unacknowledged(self) -> bool:
        """Whether anything we sent, or have yet to send, is not acknowledged."""
        me = self.me
        return bool(self._unsent) or (me.una is not None and me.una != me.nxt)

    def send(self, data: bytes) -> None:
        """Queue octets for the peer."""
        self._unsent += data

    def read(self) -> bytes:
        """Take what has arrived in order; that opens our window again."""
        data = bytes(self.unread)
        self.unread.clear()
        me = self.me
        if data and me.edge is not None and me.rcv_nxt is not None:
            # RFC 9293 section 3.8.6.2.2: told once it is worth a segment, so that the peer is not left waiting.
            gained = me.rcv_nxt + self.profile.window - me.edge
            if 0 < self.profile.window <= 2 * gained:
                self._ack_now = "ack of data"
        return data

    def give(self, now: int) -> None:
        """Forget that we gave up: a new intention starts its own patience at ``now``."""
        self.gave_up = False
        if self._timer.at is not None:
            self._timer.since = now

    # What arrives.

    def took(self, step: Step, now: int) -> None:
        """React to a segment that was delivered to us and applied to the tracker."""
        segment, standing = step.segment, step.standing
        was, me = step.before.of(self.end), step.after.of(self.end)
        if standing is Standing.NEW:
            if segment.rst:
                self._timer.stop()
                return
            self._take(segment, was, me)
        elif standing is Standing.BAD_ACK and was.expected in (State.SYN_SENT, State.SYN_RECEIVED):
            # RFC 9293 3.10.7.3 first, 3.10.7.4 fifth: <SEQ=SEG.ACK><CTL=RST>
            self._replies.append(("rst", Flags.RST, segment.ack, None))
        elif standing is Standing.NO_CONNECTION:
            self._replies.append(_no_connection(segment))
        elif standing in UNACCEPTABLE or standing is Standing.BAD_ACK:
            self._challenge(segment, now)
        peer, peer_was = self.peer, step.before.of(self.end.other)
        self._max_window = max(self._max_window, peer.window or 0)
        if me.una != was.una:
            self._progress(was, me, now)
        elif peer.window == 0:
            # RFC 9293 section 3.8.6.1: a peer that answers probes may keep its window closed for ever.
            self._timer.since, self._timer.tries = now, 0
        elif me.una is not None and me.una != me.nxt and _shut(peer_was, me.una) and not _shut(peer, me.una):
            self._resend = True  # the probe was not taken; now it would be

    def _take(self, segment: Segment, was: View, me: View) -> None:
        if segment.timestamps is not None:
            self._stamps.note(segment.timestamps[0], segment, was.acked)
        if segment.payload_length and segment.ecn == 3 and self._ecn_agreed():
            self._ce = True
        if segment.flags & Flags.CWR:
            self._ce = False
        if self._stream is None and me.rcv_nxt is not None:
            self._stream = Stream(segment.data_seq)
        theirs = self.peer.fin  # nothing is received beyond it
        if self._stream is not None and segment.payload and (theirs is None or segment.data_seq <= theirs):
            most = len(segment.payload) if theirs is None else theirs - segment.data_seq
            self.unread += self._stream.put(segment.data_seq, segment.payload[:most])
        if segment.length and me.rcv_nxt == was.rcv_nxt:
            self._ack_now = "ack of data"  # above a gap: RFC 5681 section 4.2, at once

    def _challenge(self, segment: Segment, now: int) -> None:
        # RFC 9293 3.10.7.4 first: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
        if (segment.syn or not segment.length) and not self._challenges.take(now):
            return  # what carries data again cannot be part of a loop of ACKs
        self._ack_now = "ack" if segment.syn else "lastack" if segment.fin else "ack of data"

    def _progress(self, was: View, me: View, now: int) -> None:
        if me.una is None or me.iss is None:
            return
        self._timer.measure(me.una, now)
        if was.una == me.iss:
            self._base = me.iss + 1
            if self._lost_syn:
                self._timer.rto = RTO_AFTER_LOST_SYN
        if self._recover is not None:
            # One hole is filled, and the next one begins here: RFC 6582's partial acknowledgment.
            self._resend = me.una < self._recover
            self._recover = self._recover if self._resend else None
        self._timer.stop()
        if self._base is not None:
            acknowledged = min(max(0, me.una - self._base), len(self._unsent))
            del self._unsent[:acknowledged]
            self._base += acknowledged
        if me.una != me.nxt:
            self._timer.start(now)

    # What to send.

    def deadline(self) -> int | None:
        """When ``poll`` will have something to say although nothing arrived."""
        return self._timer.at

    def poll(self, now: int) -> Outgoing | None:
        """The next segment to send now, if any."""
        if self._replies:
            name, flags, seq, ack = self._replies.popleft()
            return self._outgoing(name, self._segment(flags, seq, ack=ack, now=now))
        me = self.me
        if self.want is Want.ABORT:
            return self._abort(me, now)
        if me.iss is None:
            return None if self.want is Want.LISTEN or self._timer.at is not None else self._syn(now)
        if self._timer.at is not None and now >= self._timer.at:
            self._expired(me, now)
        if self._resend:
            self._resend = False
            resent = self._again(me, now)
            if resent is not None:
                return resent
        return self._fresh(me, now) or self._acknowledge(me, now)

    def _syn(self, now: int) -> Outgoing:
        flags = Flags.SYN | (Flags.ECE | Flags.CWR if self.profile.ecn else Flags(0))
        outgoing = self._outgoing("syn", self._segment(flags, self.profile.isn, now=now))
        self._timer.start(now, outgoing.meant.end)
        return outgoing

    def _synack(self, me: View, now: int) -> Outgoing:
        # Simultaneous open: RFC 9293 section 3.5, Figure 7.
        assert me.iss is not None
        return self._outgoing("synack", self._segment(Flags.SYN, me.iss, ack=me.rcv_nxt, now=now))

    def _abort(self, me: View, now: int) -> Outgoing | None:
        if self._aborted or me.nxt is None or me.expected in (State.CLOSED, State.TIME_WAIT):
            return None
        self._aborted = True
        self._timer.stop()
        # RFC 9293 3.10.5: <SEQ=SND.NXT><CTL=RST>; with the ACK bit, as every stack has it.
        return self._outgoing("rst", self._segment(Flags.RST, me.nxt, ack=me.rcv_nxt, now=now))

    def _expired(self, me: View, now: int) -> None:
        timer = self._timer
        if timer.tries >= self.profile.retries or now - timer.since >= self.profile.timeout:
            timer.stop()
            self.gave_up = True
            return
        timer.back_off(now, self.profile.timeout)
        self._resend = True
        self._recover = me.nxt

    def _again(self, me: View, now: int) -> Outgoing | None:
        """The first of what is not acknowledged, once more; or a probe of a closed window."""
        if me.una is None or me.iss is None:
            return None
        if me.una == me.iss:
            self._lost_syn = True
            found: Outgoing | None = (
                self._synack(me, now) if me.expected is State.SYN_RECEIVED else self._syn(now)
            )
        elif me.una == me.fin:
            found = self._fin(me.una, now)
        else:
            found = self._data(me, me.una, now, probe=True)
        self._timer.timed = None  # Karn: which of the two is acknowledged cannot be told
        return found

    def _fresh(self, me: View, now: int) -> Outgoing | None:
        if me.expected not in SENDING or me.nxt is None or self._base is None:
            return None
        pending = len(self._unsent) - (me.nxt - self._base)
        if pending > 0:
            return self._data(me, me.nxt, now)
        if self.want is Want.CLOSE or (self.want is Want.CLOSE_CROSSING and self.peer.fin is not None):
            return self._fin(me.nxt, now)
        return None

    def _fin(self, seq: Seq, now: int) -> Outgoing:
        meant = self._segment(Flags.FIN | Flags.ACK, seq, ack=self._ack(), now=now)
        self._timer.start(now, meant.end)
        return self._outgoing("fin", meant)

    def _ack(self) -> Seq | None:
        """RCV.NXT; without their FIN where ours is to cross it: we answer as if it were still under way."""
        me, theirs = self.me, self.peer.fin
        crossing = self.want is Want.CLOSE_CROSSING and me.fin is None
        if crossing and theirs and me.rcv_nxt and (me.acked or theirs) <= theirs < me.rcv_nxt:
            return theirs
        return me.rcv_nxt

    def _data(self, me: View, seq: Seq, now: int, *, probe: bool = False) -> Outgoing | None:
        assert self._base is not None
        at = seq - self._base
        edge = self.peer.edge
        in_flight = 0 if me.una is None else seq - me.una
        mss = self._mss()
        room = FLIGHT_SEGMENTS * mss - in_flight
        usable = room if edge is None else min(room, edge - seq)
        # RFC 9293 section 3.8.6.2.1: no silly windows; and 3.8.6.1: a closed one is probed.
        worth = min(mss, len(self._unsent) - at)
        if usable < worth and 2 * usable < max(2, self._max_window) and not probe:
            self._timer.start(now)
            return None
        octets = bytes(self._unsent[at : at + min(mss, max(1, usable))])
        if not octets:
            return None
        self._timer.start(now, seq + len(octets))
        flags = Flags.ACK | (Flags.PSH if at + len(octets) == len(self._unsent) else Flags(0))
        name = "ack" if me.acked is None else "data"
        return self._outgoing(name, self._segment(flags, seq, ack=self._ack(), payload=octets, now=now))

    def _acknowledge(self, me: View, now: int) -> Outgoing | None:
        if me.rcv_nxt is None or me.nxt is None or me.expected in (State.CLOSED, State.SYN_SENT):
            return None
        ack, theirs = self._ack(), self.peer.fin
        if ack is None or (ack in (me.acked, me.last_ack) and not self._ack_now):
            return None
        if me.expected is State.SYN_RECEIVED:
            return self._synack(me, now)
        if me.acked is None:
            name = "ack"
        elif theirs is not None and ack > theirs:
            name = "lastack"
        else:
            name = self._ack_now or "ack of data"
        return self._outgoing(name, self._segment(Flags.ACK, me.nxt, ack=ack, now=now))

    # How it looks.

    def _segment(
        self, flags: Flags, seq: Seq, *, now: int, ack: Seq | None = None, payload: bytes = b""
    ) -> Segment:
        syn = bool(flags & Flags.SYN)
        options = self._syn_options(now, echoing=ack is not None) if syn else self._options(flags, now)
        if self._ce and not syn:
            flags |= Flags.ECE
        ours, theirs = self.tracker.client, self.tracker.server
        if self.end is End.SERVER:
            ours, theirs = theirs, ours
        self._ack_now = "" if ack is not None else self._ack_now
        return Segment(
            src=ours[0],
            dst=theirs[0],
            sport=ours[1],
            dport=theirs[1],
            seq=seq,
            ack=ack if ack is not None else Seq(0),
            flags=flags | (Flags.ACK if ack is not None else Flags(0)),
            window=self._window_field(syn=syn),
            options=options,
            payload=payload,
            ttl=self.profile.ttl,
        )

    def _outgoing(self, name: str, meant: Segment) -> Outgoing:
        return deviate(name, meant, self.profile.deviations)

    def _window_field(self, *, syn: bool) -> int:
        octets = max(0, self.profile.window - len(self.unread))
        me = self.me
        if syn:
            return min(65535, octets)
        field = octets >> me.shift
        if me.edge is not None and me.rcv_nxt is not None:
            # RFC 9293 section 3.8.6: the right edge does not move left, nor by what the shift rounds off.
            field = max(field, -((me.rcv_nxt - me.edge) >> me.shift))
        return min(65535, field)

    def _mss(self) -> int:
        theirs = self.peer.mss
        if theirs is None:
            theirs = DEFAULT_MSS[6 if ":" in self.tracker.client[0] else 4]
        # RFC 6691 section 2: less by the options that the segment carries.
        carried = sum(len(one.wire) for one in self._options(Flags.ACK, 0))
        return max(1, min(theirs, self.profile.mss) - carried)

    def _timestamps_agreed(self) -> bool:
        return self.me.timestamps and self.peer.timestamps

    def _ecn_agreed(self) -> bool:
        return self.profile.ecn and self.peer.ecn_setup

    def _syn_options(self, now: int, *, echoing: bool) -> tuple[Option, ...]:
        recent = self._stamps.recent
        if not echoing or recent is None:
            self._stamps.begin(self.profile.options, now)
            return self.profile.options
        # A SYN,ACK echoes the peer's timestamp (RFC 7323 section 3.2).
        stamp = option.timestamps(self._stamps.value(now), recent)
        return tuple(stamp if one.kind == stamp.kind and one.known else one for one in self.profile.options)

    def _options(self, flags: Flags, now: int) -> tuple[Option, ...]:
        options: list[Option] = []
        if self._timestamps_agreed() and self._stamps.recent is not None and not flags & Flags.RST:
            stamp = option.timestamps(self._stamps.value(now), self._stamps.recent)
            options += [option.NOP, option.NOP, stamp]
        if (
            self.me.sack_permitted
            and self.peer.sack_permitted
            and self._stream is not None
            and not flags & Flags.RST
        ):
            blocks = self._stream.gaps[: 3 if options else 4]
            if blocks:
                options += [option.NOP, option.NOP, option.sack(*blocks)]
        return tuple(options)


def _shut(view: View, seq: Seq) -> bool:
    """Whether its window has no room for ``seq``."""
    return view.edge is not None and view.edge <= seq


def _no_connection(segment: Segment) -> tuple[str, Flags, Seq, Seq | None]:
    # RFC 9293 3.10.7.1
    if segment.has_ack:
        return "rst", Flags.RST, segment.ack, None
    return "rst", Flags.RST, Seq(0), segment.end
