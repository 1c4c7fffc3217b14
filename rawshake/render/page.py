"""A rule's page for the terminal: its clauses, why it matters, and its examples played and drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rawshake.judge import CaptureJudge, Judge, Ruling
from rawshake.render import style
from rawshake.render.findings import cite_text, glued, ruling_lines
from rawshake.render.ladder import LEGEND, Ladder
from rawshake.render.options import Options
from rawshake.render.style import Span, extent, paint
from rawshake.render.text import plural, safe, wrap
from rawshake.report import Exchange, Judged, Outcome
from rawshake.rules.model import Level, Rule, Scope
from rawshake.rules.opening import Syns
from rawshake.rules.page import Transcript, read
from rawshake.tcp.notation import CLIENT, parse_exchange
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate

#: What a level means to whoever breaks the rule.
LEVELS = {
    Level.MUST: "MUST: a breach fails",
    Level.MUST_NOT: "MUST NOT: a breach fails",
    Level.PROCEDURE: "MUST, as the processing of segments is laid down: a breach fails",
    Level.SHOULD: "SHOULD: a breach is a warning",
    Level.SHOULD_NOT: "SHOULD NOT: a breach is a warning",
    Level.MAY: "MAY: told as a note",
    Level.LINT: "no demand of a standard: told as a note",
    Level.INFO: "no demand of a standard: told as a note",
}
SCOPES = {
    Scope.STEP: "each segment",
    Scope.EXCHANGE: "each connection as a whole",
    Scope.CAPTURE: "all connections of a capture together",
}
#: The client's port, where an example says no other.
_PORT = 40000
_SECOND = 1_000_000_000
#: Columns that a clause takes beside an id, unless it goes below.
_CLAUSE = 30
#: Numbers that are easily told apart and added to.
CLIENT_ISN = 1000
SERVER_ISN = 5000


def page(rule: Rule, options: Options) -> str:
    """The page; with ``verbose`` every example, otherwise the first that fires and the first that stays quiet."""
    found = read(rule)
    width = options.columns
    lines = [[Span(rule.id, style.BOLD)]]
    lines += [[Span(line)] for line in wrap(_safe(found.summary, options), width)]
    lines.append([])
    for name, text in _facts(rule):
        first, *rest = wrap(_safe(text, options), width - 10)
        lines.append([Span(f"{name:10}", style.DIM), Span(first)])
        lines += [[Span(" " * 10), Span(line)] for line in rest]
    for paragraph in found.prose:
        lines += [[], *([Span(line)] for line in wrap(_safe(paragraph, options), width))]
    shown = found.transcripts if options.verbose else _first_of_each(found.transcripts)
    text = _join(lines, options) + "".join(_example(rule, one, options) for one in shown)
    legend = [LEGEND]
    if more := len(found.transcripts) - len(shown):
        legend.append(f"{plural(more, 'more example')} with -v.")
    return text + _join(
        [[], *([Span(row, style.DIM)] for one in legend for row in wrap(one, width))], options
    )


def play(rule: Rule, transcript: Transcript) -> tuple[Exchange, ...]:
    """The connections of the example as the rule sees them, and what it says.

    They are seen by a tap, or by rawshake as the client if the title says so. All but a rule of scope capture are
    shown one connection.
    """
    if rule.scope is not Scope.CAPTURE:
        return (_connection(rule, transcript, transcript.text, _PORT, 0),)
    made: list[Exchange] = []
    now = 0
    for port, text in transcript.connections:
        made.append(_connection(rule, transcript, text, port, now + _SECOND))
        now = made[-1].steps[-1].time
    whole = CaptureJudge((rule,))
    judged = []
    for number, exchange in enumerate(made, 1):
        syns = Syns()
        for step in exchange.steps:
            syns.add(step)
        openings = syns.openings(number, exchange.client, exchange.server, now)
        judged.append(replace(exchange, closing=whole.connection(openings)))
    return tuple(judged)


def _connection(rule: Rule, transcript: Transcript, text: str, port: int, start: int) -> Exchange:
    client = CLIENT.replace(str(_PORT), str(port))
    lines = parse_exchange(text, client=client, client_isn=CLIENT_ISN, server_isn=SERVER_ISN, start=start)
    ours = End.CLIENT if transcript.at_client else None
    first = lines[0].segment
    tracker = Tracker((first.src, first.sport), (first.dst, first.dport))
    judge = Judge((rule,), ours=ours)
    entries = []
    for line in lines:
        mine = ours is not None and tracker.sender_of(line.segment) is ours
        fate = Fate.LOST if line.lost else Fate.DELIVERED if ours and not mine else Fate.PASSED
        step = tracker.apply(line.segment, line.time, fate=fate, ours=mine)
        entries.append(Judged(step, judge.step(step)))
    closing = judge.exchange([entry.step for entry in entries])
    return Exchange(tracker.client, tracker.server, tuple(entries), closing, Outcome.OPEN)


def _facts(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "chapter", rule.chapter
    yield "clause", cite_text(rule.cite)
    yield "level", LEVELS[rule.level]
    yield "judges", SCOPES[rule.scope]
    if rule.near:
        yield "needs", "a capture taken near the end that is judged"


def _first_of_each(transcripts: Sequence[Transcript]) -> list[Transcript]:
    firsts = (next((one for one in transcripts if one.fires is fires), None) for fires in (True, False))
    return [one for one in firsts if one is not None]


def _example(rule: Rule, transcript: Transcript, options: Options) -> str:
    """Its heading and its ladder, with what this rule says, also where it holds."""
    colour = style.BOLD_RED if transcript.fires else style.BOLD_GREEN
    word = "Broken" if transcript.fires else "Kept"
    title = f"{word}: {transcript.title}" if transcript.title else f"{word}:"
    lines = [[], *([Span(line, colour)] for line in wrap(_safe(title, options), options.columns)), []]
    drawn = replace(options, verbose=1, ours=End.CLIENT if transcript.at_client else None)
    text = _join(lines, options)
    exchanges = play(rule, transcript)
    start = exchanges[0].steps[0].time
    for number, exchange in enumerate(exchanges):
        ladder = Ladder(drawn, exchange.client, exchange.server, start=start)
        text += ("\n" if number else "") + ladder.head() + "".join(map(ladder.entry, exchange.entries))
        text += _join(_closing(exchange.closing, drawn), options)
    return text


def _closing(rulings: Sequence[Ruling], options: Options) -> list[list[Span]]:
    if not rulings:
        return []
    signs = style.ASCII if options.ascii else style.UNICODE
    said = ruling_lines(rulings, options.columns - 2, options, signs)
    return [[], *([Span("  "), *line] for line in said)]


def rule_table(rules: Iterable[Rule], options: Options) -> str:
    """The rules chapter by chapter: id, level, clause and what each asks."""
    lines: list[list[Span]] = []
    chapter = ""
    for rule in rules:
        if rule.chapter != chapter:
            lines += [*([[]] if lines else []), [Span(rule.chapter, style.BOLD)]]
            chapter = rule.chapter
        lines += _entry(rule, options)
    return _join(lines, options)


def _entry(rule: Rule, options: Options) -> Iterator[list[Span]]:
    width = options.columns
    cite = glued(_safe(cite_text(rule.cite), options))
    head = [Span(f"  {rule.id}", style.CYAN), Span(f"  {rule.level.value}")]
    indent = extent(head) + 2
    if indent + _CLAUSE <= width:
        first, *rest = wrap(cite, width - indent)
        head.append(Span(f"  {first}", style.DIM))
    else:
        indent, rest = 4, wrap(cite, width - 4)
    yield head
    yield from ([Span(" " * indent + line, style.DIM)] for line in rest)
    yield from ([Span(f"    {line}")] for line in wrap(_safe(rule.summary, options), width - 4))


def _safe(text: str, options: Options) -> str:
    return safe(text, ascii_only=options.ascii)


def _join(lines: Iterable[Sequence[Span]], options: Options) -> str:
    return "".join(paint(line, colour=options.colour) + "\n" for line in lines)
