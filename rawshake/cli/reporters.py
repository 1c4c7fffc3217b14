"""The reports that ``check`` writes, each told of captures and their connections as they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final, Protocol

import click

from rawshake.cli import tables
from rawshake.cli.output import to_stdout
from rawshake.cli.parameters import Output
from rawshake.connection import Connection
from rawshake.plain.language import phrase
from rawshake.render import check_json, junit
from rawshake.render.compact import Compact
from rawshake.render.explained import closing_lines, translated
from rawshake.render.grouped import grouped, quiet_line, totals, unjudged, verdict_line
from rawshake.render.ladder import LEGEND, Ladder
from rawshake.render.lines import broken_file, github, lines
from rawshake.render.options import Options
from rawshake.render.style import BOLD, DIM, Span, paint
from rawshake.render.summary import Summary, at_least
from rawshake.render.table import Table
from rawshake.render.text import safe, wrap
from rawshake.report import Exchange, Report
from rawshake.rules.model import Rule, Verdict
from rawshake.trace.expression import Filter

#: So many connections are a table for a terminal; what is more is written as into a pipe.
MOST_ROWS: Final = 200
_FRAMES: Final = phrase("The numbers at the left are those of the frames in the capture.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user asked for."""

    files: tuple[str, ...]
    rules: tuple[Rule, ...]
    floor: Verdict
    form: str
    connection: int | None
    wanted: Filter | None
    junit: str | None
    output: Output
    html: str | None = None
    #: what it passes is no file, which could be read once more
    live: bool = False


class Reporter(Protocol):
    """Writes one kind of report: captures one after the other, each connection as it is handed on."""

    def begin(self, file: str) -> None:
        """A capture begins."""
        ...

    def connection(self, connection: Connection) -> None:
        """A connection of it has ended."""
        ...

    def end(self, summary: Summary) -> None:
        """The capture has ended."""
        ...

    def close(self) -> None:
        """There are no more."""
        ...


def reporters(
    asked: Asked, options: Options, stack: ExitStack, *, write: Callable[[str], None] = to_stdout
) -> list[Reporter]:
    """All that were asked for; their files are closed with ``stack``. What is to be read goes to ``write``."""
    chosen: list[Reporter] = []
    if "-" not in (asked.output.json, asked.junit, asked.html, asked.output.svg):
        chosen.append((Text if asked.form == "text" else Lines)(asked, options, write))
    if asked.output.json is not None:
        chosen.append(Json(asked, _writer(asked.output.json, stack)))
    if asked.junit is not None:
        chosen.append(JUnit(asked, _writer(asked.junit, stack)))
    if asked.html is not None:
        make = Html if asked.connection is None else HtmlOfOne
        chosen.append(make(asked, replace(options, ascii=False, colour=False), _writer(asked.html, stack)))
    if asked.output.svg is not None:
        chosen.append(Picture(asked, options, _writer(asked.output.svg, stack)))
    return chosen


def is_only_counted(asked: Asked) -> bool:
    """Whether nobody wants to be told of a connection in which nothing was found."""
    files = asked.output.json, asked.html
    return asked.output.quiet and asked.form == "text" and not any(files)


def _writer(path: str, stack: ExitStack) -> Callable[[str], None]:
    """What writes text to that file as it comes; ``-`` is standard output."""
    if path == "-":
        return to_stdout
    from rawshake.net.privilege import open_for_user

    file = stack.enter_context(open_for_user(path))

    def write(text: str) -> None:
        file.write(text.encode())

    return write


class Text:
    """The report to read: a table and what was found, or one connection drawn."""

    def __init__(self, asked: Asked, options: Options, write: Callable[[str], None] = to_stdout) -> None:
        self._write = write
        self._asked = asked
        self._options = options
        self._quiet = asked.output.quiet
        self._compact = asked.output.compact
        self._table = Table(options, compact=self._compact)
        self._file = ""
        self._begun = False
        self._headed = False
        #: what a table is made of for a terminal, as long as there are not too many; None where lines are written
        self._rows: list[Connection] | None = None

    def begin(self, file: str) -> None:
        """The name of the capture, where there are several."""
        asked = self._asked.files
        self._headed = len(asked) > 1 or file != asked[0]
        self._file = safe(file, ascii_only=self._options.ascii)
        if self._headed and not self._quiet:
            head = paint([Span(self._file, BOLD)], colour=self._options.colour)
            self._write(f"{chr(10) if self._begun else ''}{head}\n")
        self._begun = True
        # What still grows is told as it comes.
        plain = self._quiet or self._compact or self._asked.connection is not None or file == "-"
        self._rows = None if plain or not tables.wanted() else []

    def _tabulate(self) -> None:
        """Write the table; what comes after it is written line by line."""
        if self._rows:
            self._write(tables.connections(self._rows, self._options))
        self._rows = None

    def connection(self, connection: Connection) -> None:
        """Its lines, or its ladder."""
        if self._quiet:
            return
        if self._rows is not None:
            self._rows.append(connection)
            if len(self._rows) > MOST_ROWS:
                last = self._rows.pop()
                self._tabulate()
                self._write(f"More than {MOST_ROWS} connections: some lines for each.\n")
                self.connection(last)
            return
        if self._asked.connection is not None and self._compact:
            self._one_line_a_segment(connection)
            return
        self._write(self._table.connection(connection))
        if self._asked.connection is not None:
            self._draw(connection)

    def _draw(self, connection: Connection) -> None:
        exchange = connection.exchange
        if exchange is None:
            self._write("     Its segments are not at hand.\n")
            return
        ladder = Ladder(self._options, exchange.client, exchange.server)
        self._write("\n" + ladder.head())
        for entry in exchange.entries:
            self._write(ladder.entry(entry))
        options = self._options
        legend = [LEGEND, _FRAMES] if connection.first_frame else [LEGEND]
        texts = (safe(translated(text, options.words), ascii_only=options.ascii) for text in legend)
        rows = [[Span(row, DIM)] for text in texts for row in wrap(text, options.columns)]
        told = closing_lines(exchange, options.columns, options)
        painted = [paint(row, colour=options.colour) for row in [*rows, *([[], *told] if told else [])]]
        self._write("\n" + "".join(f"{row}\n" for row in painted))

    def _one_line_a_segment(self, connection: Connection) -> None:
        self._write("# " + self._table.connection(connection))
        if connection.exchange is None:
            self._write("# Its segments are not at hand.\n")
            return
        compact = Compact(self._options)
        for entry in connection.exchange.entries:
            self._write(compact.entry(entry))
        self._write(compact.closing(connection.exchange))

    def end(self, summary: Summary) -> None:
        """What was found, the totals, and what was not judged."""
        self._tabulate()
        if self._quiet:
            line = quiet_line(summary, self._options)
            self._write(f"{self._file}: {line}\n" if self._headed else f"{line}\n")
            return
        options = self._options
        middle = totals(summary, options)
        if self._asked.connection is not None:
            # Of the capture as a whole nothing was asked.
            summary = replace(summary, left_out=Counter(), copies=0, cut=0)
            middle = ""
        line = verdict_line(summary, options) + "\n"
        parts = [grouped(summary, options), middle, unjudged(summary, options), line]
        text = ("\n" if summary.connections else "") + "".join(parts)
        if self._asked.connection is not None and self._compact:
            text = "".join(f"# {row}".rstrip() + "\n" for row in text.splitlines() if row)
        self._write(text)

    def close(self) -> None:
        """All is written."""


class Lines:
    """A line for each finding."""

    def __init__(self, asked: Asked, options: Options, write: Callable[[str], None] = to_stdout) -> None:
        self._write = write
        self._asked = asked
        self._options = options
        self._file = ""

    def begin(self, file: str) -> None:
        """What the lines begin with."""
        self._file = file

    def connection(self, connection: Connection) -> None:
        """Its findings; if quiet, only those that count."""
        if self._asked.output.quiet:
            kept = [one for one in connection.findings if at_least(one.ruling.verdict, self._asked.floor)]
            connection = replace(connection, findings=tuple(kept))
        if self._asked.form == "github":
            written = github(self._file, connection)
        else:
            written = lines(self._file, connection, self._options)
        self._write("".join(written))

    def end(self, summary: Summary) -> None:
        """An annotation for what could not be read; everyone else reads standard error."""
        if summary.damage and self._asked.form == "github":
            self._write(broken_file(self._file, summary.damage))

    def close(self) -> None:
        """All is written."""


class Json:
    """The whole report for programs."""

    def __init__(self, asked: Asked, write: Callable[[str], None]) -> None:
        self._write = write
        self._writer = check_json.Writer()
        write(self._writer.head(rule.id for rule in asked.rules))

    def begin(self, file: str) -> None:
        """A capture begins."""
        self._write(self._writer.begin(file))

    def connection(self, connection: Connection) -> None:
        """One connection."""
        self._write(self._writer.connection(connection))

    def end(self, summary: Summary) -> None:
        """Its totals."""
        self._write(self._writer.end(summary))

    def close(self) -> None:
        """The document's end."""
        self._write(self._writer.foot())


class JUnit:
    """A suite for each capture."""

    def __init__(self, asked: Asked, write: Callable[[str], None]) -> None:
        self._asked = asked
        self._write = write
        self._suites = 0
        write(junit.HEAD)

    def begin(self, file: str) -> None:
        """The suite is written at its end."""

    def connection(self, connection: Connection) -> None:
        """The summary has what a suite needs of it."""

    def end(self, summary: Summary) -> None:
        """The suite."""
        self._write(junit.suite(summary, self._asked.rules, self._asked.floor, number=self._suites))
        self._suites += 1

    def close(self) -> None:
        """The document's end."""
        self._write(junit.FOOT)


class Html:
    """A page to look at, written at the end."""

    def __init__(self, asked: Asked, options: Options, write: Callable[[str], None]) -> None:
        from rawshake.html.check import CheckPage  # loads the makers of templates, which nobody else needs

        self._quiet = asked.output.quiet
        self._write = write
        self._page = CheckPage(asked.rules, options, live=asked.live)

    def keeps(self, connection: Connection) -> bool:
        """Whether its ladder is to be drawn."""
        return self._page.keeps(connection)

    def drawn(self, connection: Connection) -> Connection:
        """The connection without its transcript, once its ladder is drawn: transcripts that wait are large."""
        self._page.draw(connection)
        return replace(connection, exchange=None)

    def begin(self, file: str) -> None:
        """A capture begins."""
        self._page.begin(file)

    def connection(self, connection: Connection) -> None:
        """One connection."""
        self._page.connection(connection)

    def end(self, summary: Summary) -> None:
        """The capture has ended."""
        self._page.end(summary)

    def close(self) -> None:
        """The page."""
        self._write(self._page.document())
        if self._page.left_out and not self._quiet:
            click.echo(self._page.left_out, err=True)


class _OfOne:
    """Keeps the single connection that was asked for."""

    def __init__(self, asked: Asked, options: Options, write: Callable[[str], None]) -> None:
        self._asked = asked
        self._options = options
        self._write = write
        self._exchanges: list[Exchange] = []

    def begin(self, file: str) -> None:
        """There is one capture."""

    def connection(self, connection: Connection) -> None:
        """The connection; of reports without segments there is none to draw."""
        if connection.exchange is not None:
            self._exchanges.append(connection.exchange)

    def end(self, summary: Summary) -> None:
        """All is known."""


class HtmlOfOne(_OfOne):
    """The page of a single connection."""

    def close(self) -> None:
        """The page."""
        from rawshake.html.exchange import page

        rules = tuple(rule.id for rule in self._asked.rules)
        title = f"{self._asked.files[0]}, connection {self._asked.connection}"
        self._write(page(Report("check", tuple(self._exchanges), rules), self._options, title=title))


class Picture(_OfOne):
    """The ladder of a single connection as SVG."""

    def close(self) -> None:
        """The picture."""
        from rawshake.html.ladder import pictures

        self._write(pictures(self._exchanges, self._options))
