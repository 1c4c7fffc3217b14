"""Lines of shell as documents show them: the calls of rawshake in them, and whether the commands understand those."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import takewhile

import click

from rawshake.cli.commands import cli


def calls(line: str) -> list[list[str]]:
    """The arguments of every rawshake that a line of shell starts, those that run another command included."""
    return [arguments for words in _simple_commands(line) for arguments in _of(words)]


def _of(words: list[str]) -> Iterator[list[str]]:
    """The calls in one simple command, which others may run: sudo, docker, a shell, and rawshake itself."""
    match words:
        case ["sudo", *rest]:
            yield from _of(rest)
        case ["docker", "exec", _, *rest]:
            yield from _of(rest)
        case ["docker", *rest] if "IMAGE" in rest:
            yield rest[rest.index("IMAGE") + 1 :]
        case ["docker", "compose", "run", "--rm", "rawshake", *rest]:
            yield rest
        case ["sh", "-c", inner]:
            yield from calls(inner)
        case ["rawshake", *arguments]:
            yield arguments
            yield from _of(arguments[len(list(takewhile(lambda word: word != "--", arguments))) + 1 :])


def _simple_commands(line: str) -> Iterator[list[str]]:
    """A line of shell at its pipes, semicolons and ampersands, without comments and what leads to files."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;<>&")
    lexer.whitespace_split = True
    found: list[str] = []
    words = iter(lexer)
    for word in words:
        if word in ("|", ";", "&", "&&", "||"):
            yield found
            found = []
        elif word in ("<", ">"):
            next(words)
        else:
            found.append(word)
    yield found


def parse(arguments: list[str]) -> str:
    """Have click read them, down to the command that they name, whose name it is. Raises what click raises."""
    words = [{"HOST": "192.0.2.10", "PORT": "80"}.get(word, word) for word in arguments]
    context = cli.make_context("rawshake", words)
    command: click.Command = cli
    while isinstance(command, click.Group):
        _, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None
        command, context = inner, inner.make_context(inner.name, rest, parent=context)
    assert command.name
    return command.name
