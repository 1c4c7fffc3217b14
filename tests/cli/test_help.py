"""The help of every command: it fits 80 columns, and has examples, which the commands understand."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from rawshake.cli.commands import cli
from rawshake.errors import Failure
from scripts.command_line import blocks, commands, context_of, examples

COMMANDS = dict(commands())
#: What an example may begin with that is no rawshake: it stands before a pipe, or tells of something beside.
OTHERS = ("tcpdump", "pydoc", "bash", "sh", "ping")
EXAMPLES = [(name, line) for name, command in COMMANDS.items() for line in examples(command)]


def calls(line: str) -> list[list[str]]:
    """The arguments of every rawshake that a line of shell starts, those that run another command included."""
    found = []
    for words in _simple_commands(line):
        program, *arguments = [word for word in words if word != "sudo"]
        if program == "rawshake":
            found.append(arguments)
            if "--" in arguments:
                found += calls(shlex.join(arguments[arguments.index("--") + 1 :]))
        elif program == "sh":
            found += calls(arguments[-1])
        elif program not in OTHERS:
            raise ValueError(f"no example begins with {program!r}")
    return found


def _simple_commands(line: str) -> list[list[str]]:
    """A line of shell at its pipes and semicolons, without what leads to files."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;<>")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    words = iter(lexer)
    for word in words:
        if word in ("|", ";"):
            found.append([])
        elif word in ("<", ">"):
            next(words)
        else:
            found[-1].append(word)
    return found


def parse(arguments: list[str]) -> None:
    """Have click read them, down to the command that they name."""
    context = cli.make_context("rawshake", list(arguments))
    command: click.Command = cli
    while isinstance(command, click.Group):
        _, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None
        command, context = inner, inner.make_context(inner.name, rest, parent=context)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_of_itself(name: str) -> None:
    own = name.split()
    lines = examples(COMMANDS[name])
    assert any(arguments[: len(own)] == own for line in lines for arguments in calls(line))


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_an_example_is_understood(name: str, line: str) -> None:
    for arguments in calls(line):
        parse(arguments)


@pytest.mark.parametrize(
    "line",
    [
        "rawshake tearup 192.0.2.10 80",
        "rawshake teardown --nonsense",
        "rawshake connect 192.0.2.10",
        "tcpdump -w - | rawshake check",
        "rawshake lab run -- rawshake teardown --nonsense",
        "rawshake lab run -- sh -c 'rawshake connect lab 7; rawshake tearup'",
    ],
)
def test_what_a_command_does_not_know_is_found(line: str) -> None:
    *_, arguments = calls(line)
    with pytest.raises((click.UsageError, Failure)):
        parse(arguments)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_80_columns(name: str) -> None:
    command = COMMANDS.get(name, cli)
    context = context_of(name, command)
    context.terminal_width = 80
    for line in command.get_help(context).splitlines():
        assert len(line) <= 80


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_lines_that_are_kept_leave_room_for_the_indent_of_a_manual(name: str) -> None:
    for block in blocks(COMMANDS.get(name, cli)):
        for line in block.lines * block.kept:
            assert len(line) <= 73


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_begins_with_a_sentence(name: str) -> None:
    first = " ".join(blocks(COMMANDS[name])[0].lines)
    assert re.fullmatch(r"[A-Z].*[a-zA-Z)]\.", first)
