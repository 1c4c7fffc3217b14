"""``rawshake verify``: what a server's TCP does, probe by probe, judged by the RFCs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from rawshake.cli.parameters import number, permission_option, port
from rawshake.errors import Exit, Failure

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

#: Options that name the port of a kind of server, and what such a server does.
SERVERS = {
    "echo": "sends back what it reads",
    "closes-first": "says something and closes, before its client does",
    "closes-on-eof": "closes at end of file, and only then",
    "bulk": "sends much more than a window",
    "no-read": "reads nothing for a while, so that its window closes",
    "closed": "is no server: nothing listens there",
    "dials": "connects to us, at the port that it is told as a line of text",
    "agent": "makes socket calls as it is told: see 'rawshake lab agent'",
}


def _server_options(command: CommandT) -> CommandT:
    for name, text in reversed(SERVERS.items()):
        option = click.option(f"--{name}", type=port, metavar="PORT", help=f"The port of one that {text}.")
        command = option(command)
    return command


@click.command("verify")
@click.argument("host", metavar="HOST")
@click.argument("open_port", metavar="[PORT]", type=port, required=False)
@_server_options
@click.option(
    "--listen",
    type=port,
    metavar="PORT",
    help="A port of ours: the target connects to it again and again, whenever it is let go.",
)
@click.option(
    "--select", multiple=True, metavar="PROBE", help="Only this probe, chapter or scenario; may be repeated."
)
@click.option("--ignore", multiple=True, metavar="PROBE", help="All but this one; may be repeated.")
@click.option(
    "--slow", is_flag=True, help="Also those that wait for minutes: 2 MSL, the last retransmission."
)
@click.option(
    "--jobs",
    type=number(1, 1000),
    metavar="N",
    help="How many run at once. [default: 16, of them 3 half open, for short backlogs; 200 in the lab]",
)
@click.option(
    "--rate",
    type=number(0, 100_000),
    metavar="N",
    help="How many are begun each second; 0: no limit. [default: 50; 0 in the lab]",
)
@click.option(
    "--repeat",
    type=number(0, 20),
    default="2",
    show_default=True,
    metavar="N",
    help="How often a probe that failed is tried again.",
)
@click.option(
    "--expect", metavar="FILE", help="PROBE = VERDICT lines: what is known; only changes count then."
)
@click.option(
    "--fail-on",
    type=click.Choice(["fail", "warn", "note"]),
    default="fail",
    show_default=True,
    help="What makes the exit status 1.",
)
@click.option(
    "--show",
    multiple=True,
    metavar="PROBE",
    help="Draw the ladder of this probe, or of those that 'failed'; may be repeated. One alone is drawn.",
)
@click.option("--source", metavar="ADDRESS", help="Our address, one of this machine's.")
@click.option("--interface", metavar="NAME", help="Send over this interface, whatever the routes say.")
@click.option("-4", "family", flag_value=4, type=int, help="IPv4 only.")
@click.option("-6", "family", flag_value=6, type=int, help="IPv6 only.")
@permission_option
@click.option("-v", "--verbose", count=True, help="All that passed, too.")
@click.option("-q", "--quiet", is_flag=True, help="The verdict line only.")
@click.option("--ascii", is_flag=True, help="No characters beyond ASCII.")
@click.option(
    "--color",
    "colour",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colour or not.",
    show_default=True,
)
@click.option(
    "--json", metavar="FILE", help="Write the whole report; - is standard output, without the screen."
)
@click.option("--junit", metavar="FILE", help="Write a suite for each chapter, a case for each probe.")
@click.option(
    "--html", metavar="FILE", help="Write a page: the grid, every probe with its ladder, the clauses."
)
@click.option(
    "--pcap",
    metavar="FILE",
    help="Write all frames, for Wireshark; a file for each probe if it is a directory.",
)
def command(  # one for each option; ``Asked`` has their types
    **given: Any,  # noqa: ANN401
) -> int:
    r"""Verify a server's TCP: send it what the RFCs speak of, and judge what it answers.

    PORT is any that is open. Probes that need a server of another kind are skipped unless its port is named. Each
    connection is ended by a reset, whatever comes. With HOST 'lab', inside a lab, all ports are known.

    \b
    Examples:
      sudo rawshake verify 192.0.2.10 80
      sudo rawshake verify 192.0.2.10 --echo 7 --closes-first 13 --bulk 19
      rawshake lab run -- rawshake verify lab --html conformance.html
      rawshake lab run -- rawshake verify lab --select reset --show failed
    """
    from rawshake.cli.verifying import Asked, verify

    ports = {name: given.pop(name.replace("-", "_")) for name in SERVERS}
    asked = Asked(ports={name: found for name, found in ports.items() if found is not None}, **given)
    if not asked.ports and asked.open_port is None and not asked.listen and asked.host != "lab":
        raise Failure(
            Exit.USAGE, "No port is named.", f"Name an open one: sudo rawshake verify {asked.host} 80."
        )
    return verify(asked, sys.argv)
