"""What ``check`` does: captures in, judged connections in order of number, each to every report asked for."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import chain
from typing import Final

from rawshake.api.frames import Reading
from rawshake.cli import complain
from rawshake.cli.output import render_options, to_stdout
from rawshake.cli.progress import Progress, size_of
from rawshake.cli.reporters import Asked, Html, Reporter, is_only_counted, reporters
from rawshake.cli.stops import Stopped
from rawshake.connection import Alike, Connection, Found, facts
from rawshake.errors import Exit, Failure
from rawshake.follow import Follower, Totals
from rawshake.render.summary import Summary, at_least
from rawshake.render.text import safe
from rawshake.report import Exchange, Judged
from rawshake.screen.road import Screen
from rawshake.trace.model import Damage

#: How many finished connections wait for one of a lower number that is still open.
WAITING: Final = 4096


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


class Check:
    """Runs over all files."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._reporters: list[Reporter] = []
        self._found = False
        self._unreadable = False
        self._stopped: Exit | None = None
        self._progress = Progress("", None, wanted=False)

    def run(self) -> int:
        """Report on every file, and give the exit status."""
        options = replace(render_options(self._asked.output), ours=None)
        with ExitStack() as stack:
            self._reporters = reporters(self._asked, options, stack, write=self._write)
            for file in self._asked.files:
                if self._stopped is not None:
                    break
                try:
                    self._file(file)
                except Failure as failure:
                    if failure.status is not Exit.UNREADABLE:
                        raise
                    complain(failure)
                    self._unreadable = True
            for reporter in self._reporters:
                reporter.close()
        if self._stopped is not None:
            return self._stopped
        if self._unreadable:
            return Exit.UNREADABLE
        return Exit.RULE_BROKEN if self._found else Exit.OK

    def _file(self, file: str) -> None:
        from rawshake.net.tracefile import opened

        ascii_only = render_options(self._asked.output).ascii
        self._progress = Progress(safe(file, ascii_only=ascii_only), size_of(file), ascii_only=ascii_only)
        with opened(file) as octets, closing(self._progress):
            first, chunks = _peek(self._until_stopped(octets))
            if first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
                self._report(file, chunks)
            else:
                self._capture(file, chunks)

    def _write(self, text: str) -> None:
        self._progress.clear()
        to_stdout(text)

    def _until_stopped(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Who waits for more of a pipe that still grows, and is told to stop, reports on what has come."""
        try:
            for chunk in chunks:
                self._progress.add(len(chunk))
                yield chunk
        except Stopped as stopped:
            self._stopped = stopped.status

    def _begin(self, file: str) -> Summary:
        for reporter in self._reporters:
            reporter.begin(file)
        return Summary(file)

    def _hand_on(self, connection: Connection, summary: Summary) -> None:
        number = self._asked.connection
        if number is not None and connection.number != number:
            return
        summary.add(connection)
        self._found |= any(at_least(one.ruling.verdict, self._asked.floor) for one in connection.findings)
        for reporter in self._reporters:
            reporter.connection(connection)

    def _end(self, summary: Summary, connections: int) -> None:
        self._progress.close()
        number = self._asked.connection
        if number is not None and not summary.connections:
            count = f"{connections} connection{'' if connections == 1 else 's'}"
            raise Failure(
                Exit.USAGE,
                f"There is no connection {number} in '{summary.file}', which has {count}.",
                "Leave --connection out to see their numbers.",
            )
        for reporter in self._reporters:
            reporter.end(summary)
        if summary.damage:
            at = f"{summary.damage} (at octet {summary.damage_at})" if summary.damage_at else summary.damage
            if summary.frames:
                problem = f"The capture '{summary.file}' is damaged: {at}."
                next_step = f"What stands before it was judged: {summary.frames} packets."
            else:
                problem = f"'{summary.file}' cannot be read: {at}."
                next_step = (
                    "Name a file in the format pcap or pcapng; it may be compressed with gzip or zstd."
                )
            complain(Failure(Exit.UNREADABLE, problem, next_step))
            self._unreadable = True

    def _capture(self, file: str, chunks: Iterable[bytes]) -> None:
        summary = self._begin(file)
        wanted = self._asked.connection
        in_order = InOrder(lambda connection: self._hand_on(connection, summary))
        reading = Reading(self._asked.wanted)
        if wanted is None:
            alike = summary.add_alike if is_only_counted(self._asked) else None
            totals = self._screen(in_order.add, alike).run(chunks, reading)
        else:
            totals = self._only_one(wanted, chunks, reading, summary)
        in_order.finish()
        if self._stopped is not None:
            reading.damage = None
        fill(summary, reading, totals)
        self._end(summary, totals.connections)

    def _screen(self, done: Callable[[Connection], None], alike: Callable[[Alike], None] | None) -> Screen:
        """What judges all of a capture; transcripts are kept for a page only, and no longer than it takes to draw."""
        page = next((one for one in self._reporters if isinstance(one, Html)), None)
        if page is None:
            return Screen(self._asked.rules, done, alike=alike)
        drawn = page.drawn
        return Screen(self._asked.rules, lambda one: done(drawn(one)), keep=page.keeps)

    def _only_one(self, wanted: int, chunks: Iterable[bytes], reading: Reading, summary: Summary) -> Totals:
        """Follow all until the one that is wanted has ended, whose transcript is kept."""
        follower = Follower(
            self._asked.rules,
            lambda connection: self._hand_on(connection, summary),
            keep=lambda connection: connection.number == wanted,
        )
        for frame in reading.frames(chunks):
            follower.frame(frame)
            if summary.connections:
                return follower.totals
        return follower.finish()

    def _report(self, file: str, chunks: Iterable[bytes]) -> None:
        """A report that --json wrote: of ``check``, or of a command that made an exchange."""
        from rawshake.render import check_json
        from rawshake.render import json as exchange_json
        from rawshake.render.reading import BadReport, parse

        if self._asked.wanted is not None:
            raise Failure(
                Exit.USAGE,
                f"--filter is for packets, and '{file}' is a report, which has none.",
                "Name the capture in its place.",
            )
        rules = frozenset(rule.id for rule in self._asked.rules)
        try:
            text = b"".join(chunks).decode("utf-8-sig")
            root = parse(text)
            if root["command"].value == check_json.COMMAND:
                for capture in check_json.load(root):
                    summary = self._begin(capture.file)
                    count = 0
                    for connection in capture.connections:
                        count += 1
                        self._hand_on(_only(connection, rules), summary)
                    capture.fill(summary, rules)
                    self._end(summary, count)
                return
            report = exchange_json.load(text)
        except (Damage, UnicodeDecodeError, RecursionError) as damage:
            raise Failure(Exit.UNREADABLE, f"The report '{file}' cannot be read: {damage}.") from None
        except BadReport as bad:
            raise Failure(bad.status, f"'{file}': {bad.problem}", bad.next_step) from None
        summary = self._begin(file)
        for number, exchange in enumerate(report.exchanges, 1):
            self._hand_on(_only(as_connection(number, exchange), rules), summary)
            summary.segments += len(exchange.steps)
        self._end(summary, len(report.exchanges))


def _peek(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first octets, and all of them; where those cannot be had, whoever reads on is told."""
    rest = iter(chunks)
    try:
        first = next(rest, b"")
    except Damage as damage:
        return b"", _broken(damage)
    return first, chain([first] if first else [], rest)


def _broken(damage: Damage) -> Iterator[bytes]:
    yield from ()
    raise damage


def _only(connection: Connection, rules: frozenset[str]) -> Connection:
    """What these rules said of it."""
    return replace(
        connection,
        findings=tuple(found for found in connection.findings if found.ruling.rule in rules),
        held=connection.held & rules,
        undecidable=Counter({key: count for key, count in connection.undecidable.items() if key[0] in rules}),
    )


def as_connection(number: int, exchange: Exchange) -> Connection:
    """An exchange that rawshake made itself, summed up as one of a capture."""
    passed = {ruling.rule for ruling in exchange.rulings if ruling.verdict.value == "PASS"}
    failed = {ruling.rule for ruling in exchange.rulings if ruling.verdict.value == "FAIL"}
    judged = [entry for entry in exchange.entries if isinstance(entry, Judged)]
    return Connection(
        number=number,
        client=exchange.client,
        server=exchange.server,
        facts=facts(exchange),
        first_frame=judged[0].frame if judged else 0,
        last_frame=judged[-1].frame if judged else 0,
        findings=tuple(Found(judged[ruling.step - 1].frame, ruling) for ruling in exchange.findings),
        held=frozenset(passed - failed),
        undecidable=exchange.undecidable,
        exchange=exchange,
    )


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
