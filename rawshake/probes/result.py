"""What became of a probe: its attempts, each with what was expected and what came, and the verdict over all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rawshake.probes.cell import Played
from rawshake.probes.model import Check, Probe, gravest
from rawshake.report import Exchange
from rawshake.rules.model import Verdict

#: Verdicts after which a probe is tried once more on a fresh connection.
AGAIN = frozenset({Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a probe. ``silent`` says that what failed is only that nothing came, which a lost segment explains.

    ``checks`` are in the order in which they were made, ``began`` and ``ended`` ns since the epoch. ``played`` is
    what a cell of the grid came to.
    """

    verdict: Verdict
    checks: tuple[Check, ...]
    exchanges: tuple[Exchange, ...] = ()
    began: int = 0
    ended: int = 0
    silent: bool = False
    played: Played | None = None

    @property
    def seconds(self) -> float:
        return (self.ended - self.began) / 1e9


@dataclass(frozen=True, slots=True)
class Result:
    """A probe's verdict. ``attempts`` are empty where it was never run, and then ``reason`` says why."""

    probe: Probe
    verdict: Verdict
    attempts: tuple[Attempt, ...] = ()
    reason: str = ""

    @property
    def deciding(self) -> Attempt | None:
        """The attempt that shows what the verdict says: the last of those with it."""
        fitting = [one for one in self.attempts if one.verdict is self.verdict] or self.attempts
        return fitting[-1] if fitting else None

    @property
    def seconds(self) -> float:
        """How long its attempts took, together."""
        return sum(one.seconds for one in self.attempts)

    @property
    def failed(self) -> int:
        """How many attempts came to something to be tried again."""
        return sum(one.verdict in AGAIN for one in self.attempts)

    @property
    def telling(self) -> tuple[Check, ...]:
        """The checks of the deciding attempt that are more than a PASS."""
        found = self.deciding
        return () if found is None else tuple(one for one in found.checks if one.verdict is not Verdict.PASS)


def verdict_of(checks: Sequence[Check]) -> Verdict:
    """What an attempt comes to."""
    return gravest(*(one.verdict for one in checks))


def decide(probe: Probe, attempts: Sequence[Attempt]) -> Result:
    """The verdict over all attempts.

    A lost reply is never a FAIL by itself: where another attempt went well, what only silence spoke against is
    forgotten. Where something wrong came once and not again, it is INCONCLUSIVE.
    """
    good = [one for one in attempts if one.verdict not in AGAIN]
    bad = [one for one in attempts if one.verdict in AGAIN]
    wrong = [one for one in bad if not one.silent and one.verdict is not Verdict.INCONCLUSIVE]
    if good and wrong:
        reason = f"failed {len(wrong)} of {len(attempts)} times"
        return Result(probe, Verdict.INCONCLUSIVE, tuple(attempts), reason)
    if good:
        verdict = gravest(*(one.verdict for one in good))
        left = [check.what for one in good for check in one.checks if check.verdict is Verdict.SKIPPED]
        return Result(probe, verdict, tuple(attempts), left[0] if left else "")
    told = [one for one in bad if one.verdict is not Verdict.INCONCLUSIVE]
    if told and len(told) == len(bad):
        return Result(probe, gravest(*(one.verdict for one in told)), tuple(attempts))
    reason = next((check.sentence for one in bad for check in one.checks if check.verdict is one.verdict), "")
    return Result(probe, Verdict.INCONCLUSIVE, tuple(attempts), reason)


def unfinished(probe: Probe, attempts: Sequence[Attempt], reason: str) -> Result:
    """The verdict where no more can be tried: what was answered wrongly is not undone by it."""
    if any(one.verdict in (Verdict.FAIL, Verdict.WARN) and not one.silent for one in attempts):
        return decide(probe, attempts)
    return Result(probe, Verdict.INCONCLUSIVE, tuple(attempts), reason)


def enough(attempts: Sequence[Attempt], repeat: int) -> bool:
    """Whether no further attempt is needed: one went well and nothing wrong came, or it was repeated often enough."""
    if len(attempts) > repeat:
        return True
    if not attempts or attempts[-1].verdict in AGAIN:
        return False
    return all(one.silent or one.verdict is Verdict.INCONCLUSIVE for one in attempts[:-1])
