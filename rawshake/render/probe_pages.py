"""The catalogue of probes for the terminal: all of them as a table, and one as its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from rawshake.probes.labels import LABELS, Cover, cover
from rawshake.probes.model import Holds, Probe, Server
from rawshake.probes.scenarios import SCENARIOS, Mode
from rawshake.render import style
from rawshake.render.findings import cite_text, glued
from rawshake.render.options import Options
from rawshake.render.style import Span, paint
from rawshake.render.text import safe, wrap

MODES = {
    Mode.WIRE: "a port",
    Mode.APPLICATION: "an ordinary program behind a port",
    Mode.DIALS: "a target that dials out to us",
    Mode.AGENT: "an agent in the server's process",
}
_PREFIX = {Cover.PROBES: "", Cover.RULES: "by the rule book: ", Cover.NOTHING: "not covered: "}
_COLOURS = {
    Cover.PROBES: style.PLAIN,
    Cover.RULES: style.PLAIN,
    Cover.NOTHING: style.YELLOW,
    Cover.UNSEEN: style.DIM,
}


def probe_table(probes: Iterable[Probe], options: Options) -> str:
    """The probes chapter by chapter: id, scenarios, what each needs and asks."""
    lines: list[list[Span]] = []
    chapter = ""
    for probe in probes:
        if probe.chapter != chapter:
            lines += [*([[]] if lines else []), [Span(probe.chapter, style.BOLD)]]
            chapter = probe.chapter
        needs = " ".join(map(option_of, probe.servers))
        lines.append(
            [
                Span(f"  {probe.id}", style.CYAN),
                Span(f"  {' '.join(probe.scenarios)}", style.DIM),
                Span(f"  {probe.level.value}"),
                Span(f"  {needs}{'  slow' if probe.slow else ''}", style.DIM),
            ]
        )
        lines += [[Span(f"    {row}")] for row in wrap(_safe(probe.summary, options), options.columns - 4)]
    return _join(lines, options)


def probe_page(probe: Probe, options: Options) -> str:
    """Everything that is known of one probe."""
    width = options.columns
    paragraphs = [" ".join(part.split()) for part in probe.page.split("\n\n")]
    lines = [[Span(probe.id, style.BOLD)]]
    lines += [[Span(row)] for row in wrap(_safe(paragraphs[0], options), width)]
    lines.append([])
    for name, text in _facts(probe):
        first, *rest = wrap(glued(text) if name == "clause" else _safe(text, options), width - 10)
        lines.append([Span(f"{name:10}", style.DIM), Span(first)])
        lines += [[Span(" " * 10), Span(row)] for row in rest]
    for paragraph in paragraphs[1:]:
        lines += [[], *([Span(row)] for row in wrap(_safe(paragraph, options), width))]
    return _join(lines, options)


def option_of(server: Server) -> str:
    """How a port of that kind is named to ``verify``."""
    return "PORT" if server is Server.OPEN else f"--{server}"


def label_table(probes: Sequence[Probe], rules: Collection[str], options: Options) -> str:
    """Every label of RFC 9293: the probes that cover it, else the rules that judge what passes, else why none."""
    lines: list[list[Span]] = []
    counts: Counter[Cover] = Counter()
    for label in LABELS:
        kind, names = cover(label, probes, rules)
        text = _PREFIX[kind] + ", ".join(names) if names else label.reason
        colour = _COLOURS[kind]
        counts[kind] += 1
        head = f"{label.name:8} {label.section:10} "
        first, *rest = wrap(_safe(text, options), options.columns - len(head))
        lines.append([Span(head, style.CYAN), Span(first, colour)])
        lines += [[Span(" " * len(head)), Span(row, colour)] for row in rest]
    total = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    summary = wrap(f"{len(LABELS)} labels of RFC 9293: {total}.", options.columns)
    return _join([*lines, [], *([Span(row)] for row in summary)], options)


def _facts(probe: Probe) -> Iterator[tuple[str, str]]:
    yield "chapter", probe.chapter
    for name in probe.scenarios:
        yield "scenario", f"{name}: {SCENARIOS[name].title}"
    yield "clause", cite_text(probe.cite)
    yield "level", probe.level.value
    if probe.rules:
        yield "tests", ", ".join(probe.rules)
    yield "needs", f"{MODES[probe.mode]}: {', '.join(map(option_of, probe.servers))}"
    if probe.holds is not Holds.NOTHING:
        yield "holds", f"{probe.holds} at the target"
    if probe.slow:
        yield "runs", "with --slow only: it waits for minutes"
    if probe.alone:
        yield "runs", "alone, after all others"


def _safe(text: str, options: Options) -> str:
    return safe(text, ascii_only=options.ascii)


def _join(lines: Iterable[Sequence[Span]], options: Options) -> str:
    return "".join(paint(line, colour=options.colour) + "\n" for line in lines)
