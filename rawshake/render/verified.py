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
from rawshake.render.alike import TOLD, Group, braced, groups
from rawshake.render.findings import cite_text, glued
from rawshake.render.options import Options
from rawshake.render.style import OF_VERDICT, Span, extent, paint
from rawshake.render.text import columns, plural, safe, wrap
from rawshake.rules.model import Verdict

_COLUMNS: Final = (Verdict.PASS, Verdict.KNOWN, Verdict.NOTE, Verdict.WARN, Verdict.FAIL)
#: So many that tell different things are told; the others are named.
FEW: Final = 24
#: In so many ways that cells of the grid fail are told where one clause decides; and so many notes.
WAYS: Final = 3
NOTES: Final = 8
#: The flags of a segment in the RFC's own form.
_SEGMENT: Final = re.compile(r"<SEQ=[^<>]*>(?:<ACK=[^<>]*>)?<CTL=([^<>]*)>")
_INDENT: Final = 2


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
    """All of that verdict, those once that tell the same; with ``verbose`` each by itself."""
    if options.verbose:
        for one in run.results:
            if one.verdict is verdict:
                yield from (*_full(one, [one.probe.id], run, options), [])
        return
    every = groups(run.results, verdict)
    for group in every[:FEW]:
        yield from (_cells if group.first.probe.chapter == CHAPTER else _alike)(group, run, options)
    rest = [one.probe.id for group in every[FEW:] for one in group.results]
    if rest:
        yield [Span(f"and {len(rest)} more {verdict}; all of them with -v:", style.DIM)]
        yield from _indented(", ".join(map(glued, braced(rest))), options, style.DIM)
    if every:
        yield []


def _alike(group: Group, run: Run, options: Options) -> Iterator[list[Span]]:
    """Probes that fail in one way: the first in full, the others by their names."""
    names = [one.probe.id for one in group.results]
    yield from _full(group.first, names, run, options)


def _full(result: Result, names: Sequence[str], run: Run, options: Options) -> Iterator[list[Span]]:
    """All that is to be told of it, under these names."""
    source = _source(result)
    told = _indented(result.probe.summary, options)
    title, fits = _title(result.verdict, names, source, options)
    yield from title
    yield from told if fits else _ending(list(told), source, options)
    for text in _once(result, options):
        yield from _indented(text, options)
    yield from _again(result, run, options)


def _cells(group: Group, run: Run, options: Options) -> Iterator[list[Span]]:
    """Cells of the grid where one clause decides: each way in which they fail, with their names."""
    count = len(group.results)
    names = [group.first.probe.id] if count == 1 else [f"{count} cells of the grid"]
    source = _source(group.first, group.clause)
    title, fits = _title(group.verdict, names, source, options)
    yield from title if fits else _ending(title, source, options)
    for check, alike in group.ways[:WAYS]:
        text = _SEGMENT.sub(r"\1", next(said(check), check.what))
        if count > 1:
            text = f"{', '.join(map(glued, braced([one.probe.id for one in alike])))}: {text}"
        yield from _indented(text, options)
    if not group.ways:
        yield from _indented(group.first.reason, options)
    more = sum(len(alike) for _, alike in group.ways[WAYS:])
    if more:
        yield from _indented(f"and {more} more in other ways; all of them with -v", options)
    yield from _again(group.first, run, options)


def _again(result: Result, run: Run, options: Options) -> Iterator[list[Span]]:
    yield from _indented(f"$ {run.again(result.probe.id)}", options, style.DIM)


def _title(
    verdict: Verdict, names: Sequence[str], source: str, options: Options
) -> tuple[list[list[Span]], bool]:
    """The names, with what they are about at the right if that fits; and whether it does."""
    label = f"{verdict!s:5} "
    room = options.columns - len(label)
    first, *more = wrap(", ".join(map(glued, names)), room)
    gap = room - columns(first) - columns(source)
    fits = not more and gap >= 2
    line = [Span(label, OF_VERDICT[verdict]), Span(first, style.BOLD)]
    line += [Span(" " * gap + source, style.DIM)] if fits else []
    return [line, *([Span(f"      {row}", style.BOLD)] for row in more)], fits


def _ending(lines: list[list[Span]], source: str, options: Options) -> Iterator[list[Span]]:
    """The lines, and after them what they are about, where there is room for it."""
    if extent(lines[-1]) + 2 + columns(source) <= options.columns:
        lines[-1] = [*lines[-1], Span(f"  {source}", style.DIM)]
        yield from lines
    else:
        yield from lines
        yield from ([Span(f"      {row}", style.DIM)] for row in wrap(glued(source), options.columns - 6))


def _source(result: Result, clause: str = "") -> str:
    """Its clauses, and how often it failed."""
    text = clause or cite_text(result.probe.cite)
    attempts = len(result.attempts)
    return f"{text}; {result.failed} of {attempts} times" if attempts > 1 else text


def _once(result: Result, options: Options) -> Iterator[str]:
    """What is to be said of it, nothing twice; without ``verbose`` no more than the first of each check."""
    if result.reason:
        yield result.reason
    told = (list(said(one))[: None if options.verbose else 1] for one in result.telling)
    yield from dict.fromkeys(text for texts in told for text in texts if text != result.reason)


def _times(run: Run, options: Options) -> Iterator[list[Span]]:
    """What the time went to, where it took any."""
    waited = sum(one.seconds for one in run.results)
    longest = max(run.results, key=lambda one: one.seconds, default=None)
    if longest is None or run.seconds < 1:
        return
    text = f"{waited:.0f} s of probes, {waited / run.seconds:.0f} at once"
    if run.processor:
        text += f"; {run.processor:.1f} s of work here, else waiting"
    text += f". Longest: {longest.probe.id}, {longest.seconds:.1f} s."
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


def said(check: Check) -> Iterator[str]:
    """What a check that is no PASS has to say."""
    # A mismatch's sentence has all fields in it.
    if check.field and not check.sentence.startswith("expected "):
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
    ordered = sorted(found.items(), key=lambda item: -len(item[1]))
    shown = ordered if options.verbose else ordered[:NOTES]
    for sentence, probes in shown:
        names = [probe.id for probe in probes]
        where = names[0] if len(names) == 1 else f"{len(names)} probes"
        rows = wrap(f"{safe(sentence, ascii_only=options.ascii)} {glued(f'({where})')}", options.columns - 6)
        yield [Span("NOTE ", OF_VERDICT[Verdict.NOTE]), Span(f" {rows[0]}")]
        yield from ([Span(f"      {row}")] for row in rows[1:])
        if options.verbose and len(names) > 1:
            yield from _indented(", ".join(map(glued, braced(names))), options, style.DIM)
    if len(shown) < len(ordered):
        yield [
            Span(f"and {plural(len(ordered) - len(shown), 'more choice')}; all of them with -v", style.DIM)
        ]
    if found:
        yield []


def _skipped(results: Sequence[Result], options: Options) -> Iterator[list[Span]]:
    reasons = Counter(one.reason for one in results if one.verdict is Verdict.SKIPPED)
    if reasons:
        told = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        text = safe(f"{plural(reasons.total(), 'probe')} skipped: {told}.", ascii_only=options.ascii)
        yield from ([Span(row, style.DIM)] for row in wrap(text, options.columns, indent=_INDENT))
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
