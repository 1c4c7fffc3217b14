"""What ``verify`` found as a page: all that did not pass, the grid, every probe with its ladder, RFC 9293's labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.html import ladder
from rawshake.html.heatmap import columns, lettered, rows, voids
from rawshake.html.palette import SIGNS
from rawshake.html.probes import clauses, detail, sentences, took
from rawshake.html.shell import document, pack
from rawshake.probes.gridprobes import CHAPTER
from rawshake.probes.labels import LABELS, Cover, Label, cover
from rawshake.probes.model import Probe
from rawshake.probes.result import Result
from rawshake.render.alike import TOLD, braced, groups
from rawshake.render.junit import timestamp
from rawshake.render.text import plural
from rawshake.render.verified import Run
from rawshake.rules.model import Verdict

#: Details that are compressed together.
_BATCH: Final = 24


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter's results with their numbers in the whole, and their counts."""

    name: str
    results: tuple[tuple[int, Result], ...]
    counts: Counter[Verdict]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen where more than one thing is right: the sentence, and the probes that showed it."""

    sentence: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Covered:
    """A label of RFC 9293, who sees to it, and to what that came in this run: None where it was not run."""

    label: Label
    cover: Cover
    names: tuple[tuple[str, Verdict | None], ...]


def page(run: Run, report: str, probes: Sequence[Probe], rules: Collection[str]) -> str:
    """The page; ``report`` is the run as JSON, ``probes`` the catalogue and ``rules`` the ids of the rule book."""
    results = run.results
    cells = [one for one in results if one.probe.chapter == CHAPTER]
    verdicts = {one.probe.id: one.verdict for one in results}
    letters, signs = lettered(
        {
            one.probe.id: [check.sentence for check in one.telling if check.sentence]
            for one in cells
            if one.verdict is Verdict.NOTE
        }
    )
    covered = [_covered(label, probes, rules, verdicts) for label in LABELS]
    began = min((attempt.began for one in results for attempt in one.attempts), default=0)
    return document(
        "verify.html",
        title=f"TCP of {run.target}",
        css=(*ladder.CSS, "verdicts.css", "heatmap.css", "verify.css"),
        js=(*ladder.JS, "filter.js", "heatmap.js", "verify.js"),
        data={"probes": [_sought(one) for one in results]},
        packed=[
            pack("details", (detail(one, run.again(one.probe.id)) for one in results), size=_BATCH),
            pack("report", [report]),
        ],
        run=run,
        date=timestamp(began).replace("T", " ") if began else "",
        total=plural(len(results), "probe"),
        rate=_rate(run),
        verdicts=[verdict for verdict in Verdict if run.counts[verdict]],
        chapters=list(_chapters(results)),
        groups=[group for verdict in TOLD for group in groups(results, verdict)],
        numbers={one.probe.id: number for number, one in enumerate(results)},
        choices=list(_choices(results)),
        columns=columns(),
        rows=rows(verdicts, signs) if cells else (),
        voids=voids(),
        letters=letters,
        labels=covered,
        covers=list(Cover),
        signs=SIGNS,
        counts=Counter(one.cover for one in covered),
        # functions for the template
        braced=braced,
        names_of=lambda alike: [one.probe.id for one in alike],
        clauses=clauses,
        plural=plural,
        sentences=sentences,
        took=took,
    )


def _rate(run: Run) -> str:
    done = len(run.results) - run.counts[Verdict.SKIPPED]
    return f"{done / run.seconds:.0f} a second" if run.seconds else ""


def _sought(result: Result) -> list[object]:
    """What a filter looks at: id, chapter, verdict, the words; and what is told of it."""
    probe = result.probe
    told = sentences(result)
    words = [probe.id, probe.summary, clauses(probe), *probe.scenarios, *told]
    return [probe.id, probe.chapter, result.verdict.value, " ".join(words).lower(), list(told)]


def _chapters(results: Sequence[Result]) -> Iterator[Chapter]:
    for name in dict.fromkeys(one.probe.chapter for one in results):
        found = [(number, one) for number, one in enumerate(results) if one.probe.chapter == name]
        yield Chapter(name, tuple(found), Counter(one.verdict for _, one in found))


def _choices(results: Sequence[Result]) -> Iterator[Choice]:
    found: dict[str, dict[str, None]] = {}
    for one in results:
        if one.verdict is Verdict.NOTE:
            for check in one.telling:
                found.setdefault(check.sentence or check.what, {})[one.probe.id] = None
    for sentence, names in sorted(found.items(), key=lambda item: -len(item[1])):
        yield Choice(sentence, tuple(names))


def _covered(
    label: Label, probes: Sequence[Probe], rules: Collection[str], verdicts: Mapping[str, Verdict]
) -> Covered:
    kind, names = cover(label, probes, rules)
    return Covered(label, kind, tuple((name, verdicts.get(name)) for name in names))
