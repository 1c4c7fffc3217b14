"""``rawshake listen``: a server played by hand, and every client that dials it judged."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from rawshake.api.crafting import Crafting, check
from rawshake.behaviours import BEHAVIOURS, Behaviour
from rawshake.cli.parameters import (
    Output,
    crafting_options_but,
    html_option,
    number,
    output_options,
    seconds,
    take,
)
from rawshake.errors import Exit, Failure


def behaviour(text: str) -> tuple[Behaviour, int]:
    """NAME or NAME:N."""
    from rawshake.api.serving import parse_behaviour

    try:
        return parse_behaviour(text)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from None


def _names() -> str:
    named = (f"{one.name}{'' if one.amount is None else ':N'}" for one in BEHAVIOURS.values())
    return f"How to serve: {', '.join(named)}."


@click.command("listen")
@click.argument("port", metavar="PORT", type=number(0, 65535))
@click.option("--behave", type=behaviour, metavar="NAME", default="echo", show_default=True, help=_names())
@click.option(
    "--address",
    "addresses",
    metavar="ADDRESS",
    multiple=True,
    help="Only there; may be repeated. Else everywhere.",
)
@click.option("--once", is_flag=True, help="End after the first client.")
@click.option("--count", type=number(1, 10**9), metavar="N", help="End after so many clients.")
@click.option(
    "--duration", type=seconds(0.1, 10**6), metavar="SECONDS", help="End after so long; else at Ctrl-C."
)
@click.option(
    "--linger",
    type=seconds(0, 240, msl=True),
    default="1",
    show_default=True,
    metavar="SECONDS",
    help="How long to hold TIME-WAIT; 2msl is RFC 9293's four minutes.",
)
@crafting_options_but(
    "allowed",
    "sport",
    "source",
    wscale="Answer window scale with this shift.",
    timestamps="Answer timestamps.",
    sack="Answer SACK-permitted: selective acknowledgments.",
    ecn="Answer ECN.",
    options='All options of the SYN-ACK as written, whatever was offered: "<mss 1460,nop,wscale 7>".',
    timeout="How long to go on without an answer.",
)
@output_options
@html_option
def command(
    port: int,
    behave: tuple[Behaviour, int],
    addresses: tuple[str, ...],
    once: bool,
    count: int | None,
    duration: int | None,
    linger: int,
    **given: object,
) -> int:
    r"""Be the server, by hand: judge every client that dials.

    The kernel is kept from answering on PORT, 0 for any free one. A client that comes alone is drawn as it goes; where
    several come at a time each has a line. The exit status tells whether a client broke a rule.

    \b
    Examples:
      sudo rawshake listen 8080                         send back what comes
      sudo rawshake listen 8080 --behave http --once    answer one request
      sudo rawshake listen 8080 --bad synack.ack=+1     see what clients do
      sudo rawshake listen 8080 --behave reset:1000 --address 127.0.0.1
    """
    output, crafting = (
        take(Output, given),
        take(Crafting, {"sport": 0, "source": None, "allowed": False, **given}),
    )
    if once and count is not None:
        raise Failure(Exit.USAGE, "--once and --count both say how many clients.", "Leave one of them out.")
    check(crafting, dashes="--")
    from rawshake.cli.output import check_files, render_options
    from rawshake.cli.serving import serve
    from rawshake.clients import Limits
    from rawshake.net.privilege import require_raw
    from rawshake.tcp.view import End

    require_raw(sys.argv)
    check_files(output)
    return serve(
        port,
        behave,
        crafting,
        output,
        replace(render_options(output), ours=End.SERVER),
        addresses=addresses,
        count=1 if once else count,
        duration=duration,
        limits=Limits(linger=linger),
    )
