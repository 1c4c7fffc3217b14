"""What the stack in memory makes of options and of ECN: agreed on by the SYNs, heeded afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rawshake.probes.grid.block import Block
from rawshake.tcp import option
from rawshake.tcp.option import Kind, Option
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

#: RFC 9293 3.7.1: over IPv4, where the SYN has no MSS option.
DEFAULT: Final = 536
OURS: Final = 1460
#: Our own shift count; IP's codepoints ECT(0) and CE.
SHIFT: Final = 1
ECT, CE = 2, 3
ECN_SETUP: Final = Flags.ECE | Flags.CWR

Span = tuple[Seq, Seq]


@dataclass
class Terms:
    """Those of one connection, as its SYN offered them. ``now`` is what our TSval says, in ns."""

    mss: int = DEFAULT
    shift: int | None = None
    sack: bool = False
    stamps: bool = False
    ecn: bool = False
    #: TS.Recent of RFC 7323
    recent: int = 0
    now: int = 0
    #: what came twice, to be told once
    twice: Span | None = None
    #: CE was seen, and no CWR since; ECE was seen, and no CWR sent since
    marked: bool = False
    reduce: bool = False
    #: one past the highest octet that was sent
    top: Seq | None = None
    held: list[Segment] = field(default_factory=list)

    @classmethod
    def offered(cls, syn: Segment, now: int) -> Terms:
        """By a SYN; of two MSS options the smaller, and 0 is none."""
        sizes = [int.from_bytes(one.data) for one in syn.options if one.kind == Kind.MSS and one.known]
        return cls(
            mss=min(sizes, default=DEFAULT) or DEFAULT,
            shift=None if syn.wscale is None else min(14, syn.wscale),
            sack=syn.sack_permitted,
            stamps=syn.timestamps is not None,
            ecn=syn.flags & (ECN_SETUP | Flags.AE) == ECN_SETUP,
            recent=syn.timestamps[0] if syn.timestamps else 0,
            now=now,
        )

    @property
    def payload(self) -> int:
        """Octets of a segment: RFC 9293 3.7.1 has options come out of the MSS."""
        return max(1, self.mss - (12 if self.stamps else 0))

    def window(self, segment: Segment) -> int:
        """In octets, as the peer advertises it."""
        return segment.window << (self.shift if self.shift and not segment.syn else 0)

    # What arrives.

    def refuses(self, segment: Segment) -> bool:
        """RFC 7323 3.2: without its timestamp a segment is dropped in silence."""
        return self.stamps and segment.timestamps is None and not (segment.rst or segment.syn)

    def stale(self, segment: Segment) -> bool:
        """RFC 7323 5.3 R1: PAWS."""
        stamps = segment.timestamps
        old = stamps is not None and 0 < (self.recent - stamps[0]) % (1 << 32) < 1 << 31
        return self.stamps and old and not segment.rst

    def renewed(self, segment: Segment, state: State) -> bool:
        """RFC 6191 section 2: a SYN of a later time ends TIME-WAIT, whatever its number."""
        if state is not State.TIME_WAIT or not segment.syn or segment.has_ack or segment.timestamps is None:
            return False
        return self.stamps and 0 < (segment.timestamps[0] - self.recent) % (1 << 32) < 1 << 31

    def heed(self, segment: Segment, block: Block, now: int) -> None:
        """Note what an acceptable segment tells beside its text; all up to RCV.NXT was acknowledged."""
        self.now = now
        if self.stamps and segment.timestamps and segment.seq <= block.rcv_nxt:
            self.recent = segment.timestamps[0]
        if segment.syn:
            return
        if segment.payload_length:
            self.twice = self._known(segment, block)
            self.marked = (self.marked and not segment.flags & Flags.CWR) or (self.ecn and segment.ecn == CE)
        self.reduce = self.reduce or (self.ecn and bool(segment.flags & Flags.ECE))

    def _known(self, segment: Segment, block: Block) -> Span | None:
        if segment.seq < block.rcv_nxt:
            return segment.seq, min(segment.end, block.rcv_nxt, key=lambda one: one - segment.seq)
        for left, right in spans(self.held):
            if left <= segment.seq < segment.end <= right:
                return segment.seq, segment.end
        return None

    # What leaves.

    def flags(self, flags: Flags, seq: Seq, octets: int) -> tuple[Flags, int]:
        """With what ECN adds to them, and the codepoint of the IP header."""
        if flags & Flags.RST or not self.ecn:
            return flags, 0
        if flags & Flags.SYN:
            return flags | Flags.ECE, 0
        if self.marked:
            flags |= Flags.ECE
        fresh = bool(octets) and (self.top is None or self.top < seq + octets)
        if not fresh:
            return flags, 0
        self.top = seq + octets
        if self.reduce:
            self.reduce = False
            flags |= Flags.CWR
        return flags, ECT

    def options(self, flags: Flags) -> tuple[Option, ...]:
        """Those of a segment that leaves."""
        if flags & Flags.RST:
            clock = option.timestamp_clock(self.now)
            return (option.NOP, option.NOP, option.timestamps(clock, self.recent)) if self.stamps else ()
        found: list[Option] = []
        if flags & Flags.SYN:
            found.append(option.mss(OURS))
            found += [option.wscale(SHIFT), option.NOP] if self.shift is not None else []
            found += [option.SACK_PERMITTED, option.NOP, option.NOP] if self.sack else []
        if self.stamps:
            found += [option.NOP, option.NOP]
            found.append(option.timestamps(option.timestamp_clock(self.now), self.recent))
        if self.sack and not flags & Flags.SYN:
            found += self._sack(3 if self.stamps else 4)
        return tuple(found)

    def _sack(self, most: int) -> list[Option]:
        blocks = spans(self.held)
        if self.twice is not None:
            around = [one for one in blocks if one[0] <= self.twice[0] < one[1]]
            blocks = [self.twice, *around, *(one for one in blocks if one not in around)]
            self.twice = None
        return [option.NOP, option.NOP, option.sack(*blocks[:most])] if blocks else []

    def field(self, flags: Flags, window: int) -> int:
        """The window field for so many octets."""
        if flags & Flags.RST:
            return 0
        return window if flags & Flags.SYN or self.shift is None else window >> SHIFT


def spans(held: Sequence[Segment]) -> list[Span]:
    """What lies above a gap, as blocks that do not touch; the one that changed last stands first."""
    found: list[Span] = []
    for segment in held:
        left, right = segment.seq, segment.end
        for one in [one for one in found if one[0] <= right and left <= one[1]]:
            found.remove(one)
            left = min(left, one[0])
            right = max(right, one[1])
        found.insert(0, (left, right))
    return found
