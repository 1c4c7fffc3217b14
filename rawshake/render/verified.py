"""What ``verify`` found, on a screen that can be read in a minute: chapters, counts, and all that did not pass."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.probes.gridprobes import CHAPTER
from rawshake.probes.model import Check, Probe
from rawshake.probes.result import Result
from rawshake.render import style
from rawshake.render.findings import cite_text, glued
from rawshake.render.options import Options
from rawshake.render.style import OF_VERDICT, Span, paint
from rawshake.render.text import plural, safe, wrap
from rawshake.rules.model import Verdict

#: In the order in which they are told.
TOLD: Final = (Verdict.ERROR, Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE)
_COLUMNS: Final = (Verdict.PASS, Verdict.KNOWN, Verdict.NOTE, Verdict.WARN, Verdict.FAIL)
#: So many that tell different things are told in full; the others are named.
FEW: Final = 12
_INDENT: Final = 2
_NUMBER: Final = re.compile(r"(?<!WAIT-)\d+")


@dataclass(frozen=True, slots=True)
class Run:
    """A run of ``verify``: ``target`` as the user wrote it, the results, and what the run took.

    ``again`` gives the words that run a probe again. ``seconds`` is wall time, ``processor`` that of our process;
    ``distress`` is how often the target did not serve meanwhile, ``jobs`` how many ran at once in the end.
    """

    target: str
    results: tuple[Result, ...]
    seconds: float
    again: Callable[[str], str]
    jobs: int = 0
    distress: int = 0
    interrupted: bool = False
    processor: float = 0.0

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(one.verdict for one in self.results)


def screen(run: Run, options: Options) -> str:
    """The whole screen; with ``verbose`` all that passed is listed, too."""
    lines: list[list[Span]] = [*_chapters(run.results), []]
    for verdict in TOLD:
        lines += _told(verdict, run, options)
    lines += _notes(run.results, options)
    lines += _skipped(run.results, options)
    if options.verbose:
        lines += _passed(run.results)
    lines += _times(run, options)
    return _join(lines, options) + verdict_line(run, options) + "\n"


def verdict_line(run: Run, options: Options) -> str:
    """The last line: how many of what, and how fast."""
    counts = run.counts
    grave = counts[Verdict.FAIL] + counts[Verdict.ERROR]
    told = [f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]]
    done = sum(counts.values()) - counts[Verdict.SKIPPED]
    speed = f"{done / run.seconds:.0f} a second" if run.seconds else ""
    text = f"{run.target}: {plural(done, 'probe')} in {run.seconds:.1f} s, {speed}: {', '.join(told) or 'nothing'}"
    if run.interrupted:
        text += "; interrupted"
    if run.distress:
        text += f"; {plural(run.distress, 'time')} it did not serve, {plural(run.jobs, 'job')} at last"
    colour = style.BOLD_RED if grave else style.BOLD_GREEN
    rows = wrap(safe(text, ascii_only=options.ascii), options.columns, indent=_INDENT)
    return "\n".join(paint([Span(row, colour)], colour=options.colour) for row in rows)


def _told(verdict: Verdict, run: Run, options: Options) -> Iterator[list[Span]]:
    """All of that verdict: the first of those that tell the same in full, with the names of the others."""
    found = [one for one in run.results if one.verdict is verdict]
    if options.verbose:
        for one in found:
            yield from (*_result(one, run, options), [])
        return
    groups: dict[object, list[Result]] = {}
    for one in found:
        groups.setdefault(_alike(one), []).append(one)
    every = list(groups.values())
    for first, *others in every[:FEW]:
        yield from _result(first, run, options)
        if others:
            yield from _indented(f"The same: {_names([one.probe for one in others], options)}.", options)
        yield []
    rest = [one for group in every[FEW:] for one in group]
    if rest:
        yield [Span(f"and {len(rest)} more {verdict}; all of them with -v:", style.DIM)]
        names = ", ".join(glued(one.probe.id) for one in rest)
        yield from ([Span(f"      {row}", style.DIM)] for row in wrap(names, options.columns - 6))
        yield []


def _alike(result: Result) -> object:
    """What cells of the grid have in common that fail in one way, whatever the numbers; another probe is like none."""
    if result.probe.chapter != CHAPTER or not result.telling:
        return result.probe.id
    return tuple(
        (one.field, *(_NUMBER.sub("#", side) for side in (one.expected, one.actual)))
        for one in result.telling
    )


def _times(run: Run, options: Options) -> Iterator[list[Span]]:
    """What the time went to."""
    waited = sum(one.seconds for one in run.results)
    longest = max(run.results, key=lambda one: one.seconds, default=None)
    if longest is None or not run.seconds:
        return
    text = f"The probes took {waited:.0f} s in all, {waited / run.seconds:.0f} at once on the whole"
    if run.processor:
        text += f"; {run.processor:.1f} s of that were this machine's, the rest was waiting"
    text += f". The longest was {longest.probe.id}, {longest.seconds:.1f} s."
    yield from ([Span(row, style.DIM)] for row in wrap(text, options.columns, indent=_INDENT))
    yield []


def _chapters(results: Sequence[Result]) -> Iterator[list[Span]]:
    names = list(dict.fromkeys(one.probe.chapter for one in results))
    width = max([len("chapter"), *map(len, names)])
    shown = [verdict for verdict in _COLUMNS if any(one.verdict is verdict for one in results)]
    others = [verdict for verdict in Verdict if verdict not in _COLUMNS]
    head = f"{'chapter':{width}}" + "".join(f"{verdict!s:>7}" for verdict in shown)
    yield [Span(head, style.DIM)]
    for name in names:
        counts = Counter(one.verdict for one in results if one.probe.chapter == name)
        line = [Span(f"{name:{width}}")]
        line += [
            Span(f"{counts[verdict] or '':>7}", OF_VERDICT[verdict] if counts[verdict] else style.PLAIN)
            for verdict in shown
        ]
        rest = ", ".join(f"{counts[verdict]} {verdict}" for verdict in others if counts[verdict])
        if rest:
            line.append(Span(f"  {rest}", style.DIM))
        yield line


def _result(result: Result, run: Run, options: Options) -> Iterator[list[Span]]:
    probe = result.probe
    attempts = f"  ({result.failed} of {len(result.attempts)} times)" if len(result.attempts) > 1 else ""
    yield [
        Span(f"{result.verdict!s:5}", OF_VERDICT[result.verdict]),
        Span(f" {probe.id}", style.BOLD),
        Span(attempts, style.DIM),
    ]
    yield from _indented(probe.summary, options)
    if result.reason:
        yield from _indented(result.reason, options)
    seen: set[str] = set()
    for check in result.telling:
        for text in said(check):
            if text not in seen and text != result.reason:
                seen.add(text)
                yield from _indented(text, options, style.PLAIN)
    yield from (
        [Span(f"      {row}", style.DIM)] for row in wrap(glued(cite_text(probe.cite)), options.columns - 6)
    )
    yield from _indented(f"again: {run.again(probe.id)}", options, style.DIM)


def said(check: Check) -> Iterator[str]:
    """What a check that is no PASS has to say."""
    # A mismatch's sentence has all fields in it.
    if check.field and f"{check.field}: " not in check.sentence:
        yield f"{check.field}: expected {check.expected}, got {check.actual}"
    if check.sentence:
        yield check.sentence


def _notes(results: Sequence[Result], options: Options) -> Iterator[list[Span]]:
    """Choices, each once, with the probes that showed it."""
    found: dict[str, list[Probe]] = {}
    for one in results:
        if one.verdict is Verdict.NOTE:
            for check in one.telling:
                named = found.setdefault(check.sentence or check.what, [])
                if one.probe not in named:
                    named.append(one.probe)
    for sentence, probes in sorted(found.items(), key=lambda item: -len(item[1])):
        rows = wrap(safe(sentence, ascii_only=options.ascii), options.columns - 6)
        yield [Span("NOTE ", OF_VERDICT[Verdict.NOTE]), Span(f" {rows[0]}")]
        yield from ([Span(f"      {row}")] for row in rows[1:])
        yield from _indented(_names(probes, options), options, style.DIM)
    if found:
        yield []


def _names(probes: Sequence[Probe], options: Options) -> str:
    shown = probes if options.verbose else probes[:3]
    more = f" and {len(probes) - len(shown)} more" if len(shown) < len(probes) else ""
    return f"{', '.join(probe.id for probe in shown)}{more}"


def _skipped(results: Sequence[Result], options: Options) -> Iterator[list[Span]]:
    reasons = Counter(one.reason for one in results if one.verdict is Verdict.SKIPPED)
    for reason, count in reasons.most_common():
        text = f"{plural(count, 'probe')} skipped: {reason}."
        yield from ([Span(row, style.DIM)] for row in wrap(text, options.columns, indent=_INDENT))
    if reasons:
        yield []


def _passed(results: Sequence[Result]) -> Iterator[list[Span]]:
    for one in results:
        if one.verdict in (Verdict.PASS, Verdict.KNOWN):
            yield [
                Span(f"{one.verdict!s:5}", OF_VERDICT[one.verdict]),
                Span(f" {one.probe.id}"),
                Span(f"  {one.seconds:.2f} s", style.DIM),
            ]
    yield []


def _indented(text: str, options: Options, colour: str = style.PLAIN) -> Iterator[list[Span]]:
    for row in wrap(safe(text, ascii_only=options.ascii), options.columns - 6):
        yield [Span(f"      {row}", colour)]


def _join(lines: Iterable[Sequence[Span]], options: Options) -> str:
    return "".join(paint(line, colour=options.colour) + "\n" for line in lines)
