"""What ``listen`` shows of its clients as they come and go, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import BinaryIO, Final

import click

from rawshake.api.crafting import Crafting
from rawshake.api.serving import Served, serving
from rawshake.behaviours import Behaviour
from rawshake.cli import stops
from rawshake.cli.output import to_stdout, write_reports
from rawshake.cli.parameters import Output
from rawshake.cli.reporters import Asked, Reporter, reporters
from rawshake.cli.stops import Stopped
from rawshake.clients import Client, Counts, Limits
from rawshake.connection import Connection
from rawshake.errors import Exit
from rawshake.link import Frame
from rawshake.net.pcapfile import HEADER, record
from rawshake.net.privilege import open_for_user
from rawshake.profile import SECOND
from rawshake.render.compact import Compact
from rawshake.render.findings import verdict_line as exchange_line
from rawshake.render.grouped import grouped, quiet_line, totals, unjudged, verdict_line
from rawshake.render.ladder import Ladder
from rawshake.render.options import Options
from rawshake.render.summary import Summary
from rawshake.render.table import Table
from rawshake.render.words import endpoint_text
from rawshake.report import Exchange, Judged, Remark, Report, breach_of_peer
from rawshake.rules import book
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End
from rawshake.trace.expression import parse

#: How many segments of a client are drawn; of the rest the verdict tells.
DRAWN: Final = 200
#: How many clients are kept for ``--html``.
ON_PAGE: Final = 1000
#: How long all that is open at the end has to be closed.
GOODBYE: Final = 2 * SECOND


def serve(
    port: int,
    behave: tuple[Behaviour, int],
    crafting: Crafting,
    output: Output,
    options: Options,
    *,
    addresses: Sequence[str],
    count: int | None,
    duration: int | None,
    limits: Limits,
) -> int:
    """Serve until ``count`` clients have gone, ``duration`` (ns) has passed, or a signal comes; the exit status."""
    rules = tuple(book())
    with ExitStack() as stack:
        asked = Asked(
            files=(f"port {port}",),
            rules=rules,
            floor=Verdict.FAIL,
            form="text",
            connection=None,
            wanted=parse(""),
            junit=None,
            output=output,
        )
        # The text of check is of a capture that has ended: here it is shown as it goes.
        written = reporters(asked, options, stack)
        if not output.silent:
            written = written[1:]
        pcap = stack.enter_context(open_for_user(output.pcap)) if output.pcap else None
        display = Display(output, options, written, pcap)
        served = stack.enter_context(
            serving(port, *behave, crafting, display, addresses=addresses, limits=limits)
        )
        served.listener.on_frame = display.frame
        click.echo(_listening(served, behave[0]), err=True)
        display.begin(f"port {served.port.port}")
        _run(served, display, count, duration)
        display.end(served.listener.counts, served.port.lost)
        name = f"listen {served.port.port}"
    if output.html is not None:
        if display.gone > len(display.kept):
            name += f": the first {len(display.kept)} of {display.gone} clients"
        made = Report(name, tuple(display.kept), tuple(rule.id for rule in rules))
        write_reports(replace(output, json=None), made, ours=End.SERVER)
    if display.broken:
        return Exit.RULE_BROKEN
    missed = count is not None and duration is not None and display.gone < count
    return Exit.TIMED_OUT if missed and not display.stopped else Exit.OK


def _listening(served: Served, behaviour: Behaviour) -> str:
    first, *others = (endpoint_text((str(one), served.port.port)) for one in served.port.addresses)
    also = f" and {len(others)} more" if others else ""
    return f"Listening on {first}{also}, {behaviour.name}; Ctrl-C ends it."


def _run(served: Served, display: Display, count: int | None, duration: int | None) -> None:
    listener, sockets = served.listener, served.port
    deadline = None if duration is None else sockets.now() + duration
    with stops.noted() as waker:
        sockets.wake_by(waker)
        listener.checkpoint = lambda: stops.check(waker)
        try:
            listener.run(lambda: count is not None and display.gone >= count, deadline=deadline)
        except Stopped:
            display.stopped = True
        with suppress(Stopped):  # a second one: no more goodbyes
            listener.close(GOODBYE)
        sockets.wake_by(None)


class Display:
    """Draws the client that is alone; all others have some lines when they have gone."""

    def __init__(
        self, output: Output, options: Options, reporters: Sequence[Reporter], pcap: BinaryIO | None
    ) -> None:
        self._output = output
        self._options = options
        self._reporters = reporters
        self._pcap = pcap
        self._silent = output.quiet or output.silent
        self._table = Table(options, compact=output.compact)
        self._drawing: tuple[Client, Ladder | Compact] | None = None
        self._drawn = 0
        #: those who are there and not drawn
        self._others: dict[int, Client] = {}
        self._summary = Summary("")
        self._frames = 0
        self._line = ""
        self.gone = 0
        #: those that the page shows
        self.kept: list[Exchange] = []
        self.broken = False
        self.stopped = False

    def begin(self, name: str) -> None:
        """The port is open."""
        self._summary.file = name
        if self._pcap is not None:
            self._pcap.write(HEADER)
        for reporter in self._reporters:
            reporter.begin(name)

    def frame(self, frame: Frame) -> None:
        """One was captured."""
        self._frames += 1
        if self._pcap is not None:
            self._pcap.write(record(frame))

    def opened(self, client: Client) -> None:
        """A SYN has come."""
        if self._silent or self._drawing is not None or self._others:
            self._others[client.number] = client
        else:
            self._draw(client)

    def _draw(self, client: Client) -> None:
        tracker = client.conversation.tracker
        compact = self._output.compact
        drawing = Compact(self._options) if compact else Ladder(self._options, tracker.client, tracker.server)
        self._drawing, self._drawn = (client, drawing), 0
        if isinstance(drawing, Ladder):
            to_stdout(("\n" if client.number > 1 else "") + drawing.head())
        elif client.number > 1:
            to_stdout(f"# client {client.number}\n")
        for entry in list(client.conversation.entries):
            self.entry(client, entry)

    def entry(self, client: Client, entry: Judged | Remark) -> None:
        """A segment was judged."""
        if self._drawing is None or self._drawing[0] is not client:
            return
        self._drawn += 1
        if self._drawn <= DRAWN:
            to_stdout(self._drawing[1].entry(entry))
        elif self._drawn == DRAWN + 1:
            text = f"more than {DRAWN} segments: the rest is not drawn"
            to_stdout(self._drawing[1].entry(Remark(client.conversation.link.now(), text)))

    def done(self, client: Client, connection: Connection, exchange: Exchange) -> None:
        """It has gone."""
        self.gone += 1
        if self._output.html is not None and len(self.kept) < ON_PAGE:
            self.kept.append(exchange)
        self._summary.add(connection)
        self._summary.segments += connection.facts.segments
        self.broken |= any(breach_of_peer(found.ruling) for found in connection.findings)
        for reporter in self._reporters:
            reporter.connection(connection)
        self._others.pop(client.number, None)
        drawn = self._drawing is not None and self._drawing[0] is client
        if drawn and self._drawing is not None and connection.exchange is not None:
            to_stdout(self._drawing[1].foot(exchange))
        elif not self._silent:
            to_stdout(("# " if self._output.compact else "") + self._table.connection(connection))
        else:
            self._line = exchange_line(exchange, self._options)
        if drawn:
            self._drawing = None
            if len(self._others) == 1 and not self._silent:
                self._draw(self._others.popitem()[1])

    def end(self, counts: Counts, lost: int) -> None:
        """No more come: what was found in all of them, unless there was but one, and that was drawn."""
        summary, options = self._summary, self._options
        summary.frames = self._frames
        if counts.passed_over:
            summary.left_out["is a SYN that came faster than it could be answered"] += counts.passed_over
        if counts.forgotten:
            summary.left_out["is of a connection begun and never completed"] += counts.forgotten
        if counts.refused:
            summary.left_out["was of no connection, and refused"] += counts.refused
        if lost:
            summary.left_out["found the kernel's buffer full and was lost"] += lost
        for reporter in self._reporters:
            reporter.end(summary)
            reporter.close()
        if self._output.silent:
            return
        if self._output.quiet:
            alone = summary.connections == 1 and not summary.left_out
            to_stdout(f"{self._line if alone else quiet_line(summary, options)}\n")
        elif not summary.connections and not summary.left_out:
            to_stdout("Nobody came.\n")
        elif summary.connections != 1 or summary.left_out:
            parts = [grouped(summary, options), totals(summary, options), unjudged(summary, options)]
            text = "\n" + "".join([*parts, verdict_line(summary, options), "\n"])
            if self._output.compact:
                text = "".join(f"# {row}".rstrip() + "\n" for row in text.splitlines() if row)
            to_stdout(text)
