"""One live end of a connection: an intention, and which segment to send next; no TCP machine of its own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from rawshake.profile import Outgoing, Profile, deviate
from rawshake.receiving import Receiving
from rawshake.sending import Piece, Sending
from rawshake.tcp.refusal import refusal
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Standing, Step, View

#: Octets that a header has for options.
OPTIONS_ROOM: Final = 40
#: RFC 9293 section 3.7.1, MUST-15.
DEFAULT_MSS: Final = {4: 536, 6: 1220}

SENDING: Final = frozenset({State.ESTABLISHED, State.CLOSE_WAIT})
SILENT: Final = frozenset({State.CLOSED, State.LISTEN, State.SYN_SENT})
UNACCEPTABLE: Final = frozenset(
    {Standing.OLD, Standing.OUT_OF_WINDOW, Standing.SYN_CHALLENGED, Standing.RST_CHALLENGED}
)
#: What the peer says in such a segment counts.
HEARD: Final = frozenset({Standing.NEW, Standing.UNKNOWN})


class Want(Enum):
    """What the user of the connection wants of it."""

    LISTEN = "nothing yet"
    REFUSE = "refuse their SYN"
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
    #: opens by answering their SYN
    passive: bool = False
    _sending: Sending = field(init=False)
    _receiving: Receiving = field(init=False)
    _replies: deque[tuple[str, Flags, Seq, Seq | None]] = field(default_factory=deque)
    _aborted: bool = False

    def __post_init__(self) -> None:
        self._sending = Sending(self.profile)
        self._receiving = Receiving(self.profile)

    @property
    def me(self) -> View:
        return self.tracker.ends.of(self.end)

    @property
    def peer(self) -> View:
        return self.tracker.ends.of(self.end.other)

    @property
    def gave_up(self) -> bool:
        """Whether nothing answered for so long that it stopped trying."""
        return self._sending.gave_up

    @property
    def unread(self) -> bytearray:
        """Octets received and not yet taken by ``read``."""
        return self._receiving.unread

    @property
    def unacknowledged(self) -> bool:
        """Whether anything we sent, or have yet to send, is not acknowledged."""
        me = self.me
        return bool(self._sending.queued) or (me.una is not None and me.una != me.nxt)

    @property
    def queued(self) -> int:
        """How many octets wait to be sent or acknowledged."""
        return self._sending.queued

    @property
    def urgent(self) -> bool:
        """Whether what came has to be answered before anything more is taken.

        What is refused, because the RST would mean something else later; and what came above a gap, because
        the peer counts such acknowledgments.
        """
        return bool(self._replies) or self._receiving.urgent

    def send(self, data: bytes) -> None:
        """Queue octets for the peer."""
        self._sending.add(data)

    def read(self, most: int | None = None) -> bytes:
        """Take what has arrived in order, ``most`` octets of it; that opens our window again."""
        return self._receiving.read(self.me, most)

    def give(self, now: int) -> None:
        """Forget that we gave up: a new intention starts its own patience at ``now``."""
        self._sending.give(now)

    # What arrives.

    def took(self, step: Step, now: int) -> None:
        """React to a segment that was delivered to us and applied to the tracker."""
        segment, standing = step.segment, step.standing
        was, me = step.before.of(self.end), step.after.of(self.end)
        if standing is Standing.NEW:
            if segment.rst:
                self._sending.timer.stop()
                return
            if self.want is Want.REFUSE:
                self._replies.append(("rst", *refusal(segment)))
                return
            self._receiving.take(segment, was, me, self.peer, now)
        elif standing is Standing.BAD_ACK and was.expected in (State.SYN_SENT, State.SYN_RECEIVED):
            # RFC 9293 3.10.7.3 first, 3.10.7.4 fifth: <SEQ=SEG.ACK><CTL=RST>
            self._replies.append(("rst", Flags.RST, segment.ack, None))
        elif standing is Standing.NO_CONNECTION:
            self._replies.append(("rst", *refusal(segment)))
        elif standing in UNACCEPTABLE or standing is Standing.BAD_ACK:
            self._receiving.challenge(segment, now)
        heard = standing in HEARD or (
            # RFC 9293 section 3.10.7.4: with a window of 0 acknowledgments are taken all the same.
            standing is Standing.OUT_OF_WINDOW and not was.rcv_wnd and segment.seq == was.rcv_nxt
        )
        self._sending.took(segment, was, me, self.peer, now, heard=heard)

    # What to send.

    def deadline(self) -> int | None:
        """When ``poll`` will have something to say although nothing arrived."""
        acknowledgment, timer = self._receiving.ack_by, self._sending.timer.at
        if acknowledgment is None or timer is None:
            return timer if acknowledgment is None else acknowledgment
        return min(timer, acknowledgment)

    def poll(self, now: int) -> Outgoing | None:
        """The next segment to send now, if any."""
        if self._replies:
            name, flags, seq, ack = self._replies.popleft()
            return self._outgoing(name, self._segment(flags, seq, ack=ack, now=now))
        me = self.me
        if self.want is Want.ABORT:
            return self._abort(me, now)
        if me.iss is None:
            return self._opening(me, now)
        if self._receiving.urgent:
            reply = self._acknowledge(me, now)
            if reply is not None:
                return reply
        self._sending.expire(me, now)
        while self._sending.resend is not None:
            resent = self._again(me, self._sending.resend, now)
            self._sending.next_lost()
            if resent is not None:
                return resent
        return self._fresh(me, now) or self._acknowledge(me, now)

    def _opening(self, me: View, now: int) -> Outgoing | None:
        if self.want in (Want.LISTEN, Want.REFUSE) or self._sending.timer.at is not None:
            return None
        if not self.passive:
            return self._syn(now)
        return self._synack(me, now) if me.expected is State.SYN_RECEIVED else None

    def _syn(self, now: int) -> Outgoing:
        flags = Flags.SYN | (Flags.ECE | Flags.CWR if self.profile.ecn else Flags(0))
        outgoing = self._outgoing("syn", self._segment(flags, self.profile.isn, now=now))
        self._sending.timer.start(now, outgoing.meant.end)
        return outgoing

    def _synack(self, me: View, now: int) -> Outgoing:
        # RFC 9293 3.10.7.2; or, in a simultaneous open, section 3.5, Figure 7.
        agreed = self.passive and self.profile.ecn and self.peer.ecn_setup
        flags = Flags.SYN | (Flags.ECE if agreed else Flags(0))
        seq = self.profile.isn if me.iss is None else me.iss
        outgoing = self._outgoing("synack", self._segment(flags, seq, ack=me.rcv_nxt, now=now))
        self._sending.timer.start(now, outgoing.meant.end)
        return outgoing

    def _abort(self, me: View, now: int) -> Outgoing | None:
        if self._aborted or me.nxt is None or me.expected in (State.CLOSED, State.TIME_WAIT):
            return None
        self._aborted = True
        self._sending.timer.stop()
        # RFC 9293 3.10.5: <SEQ=SND.NXT><CTL=RST>; with the ACK bit, as every stack has it. Behind the probe of a
        # closed window nobody would believe it: then it stands where the window ends, as Linux's does.
        edge = self.peer.edge
        seq = me.nxt if edge is None or edge > me.nxt else edge
        return self._outgoing("rst", self._segment(Flags.RST, seq, ack=me.rcv_nxt, now=now))

    def _again(self, me: View, seq: Seq, now: int) -> Outgoing | None:
        """What was sent from ``seq`` on, once more; or a probe of a closed window."""
        if me.iss is None:
            return None
        if seq == me.iss:
            self._sending.lost_syn = True
            return self._synack(me, now) if me.expected is State.SYN_RECEIVED else self._syn(now)
        if seq == me.fin:
            return self._fin(seq, now)
        return self._data(me, seq, self._sending.again(me, seq, self._mss()), now)

    def _fresh(self, me: View, now: int) -> Outgoing | None:
        if me.expected not in SENDING or me.nxt is None or not self._sending.open:
            return None
        if self._sending.unsent(me.nxt) > 0:
            return self._data(me, me.nxt, self._sending.fresh(me, self._mss(), now), now)
        if self.want is Want.CLOSE or (self.want is Want.CLOSE_CROSSING and self.peer.fin is not None):
            return self._fin(me.nxt, now)
        return None

    def _fin(self, seq: Seq, now: int) -> Outgoing:
        meant = self._segment(Flags.FIN | Flags.ACK, seq, ack=self._ack(), now=now)
        self._sending.sent(seq, 1, now)
        return self._outgoing("fin", meant)

    def _ack(self) -> Seq | None:
        """RCV.NXT; without their FIN where ours is to cross it: we answer as if it were still under way."""
        me, theirs = self.me, self.peer.fin
        crossing = self.want is Want.CLOSE_CROSSING and me.fin is None
        if crossing and theirs and me.rcv_nxt and (me.acked or theirs) <= theirs < me.rcv_nxt:
            return theirs
        return me.rcv_nxt

    def _data(self, me: View, seq: Seq, piece: Piece | None, now: int) -> Outgoing | None:
        if piece is None:
            return None
        self._sending.sent(seq, len(piece.octets), now)
        flags = Flags.ACK | (Flags.PSH if piece.last else Flags(0))
        name = "ack" if me.acked is None else "data"
        return self._outgoing(name, self._segment(flags, seq, ack=self._ack(), payload=piece.octets, now=now))

    def _acknowledge(self, me: View, now: int) -> Outgoing | None:
        waits = self._receiving.may_wait(now)
        if waits or me.rcv_nxt is None or me.nxt is None or me.expected in SILENT:
            return None
        ack, theirs = self._ack(), self.peer.fin
        if ack is None or (ack in (me.acked, me.last_ack) and not self._receiving.ack_now):
            return None
        if me.expected is State.SYN_RECEIVED:
            return self._synack(me, now)
        if me.acked is None:
            name = "ack"
        elif theirs is not None and ack > theirs:
            name = "lastack"
        else:
            name = self._receiving.ack_now or "ack of data"
        if self.passive and name == "ack of data":
            name = "ack"  # a server has no third ACK, which is called so
        return self._outgoing(name, self._segment(Flags.ACK, me.nxt, ack=ack, now=now))

    # How it looks.

    def _segment(
        self, flags: Flags, seq: Seq, *, now: int, ack: Seq | None = None, payload: bytes = b""
    ) -> Segment:
        syn = bool(flags & Flags.SYN)
        if syn:
            offered = (self.peer.offered or frozenset()) if self.passive else None
            options = self._receiving.syn_options(now, echoing=ack is not None, offered=offered)
        else:
            room = OPTIONS_ROOM if not payload else max(0, self._segment_room() - len(payload))
            options = self._receiving.options(self.me, self.peer, flags, now, min(OPTIONS_ROOM, room))
        if self._receiving.ce and not syn:
            flags |= Flags.ECE
        ours, theirs = self.tracker.client, self.tracker.server
        if self.end is End.SERVER:
            ours, theirs = theirs, ours
        window = self._receiving.window_field(self.me, self.peer, syn=syn)
        if ack is not None:
            self._receiving.acknowledged()
        return Segment(
            src=ours[0],
            dst=theirs[0],
            sport=ours[1],
            dport=theirs[1],
            seq=seq,
            ack=ack if ack is not None else Seq(0),
            flags=flags | (Flags.ACK if ack is not None else Flags(0)),
            window=window,
            options=options,
            payload=payload,
            ttl=self.profile.ttl,
        )

    def _outgoing(self, name: str, meant: Segment) -> Outgoing:
        return deviate(name, meant, self.profile.deviations)

    def _segment_room(self) -> int:
        """How many octets of options and payload together a segment may carry."""
        theirs = self.peer.mss
        if theirs is None:
            theirs = DEFAULT_MSS[6 if ":" in self.tracker.client[0] else 4]
        return min(theirs, self.profile.mss)

    def _mss(self) -> int:
        # RFC 6691 section 2: less by the options that every segment carries. SACK blocks go where room is left.
        stamped = self.me.timestamps and self.peer.timestamps and self._receiving.stamps.recent is not None
        return max(1, self._segment_room() - (12 if stamped else 0))
