"""What a segment may draw: replies, the state afterwards, and the named choices under which that is legal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from rawshake.tcp.segment import Flags
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State


class Choice(Enum):
    """Where the standards differ, or leave it open, or a widespread stack departs on purpose: what was chosen.

    The value is a sentence. ``noted`` says whether it is worth telling of a stack.
    """

    RFC_793_RST = "RFC 793: a RST anywhere in the window resets; RFC 5961 3.2 is not followed."
    RFC_793_SYN = "RFC 793: a SYN in the window resets; RFC 5961 4.2 is not followed."
    RFC_5961_SYN = "RFC 5961 4.2 in SYN-RECEIVED, too: a SYN in the window is challenged."
    RFC_5961_ACK = "RFC 5961 5.2 (MAY-12): an ACK too far below SND.UNA is answered, and the segment dropped."
    ACK_FLOOR = "As in Linux: the floor of RFC 5961 5.2 is no lower than what was ever acknowledged."
    RFC_1337 = "RFC 1337 F1: TIME-WAIT ignores a RST."
    REOPENED = "MAY-2, RFC 6191: a new SYN opens a connection out of TIME-WAIT."
    RFC_6191 = "RFC 6191: in TIME-WAIT a SYN that opens nothing is dropped in silence."
    HALF_DUPLEX = "3.6.1, SHLD-3: who has closed for good resets when more data comes."
    ABORTED = "The reset is sent as an abort is, at SND.NXT (3.10.5)."
    ACK_AT_ONCE = "The ACK field of a segment above a gap counts at once."
    GAP_SILENT = "MAY-13: what comes above a gap is not acknowledged."
    GAP_ANSWERED = "An empty segment above a gap is answered."
    GROUP_2 = "3.5.2, group 2: in SYN-RECEIVED an unacceptable ACK is reset, whatever its SEQ."
    RST_BAD_ACK = "As in Linux: in SYN-RECEIVED a RST whose ACK is unacceptable is ignored."
    SYN_RESET = "As in Linux: in SYN-RECEIVED another SYN in the window is reset before returning to LISTEN."
    SYN_ACK_AGAIN = "As in practice (RFC 4987): a SYN in SYN-RECEIVED draws the SYN,ACK again."
    SYN_FIN_DROPPED = "As in Linux, and BSD with drop_synfin: a SYN with FIN is dropped."
    NO_ACK_FIRST = "As in Linux: a segment without ACK is dropped before its number is looked at."
    NO_ACK_ANSWERED = "A segment without ACK is answered, and not taken."
    UNSENT_SILENT = (
        "As in Linux before 2026: a segment that acknowledges what was never sent is dropped in silence."
    )
    ACK_UNREAD = "TIME-WAIT, and FIN-WAIT-2 after a full close: SEG.ACK is not looked at."
    TEXT_ANSWERED = "Text after a FIN is ignored, and answered."
    SECOND_FIN = "A FIN beyond a FIN is ignored."
    SECOND_FIN_ANSWERED = "A FIN beyond a FIN is ignored, and answered."
    OLD_ACK = "As in BSD: of a segment before the window the ACK field counts, though the rest is dropped."
    SYN_RESET_STAYS = "A SYN in the window of TIME-WAIT is reset, and TIME-WAIT stays."
    TIME_WAIT_ACKS = "TIME-WAIT acknowledges whatever has a length."
    TIME_WAIT_RST = "As in Linux: TIME-WAIT does not challenge a RST."
    RST_ANSWERED = (
        "As in Linux: FIN-WAIT-2 after a full close answers what is outside the window, a RST as well."
    )

    def __str__(self) -> str:
        return self.value

    @property
    def noted(self) -> bool:
        """Whether it is to be told; the others are how the text is read everywhere."""
        return self not in _USUAL


_USUAL = frozenset(
    {
        Choice.ACK_AT_ONCE,
        Choice.RFC_5961_ACK,
        Choice.SECOND_FIN,
        Choice.SECOND_FIN_ANSWERED,
        Choice.TIME_WAIT_ACKS,
        Choice.ABORTED,
    }
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A segment that is to come: exactly these of SYN, RST, ACK, with these numbers; None is any number."""

    flags: Flags
    seq: Seq | None
    ack: Seq | None = None

    def __str__(self) -> str:
        numbers = [f"<SEQ={'any' if self.seq is None else self.seq}>"]
        if self.flags & Flags.ACK:
            numbers.append(f"<ACK={'any' if self.ack is None else self.ack}>")
        names = [flag.name for flag in (Flags.SYN, Flags.RST, Flags.ACK) if self.flags & flag and flag.name]
        return f"{''.join(numbers)}<CTL={','.join(names)}>"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one reading of the text makes of a segment: ``reply`` None is silence; ``clause`` decided it.

    ``rcv_nxt`` is RCV.NXT afterwards: how much of the segment was taken. ``una`` is SND.UNA, None where nothing is
    outstanding.
    """

    reply: Reply | None
    state: State
    rcv_nxt: Seq
    clause: str
    una: Seq | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """An outcome and what has to be chosen for it; nothing is the letter of RFC 9293."""

    outcome: Outcome
    choices: frozenset[Choice] = frozenset()

    @property
    def noted(self) -> tuple[Choice, ...]:
        """The choices to tell of, in the order in which they are defined."""
        return tuple(choice for choice in Choice if choice in self.choices and choice.noted)


#: Asked where a choice is open; True takes it.
Takes = Callable[[Choice], bool]


def every(reading: Callable[[Takes], Outcome]) -> tuple[Expectation, ...]:
    """All outcomes of ``reading`` under all choices that it asks about, each with the fewest choices noted.

    The letter comes first.
    """
    found: dict[tuple[object, ...], Expectation] = {}
    for choices, outcome in _paths(reading):
        one = Expectation(outcome, choices)
        key = (outcome.reply, outcome.state, outcome.rcv_nxt)
        if key not in found or _weight(one) < _weight(found[key]):
            found[key] = one
    return tuple(sorted(found.values(), key=_weight))


def _weight(one: Expectation) -> tuple[int, int]:
    return len(one.noted), len(one.choices)


def _paths(reading: Callable[[Takes], Outcome]) -> Iterator[tuple[frozenset[Choice], Outcome]]:
    """Follow every branch: run with some answers given, and come back for each that was newly asked."""
    waiting: list[dict[Choice, bool]] = [{}]
    while waiting:
        given = waiting.pop()
        asked: dict[Choice, bool] = {}

        def takes(
            choice: Choice, given: dict[Choice, bool] = given, asked: dict[Choice, bool] = asked
        ) -> bool:
            return asked.setdefault(choice, given.get(choice, False))

        outcome = reading(takes)
        fresh = [choice for choice in asked if choice not in given]
        for at, choice in enumerate(fresh):
            waiting.append({**given, **dict.fromkeys(fresh[:at], False), choice: True})
        yield frozenset(choice for choice, taken in asked.items() if taken), outcome
