"""Shows each step to the rules and keeps what they say: one breach, one finding."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final, NamedTuple, cast

from rawshake.rules.model import (
    CaptureCheck,
    ExchangeCheck,
    Outcome,
    Rule,
    Scope,
    StepCheck,
    Vantage,
    Verdict,
    undecidable,
)
from rawshake.rules.opening import Opening, Others
from rawshake.tcp.segment import Checksum
from rawshake.tcp.view import End, Fate, Step
from rawshake.vantage import infer

#: So many rulings on a whole exchange are made in one go.
RULINGS_AT_ONCE: Final = 500
#: The verdicts that charge an end with something.
CHARGES: Final = frozenset({Verdict.FAIL, Verdict.WARN, Verdict.NOTE})


class Ruling(NamedTuple):
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
        return not self.consequence and self.verdict in CHARGES


def ruled(
    entry: Rule, outcome: Outcome, end: End, step: int, *, consequence: bool = False, ours: bool = False
) -> Ruling:
    """What the rule said of the step of that number."""
    field, sentence, verdict, expected, actual, _, _ = outcome
    if verdict is None:
        verdict = entry.level.when_broken
    return Ruling(
        entry.id, entry.cite, step, end, field, verdict, sentence, expected, actual, consequence, ours
    )


class Judge:
    """Judges one connection by ``rules``, in their order; ``ours`` is the end that rawshake plays, if any.

    ``vantage`` is where the tap sat; if None that is told from what it saw, once all is seen.

    A breach charges a cell: a step, an end, a field. What else is said against that cell is a consequence, and
    so is every later breach of that end in that field, until the field is judged right again.
    """

    def __init__(
        self, rules: Sequence[Rule], *, ours: End | None = None, vantage: Vantage | None = None
    ) -> None:
        self._ours = ours
        self._vantage = vantage
        self._step_rules = [
            (entry, cast(StepCheck, entry.check)) for entry in rules if entry.scope is Scope.STEP
        ]
        # RFC 9293 MUST-3: what is corrupt has no effect at all, so its numbers break nothing.
        self._corrupt_rules = [(entry, check) for entry, check in self._step_rules if entry.corrupt]
        self._exchange_rules = [entry for entry in rules if entry.scope is Scope.EXCHANGE]
        self._charged: set[tuple[int, End, str]] = set()
        # Numbers of steps, in order. A note shadows only notes of its own rule, which is the third in the key.
        self._breaches: dict[tuple[End, str, str], list[int]] = {}
        self._right: dict[tuple[End, str], list[int]] = {}

    def step(self, step: Step) -> tuple[Ruling, ...]:
        """What the step rules say of this segment, at once; a copy was judged when it was sent."""
        rulings: list[Ruling] = []
        if step.copy:
            return ()
        corrupt = step.segment.checksum is Checksum.WRONG
        for entry, check in self._corrupt_rules if corrupt else self._step_rules:
            outcome = check(step)
            if outcome is not None:
                rulings.append(self._rule(entry, outcome, step))
        self._note_right(rulings, step.number)
        return tuple(rulings)

    def exchange(self, steps: Sequence[Step], *, disturbed: bool = False) -> tuple[Ruling, ...]:
        """What the exchange rules say of the whole. It may go on, and be judged as a whole once more.

        ``disturbed`` says that ICMP errors came in between. Segments that rawshake held back disturb, too.
        """
        return tuple(chain.from_iterable(self.exchange_by_rule(steps, disturbed=disturbed)))

    def exchange_by_rule(
        self, steps: Sequence[Step], *, disturbed: bool = False
    ) -> Iterator[tuple[Ruling, ...]]:
        """The same in pieces, of one rule each, for whoever has other things to do in between."""
        kept = set(self._charged), {key: list(numbers) for key, numbers in self._breaches.items()}
        vantage = self._vantage
        # Whoever goes on after its SYN has heard of the other end.
        answered = {step.receiver for step in steps if not (step.segment.syn or step.segment.rst)}
        unseen = answered - {step.sender for step in steps}
        lived = {end: _lived(end, steps) for end in End} if any(step.copy for step in steps) else {}
        why = "ICMP errors" if disturbed else "what rawshake did to segments" if lived else ""
        for entry in self._exchange_rules:
            rulings: list[Ruling] = []
            for outcome in _outcomes(cast(ExchangeCheck, entry.check), steps, lived):
                at = steps[(outcome.step or len(steps)) - 1]
                if entry.near and vantage is None:
                    vantage = infer(steps)
                end = outcome.end or at.sender
                if entry.near and end.other in unseen:
                    outcome = undecidable(
                        outcome.field, f"nothing of the {end.other} was seen", end=end, step=outcome.step
                    )
                decided = _decided(entry, outcome, end, vantage, why)
                rulings.append(self._rule(entry, decided, at))
                if len(rulings) == RULINGS_AT_ONCE:
                    yield tuple(rulings)
                    rulings = []
            yield tuple(rulings)
        self._charged, self._breaches = kept

    def _rule(self, entry: Rule, outcome: Outcome, step: Step) -> Ruling:
        verdict = entry.level.when_broken if outcome.verdict is None else outcome.verdict
        end = outcome.end or step.sender
        follows = verdict in CHARGES and self._charge(entry.id, verdict, step.number, end, outcome.field)
        ours = end is self._ours
        return ruled(entry, outcome, end, step.number, consequence=follows, ours=ours)

    def _charge(self, name: str, verdict: Verdict, number: int, end: End, field: str) -> bool:
        """Charge the cell; whether the breach follows from one that is known."""
        key = (end, field, name if verdict is Verdict.NOTE else "")
        cell = (number, end, field)
        follows = cell in self._charged or self._open((end, field, ""), number) or self._open(key, number)
        self._charged.add(cell)
        insort(self._breaches.setdefault(key, []), number)
        return follows

    def _open(self, key: tuple[End, str, str], number: int) -> bool:
        """Whether there was such a breach before that step, and nothing right in between."""
        breaches = self._breaches.get(key, ())
        before = bisect_left(breaches, number)
        if not before:
            return False
        right = self._right.get(key[:2], ())
        after = bisect_right(right, breaches[before - 1])
        return after == len(right) or right[after] > number

    def _note_right(self, rulings: Sequence[Ruling], number: int) -> None:
        for ruling in rulings:
            if ruling.verdict is not Verdict.PASS:
                continue
            end, field = ruling.end, ruling.field
            if self._charged and (number, end, field) in self._charged:
                continue
            numbers = self._right.setdefault((end, field), [])
            if not numbers or numbers[-1] != number:
                numbers.append(number)


def _lived(end: End, steps: Sequence[Step]) -> list[Step]:
    """The exchange as ``end`` lived it, where rawshake held segments back, or doubled them: what it sent was sent then
    and once, whatever became of it, and only what was sent to it arrived late, or twice.
    """
    return [
        replace(step, fate=Fate.PASSED) if step.sender is end and step.fate is Fate.LOST else step
        for step in steps
        if not (step.copy and step.sender is end)
    ]


def _outcomes(
    check: ExchangeCheck, steps: Sequence[Step], lived: Mapping[End, Sequence[Step]]
) -> Iterator[Outcome]:
    """What a rule says of the exchange; of each end by what that has ``lived``, if the two differ in that."""
    if not lived:
        yield from check(steps)
    for end, own in lived.items():
        for outcome in check(own):
            at = steps[(outcome.step or len(steps)) - 1]
            if (outcome.end or at.sender) is end:
                yield outcome


def _decided(entry: Rule, outcome: Outcome, end: End, vantage: Vantage | None, disturbance: str) -> Outcome:
    """The outcome, or undecidable where the tap could not see what the rule needs, or for a ``disturbance``."""
    if entry.near and vantage is not None and not vantage.near(end):
        return undecidable(outcome.field, f"the tap was not near the {end}", end=end, step=outcome.step)
    if entry.undisturbed and disturbance and outcome.verdict is not Verdict.PASS:
        return undecidable(outcome.field, f"{disturbance} may have led to it", end=end, step=outcome.step)
    return outcome


#: Of so many hosts it is remembered that a rule has charged them.
CHARGED: Final = 4096


class CaptureJudge:
    """Judges how connections were opened beside all others of the capture, in bounded memory.

    A host is charged once by a rule; what the rule says of its later connections is a consequence.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [
            (entry, cast(CaptureCheck, entry.check)) for entry in rules if entry.scope is Scope.CAPTURE
        ]
        self._others = Others()
        self._charged: OrderedDict[tuple[str, str, Verdict], None] = OrderedDict()

    def connection(self, openings: Sequence[Opening]) -> tuple[Ruling, ...]:
        """What there is to say of the ends of one connection that is over, beside those that were over before."""
        return tuple(self.ruling(*one) for one in self.outcomes(openings))

    def outcomes(
        self, openings: Sequence[Opening], others: Others | None = None
    ) -> list[tuple[Rule, Outcome, Opening]]:
        """The same, before it is put into words; ``ruling`` does so, in this order and once for each.

        Whoever remembers ``others`` elsewhere gives those that were over before.
        """
        found = [
            (entry, outcome, opening)
            for opening in openings
            for entry, check in self._rules
            for outcome in check(opening, self._others if others is None else others)
        ]
        if self._rules and others is None:
            for opening in openings:
                self._others.add(opening)
        return found

    def ruling(self, entry: Rule, outcome: Outcome, opening: Opening) -> Ruling:
        """What there is to say of an outcome."""
        verdict = entry.level.when_broken if outcome.verdict is None else outcome.verdict
        consequence = verdict in CHARGES and self._known((entry.id, opening.here[0], verdict))
        return ruled(entry, outcome, opening.end, outcome.step or opening.step, consequence=consequence)

    def _known(self, key: tuple[str, str, Verdict]) -> bool:
        known = key in self._charged
        self._charged[key] = None
        self._charged.move_to_end(key)
        if len(self._charged) > CHARGED:
            self._charged.popitem(last=False)
        return known
