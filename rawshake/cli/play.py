"""``rawshake play``: a script that plays one end of a connection by hand."""

from __future__ import annotations

from typing import Literal

import click

from rawshake.cli.parameters import (
    Output,
    html_option,
    number,
    output_options,
    permission_option,
    port,
    svg_option,
    take,
)
from rawshake.errors import Exit, Failure


@click.command("play")
@click.argument("script", required=False)
@click.argument("target", nargs=-1, metavar="[HOST PORT]")
@click.option("--list", "listing", is_flag=True, help="Which scripts come with rawshake, and where they are.")
@click.option("--rehearse", is_flag=True, help="Play it against a server in memory: no root, no waiting.")
@click.option(
    "--server",
    metavar="KIND",
    help="Which one it meets there: echo, discard, banner, closes-first, sends-bulk, does-not-read, never-closes, "
    "closed, or caller, which dials us; the script's PEER, or echo, unless given.",
)
@click.option("--sport", type=number(0, 65535), metavar="PORT", default="0", help="Our first port; else any.")
@click.option("--source", metavar="ADDRESS", help="Our address, one of this machine's.")
@click.option("--interface", metavar="NAME", help="Send over this interface, whatever the routes say.")
@click.option("-4", "family", flag_value=4, type=int, help="IPv4 only.")
@click.option("-6", "family", flag_value=6, type=int, help="IPv6 only.")
@permission_option
@output_options
@html_option
@svg_option
def command(
    script: str | None,
    target: tuple[str, ...],
    listing: bool,
    rehearse: bool,
    server: str | None,
    allowed: bool,
    **given: object,
) -> int:
    r"""Play a script: it sends any segment, and says what must come back, and when.

    SCRIPT is a file of Python or the name of an example. Where something else comes the exit status is 21, and what
    differs is told field by field. A script whose PEER is "caller" waits to be dialled by HOST, on our PORT. It runs
    with all your rights: play none that you have not read.

    \b
    A script:
      def script(peer):
          yield peer.send("S 0:0(0) <mss 1460>")
          yield peer.expect("S. 0:0(0) ack 1", within=1.0)
          yield peer.send(". 1:1(0) ack 1")
          yield peer.quiet(0.5)

    \b
    Examples:
      rawshake play --list                              what comes with it
      rawshake play simultaneous-close --rehearse       in memory
      sudo rawshake play half-open-syn 192.0.2.10 7     against a server
      sudo rawshake play ./mine.py 192.0.2.10 80 --pcap frames.pcap
      pydoc rawshake.play                               what a script may do
    """
    output = take(Output, given)
    if listing:
        return _list(output)
    if script is None:
        raise click.UsageError("Missing argument 'SCRIPT'.")
    if rehearse and target:
        raise Failure(Exit.USAGE, "--rehearse meets a server in memory, no host.", "Leave HOST and PORT out.")
    if not rehearse and len(target) != 2:
        raise Failure(
            Exit.USAGE,
            "A script is played against HOST and PORT.",
            "Name them, or try it first with --rehearse.",
        )
    if server is not None and not rehearse:
        raise Failure(Exit.USAGE, "--server is for --rehearse.", "Leave it out.")
    number_given = port(target[1]) if target else 0
    from rawshake.cli import playing
    from rawshake.cli.scripts import load

    found = load(script)
    if rehearse:
        return playing.rehearsed(found, server, output)
    wanted = playing.Wanted(
        host=target[0],
        port=number_given,
        sport=_int(given["sport"]),
        source=_text(given["source"]),
        interface=_text(given["interface"]),
        family=_family(given["family"]),
        allowed=allowed,
    )
    return playing.live(found, wanted, output)


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _family(value: object) -> Literal[4, 6] | None:
    return 4 if value == 4 else 6 if value == 6 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _list(output: Output) -> int:
    import textwrap

    from rawshake.cli.output import render_options, to_stdout
    from rawshake.cli.scripts import EXAMPLES, examples

    options = render_options(output)
    for name, peer, summary in examples():
        to_stdout(f"{name:20} {peer}\n")
        lines = textwrap.wrap(summary, min(options.width, 100) - 4, break_on_hyphens=False)
        to_stdout("".join(f"    {line}\n" for line in lines))
    to_stdout(f"They are in {EXAMPLES}.\n")
    return Exit.OK
