"""The way that an end took through the transition table, read off the steps of its connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Final

from rawshake.tcp.state import Event, State, Transition, transition
from rawshake.tcp.view import End, Step, View

#: The order in which the events of one segment apply (see ``state.TRANSITIONS``), were it to bring them all.
_ORDER: Final = (
    Event.SENT_SYN, Event.GOT_SYN, Event.SENT_RST, Event.GOT_RST, Event.SYN_ACKED, Event.SENT_FIN, Event.FIN_ACKED,
    Event.GOT_FIN,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Leg:
    """What segment ``number`` did to an end: the rows that it went through, and the state that it came to.

    No rows: the table has no way there, as where a capture missed something or a port was used again.
    """

    number: int
    moves: tuple[Transition, ...]
    state: State


@dataclass(frozen=True, slots=True)
class Walk:
    """Where an end began (None: it was never seen), its legs in order, and whether its last state is proven."""

    end: End
    start: State | None = None
    legs: tuple[Leg, ...] = ()
    proven: bool = False

    @property
    def state(self) -> State | None:
        """Where it stands in the end."""
        return self.legs[-1].state if self.legs else self.start

    def numbers(self, row: Transition) -> tuple[int, ...]:
        """By which segments it went through that row."""
        return tuple(leg.number for leg in self.legs if row in leg.moves)


def walks(steps: Sequence[Step]) -> tuple[Walk, Walk]:
    """The ways of both ends, the client's first."""
    return walk(steps, End.CLIENT), walk(steps, End.SERVER)


def walk(steps: Iterable[Step], end: End) -> Walk:
    """The way of ``end``, by its expected states: where it stands if everything sent so far arrives.

    What turns out not to have arrived after all is taken back.
    """
    start: State | None = None
    legs: list[Leg] = []
    now: View | None = None
    for step in steps:
        was, now = step.before.of(end), step.after.of(end)
        state = legs[-1].state if legs else start
        if state is None:
            start = state = _began(step, end)
        elif was.passive and was.proven is None and _opens(step, end):
            # It was taken for a listener, and opens itself: the two SYNs cross.
            start = state = State.CLOSED
            legs.clear()
        elif step.sender is end and step.segment.rst and was.proven is None:
            # It was taken for a listener, and there is none: a refusal.
            start = state = State.CLOSED
            legs.clear()
        if now.expected is None or now.expected is state:
            continue
        moves = () if state is None else _moves(state, now.expected, step, end, passive=was.passive)
        if not moves and was.proven is not was.expected:
            # It was expected there, and has not been there: what was sent to it has not arrived, or too late.
            _take_back(legs, start, now.expected, step, end, passive=was.passive)
        else:
            legs.append(Leg(step.number, moves, now.expected))
    return Walk(end, start, tuple(legs), now is not None and now.expected is now.proven)


def _opens(step: Step, end: End) -> bool:
    return step.sender is end and step.segment.syn and not step.segment.has_ack


def _began(step: Step, end: End) -> State | None:
    """Where it stood before the first segment that tells."""
    if _opens(step, end):
        return State.CLOSED
    now = step.after.of(end)
    return State.LISTEN if now.passive else step.before.of(end).expected or now.expected


def _take_back(
    legs: list[Leg], start: State | None, to: State, step: Step, end: End, *, passive: bool
) -> None:
    """Go back to where it last stood in that state, or had a way to it."""
    for at in range(len(legs) - 1, -1, -1):
        state = legs[at - 1].state if at else start
        if state is to:
            del legs[at:]
            return
        moves = () if state is None else _moves(state, to, step, end, passive=passive)
        if moves:
            legs[at:] = [Leg(step.number, moves, to)]
            return
    legs.append(Leg(step.number, (), to))


def _moves(state: State, to: State, step: Step, end: End, *, passive: bool) -> tuple[Transition, ...]:
    """The rows between two states: by what the segment holds, or else by what it may have let through."""
    segment = step.segment
    if step.sender is end:
        held = {Event.SENT_SYN: segment.syn, Event.SENT_RST: segment.rst, Event.SENT_FIN: segment.fin}
    else:
        ack = segment.has_ack
        held = {
            Event.GOT_SYN: segment.syn,
            Event.GOT_RST: segment.rst,
            Event.SYN_ACKED: ack,
            Event.FIN_ACKED: ack,
            Event.GOT_FIN: segment.fin,
        }
    by_segment = [event for event, present in held.items() if present]
    return _way(state, to, by_segment, range(len(by_segment), 0, -1), passive=passive) or _way(
        state, to, _ORDER, range(1, len(_ORDER)), passive=passive
    )


def _way(
    state: State, to: State, events: Sequence[Event], counts: Iterable[int], *, passive: bool
) -> tuple[Transition, ...]:
    """The way that so many of these events lead in their order, each of which moves the state."""
    for chosen in chain.from_iterable(combinations(events, count) for count in counts):
        rows: list[Transition] = []
        at = state
        for event in chosen:
            row = transition(at, event, passive=passive)
            if row is None:
                break
            rows.append(row)
            at = row.after
        else:
            if at is to:
                return tuple(rows)
    return ()
