"""``rawshake send``: octets over a held connection."""

from __future__ import annotations

import sys
from typing import Final

import click

from rawshake.cli.parameters import Output, html_option, output_options, seconds, svg_option, take
from rawshake.errors import Exit, Failure

#: How much is sent in one go.
MOST_OCTETS: Final = 32 << 20


@click.command("send")
@click.argument("text")
@click.option("--to", "number", metavar="ID", help="The held connection; the one opened last unless given.")
@click.option(
    "--wait",
    type=seconds(0.001, 3600),
    default="0.2",
    show_default=True,
    metavar="SECONDS",
    help="How long it must be quiet before we stop reading; the server's FIN ends it too.",
)
@click.option("--raw", is_flag=True, help="Print what came back octet for octet, and nothing else.")
@output_options
@html_option
@svg_option
def command(text: str, number: str | None, wait: int, raw: bool, **given: object) -> int:
    r"""Send TEXT over a held connection and print what comes back.

    TEXT knows \r \n \t \0 \\ and \x00; - is standard input.

    \b
    Examples:
      rawshake send "GET / HTTP/1.0\r\n\r\n"
      rawshake send --to 2 --wait 5 - < request
    """
    output = take(Output, given)
    from rawshake.cli import held
    from rawshake.cli.text import unescape

    octets = _standard_input() if text == "-" else unescape(text)
    return held.find(number).send(octets, output, wait=wait, raw=raw)


def _standard_input() -> bytes:
    octets = sys.stdin.buffer.read(MOST_OCTETS + 1)
    if len(octets) > MOST_OCTETS:
        raise Failure(
            Exit.USAGE,
            f"Standard input holds more than the {MOST_OCTETS >> 20} MiB that are sent in one go.",
            "Send it in parts.",
        )
    return octets
