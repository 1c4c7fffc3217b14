"""What the rules said, in lines of a given width, and the one line that sums an exchange up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rawshake.judge import Ruling
from rawshake.render import style
from rawshake.render.options import Options
from rawshake.render.style import Signs, Span
from rawshake.render.text import GLUE, columns, duration, plural, safe, wrap
from rawshake.render.words import who
from rawshake.report import Exchange, Outcome
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End

#: Shown whatever the detail that was asked for.
LOUD: Final = frozenset({Verdict.FAIL, Verdict.WARN, Verdict.ERROR})

_SUCCESS: Final = frozenset({
    Outcome.CLOSED, Outcome.HELD, Outcome.HALF_CLOSED, Outcome.RESET_BY_US, Outcome.OPEN
})  # fmt: skip

#: Names of what is counted where it is not shown, in this order.
_COUNTED: Final = {
    Verdict.PASS: ("rule held", "rules held"),
    Verdict.NOTE: ("note", "notes"),
    Verdict.KNOWN: ("known deviation", "known deviations"),
    Verdict.INCONCLUSIVE: ("rule undecidable", "rules undecidable"),
    Verdict.SKIPPED: ("rule skipped", "rules skipped"),
}


def ruling_lines(
    rulings: Sequence[Ruling], width: int, options: Options, signs: Signs, *, sender: End | None = None
) -> list[list[Span]]:
    """What the rules said of one segment, or of the whole: the broken ones and a count, or all of it.

    ``sender`` is the end whose segment it is: another one that is charged is named.
    """
    shown = [r for r in rulings if options.verbose or r.verdict in LOUD]
    lines = [line for r in shown for line in _ruling(r, width, options, signs, sender)]
    hidden = Counter(r.verdict for r in rulings if r not in shown)
    if hidden:
        counts = [f"{hidden[v]} {names[hidden[v] > 1]}" for v, names in _COUNTED.items() if hidden[v]]
        lines += [[Span(line, style.DIM)] for line in wrap(", ".join(counts), width)]
    return lines


def _ruling(
    ruling: Ruling, width: int, options: Options, signs: Signs, sender: End | None
) -> list[list[Span]]:
    label = str(ruling.verdict)
    sentence = safe(ruling.sentence, ascii_only=options.ascii)
    source = [ruling.rule, *([cite_text(ruling.cite)] if ruling.cite else [])]
    if ruling.verdict in LOUD and (ruling.ours or ruling.end is not sender):
        source.insert(1, f"broken by {who(ruling)}")
    if ruling.consequence:
        source.append("follows from an earlier breach")
    parts = [safe(part, ascii_only=options.ascii) for part in source]
    tail = f"{GLUE}{signs.dot} ".join(glued(part) for part in parts)
    colour = style.DIM if ruling.consequence else style.OF_VERDICT[ruling.verdict]
    loud = colour if ruling.verdict in LOUD else style.PLAIN
    indent = len(label) + 1
    gap = width - indent - columns(sentence) - columns(tail)
    if gap >= 3:
        (tail,) = wrap(tail, columns(tail))
        return [[Span(label, colour), Span(f" {sentence}", loud), Span(" " * gap + tail, style.DIM)]]
    first, *rest = wrap(sentence, width - indent)
    lines = [[Span(label, colour), Span(f" {first}", loud)]]
    lines += [[Span(" " * indent + line, loud)] for line in rest]
    return lines + [[Span(" " * indent + line, style.DIM)] for line in wrap(tail, width - indent)]


def cite_text(cite: str) -> str:
    """Clauses with each document named once: ``RFC 9293 3.8, 3.1 MUST-2; RFC 7323 2.2``."""
    shorter: list[str] = []
    before = ""
    for clause in cite.split("; "):
        document = " ".join(clause.split(" ")[:2])
        rest = clause[len(document) + 1 :]
        if shorter and rest and document == before:
            shorter[-1] += f", {rest}"
        else:
            shorter.append(clause)
        before = document
    return "; ".join(shorter)


def glued(text: str) -> str:
    """Safe text that ``wrap`` breaks only after a comma or a semicolon."""
    return text.replace(" ", GLUE).replace(f",{GLUE}", ", ").replace(f";{GLUE}", "; ")


def summary_lines(exchange: Exchange, width: int, options: Options) -> list[list[Span]]:
    """Every breach and warning once more, notes by their names unless all is asked for, and what was undecidable."""
    lines: list[list[Span]] = []
    for ruling in exchange.findings:
        if not options.verbose and ruling.verdict not in LOUD:
            continue
        colour = style.OF_VERDICT[ruling.verdict]
        head = safe(f"{ruling.rule}, segment {ruling.step}, {_blame(ruling)}:", ascii_only=options.ascii)
        label = f"{ruling.verdict} "
        first, *rest = wrap(head, width - 5)
        lines.append([Span(label, colour), Span(first, style.BOLD)])
        lines += [[Span(f"     {line}", style.BOLD)] for line in rest]
        sentence = safe(ruling.sentence, ascii_only=options.ascii)
        lines += [[Span(f"     {line}")] for line in wrap(sentence, width - 5)]
        cite = glued(safe(cite_text(ruling.cite), ascii_only=options.ascii))
        lines += [[Span(f"     {line}", style.DIM)] for line in wrap(cite, width - 5)]
    if not options.verbose:
        lines += _noted(exchange, width, options)
    if exchange.undecidable:
        lines += _undecided(exchange.undecidable, width, options)
    return lines


def _noted(exchange: Exchange, width: int, options: Options) -> list[list[Span]]:
    """Notes in a quiet line: which there are, and how to see them."""
    rules = [ruling.rule for ruling in exchange.findings if ruling.verdict is Verdict.NOTE]
    if not rules:
        return []
    names = safe(", ".join(dict.fromkeys(rules)), ascii_only=options.ascii)
    text = f"{plural(len(rules), 'note')} ({names}); -v shows {'it' if len(rules) == 1 else 'them'}."
    return [[Span(line, style.DIM)] for line in wrap(text, width)]


def finding_text(ruling: Ruling) -> str:
    """A finding in one line, however wide: verdict, rule, segment, who is charged, the sentence, the clause."""
    head = f"{ruling.verdict} {ruling.rule}, segment {ruling.step}, {_blame(ruling)}"
    return f"{head}: {ruling.sentence}{f' ({cite_text(ruling.cite)})' if ruling.cite else ''}"


def _blame(ruling: Ruling) -> str:
    return f"{'of' if ruling.verdict is Verdict.NOTE else 'broken by'} {who(ruling)}"


def _undecided(undecidable: Counter[tuple[str, str]], width: int, options: Options) -> list[list[Span]]:
    count = len({rule for rule, _ in undecidable})
    verb = "was" if count == 1 else "were"
    text = f"{plural(count, 'rule')} {verb} not decidable from what was seen"
    if not options.verbose:
        return [[Span(line, style.DIM)] for line in wrap(f"{text}.", width)]
    lines = [[Span(f"{text}:")]]
    for (rule, reason), times in sorted(undecidable.items()):
        often = f" ({times} times)" if times > 1 else ""
        text = safe(f"{rule}: {reason}{often}", ascii_only=options.ascii)
        lines += [[Span(f"  {line}", style.DIM)] for line in wrap(text, width - 2, indent=2)]
    return lines


def verdict_line(exchange: Exchange, options: Options) -> str:
    """The exchange in one line, however wide: outcome, segments, round-trip time, rules, final states.

    ``closed: 7 segments, rtt 42.1 µs, 23 rules held, 0 broken; client TIME-WAIT, server CLOSED?``
    """
    text, colour = verdict(exchange, options)
    return style.paint([Span(text, colour)], colour=options.colour)


def verdict(exchange: Exchange, options: Options) -> tuple[str, str]:
    """The text of the verdict line, and its style."""
    outcome = exchange.outcome.value
    if exchange.detail:
        outcome = f"{outcome} ({exchange.detail})"
    facts = [plural(len(exchange.steps), "segment")]
    if exchange.rtt is not None:
        facts.append(f"rtt {duration(exchange.rtt, ascii_only=options.ascii)}")
    facts.append(f"{plural(exchange.held, 'rule')} held")
    facts.append(_broken(exchange))
    warnings = sum(ruling.verdict is Verdict.WARN for ruling in exchange.findings)
    if warnings:
        facts.append(plural(warnings, "warning"))
    states = f"client {exchange.state(End.CLIENT)}, server {exchange.state(End.SERVER)}"
    text = safe(f"{outcome}: {', '.join(facts)}; {states}", ascii_only=options.ascii)
    if exchange.broken:
        return text, style.BOLD_RED
    return text, style.BOLD_GREEN if exchange.outcome in _SUCCESS else style.BOLD_YELLOW


def _broken(exchange: Exchange) -> str:
    ours = sum(r.verdict is Verdict.FAIL and r.ours for r in exchange.findings)
    if not ours:
        return f"{exchange.broken} broken"
    return f"{exchange.broken} broken ({ours} by us)" if ours < exchange.broken else f"{ours} broken by us"
