"""What is said at the end: what each state means that was met, and why TIME-WAIT is there, or is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rawshake.plain.language import ENGLISH, Language, phrase
from rawshake.report import Exchange
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Step

_STATES: Final = {
    State.CLOSED: phrase("There is no connection: not yet, or no more."),
    State.LISTEN: phrase("A server waits for anybody to ask."),
    State.SYN_SENT: phrase('It has asked "Can you hear me?" and waits for an answer.'),
    State.SYN_RECEIVED: phrase('It was asked, has answered, and waits for "I hear you!"'),
    State.ESTABLISHED: phrase("Each has heard the other: data may go both ways."),
    State.FIN_WAIT_1: phrase('It has said "let us stop" and waits for the ACK of that.'),
    State.FIN_WAIT_2: phrase("That is acknowledged; the other end may still speak, and it listens."),
    State.CLOSE_WAIT: phrase("The other end is done; it may still speak until it is done too."),
    State.CLOSING: phrase('Both said "let us stop" at once; it waits for the ACK of its own FIN.'),
    State.LAST_ACK: phrase('It is done too, and waits for the last "All right".'),
    State.TIME_WAIT: phrase("All is said, and it waits for a while, in case something still comes."),
}  # fmt: skip

_EXPECTED: Final = phrase(
    "STATE? is where an end should be, as long as no segment of its own has proven it. Nobody acknowledges the last "
    "ACK, so the other end keeps its question mark."
)
_WHOSE: Final = {
    End.CLIENT: phrase("TIME-WAIT is the client's: it closed first, and so it sent the last ACK."),
    End.SERVER: phrase("TIME-WAIT is the server's: it closed first, and so it sent the last ACK."),
    None: phrase("Both ends go through TIME-WAIT, for both closed at once and each sent a last ACK."),
}
_WHY: Final = (
    phrase(
        "It has two reasons. The last ACK may be lost: then the other end sends its FIN again, and somebody has to be "
        "there who answers; where nobody is, it gets a RST and must think that something went wrong. And segments of "
        "this connection may still be on their way: they must be gone before a new one between the same ports begins, "
        "which could take them for its own."
    ),
    phrase(
        "RFC 9293 has it last twice as long as a segment may live, four minutes in all; Linux waits for 60 seconds."
    ),
)
_RESET: Final = phrase(
    "After a RST no end goes through TIME-WAIT: nobody waits for anything more, and what is still on its way is lost."
)


@dataclass(frozen=True, slots=True)
class Closing:
    """The states that were met, each with what it means, and what else there is to say, in paragraphs."""

    states: tuple[tuple[State, str], ...]
    paragraphs: tuple[str, ...]


def closing(exchange: Exchange, language: Language = ENGLISH) -> Closing:
    """What is to be said at the end of an exchange; nothing where no segment passed."""
    steps = exchange.steps
    met = dict.fromkeys(_met(steps))
    states = tuple((state, language.say(_STATES[state])) for state in _STATES if state in met)
    return Closing(states, tuple(language.say(text) for text in _paragraphs(steps, set(met))))


def _met(steps: tuple[Step, ...]) -> Iterator[State]:
    if steps and steps[0].segment.syn and not steps[0].segment.has_ack:
        yield from (State.CLOSED, State.LISTEN)  # the tracker says so only together with the first segment
    for step in steps:
        for view in (*step.before, *step.after):
            yield from (state for state in (view.proven, view.expected) if state is not None)


def _paragraphs(steps: tuple[Step, ...], met: set[State]) -> Iterator[str]:
    if any("?" in view.state for step in steps for view in step.after):
        yield _EXPECTED
    waiting = {
        view.end for step in steps for view in step.after if view.expected is State.TIME_WAIT
    }  # fmt: skip
    if waiting:
        yield _WHOSE[waiting.pop() if len(waiting) == 1 else None]
        yield from _WHY
    elif any(step.segment.rst for step in steps):
        yield _RESET
