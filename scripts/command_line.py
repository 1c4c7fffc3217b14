"""What the command line says of itself: every command, its options, its text and its examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc, getsource
from textwrap import dedent

import click

from rawshake.errors import Exit


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph of help: running text, or with ``kept`` lines that stay as they are, below a ``title``."""

    lines: tuple[str, ...]
    kept: bool = False
    title: str = ""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command, a group before what is in it: its name as it is typed after ``rawshake``, and itself."""
    from rawshake.cli.commands import cli

    context = click.Context(cli, info_name="rawshake")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", command.commands[inner]) for inner in sorted(command.commands))


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something by itself."""
    return ((name, command) for name, command in commands() if not isinstance(command, click.Group))


def context_of(name: str, command: click.Command) -> click.Context:
    """A context in which the command is called as it is typed."""
    return click.Context(command, info_name=f"rawshake {name}".rstrip())


def options(name: str, command: click.Command) -> Iterator[tuple[str, str]]:
    """Every option of a command but --help, as it is written, and what it does."""
    context = context_of(name, command)
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            yield parameter.get_help_record(context) or ("", "")


def users() -> dict[tuple[str, str], list[str]]:
    """Every option, as it is written, with what it does: the commands that have it."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, command in leaves():
        for option in options(name, command):
            found.setdefault(option, []).append(name)
    return found


def blocks(command: click.Command) -> list[Block]:
    r"""The text of a command's help, paragraph by paragraph; lines below ``\b`` are kept, and may have a title."""
    found = []
    for paragraph in re.split(r"\n\s*\n", cleandoc(command.help or "")):
        lines = paragraph.splitlines()
        if lines and lines[0].strip() in ("\\b", "\b"):
            title = lines[1].removesuffix(":") if lines[1].endswith(":") else ""
            body = lines[2:] if title else lines[1:]
            found.append(Block(tuple(dedent("\n".join(body)).splitlines()), kept=True, title=title))
        else:
            found.append(Block(tuple(lines)))
    return found


def examples(command: click.Command) -> list[str]:
    """The lines under a command's Examples, each without what is said beside it."""
    return [
        re.split(r"\s{2,}", line)[0]
        for block in blocks(command)
        if block.kept and block.title == "Examples"
        for line in block.lines
    ]


def exit_meanings() -> dict[Exit, str]:
    """Every exit status, with the comment that stands beside it in the code."""
    comments = dict(re.findall(r"^    ([A-Z_]+) = \d+  #: (.+)$", getsource(Exit), re.MULTILINE))
    comments["OK"] = "all is well"
    return {one: comments[one.name] for one in Exit}
