"""One entry of a transcript as a piece of the ladder: its arrow, its words, what was found; as high as it must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from rawshake.html.palette import SIGNS
from rawshake.judge import CHARGES, Ruling
from rawshake.render.explained import held_together, sentence_text, translated
from rawshake.render.findings import LOUD, cite_text, glued
from rawshake.render.options import Options
from rawshake.render.text import duration, moment, plural, preview, safe, wrap
from rawshake.render.words import (
    ack_text,
    control_text,
    flags_text,
    payload_of,
    remarks,
    seq_text,
    who,
    window_text,
)
from rawshake.report import Judged, Remark
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End, Fate, Step
from rawshake.tcp.words import options_text

#: Units across: the column of times, the lifelines as bars, the lane between them, and a margin.
WIDTH: Final = 500
BAR: Final = 12
CLIENT: Final = 96
SERVER: Final = WIDTH - 10 - BAR
_LEFT: Final = CLIENT + BAR
_MIDDLE: Final = (_LEFT + SERVER) / 2
#: How far lines of text stand apart, and from what is above them.
LINE: Final = 15
_PAD: Final = 8
#: The arrow below the upper edge of a piece, and the middle of what stands on it.
_ARROW: Final = 26
#: Where a column of the lane ends: letters are at most 0.64 of their size wide, 11.5 units.
COLUMNS: Final = 46
#: So many letters of one width have room there, each 0.62 of its size.
_NUMBERS: Final = 51
_PILL_LETTER: Final = 7.3
#: After so long without a segment that is said.
_GAP: Final = 500_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the ladder: ``anchor`` is how far below its upper edge stands what happens at ``time`` (ns)."""

    time: int
    height: float
    anchor: float
    markup: str


@dataclass(slots=True)
class _Column:
    """Lines of text one below the other: ``y`` is the lowest edge so far."""

    y: float
    parts: list[str] = field(default_factory=list)

    def line(self, name: str, text: str, *, x: float = _MIDDLE, anchor: str = "middle") -> None:
        self.y += LINE
        self.parts.append(words(name, text, x, self.y - 4, anchor))

    def lines(self, name: str, text: str) -> None:
        for row in wrap(text, COLUMNS):
            self.line(name, row)


def segment(
    entry: Judged,
    said: Sequence[Ruling],
    options: Options,
    *,
    start: int,
    before: int | None,
    states: tuple[str, str],
    ids: str = "",
) -> Piece:
    """An arrow with its words. ``said`` is what the rules found, ``before`` the time of the entry before it, and
    ``states`` are those that it brought the ends to, empty where nothing moved.
    """
    step, one = entry.step, entry.step.segment
    top, gap = _pause(step.time, before)
    arrow = top + _ARROW + (4 if said else 0)
    column = _Column(arrow + (8 if said else 3))
    column.parts += [gap, _head(step, arrow - (14 if said else 9)), *_line(step, arrow), *_pills(said, arrow)]
    rows = {
        "relative": _numbers(step, seq_text(step), ack_text(step), control_text(one)),
        "absolute": _numbers(step, str(one.seq), str(one.ack), ""),
    }
    for name, found in rows.items():
        column.parts.append(_either(name, found, column.y + LINE - 4))
    column.y += LINE * max(map(len, rows.values()))
    if one.options:
        text = options_text(one.options, peer_isn=step.peer_now.iss).replace(",", ", ")
        column.lines("quiet", glued(safe(text)))
    if one.payload_length:
        payload = payload_of(one)
        known = preview(payload, COLUMNS - 2, total=one.payload_length) if payload else "data not captured"
        column.line("octets", known)
    for mark in remarks(step, ours=options.ours):
        column.lines("remark", safe(mark))
    if options.words is not None:
        column.y += 3
        column.lines("plain", held_together(sentence_text(step, options)))
    for ruling in said:
        if ruling.verdict in LOUD and not ruling.consequence:
            _callout(column, ruling, step.sender)
    _states(column, states)
    number = entry.frame or step.number
    gutter = words("number", str(number), CLIENT - 8, arrow - 10, "end") + words(
        "time", _since(step.time - start), CLIENT - 8, arrow + 4, "end"
    )
    height = column.y + _PAD
    kind = " ".join(["segment", str(step.sender), *_kinds(step)])
    area = (
        f'<rect class="area" x="{_LEFT}" y="{n(top)}" width="{SERVER - _LEFT}" height="{n(height - top)}"/>'
    )
    name = f' id="{escape(ids)}-{step.number}"' if ids else ""
    markup = f'<g{name} class="{kind}" data-number="{step.number}">{area}{gutter}{"".join(column.parts)}</g>'
    return Piece(step.time, height, arrow, markup)


def remark(entry: Remark, options: Options, *, start: int, before: int | None) -> Piece:
    """Something that is no segment: its words between the lifelines."""
    top, gap = _pause(entry.time, before)
    column = _Column(top + 4, [gap])
    first = column.y + LINE - 4
    for row in wrap(safe(translated(entry.text, options.words)), COLUMNS - 4):
        column.line("remark", row)
    column.parts.append(words("time", _since(entry.time - start), CLIENT - 8, first, "end"))
    return Piece(
        entry.time, column.y + _PAD - 2, first - 4, f'<g class="remarked">{"".join(column.parts)}</g>'
    )


def words(name: str, text: str, x: float, y: float, anchor: str = "start") -> str:
    """A line of safe text whose letters stand on ``y``."""
    where = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text class="{name}" x="{n(x)}" y="{n(y)}"{where}>{escape(text)}</text>'


def n(number: float) -> str:
    """A number as short as it can be."""
    return f"{number:.1f}".removesuffix(".0")


def _since(time: int) -> str:
    """The time since the start, as exactly as the column has room for."""
    seconds = time / 1e9
    texts = (moment(time), f"{seconds:.0f} s", f"{seconds:.1e} s")
    return next(text for text in texts if len(text) <= 12)


def _pause(time: int, before: int | None) -> tuple[float, str]:
    """How far a piece begins below its upper edge, and what is said there where nothing came for long."""
    if before is None or time - before < _GAP:
        return 0, ""
    return LINE + 6, words(
        "gap", f"· · ·  {duration(time - before)} later  · · ·", _MIDDLE, LINE - 1, "middle"
    )


def _kinds(step: Step) -> list[str]:
    """What an arrow may be besides, as names of classes."""
    found = {
        "lost": step.fate is Fate.LOST,
        "again": step.again,
        "reset": step.segment.rst,
        "crafted": step.meant is not None or bool(step.note),
    }
    return [name for name, so in found.items() if so]


def _head(step: Step, y: float) -> str:
    """Above the arrow: what it is, and how much it brings."""
    one = step.segment
    brings = plural(one.payload_length, "octet") if one.payload_length else ""
    more = f'<tspan class="quiet" dx="8">{brings}</tspan>' if brings else ""
    flags = flags_text(one.flags)
    if len(flags) > COLUMNS - 16:
        flags = str(one.flags)
    return (
        f'<text class="flags" x="{n(_MIDDLE)}" y="{n(y)}" text-anchor="middle">{escape(flags)}{more}</text>'
    )


def _line(step: Step, arrow: float) -> list[str]:
    """From the sender to the receiver, or to where it was lost."""
    rightward = step.sender is End.CLIENT
    start, ahead = (_LEFT, 1) if rightward else (SERVER, -1)
    end = SERVER if rightward else _LEFT
    if step.fate is Fate.LOST:
        x = end - ahead * 40
        cross = f"M{n(x - 5)} {n(arrow - 5)}l10 10m0 -10l-10 10"
        return [
            f'<path class="shaft" d="M{start} {n(arrow)}H{n(x - ahead * 8)}"/>',
            f'<path class="cross" d="{cross}"/>',
        ]
    return [
        f'<path class="shaft" d="M{start} {n(arrow)}H{n(end - ahead * 8)}"/>',
        f'<path class="head" d="M{end} {n(arrow)}l{-ahead * 10} -5v10z"/>',
    ]


def _numbers(step: Step, seq: str, ack: str, control: str) -> list[str]:
    """Below the arrow: its numbers, in two rows where they are too long for one."""
    one = step.segment
    numbers = [f"seq {seq or f'={one.seq}'}"]
    if one.has_ack:
        numbers.append(f"ack {ack or f'={one.ack}'}")
    rest = [text for text in (window_text(step), control) if text]
    row = "   ".join([*numbers, *rest])
    return [row] if len(row) <= _NUMBERS else ["   ".join(numbers), "   ".join(rest)]


def _either(name: str, rows: Sequence[str], y: float) -> str:
    """Numbers relative to the initial ones, or as the segment has them: one of both is shown."""
    hidden = ' display="none"' if name == "absolute" else ""
    texts = (words("numbers", row, _MIDDLE, y + LINE * at, "middle") for at, row in enumerate(rows))
    return f'<g class="{name}"{hidden}>{"".join(texts)}</g>'


def _pills(said: Sequence[Ruling], arrow: float) -> Iterable[str]:
    """On the arrow: each verdict that something was found with, its sign, its word, and how often."""
    found = Counter(ruling.verdict for ruling in said)
    texts = [
        (verdict, f"{SIGNS[verdict]} {verdict}{f' ×{count}' if count > 1 else ''}")
        for verdict, count in sorted(found.items(), key=lambda item: list(SIGNS).index(item[0]))
    ]
    widths = [len(text) * _PILL_LETTER + 16 for _, text in texts]
    x = _MIDDLE - (sum(widths) + 6 * (len(widths) - 1)) / 2
    for (verdict, text), width in zip(texts, widths, strict=True):
        yield (
            f'<g class="pill {verdict.value.lower()}">'
            f'<rect x="{n(x)}" y="{n(arrow - 8)}" width="{n(width)}" height="16" rx="8"/>'
            f"{words('', text, x + width / 2, arrow + 4, 'middle')}</g>"
        )
        x += width + 6


def _callout(column: _Column, ruling: Ruling, sender: End) -> None:
    """A breach or a warning in full: rule, arithmetic, clause."""
    head = f"{SIGNS[ruling.verdict]} {ruling.rule}"
    if ruling.ours or ruling.end is not sender:
        head += f", broken by {who(ruling)}"
    rows = [
        *(("rule", row) for row in wrap(safe(head), COLUMNS)),
        *(("sentence", row) for row in wrap(safe(ruling.sentence), COLUMNS)),
        *(("quiet", row) for row in wrap(glued(safe(cite_text(ruling.cite))), COLUMNS) if ruling.cite),
    ]
    column.y += 5
    height = len(rows) * LINE + 6
    column.parts.append(
        f'<g class="callout {ruling.verdict.value.lower()}"><rect class="ground" x="{_LEFT + 10}" '
        f'y="{n(column.y)}" width="{SERVER - _LEFT - 20}" height="{height}" rx="4"/>'
        f'<rect class="edge" x="{_LEFT + 10}" y="{n(column.y)}" width="3" height="{height}"/>'
    )
    column.y += 3
    for name, row in rows:
        column.line(name, row, x=_LEFT + 20, anchor="start")
    column.parts.append("</g>")
    column.y += 6


def _states(column: _Column, states: tuple[str, str]) -> None:
    """The states that the ends have come to, each beside its bar."""
    client, server = states
    if not (client or server):
        return
    column.y += LINE + 1
    if client:
        column.parts.append(words("state", client, _LEFT + 5, column.y - 4))
    if server:
        column.parts.append(words("state", server, SERVER - 5, column.y - 4, "end"))


def found_on(rulings: Iterable[Ruling]) -> list[Ruling]:
    """Of what the rules said what is shown in a picture: breaches, warnings and notes, consequences left out."""
    return [r for r in rulings if (r.verdict in CHARGES or r.verdict is Verdict.ERROR) and not r.consequence]
