"""What reaches a live endpoint: octets in order, the window they leave, and what its acknowledgments say of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from rawshake.profile import Allowance, Profile, Timestamps
from rawshake.tcp import option
from rawshake.tcp.option import Option
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.stream import Stream
from rawshake.tcp.view import View


@dataclass(slots=True)
class Receiving:
    """The receiver of one connection; ``me`` is the tracker's view of our end, ``peer`` that of the other."""

    profile: Profile
    #: octets received in order and not yet taken by ``read``
    unread: bytearray = field(default_factory=bytearray)
    #: the name of the acknowledgment that has to leave although it tells nothing new, or ""
    ack_now: str = ""
    #: it has to leave before anything else
    urgent: bool = False
    #: until when an acknowledgment of new data may wait, and of how many segments it is
    ack_by: int | None = None
    _held: int = 0
    stamps: Timestamps = field(default_factory=Timestamps)
    #: data came marked CE, and no CWR since (RFC 3168 section 6.1.3)
    ce: bool = False
    _begun: bool = False
    _stream: Stream | None = None
    #: what came twice, to be reported once
    _twice: tuple[Seq, Seq] | None = None
    _challenges: Allowance = field(default_factory=Allowance)
    #: the largest segment that came, in octets
    _largest: int = 0

    def read(self, me: View, most: int | None = None) -> bytes:
        """Take what has arrived in order, ``most`` octets of it; that opens our window again."""
        data = bytes(self.unread[:most])
        del self.unread[: len(data)]
        if data and me.edge is not None and me.rcv_nxt is not None:
            # RFC 9293 section 3.8.6.2.2: told once it is worth a segment, so that the peer is not left waiting.
            gained = me.rcv_nxt + self.profile.window - len(self.unread) - me.edge
            shut = me.edge - me.rcv_nxt < self._largest
            if 0 < self.profile.window <= 2 * gained or (shut and gained >= self._worth()):
                self.ack_now = "ack of data"
        return data

    def _worth(self) -> int:
        """By how many octets the window has to open, at least."""
        return max(1, min(self.profile.window // 2, self._largest))

    def take(self, segment: Segment, was: View, me: View, peer: View, now: int) -> None:
        """Take what an acceptable segment carries; ``was`` is our end before it."""
        if segment.timestamps is not None:
            self.stamps.note(segment.timestamps[0], segment, was.acked)
        if segment.payload_length and segment.ecn == 3 and self.profile.ecn and peer.ecn_setup:
            self.ce = True
        if segment.flags & Flags.CWR:
            self.ce = False
        if self._stream is None and me.rcv_nxt is not None:
            self._stream = Stream(segment.data_seq)
        gaps = self._stream is not None and self._stream.gaps
        theirs = peer.fin  # nothing is received beyond it
        if self._stream is not None and segment.payload and (theirs is None or segment.data_seq <= theirs):
            most = len(segment.payload) if theirs is None else theirs - segment.data_seq
            self._twice = self._stream.twice(segment.data_seq, most)
            self.unread += self._stream.put(segment.data_seq, segment.payload[:most])
            self._largest = max(self._largest, len(segment.payload))
        if segment.length and me.rcv_nxt == was.rcv_nxt:
            # Above a gap: RFC 5681 section 4.2, at once.
            self.ack_now, self.urgent = "ack of data", bool(segment.payload)
        elif segment.payload and theirs is None and not (segment.syn or gaps):
            self._hold(now)
        elif segment.length:
            self.ack_by = None

    def _hold(self, now: int) -> None:
        """RFC 9293 section 3.8.6.3: the acknowledgment of a single segment may wait, that of a second not."""
        self._held += 1
        if self._held == 1 and self.profile.delayed_ack:
            self.ack_by = now + self.profile.delayed_ack
        elif self._held > 1:
            self.ack_by = None

    def may_wait(self, now: int) -> bool:
        """Whether the acknowledgment of what has come may wait longer."""
        if self.ack_by is not None and (now >= self.ack_by or self.ack_now):
            self.ack_by = None
        return self.ack_by is not None

    def acknowledged(self) -> None:
        """An acknowledgment leaves."""
        self.ack_now, self.urgent, self.ack_by, self._held = "", False, None, 0

    def challenge(self, segment: Segment, now: int) -> None:
        """Answer what is not acceptable."""
        # RFC 9293 3.10.7.4 first: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
        if (segment.syn or not segment.length) and not self._challenges.take(now):
            return  # what carries data again cannot be part of a loop of ACKs
        if self._stream is not None and segment.payload:
            self._twice = self._stream.twice(segment.data_seq, len(segment.payload))
        self.ack_now = "ack" if segment.syn else "lastack" if segment.fin else "ack of data"

    def window_field(self, me: View, peer: View, *, syn: bool) -> int:
        """SEG.WND as the header has it."""
        octets = max(0, self.profile.window - len(self.unread))
        if syn or me.edge is None or me.rcv_nxt is None:
            return min(65535, octets if syn else octets >> me.shift)
        offered = me.edge - me.rcv_nxt
        # RFC 9293 section 3.8.6.2.2: the right edge stands still until it can move by something worth the while;
        # and section 3.8.6: it does not move left, nor by what the shift rounds off.
        over = peer.fin is not None and me.rcv_nxt > peer.fin
        if octets - offered < self._worth() and not over:
            return min(65535, -(-offered >> me.shift))
        return min(65535, max(octets >> me.shift, -(-offered >> me.shift)))

    def syn_options(
        self, now: int, *, echoing: bool, offered: frozenset[int] | None = None
    ) -> tuple[Option, ...]:
        """The options of a SYN that leaves at ``now`` (ns), or of a SYN,ACK, which is ``echoing``.

        ``offered`` are the kinds that the SYN had to which it is the answer.
        """
        options, recent = self.profile.options, self.stamps.recent
        if offered is not None and not self.profile.verbatim:
            options = option.answering(options, offered)
        if not self._begun:
            self.stamps.begin(options, now)
            self._begun = True
        if not echoing or recent is None:
            return options
        # A SYN,ACK echoes the peer's timestamp (RFC 7323 section 3.2).
        stamp = option.timestamps(self.stamps.value(now), recent)
        return tuple(stamp if one.kind == stamp.kind and one.known else one for one in options)

    def options(self, me: View, peer: View, flags: Flags, now: int, room: int = 40) -> tuple[Option, ...]:
        """The options of any other segment, in ``room`` octets."""
        if flags & Flags.RST:
            return ()
        options: list[Option] = []
        if me.timestamps and peer.timestamps and self.stamps.recent is not None:
            stamp = option.timestamps(self.stamps.value(now), self.stamps.recent)
            options += [option.NOP, option.NOP, stamp]
            room -= 12
        if self._stream is not None and me.sack_permitted and peer.sack_permitted:
            # RFC 2018 section 3: 8 octets a block, and 4 more. RFC 2883 section 4: first what came twice.
            twice = [] if self._twice is None else [self._twice]
            blocks = (twice + self._stream.blocks(4))[: max(0, (room - 4) // 8)]
            if blocks:
                options += [option.NOP, option.NOP, option.sack(*blocks)]
                self._twice = None
        return tuple(options)
