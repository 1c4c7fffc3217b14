"""The options of commands that draw and send nothing: colour and alphabet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rawshake.render.options import Options

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def drawing_options(command: CommandT) -> CommandT:
    """Give a command ``--ascii`` and ``--color``."""
    colour = click.option(
        "--color",
        "colour",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        help="Colour or not.",
        show_default=True,
    )
    return click.option("--ascii", is_flag=True, help="No characters beyond ASCII.")(colour(command))


def usual() -> Options:
    """How to draw where nobody can say how."""
    return drawing({"ascii": False, "colour": "auto"})


def drawing(given: dict[str, object], *, verbose: int = 0) -> Options:
    """How to draw, by those options; rawshake plays neither end."""
    from rawshake.cli.output import render_options
    from rawshake.cli.parameters import Output

    output = Output(
        verbose=verbose,
        compact=False,
        quiet=False,
        ascii=bool(given["ascii"]),
        colour=str(given["colour"]),
        json=None,
        pcap=None,
    )
    return replace(render_options(output), ours=None)
