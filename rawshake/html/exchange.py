"""The page of one exchange, or of several: each with its ladder, the way through Figure 5, and what was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.html import ladder, rulebook
from rawshake.html.shell import document, fragment, pack
from rawshake.judge import Ruling
from rawshake.plain.closing import Closing, closing
from rawshake.plain.language import ENGLISH
from rawshake.render import states_svg, style
from rawshake.render.figure5 import path
from rawshake.render.findings import cite_text, verdict
from rawshake.render.json import dump
from rawshake.render.options import Options
from rawshake.render.text import duration
from rawshake.render.words import endpoint_text, who
from rawshake.report import Exchange, Report
from rawshake.rules.model import Verdict
from rawshake.rules.registry import RULES
from rawshake.tcp.view import End
from rawshake.tcp.walk import walks

#: From so many exchanges on, each is unpacked when it is opened.
MANY: Final = 12
#: So many places where a rule was broken are named beside its page.
PLACES: Final = 20


@dataclass(frozen=True, slots=True)
class Found:
    """A finding as the page lists it; ``page`` says whether its rule has a page there."""

    verdict: Verdict
    rule: str
    page: bool
    segment: int
    sentence: str
    cite: str
    charged: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One exchange as ``exchange_body.html`` shows it, and its line in the table of contents."""

    id: str
    number: int
    client: str
    server: str
    #: ``pass``, ``fail`` or ``warn``, and the word that goes with it
    colour: str
    word: str
    verdict: str
    facts: tuple[tuple[str, str], ...]
    findings: tuple[Found, ...]
    undecidable: tuple[tuple[str, str, int], ...]
    isns: str
    ladder: str
    states: str
    ways: tuple[tuple[str, str], ...]
    #: what the states mean in plain words of the language ``lang``, and whether that was asked for
    plain: Closing
    lang: str
    explained: bool


def page(report: Report, options: Options, *, title: str = "") -> str:
    """The whole page. ``options`` say which end is ours, how the ends are called, and in which language
    each segment is explained in the picture, if at all.
    """
    shown = [_shown(number, exchange, options) for number, exchange in enumerate(report.exchanges, 1)]
    bodies = [fragment("exchange_body.html", shown=one, alone=len(shown) == 1) for one in shown]
    many = len(shown) >= MANY
    places = _places(shown, many=many)
    return document(
        "exchange.html",
        title=title or report.command,
        css=(*ladder.CSS, "exchange.css"),
        styles=states_svg.PAGE_STYLE,
        js=(*ladder.JS, "exchange.js"),
        packed=[pack("report", [dump(report)]), *([pack("exchanges", bodies, size=4)] if many else [])],
        shown=shown,
        bodies=[] if many else bodies,
        sections=rulebook.sections(places),
        places=places,
        rules=rulebook.names(report.rules),
        script=report.script,
    )


def _shown(number: int, exchange: Exchange, options: Options) -> Shown:
    text, colour = verdict(exchange, options)
    name, word = {
        style.BOLD_RED: ("fail", "rules broken"),
        style.BOLD_GREEN: ("pass", "no rule broken"),
    }.get(colour, ("warn", exchange.outcome.value))
    ways = walks(exchange.steps)
    words = options.words or ENGLISH
    ends = f"{endpoint_text(exchange.client)} and {endpoint_text(exchange.server)}"
    return Shown(
        id=f"x{number}",
        number=number,
        client=endpoint_text(exchange.client),
        server=endpoint_text(exchange.server),
        colour=name,
        word=word,
        verdict=text,
        facts=tuple(_facts(exchange)),
        findings=tuple(map(_found, _gravest_first(exchange.findings))),
        undecidable=tuple(
            (rule, reason, count) for (rule, reason), count in sorted(exchange.undecidable.items())
        ),
        isns=ladder.isns_text(exchange),
        ladder=ladder.draw(exchange, options, ids=f"x{number}", foot=False, words=words),
        states=states_svg.draw(ways, title=f"The states of TCP, as {ends} went through them", style=""),
        ways=tuple((str(way.end), path(way)) for way in ways),
        plain=closing(exchange, words),
        lang=words.code,
        explained=options.words is not None,
    )


def _places(shown: Sequence[Shown], *, many: bool) -> dict[str, list[tuple[str, str]]]:
    """Where each rule was broken, as links; where exchanges are unpacked first, to the exchange."""
    found: dict[str, dict[str, str]] = {}
    for one in shown:
        for finding in one.findings:
            link = one.id if many else f"{one.id}-{finding.segment}"
            text = f"segment {finding.segment}" if len(shown) == 1 else f"connection {one.number}"
            if len(shown) > 1 and not many:
                text += f", segment {finding.segment}"
            found.setdefault(finding.rule, {})[link] = text
    return {rule: list(links.items())[:PLACES] for rule, links in found.items()}


def _facts(exchange: Exchange) -> Iterator[tuple[str, str]]:
    yield "outcome", exchange.outcome.value + (f" ({exchange.detail})" if exchange.detail else "")
    yield "segments", str(len(exchange.steps))
    if exchange.rtt is not None:
        yield "round trip", duration(exchange.rtt)
    if exchange.steps:
        yield "took", duration(exchange.steps[-1].time - exchange.steps[0].time)
    warned = sum(ruling.verdict is Verdict.WARN for ruling in exchange.findings)
    yield "rules", f"{exchange.held} held, {exchange.broken} broken, {warned} warned of"
    yield "states", f"client {exchange.state(End.CLIENT)}, server {exchange.state(End.SERVER)}"


def _gravest_first(findings: Iterable[Ruling]) -> list[Ruling]:
    order = list(Verdict)
    return sorted(findings, key=lambda ruling: order.index(ruling.verdict))


def _found(ruling: Ruling) -> Found:
    return Found(
        ruling.verdict,
        ruling.rule,
        ruling.rule in RULES,
        ruling.step,
        ruling.sentence,
        cite_text(ruling.cite),
        f"{'of' if ruling.verdict is Verdict.NOTE else 'broken by'} {who(ruling)}",
    )
