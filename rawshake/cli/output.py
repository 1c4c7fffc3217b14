"""What a command prints as an exchange goes on, and the files it writes when it has ended."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rawshake.cli.parameters import Output
from rawshake.cli.stops import at_once
from rawshake.errors import Exit, Failure
from rawshake.link import Frame
from rawshake.render.compact import Compact
from rawshake.render.findings import verdict_line
from rawshake.render.ladder import Ladder
from rawshake.render.options import Options
from rawshake.render.text import safe
from rawshake.report import Exchange, Judged, Remark, Report
from rawshake.tcp.view import End

if TYPE_CHECKING:
    from rawshake.plain.language import Language


def render_options(output: Output) -> Options:
    """How to draw for whoever reads standard output: its width, its colours, its alphabet."""
    terminal = sys.stdout.isatty()
    wanted = output.colour == "always" or (output.colour == "auto" and terminal)
    # NO_COLOR, not empty, forbids colour (no-color.org), unless asked for by name.
    ascii_only = output.ascii or not _speaks_utf8()
    forbidden = bool(os.environ.get("NO_COLOR")) and output.colour != "always"
    return Options(
        width=shutil.get_terminal_size((80, 24)).columns,
        colour=wanted and not forbidden and os.environ.get("TERM") != "dumb",
        ascii=ascii_only,
        verbose=output.verbose,
        ours=End.CLIENT,
        words=language_of(output, ascii_only=ascii_only) if output.explain or output.lang else None,
    )


def language_of(output: Output, *, ascii_only: bool) -> Language:
    """The language in which to explain: that which was asked for, or else that of the locale."""
    from rawshake.api.languages import from_locale, load
    from rawshake.plain.language import ENGLISH

    if not ascii_only:
        return load(output.lang or from_locale(os.environ))
    if output.lang in (None, ENGLISH.code):
        return ENGLISH
    reason = "--ascii leaves no letters" if output.ascii else "The locale of standard output has no letters"
    raise Failure(
        Exit.USAGE,
        f"{reason} for --lang {output.lang}.",
        "Leave --ascii out and use UTF-8, or take --lang en.",
    )


def _speaks_utf8() -> bool:
    """Whether the locale of standard output does; Python itself takes the C locale for one that does (PEP 540)."""
    if (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8":
        return False
    named = os.environ.get
    if named("PYTHONIOENCODING") or named("PYTHONUTF8"):
        return True
    # With LANG=C it has set LC_CTYPE to C.UTF-8 for us (PEP 538). Without any locale, as in containers, UTF-8 it is.
    kind = named("LC_CTYPE", "")
    return (named("LC_ALL") or (kind if kind != "C.UTF-8" else "") or named("LANG")) not in ("C", "POSIX")


def to_stdout(text: str) -> None:
    """Write at once: an exchange is drawn while it happens. It goes on where nobody reads any more."""
    _write_to_stdout(lambda: sys.stdout.write(text))


def octets_to_stdout(octets: bytes) -> None:
    """Write octet for octet."""
    _write_to_stdout(lambda: sys.stdout.buffer.write(octets))


def _write_to_stdout(write: Callable[[], object]) -> None:
    try:
        with at_once():
            write()
            sys.stdout.flush()
    except OSError as refused:
        # What is in the buffer shall not fail once more at our end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if not isinstance(refused, BrokenPipeError):
            raise


class Printer:
    """Draws one exchange as it was asked for, through ``write``."""

    def __init__(
        self,
        output: Output,
        options: Options,
        client: tuple[str, int],
        server: tuple[str, int],
        *,
        write: Callable[[str], None] = to_stdout,
    ) -> None:
        self.output = output
        self._options = options
        self._write = write
        self._silent = output.silent
        self._drawing: Ladder | Compact | None = None
        if not output.quiet and not self._silent:
            self._drawing = Compact(options) if output.compact else Ladder(options, client, server)

    def head(self, *preface: str) -> None:
        """Who talks to whom, after what is to be said before."""
        for line in preface:
            self.say(safe(line))
        if isinstance(self._drawing, Ladder):
            self._write(self._drawing.head())

    def entry(self, entry: Judged | Remark) -> None:
        """One segment, or one remark, as soon as it is judged."""
        if self._drawing is not None:
            self._write(self._drawing.entry(entry))

    def foot(self, exchange: Exchange) -> None:
        """The verdict, and what was found."""
        if self._drawing is not None:
            self._write(self._drawing.foot(exchange))
        elif not self._silent:
            self._write(verdict_line(exchange, self._options) + "\n")

    def say(self, text: str) -> None:
        """A line of our own; among lines that the notation reads back it begins as what is no segment does."""
        if self._drawing is not None:
            self._write(f"# {text}\n" if isinstance(self._drawing, Compact) else f"{text}\n")


def check_files(output: Output) -> None:
    """Refuse files that could not be written in the end, before anything else is done."""
    printed = [f"--{name}" for name in ("json", "html", "svg") if getattr(output, name) == "-"]
    if len(printed) > 1:
        both = " and ".join(printed)
        raise Failure(Exit.USAGE, f"{both} cannot both go to standard output.", "Name a file.")
    for path in (output.json, output.html, output.svg, output.pcap):
        if path is not None and path != "-":
            from rawshake.net.privilege import check_writable

            check_writable(path)
    if output.pcap == "-":
        raise Failure(Exit.USAGE, "--pcap - would mix frames with words.", "Name a file: --pcap frames.pcap.")


def report(command: str, exchange: Exchange) -> Report:
    """What there is to report of one exchange."""
    from rawshake.rules import book

    return Report(command, (exchange,), tuple(rule.id for rule in book()))


def write_reports(output: Output, made: Report, *, ours: End | None = End.CLIENT) -> None:
    """The report in each form that was asked for; ``ours`` is the end that rawshake played."""
    if output.json is not None:
        from rawshake.render.json import dump

        write_text(output.json, dump(made))
    options = replace(render_options(output), ours=ours)
    if output.html is not None:
        from rawshake.html.exchange import page

        write_text(output.html, page(made, options))
    if output.svg is not None:
        from rawshake.html.ladder import pictures

        write_text(output.svg, pictures(made.exchanges, options))


def write_files(output: Output, command: str, exchange: Exchange, frames: Sequence[Frame]) -> None:
    """The report and the frames, where they were asked for; the files belong to whoever ran sudo."""
    with at_once():
        write_reports(output, report(command, exchange))
        if output.pcap is not None:
            from rawshake.net.pcapfile import save

            save(output.pcap, frames)


def write_text(path: str, text: str) -> None:
    """Write a whole file; ``-`` is standard output."""
    if path == "-":
        to_stdout(text)
    else:
        write_octets(path, text.encode())


def write_octets(path: str, octets: bytes) -> None:
    """Write a whole file, which belongs to whoever ran sudo."""
    from rawshake.net.privilege import write_for_user

    write_for_user(path, lambda file: file.write(octets))
