"""What a script may ask for, what it is given for it, and what it is told where that did not come."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rawshake.link import IcmpMessage, Malformed
from rawshake.play.sketch import Difference, Sketch
from rawshake.report import Missed
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.segment import Segment
from rawshake.tcp.view import Step

if TYPE_CHECKING:
    from rawshake.play.peer import Peer

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Action(Generic[T]):
    """What a script yields, and gets a ``T`` for. ``yield from`` does the same, and tells type checkers the ``T``."""

    peer: Peer

    def __iter__(self) -> Generator[Action[Any], Any, T]:
        result: T = yield self
        return result


@dataclass(frozen=True, slots=True)
class Arrival:
    """One segment that came, and the step that it made; ``text`` is it in relative notation.

    ``which`` counts the expectations given to ``expect`` from 0, and says which it met.
    """

    step: Step
    text: str
    which: int = 0

    @property
    def segment(self) -> Segment:
        return self.step.segment

    @property
    def time(self) -> int:
        """When, in ns since the epoch, by the kernel's clock."""
        return self.step.time


@dataclass(frozen=True, slots=True)
class IcmpArrival:
    """An ICMP error that came at ``time`` (ns since the epoch)."""

    error: IcmpError
    time: int

    @property
    def text(self) -> str:
        return f"ICMP from {self.error.src}: {self.error.description}"


@dataclass(frozen=True, slots=True, eq=False)
class Send(Action[Segment]):
    """See ``Peer.send``."""

    sketch: Sketch
    data: bytes | None = None
    options: bytes | None = None
    malformed: Malformed | None = None
    src: str | None = None
    dst: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SendIcmp(Action[None]):
    """See ``Peer.send_icmp``."""

    message: IcmpMessage


@dataclass(frozen=True, slots=True, eq=False)
class Expect(Action[Arrival]):
    """See ``Peer.expect``. ``within`` in ns."""

    sketches: tuple[Sketch, ...]
    within: int
    strict: bool = False

    def __str__(self) -> str:
        return " or ".join(sketch.text for sketch in self.sketches)


@dataclass(frozen=True, slots=True, eq=False)
class ExpectIcmp(Action[IcmpArrival]):
    """See ``Peer.expect_icmp``. ``within`` in ns."""

    description: str
    within: int

    def __str__(self) -> str:
        return f"ICMP: {self.description or 'any error'}"


@dataclass(frozen=True, slots=True, eq=False)
class Next(Action["Arrival | None"]):
    """See ``Peer.next``. ``within`` in ns."""

    within: int


@dataclass(frozen=True, slots=True, eq=False)
class Quiet(Action[None]):
    """See ``Peer.quiet``. ``within`` in ns."""

    within: int
    but: tuple[Sketch, ...] = ()

    def __str__(self) -> str:
        return "nothing" + "".join(f", but for {sketch.text}" for sketch in self.but)


@dataclass(frozen=True, slots=True, eq=False)
class Collect(Action[tuple[Arrival, ...]]):
    """See ``Peer.collect``. ``within`` in ns."""

    within: int


@dataclass(frozen=True, slots=True, eq=False)
class Wait(Action[None]):
    """See ``Peer.wait``. ``within`` in ns."""

    within: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What a script expected and what came in its place.

    ``expected`` is as the script wrote it, ``within`` in ns. ``came`` is what came nearest to it, None where
    nothing came at all; ``differences`` are the fields in which that is not what was expected. ``meanwhile`` is
    all that came while it waited. ``sent`` is what the script had sent last, in the notation. ``line`` is the
    script's.
    """

    expected: str
    within: int
    came: Arrival | IcmpArrival | None
    differences: tuple[Difference, ...]
    meanwhile: tuple[Arrival | IcmpArrival, ...]
    sent: str
    line: int
    began: int

    @property
    def silence(self) -> bool:
        """Whether nothing came at all."""
        return not self.meanwhile

    @property
    def sentence(self) -> str:
        """Expected and actual in one line."""
        wanted = f"expected {self.expected} within {self.within / 1e9:g} s"
        if self.came is None:
            return f"{wanted}; nothing came"
        fields = "; ".join(map(str, self.differences))
        return f"{wanted}; {self.came.text} came{f' ({fields})' if fields else ''}"

    @property
    def text(self) -> str:
        """Field by field, with both segments, and all that came meanwhile."""
        span = f"{self.within / 1e9:g} s"
        head = f"what was expected did not come within {span}"
        if self.expected.startswith("nothing"):
            head = f"something came in the {span} in which nothing should"
        lines = [f"line {self.line}: {head}"]
        if self.sent:
            lines.append(f"  sent      {self.sent}")
        lines.append(f"  expected  {self.expected}")
        lines.append(f"  came      {'nothing' if self.came is None else self.came.text}")
        width = max((len(one.field) for one in self.differences), default=0)
        lines += [
            f"    {one.field:{width}}  expected {one.expected}, got {one.actual}" for one in self.differences
        ]
        if len(self.meanwhile) > 1:
            lines.append("  all that came meanwhile:")
            lines += [f"    +{(one.time - self.began) / 1e9:.3f}  {one.text}" for one in self.meanwhile]
        return "\n".join(lines)

    def stored(self) -> Missed:
        """What a report keeps of it."""
        return Missed(
            line=self.line,
            expected=self.expected,
            within=self.within,
            sent=self.sent,
            came="" if self.came is None else self.came.text,
            differences=tuple((one.field, one.expected, one.actual) for one in self.differences),
            meanwhile=tuple((one.time, one.text) for one in self.meanwhile),
        )


class Unexpected(Exception):
    """Raised inside the script, where it yields an expectation that was not met; uncaught, it ends the script."""

    def __init__(self, mismatch: Mismatch) -> None:
        super().__init__(mismatch.sentence)
        self.mismatch = mismatch


class Mistake(Exception):
    """The script itself is wrong: ``problem`` is one sentence, ``line`` where in it, 0 if that is not known."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(problem if not line else f"line {line}: {problem}")
        self.problem = problem
        self.line = line
