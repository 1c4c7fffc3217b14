"""What ``check`` does: captures in, judged connections in order of number, each to every report asked for."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final, Protocol

from rawshake.cli import complain
from rawshake.cli.frames import Reading
from rawshake.cli.output import render_options, to_stdout
from rawshake.cli.parameters import Output
from rawshake.connection import Connection
from rawshake.errors import Exit, Failure
from rawshake.follow import Follower, Totals
from rawshake.render.grouped import grouped, quiet_line, totals, unjudged, verdict_line
from rawshake.render.lines import broken_file, github, lines
from rawshake.render.options import Options
from rawshake.render.style import BOLD, Span, paint
from rawshake.render.summary import Summary, at_least
from rawshake.render.table import Table
from rawshake.render.text import safe
from rawshake.rules.model import Rule, Verdict
from rawshake.trace.expression import Filter

#: How many finished connections wait for one of a lower number that is still open.
WAITING: Final = 4096


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


class Reporter(Protocol):
    """Writes one kind of report: captures one after the other, each connection as it is handed on."""

    def begin(self, file: str) -> None: ...

    def connection(self, connection: Connection) -> None: ...

    def end(self, summary: Summary) -> None: ...

    def close(self) -> None: ...


class InOrder:
    """Hands connections on in the order of their numbers, as far as ``WAITING`` of them allow."""

    def __init__(self, hand_on: Callable[[Connection], None]) -> None:
        self._hand_on = hand_on
        self._waiting: list[tuple[int, Connection]] = []
        self._next = 1

    def add(self, connection: Connection) -> None:
        """Take a connection that has ended."""
        heapq.heappush(self._waiting, (connection.number, connection))
        while self._waiting and (self._waiting[0][0] <= self._next or len(self._waiting) > WAITING):
            self._pop()

    def finish(self) -> None:
        """There are no more."""
        while self._waiting:
            self._pop()

    def _pop(self) -> None:
        number, connection = heapq.heappop(self._waiting)
        self._next = max(self._next, number + 1)
        self._hand_on(connection)


class Text:
    """The report to read."""

    def __init__(self, asked: Asked, options: Options) -> None:
        self._options = options
        self._quiet = asked.output.quiet
        self._several = len(asked.files) > 1
        self._table = Table(options, compact=asked.output.compact)
        self._file = ""
        self._begun = False

    def begin(self, file: str) -> None:
        self._file = safe(file, ascii_only=self._options.ascii)
        if self._several and not self._quiet:
            head = paint([Span(self._file, BOLD)], colour=self._options.colour)
            to_stdout(f"{chr(10) if self._begun else ''}{head}\n")
        self._begun = True

    def connection(self, connection: Connection) -> None:
        if not self._quiet:
            to_stdout(self._table.connection(connection))

    def end(self, summary: Summary) -> None:
        if self._quiet:
            line = quiet_line(summary, self._options) + "\n"
            to_stdout(f"{self._file}: {line}" if self._several else line)
            return
        options = self._options
        line = verdict_line(summary, options) + "\n"
        parts = [grouped(summary, options), totals(summary, options), unjudged(summary, options), line]
        gap = "\n" if summary.connections else ""
        to_stdout(gap + "".join(parts))

    def close(self) -> None:
        pass


class Lines:
    """A line for each finding."""

    def __init__(self, asked: Asked, options: Options) -> None:
        self._asked = asked
        self._options = options
        self._file = ""

    def begin(self, file: str) -> None:
        self._file = file

    def connection(self, connection: Connection) -> None:
        if self._asked.output.quiet:
            kept = [one for one in connection.findings if at_least(one.ruling.verdict, self._asked.floor)]
            connection = replace(connection, findings=tuple(kept))
        if self._asked.form == "github":
            written = github(self._file, connection)
        else:
            written = lines(self._file, connection, self._options)
        to_stdout("".join(written))

    def end(self, summary: Summary) -> None:
        if summary.damage and self._asked.form == "github":
            to_stdout(broken_file(self._file, summary.damage))

    def close(self) -> None:
        pass


class Check:
    """Runs over all files."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._reporters: list[Reporter] = []
        self._found = False
        self._unreadable = False

    def run(self) -> int:
        """Report on every file, and give the exit status."""
        options = replace(render_options(self._asked.output), ours=None)
        with ExitStack() as stack:
            self._reporters = self._chosen(options, stack)
            for file in self._asked.files:
                try:
                    self._file(file)
                except Failure as failure:
                    complain(failure)
                    self._unreadable = True
            for reporter in self._reporters:
                reporter.close()
        if self._unreadable:
            return Exit.UNREADABLE
        return Exit.RULE_BROKEN if self._found else Exit.OK

    def _chosen(self, options: Options, stack: ExitStack) -> list[Reporter]:
        asked = self._asked
        return [Text(asked, options) if asked.form == "text" else Lines(asked, options)]

    def _file(self, file: str) -> None:
        from rawshake.net.tracefile import opened

        with opened(file) as chunks:
            summary = Summary(file)
            for reporter in self._reporters:
                reporter.begin(file)

            def hand_on(connection: Connection) -> None:
                summary.add(connection)
                self._found |= any(
                    at_least(found.ruling.verdict, self._asked.floor) for found in connection.findings
                )
                for reporter in self._reporters:
                    reporter.connection(connection)

            in_order = InOrder(hand_on)
            reading = Reading(self._asked.wanted)
            follower = Follower(self._asked.rules, in_order.add)
            for frame in reading.frames(chunks):
                follower.frame(frame)
            total = follower.finish()
            in_order.finish()
            fill(summary, reading, total)
            for reporter in self._reporters:
                reporter.end(summary)
            if reading.damage is not None:
                raise damaged(file, reading)


def damaged(file: str, reading: Reading) -> Failure:
    """What is said of a capture that could not be read to its end."""
    assert reading.damage is not None
    problem = f"The capture '{file}' is damaged: {reading.damage.problem} (at octet {reading.damage.offset})."
    before = f"What stands before it was judged: {reading.records} packets." if reading.records else ""
    return Failure(Exit.UNREADABLE, problem, before)


def fill(summary: Summary, reading: Reading, totals: Totals) -> None:
    """Add what the reading and the following came to."""
    summary.frames = reading.records
    summary.cut = reading.cut
    summary.segments = totals.segments
    summary.copies = totals.copies
    summary.icmp = totals.icmp
    summary.evicted = totals.evicted
    summary.left_out = reading.left_out + totals.left_out
    if reading.damage is not None:
        summary.damage, summary.damage_at = reading.damage.problem, reading.damage.offset
