"""What happened to a segment beside what it says: lost, damaged, wrong on purpose, or of no use where it arrives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rawshake.impair import Harm
from rawshake.plain.language import Language, phrase
from rawshake.plain.meaning import Meaning
from rawshake.plain.numbers import flags, named
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.state import State
from rawshake.tcp.view import Fate, Standing, Step

_MIDSTREAM: Final = phrase(
    "What went before was not seen, so that numbers are counted from the first that was."
)
_LOST: Final = phrase("But it is lost on the way: {receiver} never hears it.")
_HELD_BACK: Final = phrase("It is held back on the way, and arrives later.")
_DAMAGED: Final = phrase("Its checksum is wrong, so {receiver} throws it away.")
# Translators: what a segment should say comes between these two.
RIGHT: Final = phrase("What would be right:")
_WRONG: Final = phrase("But it is wrong on purpose: it has {sent} in place of {right}.")

_STANDINGS: Final = {
    Standing.OLD: phrase("{Receiver} has had that before, and answers with an ACK."),
    Standing.OUT_OF_WINDOW: phrase(
        "It lies outside the window of {receiver}, which drops it and answers with an ACK."
    ),
    Standing.NO_CONNECTION: phrase("{Receiver} has no connection to which it belongs, and answers with a RST."),
    Standing.DROPPED: phrase("{Receiver} can do nothing with it, and drops it."),
}  # fmt: skip
_WRONG_ACK: Final = phrase(
    "ACK {sent} acknowledges what {receiver} has not sent, so it does not count; {receiver} answers with an ACK."
)
_WRONG_ACK_OPENING: Final = phrase(
    "ACK {sent} is not the answer to the SYN of {receiver}, which answers with a RST."
)

#: These say themselves what becomes of the segment.
_COMPLETE: Final = frozenset({
    Meaning.COPY, Meaning.KEEP_ALIVE, Meaning.WINDOW_PROBE, Meaning.SYN_ACK_WRONG, Meaning.SYN_INSIDE,
    Meaning.RESET_UNBELIEVED, Meaning.RESET_DOUBTED, Meaning.ACK_OVERTAKEN, Meaning.MUTE,
})  # fmt: skip


def asides(step: Step, said: Meaning, language: Language, values: Mapping[str, str]) -> Iterator[str]:
    """The sentences on that, none where all is as it should be."""
    segment = step.segment
    if step.number == 1 and not segment.syn:
        yield language.say(_MIDSTREAM)
    sent, right = differences(step, language)
    if sent:
        yield language.say(_WRONG, sent=sent, right=right)
    if segment.checksum is Checksum.WRONG or (step.fate is Fate.LOST and Harm.CORRUPT.value in step.note):
        yield language.say(_DAMAGED, **values)
    elif step.fate is Fate.LOST:
        yield language.say(_HELD_BACK if _is_held_back(step) else _LOST, **values)
    elif step.meant is not None or said not in _COMPLETE:
        yield from _received(step, language, values)


def _is_held_back(step: Step) -> bool:
    """Whether rawshake only makes it late."""
    return Harm.REORDER.value in step.note or Harm.DELAY.value in step.note


def _received(step: Step, language: Language, values: Mapping[str, str]) -> Iterator[str]:
    """What its receiver makes of it."""
    if step.standing is Standing.BAD_ACK:
        opening = step.peer_was.expected in (State.SYN_SENT, State.SYN_RECEIVED)
        text = _WRONG_ACK_OPENING if opening else _WRONG_ACK
        yield language.say(
            text, receiver=values["receiver"], sent=named(step.segment.ack, step.peer_now, language)
        )
    elif step.standing is Standing.NO_CONNECTION and step.segment.syn and not step.segment.has_ack:
        return  # whether somebody listens there by now is not known
    elif step.standing in _STANDINGS:
        yield language.say(_STANDINGS[step.standing], **values)


def differences(step: Step, language: Language) -> tuple[str, str]:
    """What was sent, and what would have been right, of each field that differs; empty where none does."""
    if step.meant is None:
        return "", ""

    def told(segment: Segment) -> list[str]:
        return [
            f"seq {named(segment.seq, step.now, language)}",
            f"ack {named(segment.ack, step.peer_now, language)}" if segment.has_ack else "",
            flags(segment),
            f"win {segment.window}",
        ]

    pairs = [pair for pair in zip(told(step.segment), told(step.meant), strict=True) if pair[0] != pair[1]]
    return ", ".join(sent for sent, _ in pairs if sent), ", ".join(right for _, right in pairs if right)
