"""One connection's transcript with what was found, and the report that renderers draw and files store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from rawshake.judge import Ruling
from rawshake.rules.model import Level, Verdict
from rawshake.rules.registry import RULES
from rawshake.tcp.view import End, Fate, Standing, Step

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Judged:
    """One segment of the transcript, and what the rules said of it; ``frame`` is its number in a capture, or 0."""

    step: Step
    rulings: tuple[Ruling, ...] = ()
    frame: int = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """Something of the transcript that is no segment: an ICMP error, a firewall, an intention; time in ns."""

    time: int
    text: str


class Outcome(Enum):
    """How an exchange ended, as the one line at its foot says."""

    CLOSED = "closed"
    HELD = "held open"
    HALF_CLOSED = "half-closed"
    RESET_BY_US = "reset by us"
    RESET = "reset by the peer"
    REFUSED = "refused"
    FILTERED = "no answer"
    UNREACHABLE = "unreachable"
    LOCAL_FIREWALL = "stopped by the local firewall"
    TIMED_OUT = "timed out"
    INTERRUPTED = "interrupted"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One connection: addresses and ports of both ends, its transcript in order, and how it ended.

    ``entries`` holds Judged and Remark in the order of their times; ``closing`` what the rules of scope
    exchange said; ``data`` what the server sent, in order.
    """

    client: tuple[str, int]
    server: tuple[str, int]
    entries: tuple[Judged | Remark, ...] = ()
    closing: tuple[Ruling, ...] = ()
    outcome: Outcome = Outcome.OPEN
    detail: str = ""
    data: bytes = b""

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(entry.step for entry in self.entries if isinstance(entry, Judged))

    @property
    def rtt(self) -> int | None:
        """Round-trip time of the handshake in ns, by the frames' times: from the SYN to the SYN,ACK that the
        client must take; None if either was sent again, for then nobody can tell which was answered (Karn).
        """
        sent: int | None = None
        for step in self.steps:
            if not step.segment.syn:
                continue
            if step.sender is End.CLIENT:
                if sent is not None:
                    return None
                sent = step.time
            elif sent is not None and step.segment.has_ack:
                if step.again:
                    return None
                if step.fate is not Fate.LOST and step.standing is Standing.NEW:
                    return step.time - sent
        return None

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        """Everything any rule said, step by step and then of the whole."""
        of_steps = [r for entry in self.entries if isinstance(entry, Judged) for r in entry.rulings]
        return (*of_steps, *self.closing)

    @property
    def findings(self) -> tuple[Ruling, ...]:
        """Breaches, warnings and notes, each breach once."""
        return tuple(ruling for ruling in self.rulings if ruling.is_finding)

    @property
    def undecidable(self) -> Counter[tuple[str, str]]:
        """What could not be judged and why: (rule, reason), counted."""
        return Counter((r.rule, r.sentence) for r in self.rulings if r.verdict is Verdict.INCONCLUSIVE)

    @property
    def held(self) -> int:
        """How many rules were exercised and never broken, neither a MUST nor a SHOULD."""
        passed = {r.rule for r in self.rulings if r.verdict is Verdict.PASS}
        return len(passed - {r.rule for r in self.rulings if r.verdict in (Verdict.FAIL, Verdict.WARN)})

    @property
    def broken(self) -> int:
        """How many breaches there are: verdicts FAIL."""
        return sum(r.verdict is Verdict.FAIL for r in self.findings)

    @property
    def broken_by_peer(self) -> bool:
        """Whether the other end broke a rule that it must keep, or did what it SHOULD NOT do.

        What it SHOULD have done and left out is a warning only.
        """
        return any(breach_of_peer(ruling) for ruling in self.findings)

    def state(self, end: End) -> str:
        """The state of that end after the last segment, with ``?`` where it is only expected."""
        steps = self.steps
        return steps[-1].after.of(end).state if steps else "CLOSED"


def breach_of_peer(ruling: Ruling) -> bool:
    """Whether it charges the other end with what it must not, or should not, do."""
    return not ruling.ours and (ruling.verdict is Verdict.FAIL or _should_not(ruling))


def _should_not(ruling: Ruling) -> bool:
    known = RULES.get(ruling.rule)
    return ruling.verdict is Verdict.WARN and known is not None and known.level is Level.SHOULD_NOT


@dataclass(frozen=True, slots=True)
class Missed:
    """What a script expected and did not get, in relative notation.

    ``within`` in ns; ``sent`` is what it had sent last, ``came`` what came nearest to it, empty if nothing did;
    ``differences`` are (field, expected, actual), ``meanwhile`` all that came, with times in ns since the epoch.
    """

    line: int
    expected: str
    within: int
    sent: str
    came: str
    differences: tuple[tuple[str, str, str], ...]
    meanwhile: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """How a script ended: in words, with what it returned, and with what it missed if that ended it."""

    name: str
    ending: str
    value: str = ""
    missed: Missed | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What one command found: the exchanges, which rules were in force, and how the script ended if it played one."""

    command: str
    exchanges: tuple[Exchange, ...]
    rules: tuple[str, ...] = ()
    version: int = SCHEMA_VERSION
    script: ScriptResult | None = None
