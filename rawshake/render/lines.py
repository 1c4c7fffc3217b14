"""One line a finding, for editors and grep and for GitHub."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rawshake.connection import Connection
from rawshake.render.findings import cite_text
from rawshake.render.options import Options
from rawshake.render.text import safe
from rawshake.rules.model import Verdict

#: What GitHub calls them.
_COMMANDS: Final = {Verdict.FAIL: "error", Verdict.WARN: "warning", Verdict.NOTE: "notice"}


def lines(file: str, connection: Connection, options: Options) -> Iterable[str]:
    """``trace.pcap:14: synack-ack-is-isn-plus-1: ack 2915269997 is the ISN itself...`` for each finding."""
    for found in connection.findings:
        text = f"{file}:{found.frame}: {found.ruling.rule}: {found.ruling.sentence}"
        yield safe(text, ascii_only=options.ascii) + "\n"


def github(file: str, connection: Connection) -> Iterable[str]:
    """A workflow command for each finding: ``::error file=trace.pcap,line=14,title=...::frame 14: ...``.

    The number of a line is that of the frame. The ends of lines and percent signs are written as GitHub has it.
    """
    for found in connection.findings:
        ruling = found.ruling
        cite = f" ({cite_text(ruling.cite)})" if ruling.cite else ""
        place = f"frame {found.frame}, connection {connection.number}, the {ruling.end}"
        where = f"file={_property(file)},line={found.frame},title={_property(ruling.rule)}"
        yield f"::{_COMMANDS[ruling.verdict]} {where}::{_message(f'{place}: {ruling.sentence}{cite}')}\n"


def broken_file(file: str, problem: str) -> str:
    """The annotation of a capture that cannot be read to its end."""
    return f"::error file={_property(file)}::{_message(problem)}\n"


def _message(text: str) -> str:
    return safe(text.replace("%", "%25"))


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
