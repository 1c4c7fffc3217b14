"""What a team has written down of its target: ``probe = verdict`` lines; what differs from them is what counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rawshake.errors import Exit, Failure
from rawshake.probes.result import Result
from rawshake.rules.model import Verdict

#: What an unlisted probe may come to.
FINE = frozenset({Verdict.PASS, Verdict.NOTE, Verdict.SKIPPED})


@dataclass(frozen=True, slots=True)
class Change:
    """A probe that came to something else than was expected; ``expected`` None if it is not listed."""

    probe: str
    expected: Verdict | None
    actual: Verdict


def read(text: str, known: Iterable[str], *, name: str) -> dict[str, Verdict]:
    """The lines of the file ``name``: ``#`` begins a comment. Raises ``Failure`` with USAGE and the line's number."""
    ids = set(known)
    found: dict[str, Verdict] = {}
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("#")[0].strip()
        if not said:
            continue
        probe, equals, verdict = (part.strip() for part in said.partition("="))
        where = f"{name}, line {number}"
        if not equals or verdict not in Verdict.__members__:
            verdicts = ", ".join(Verdict.__members__)
            raise Failure(
                Exit.USAGE, f"{where}: {said!r} is not PROBE = VERDICT.", f"Verdicts are {verdicts}."
            )
        if probe not in ids:
            raise Failure(Exit.USAGE, f"{where}: no probe is called {probe!r}.", "See 'rawshake probes'.")
        if probe in found:
            raise Failure(Exit.USAGE, f"{where}: {probe!r} stands there twice.", "Leave one of them.")
        found[probe] = Verdict(verdict)
    return found


def compare(
    results: Sequence[Result], expected: Mapping[str, Verdict]
) -> tuple[tuple[Result, ...], tuple[Change, ...]]:
    """The results, where KNOWN stands for what was expected and is not fine; and what has changed."""
    told, changes = [], []
    for one in results:
        wanted = expected.get(one.probe.id)
        if one.verdict is wanted or (wanted is None and one.verdict in FINE):
            told.append(one if one.verdict in FINE else replace(one, verdict=Verdict.KNOWN))
            continue
        told.append(one)
        if one.verdict is not Verdict.SKIPPED:
            changes.append(Change(one.probe.id, wanted, one.verdict))
    return tuple(told), tuple(changes)
