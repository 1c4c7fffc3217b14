"""An honest end of a connection, written from RFC 9293 section 3.10 alone, for the tracker to be held against.

It has the eleven states and their numbers, octets that are only counted, and no timers: who drives it says
when it opens, sends, closes, and sends again. It never looks at the tracker, its table or its standings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

WINDOW = 1000
_S = State
_SENDING = (_S.ESTABLISHED, _S.CLOSE_WAIT)
_RECEIVING = (_S.ESTABLISHED, _S.FIN_WAIT_1, _S.FIN_WAIT_2)


@dataclass
class Honest:
    """One end; what its methods yield is to be sent, in that order."""

    here: tuple[str, int]
    there: tuple[str, int]
    iss: Seq
    #: whether it acknowledges what it takes only when told to (``acknowledge``)
    delays: bool = False
    #: whether in SYN-RECEIVED it takes the SYN,ACK of a simultaneous open (RFC 9293 appendix A.2)
    takes_crossing_syn_ack: bool = True

    state: State = State.CLOSED
    passive: bool = False
    una: Seq = Seq(0)
    nxt: Seq = Seq(0)
    rcv_nxt: Seq | None = None
    owes_ack: bool = False
    #: what was sent and is not acknowledged, in order
    unacknowledged: list[Segment] = field(default_factory=list)
    #: octets and FIN that came too early: first, one past last, FIN at the end
    early: list[tuple[Seq, Seq, bool]] = field(default_factory=list)
    #: every state it was in, and what is true of it in this or an earlier incarnation
    history: list[State] = field(default_factory=list)
    got_syn: bool = False
    got_fin: bool = False
    fin: Seq | None = None
    fin_acked: bool = False

    def __post_init__(self) -> None:
        self._go(self.state)

    def _go(self, state: State) -> None:
        self.state = state
        self.history.append(state)
        self.got_syn = self.got_syn or state in (State.SYN_RECEIVED, State.ESTABLISHED)

    def _make(self, flags: Flags, *, seq: Seq | None = None, octets: int = 0) -> Segment:
        ack = self.rcv_nxt if self.rcv_nxt is not None else Seq(0)
        return Segment(
            src=self.here[0],
            sport=self.here[1],
            dst=self.there[0],
            dport=self.there[1],
            seq=self.nxt if seq is None else seq,
            ack=ack if Flags.ACK in flags else Seq(0),
            flags=flags,
            window=WINDOW,
            payload=bytes(octets),
        )

    def _new(self, flags: Flags, octets: int = 0) -> Segment:
        """A segment that takes numbers, and is kept until they are acknowledged."""
        made = self._make(flags, octets=octets)
        self.unacknowledged.append(made)
        self.nxt = made.end
        self.owes_ack = False
        return made

    def _ack(self) -> Segment:
        self.owes_ack = False
        return self._make(Flags.ACK)

    # What the user does (3.10.1 to 3.10.5).

    def listen(self) -> None:
        self.passive = True
        self._go(State.LISTEN)

    def open(self) -> Iterator[Segment]:
        self.una = self.nxt = self.iss
        self.passive = False
        self._go(State.SYN_SENT)
        yield self._new(Flags.SYN)

    def send(self, octets: int) -> Iterator[Segment]:
        if self.state in _SENDING:
            yield self._new(Flags.ACK | Flags.PSH, octets)

    def close(self) -> Iterator[Segment]:
        if self.state in (State.SYN_RECEIVED, State.ESTABLISHED):
            self._go(State.FIN_WAIT_1)
        elif self.state is State.CLOSE_WAIT:
            self._go(State.LAST_ACK)
        else:
            return
        self.fin = self.nxt
        yield self._new(Flags.FIN | Flags.ACK)

    def abort(self) -> Iterator[Segment]:
        if self.state in (_S.SYN_RECEIVED, _S.ESTABLISHED, _S.FIN_WAIT_1, _S.FIN_WAIT_2, _S.CLOSE_WAIT):
            yield self._make(Flags.RST)
            self._close()

    def again(self) -> Iterator[Segment]:
        """Retransmit what is longest unacknowledged, with the acknowledgment of today."""
        if self.unacknowledged:
            first = self.unacknowledged[0]
            yield replace(
                first, ack=self.rcv_nxt if first.has_ack and self.rcv_nxt is not None else first.ack
            )
            self.owes_ack = False

    def acknowledge(self) -> Iterator[Segment]:
        if self.owes_ack:
            yield self._ack()

    def _close(self, state: State = State.CLOSED) -> None:
        self.unacknowledged.clear()
        self.early.clear()
        self.owes_ack = False
        self.rcv_nxt = None
        self._go(state)

    # What arrives (3.10.7).

    def take(self, segment: Segment) -> Iterator[Segment]:
        if self.state is State.CLOSED:
            yield from self._refuse(segment)
        elif self.state is State.LISTEN:
            yield from self._in_listen(segment)
        elif self.state is State.SYN_SENT:
            yield from self._in_syn_sent(segment)
        else:
            yield from self._otherwise(segment)

    def _refuse(self, segment: Segment) -> Iterator[Segment]:
        if segment.rst:
            return
        if segment.has_ack:
            yield self._make(Flags.RST, seq=segment.ack)
        else:
            yield replace(self._make(Flags.RST | Flags.ACK, seq=Seq(0)), ack=segment.end)

    def _in_listen(self, segment: Segment) -> Iterator[Segment]:
        if segment.rst:
            return
        if segment.has_ack:
            yield from self._refuse(segment)
        elif segment.syn:
            self.rcv_nxt = segment.seq + 1
            self.una = self.nxt = self.iss
            self._go(State.SYN_RECEIVED)
            yield self._new(Flags.SYN | Flags.ACK)

    def _in_syn_sent(self, segment: Segment) -> Iterator[Segment]:
        if segment.has_ack and not self.iss < segment.ack <= self.nxt:
            yield from self._refuse(segment)
        elif segment.rst:
            if segment.has_ack:
                self._close()
        elif segment.syn:
            self.rcv_nxt = segment.seq + 1
            if segment.has_ack:
                self._acknowledged(segment.ack)
                self._go(State.ESTABLISHED)
                yield self._ack()
            else:
                self._go(State.SYN_RECEIVED)
                self.unacknowledged.clear()
                self.nxt = self.iss
                yield self._new(Flags.SYN | Flags.ACK)

    def _acceptable(self, segment: Segment, nxt: Seq) -> bool:
        last = segment.end - 1 if segment.length else segment.seq
        return segment.seq.within(nxt, WINDOW) or last.within(nxt, WINDOW)

    def _otherwise(self, segment: Segment) -> Iterator[Segment]:
        nxt = self.rcv_nxt
        assert nxt is not None
        if self._crossing_syn_ack(segment, nxt):
            self._acknowledged(segment.ack)
            self._go(State.ESTABLISHED)
            yield self._ack()
            return
        if not self._acceptable(segment, nxt):
            if not segment.rst:
                yield self._ack()
            return
        if segment.rst:
            if segment.seq != nxt:
                yield self._ack()
            else:
                returns = self.state is State.SYN_RECEIVED and self.passive
                self._close(State.LISTEN if returns else State.CLOSED)
                if returns:
                    self.iss += 70_000  # another incarnation begins elsewhere
            return
        if segment.syn:
            yield self._ack()
            return
        if not segment.has_ack:
            return
        if self.state is State.SYN_RECEIVED:
            if not self.una < segment.ack <= self.nxt:
                yield from self._refuse(segment)
                return
            self._go(State.ESTABLISHED)
        if segment.ack > self.nxt:
            yield self._ack()
            return
        self._acknowledged(segment.ack)
        if self.state is State.CLOSED:
            return
        if segment.length and self.state in _RECEIVING:
            fin = segment.fin
            end = segment.end - 1 if fin else segment.end
            self.early.append((segment.seq, end, fin))
            self._join()
        if segment.length:
            self.owes_ack = True
            if not self.delays:
                yield self._ack()

    def _crossing_syn_ack(self, segment: Segment, nxt: Seq) -> bool:
        return (
            self.state is State.SYN_RECEIVED
            and not self.passive
            and self.takes_crossing_syn_ack
            and segment.flags == Flags.SYN | Flags.ACK
            and segment.seq == nxt - 1
            and self.una < segment.ack <= self.nxt
        )

    def _acknowledged(self, ack: Seq) -> None:
        if not ack > self.una:
            return
        self.una = ack
        fin = any(sent.fin and sent.end <= ack for sent in self.unacknowledged)
        self.unacknowledged = [sent for sent in self.unacknowledged if sent.end > ack]
        self.fin_acked = self.fin_acked or fin
        if fin and self.state is State.FIN_WAIT_1:
            self._go(State.FIN_WAIT_2)
        elif fin and self.state is State.CLOSING:
            self._go(State.TIME_WAIT)
        elif fin and self.state is State.LAST_ACK:
            self._close()

    def _join(self) -> None:
        assert self.rcv_nxt is not None
        moved = True
        while moved and self.state in _RECEIVING:
            moved = False
            for first, end, fin in self.early:
                if first <= self.rcv_nxt and (end > self.rcv_nxt or (fin and end == self.rcv_nxt)):
                    self.rcv_nxt = end
                    moved = True
                    if fin:
                        self.rcv_nxt += 1
                        self._got_fin()
                        break

    def _got_fin(self) -> None:
        after = {
            State.ESTABLISHED: State.CLOSE_WAIT,
            State.FIN_WAIT_1: State.CLOSING,
            State.FIN_WAIT_2: State.TIME_WAIT,
        }
        self.got_fin = True
        self._go(after[self.state])
