"""``rawshake states``: RFC 9293's Figure 5 from the transition table, and the way that two ends took through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rawshake.cli.drawing import drawing, drawing_options
from rawshake.cli.parameters import number
from rawshake.errors import Exit, Failure

if TYPE_CHECKING:
    from rawshake.tcp.walk import Walk


@click.command("states")
@click.option("--svg", metavar="FILE", help="Write it as SVG; - is standard output, without the text.")
@click.option("--table", is_flag=True, help="The transitions as a list: from, event, to.")
@click.option(
    "--walk", metavar="FILE", help="Mark the way of both ends in a report or a capture; - is stdin."
)
@click.option("--connection", type=number(1, 2**31), metavar="N", help="Which connection of the file.")
@drawing_options
def command(svg: str | None, table: bool, walk: str | None, connection: int | None, **given: object) -> int:
    r"""Draw the states of TCP: RFC 9293's Figure 5, from the table by which rawshake follows both ends.

    \b
    Examples:
      rawshake states
      rawshake states --svg states.svg
      sudo rawshake teardown 192.0.2.10 80 --json report.json
      rawshake states --walk report.json                 the way that both took
      rawshake states --walk trace.pcap --connection 3
    """
    if connection is not None and walk is None:
        raise Failure(Exit.USAGE, f"--connection {connection} needs a file.", "Name it with --walk.")
    if table and svg is not None:
        raise Failure(
            Exit.USAGE, "--table is a list, and --svg is for the drawing.", "Leave one of them out."
        )
    from rawshake.cli.output import to_stdout, write_text
    from rawshake.render import states_svg, states_text
    from rawshake.tcp.walk import walks

    options = drawing(given)
    ways: tuple[Walk, ...] = ()
    title = "The states of TCP"
    if walk is not None:
        from rawshake.api.captures import exchange
        from rawshake.render.words import endpoint_text

        found = exchange(walk, connection)
        ways = walks(found.steps)
        client, server = endpoint_text(found.client), endpoint_text(found.server)
        title = f"{title}, as {client} and {server} went through them"
    if table:
        to_stdout(states_text.table(options, ways))
        return Exit.OK
    if svg is not None:
        write_text(svg, states_svg.draw(ways, title=title))
    if svg != "-":
        to_stdout(states_text.draw(options, ways))
    return Exit.OK
