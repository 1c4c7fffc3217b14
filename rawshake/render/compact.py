"""One line a segment in packetdrill's notation, with both states and what was broken: made for grep."""

from __future__ import annotations

from dataclasses import replace

from rawshake.judge import Ruling
from rawshake.render import style
from rawshake.render.explained import closing_lines, sentence_text, translated
from rawshake.render.findings import LOUD, finding_text, verdict
from rawshake.render.options import Options
from rawshake.render.style import Span, paint
from rawshake.render.text import safe
from rawshake.render.words import numbers_nothing, remarks, states_of
from rawshake.report import Exchange, Judged, Remark
from rawshake.tcp.notation import one_line
from rawshake.tcp.segment import Checksum
from rawshake.tcp.view import End, Fate


class Compact:
    """Writes one exchange line by line; ``start`` is the time (ns) that counts as 0, or the first one's.

    ``0.000042 < S. 0:0(0) ack 1 win 65160 # ESTABLISHED? / SYN-RECEIVED # FAIL synack-ack-is-isn-plus-1``

    Seconds since the start with six decimals, the segment, the state of client and server after it; then,
    each after ``#`` and a space, the verdict and the id of every rule that was broken (with ``verbose``, of
    every one exercised), and what else is to be said. All that is no segment begins with ``#``, so that
    ``notation.parse_exchange`` reads the whole back, but for payload and for checksums that the hardware
    was to fill in. Lines may have any width.
    """

    def __init__(self, options: Options, *, start: int | None = None) -> None:
        self._options = options
        self._start = start

    def entry(self, entry: Judged | Remark) -> str:
        """One line, with its line end."""
        if isinstance(entry, Remark):
            text = translated(entry.text, self._options.words)
            return self._line([self._span(f"# {self._time(entry.time)} {text}", style.YELLOW)])
        step = entry.step
        if self._start is None:
            self._start = step.time
        segment = step.segment
        if segment.checksum is Checksum.UNVERIFIABLE:
            # Nearly every segment near its sender is so: it would be said in each line.
            segment = replace(segment, checksum=Checksum.CORRECT)
        text = one_line(
            segment,
            isn=None if numbers_nothing(segment) else step.now.iss,
            peer_isn=step.peer_now.iss,
            from_client=step.sender is End.CLIENT,
            content=False,
        )
        spans = [
            Span(f"{self._time(step.time)} ", style.DIM),
            self._span(text + " [lost]" * (step.fate is Fate.LOST)),
            Span(f" # {' / '.join(states_of(step.after))}", style.CYAN),
        ]
        spans += [
            self._span(f" # {_label(ruling)}", style.OF_VERDICT[ruling.verdict])
            for ruling in entry.rulings
            if self._options.verbose or ruling.verdict in LOUD
        ]
        spans += [self._span(f" # {mark}", style.YELLOW) for mark in remarks(step, ours=self._options.ours)]
        explained = sentence_text(step, self._options)
        return self._line(spans) + (self._line([Span(f"# {explained}", style.CYAN)]) if explained else "")

    def foot(self, exchange: Exchange) -> str:
        """A line for each finding, with its sentence and clause, and one for the verdict."""
        lines = [
            [self._span(f"# {finding_text(ruling)}", style.OF_VERDICT[ruling.verdict])]
            for ruling in exchange.findings
            if self._options.verbose or ruling.verdict in LOUD
        ]
        text, colour = verdict(exchange, self._options)
        return self.closing(exchange) + "".join(map(self._line, [*lines, [Span(f"# {text}", colour)]]))

    def closing(self, exchange: Exchange) -> str:
        """What the states mean, where that is to be explained."""
        told = closing_lines(exchange, self._options.columns - 2, self._options)
        return "".join(self._line([Span("# "), *line]) for line in told)

    def _time(self, time: int) -> str:
        return f"{0 if self._start is None else (time - self._start) / 1e9:.6f}"

    def _span(self, text: str, sgr: str = style.PLAIN) -> Span:
        return Span(safe(text, ascii_only=self._options.ascii), sgr)

    def _line(self, spans: list[Span]) -> str:
        return paint(spans, colour=self._options.colour) + "\n"


def _label(ruling: Ruling) -> str:
    return f"{ruling.verdict} {ruling.rule}{' (follows from an earlier breach)' * ruling.consequence}"


def compact(exchange: Exchange, options: Options) -> str:
    """A whole exchange, one line a segment, and its verdict line."""
    writer = Compact(options)
    return "".join(map(writer.entry, exchange.entries)) + writer.foot(exchange)
