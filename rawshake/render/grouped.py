"""What was found in a capture, rule by rule, the totals, and what could not be judged and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rawshake.connection import Connection, Ended, Found, Opened
from rawshake.render import style
from rawshake.render.findings import cite_text, glued
from rawshake.render.options import Options
from rawshake.render.style import Span, paint
from rawshake.render.summary import SEVERITY, OfRule, Summary
from rawshake.render.text import columns, plural, safe, wrap
from rawshake.rules.model import Verdict

#: Why a frame tells nothing of a connection, in words; what is not here speaks for itself.
LEFT_OUT: Final = {
    "not IP": "carries no IP packet",
    "not TCP": "carries no TCP",
    "truncated": "was cut before the TCP header ended",
    "fragment": "is a fragment of a packet that was not captured whole",
    "encrypted": "is encrypted (ESP)",
}

_OPENED: Final = {Opened.NO_ANSWER: "without an answer", Opened.SIMULTANEOUS: "opened by both"}
_ENDED: Final = {Ended.OPEN: "still open"}


def grouped(summary: Summary, options: Options) -> str:
    """The findings, the gravest first, each rule once with its first occurrences; lines with their line ends."""
    lines: list[list[Span]] = []
    for verdict in SEVERITY:
        for name, of_rule in sorted(summary.rules.items()):
            if of_rule.worst is verdict:
                lines += [*_rule(name, of_rule, verdict, options), []]
    return _join(lines, options)


def totals(summary: Summary, options: Options) -> str:
    """How many connections there are and of what kind; with ``verbose`` what each rule was put to the test by."""
    lines = [[Span(line)] for line in wrap(_kinds(summary), options.columns, indent=2)]
    if options.verbose:
        held = {name: one.held for name, one in sorted(summary.rules.items()) if one.held}
        if held:
            lines.append([Span(f"{plural(len(held), 'rule')} held at least once:")])
            text = ", ".join(glued(f"{name} ({count})") for name, count in held.items())
            lines += [[Span(f"  {line}", style.DIM)] for line in wrap(text, options.columns - 2)]
    return _join(lines, options)


def unjudged(summary: Summary, options: Options) -> str:
    """What could not be judged and why; empty where all was."""
    told = list(not_judged(summary))
    if not told:
        return ""
    lines = [[Span("Not judged, or in part:", style.BOLD)]]
    for sentence in told:
        text = safe(sentence, ascii_only=options.ascii)
        lines += [[Span(f"  {line}", style.DIM)] for line in wrap(text, options.columns - 2, indent=2)]
    return _join(lines, options)


def verdict_line(summary: Summary, options: Options) -> str:
    """The capture in one line: ``41 rules held, 1 breach, 2 notes``."""
    text, colour = verdict_text(summary)
    return paint([Span(text, colour)], colour=options.colour)


def quiet_line(summary: Summary, options: Options) -> str:
    """The verdict line with what it is of: ``6 connections, 86 segments: 41 rules held, 0 broken``."""
    counts = f"{plural(summary.connections, 'connection')}, {plural(summary.segments, 'segment')}"
    text, colour = verdict_text(summary)
    return paint([Span(f"{counts}: {text}" if text else counts, colour)], colour=options.colour)


def verdict_text(summary: Summary) -> tuple[str, str]:
    """``41 rules held, 1 breach, 2 notes``, and its colour."""
    if not summary.segments:
        return "nothing to judge", style.BOLD
    failed, warned, noted = (summary.count(verdict) for verdict in SEVERITY)
    facts = [f"{plural(summary.held, 'rule')} held"]
    facts.append("1 breach" if failed == 1 else f"{failed} breaches" if failed else "0 broken")
    facts += [plural(count, word) for count, word in ((warned, "warning"), (noted, "note")) if count]
    colour = style.BOLD_RED if failed else style.BOLD_YELLOW if warned else style.BOLD_GREEN
    return ", ".join(facts), colour


def _rule(name: str, of_rule: OfRule, verdict: Verdict, options: Options) -> Iterable[list[Span]]:
    width = options.columns
    total = sum(of_rule.found.values())
    many = "once" if total == 1 else f"{total} times in {plural(of_rule.connections, 'connection')}"
    head = [Span(f"{verdict} ", style.OF_VERDICT[verdict]), Span(name, style.BOLD)]
    gap = width - len(str(verdict)) - 1 - len(name) - len(many)
    if gap >= 2:
        yield [*head, Span(" " * gap), Span(many, style.DIM)]
    else:
        first, *rest = wrap(name, width - 5)
        yield [head[0], Span(first, style.BOLD)]
        yield from ([Span(f"     {line}", style.BOLD)] for line in rest)
        yield [Span(f"     {many}", style.DIM)]
    cite = glued(safe(cite_text(of_rule.first[0][1].ruling.cite), ascii_only=options.ascii))
    if cite:
        yield from ([Span(f"     {line}", style.DIM)] for line in wrap(cite, width - 5))
    for connection, found in of_rule.first:
        yield from _occurrence(connection, found, verdict, options)
    if total > len(of_rule.first):
        yield [Span(f"     and {total - len(of_rule.first)} more", style.DIM)]


def _occurrence(
    connection: Connection, found: Found, verdict: Verdict, options: Options
) -> Iterable[list[Span]]:
    """Where it is, whose breach, the segment and the arithmetic."""
    room = options.columns - 5
    ruling = found.ruling
    where = f"frame {found.frame}, " if found.frame else f"segment {ruling.step}, "
    softer = f" {ruling.verdict}" if ruling.verdict is not verdict else ""
    segment = safe(found.segment, ascii_only=options.ascii)
    head = f"{where}connection {connection.number}, the {ruling.end}{softer}"
    if segment and columns(head) + 2 + columns(segment) <= room:
        yield [Span(f"     {head}: "), Span(segment, style.CYAN)]
    else:
        yield [Span(f"     {head}:")]
        yield from (
            [Span(f"       {line}", style.CYAN)] for line in wrap(segment, room - 2, indent=2) if line
        )
    sentence = safe(ruling.sentence, ascii_only=options.ascii)
    yield from ([Span(f"       {line}")] for line in wrap(sentence, room - 2))


def _kinds(summary: Summary) -> str:
    """``7 connections, 125 segments in 125 frames: 5 complete, 2 refused; 5 closed, 2 reset.``"""
    frames = plural(summary.frames, "frame")
    if not summary.connections:
        return f"No TCP connection in {frames}."
    opened = [
        f"{summary.opened[kind]} {_OPENED.get(kind, kind.value)}" for kind in Opened if summary.opened[kind]
    ]
    ended = [f"{summary.ended[kind]} {_ENDED.get(kind, kind.value)}" for kind in Ended if summary.ended[kind]]
    kinds = "; ".join(", ".join(map(glued, some)) for some in (opened, ended) if some)
    counts = f"{plural(summary.connections, 'connection')}, {plural(summary.segments, 'segment')} in {frames}"
    return f"{counts}: {kinds}."


def not_judged(summary: Summary) -> Iterable[str]:
    """A sentence for each thing that could not be judged, or only in part, and why."""
    for reason, count in summary.left_out.most_common():
        verb = LEFT_OUT.get(reason, reason)
        yield f"{plural(count, 'frame')}: each {verb}." if count > 1 else f"1 frame {verb}."
    if summary.copies:
        yield f"{plural(summary.copies, 'frame')}: captured twice within 10 ms, judged once."
    if summary.cut:
        yield (
            f"{plural(summary.cut, 'frame')}: cut short by the capture's snap length; neither checksum nor "
            "payload can be judged."
        )
    late = summary.opened[Opened.MIDSTREAM]
    if late:
        yield f"{plural(late, 'connection')}: begun before the capture, so that no handshake was seen."
    if summary.one_sided:
        yield f"{plural(summary.one_sided, 'connection')}: seen from one side only."
    for remark, count in summary.remarks.most_common():
        yield f"{plural(count, 'connection')}: {remark}."
    for reason, (count, names) in summary.undecided.items():
        end = "" if reason.endswith("?") else "."
        yield f"{plural(count, 'judgement')} ({', '.join(names)}): {reason}{end}"


def _join(lines: Iterable[list[Span]], options: Options) -> str:
    return "".join(paint(line, colour=options.colour) + "\n" for line in lines)
