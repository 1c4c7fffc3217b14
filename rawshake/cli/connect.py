"""``rawshake connect``: a handshake by hand, and a connection that is held."""

from __future__ import annotations

import click

from rawshake.api.crafting import Crafting
from rawshake.cli.parameters import (
    Output,
    crafting_options,
    html_option,
    output_options,
    port,
    seconds,
    step_option,
    svg_option,
    take,
)


@click.command("connect")
@click.argument("host")
@click.argument("number", metavar="PORT", type=port)
@click.option("--data", metavar="TEXT", default="", help=r"Send it on the third ACK; knows \r\n\x00.")
@click.option(
    "--hold",
    type=seconds(0, 86400),
    default="600",
    show_default=True,
    metavar="SECONDS",
    help="How long to hold the connection before saying goodbye.",
)
@click.option(
    "--simultaneous",
    is_flag=True,
    help="Wait for HOST to dial --sport from PORT, and open as if both SYNs had crossed; dial ourselves after half of "
    "--timeout.",
)
@click.option("--foreground", is_flag=True, help="Hold it here, until Ctrl-C, not in the background.")
@step_option
@crafting_options
@output_options
@html_option
@svg_option
def command(
    host: str,
    number: int,
    data: str,
    hold: int,
    foreground: bool,
    simultaneous: bool,
    step: bool,
    **given: object,
) -> int:
    r"""Open a connection by hand and hold it: SYN, SYN-ACK, ACK.

    It stays open in the background: 'rawshake send' speaks over it, 'rawshake sessions' lists it, 'rawshake
    teardown' closes it, none of which takes root. HOST is a name or an address, PORT that of a TCP server.

    \b
    Examples:
      sudo rawshake connect 192.0.2.10 80
      sudo rawshake connect example.org 80 -6 --isn 4294967295
      sudo rawshake connect 192.0.2.10 80 --options "<mss 1460,nop,wscale 7>"
      sudo rawshake connect 192.0.2.10 80 --bad ack.ack=+1
      sudo rawshake connect 192.0.2.10 5000 --sport 5000 --simultaneous
    """
    output, crafting = take(Output, given), take(Crafting, given)
    from rawshake.api.live import concluded
    from rawshake.cli.live import finish, opened, reset_if_interrupted
    from rawshake.cli.text import unescape
    from rawshake.net import keeper
    from rawshake.render.words import endpoint_text
    from rawshake.report import Outcome

    octets = unescape(data)
    with opened("connect", host, number, crafting, output, step=step) as live, reset_if_interrupted(live):
        if simultaneous:
            ours = endpoint_text(live.session.tracker.client)
            click.echo(f"Waiting for {host} to dial {ours} from port {number}.", err=True)
            live.session.await_call(live.wire.now() + crafting.timeout // 2)
        live.session.connect(octets)
        if octets:
            live.session.run(lambda: not live.session.endpoint.unacknowledged or live.session.over)
        outcome, detail = concluded(live.session)
        status = finish(live, outcome, detail, linger=0)
        if outcome is not Outcome.HELD:
            return status
        from rawshake.cli.hold import in_background, in_foreground

        if foreground or keeper.is_first_process():
            return in_foreground(live, hold)
        in_background(live, hold)
    return status
