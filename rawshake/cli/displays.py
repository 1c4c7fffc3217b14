"""What ``sniff`` shows: each connection drawn as it ends, or a table of them that updates."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from rawshake.cli.output import to_stdout
from rawshake.cli.parameters import Output
from rawshake.connection import Connection
from rawshake.render.compact import Compact
from rawshake.render.grouped import grouped, quiet_line, totals, unjudged, verdict_line
from rawshake.render.ladder import Ladder
from rawshake.render.options import Options
from rawshake.render.summary import SEVERITY, Summary
from rawshake.render.table import Table, how_it_went
from rawshake.render.text import safe, wrap
from rawshake.render.words import endpoint_text
from rawshake.report import Judged, Remark
from rawshake.rules.model import Verdict

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table as RichTable

    from rawshake.tcp.tracker import Tracker

SECOND: Final = 1_000_000_000
#: How many connections are drawn in a second; beyond that each has one line.
DRAWN: Final = 20
#: How often the table is drawn anew, ns.
REFRESH: Final = SECOND // 4
#: Columns of two IPv4 addresses with their ports.
_PAIR: Final = 43
#: How many rows the table remembers.
ROWS: Final = 200


@runtime_checkable
class Display(Protocol):
    """A reporter that is told the time, too; ``gone`` says that nobody reads it any more."""

    @property
    def gone(self) -> bool: ...

    def tick(self, now: int) -> None:
        """It is ``now``, ns since the epoch by the clock of the frames."""
        ...


class Exchanges:
    """Draws each connection as it ends, as a ladder or a line a segment; many at a time have one line each."""

    def __init__(self, output: Output, options: Options, flood: Callable[[], str], *, drawn: bool) -> None:
        self._output = output
        self._options = options
        self._flood = flood
        self._table = Table(options, compact=False)
        self._lines = Table(options, compact=True)
        self._most = DRAWN if drawn else 0
        self._second = 0
        self._in_second = 0
        self._told = not drawn
        self.gone = False

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            self.gone = True
            to_stdout("")  # which leads it elsewhere, so that nothing stumbles over it again

    def draws(self) -> bool:
        """Whether another connection would be drawn, for which its transcript is needed."""
        return self._in_second < self._most and not self._output.quiet

    def begin(self, file: str) -> None:
        """Nothing is to be shown yet."""

    def tick(self, now: int) -> None:
        """Another second may draw again."""
        if now // SECOND != self._second:
            self._second, self._in_second = now // SECOND, 0

    def connection(self, connection: Connection) -> None:
        """The connection with its transcript, if there is time for it."""
        if self._output.quiet:
            return
        self._in_second += 1
        if connection.exchange is None or self._in_second > self._most:
            self._one_line(connection)
        elif self._output.compact:
            compact = Compact(self._options)
            lines = [
                f"# {self._lines.connection(connection)}",
                *map(compact.entry, connection.exchange.entries),
            ]
            self._write("".join(lines))
        else:
            ladder = Ladder(self._options, connection.client, connection.server)
            entries = map(ladder.entry, connection.exchange.entries)
            self._write("".join([self._table.connection(connection), "\n", ladder.head(), *entries, "\n"]))

    def _one_line(self, connection: Connection) -> None:
        mark = "# " if self._output.compact else ""
        if not self._told and self._in_second > self._most:
            self._write(f"{mark}More than {DRAWN} connections a second: a line for each.\n")
            self._told = True
        self._write(mark + self._lines.connection(connection))

    def end(self, summary: Summary) -> None:
        """What was found, the totals, and what was not judged."""
        options = self._options
        if self._output.quiet:
            self._write(f"{quiet_line(summary, options)}\n")
            return
        flood = "".join(f"{line}\n" for line in wrap(safe(self._flood()), options.columns, indent=2) if line)
        parts = [grouped(summary, options), totals(summary, options), flood, unjudged(summary, options)]
        text = "".join([*parts, verdict_line(summary, options), "\n"])
        if self._output.compact:
            text = "".join(f"# {row}".rstrip() + "\n" for row in text.splitlines() if row)
        self._write(text)

    def close(self) -> None:
        """All is written."""


@dataclass(slots=True)
class _Row:
    number: int
    pair: str
    how: str = ""
    states: str = ""
    segments: int = 0
    found: str = ""
    worst: Verdict | None = None
    over: bool = False


class LiveTable:
    """A table of the last connections on a terminal, which goes on changing until the capture has ended."""

    def __init__(self, exchanges: Exchanges, options: Options) -> None:
        self._exchanges = exchanges
        self._options = options
        self._rows: OrderedDict[int, _Row] = OrderedDict()
        self._live: Live | None = None
        self._drawn_at = 0
        self._counts = [0, 0]
        self.gone = False

    def step(self, number: int, tracker: Tracker, entry: Judged | Remark) -> None:
        """A segment of a connection was judged."""
        if not isinstance(entry, Judged):
            return
        row = self._row(number, tracker.client, tracker.server)
        client, server = entry.step.after.client, entry.step.after.server
        row.states = f"{client.state} / {server.state}"
        row.segments = entry.step.number
        for ruling in entry.rulings:
            if ruling.is_finding and (row.worst is None or _graver(ruling.verdict, row.worst)):
                row.worst, row.found = ruling.verdict, f"{ruling.verdict} {ruling.rule}"

    def _row(self, number: int, client: tuple[str, int], server: tuple[str, int]) -> _Row:
        row = self._rows.get(number)
        if row is None:
            self._counts[0] += 1
            row = self._rows[number] = _Row(number, f"{endpoint_text(client)} > {endpoint_text(server)}")
            if len(self._rows) > ROWS:
                done = next((key for key, one in self._rows.items() if one.over), next(iter(self._rows)))
                del self._rows[done]
        return row

    def begin(self, file: str) -> None:
        """Draw it empty."""
        from rich.console import Console
        from rich.live import Live

        console = Console(no_color=not self._options.colour, highlight=False)
        self._live = Live(self._drawn(), console=console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    def tick(self, now: int) -> None:
        """Draw it anew now and then."""
        if self._live is not None and abs(now - self._drawn_at) >= REFRESH:
            self._drawn_at = now
            self._live.update(self._drawn(), refresh=True)

    def connection(self, connection: Connection) -> None:
        """It has ended."""
        self._counts[1] += 1
        row = self._row(connection.number, connection.client, connection.server)
        facts = connection.facts
        row.states = f"{facts.client.state} / {facts.server.state}"
        row.segments, row.how, row.over = facts.segments, how_it_went(connection), True
        for found in connection.findings:
            if row.worst is None or _graver(found.ruling.verdict, row.worst):
                row.worst, row.found = found.ruling.verdict, f"{found.ruling.verdict} {found.ruling.rule}"

    def _drawn(self) -> RichTable:
        from rich.table import Table as RichTable
        from rich.text import Text

        height = self._live.console.height if self._live is not None else 24
        begun, ended = self._counts
        title = f"{begun} connections, {begun - ended} of them open"
        drawn = RichTable(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), expand=True)
        drawn.add_column("#", justify="right", no_wrap=True, min_width=3)
        drawn.add_column("client > server", no_wrap=True, overflow="ellipsis", max_width=_PAIR)
        drawn.add_column("segs", justify="right", no_wrap=True, min_width=4)
        drawn.add_column("states, and how it ended", no_wrap=True, overflow="ellipsis", ratio=1)
        rows = sorted(self._rows.values(), key=lambda row: row.number)[-max(1, height - 6) :]
        for row in rows:
            style = _STYLES.get(row.worst) if row.worst else None
            told = "; ".join(part for part in (row.found, row.how or row.states) if part)
            cells = (str(row.number), row.pair, str(row.segments), told)
            drawn.add_row(
                *(Text(safe(cell, ascii_only=self._options.ascii)) for cell in cells),
                style=style or ("dim" if row.over else ""),
            )
        return drawn

    def end(self, summary: Summary) -> None:
        """The table stays as it is, and the totals come below."""
        if self._live is not None:
            self._live.update(self._drawn(), refresh=True)
            self._live.stop()
            self._live = None
        self._exchanges.end(summary)

    def close(self) -> None:
        """Leave the terminal as it was, whatever happened."""
        if self._live is not None:
            self._live.stop()
            self._live = None


_STYLES: Final = {Verdict.FAIL: "bold red", Verdict.WARN: "yellow", Verdict.NOTE: "cyan"}


def _graver(one: Verdict, other: Verdict) -> bool:
    return one in SEVERITY and SEVERITY.index(one) < SEVERITY.index(other)
