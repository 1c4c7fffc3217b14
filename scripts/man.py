"""The manual page, made from the command line's own words: scripts/man writes it, a test says when it is stale."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import Final

import click

from rawshake import __version__
from scripts.command_line import blocks, commands, context_of, exit_meanings, leaves, options, users

PAGE: Final = Path(__file__).resolve().parent.parent / "rawshake" / "man" / "rawshake.1"
NAME: Final = "TCP handshakes made by hand: real segments, captured, judged by the RFCs and drawn"

DESCRIPTION: Final = (
    "rawshake opens and closes TCP connections by hand. It builds each segment itself and sends it over a raw socket "
    "to a real server, captures every reply, judges every segment of both ends by the rules of the RFCs, and draws "
    "the exchange with the states of both ends.",
    "It can be the server, too; play any segments by script; probe a server in each of its states; and judge what "
    "others sent, live or from captures. No firewall rule is needed, and nothing is left behind.",
    "Raw sockets take the capability CAP_NET_RAW, which root has: hence the sudo in the examples. Without it work "
    "'rawshake demo' and 'rawshake lab' where user namespaces are allowed, what speaks over a held connection, and "
    "what reads files.",
)

ENVIRONMENT: Final = {
    "COLUMNS": "How wide to draw, whatever the terminal says.",
    "NO_COLOR": "Where it is set and not empty there is no colour, unless --color always asks for it.",
    "LC_ALL, LC_CTYPE, LANG": "Where they name another alphabet than UTF-8 only ASCII is written, as with --ascii.",
    "RAWSHAKE_LAB": "What 'rawshake lab run' sets for its command: the addresses of the servers.",
    "RAWSHAKE_TRACEBACK": "Where it is set a fault of rawshake itself tells where in the program it happened.",
}

SEE_ALSO: Final = "tcpdump(8), tcp(7), raw(7), packet(7), network_namespaces(7); RFC 9293, which is TCP"

#: What roff would read as something else. The hyphen that one types is \- to it, so that it can be copied.
_SPECIAL: Final = str.maketrans(
    {"\\": r"\(rs", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
)
#: Words of the help that stand out: what is typed, in quotes or by its dashes.
_TYPED: Final = re.compile(r"'(rawshake(?: [^']+)?)'|(?<![\w-])(--?[a-zA-Z0-9][\w-]*)")
_DATE: Final = re.compile(r"(?<=\A\.TH RAWSHAKE 1 )\S+")


def escape(text: str) -> str:
    """Words as roff shows them unchanged."""
    escaped = text.translate(_SPECIAL)
    return "".join(sign if sign.isascii() else rf"\[u{ord(sign):04X}]" for sign in escaped)


def prose(text: str) -> str:
    """Running text, in lines that begin with no request."""
    parts = []
    at = 0
    for found in _TYPED.finditer(text):
        typed = escape(found[1] or found[2]).replace(" ", "\0")
        parts += [escape(text[at : found.start()]), rf"\fB\%{typed}\fR"]  # \% forbids to hyphenate it
        at = found.end()
    lines = wrap("".join([*parts, escape(text[at:])]), 78, break_long_words=False, break_on_hyphens=False)
    return "".join(f"{_guarded(line)}\n" for line in lines).replace("\0", " ")


def words(names: Iterable[str]) -> str:
    """A list of words none of which is hyphenated."""
    whole = ", ".join(rf"\%{escape(name)}".replace(" ", "\0") for name in names)
    return "\n".join(wrap(f"({whole})", 78, break_long_words=False)).replace("\0", " ") + "\n"


def _guarded(line: str) -> str:
    return rf"\&{line}" if line.startswith(".") else line


def kept(lines: Iterable[str]) -> str:
    """Lines that stay as they are."""
    return "".join(["\n.EX\n", *(f"{_guarded(escape(line))}\n" for line in lines), ".EE\n"]).lstrip("\n")


def entry(head: str, text: str) -> str:
    """A paragraph under a word that stands out."""
    return f".TP\n{head}\n{prose(text)}"


def option_head(written: str) -> str:
    r"""``-i, --interface NAME``: what is typed in bold, what it stands for in italics."""
    return re.sub(
        r"(^|, )(-\S+?)(?=,|\s|$)|(?<= )([^-\s].*)",
        lambda found: rf"{found[1]}\fB{escape(found[2])}\fR" if found[2] else rf"\fI{escape(found[3])}\fR",
        written,
    )


def text_of(command: click.Command) -> Iterator[str]:
    """What a command says of itself, its examples among it."""
    for block in blocks(command):
        title = f".PP\n{escape(block.title)}:\n" if block.title else ""
        yield title + kept(block.lines) if block.kept else f".PP\n{prose(' '.join(block.lines))}"


def usage(name: str, command: click.Command) -> str:
    """A command as it is typed."""
    pieces = " ".join(command.collect_usage_pieces(context_of(name, command)))
    return f"rawshake {escape(name)} {escape(pieces)}".rstrip()


def command_section(name: str, command: click.Command, common: dict[str, list[str]]) -> Iterator[str]:
    """A command's own part of the page: what it does, its examples, its options."""
    yield f".SS {usage(name, command)}\n"
    yield from text_of(command)
    others = []
    for written, text in options(name, command):
        if name in common.get(f"{written}\0{text}", ()):
            others.append(written.partition(" ")[0].rstrip(","))
        else:
            yield entry(option_head(written), text)
    if others:
        yield f".PP\n{prose('Also ' + ', '.join(others) + ': see OPTIONS OF SEVERAL COMMANDS.')}"


def page(date: str) -> str:
    """The whole page, as of ``date``."""
    from rawshake.cli.commands import cli

    common = {f"{written}\0{text}": names for (written, text), names in users().items() if len(names) > 1}
    parts = [
        f'.TH RAWSHAKE 1 {date} "rawshake {__version__}" "User Commands"\n.ad l\n',
        f".SH NAME\n{prose(f'rawshake - {NAME}')}",
        ".SH SYNOPSIS\n.nf\n",
        *(f"{usage(name, command)}\n" for name, command in leaves()),
        ".fi\n.SH DESCRIPTION\n",
        *(f".PP\n{prose(paragraph)}" for paragraph in DESCRIPTION),
        *list(text_of(cli))[1:],
        ".SH COMMANDS\n",
    ]
    for name, command in commands():
        parts += command_section(name, command, common)
    parts.append(".SH OPTIONS OF SEVERAL COMMANDS\n")
    for (written, text), names in users().items():
        if len(names) > 1:
            parts.append(f"{entry(option_head(written), text)}.br\n{words(names)}")
    parts.append(".SH EXIT STATUS\n")
    parts += [
        entry(str(int(one)), f"{meaning[0].upper()}{meaning[1:]}.")
        for one, meaning in exit_meanings().items()
    ]
    parts.append(".SH ENVIRONMENT\n")
    parts += [entry(rf"\fB{escape(name)}\fR", text) for name, text in ENVIRONMENT.items()]
    parts.append(f".SH SEE ALSO\n{prose(SEE_ALSO)}")
    return re.sub(r"(\.S[HS] .*\n)\.PP\n", r"\1", "".join(parts))


def dated(written: str) -> str:
    """The date of a page that was written before; empty where there is none."""
    found = _DATE.search(written)
    return found[0] if found else ""


def write() -> None:
    """Write the page; its date stays where nothing else has changed."""
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if page(dated(before)) != before:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(datetime.now(UTC).date().isoformat()), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Write the page."""
    if arguments:
        print("usage: scripts/man", file=sys.stderr)
        return 2
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
