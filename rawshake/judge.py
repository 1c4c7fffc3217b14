"""Shows each step to the rules and keeps what they say: one breach, one finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from rawshake.rules.model import ExchangeCheck, Outcome, Rule, Scope, StepCheck, Verdict
from rawshake.tcp.segment import Checksum
from rawshake.tcp.view import End, Step


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one rule said of one segment. ``consequence`` marks a breach that follows from an earlier one of
    the same end in the same field, or whose cell was charged already: it is shown, and not counted.
    """

    rule: str
    cite: str
    step: int
    end: End
    field: str
    verdict: Verdict
    sentence: str
    expected: str = ""
    actual: str = ""
    consequence: bool = False
    #: the end charged is rawshake itself
    ours: bool = False

    @property
    def is_finding(self) -> bool:
        """Whether it counts as a breach, a warning or a note."""
        return not self.consequence and self.verdict in (Verdict.FAIL, Verdict.WARN, Verdict.NOTE)


class Judge:
    """Judges one connection by ``rules``, in their order; ``ours`` is the end that rawshake plays, if any."""

    def __init__(self, rules: Sequence[Rule], *, ours: End | None = None) -> None:
        self._ours = ours
        self._step_rules = [entry for entry in rules if entry.scope is Scope.STEP]
        self._exchange_rules = [entry for entry in rules if entry.scope is Scope.EXCHANGE]
        self._charged: set[tuple[int, End, str]] = set()
        self._open: dict[tuple[End, str], int] = {}

    def step(self, step: Step) -> tuple[Ruling, ...]:
        """What the step rules say of this segment, at once."""
        rulings = []
        corrupt = step.segment.checksum is Checksum.WRONG
        for entry in self._step_rules:
            if corrupt and not entry.corrupt:
                continue  # RFC 9293 MUST-3: it has no effect at all, so its numbers break nothing
            outcome = cast(StepCheck, entry.check)(step)
            if outcome is not None:
                rulings.append(self._rule(entry, outcome, step))
        self._settle(rulings, step.number)
        return tuple(rulings)

    def exchange(self, steps: Sequence[Step]) -> tuple[Ruling, ...]:
        """What the exchange rules say of the whole, once it has ended."""
        rulings = []
        kept = set(self._charged), dict(self._open)
        for entry in self._exchange_rules:
            for outcome in cast(ExchangeCheck, entry.check)(steps):
                at = steps[(outcome.step or len(steps)) - 1]
                rulings.append(self._rule(entry, outcome, at))
        # The exchange may go on, and be judged as a whole once more.
        self._charged, self._open = kept
        return tuple(rulings)

    def _rule(self, entry: Rule, outcome: Outcome, step: Step) -> Ruling:
        verdict = entry.level.when_broken if outcome.verdict is None else outcome.verdict
        end = outcome.end or step.sender
        consequence = False
        if verdict in (Verdict.FAIL, Verdict.WARN, Verdict.NOTE):
            cell = (step.number, end, outcome.field)
            consequence = cell in self._charged or (end, outcome.field) in self._open
            self._charged.add(cell)
            if verdict is not Verdict.NOTE:
                self._open.setdefault((end, outcome.field), step.number)
        return Ruling(
            rule=entry.id,
            cite=entry.cite,
            step=step.number,
            end=end,
            field=outcome.field,
            verdict=verdict,
            sentence=outcome.sentence,
            expected=outcome.expected,
            actual=outcome.actual,
            consequence=consequence,
            ours=end is self._ours,
        )

    def _settle(self, rulings: Sequence[Ruling], number: int) -> None:
        """A field that is judged right again closes the breach: what follows is no consequence of it."""
        for ruling in rulings:
            cell = (ruling.end, ruling.field)
            earlier = self._open.get(cell, number) < number
            if ruling.verdict is Verdict.PASS and earlier and (number, *cell) not in self._charged:
                del self._open[cell]
