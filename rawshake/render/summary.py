"""What a whole capture comes to: counted while its connections pass, in memory that does not grow with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from rawshake.connection import Alike, Connection, Ended, Found, Opened
from rawshake.rules.model import Verdict

#: How many occurrences of a finding are kept for each rule; all are counted.
KEPT: Final = 20
#: How many different reasons are told apart for each rule; their sentences may hold numbers.
REASONS: Final = 50
#: So many different sets of rules are counted as such, before they are counted rule by rule.
SETS: Final = 256
OTHER_REASONS: Final = "other reasons"

#: What counts as a finding, the gravest first.
SEVERITY: Final = (Verdict.FAIL, Verdict.WARN, Verdict.NOTE)


@dataclass(slots=True)
class OfRule:
    """What became of one rule: in how many connections it held or was broken, and how often it was undecided.

    ``found`` counts findings by verdict; ``first`` has the first KEPT of them with their connections.
    """

    held: int = 0
    connections: int = 0
    found: Counter[Verdict] = field(default_factory=Counter)
    first: list[tuple[Connection, Found]] = field(default_factory=list)
    undecided: Counter[str] = field(default_factory=Counter)

    @property
    def worst(self) -> Verdict | None:
        """The gravest verdict found."""
        return next((verdict for verdict in SEVERITY if self.found[verdict]), None)


@dataclass(slots=True)
class Summary:
    """One capture: what was read, what its connections come to, and what was not judged and why.

    ``ended`` leaves out connections that never came about. ``left_out`` counts frames by the reason for which they
    tell nothing of a connection; ``cut`` those of which the capture has only the beginning. ``damage`` is one
    sentence, ``damage_at`` the offset in octets that it names.
    """

    file: str
    frames: int = 0
    segments: int = 0
    copies: int = 0
    icmp: int = 0
    evicted: int = 0
    cut: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    damage: str = ""
    damage_at: int = 0
    connections: int = 0
    opened: Counter[Opened] = field(default_factory=Counter)
    ended: Counter[Ended] = field(default_factory=Counter)
    one_sided: int = 0
    first_time: int | None = None
    last_time: int | None = None
    remarks: Counter[str] = field(default_factory=Counter)
    _rules: dict[str, OfRule] = field(default_factory=dict)
    #: how many connections held just these rules, which few sets of rules are, and how many left undecided just
    #: this, by the identity of what says so; not yet counted for each rule
    _held: Counter[frozenset[str]] = field(default_factory=Counter)
    _alike: dict[int, tuple[Counter[tuple[str, str]], int]] = field(default_factory=dict)

    def add(self, connection: Connection) -> None:
        """Count a connection."""
        facts = connection.facts
        self.connections += 1
        self.opened[facts.opened] += 1
        if facts.opened not in (Opened.REFUSED, Opened.NO_ANSWER):
            self.ended[facts.ended] += 1
        self.one_sided += is_one_sided(connection)
        self._span(facts.first_time, facts.last_time)
        self._held[connection.held] += 1
        if connection.undecidable:
            key = id(connection.undecidable)
            known = self._alike.get(key)
            self._alike[key] = connection.undecidable, known[1] + 1 if known else 1
        if len(self._held) > SETS or len(self._alike) > SETS:
            self._count()
        for remark in connection.remarks:
            if remark in self.remarks or len(self.remarks) < REASONS:
                self.remarks[remark] += 1
        for name in {found.ruling.rule for found in connection.findings}:
            self.rule(name).connections += 1
        for found in connection.findings:
            of_rule = self.rule(found.ruling.rule)
            of_rule.found[found.ruling.verdict] += 1
            if len(of_rule.first) < KEPT:
                of_rule.first.append((connection, found))

    def add_alike(self, alike: Alike) -> None:
        """Count many connections at once."""
        self.connections += alike.connections
        self.opened[Opened.COMPLETE] += alike.connections
        self.ended[alike.ended] += alike.connections
        self._span(alike.first_time, alike.last_time)
        for name in alike.held:
            self.rule(name).held += alike.connections
        self._undecided(alike.undecidable, 1)

    @property
    def rules(self) -> dict[str, OfRule]:
        """What became of each rule that had anything to say."""
        self._count()
        return self._rules

    def rule(self, name: str) -> OfRule:
        """What became of the rule of that id."""
        found = self._rules.get(name)
        if found is None:
            found = self._rules[name] = OfRule()
        return found

    def _count(self) -> None:
        """Count for each rule what was counted for many at a time."""
        for names, times in self._held.items():
            for name in names:
                self.rule(name).held += times
        self._held.clear()
        for reasons, times in self._alike.values():
            self._undecided(reasons, times)
        self._alike.clear()

    def _undecided(self, reasons: Counter[tuple[str, str]], times: int) -> None:
        for (name, reason), count in reasons.items():
            undecided = self.rule(name).undecided
            known = reason in undecided or len(undecided) < REASONS
            undecided[reason if known else OTHER_REASONS] += count * times

    def count(self, verdict: Verdict) -> int:
        """How many findings have that verdict."""
        return sum(of_rule.found[verdict] for of_rule in self.rules.values())

    @property
    def held(self) -> int:
        """How many rules were exercised and never broken, neither a MUST nor a SHOULD."""
        return sum(bool(one.held) and one.worst in (None, Verdict.NOTE) for one in self.rules.values())

    @property
    def undecided(self) -> dict[str, tuple[int, list[str]]]:
        """Each reason for which rules could not decide: how often, and which rules."""
        reasons: dict[str, tuple[int, list[str]]] = {}
        for name, of_rule in sorted(self.rules.items()):
            for reason, count in of_rule.undecided.items():
                before, names = reasons.get(reason, (0, []))
                reasons[reason] = before + count, [*names, name]
        return dict(sorted(reasons.items(), key=lambda one: (-one[1][0], one[0])))

    def _span(self, first: int | None, last: int | None) -> None:
        if first is not None and (self.first_time is None or first < self.first_time):
            self.first_time = first
        if last is not None and (self.last_time is None or last > self.last_time):
            self.last_time = last


def merged(summaries: Iterable[Summary]) -> Summary:
    """What several captures come to together; it names no file, and no damage."""
    whole = Summary("")
    for one in summaries:
        for name in ("frames", "segments", "copies", "icmp", "evicted", "cut", "connections", "one_sided"):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
        whole.left_out += one.left_out
        whole.opened += one.opened
        whole.ended += one.ended
        whole.remarks += one.remarks
        whole._span(one.first_time, one.last_time)
        for name, of_rule in one.rules.items():
            mine = whole.rule(name)
            mine.held += of_rule.held
            mine.connections += of_rule.connections
            mine.found += of_rule.found
            mine.undecided += of_rule.undecided
            mine.first = (mine.first + of_rule.first)[:KEPT]
    return whole


def is_one_sided(connection: Connection) -> bool:
    """Whether one end was not seen to send anything though the other must have heard from it."""
    facts = connection.facts
    silent = [end for end in (facts.client, facts.server) if not end.segments]
    return bool(silent) and facts.opened is not Opened.NO_ANSWER and facts.segments > 1


def at_least(verdict: Verdict, floor: Verdict) -> bool:
    """Whether a verdict is a finding as grave as ``floor``, or graver."""
    return verdict in SEVERITY and SEVERITY.index(verdict) <= SEVERITY.index(floor)
