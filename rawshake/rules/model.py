"""What a rule is: its citation, level, scope and vantage, and what its check may answer."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from rawshake.rules.opening import Opening, Others
from rawshake.tcp.view import End, Step


class Verdict(Enum):
    """The one scale of results; silence is not a pass."""

    PASS = "PASS"
    FAIL = "FAIL"
    WARN = "WARN"
    NOTE = "NOTE"
    KNOWN = "KNOWN"
    INCONCLUSIVE = "INCONCLUSIVE"
    SKIPPED = "SKIPPED"
    ERROR = "ERROR"

    __hash__ = object.__hash__  # there is one of each, and an Enum's own takes five times as long

    def __str__(self) -> str:
        return self.value


class Level(Enum):
    """How strongly the source demands it; PROCEDURE is stated as event processing, without a keyword."""

    MUST = "MUST"
    MUST_NOT = "MUST NOT"
    PROCEDURE = "MUST*"
    SHOULD = "SHOULD"
    SHOULD_NOT = "SHOULD NOT"
    MAY = "MAY"
    LINT = "LINT"
    INFO = "INFO"

    @property
    def when_broken(self) -> Verdict:
        if self in (Level.MUST, Level.MUST_NOT, Level.PROCEDURE):
            return Verdict.FAIL
        return Verdict.WARN if self in (Level.SHOULD, Level.SHOULD_NOT) else Verdict.NOTE


class Scope(Enum):
    """What a check sees: one step, a whole exchange, or all exchanges of a capture."""

    STEP = "step"
    EXCHANGE = "exchange"
    CAPTURE = "capture"


class Vantage(Enum):
    """Where the tap sat, given or inferred. A rule with ``near`` needs it near the end that it judges."""

    NEAR_CLIENT = "near client"
    NEAR_SERVER = "near server"
    #: on the host of both, or on the link that both are on
    NEAR_BOTH = "near both"
    BETWEEN = "between"
    UNKNOWN = "unknown"

    def near(self, end: End) -> bool:
        """Whether what it saw, and when, is what that end saw."""
        one = Vantage.NEAR_CLIENT if end is End.CLIENT else Vantage.NEAR_SERVER
        return self is one or self is Vantage.NEAR_BOTH


@dataclass(frozen=True, slots=True)
class Citation:
    """A clause: document ("RFC 9293"), section ("3.10.7.2") and label ("MUST-14") if it has one."""

    document: str
    section: str
    label: str = ""

    def __str__(self) -> str:
        return f"{self.document} {self.section}{f' {self.label}' if self.label else ''}"


_CITATION: Final = re.compile(r"(RFC \d+) (\S+?)(?: ((?:MUST|SHLD|MAY|REC)-\d+))?")


def citations(cites: str) -> tuple[Citation, ...]:
    """Clauses written as "RFC 9293 3.7.1 MUST-14; RFC 6691 2". Raises ValueError where they are not."""
    found = []
    for clause in cites.split("; "):
        read = _CITATION.fullmatch(clause)
        if read is None:
            raise ValueError(f"not a citation: {clause!r}")
        found.append(Citation(read[1], read[2], read[3] or ""))
    return tuple(found)


class Outcome(NamedTuple):
    """What a check found on one segment: data first, text second.

    ``field`` is what is charged: seq, ack, flags, reserved, window, checksum, options, mss, timestamps, payload,
    urgent or time.
    ``sentence`` writes the arithmetic out ("ack 2915269998 = ISN 2915269997 + 1"). ``verdict`` None means
    broken, as gravely as the rule's level says. ``end`` is who is charged, the sender unless given; ``step``
    is the number of the segment, needed in scopes wider than a step.
    """

    field: str
    sentence: str
    verdict: Verdict | None = Verdict.PASS
    expected: str = ""
    actual: str = ""
    end: End | None = None
    step: int | None = None


def held(field: str, sentence: str, *, end: End | None = None, step: int | None = None) -> Outcome:
    """The rule was exercised and held."""
    return Outcome(field, sentence, Verdict.PASS, "", "", end, step)


def broken(
    field: str,
    sentence: str,
    *,
    expected: object,
    actual: object,
    verdict: Verdict | None = None,
    end: End | None = None,
    step: int | None = None,
) -> Outcome:
    """The rule was broken; ``verdict`` softens it where today's practice differs from the letter."""
    return Outcome(field, sentence, verdict, str(expected), str(actual), end, step)


def undecidable(field: str, reason: str, *, end: End | None = None, step: int | None = None) -> Outcome:
    """The rule applies, but what was seen cannot decide it; ``reason`` is counted in the report."""
    return Outcome(field, reason, Verdict.INCONCLUSIVE, end=end, step=step)


StepCheck = Callable[[Step], "Outcome | None"]
ExchangeCheck = Callable[[Sequence[Step]], Iterable[Outcome]]
CaptureCheck = Callable[[Opening, Others], Iterable[Outcome]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the book. ``check`` takes a Step and answers an Outcome or None (nothing to say); in scope
    EXCHANGE it takes all steps of a connection and yields Outcomes that name their step; in scope CAPTURE how
    an end opened a connection, and how others did.

    ``near`` says that it judges times, or what was answered by what, which only a tap near the end that is
    judged can tell: elsewhere it is undecidable. ``undisturbed`` says that an ICMP error, or segments that
    rawshake held back, may excuse what it names. ``corrupt`` says that it also judges segments with a wrong
    checksum, which no other rule is shown.
    """

    id: str
    chapter: str
    citations: tuple[Citation, ...]
    level: Level
    scope: Scope
    check: StepCheck | ExchangeCheck | CaptureCheck
    near: bool = False
    undisturbed: bool = False
    corrupt: bool = False
    #: all clauses as text
    cite: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cite", "; ".join(map(str, self.citations)))

    @property
    def page(self) -> str:
        """The docstring: what breaks, why it matters, what known stacks do, and two transcripts."""
        return inspect.getdoc(self.check) or ""

    @property
    def summary(self) -> str:
        """The first line of its page."""
        return self.page.partition("\n")[0]
