"""The help of every command: it fits 80 columns, and has examples, which the commands understand."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from rawshake.cli.commands import cli
from rawshake.errors import Exit, Failure
from scripts.command_line import blocks, commands, context_of, examples
from tests.command import rawshake
from tests.typed import calls, parse

COMMANDS = dict(commands())
EXAMPLES = [(name, line) for name, command in COMMANDS.items() for line in examples(command)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_of_itself(name: str) -> None:
    own = name.split()
    lines = examples(COMMANDS[name])
    assert any(arguments[: len(own)] == own for line in lines for arguments in calls(line))


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_an_example_is_understood(name: str, line: str) -> None:
    for arguments in calls(line):
        parse(arguments)


#: What needs no root, no server and no file: these examples are run as they stand.
ALONE = re.compile(
    r"rawshake (probes|rules|explain|states|play|lab servers|lab agent --print)(?!.*--walk)\b.*"
)


@pytest.mark.parametrize("line", sorted({line for _, line in EXAMPLES if ALONE.fullmatch(line)}))
def test_an_example_that_needs_nothing_does_what_it_says(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (arguments,) = calls(line)
    done = rawshake(*arguments)
    assert (done.status, done.err) == (Exit.OK, "")
    assert done.out or list(tmp_path.iterdir())


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
