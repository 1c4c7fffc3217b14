"""The target's transmission control block as a tester knows it, a segment that arrives, and numbers for a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rawshake.probes.grid.cells import AckPlace, Cell, SeqPlace
from rawshake.tcp.segment import Flags
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

#: How far left of the window, or below what may be acknowledged: further than an edge taken for inside explains.
OUTSIDE: Final = 1000
#: How far right of it: a stack may take more than the 16 bits of its window could say, or a shift rounds off.
BEYOND: Final = 1 << 24
#: How far inside: room for no octet that anyone could take for the next.
INSIDE: Final = 10
#: How far beyond SND.NXT.
UNSENT: Final = 1000
#: The smallest window with five different places.
SMALLEST: Final = INSIDE + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The variables of RFC 9293 3.3.1 of the end under test; in CLOSED and LISTEN they mean nothing.

    ``passive`` says that it came through LISTEN; ``una`` is SND.UNA, ``nxt`` SND.NXT, ``max_wnd`` the largest
    window it was ever offered (MAX.SND.WND of RFC 5961), in octets; ``fin`` is the number of its own FIN.
    """

    state: State
    passive: bool = True
    iss: Seq = Seq(0)
    una: Seq = Seq(0)
    nxt: Seq = Seq(0)
    max_wnd: int = 0
    fin: Seq | None = None
    rcv_nxt: Seq = Seq(0)
    rcv_wnd: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A segment as 3.10.7 looks at it. ``octets`` is the length of its text."""

    flags: Flags
    seq: Seq
    ack: Seq = Seq(0)
    octets: int = 0

    @property
    def syn(self) -> bool:
        return bool(self.flags & Flags.SYN)

    @property
    def has_ack(self) -> bool:
        return bool(self.flags & Flags.ACK)

    @property
    def rst(self) -> bool:
        return bool(self.flags & Flags.RST)

    @property
    def fin(self) -> bool:
        return bool(self.flags & Flags.FIN)

    @property
    def length(self) -> int:
        """SEG.LEN."""
        return self.octets + int(self.syn) + int(self.fin)

    @property
    def end(self) -> Seq:
        """SEG.SEQ + SEG.LEN."""
        return self.seq + self.length


def place(cell: Cell, block: Block, *, anywhere: Seq = Seq(0)) -> Arrival:
    """The segment of ``cell`` to an end that stands at ``block``; ``anywhere`` is used where no place matters.

    Raises ValueError where the window has fewer octets than places.
    """
    kind = cell.kind
    seq = anywhere if cell.seq is None else _seq(cell.seq, block)
    ack = Seq(0)
    if kind.has_ack:
        ack = anywhere + 1 if cell.ack is None else _ack(cell.ack, block)
    return Arrival(kind.flags, seq, ack, kind.octets)


def _seq(where: SeqPlace, block: Block) -> Seq:
    if block.rcv_wnd < SMALLEST:
        raise ValueError(f"a window of {block.rcv_wnd} octets has no five places")
    return {
        SeqPlace.LEFT: block.rcv_nxt - OUTSIDE,
        SeqPlace.AT: block.rcv_nxt,
        SeqPlace.INSIDE: block.rcv_nxt + INSIDE,
        SeqPlace.LAST: block.rcv_nxt + (block.rcv_wnd - 1),
        SeqPlace.RIGHT: block.rcv_nxt + (block.rcv_wnd + BEYOND),
    }[where]


def _ack(where: AckPlace, block: Block) -> Seq:
    return {
        # Below what RFC 5961 5.2 lets pass, so that it does not matter how far down a stack puts its floor.
        AckPlace.BELOW: block.una - (block.max_wnd + OUTSIDE),
        AckPlace.IN_RANGE: block.nxt,
        AckPlace.ABOVE: block.nxt + UNSENT,
    }[where]
