"""``rawshake lab``: a command in namespaces of its own, with real servers on the other side of a wire."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from rawshake.cli.parameters import port
from rawshake.errors import Exit, Failure


@click.group("lab")
def command() -> None:
    r"""A lab of namespaces with real servers behind a wire.

    Two network namespaces of its own, one for your command and one for the servers, with a wire between
    them, IPv4 and IPv6. It needs no root where the system allows user namespaces, and leaves nothing behind.

    \b
    Examples:
      rawshake lab servers                             what there is
      rawshake lab run -- rawshake teardown lab 80     talk to one
      rawshake lab run -- bash                         look around
    """


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@command.command("run", context_settings={"allow_interspersed_args": False})
@click.option(
    "--servers",
    type=_names,
    metavar="NAME,...",
    help="Only these servers; all unless given. See 'rawshake lab servers'.",
)
@click.option(
    "--loopback",
    is_flag=True,
    help="No namespaces: servers on loopback, at their ports plus 10000, where that is all the system allows.",
)
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def run_command(servers: list[str] | None, loopback: bool, words: tuple[str, ...]) -> int:
    r"""Run a command in a lab, and end as it does.

    The servers are at 192.0.2.2 and 2001:db8::2, named 'lab', at the ports of 'rawshake lab servers'; the
    command is at 192.0.2.1 and 2001:db8::1, as root of its own namespaces. RAWSHAKE_LAB in its environment
    holds the servers' addresses.

    \b
    Examples:
      rawshake lab run -- rawshake teardown 192.0.2.2 80
      rawshake lab run -- sh -c 'rawshake connect lab 7; rawshake teardown'
      rawshake lab run -- bash
      rawshake lab run --servers echo,banner -- ping -c 1 lab
    """
    from rawshake.net.lab.command import run
    from rawshake.net.privilege import raw_sockets_allowed

    try:
        return run(words, environment=_environment(), servers=servers, namespaces=not loopback)
    except Failure as refused:
        if refused.status is not Exit.LAB_IMPOSSIBLE or not raw_sockets_allowed():
            raise
        next_step = f"{refused.next_step} Or add --loopback: servers, but no namespaces."
        raise Failure(refused.status, refused.problem, next_step) from None


def _environment() -> dict[str, str]:
    """Ours, with this rawshake found along PATH, where no other one is."""
    environment = dict(os.environ)
    if shutil.which("rawshake") is None:
        places = (Path(sys.argv[0]).absolute().parent, Path(sys.executable).parent)
        found = [str(place) for place in places if (place / "rawshake").is_file()]
        environment["PATH"] = os.pathsep.join([environment.get("PATH", os.defpath), *found[:1]])
    return environment


@command.command("servers", short_help="List the servers that a lab has.")
def list_servers() -> None:
    r"""List the servers that a lab has: name, port, and what each does with a connection.

    \b
    Examples:
      rawshake lab servers
      rawshake lab run --servers echo -- rawshake teardown lab 7
    """
    from rawshake.net.lab.servers import SERVERS

    rows = [("NAME", "PORT", "WHAT IT DOES")]
    rows += [(server.name, str(server.port), server.summary) for server in SERVERS.values()]
    if sys.stdout.isatty():
        _draw(rows)
        return
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, number, summary in rows:
        click.echo(f"{name:{widths[0]}}  {number:>{widths[1]}}  {summary}")


@command.command("agent", short_help="Make socket calls in a target for 'rawshake verify --agent'.")
@click.option("--control", type=port, metavar="PORT", help="Where it takes orders.")
@click.option(
    "--bind",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="One of this machine's addresses.",
)
@click.option("--print", "printed", is_flag=True, help="Print the agent itself, a program of one file.")
def agent_command(control: int | None, bind: str, printed: bool) -> int:
    r"""Make socket calls as it is told, so that 'rawshake verify --agent PORT' sees how TCP takes them.

    It is a single file that needs nothing but Python, for any machine whose TCP is looked at. Whoever reaches its
    port can have it listen there, and connect to themselves; it has no password, so name an address of a test
    network. The file tells of its orders. Every lab has one.

    \b
    Examples:
      rawshake lab agent --control 9000 --bind 192.0.2.10
      rawshake lab agent --print > agent.py
    """
    from rawshake.net.lab import agent

    if printed:
        click.echo(Path(agent.__file__).read_text(encoding="utf-8"), nl=False)
        return Exit.OK
    if control is None:
        raise Failure(Exit.USAGE, "No port is named.", "Name one: rawshake lab agent --control 9000.")
    try:
        listener = agent.open_control(bind, control)
    except OSError as refused:
        raise Failure(
            Exit.USAGE, f"{bind} port {control} cannot be had: {refused}.", "Name another address or port."
        ) from None
    click.echo(agent.told(listener))
    agent.run(listener)
    return Exit.OK


def _draw(rows: list[tuple[str, str, str]]) -> None:
    """The table as wide as the terminal, its lines wrapped."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, justify in zip(rows[0], ("left", "right", "left"), strict=True):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for row in rows[1:]:
        table.add_row(*row)
    Console(highlight=False).print(table)
