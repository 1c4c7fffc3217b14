"""One exchange of many that is followed by itself: whatever is not on a known road is handled there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

from rawshake.conversation import Conversation
from rawshake.endpoint import Want
from rawshake.link import Direction, Frame
from rawshake.many.forms import PACKETS, Event, Forms
from rawshake.many.kinds import Result, result
from rawshake.many.line import Line
from rawshake.many.road import QUICK, Past
from rawshake.profile import SECOND, Profile
from rawshake.report import Outcome
from rawshake.rules.model import Rule
from rawshake.tcp.segment import Segment
from rawshake.tcp.tracker import Tracker

#: How an exchange may end whose form is worth remembering.
KNOWABLE: Final = frozenset({Outcome.CLOSED, Outcome.REFUSED, Outcome.RESET})
#: Of so many segments the transcript is kept: a server that goes on sending costs no more.
KEPT: Final = 1000


class _Link:
    """A ``link.Link`` over a line that carries many.

    What was sent before the lane took over is not sent again: the conversation, which is shown what came in the
    same order, wants to send the same.
    """

    def __init__(self, line: Line, clock: Callable[[], int], lost: int) -> None:
        self._line = line
        self._clock = clock
        self._lost_before = lost
        #: the time that it is while what has passed is shown
        self.past: int | None = None
        self.sent: deque[tuple[int, bytes, int]] = deque()
        #: captured copies of ``sent``
        self.copies: deque[Frame] = deque()
        self.events: list[Event] = []

    def now(self) -> int:
        return self._clock() if self.past is None else self.past

    def obstacle(self) -> str:
        return self._line.obstacle()

    @property
    def lost(self) -> int:
        return self._line.lost - self._lost_before

    def send(self, segment: Segment, *, checksum: Callable[[int], int] | None = None) -> bytes:
        if self.sent:
            time, packet, copied = self.sent.popleft()
            self.past = max(self.past or 0, time)
            if copied:
                self.copies.append(Frame(copied, packet, Direction.OUT))
        else:
            packet = self._line.transmit(segment, checksum)
        self.note(Event(True, packet))
        return packet

    def receive(self, deadline: int | None) -> Frame | None:
        return None  # the lane is given its frames

    def note(self, event: Event) -> None:
        """Remember a packet, unless there are too many already for a form."""
        if len(self.events) <= 2 * PACKETS:
            self.events.append(event)


class _Stage(Enum):
    OPENING = "until both SYNs are acknowledged"
    CLOSING = "until both FINs are"
    OVER = "nothing more is to come, but late segments are answered"


class Lane:
    """Opens, closes and then lingers, a look at a time; nothing waits.

    ``number`` counts the exchanges from 1. ``clock`` tells until when all that was captured has been taken: nothing
    is called late that only waits to be looked at. ``lost`` is how many packets the line had lost when the exchange
    began. ``name`` says how a conversation that has ended is to be called.
    """

    def __init__(
        self,
        number: int,
        line: Line,
        port: int,
        profile: Profile,
        rules: Sequence[Rule],
        *,
        clock: Callable[[], int],
        lost: int,
        name: Callable[[Conversation], tuple[Outcome, str]],
    ) -> None:
        self.number = number
        self._name = name
        self._link = _Link(line, clock, lost)
        tracker = Tracker((line.source, port), (line.target, line.dport))
        self._talk = Conversation(self._link, tracker, profile, rules, most_entries=KEPT)
        self._talk.endpoint.want = Want.OPEN
        self._frames: deque[Frame] = deque()
        self._stage = _Stage.OPENING
        self._since = 0
        self._ending: tuple[Outcome, str] | None = None
        self._result: Result | None = None
        #: all that we sent was sent because of what had just come
        self._prompt = True

    def replay(self, past: Past) -> None:
        """Show it what has passed already."""
        link = self._link
        link.past = past.sent[0][0]
        both = zip(past.sent, past.copies, strict=True)
        link.sent.extend((time, packet, copied) for (time, packet), copied in both)
        self._go_on()
        for time, packet, offloaded in past.heard:
            link.past = max(link.past or 0, time)
            self._show(Frame(time, packet, Direction.IN, offloaded))
        link.past = None

    def push(self, frame: Frame) -> None:
        """A packet of either end, for the next ``look``."""
        self._frames.append(frame)

    def look(self) -> None:
        """Take what was pushed, and do what is to be done now."""
        while self._frames:
            self._show(self._frames.popleft())
        known = len(self._link.events)
        self._talk.caught_up = self._link.now()
        self._go_on()
        self._prompt = self._prompt and len(self._link.events) == known

    def _show(self, frame: Frame) -> None:
        if frame.direction is not Direction.OUT:
            self._link.note(Event(False, frame.packet, frame.offloaded))
        self._talk.take(frame)
        self._go_on()

    def _go_on(self) -> None:
        stage = None
        while stage is not self._stage:
            stage = self._stage
            self._talk.flush()
            while self._link.copies:
                self._talk.take(self._link.copies.popleft())
            self._talk.judge()
            self._talk.read()  # what comes is taken, so that our window stays open
            if stage is not _Stage.OVER:
                self._advance()

    def _advance(self) -> None:
        talk, now = self._talk, self._link.now()
        patience = talk.profile.timeout
        if self._stage is _Stage.OPENING and talk.established and not talk.ended:
            talk.endpoint.want = Want.CLOSE
            talk.endpoint.give(now)
            self._stage, self._since = _Stage.CLOSING, now
        elif talk.endpoint.gave_up and talk.established and not talk.closed:
            self._reset(*self._name(talk), "no answer any more: resetting the connection")
        elif talk.ended or talk.closed:
            self._stage, self._ending = _Stage.OVER, self._name(talk)
        elif self._stage is _Stage.CLOSING and now >= self._since + patience:
            missing = "sent no FIN" if talk.half_closed else "did not acknowledge our FIN"
            outcome = Outcome.HALF_CLOSED if talk.half_closed else Outcome.TIMED_OUT
            detail = f"the server {missing} within {patience / SECOND:g} s; reset"
            self._reset(outcome, detail, detail)

    def _reset(self, outcome: Outcome, detail: str, remark: str) -> None:
        self._talk.remark(remark)
        self._talk.endpoint.want = Want.ABORT
        self._stage, self._ending = _Stage.OVER, (outcome, detail)

    def interrupt(self) -> None:
        """Reset the connection, unless it is over."""
        if self._stage is not _Stage.OVER:
            self._reset(Outcome.INTERRUPTED, "", "interrupted: resetting the connection")
            self._go_on()

    @property
    def is_over(self) -> bool:
        """Whether no more is to be done for it."""
        return self._stage is _Stage.OVER

    @property
    def is_settled(self) -> bool:
        """Whether all that came was looked at, and all of ours was seen to leave, or is known not to have left."""
        return self._talk.settled and not self._frames

    def deadline(self) -> int | None:
        """When to look again although nothing came."""
        closing = self._since + self._talk.profile.timeout if self._stage is _Stage.CLOSING else None
        return self._talk.next_deadline(closing)

    def result(self) -> Result:
        """What it came to; only once it is over and settled."""
        talk = self._talk
        if self._result is None or len(talk.entries) > len(self._result.exchange.entries):
            if lost := self._link.lost:
                talk.remark(f"the capture lost {lost} frames: more passed than is shown")
            talk.judge(rest=True)
            self._result = result(talk.transcript(*(self._ending or self._name(talk))))
        return self._result

    def teach(self, forms: Forms) -> None:
        """Have the forms know what was sent in answer to what, and, if it is over, how others like it are judged."""
        if not self._prompt or not forms.learn(self._link.events):
            return
        ending = self._ending
        if ending is None or ending[0] not in KNOWABLE or not self.is_settled:
            return
        found = self.result()
        steps = found.exchange.steps
        times = [step.time for step in steps]
        if len(steps) == len(found.exchange.entries) and times[-1] - times[0] <= QUICK:
            answers = times[1] - times[0], times[2] - times[1] if len(times) > 2 else 0
            forms.judged(self._link.events, answers, found)
