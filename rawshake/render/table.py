"""The connections of a capture as a table: who with whom, how it opened and ended, its numbers, what was found."""

from __future__ import annotations

from collections import Counter
from typing import Final

from rawshake.connection import Connection, Ended, Opened
from rawshake.render import style
from rawshake.render.findings import glued
from rawshake.render.options import Options
from rawshake.render.style import Span, paint
from rawshake.render.summary import SEVERITY, is_one_sided
from rawshake.render.text import GLUE, columns, duration, plural, safe, wrap
from rawshake.render.words import endpoint_text
from rawshake.rules.model import Verdict

#: Columns of a connection's number, and of its two addresses where IPv4 stands there.
_MARGIN: Final = 5
_PAIR: Final = 43

#: An end of what nothing went wrong with, whoever began it.
_WELL: Final = frozenset({Ended.CLOSED, Ended.SIMULTANEOUS})


class Table:
    """Writes one connection after the other, each as whole lines with their line ends.

    Pairs are of client and server in this order. With ``compact`` each connection is one line, however wide.
    """

    def __init__(self, options: Options, *, compact: bool = False) -> None:
        self._options = options
        self._compact = compact
        self._signs = style.ASCII if options.ascii else style.UNICODE

    def connection(self, connection: Connection) -> str:
        """A connection with all that is known of it."""
        if self._compact:
            return self._one_line(connection)
        width = self._options.columns
        number = f"{connection.number:>{_MARGIN - 2}}"
        indent = max(_MARGIN, len(number) + 2)
        head = [Span(f"{number:<{indent}}", style.DIM)]
        pair, how = self._pair(connection), how_it_went(connection)
        room = width - indent
        padded = max(columns(pair), min(_PAIR, room - columns(how) - 2))
        lines: list[list[Span]] = []
        if padded + 2 + columns(how) <= room:
            gap = " " * (padded - columns(pair) + 2)
            lines.append([*head, Span(pair), Span(gap), Span(how, tone(connection))])
        else:
            first, *rest = wrap(pair, room, indent=2)
            lines.append([*head, Span(first)])
            lines += [[Span(" " * indent), Span(line)] for line in rest]
            lines.append([Span(" " * indent), Span(how, tone(connection))])
        dot = f"{GLUE}{self._signs.dot} "
        text = dot.join(glued(part) for part in self._numbers(connection))
        lines += [[Span(" " * indent), Span(line, style.DIM)] for line in wrap(text, room)]
        for verdict, text in findings_of(connection, f" {self._signs.dot} "):
            lines += [
                [Span(" " * indent), Span(line, style.OF_VERDICT[verdict])]
                for line in wrap(glued(text), room, indent=2)
            ]
        for remark in connection.remarks:
            told = safe(remark, ascii_only=self._options.ascii)
            lines += [[Span(" " * indent), Span(line, style.YELLOW)] for line in wrap(told, room, indent=2)]
        return self._join(lines)

    def _one_line(self, connection: Connection) -> str:
        spans = [
            Span(f"{connection.number}"),
            Span(f" {self._pair(connection)}", style.BOLD),
            Span(f" {how_it_went(connection)}", tone(connection)),
            Span(f"; {'; '.join(self._numbers(connection))}", style.DIM),
        ]
        spans += [
            Span(f"; {text}", style.OF_VERDICT[verdict]) for verdict, text in findings_of(connection, "; ")
        ]
        remarks = [safe(remark, ascii_only=self._options.ascii) for remark in connection.remarks]
        spans += [Span(f"; {remark}", style.YELLOW) for remark in remarks]
        return self._join([spans])

    def _pair(self, connection: Connection) -> str:
        ends = (endpoint_text(connection.client), endpoint_text(connection.server))
        client, server = (safe(end, ascii_only=self._options.ascii) for end in ends)
        return f"{client} > {server}"

    def _numbers(self, connection: Connection) -> list[str]:
        """What is counted of a connection, a few words each."""
        facts = connection.facts
        client, server = facts.client, facts.server
        parts = [f"{client.state} / {server.state}", plural(facts.segments, "segment")]
        if connection.first_frame:
            parts[-1] += f" in {frames_text(connection.first_frame, connection.last_frame)}"
        if client.octets or server.octets:
            parts.append(f"octets {client.octets} / {server.octets}")
        if facts.rtt is not None:
            parts.append(f"rtt {duration(facts.rtt, ascii_only=self._options.ascii)}")
        if client.isn is not None or server.isn is not None:
            isns = ("not seen" if end.isn is None else str(end.isn) for end in (client, server))
            parts.append(f"isn {' / '.join(isns)}")
        again = facts.retransmissions
        counts = {"SYN": again.syn, "SYN-ACK": again.syn_ack, "FIN": again.fin, "data": again.data}
        told = [f"{count} {what}" for what, count in counts.items() if count]
        if told:
            parts.append(f"sent again: {', '.join(told)}")
        if is_one_sided(connection):
            parts.append(f"only the {'client' if client.segments else 'server'} was seen")
        return parts

    def _join(self, lines: list[list[Span]]) -> str:
        return "".join(paint(line, colour=self._options.colour) + "\n" for line in lines)


def findings_of(connection: Connection, dot: str) -> list[tuple[Verdict, str]]:
    """A text for each verdict, with the rules that were broken or noted, ``dot`` between them."""
    told = []
    for verdict in SEVERITY:
        of_verdict = [found for found in connection.findings if found.ruling.verdict is verdict]
        times = Counter(found.ruling.rule for found in of_verdict)
        parts = [f"{rule}{f' ({count} times)' if count > 1 else ''}" for rule, count in times.items()]
        if parts:
            told.append((verdict, f"{verdict} {dot.join(parts)}"))
    return told


def how_it_went(connection: Connection) -> str:
    """``complete, closed by the client``, ``refused``, ``midstream, still open``."""
    facts = connection.facts
    if facts.opened is Opened.REFUSED or (facts.opened is Opened.NO_ANSWER and facts.ended is Ended.OPEN):
        return str(facts.opened.value)
    opened = "simultaneous open" if facts.opened is Opened.SIMULTANEOUS else facts.opened.value
    ended = "still open" if facts.ended is Ended.OPEN else facts.ended.value
    return f"{opened}, {ended}{f' by the {facts.ended_by}' if facts.ended_by else ''}"


def frames_text(first: int, last: int) -> str:
    """``frame 3`` or ``frames 3 to 12``."""
    return f"frame {first}" if first == last else f"frames {first} to {last}"


def tone(connection: Connection) -> str:
    """The colour of how it went."""
    facts = connection.facts
    if facts.opened is Opened.COMPLETE and facts.ended in _WELL:
        return style.GREEN
    if facts.ended is Ended.RESET or facts.opened in (Opened.REFUSED, Opened.NO_ANSWER):
        return style.YELLOW
    return style.PLAIN
