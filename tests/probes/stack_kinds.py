"""Kinds of the stack in memory that do what widespread stacks do, and are right to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rawshake.play.rehearse import Reply
from rawshake.probes.grid.answers import Choice
from rawshake.probes.telling import GOT_FIN
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.probes.stack import SECOND, Connection, Stack


@dataclass
class WithItsFin(Stack):
    """As in BSD each bare ACK comes with its FIN, for as long as that is not acknowledged."""

    def _segment(
        self, connection: Connection, flags: Flags, seq: Seq, ack: Seq | None = None, *, payload: bytes = b""
    ) -> Segment:
        fin = connection.block.fin
        if (
            fin is not None
            and connection.block.una <= fin < seq == connection.block.nxt
            and flags == Flags.ACK
        ):
            flags, seq = flags | Flags.FIN, fin
        return super()._segment(connection, flags, seq, ack, payload=payload)


@dataclass
class HalfDuplex(Stack):
    """As BSD and gVisor it resets when more comes behind a FIN, since its program has closed."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        behind = self.block(segment.dport, segment.sport).state in GOT_FIN
        self.takes = frozenset({Choice.RFC_5961_ACK, *((Choice.HALF_DUPLEX,) if behind else ())})
        return super().took(segment, now)


@dataclass
class AcksApart(Stack):
    """As in gVisor data is acknowledged at once, and what its program says to it comes a little later."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        for after, one in super().took(segment, now):
            if isinstance(one, Segment) and one.payload_length and segment.payload_length:
                yield after, replace(one, flags=Flags.ACK, payload=b"", payload_length=0)
                yield after + 1_000_000, one
            else:
                yield after, one


@dataclass
class Recovers(Stack):
    """To the letter of RFC 6582 3.2 it goes by no repeated ACK of its SYN alone."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        for one in self.connections.values():
            if one.block.una == one.block.iss + 1:
                one.duplicates = -99 if one.block.nxt != one.block.una else 0
            elif one.duplicates < 0:
                one.duplicates = 0
        return super().took(segment, now)


@dataclass
class Unhurried(Stack):
    """As BSD it asks about a closed window after 5 s, and after 5 s again, before it takes longer."""

    def woke(self, now: int) -> Iterable[Reply]:
        replies = list(super().woke(now))
        self._slow_down(now)
        return replies

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        replies = list(super().took(segment, now))
        self._slow_down(now)
        return replies

    def _slow_down(self, now: int) -> None:
        for one in self.connections.values():
            asks = one.window == 0 and one.block.una == one.block.nxt and not self.calls.serves(one.here[1])
            if asks and one.timer is not None:
                one.timer = now + max(one.rto, 5 * SECOND)


@dataclass
class AsksForMore(Stack):
    """As RFC 9768 has it a SYN with one of ECE and CWR asks for accurate ECN, and gets CWR for an answer."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        odd = segment.flags & (Flags.ECE | Flags.CWR) in (Flags.ECE, Flags.CWR)
        for after, one in super().took(segment, now):
            if isinstance(one, Segment) and one.syn and segment.syn and odd:
                one = replace(one, flags=one.flags | Flags.CWR)
            yield after, one


KINDS = (WithItsFin, HalfDuplex, AcksApart, Recovers, Unhurried, AsksForMore)
