"""``rawshake sniff``: the connections that pass this machine, judged as they go."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace

import click

from rawshake.cli.parameters import Output, html_option, number, output_options, seconds, take
from rawshake.errors import Exit, Failure


@click.command("sniff")
@click.argument("words", metavar="[FILTER]...", nargs=-1)
@click.option("-i", "--interface", metavar="NAME", default="any", show_default=True, help="Where to listen.")
@click.option("--count", type=number(1, 2**62), metavar="N", help="Stop after so many packets.")
@click.option(
    "--duration", type=seconds(0.001, 1e9), metavar="SECONDS", help="Stop after so long; else at Ctrl-C."
)
@click.option("--table", is_flag=True, help="A table of connections that updates; in a pipe a line for each.")
@click.option(
    "--max-connections",
    type=number(1, 1_000_000),
    default="10000",
    show_default=True,
    metavar="N",
    help="Follow so many at a time; 10,000 take up to 300 MB.",
)
@click.option(
    "--buffer",
    type=number(1, 65536),
    default="256",
    show_default=True,
    metavar="MB",
    help="How much may wait to be judged.",
)
@click.option("--select", multiple=True, metavar="RULE", help="Only this rule or chapter; may be repeated.")
@click.option("--ignore", multiple=True, metavar="RULE", help="All but this rule or chapter.")
@click.option(
    "--fail-on",
    type=click.Choice(["fail", "warn", "note"]),
    default="fail",
    show_default=True,
    help="What makes the exit status 1.",
)
@click.option("--junit", metavar="FILE", help="Write a case for each rule.")
@output_options
@html_option
def command(
    words: tuple[str, ...],
    interface: str,
    count: int | None,
    duration: int | None,
    table: bool,
    max_connections: int,
    buffer: int,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str,
    junit: str | None,
    **given: object,
) -> int:
    r"""Judge what passes: every connection on an interface, each drawn as it ends.

    FILTER is like tcpdump's: host, port, portrange, net, src, dst, ip, ip6; and, or, not; (...). ICMP errors about
    TCP come in any case. The capture ends at Ctrl-C, and then comes what was found. Nothing is sent.

    \b
    Examples:
      sudo rawshake sniff -i eth0 port 443
      sudo rawshake sniff --table --duration 60
      sudo rawshake sniff -i any "host 192.0.2.7 and not port 22"
      sudo rawshake sniff --count 1000 --pcap trace.pcap
    """
    from rawshake.cli.check import chosen
    from rawshake.cli.displays import Exchanges, LiveTable
    from rawshake.cli.output import check_files, render_options
    from rawshake.cli.reporters import Asked, Text, reporters
    from rawshake.cli.watching import Watch, Watching, flood_text
    from rawshake.net.privilege import open_for_user, require_raw
    from rawshake.net.tap import Tap
    from rawshake.rules.model import Verdict
    from rawshake.trace.expression import parse

    output = take(Output, given)
    if output.silent and junit == "-":
        other = "--json" if output.json == "-" else "--html"
        raise Failure(Exit.USAGE, f"{other} and --junit cannot both go to standard output.", "Name a file.")
    wanted = parse(" ".join(words))
    asked = Asked(
        files=(interface,),
        rules=chosen(select, ignore),
        floor=Verdict(fail_on.upper()),
        form="text",
        connection=None,
        wanted=wanted,
        junit=junit,
        output=output,
        html=output.html,
        live=True,
    )
    require_raw(sys.argv)
    check_files(output)
    options = replace(render_options(output), ours=None)
    with ExitStack() as stack:
        # The text of check is of a capture that has ended: here it is shown as it goes.
        written = [one for one in reporters(asked, options, stack) if not isinstance(one, Text)]
        shown: Exchanges | LiveTable | None = None
        if not output.silent and junit != "-":
            shown = Exchanges(output, options, lambda: flood_text(watching.sift.left), drawn=not table)
            if table and sys.stdout.isatty() and not output.quiet:
                shown = LiveTable(shown, options)
                stack.callback(shown.close)
        watch = Watch(
            interface=interface,
            wanted=wanted,
            count=count or 0,
            duration=duration or 0,
            connections=max_connections,
            pcap=stack.enter_context(open_for_user(output.pcap)) if output.pcap else None,
        )
        watching = Watching(
            stack.enter_context(Tap(interface, wanted, buffer=buffer << 20)),
            watch,
            asked,
            [*([shown] if shown else []), *written],
            draws=shown.draws if isinstance(shown, Exchanges) else lambda: False,
            live=shown.step if isinstance(shown, LiveTable) else None,
        )
        watching.run(_listening(interface, " ".join(words)))
        for reporter in written:
            reporter.close()
    return Exit.RULE_BROKEN if watching.found else Exit.OK


def _listening(interface: str, words: str) -> str:
    where = "all interfaces" if interface == "any" else interface
    return f"Listening on {where}{f' for {words}' if words else ''}; Ctrl-C ends it."
