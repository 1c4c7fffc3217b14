"""How many ACKs an end sends, and how many what was sent to it can have drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.rules.evidence import duplicate_ack, missed_some, plain_ack, sound
from rawshake.rules.model import Outcome, Verdict, broken, held, undecidable
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import HALF
from rawshake.tcp.view import End, Fate, Standing, Step

#: What happens once may be loss or load; so many times it is a habit.
OFTEN: Final = 3
#: An answer that comes later than this does not come: longer than any delayed ACK or rate limit, in ns.
PATIENCE: Final = 1_000_000_000
#: Every path carries so much in one segment: a larger one may be several that were glued.
SMALL: Final = 536

_TSVALS: Final = 1 << 32


def surplus(steps: Sequence[Step], expected: str, *, to_bare: bool) -> Iterator[Outcome]:
    """The third ACK too many of each end: of those after a bare ACK, or of all others."""
    for end in End:
        if missed_some(steps, end):
            reason = "it acknowledges what was not seen, so that its ACKs cannot be counted"
            yield undecidable("flags", reason, end=end, step=steps[-1].number)
            continue
        owed = _Owed(end)
        owed.follow(steps)
        third = owed.habit(to_bare=to_bare)
        if third is not None:
            why = "times in answer to a bare ACK" if to_bare else "more ACKs than there were segments"
            sentence = f"ack {third.segment.ack} once more, {OFTEN} {why}"
            verdict = None if owed.certain[to_bare] else Verdict.WARN
            if verdict is not None:
                sentence += "; the network may have doubled some"
            number = third.number
            yield broken(
                "flags", sentence, expected=expected, actual=".", verdict=verdict, end=end, step=number
            )
        else:
            yield from owed.judged()


class _Owed:
    """How many ACKs what was sent to ``end`` can have drawn, and those that it sent beyond.

    On its way a segment may be doubled, and so may each ACK on its way back; a bare ACK that data overtakes is old
    when it arrives, and answered. What that explains is surplus, but not the fault of ``end`` beyond doubt.
    """

    def __init__(self, end: End) -> None:
        self.end = end
        self._owes = 0
        #: when something last came that draws an ACK, and the latest timestamp
        self._last = 0
        self._stamp: int | None = None
        #: ACKs that nothing can have drawn but, under True, a bare ACK; and all that there were
        self._surplus: dict[bool, list[Step]] = {True: [], False: []}
        self._bare = self._acks = 0
        self._counted: Step | None = None
        #: ACKs that a copy, or what was overtaken, may have drawn: now, or once more data is sent; copies of ACKs
        self._excused = self._overtaken = self._doubled = 0
        #: whether some surplus cannot even have come of these
        self.certain = {True: False, False: False}

    def follow(self, steps: Sequence[Step]) -> None:
        """Count all of them."""
        bare = False  # whether a bare ACK came since it last sent
        for step in steps:
            segment = step.segment
            if not sound(step) or step.fate is Fate.LOST:
                continue
            if segment.syn and not segment.has_ack and not step.again:
                self._owes = 0
            if step.sender is not self.end:
                if _bare(step) and not self._stale(segment):
                    bare = True
                    self._bare += 1
                    self._overtaken += 2  # it, and a copy of it
                else:
                    self._owe(step)
                continue
            if segment.syn:
                self._owes -= self._owes > 0
            elif plain_ack(segment):
                self._answered(step, bare=bare)
            bare = False

    def _owe(self, step: Step) -> None:
        if step.time - self._last > PATIENCE:
            self._excused += self._owes
            self._owes = 0  # what it has not answered by now it will hardly answer
        self._last = step.time
        count = 1 + max(0, step.segment.payload_length - 1) // SMALL
        self._owes += count
        self._excused += count + self._overtaken
        self._overtaken = 0

    def _answered(self, step: Step, *, bare: bool) -> None:
        self._counted = step
        self._acks += 1
        if self._owes:
            self._owes -= 1
        elif duplicate_ack(step):
            self._surplus[bare].append(step)
            if self._doubled:
                self._doubled -= 1
                return
            if not self._excused:
                self.certain[bare] = True
                return
            self._excused -= 1
        self._doubled += 1

    def habit(self, *, to_bare: bool) -> Step | None:
        """The third of those, if they are no exception."""
        found = self._surplus[to_bare]
        rare = 2 * len(found) < self._bare if to_bare else 5 * len(found) < self._acks
        return None if len(found) < OFTEN or rare else found[OFTEN - 1]

    def _stale(self, segment: Segment) -> bool:
        """Whether PAWS may refuse it: later timestamps have come (RFC 7323 section 5.3)."""
        stamps = segment.timestamps
        if stamps is None:
            return False
        if self._stamp is not None and (stamps[0] - self._stamp) % _TSVALS >= HALF:
            return True
        self._stamp = stamps[0]
        return False

    def judged(self) -> Iterator[Outcome]:
        """It was put to the test."""
        if self._counted is not None:
            number = self._counted.number
            yield held("flags", "no more ACKs than segments that draw one", end=self.end, step=number)


def _bare(step: Step) -> bool:
    """Whether it is an ACK in the window that no stack answers, whatever its timestamps."""
    segment, was = step.segment, step.was
    if not plain_ack(segment) or step.standing is not Standing.NEW or segment.seq != was.nxt:
        return False
    answered = step.peer_was.last_ack if was.offered is None else None
    alive = answered is not None and segment.seq < answered  # a keep-alive, the handshake not seen
    return not alive and (was.acked is None or segment.ack >= was.acked)
