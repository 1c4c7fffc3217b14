"""One exchange as SVG: the states of both ends as bars, an arrow for each segment, and on it what was found.

It is drawn with one row a segment. Where a piece stands on a linear time axis instead is in ``data-y`` and
``data-span``, "rows time" each, for ``ladder.js``; numbers are there relative and absolute, one of both hidden.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Final, NamedTuple

from rawshake.html.axis import in_rows, in_time, tick
from rawshake.html.palette import SIGNS, written_out
from rawshake.html.particulars import particulars
from rawshake.html.rung import (
    BAR,
    CLIENT,
    LINE,
    SERVER,
    WIDTH,
    Piece,
    found_on,
    n,
    remark,
    segment,
    words,
)
from rawshake.judge import Ruling
from rawshake.plain.language import Language
from rawshake.render import style
from rawshake.render.findings import verdict
from rawshake.render.options import Options
from rawshake.render.text import columns, duration, fit, plural, safe, wrap
from rawshake.render.words import endpoint_text, flags_text, states_before, states_of
from rawshake.report import Exchange, Judged, Remark
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End

_HEIGHT: Final = re.compile(r'height="([0-9.]+)"')
#: Where the axis of times is, and what is left free above and below the pieces.
_AXIS: Final = 6
_MARGIN: Final = 16
#: So many columns has a line of text over both lifelines, and one at the foot.
_HEAD_COLUMNS: Final = 46
_FOOT_COLUMNS: Final = {"verdict": 56, "legend": 64}
#: How many segments a description tells one by one.
_TOLD: Final = 50


class _Mark(NamedTuple):
    """From which piece on (-1: the beginning) an end is in a state."""

    piece: int
    state: str


#: What a page with ladders needs of ``assets``.
CSS: Final = ("ladder.css", "ladder-page.css")
JS: Final = ("ladder.js",)


def draw(
    exchange: Exchange,
    options: Options,
    *,
    alone: bool = False,
    passes: bool = True,
    title: str = "",
    ids: str = "",
    foot: bool = True,
    words: Language | None = None,
) -> str:
    """The picture: ``alone`` a document of its own, else for a page that has the assets ``CSS`` and ``JS``.

    For a page it holds all that is known of each segment; without ``passes`` the rules that held are counted
    only, as where a page has thousands of ladders. With ``ids`` links may lead to a segment: ``ids`` and its
    number, ``x1-7``. Without ``foot`` the verdict and the legend are left out. ``words`` is the language in which
    what is known of a segment is told in plain words, too; ``options.words`` puts that into the picture as well.
    """
    start = _start(exchange)
    closing = _by_segment(exchange)
    head, top = _head(exchange, options)
    pieces, marks = _pieces(exchange, closing, options, start, ids)
    heights = [piece.height for piece in pieces]
    rows = in_rows(heights)
    times, at, length = in_time([piece.time for piece in pieces], heights, [piece.anchor for piece in pieces])
    ends = (sum(heights), max([length, *(y + high for y, high in zip(times, heights, strict=True))]))
    said, below = _foot(exchange, options) if foot else ([], 0.0)
    tall = [top + end + _MARGIN + below for end in ends]
    title = safe(title or f"TCP: {endpoint_text(exchange.client)} and {endpoint_text(exchange.server)}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="rawshake-ladder" viewBox="0 0 {WIDTH} {n(tall[0])}" '
        f'width="{WIDTH}" height="{n(tall[0])}" role="img" data-height="{n(tall[0])} {n(tall[1])}" '
        'data-axis="rows" data-numbers="relative">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(_description(exchange, options))}</desc>",
        f"<style>\n{written_out('ladder.css')}\n</style>" if alone else "",
        f'<rect class="paper" width="{WIDTH}" height="{n(tall[0])}" rx="8"/>',
        *head,
        f'<g transform="translate(0 {n(top)})">',
        *_bars(marks, pieces, rows, times, ends),
        "" if alone else _axis(pieces, rows, times, at, length),
        *(
            f'<g transform="translate(0 {n(row)})" data-y="{n(row)} {n(time)}">{piece.markup}</g>'
            for piece, row, time in zip(pieces, rows, times, strict=True)
        ),
        "</g>",
        f'<g transform="translate(0 {n(top + ends[0] + _MARGIN)})" '
        f'data-y="{n(top + ends[0] + _MARGIN)} {n(top + ends[1] + _MARGIN)}">{"".join(said)}</g>',
        "" if alone else _metadata(exchange, closing, options, start, words or options.words, passes=passes),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def pictures(exchanges: Sequence[Exchange], options: Options) -> str:
    """A document of its own for one exchange, or for several, one below the other."""
    drawn = [draw(exchange, options, alone=True) for exchange in exchanges]
    if len(drawn) == 1:
        return drawn[0]
    heights = [float(_HEIGHT.findall(one)[0]) for one in drawn]
    below = in_rows(heights)
    parts = [one.replace("<svg ", f'<svg y="{n(y)}" ', 1) for one, y in zip(drawn, below, strict=True)]
    title = f"<title>TCP: {plural(len(drawn), 'connection')}</title>"
    size = f'viewBox="0 0 {WIDTH} {n(sum(heights))}" width="{WIDTH}" height="{n(sum(heights))}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{title}\n{"".join(parts)}</svg>\n'


def _start(exchange: Exchange) -> int:
    """What counts as 0 ns: the first segment, or where there is none the first remark."""
    times = [
        *(step.time for step in exchange.steps[:1]),
        *(e.time for e in exchange.entries if isinstance(e, Remark)),
    ]
    return times[0] if times else 0


def _by_segment(exchange: Exchange) -> dict[int, list[Ruling]]:
    """What was said of the exchange as a whole, by the segment that it names."""
    found: dict[int, list[Ruling]] = defaultdict(list)
    for ruling in exchange.closing:
        found[ruling.step].append(ruling)
    return found


def _pieces(
    exchange: Exchange, closing: Mapping[int, Sequence[Ruling]], options: Options, start: int, ids: str
) -> tuple[list[Piece], tuple[list[_Mark], list[_Mark]]]:
    """Every entry, and when each end comes to which state."""
    pieces: list[Piece] = []
    marks: tuple[list[_Mark], list[_Mark]] = ([], [])
    before: int | None = None
    for entry in exchange.entries:
        if isinstance(entry, Remark):
            pieces.append(remark(entry, options, start=start, before=before))
        else:
            if not marks[0]:
                for mine, state in zip(marks, states_before(entry.step), strict=True):
                    mine.append(_Mark(-1, state))
            new = []
            for mine, state in zip(marks, states_of(entry.step.after), strict=True):
                new.append(state if state != mine[-1].state else "")
                if new[-1]:
                    mine.append(_Mark(len(pieces), state))
            said = found_on([*entry.rulings, *closing.get(entry.step.number, ())])
            pieces.append(
                segment(entry, said, options, start=start, before=before, states=(new[0], new[1]), ids=ids)
            )
        before = entry.time if isinstance(entry, Remark) else entry.step.time
    return pieces, marks


# What stands above and below.


def _head(exchange: Exchange, options: Options) -> tuple[list[str], float]:
    """Who talks to whom, each over its lifeline, and where the first states begin."""
    parts: list[str] = []
    y = 6.0
    for name, texts in (
        ("end", [_title(end, options) for end in End]),
        ("address", [endpoint_text(exchange.client), endpoint_text(exchange.server)]),
    ):
        left, right = (fit(safe(text), _HEAD_COLUMNS) for text in texts)
        apart = columns(left) + columns(right) + 2 > _HEAD_COLUMNS
        y += LINE + 2
        parts.append(words(f"{name} client", left, CLIENT, y))
        y += (LINE + 2) * apart
        parts.append(words(f"{name} server", right, SERVER + BAR, y, "end"))
    first = next((entry for entry in exchange.entries if isinstance(entry, Judged)), None)
    y += 10
    if first is not None:
        client, server = states_before(first.step)
        parts.append(words("state", client, CLIENT + BAR + 5, y + 12))
        parts.append(words("state", server, SERVER - 5, y + 12, "end"))
        y += LINE + 3
    return parts, y


def _title(end: End, options: Options) -> str:
    name = "(rawshake)" if options.ours is end else options.name(end)
    return f"{end} {name}".rstrip()


def _foot(exchange: Exchange, options: Options) -> tuple[list[str], float]:
    """The verdict, and what the letters and bars mean."""
    text, colour = verdict(exchange, options)
    name = {style.BOLD_RED: "fail", style.BOLD_GREEN: "pass"}.get(colour, "warn")
    sign = {"fail": SIGNS[Verdict.FAIL], "pass": SIGNS[Verdict.PASS]}.get(name, SIGNS[Verdict.WARN])
    rows = [(f"verdict {name}", row) for row in wrap(f"{sign} {text}", _FOOT_COLUMNS["verdict"])]
    if exchange.steps:
        isns = isns_text(exchange)
        legend = f"{isns}: initial sequence numbers. " if isns else ""
        legend += "Dashed bar, STATE?: expected, no segment has proven it yet."
        rows += [("legend", row) for row in wrap(legend, _FOOT_COLUMNS["legend"])]
    parts = [words(f"{name}", row, 14, LINE * at) for at, (name, row) in enumerate(rows, 1)]
    return parts, LINE * len(rows) + 12


def isns_text(exchange: Exchange) -> str:
    """``a = 2915269997, b = 4105823911``, as far as they were seen."""
    if not exchange.steps:
        return ""
    known = zip("ab", exchange.steps[-1].after, strict=True)
    return ", ".join(f"{letter} = {view.iss}" for letter, view in known if view.iss is not None)


def _description(exchange: Exchange, options: Options) -> str:
    """The whole content in words, as far as somebody would listen."""
    told = []
    for entry in exchange.entries[:_TOLD]:
        if isinstance(entry, Remark):
            told.append(safe(entry.text))
            continue
        step = entry.step
        found = "".join(f", {r.verdict} {safe(r.rule)}" for r in found_on(entry.rulings))
        client, server = states_of(step.after)
        told.append(
            f"{step.number}, {flags_text(step.segment.flags)} from the {step.sender}"
            f"{', lost' * (step.fate.value == 'lost')}{found}: client {client}, server {server}"
        )
    if more := len(exchange.entries) - _TOLD:
        told += [f"and {more} more"] * (more > 0)
    return f"{'; '.join(told) or 'No segment passed'}. {verdict(exchange, options)[0]}."


# The lifelines, and the axis of times.


def _bars(
    marks: tuple[list[_Mark], list[_Mark]],
    pieces: Sequence[Piece],
    rows: Sequence[float],
    times: Sequence[float],
    ends: tuple[float, float],
) -> Iterator[str]:
    """Each lifeline from state to state, in rows and by times."""
    for end, x, mine in zip(End, (CLIENT, SERVER), marks, strict=True):
        edges = [
            (-float(LINE), -float(LINE))
            if mark.piece < 0
            else tuple(layout[mark.piece] + pieces[mark.piece].anchor for layout in (rows, times))
            for mark in mine
        ]
        for mark, (upper, lower) in zip(mine, pairwise([*edges, ends]), strict=True):
            spans = [(a, b - a) for a, b in zip(upper, lower, strict=True)]
            expected = " expected" if mark.state.endswith("?") else ""
            name = mark.state.rstrip("?").lower() or "unseen"
            (y, height), _ = spans
            data = " ".join(f"{n(a)},{n(b)}" for a, b in spans)
            yield (
                f'<rect class="bar {end} {name}{expected}" x="{x}" y="{n(y)}" width="{BAR}" '
                f'height="{n(height)}" data-span="{data}"><title>{end} {mark.state}</title></rect>'
            )
        if not mine:
            yield f'<path class="rail" d="M{x + BAR / 2} 0V{n(ends[0])}"/>'


def _axis(
    pieces: Sequence[Piece], rows: Sequence[float], times: Sequence[float], at: Sequence[float], length: float
) -> str:
    """The linear axis with its ticks, and from each time on it a line to the piece; hidden while rows are shown."""
    if not pieces:
        return ""
    clock = [piece.time for piece in pieces]
    step = tick(clock, length)
    begin, span = pieces[0].anchor, max(clock) - min(clock)
    ticks = "".join(
        f"M{_AXIS - 4} {n(begin + at_tick * step * length / span)}h8"
        for at_tick in range(span // step + 1 if step else 0)
    )
    leaders = "".join(
        f"M{_AXIS} {n(time)}L{_AXIS + 8} {n(edge + piece.anchor)}h2"
        for piece, edge, time in zip(pieces, times, at, strict=True)
    )
    dots = "".join(f'<circle cx="{_AXIS}" cy="{n(time)}" r="2.5"/>' for time in at)
    note = ""
    if step:
        note = words("quiet", "a tick:", _AXIS - 4, -8 - LINE) + words("quiet", duration(step), _AXIS - 4, -8)
    return (
        f'<g class="axis" display="none"><path d="M{_AXIS} {n(begin)}v{n(length)}{ticks}"/>'
        f'<path class="leader" d="{leaders}"/>{dots}{note}</g>'
    )


def _metadata(
    exchange: Exchange,
    closing: Mapping[int, Sequence[Ruling]],
    options: Options,
    start: int,
    words: Language | None,
    *,
    passes: bool,
) -> str:
    judged = [entry for entry in exchange.entries if isinstance(entry, Judged)]
    known = particulars(judged, closing, start=start, ours=options.ours, passes=passes, words=words)
    return f"<metadata>{known}</metadata>"
