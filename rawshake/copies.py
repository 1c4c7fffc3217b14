"""Which captured frame is the copy of which segment that we sent, and in what order all of it is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from operator import eq
from typing import Final

from rawshake.link import same_segment
from rawshake.profile import SECOND
from rawshake.report import Remark
from rawshake.tcp.view import Step

#: How long the captured copy of a segment of ours may take; after that a local firewall is to blame.
COPY_WAIT: Final = SECOND // 4
#: How many of our segments are remembered to know further copies of them by.
REMEMBERED_COPIES: Final = 64


class Copy(Enum):
    """What a captured segment from our address and port is."""

    FIRST = "the copy that tells when it left"
    FURTHER = "the same segment on a further interface"
    LATE = "a copy of what was thought never to have left"
    FOREIGN = "nothing that we sent"


@dataclass(slots=True)
class _Waiting:
    """A step not yet told, or a remark behind one.

    ``wire`` is what the captured copy will look like that tells the time of a segment of ours.
    """

    step: Step | Remark
    wire: bytes | None
    since: int


def _remembered() -> deque[bytes]:
    return deque(maxlen=REMEMBERED_COPIES)


@dataclass(slots=True)
class Copies:
    """Steps and remarks in order, each held back until its copy has come or is overdue. Times are ns."""

    _waiting: deque[_Waiting] = field(default_factory=deque)
    _copied: deque[bytes] = field(default_factory=_remembered)
    _overdue: deque[bytes] = field(default_factory=_remembered)

    def add(self, step: Step | Remark, now: int, wire: bytes | None = None) -> None:
        """Tell it in its turn; ``wire`` is the TCP segment if it is ours and its copy will come."""
        self._waiting.append(_Waiting(step, wire, now))

    def expect_no_more(self, wires: Iterator[bytes]) -> None:
        """Copies of these, which left before, are none of a segment of ours."""
        self._copied.extend(wires)

    def wires(self) -> Iterator[bytes]:
        """Every segment of which a copy may still come."""
        yield from self._copied
        yield from (waiting.wire for waiting in self._waiting if waiting.wire is not None)

    @property
    def since(self) -> int | None:
        """Since when the first of them waits; None where none does."""
        return self._waiting[0].since if self._waiting else None

    @property
    def deadline(self) -> int | None:
        """When it is overdue."""
        return self._waiting[0].since + COPY_WAIT if self._waiting else None

    @property
    def awaited(self) -> bool:
        """Whether any copy is still to come."""
        return any(waiting.wire is not None for waiting in self._waiting)

    def seen(self, wire: bytes, time: int) -> Copy:
        """A segment from our address and port was captured at ``time``."""
        for same in (eq, same_segment):
            for waiting in self._waiting:
                if waiting.wire is not None and isinstance(waiting.step, Step) and same(waiting.wire, wire):
                    note = waiting.step.note or ("" if waiting.wire == wire else "changed on its way out")
                    waiting.step = replace(waiting.step, time=time, note=note)
                    waiting.wire = None
                    self._copied.append(wire)
                    return Copy.FIRST
        if wire in self._copied:
            return Copy.FURTHER
        if wire in self._overdue:
            self._overdue.remove(wire)
            self._copied.append(wire)
            return Copy.LATE
        return Copy.FOREIGN

    def told(
        self, caught_up: int, *, excused: Callable[[Step], bool], why: Callable[[Step], str], rest: bool
    ) -> Iterator[Step | Remark]:
        """In order, up to the first whose copy may still come; with ``rest`` also from there on.

        ``caught_up`` is until when all that was captured has been seen. A step whose copy is overdue is noted
        with ``why`` it was not sent, unless it is ``excused``.
        """
        while self._waiting:
            waiting = self._waiting[0]
            step = waiting.step
            if waiting.wire is not None and isinstance(step, Step):
                overdue = caught_up >= waiting.since + COPY_WAIT
                if not overdue and not rest:
                    return
                if not overdue or excused(step):
                    self._copied.append(waiting.wire)  # it left; the capture is late, or has missed it
                else:
                    self._overdue.append(waiting.wire)
                    step = replace(step, note=why(step))
            self._waiting.popleft()
            yield step
