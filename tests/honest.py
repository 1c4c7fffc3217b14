"""A small honest server: RFC 9293's events in a few lines, written without the tracker, to test against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from rawshake.tcp import option
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.memory import MILLISECOND, Reply

RTO: Final = 1_000 * MILLISECOND
MAX_RTO: Final = 8_000 * MILLISECOND


@dataclass
class HonestServer:
    """Accepts one connection, sends ``says``, reads ``appetite`` octets a second, and closes.

    It closes after its last octet if ``closes_first``, and on the client's FIN otherwise. ``buffer`` is its
    receive buffer in octets, 65535 at most.
    """

    says: bytes = b""
    closes_first: bool = False
    isn: int = 0xFFFFFFF0
    buffer: int = 65535
    mss: int = 1460
    #: of its packets where they are seen; what is no initial TTL says that routers are in between
    ttl: int = 64
    #: octets a second; None takes everything at once
    appetite: int | None = None
    heard: bytearray = field(default_factory=bytearray)
    state: str = "LISTEN"
    _held: dict[int, bytes] = field(default_factory=dict)
    _unread: int = 0
    _rcv_nxt: Seq = field(default_factory=lambda: Seq(0))
    _edge: Seq = field(default_factory=lambda: Seq(0))
    _their_fin: Seq | None = None
    _una: Seq = field(default_factory=lambda: Seq(0))
    _nxt: Seq = field(default_factory=lambda: Seq(0))
    _right: Seq = field(default_factory=lambda: Seq(0))
    _their_mss: int = 536
    _client: Segment | None = None
    _at: int | None = None
    _rto: int = RTO
    _meal: int | None = None
    _start: Seq = field(default_factory=lambda: Seq(0))

    # Peer's side of the link.

    def deadline(self) -> int | None:
        return min((at for at in (self._at, self._meal) if at is not None), default=None)

    def woke(self, now: int) -> Iterable[Reply]:
        if self._meal is not None and now >= self._meal:
            yield from self._eat(now)
        if self._at is not None and now >= self._at:
            self._at = None
            self._rto = min(2 * self._rto, MAX_RTO)
            self._nxt, high = self._una, self._nxt
            yield from self._send(now, most=1, probe=True)
            self._nxt = max(self._nxt, high, key=lambda seq: seq - self._una)
            self._arm(now)

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if self.state == "LISTEN":
            yield from self._listen(segment, now)
        elif self.state == "CLOSED":
            if not segment.rst:
                yield from self._refuse(segment)
        elif self.state == "SYN-RECEIVED" and segment.syn and segment.end == self._start:
            # By the letter an ACK; every stack sends its SYN,ACK again.
            yield 0, self._segment(Flags.SYN, Seq(self.isn), b"", ack=self._rcv_nxt)
        elif not self._acceptable(segment):
            if not segment.rst:
                yield from self._acknowledge()
        elif segment.rst:
            if segment.seq == self._rcv_nxt:
                self.state, self._at, self._meal = "CLOSED", None, None
            else:
                yield from self._acknowledge()
        elif segment.syn or (segment.has_ack and segment.ack > self._nxt):
            yield from self._acknowledge()
        elif segment.has_ack:
            yield from self._go_on(segment, now)

    def _listen(self, segment: Segment, now: int) -> Iterable[Reply]:
        if segment.rst:
            return
        if segment.has_ack:
            yield from self._refuse(segment)
        elif segment.syn:
            self._client = segment
            self._their_mss = segment.mss or 536
            self._start = segment.seq + 1
            self._rcv_nxt = self._edge = segment.seq + 1
            self._una = self._nxt = self._right = Seq(self.isn)
            self.state = "SYN-RECEIVED"
            yield from self._send(now)

    def _refuse(self, segment: Segment) -> Iterable[Reply]:
        if segment.has_ack:
            yield 0, self._segment(Flags.RST, segment.ack, b"", to=segment)
        else:
            yield 0, self._segment(Flags.RST, Seq(0), b"", to=segment, ack=segment.end)

    def _acceptable(self, segment: Segment) -> bool:
        window = self._window()
        if segment.length == 0:
            return segment.seq.within(self._rcv_nxt, window) or segment.seq == self._rcv_nxt
        last = segment.end - 1
        return segment.seq.within(self._rcv_nxt, window) or last.within(self._rcv_nxt, window)

    def _go_on(self, segment: Segment, now: int) -> Iterable[Reply]:
        if self.state == "SYN-RECEIVED":
            if segment.ack <= self._una:
                yield 0, self._segment(Flags.RST, segment.ack, b"", to=segment)
                return
            self.state = "ESTABLISHED"
        if segment.ack > self._una:
            self._una = segment.ack
            self._at, self._rto = None, RTO
        self._right = max(self._right, segment.ack + segment.window, key=lambda seq: seq - self._una)
        fin = Seq(self.isn) + 1 + len(self.says)
        if self._nxt > fin and self._una > fin:
            self.state = {"FIN-WAIT-1": "FIN-WAIT-2", "CLOSING": "TIME-WAIT", "LAST-ACK": "CLOSED"}.get(
                self.state, self.state
            )
        if segment.payload or segment.fin:
            yield from self._receive(segment, now)
        yield from self._send(now)
        self._arm(now)

    def _receive(self, segment: Segment, now: int) -> Iterable[Reply]:
        room = self._rcv_nxt + self._window()
        fits = segment.payload[: max(0, room - segment.seq)]
        self._held[segment.seq - self._start] = fits
        if segment.fin and len(fits) == len(segment.payload):
            self._their_fin = segment.fin_seq
        before = self._rcv_nxt
        for at in sorted(self._held):
            position = self._rcv_nxt - self._start
            if at <= position:
                fresh = self._held.pop(at)[position - at :]
                self.heard += fresh
                self._rcv_nxt += len(fresh)
        self._unread += self._rcv_nxt - before
        if self.appetite is None:
            self._unread = 0
        elif self._unread and self._meal is None:
            self._meal = now + 1_000 * MILLISECOND
        if self._their_fin == self._rcv_nxt:
            self._rcv_nxt += 1
            self.state = {"ESTABLISHED": "CLOSE-WAIT", "FIN-WAIT-1": "CLOSING", "FIN-WAIT-2": "TIME-WAIT"}[
                self.state
            ]
        yield from self._acknowledge()

    def _eat(self, now: int) -> Iterable[Reply]:
        self._unread = max(0, self._unread - (self.appetite or 0))
        self._meal = now + 1_000 * MILLISECOND if self._unread else None
        if self._rcv_nxt + self.buffer - self._unread - self._edge >= min(self.mss, self.buffer // 2):
            yield from self._acknowledge()

    # What it sends.

    def _send(self, now: int, most: int = 10, *, probe: bool = False) -> Iterable[Reply]:
        """From SND.NXT on, as far as the window reaches, or an octet further to ``probe`` it; ``most`` segments."""
        for _ in range(most):
            segment = self._next(probe=probe)
            if segment is None:
                break
            self._nxt += segment.length
            yield 0, segment
        self._arm(now)

    def _next(self, *, probe: bool) -> Segment | None:
        first = Seq(self.isn) + 1
        if self._nxt == Seq(self.isn):
            return self._segment(Flags.SYN, self._nxt, b"", ack=self._rcv_nxt)
        if self.state in ("SYN-RECEIVED", "CLOSED", "TIME-WAIT", "FIN-WAIT-2"):
            return None
        at = self._nxt - first
        usable = max(int(probe), self._right - self._nxt)
        payload = self.says[at : at + max(0, min(self._their_mss, usable))]
        if payload:
            return self._segment(Flags.PSH, self._nxt, payload, ack=self._rcv_nxt)
        if at != len(self.says) or not (self.closes_first or self.state in ("CLOSE-WAIT", "LAST-ACK")):
            return None
        self.state = {"ESTABLISHED": "FIN-WAIT-1", "CLOSE-WAIT": "LAST-ACK"}.get(self.state, self.state)
        return self._segment(Flags.FIN, self._nxt, b"", ack=self._rcv_nxt)

    def _acknowledge(self) -> Iterable[Reply]:
        yield 0, self._segment(Flags(0), self._nxt, b"", ack=self._rcv_nxt)

    def _arm(self, now: int) -> None:
        unsent = self.state in ("ESTABLISHED", "CLOSE-WAIT") and self._nxt - Seq(self.isn) <= len(self.says)
        if self.state == "CLOSED" or (self._una == self._nxt and not unsent):
            self._at = None
        elif self._at is None:
            self._at = now + self._rto

    def _window(self) -> int:
        return max(0, self.buffer - self._unread, self._edge - self._rcv_nxt)

    def _segment(
        self, flags: Flags, seq: Seq, payload: bytes, *, ack: Seq | None = None, to: Segment | None = None
    ) -> Segment:
        to = to or self._client
        assert to is not None
        if ack is not None:
            flags |= Flags.ACK
            self._edge = max(self._edge, ack + self._window(), key=lambda seq: seq - self._rcv_nxt)
        return Segment(
            src=to.dst,
            dst=to.src,
            sport=to.dport,
            dport=to.sport,
            seq=seq,
            ack=ack or Seq(0),
            flags=flags,
            window=self._window() if ack is not None else 0,
            ttl=self.ttl,
            options=(option.mss(self.mss),) if flags & Flags.SYN else (),
            payload=payload,
        )
