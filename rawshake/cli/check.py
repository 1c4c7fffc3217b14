"""``rawshake check``: every connection of a capture followed, judged and summed up."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import click

from rawshake.cli.parameters import explain_options, number, svg_option
from rawshake.errors import Exit, Failure

if TYPE_CHECKING:
    from rawshake.rules.model import Rule


@click.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--connection", type=number(1, 2**31), metavar="N", help="Draw the connection of that number.")
@click.option("--filter", "wanted", metavar="WORDS", help="Only these: host, port, net; and, or, not; (...).")
@click.option("--select", multiple=True, metavar="RULE", help="Only this rule or chapter; may be repeated.")
@click.option("--ignore", multiple=True, metavar="RULE", help="All but this rule or chapter.")
@click.option(
    "--fail-on",
    type=click.Choice(["fail", "warn", "note"]),
    default="fail",
    show_default=True,
    help="What makes the exit status 1.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "lines", "github"]),
    default="text",
    show_default=True,
    help="A report to read, or each finding as FILE:FRAME: RULE: SENTENCE, or as an annotation on GitHub.",
)
@click.option(
    "--json", metavar="FILE", help="Write the whole report; - is standard output, without the text."
)
@click.option("--junit", metavar="FILE", help="Write a suite for each capture and a case for each rule.")
@click.option(
    "--html", metavar="FILE", help="Write a page with a table of connections and a ladder for each."
)
@svg_option
@click.option("-v", "--verbose", count=True, help="Show every rule that was exercised, not only broken ones.")
@click.option(
    "--compact", is_flag=True, help="A line for each connection; with --connection for each segment."
)
@explain_options
@click.option("-q", "--quiet", is_flag=True, help="The verdict lines only.")
@click.option("--ascii", is_flag=True, help="No characters beyond ASCII.")
@click.option(
    "--color",
    "colour",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colour or not.",
    show_default=True,
)
def command(
    files: tuple[str, ...],
    connection: int | None,
    wanted: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str,
    form: str,
    json: str | None,
    junit: str | None,
    html: str | None,
    svg: str | None,
    verbose: int,
    explain: bool,
    lang: str | None,
    compact: bool,
    quiet: bool,
    ascii: bool,  # noqa: A002 -- the option's name
    colour: str,
) -> int:
    r"""Judge what passed: every connection of the captures, each segment by TCP's rules.

    FILE is a capture (pcap or pcapng, also with gzip or zstd), a report that --json wrote, or - for standard
    input. The exit status is 1 if there is a finding as grave as --fail-on.

    \b
    Examples:
      rawshake check trace.pcapng
      rawshake check *.pcap --json out.json --junit out.xml
      rawshake check trace.pcap --connection 3
      rawshake check trace.pcap --html trace.html
      tcpdump -w - -c 1000 | rawshake check -
    """
    # What is made for each connection is let go of without cycles, and what is imported stays: to look for some
    # takes a quarter of the time.
    gc.set_threshold(100_000, 20, 100)
    from rawshake.cli.judging import Check
    from rawshake.cli.parameters import Output
    from rawshake.cli.reporters import Asked
    from rawshake.rules.model import Verdict
    from rawshake.trace.expression import parse

    if connection is not None and len(files) > 1:
        raise Failure(
            Exit.USAGE,
            f"--connection {connection} is of one capture, and {len(files)} files are named.",
            "Name the one that it is in.",
        )
    if connection is None and (explain or lang):
        raise Failure(
            Exit.USAGE,
            f"{'--explain' if explain else '--lang'} is for the segments of one connection.",
            "Name it by its number: --connection 3.",
        )
    if connection is None and svg is not None:
        problem = "--svg is for the ladder of one connection."
        raise Failure(Exit.USAGE, problem, "Name it by its number: --connection 3.")
    named = {"--json": json, "--junit": junit, "--html": html, "--svg": svg}
    printed = [option for option, file in named.items() if file == "-"]
    if len(printed) > 1:
        problem = f"{' and '.join(printed[:2])} cannot both go to standard output."
        raise Failure(Exit.USAGE, problem, "Name a file.")
    asked = Asked(
        files=files,
        rules=chosen(select, ignore),
        floor=Verdict(fail_on.upper()),
        form=form,
        connection=connection,
        wanted=parse(wanted) if wanted else None,
        junit=junit,
        output=Output(
            verbose=verbose,
            compact=compact,
            quiet=quiet,
            ascii=ascii,
            colour=colour,
            json=json,
            pcap=None,
            svg=svg,
            explain=explain,
            lang=lang,
        ),
        html=html,
    )
    return Check(asked).run()


def chosen(select: tuple[str, ...], ignore: tuple[str, ...]) -> tuple[Rule, ...]:
    """The rules by ids and chapters; each may be several with commas. Raises Failure for one that is unknown."""
    from rawshake.rules import UnknownRule
    from rawshake.rules import select as choose

    def split(given: tuple[str, ...]) -> list[str]:
        return [name.strip() for one in given for name in one.split(",") if name.strip()]

    try:
        rules = choose(split(select), split(ignore))
    except UnknownRule as unknown:
        sentence = str(unknown)
        problem, _, nearest = sentence.partition("; ")
        hint = f"{nearest[0].upper()}{nearest[1:]}." if nearest else "See 'rawshake rules'."
        raise Failure(Exit.USAGE, f"{problem[0].upper()}{problem[1:]}.", hint) from None
    if not rules:
        raise Failure(Exit.USAGE, "--select and --ignore leave no rule.", "See 'rawshake rules'.")
    return rules
