"""What many exchanges came to: their kinds, findings and times, however many there were."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from rawshake.judge import Ruling
from rawshake.many.kinds import Kind, Result
from rawshake.many.times import Times
from rawshake.report import Outcome
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End

#: So many kinds are told apart, and of as many the first exchange is kept; others only count, by their outcome.
KINDS: Final = 64


@dataclass(slots=True)
class OfKind:
    """The exchanges of one kind: how many, the number of the first, and what it was."""

    kind: Kind
    first: int
    result: Result
    count: int = 0


@dataclass(slots=True)
class OfFinding:
    """A rule that was broken by an end in one field: how often, and how it was the first time."""

    ruling: Ruling
    first: int
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run as far as it came: what was asked for, how long it took in ns, and what it came to.

    ``lost`` is how many packets passed unseen.
    """

    command: str
    client: str
    server: tuple[str, int]
    wanted: int
    jobs: int
    took: int
    tally: Tally
    lost: int = 0


@dataclass(slots=True)
class Tally:
    """Grows with the number of kinds, and not with that of exchanges."""

    kinds: dict[Kind, OfKind] = field(default_factory=dict)
    findings: dict[tuple[str, Verdict, End, str], OfFinding] = field(default_factory=dict)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    #: rules that were exercised and held in at least one exchange
    held: set[str] = field(default_factory=set)
    handshake: Times = field(default_factory=Times)
    teardown: Times = field(default_factory=Times)
    count: int = 0
    #: in how many the server broke a rule
    broken: int = 0
    #: of how many kinds beyond KINDS only the outcomes are known
    untold: Counter[Outcome] = field(default_factory=Counter)
    #: how many a session of their own had
    by_session: int = 0

    def add(self, result: Result, number: int, count: int = 1) -> None:
        """Count exchanges that came to the same; ``number`` is the first one's. Their times are added apart."""
        self.count += count
        self.outcomes[result.kind.outcome] += count
        self.broken += count * result.broken_by_peer
        self.held |= result.held
        kind = self.kinds.get(result.kind)
        if kind is None and len(self.kinds) < KINDS:
            kind = self.kinds[result.kind] = OfKind(result.kind, number, result)
        if kind is None:
            self.untold[result.kind.outcome] += count
        else:
            kind.count += count
            if number < kind.first:
                kind.first, kind.result = number, result
        for ruling in result.findings:
            self.find(ruling, number, count)

    def find(self, ruling: Ruling, number: int, count: int = 1) -> None:
        """Count a finding."""
        key = ruling.rule, ruling.verdict, ruling.end, ruling.field
        found = self.findings.get(key)
        if found is None:
            found = self.findings[key] = OfFinding(ruling, number)
        elif number < found.first:
            found.ruling, found.first = ruling, number
        found.count += count

    @property
    def usual(self) -> OfKind | None:
        """The kind of most exchanges."""
        return max(self.kinds.values(), key=lambda one: one.count, default=None)
