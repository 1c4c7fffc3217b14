"""Which cells the grid has: states x kinds of segment x places of SEQ x places of ACK, void ones with their reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import product
from typing import Final

from rawshake.tcp.segment import Flags
from rawshake.tcp.state import State


class Kind(Enum):
    """What arrives. ``data`` is an octet with ACK, as data always is; ``no flags`` is an empty segment."""

    SYN = "SYN"
    SYN_ACK = "SYN+ACK"
    ACK = "ACK"
    FIN = "FIN"
    FIN_ACK = "FIN+ACK"
    RST = "RST"
    RST_ACK = "RST+ACK"
    SYN_FIN = "SYN+FIN"
    DATA = "data"
    NONE = "no flags"

    def __str__(self) -> str:
        return self.value

    @property
    def flags(self) -> Flags:
        return _FLAGS[self]

    @property
    def octets(self) -> int:
        """Octets of payload."""
        return 1 if self is Kind.DATA else 0

    @property
    def has_ack(self) -> bool:
        return bool(self.flags & Flags.ACK)


_FLAGS: Final = {
    Kind.SYN: Flags.SYN,
    Kind.SYN_ACK: Flags.SYN | Flags.ACK,
    Kind.ACK: Flags.ACK,
    Kind.FIN: Flags.FIN,
    Kind.FIN_ACK: Flags.FIN | Flags.ACK,
    Kind.RST: Flags.RST,
    Kind.RST_ACK: Flags.RST | Flags.ACK,
    Kind.SYN_FIN: Flags.SYN | Flags.FIN,
    Kind.DATA: Flags.PSH | Flags.ACK,
    Kind.NONE: Flags(0),
}


class SeqPlace(Enum):
    """Where SEG.SEQ lies to the receive window."""

    LEFT = "left"
    AT = "at"
    INSIDE = "inside"
    LAST = "last"
    RIGHT = "right"

    def __str__(self) -> str:
        return self.value

    @property
    def words(self) -> str:
        return {
            SeqPlace.LEFT: "left of the window",
            SeqPlace.AT: "at RCV.NXT",
            SeqPlace.INSIDE: "inside the window",
            SeqPlace.LAST: "last in the window",
            SeqPlace.RIGHT: "right of the window",
        }[self]


class AckPlace(Enum):
    """Where SEG.ACK lies to what is outstanding; in range means SND.NXT, which acknowledges all."""

    BELOW = "below"
    IN_RANGE = "in-range"
    ABOVE = "above"

    def __str__(self) -> str:
        return self.value

    @property
    def words(self) -> str:
        return {
            AckPlace.BELOW: "acknowledging less than SND.UNA",
            AckPlace.IN_RANGE: "acknowledging SND.NXT",
            AckPlace.ABOVE: "acknowledging more than SND.NXT",
        }[self]


#: RCV.NXT is not known to these: "SEG.SEQ cannot be validated" (3.10.7.4, eighth).
WINDOWLESS: Final = frozenset({State.CLOSED, State.LISTEN, State.SYN_SENT})
#: nor have these sent anything that could be acknowledged
_SENT_NOTHING: Final = frozenset({State.CLOSED, State.LISTEN})


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. A place is None where it does not matter: no window, nothing outstanding, or no ACK bit."""

    state: State
    kind: Kind
    seq: SeqPlace | None = None
    ack: AckPlace | None = None

    @property
    def id(self) -> str:
        """As it is written on a command line: ``FIN-WAIT-1/FIN+ACK/at/in-range``."""
        return "/".join(str(part).replace(" ", "-") for part in self._parts())

    def __str__(self) -> str:
        said = f"{self.state}: {self.kind}"
        places = [place.words for place in (self.seq, self.ack) if place is not None]
        return f"{said} {', '.join(places)}" if places else said

    def _parts(self) -> Iterator[object]:
        yield self.state
        yield self.kind
        if self.seq is not None:
            yield self.seq
        if self.ack is not None:
            yield self.ack


def void(cell: Cell) -> str:
    """Why a cell of the full product has no meaning, as a sentence; empty where it has one."""
    if cell.seq is not None and cell.state in WINDOWLESS:
        return f"There is no window in {cell.state}, so SEG.SEQ has no place."
    if cell.ack is not None and cell.state in _SENT_NOTHING:
        return f"Nothing was sent in {cell.state}, so SEG.ACK has no place."
    return ""


@cache
def product_cells() -> tuple[Cell, ...]:
    """The full product: every state with every place, void ones among them."""
    return tuple(
        Cell(state, kind, seq, ack)
        for state, kind, seq in product(State, Kind, SeqPlace)
        for ack in (AckPlace if kind.has_ack else (None,))
    )


@cache
def live_cells() -> tuple[Cell, ...]:
    """Every cell that can be run, state by state: of a windowless state one for each kind, and each ACK place."""
    found = []
    for state, kind in product(State, Kind):
        seqs: tuple[SeqPlace | None, ...] = (None,) if state in WINDOWLESS else tuple(SeqPlace)
        matters = kind.has_ack and state not in _SENT_NOTHING
        acks: tuple[AckPlace | None, ...] = tuple(AckPlace) if matters else (None,)
        found += [Cell(state, kind, seq, ack) for seq, ack in product(seqs, acks)]
    return tuple(found)


def parse(text: str) -> Cell:
    """The cell of that ``id``. Raises ValueError where there is none."""
    for cell in live_cells():
        if cell.id.lower() == text.lower():
            return cell
    raise ValueError(f"no cell is called {text!r}")
