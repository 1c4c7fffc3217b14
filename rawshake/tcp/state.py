"""The state machine of RFC 9293 section 3.3.2 as one table; nothing else in rawshake moves a state."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class State(Enum):
    """The eleven states, spelled as RFC 9293 spells them."""

    CLOSED = "CLOSED"
    LISTEN = "LISTEN"
    SYN_SENT = "SYN-SENT"
    SYN_RECEIVED = "SYN-RECEIVED"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT_1 = "FIN-WAIT-1"
    FIN_WAIT_2 = "FIN-WAIT-2"
    CLOSE_WAIT = "CLOSE-WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST-ACK"
    TIME_WAIT = "TIME-WAIT"

    __hash__ = object.__hash__  # there is one of each, and an Enum's own takes five times as long

    def __str__(self) -> str:
        return self.value

    @property
    def synchronized(self) -> bool:
        """Whether both ends have agreed on sequence numbers (RFC 9293 section 3.5.1)."""
        return self not in _UNSYNCHRONIZED


_UNSYNCHRONIZED: Final = frozenset({State.CLOSED, State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED})


class Event(Enum):
    """What can move a state. SYN_ACKED and FIN_ACKED: the peer acknowledged our SYN, our FIN."""

    SENT_SYN = "sent SYN"
    SENT_FIN = "sent FIN"
    SENT_RST = "sent RST"
    GOT_SYN = "got SYN"
    GOT_FIN = "got FIN"
    GOT_RST = "got RST"
    SYN_ACKED = "SYN acknowledged"
    FIN_ACKED = "FIN acknowledged"


_S, _E = State, Event

#: RFC 9293 Figure 5. One segment may bring several events; they apply in the order SYN, RST, ACK, FIN, so that
#: SYN-SENT -> ESTABLISHED is GOT_SYN then SYN_ACKED, and FIN-WAIT-1 -> TIME-WAIT is FIN_ACKED then GOT_FIN
#: (Figure 5, note 2). What is not in the table moves nothing.
TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (_S.CLOSED, _E.SENT_SYN): _S.SYN_SENT,
    (_S.LISTEN, _E.SENT_SYN): _S.SYN_SENT,
    (_S.LISTEN, _E.GOT_SYN): _S.SYN_RECEIVED,
    (_S.SYN_SENT, _E.GOT_SYN): _S.SYN_RECEIVED,
    (_S.SYN_RECEIVED, _E.SYN_ACKED): _S.ESTABLISHED,
    (_S.SYN_RECEIVED, _E.SENT_FIN): _S.FIN_WAIT_1,
    (_S.SYN_RECEIVED, _E.GOT_FIN): _S.CLOSE_WAIT,
    (_S.ESTABLISHED, _E.SENT_FIN): _S.FIN_WAIT_1,
    (_S.ESTABLISHED, _E.GOT_FIN): _S.CLOSE_WAIT,
    (_S.FIN_WAIT_1, _E.FIN_ACKED): _S.FIN_WAIT_2,
    (_S.FIN_WAIT_1, _E.GOT_FIN): _S.CLOSING,
    (_S.FIN_WAIT_2, _E.GOT_FIN): _S.TIME_WAIT,
    (_S.CLOSING, _E.FIN_ACKED): _S.TIME_WAIT,
    (_S.CLOSE_WAIT, _E.SENT_FIN): _S.LAST_ACK,
    (_S.LAST_ACK, _E.FIN_ACKED): _S.CLOSED,
    **{(state, event): _S.CLOSED
       for state in State if state not in (_S.CLOSED, _S.LISTEN)
       for event in (_E.SENT_RST, _E.GOT_RST)},
}  # fmt: skip

#: RFC 9293 3.10.7.4, second: after a passive OPEN a reset in SYN-RECEIVED returns to LISTEN (Figure 5, note 1).
PASSIVE_TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (_S.SYN_RECEIVED, _E.GOT_RST): _S.LISTEN,
}


class Transition(NamedTuple):
    """One row of the tables; ``passive`` says that it is for ends that came through LISTEN only."""

    before: State
    event: Event
    after: State
    passive: bool = False


def transitions() -> tuple[Transition, ...]:
    """Every row of both tables."""
    usual = [Transition(before, event, after) for (before, event), after in TRANSITIONS.items()]
    passive = [
        Transition(before, event, after, True) for (before, event), after in PASSIVE_TRANSITIONS.items()
    ]
    return (*usual, *passive)


def transition(state: State, event: Event, *, passive: bool = False) -> Transition | None:
    """The row by which ``event`` moves ``state``, if there is one; ``passive`` as for ``advance``."""
    if passive and (state, event) in PASSIVE_TRANSITIONS:
        return Transition(state, event, PASSIVE_TRANSITIONS[state, event], True)
    after = TRANSITIONS.get((state, event))
    return None if after is None else Transition(state, event, after)


def advance(state: State, event: Event, *, passive: bool = False) -> State:
    """The state after ``event``; ``passive`` says that the end got here through LISTEN."""
    if passive:
        moved = PASSIVE_TRANSITIONS.get((state, event))
        if moved is not None:
            return moved
    return TRANSITIONS.get((state, event), state)
