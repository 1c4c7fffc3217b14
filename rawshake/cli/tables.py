"""Tables for a terminal, as wide as that is; a pipe gets plain lines, which others make."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeVar

from rawshake.connection import Connection
from rawshake.render import style
from rawshake.render.findings import cite_text
from rawshake.render.options import Options
from rawshake.render.table import findings_of, how_it_went, tone
from rawshake.render.text import duration, safe
from rawshake.render.words import endpoint_text
from rawshake.rules.model import Rule, Verdict

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from rawshake.probes.model import Probe

#: A rule or a probe.
Entry = TypeVar("Entry", Rule, "Probe")
#: What this module calls styles, in rich's words.
_RICH: Final = {
    style.PLAIN: "", style.BOLD: "bold", style.DIM: "dim", style.GREEN: "green", style.YELLOW: "yellow",
    style.CYAN: "cyan", style.BOLD_RED: "bold red", style.BOLD_YELLOW: "bold yellow",
}  # fmt: skip


def wanted() -> bool:
    """Whether somebody looks at standard output."""
    return sys.stdout.isatty()


def sessions(rows: Sequence[Sequence[str]], options: Options) -> str:
    """The held connections; the first row is the head."""
    head, *rest = rows
    table = _table(options)
    for title in head:
        numbers = title in ("ID", "UNREAD", "LEFT")
        table.add_column(title, justify="right" if numbers else "left", no_wrap=numbers, overflow="fold")
    for row in rest:
        table.add_row(*(_text(cell, options) for cell in row))
    return _drawn(table, options)


def rules(found: Sequence[Rule], options: Options) -> str:
    """The rule book, chapter by chapter."""
    return _catalogue("rule, clause", found, lambda rule: cite_text(rule.cite), options)


def probes(found: Sequence[Probe], options: Options) -> str:
    """The catalogue of probes, chapter by chapter."""
    from rawshake.render.probe_pages import option_of  # it knows the probes, and other tables need none

    def needs(probe: Probe) -> str:
        return " ".join([*probe.scenarios, *map(option_of, probe.servers), *(["slow"] if probe.slow else [])])

    return _catalogue("probe, scenarios, needs", found, needs, options)


def _catalogue(title: str, found: Sequence[Entry], below: Callable[[Entry], str], options: Options) -> str:
    """Chapter by chapter, each under its id with what stands ``below`` that."""
    table = _table(options)
    table.add_column(title, min_width=max(len(entry.id) for entry in found))
    table.add_column("level", no_wrap=True)
    table.add_column("what it asks", overflow="fold")
    for chapter, of_chapter in groupby(found, lambda entry: entry.chapter):
        table.add_section()
        table.add_row(_text(chapter, options, "bold"))
        for entry in of_chapter:
            name = _lines([_text(entry.id, options, "cyan"), _text(below(entry), options, "dim")])
            table.add_row(name, _text(entry.level.value, options), _text(entry.summary, options))
    return _drawn(table, options)


def connections(found: Iterable[Connection], options: Options) -> str:
    """Connections of a capture: who with whom, how it went and what was found, and what is counted."""
    table = _table(options)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("client, server", overflow="fold")
    table.add_column("how it went, what was found", ratio=1)
    for title in ("segments", "octets", "rtt"):
        table.add_column(title, justify="right", no_wrap=True)
    for connection in found:
        facts = connection.facts
        octets = f"{facts.client.octets}\n{facts.server.octets}"
        rtt = "" if facts.rtt is None else duration(facts.rtt, ascii_only=options.ascii)
        ends = (_text(endpoint_text(end), options) for end in (connection.client, connection.server))
        table.add_row(
            str(connection.number),
            _lines(ends),
            _lines(_story(connection, options)),
            str(facts.segments),
            octets if facts.client.octets or facts.server.octets else "",
            rtt,
        )
    return _drawn(table, options)


def _story(connection: Connection, options: Options) -> Iterable[Text]:
    """How it went, and each rule that was broken or noted."""
    yield _text(how_it_went(connection), options, _RICH[tone(connection)])
    states = f"{connection.facts.client.state} / {connection.facts.server.state}"
    yield _text(states, options, "dim")
    for verdict, text in findings_of(connection, "; "):
        yield _text(text, options, _RICH[style.OF_VERDICT[Verdict(verdict)]])
    for remark in connection.remarks:
        yield _text(remark, options, "yellow")


def _lines(texts: Iterable[Text]) -> Text:
    from rich.text import Text

    return Text("\n").join(texts)


def _text(text: str, options: Options, styled: str = "") -> Text:
    """Text of any origin: neither escapes nor rich's own marks count in it."""
    from rich.text import Text

    return Text(safe(text, ascii_only=options.ascii), style=styled)


def _table(options: Options) -> Table:
    from rich import box
    from rich.table import Table

    lines = box.ASCII2 if options.ascii else box.SIMPLE_HEAD
    return Table(box=lines, pad_edge=False, show_edge=False, header_style="bold")


def _drawn(table: Table, options: Options) -> str:
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=options.columns,
        force_terminal=options.colour,
        color_system="standard" if options.colour else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())
