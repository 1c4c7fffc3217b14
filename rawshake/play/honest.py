"""An honest end of a connection to rehearse against, written from RFC 9293 section 3.10 alone, with its timers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from rawshake.profile import SECOND
from rawshake.tcp import option
from rawshake.tcp.option import Option
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

RTO: Final = 1 * SECOND
MAX_RTO: Final = 60 * SECOND
#: RFC 9293 has MSL as two minutes; this is what Linux waits in all.
TIME_WAIT: Final = 60 * SECOND
BUFFER: Final = 65535
#: RFC 5681 section 3.1: so many full segments may be under way at first; here that is all that ever are.
IN_FLIGHT: Final = 3
SHIFT: Final = 7
RETRIES: Final = 8

SYN, ACK, FIN, RST, PSH = Flags.SYN, Flags.ACK, Flags.FIN, Flags.RST, Flags.PSH
_S = State
_TAKES_DATA: Final = (_S.ESTABLISHED, _S.FIN_WAIT_1, _S.FIN_WAIT_2)
_HAS_SENT_FIN: Final = (_S.FIN_WAIT_1, _S.CLOSING, _S.LAST_ACK)


@dataclass(frozen=True, slots=True)
class Habits:
    """What the application behind a port does with a connection.

    It ``says`` something once connected. It ``closes`` "first", that is behind what it says; at the "end", when the
    other end has closed; or "never". It ``reads`` all at once, or nothing.
    """

    says: bytes = b""
    echoes: bool = False
    closes: str = "end"
    reads: bool = True
    mss: int = 1460


@dataclass(slots=True)
class Honest:
    """One end. ``take``, ``woke`` and ``open`` yield what it sends, in that order; times are ns."""

    here: tuple[str, int]
    there: tuple[str, int]
    iss: Seq
    habits: Habits = Habits()
    state: State = State.LISTEN
    passive: bool = True
    #: what it has read, and what it has been given to send
    heard: bytearray = field(default_factory=bytearray)
    stream: bytearray = field(default_factory=bytearray)
    una: Seq = Seq(0)
    nxt: Seq = Seq(0)
    top: Seq = Seq(0)
    irs: Seq = Seq(0)
    rcv_nxt: Seq = Seq(0)
    #: when it has something to do although nothing comes
    at: int | None = None
    _window: int = 0
    #: SND.WL1 and SND.WL2
    _updated: tuple[Seq, Seq] = (Seq(0), Seq(0))
    _closing: bool = False
    _owes: bool = False
    _unread: int = 0
    _edge: Seq = Seq(0)
    _early: dict[Seq, Segment] = field(default_factory=dict)
    _rto: int = RTO
    _tries: int = 0
    _their_mss: int = 536
    _scaled: bool = False
    _shift: int = 0
    #: TS.Recent, None where timestamps were not agreed
    _recent: int | None = None

    def open(self, now: int) -> Iterator[Segment]:
        """Dial."""
        self.una = self.nxt = self.top = self.iss
        self.passive = False
        self.state = State.SYN_SENT
        yield from self._output(now)

    def take(self, segment: Segment, now: int) -> Iterator[Segment]:
        """What it answers to a segment of its connection."""
        if segment.checksum is Checksum.WRONG or segment.defects:
            return
        if self.state is State.LISTEN:
            yield from self._in_listen(segment, now)
        elif self.state is State.SYN_SENT:
            yield from self._in_syn_sent(segment, now)
        else:
            yield from self._otherwise(segment, now)

    def woke(self, now: int) -> Iterator[Segment]:
        """What it does at ``at``."""
        if self.at is None or now < self.at:
            return
        self.at = None
        if self.state is State.TIME_WAIT or self._tries >= RETRIES:
            self._end()
            return
        self._tries += 1
        self._rto = min(2 * self._rto, MAX_RTO)
        self.nxt = self.una
        again = self._next(now, probe=True)
        if again is not None:
            self.nxt = again.end
            self.top = max(self.top, again.end, key=self._ahead)
            yield again
        self.nxt = self.top
        self.at = now + self._rto

    # 3.10.7.2, 3.10.7.3

    def _in_listen(self, segment: Segment, now: int) -> Iterator[Segment]:
        if segment.rst:
            return
        if segment.has_ack:
            yield refusal(segment)
        elif segment.syn:
            self._synchronize(segment)
            self.una = self.nxt = self.top = self.iss
            self.state = State.SYN_RECEIVED
            yield from self._output(now)

    def _synchronize(self, segment: Segment) -> None:
        self.irs, self.rcv_nxt = segment.seq, segment.seq + 1
        self._their_mss = segment.mss if segment.mss is not None else 1220 if segment.v6 else 536
        self._window, self._updated = segment.window, (segment.seq, segment.ack)
        self._scaled = segment.wscale is not None
        self._shift = min(segment.wscale or 0, 14)
        self._recent = None if segment.timestamps is None else segment.timestamps[0]
        self._edge = self.rcv_nxt + BUFFER

    def _in_syn_sent(self, segment: Segment, now: int) -> Iterator[Segment]:
        if segment.has_ack and not self.iss < segment.ack <= self.nxt:
            if not segment.rst:
                yield refusal(segment)
        elif segment.rst:
            if segment.has_ack:
                self._end()
        elif segment.syn:
            self._synchronize(segment)
            if segment.has_ack:
                self._acknowledged(segment, now)
                self._owes = True
                self._connect()
            else:
                self.state = State.SYN_RECEIVED
                self.nxt = self.una
            yield from self._output(now)

    # 3.10.7.4

    def _otherwise(self, segment: Segment, now: int) -> Iterator[Segment]:
        if self.state is State.SYN_RECEIVED and segment.seq == self.irs and segment.syn and not segment.rst:
            if not segment.has_ack:
                self.nxt = self.una  # by the letter an ACK; every stack sends its SYN,ACK again
                yield from self._output(now)
                return
            if not self.passive:
                # Appendix A.2: the SYN,ACK of a simultaneous open begins before RCV.NXT.
                segment = replace(segment, flags=segment.flags & ~SYN, seq=segment.seq + 1)
        if self._reopens(segment):
            self.iss = self.top + 70_000
            self._end(State.LISTEN)
            yield from self._in_listen(segment, now)
            return
        if not segment.rst and self._outdated(segment):
            yield self._segment(ACK, now)  # RFC 7323 section 5.3, R1
            return
        if not self._acceptable(segment):
            if not segment.rst:
                if self.state is State.TIME_WAIT and segment.fin:
                    self.at = now + TIME_WAIT
                yield self._segment(ACK, now)
            return
        if segment.rst:
            # RFC 5961 section 3.2
            if segment.seq == self.rcv_nxt:
                self._end()
            else:
                yield self._segment(ACK, now)
            return
        if segment.syn:
            yield self._segment(ACK, now)  # RFC 5961 section 4.2
            return
        if not segment.has_ack:
            return
        if self.state is State.SYN_RECEIVED:
            if not self.una < segment.ack <= self.top:
                yield refusal(segment)
                return
            self._window = segment.window << self._shift
            self._updated = (segment.seq, segment.ack)
            self._connect()
        if self._ahead(segment.ack) > self._ahead(self.top):
            yield self._segment(ACK, now)
            return
        self._acknowledged(segment, now)
        if self.state is State.CLOSED:
            return
        self._stamp(segment)
        if segment.length:
            self._receive(segment, now)
        yield from self._output(now)

    def _reopens(self, segment: Segment) -> bool:
        """RFC 9293 MAY-2, RFC 6191: a SYN above all that the old connection had opens a new one."""
        fresh = segment.syn and not segment.has_ack and not segment.rst
        return self.state is State.TIME_WAIT and self.passive and fresh and segment.seq > self.rcv_nxt

    def _outdated(self, segment: Segment) -> bool:
        stamps = segment.timestamps
        return self._recent is not None and stamps is not None and Seq(stamps[0]) < Seq(self._recent)

    def _stamp(self, segment: Segment) -> None:
        if self._recent is not None and segment.timestamps is not None and segment.seq <= self.rcv_nxt:
            self._recent = segment.timestamps[0]

    def _acceptable(self, segment: Segment) -> bool:
        window = self._room()
        if segment.length == 0:
            return segment.seq == self.rcv_nxt or segment.seq.within(self.rcv_nxt, window)
        last = segment.end - 1
        return segment.seq.within(self.rcv_nxt, window) or last.within(self.rcv_nxt, window)

    def _acknowledged(self, segment: Segment, now: int) -> None:
        ack = segment.ack
        if self._ahead(ack) > 0:
            self.una = ack
            self.nxt = max(self.nxt, ack, key=self._ahead)
            self.at, self._rto, self._tries = None, RTO, 0
        if self._fin_acked():
            after = {
                _S.FIN_WAIT_1: _S.FIN_WAIT_2,
                _S.CLOSING: _S.TIME_WAIT,
                _S.LAST_ACK: _S.CLOSED,
            }
            self.state = after.get(self.state, self.state)
            if self.state is State.TIME_WAIT and self.at is None:
                self.at = now + TIME_WAIT
        newer = segment.seq > self._updated[0] or (
            segment.seq == self._updated[0] and ack >= self._updated[1]
        )
        if newer and self._ahead(ack) >= 0:
            self._window = segment.window if segment.syn else segment.window << self._shift
            self._updated = (segment.seq, ack)

    def _fin_acked(self) -> bool:
        return self.state in _HAS_SENT_FIN and self.una == self._fin() + 1

    def _receive(self, segment: Segment, now: int) -> None:
        self._owes = True
        if self.state not in _TAKES_DATA:
            return
        self._early[segment.seq] = segment
        room = self.rcv_nxt + self._room()
        progress = True
        while progress and self.state in _TAKES_DATA:
            progress = False
            for seq, one in list(self._early.items()):
                if seq > self.rcv_nxt:
                    continue
                del self._early[seq]
                fresh = one.payload[self.rcv_nxt - seq :][: max(0, room - self.rcv_nxt)]
                self._read(fresh)
                progress = progress or bool(fresh)
                if one.fin and one.end - 1 == self.rcv_nxt:
                    self._finished(now)
                    break

    def _read(self, fresh: bytes) -> None:
        self.rcv_nxt += len(fresh)
        if self.habits.reads:
            self.heard += fresh
            if self.habits.echoes and not self._closing:
                self.stream += fresh
        else:
            self._unread += len(fresh)

    def _finished(self, now: int) -> None:
        """Their FIN is taken."""
        self.rcv_nxt += 1
        after = {
            _S.ESTABLISHED: _S.CLOSE_WAIT,
            _S.FIN_WAIT_1: _S.CLOSING,
            _S.FIN_WAIT_2: _S.TIME_WAIT,
        }
        self.state = after[self.state]
        if self.state is State.TIME_WAIT:
            self.at = now + TIME_WAIT
        if self.habits.closes == "end":
            self._closing = True

    def _connect(self) -> None:
        self.state = State.ESTABLISHED
        self.stream += self.habits.says
        self._closing = self.habits.closes == "first"

    def _end(self, state: State = State.CLOSED) -> None:
        self.state, self.at = state, None
        self.stream.clear()
        self._early.clear()
        self._closing = self._owes = False
        self._unread, self._tries, self._rto = 0, 0, RTO

    # What it sends.

    def _output(self, now: int) -> Iterator[Segment]:
        if self.una == self.top and self.state is not State.TIME_WAIT:
            self.at = None
        while (segment := self._next(now)) is not None:
            self.nxt = segment.end
            self.top = max(self.top, segment.end, key=self._ahead)
            yield segment
        if self._owes:
            yield self._segment(ACK, now)
        waits = self.state in (_S.ESTABLISHED, _S.CLOSE_WAIT) and self.top - self.iss <= len(self.stream)
        if (self.una != self.top or waits) and self.at is None and self.state is not State.CLOSED:
            self.at = now + self._rto

    def _next(self, now: int, *, probe: bool = False) -> Segment | None:
        """What comes next at SND.NXT; ``probe`` looks an octet beyond the window."""
        if self.state is State.SYN_SENT:
            return self._segment(SYN, now) if self.nxt == self.iss else None
        if self.nxt == self.iss:
            return self._segment(SYN | ACK, now)
        if self.state in (_S.SYN_RECEIVED, _S.CLOSED, _S.TIME_WAIT, _S.FIN_WAIT_2):
            return None
        mss = min(self._their_mss, self.habits.mss) - (12 if self._recent is not None else 0)
        at = self.nxt - self.iss - 1
        usable = max(int(probe), self.una + min(self._window, IN_FLIGHT * mss) - self.nxt)
        payload = bytes(self.stream[at : at + max(0, min(mss, usable))])
        if payload:
            last = at + len(payload) == len(self.stream)
            return self._segment(ACK | (PSH if last else Flags(0)), now, payload)
        if at != len(self.stream) or not self._closing:
            return None
        self.state = {_S.ESTABLISHED: _S.FIN_WAIT_1, _S.CLOSE_WAIT: _S.LAST_ACK}.get(self.state, self.state)
        return self._segment(FIN | ACK, now)

    def _fin(self) -> Seq:
        return self.iss + 1 + len(self.stream)

    def _ahead(self, number: Seq) -> int:
        return number - self.una

    def _room(self) -> int:
        """RCV.WND: its right edge never moves back."""
        return max(BUFFER - self._unread, self._edge - self.rcv_nxt, 0)

    def _segment(self, flags: Flags, now: int, payload: bytes = b"") -> Segment:
        syn, acks = SYN in flags, ACK in flags
        window = self._room() if acks else BUFFER
        if acks:
            self._owes = False
            self._edge = self.rcv_nxt + window
        return Segment(
            src=self.here[0],
            dst=self.there[0],
            sport=self.here[1],
            dport=self.there[1],
            seq=self.nxt if flags & (SYN | FIN) or payload else self.top,
            ack=self.rcv_nxt if acks else Seq(0),
            flags=flags,
            window=min(window, 0xFFFF) if syn else window >> (SHIFT if self._scaled else 0),
            options=self._options(now, syn=syn),
            payload=payload,
        )

    def _options(self, now: int, *, syn: bool) -> tuple[Option, ...]:
        stamps: tuple[Option, ...] = ()
        if self._recent is not None:
            stamps = (option.NOP, option.NOP, option.timestamps(option.timestamp_clock(now), self._recent))
        if not syn:
            return stamps
        scale = (option.NOP, option.wscale(SHIFT)) if self._scaled else ()
        return (option.mss(self.habits.mss), *stamps, *scale)


def refusal(segment: Segment) -> Segment:
    """The reset that a segment draws where there is no connection (3.10.7.1), or none that it fits (3.5.2)."""
    flags = RST if segment.has_ack else RST | ACK
    return Segment(
        src=segment.dst,
        dst=segment.src,
        sport=segment.dport,
        dport=segment.sport,
        seq=segment.ack if segment.has_ack else Seq(0),
        ack=Seq(0) if segment.has_ack else segment.end,
        flags=flags,
    )
