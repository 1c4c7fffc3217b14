"""``rawshake teardown``: close a held connection, or open and close one in one go."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import click
from click.core import ParameterSource

from rawshake.api.crafting import Crafting
from rawshake.cli.parameters import (
    Output,
    crafting_options,
    html_option,
    number,
    output_options,
    port,
    rate,
    seconds,
    step_option,
    svg_option,
    take,
)
from rawshake.errors import Exit, Failure

#: How many at a time where nothing is said.
JOBS = 64
#: Crafting options that mean something for many connections; all others speak of one, or of one segment of it.
OF_MANY = frozenset(
    "source interface ttl window mss wscale timestamps sack ecn options family timeout retries allowed".split()
)
FOR_ONE = {"how", "data", "pcap", "html", "svg", "step", *Crafting.__dataclass_fields__} - OF_MANY
#: Crafting options that mean something for a connection that is open already.
STILL_USEFUL = frozenset({"timeout", "family"})


@click.command("teardown")
@click.argument("target", nargs=-1, metavar="[ID | HOST PORT]")
@click.option(
    "--how",
    type=click.Choice(["fin", "half", "simultaneous", "rst"]),
    default="fin",
    show_default=True,
    help="fin: our FIN, then theirs within --timeout. half: our FIN, then read until theirs, however long. "
    "simultaneous: our FIN as if it had crossed theirs; the server must close first. rst: abort.",
)
@click.option(
    "--linger",
    type=seconds(0, 240, msl=True),
    default="1",
    show_default=True,
    metavar="SECONDS",
    help="How long to hold TIME-WAIT; 2msl is RFC 9293's four minutes.",
)
@click.option(
    "--count",
    type=number(1, 1_000_000_000),
    metavar="N",
    help="Open and close so many connections, and tell how their times are spread and which differ.",
)
@click.option("--jobs", type=number(1, 4096), metavar="K", help="So many at a time. [default: 64]")
@click.option(
    "--rate",
    type=rate,
    metavar="R",
    help="Begin no more than so many a second; as many as may be unless given.",
)
@click.option("--data", metavar="TEXT", default="", help=r"Send it on the third ACK; knows \r\n\x00.")
@step_option
@crafting_options
@output_options
@html_option
@svg_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    target: tuple[str, ...],
    how: str,
    linger: int,
    count: int | None,
    jobs: int | None,
    rate: float | None,
    data: str,
    step: bool,
    **given: object,
) -> int:
    r"""Close a connection: FIN, ACK, FIN, ACK.

    With HOST and PORT it opens one first, unless one to there is held. Else it closes the held connection of that
    ID (see 'rawshake sessions'), or the one opened last; that takes no root.

    \b
    Examples:
      rawshake teardown                        the held connection opened last
      rawshake teardown 2                      the held connection 2
      sudo rawshake teardown 192.0.2.10 80     open and close in one go
      sudo rawshake teardown 192.0.2.10 80 --bad fin.seq=+1
      sudo rawshake teardown 192.0.2.10 80 --html exchange.html
      sudo rawshake teardown 192.0.2.10 80 --count 10000 --jobs 64
    """
    output, crafting = take(Output, given), take(Crafting, given)
    if len(target) > 2:
        raise click.UsageError(f"{' '.join(target)!r} is more than HOST and PORT.")
    if count is not None:
        _check_many(ctx, target)
        from rawshake.cli.many import run
        from rawshake.many.run import Order

        wanted = Order(count=count, jobs=jobs or JOBS, rate=rate or 0, linger=linger)
        name = f"teardown {target[0]} {target[1]} --count {count}"
        return run(name, target[0], port(target[1]), wanted, crafting, output)
    alone = _named(ctx, {"jobs", "rate"})
    if alone:
        raise click.UsageError(
            f"{' and '.join(alone)} mean{'' if len(alone) > 1 else 's'} nothing without --count."
        )
    from rawshake.cli import held

    order = {"how": how, "linger": linger, "timeout": crafting.timeout}
    if len(target) < 2:
        found = held.find(target[0] if target else None)
    else:
        at = port(target[1])
        candidate = held.to(target[0], at, crafting.family)
        if candidate is None:
            return _in_one_go(target[0], at, order, data, crafting, output, step=step)
        found = candidate
    late = _named(ctx, {*Crafting.__dataclass_fields__, "data", "step"} - STILL_USEFUL)
    if late:
        raise Failure(
            Exit.USAGE,
            f"Connection {found.number} is open already: {', '.join(late)} comes too late.",
            "Leave that out, or name another --sport to open a new connection after closing this one.",
        )
    if len(target) == 2:
        held.say(output, f"Connection {found.number} is held to that server: closing it.")
    return found.order({"order": "teardown", **order}, output)


def _named(ctx: click.Context, names: Collection[str]) -> list[str]:
    """The options of these that were given on the command line, as they are written."""
    return [
        parameter.opts[0]
        for parameter in ctx.command.params
        if parameter.name in names and ctx.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]


def _check_many(ctx: click.Context, target: tuple[str, ...]) -> None:
    """Refuse what makes no sense for many."""
    if len(target) != 2:
        raise click.UsageError("--count opens connections of its own: name HOST and PORT.")
    for_one = _named(ctx, FOR_ONE)
    if for_one:
        raise click.UsageError(f"{' and '.join(for_one)} is for one connection, and --count asks for many.")


def _in_one_go(
    host: str,
    number: int,
    order: dict[str, Any],
    data: str,
    crafting: Crafting,
    output: Output,
    *,
    step: bool,
) -> int:
    from rawshake.api.closing import How, close
    from rawshake.cli.live import finish, opened, reset_if_interrupted
    from rawshake.cli.text import unescape
    from rawshake.ending import outcome_of
    from rawshake.endpoint import Want

    how = How(order["how"])
    octets = unescape(data)
    with opened("teardown", host, number, crafting, output, step=step) as live:
        with reset_if_interrupted(live):
            want = Want.CLOSE_CROSSING if how is How.SIMULTANEOUS else Want.OPEN
            if live.session.connect(octets, want=want):
                outcome, detail = close(live.session, how, order["timeout"])
            else:
                outcome, detail = outcome_of(live.session)
        return finish(live, outcome, detail, linger=order["linger"])
