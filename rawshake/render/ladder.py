"""One exchange drawn as two lifelines with arrows between them, each segment as it comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rawshake.plain.language import phrase
from rawshake.render import style
from rawshake.render.explained import closing_lines, held_together, sentence_text, translated
from rawshake.render.findings import glued, ruling_lines, summary_lines, verdict
from rawshake.render.options import Options
from rawshake.render.style import Span, extent, paint
from rawshake.render.text import GLUE, columns, fit, moment, preview, safe, wrap
from rawshake.render.words import (
    ack_text,
    control_text,
    endpoint_text,
    flags_text,
    payload_of,
    remarks,
    seq_text,
    states_before,
    states_of,
    window_text,
)
from rawshake.report import Exchange, Judged, Remark
from rawshake.tcp.segment import Segment
from rawshake.tcp.view import End, Fate, Step
from rawshake.tcp.words import options_text

#: Columns left of the client's lifeline: number and time of a segment.
_GUTTER = 15
#: Where the fields of an arrow begin, right of the client's lifeline: flags, seq, ack, length; the same in
#: both directions, so that numbers stand under one another. On a wide terminal the last three stand further apart.
_FLAGS, _SEQ, _ACK, _LENGTH = 3, 15, 31, 47
#: How wide the room between the lifelines is in 80 columns, which these are for, and how far apart they may go.
_USUAL, _APART = 63, 12

#: Said once, at the foot.
LEGEND: Final = phrase("a, b: initial sequence numbers; STATE?: expected, no segment has proven it yet")


class Ladder:
    """Draws one exchange piece by piece; every piece is whole lines, each with its line end.

    No line is wider than ``options.columns``. ``start`` is the time (ns) that counts as 0; the first
    segment's unless given.
    """

    def __init__(
        self,
        options: Options,
        client: tuple[str, int],
        server: tuple[str, int],
        *,
        start: int | None = None,
    ) -> None:
        self._options = options
        self._signs = style.ASCII if options.ascii else style.UNICODE
        self._client = client
        self._server = server
        self._start = start
        self._width = options.columns
        self._inner = self._width - _GUTTER - 2
        apart = min(max(self._inner - _USUAL, 0) // 4, _APART)
        self._seq, self._ack, self._length = _SEQ + apart, _ACK + 2 * apart, _LENGTH + 3 * apart
        self._states: tuple[str, str] | None = None

    def head(self) -> str:
        """Who talks to whom."""
        lines = self._pair(self._title(End.CLIENT), self._title(End.SERVER), style.BOLD)
        lines += self._pair(endpoint_text(self._client), endpoint_text(self._server), style.PLAIN)
        return self._join(lines)

    def entry(self, entry: Judged | Remark) -> str:
        """One segment, with the states of both ends after it and what the rules said; or one remark."""
        if isinstance(entry, Remark):
            return self._remark(entry)
        step = entry.step
        if self._start is None:
            self._start = step.time
        lines = []
        if self._states is None:
            self._states = states_before(step)
            lines.append(self._state_row(self._states, (True, True)))
        lines += [self._row([]), *self._arrow(step, entry.frame or step.number), *self._details(step)]
        lines += self._explanation(step)
        after = states_of(step.after)
        lines.append(self._state_row(after, (after[0] != self._states[0], after[1] != self._states[1])))
        self._states = after
        said = ruling_lines(entry.rulings, self._inner - 2, self._options, self._signs, sender=step.sender)
        lines += [self._row([Span(" "), *line]) for line in said]
        return self._join(lines)

    def foot(self, exchange: Exchange) -> str:
        """What the rules said of the whole, every finding with its clause, and the verdict."""
        lines: list[list[Span]] = [[]]
        if exchange.steps:
            legend = self._safe(translated(LEGEND, self._options.words))
            lines += [*([Span(line, style.DIM)] for line in wrap(legend, self._width)), []]
            told = closing_lines(exchange, self._width, self._options)
            lines += [*told, []] if told else []
        if self._options.verbose and exchange.closing:
            lines.append([Span("The exchange as a whole:")])
            said = ruling_lines(exchange.closing, self._width - 2, self._options, self._signs)
            lines += [*([Span("  "), *line] for line in said), []]
        findings = summary_lines(exchange, self._width, self._options)
        if findings:
            lines += [*findings, []]
        text, colour = verdict(exchange, self._options)
        lines += [[Span(line, colour)] for line in _verdict_rows(text, self._width)]
        return self._join(lines)

    def draw(self, exchange: Exchange) -> str:
        """All of it at once: head, entries and foot."""
        return self.head() + "".join(map(self.entry, exchange.entries)) + self.foot(exchange)

    def _title(self, end: End) -> str:
        if self._options.ours is end:
            return f"{end} (rawshake)"
        name = self._safe(self._options.name(end))
        return f"{end} {name}".rstrip()

    def _pair(self, left: str, right: str, sgr: str) -> list[list[Span]]:
        """Text over each lifeline; over two lines where one cannot hold both."""
        room = self._width - _GUTTER
        left, right = fit(self._safe(left), room), fit(self._safe(right), room)
        margin = Span(" " * _GUTTER)
        gap = room - columns(left) - columns(right)
        if gap >= 2:
            return [[margin, Span(left, sgr), Span(" " * gap), Span(right, sgr)]]
        pad = Span(" " * (room - columns(right)))
        return [[margin, Span(left, sgr)], [margin, pad, Span(right, sgr)]]

    def _row(self, spans: Sequence[Span], *, gutter: str = "", left: str = "", right: str = "") -> list[Span]:
        """Spans between the two lifelines; they take at most ``self._inner`` columns."""
        pad = " " * (self._inner - extent(spans))
        return [
            Span(f"{gutter:<{_GUTTER}}", style.DIM),
            Span(left or self._signs.rail, style.DIM),
            *spans,
            Span(pad),
            Span(right or self._signs.rail, style.DIM),
        ]

    def _state_row(self, states: tuple[str, str], changed: tuple[bool, bool]) -> list[Span]:
        gap = self._inner - 2 - sum(map(columns, states))
        client, server = (
            Span(state, style.DIM if not moved else style.BOLD_YELLOW if "?" in state else style.BOLD_GREEN)
            for state, moved in zip(states, changed, strict=True)
        )
        return self._row([Span(" "), client, Span(" " * gap), server, Span(" ")])

    def _arrow(self, step: Step, number: int) -> list[list[Span]]:
        label = self._label(step.segment)
        rows = []
        if label is None:
            # Too narrow for all of it: the flags on the arrow, the numbers below.
            text = flags_text(step.segment.flags)
            label = [(_FLAGS, text if len(text) <= self._inner - 10 else str(step.segment.flags))]
            rows = [row for line in _numbers(step) for row in self._flow(glued(line))]
        spans: list[Span] = []
        used = 0
        for at, text in label:
            spans += [
                Span(self._stretch(max(at - used, 1), before=bool(used))),
                Span(text, _sgr(step.segment)),
            ]
            used = max(at, used + 1) + len(text)
        spans.append(Span(self._stretch(self._inner - used, after=False)))
        signs = self._signs
        lost = f" {signs.lost} "
        if step.sender is End.CLIENT:
            end = lost if step.fate is Fate.LOST else signs.to_right
            spans[-1] = Span(spans[-1].text[: -len(end)] + end)
            return [self._row(spans, gutter=self._gutter(step, number), left=signs.from_left), *rows]
        spans[0] = Span(lost if step.fate is Fate.LOST else signs.to_left + spans[0].text[1:])
        return [self._row(spans, gutter=self._gutter(step, number), right=signs.from_right), *rows]

    def _stretch(self, count: int, *, before: bool = True, after: bool = True) -> str:
        """``count`` columns of the arrow's line, with a space towards the text before and after it."""
        line = count - before - after
        # Between two fields, a dash or two would read as a minus.
        return (
            " " * count
            if line < 1 + 2 * (before and after)
            else " " * before + self._signs.line * line + " " * after
        )

    def _label(self, segment: Segment) -> list[tuple[int, str]] | None:
        """The fields of the arrow and where they begin; None where they leave no room for a head."""
        seq, ack, length = f"seq {segment.seq}", f"ack {segment.ack}", f"len {segment.payload_length}"
        for flags in (flags_text(segment.flags), str(segment.flags)):
            fields = [(_FLAGS, flags), (self._seq, seq)]
            if segment.has_ack:
                fields.append((self._ack, ack))
            fields.append((self._length, length))
            if _FLAGS + len(flags) < self._seq and self._length + len(length) + 5 <= self._inner:
                return fields
        return None

    def _details(self, step: Step) -> list[list[Span]]:
        segment = step.segment
        rows: list[list[Span]] = []
        if self._label(segment) is not None:
            rows = self._below(step)
        if segment.options:
            text = options_text(segment.options, peer_isn=step.peer_now.iss).replace(",", ", ")
            rows += self._flow(glued(self._safe(text)))
        if segment.payload_length:
            rows += self._payload(segment)
        said = map(self._safe, remarks(step, ours=self._options.ours))
        room = self._inner - _FLAGS - 3
        marks = f"{GLUE}{self._signs.dot} ".join(glued(one) if columns(one) <= room else one for one in said)
        return rows + (self._flow(marks, style.YELLOW) if marks else [])

    def _below(self, step: Step) -> list[list[Span]]:
        """Under the fields of the arrow: the window, what the numbers are, and what SYN and FIN add to them."""
        text = f"{'':{_FLAGS}}{window_text(step)}"
        seq, ack = seq_text(step), ack_text(step)
        for at, field in (
            (self._seq, seq and f"= {seq}"),
            (self._ack, ack and f"= {ack}"),
            (self._length, control_text(step.segment)),
        ):
            longer = f"{text.rstrip() + ' ':<{at}}{field}"
            if field and len(longer) < self._inner:
                text = longer
        return [self._row([Span(text, style.DIM)])] if text.strip() else []

    def _payload(self, segment: Segment) -> list[list[Span]]:
        payload = payload_of(segment)
        if not payload:
            return self._flow("data not captured")
        text = preview(payload, self._inner - _FLAGS - 6, total=segment.payload_length)
        return [self._row([Span(f"{'':{_FLAGS}}data "), Span(text, style.CYAN)])]

    def _explanation(self, step: Step) -> list[list[Span]]:
        """The sentence for the segment, between blank rows, if it is wanted."""
        text = sentence_text(step, self._options)
        if not text:
            return []
        return [self._row([]), *self._flow(held_together(text), style.CYAN), self._row([])]

    def _flow(self, text: str, sgr: str = style.PLAIN) -> list[list[Span]]:
        """Safe text between the lifelines, over as many rows as it takes."""
        lines = wrap(text, self._inner - _FLAGS - 1)
        return [self._row([Span(" " * _FLAGS), Span(line, sgr)]) for line in lines]

    def _gutter(self, step: Step, number: int) -> str:
        """The number of the frame, or else of the segment, and the time."""
        time = self._moment(step.time)
        both = f"{number:>3} {time:>{_GUTTER - 5}} "
        if len(both) <= _GUTTER:
            return both
        rounder = (f"{self._seconds(step.time):.{decimals}f} s" for decimals in (3, 1, 0))
        squeezed = (f"{number} {text} " for text in (time, *rounder))
        fitting = (text for text in squeezed if len(text) <= _GUTTER)
        return next(fitting, f"{time[: _GUTTER - 1]:>{_GUTTER - 1}} ")

    def _seconds(self, time: int) -> float:
        return (time - (self._start or 0)) / 1e9

    def _moment(self, time: int) -> str:
        return "" if self._start is None else moment(time - self._start)

    def _remark(self, remark: Remark) -> str:
        text = self._safe(translated(remark.text, self._options.words))
        rows = self._flow(f"{self._signs.dot} {text}", style.YELLOW)
        gutter = f"{self._moment(remark.time):>{_GUTTER - 1}} "[-_GUTTER:]
        rows[0][0] = Span(gutter, style.DIM)
        return self._join([self._row([]), *rows])

    def _safe(self, text: str) -> str:
        return safe(text, ascii_only=self._options.ascii)

    def _join(self, lines: Iterable[Sequence[Span]]) -> str:
        return "".join(paint(line, colour=self._options.colour) + "\n" for line in lines)


def _numbers(step: Step) -> list[str]:
    """The fields that a narrow arrow has no room for: two lines, the numbers absolute and relative."""
    segment = step.segment
    seq, ack = seq_text(step), ack_text(step)
    first = f"seq {segment.seq}{f' = {seq}' if seq else ''}"
    rest = [f"len {segment.payload_length} {control_text(segment)}".rstrip(), window_text(step)]
    if segment.has_ack:
        rest.insert(0, f"ack {segment.ack}{f' = {ack}' if ack else ''}")
    return [first, ", ".join(filter(None, rest))]


def _sgr(segment: Segment) -> str:
    if segment.rst:
        return style.BOLD_RED
    return style.BOLD if segment.syn or segment.fin else style.PLAIN


def _verdict_rows(text: str, width: int) -> list[str]:
    """The verdict in rows, broken between facts, the states on a row of their own where not all fits."""
    if columns(text) <= width:
        return [text]
    facts, _, states = text.rpartition("; ")
    rows: list[str] = []
    for fact in f"{facts};".split(", "):
        longer = f"{rows[-1]}, {fact}" if rows else fact
        if rows and columns(longer) < width:  # the comma that may follow included
            rows[-1] = longer
        else:
            rows[-1:] = [f"{row}," for row in rows[-1:]]
            rows.append(f"  {fact}" if rows else fact)
    rows.append(f"  {states}")
    return [line for row in rows for line in _wrapped(row, width)]


def _wrapped(row: str, width: int) -> list[str]:
    """A row that begins with its indentation, over several if it must be."""
    if columns(row) <= width:
        return [row]
    return [f"  {line}" if at else line for at, line in enumerate(wrap(row, width - 2))]


def draw(exchange: Exchange, options: Options) -> str:
    """A whole exchange as a ladder."""
    return Ladder(options, exchange.client, exchange.server).draw(exchange)
