"""``rawshake compare``: verify reports of several stacks side by side."""

from __future__ import annotations

from pathlib import Path

import click

from rawshake.cli.drawing import drawing, drawing_options
from rawshake.errors import Exit


@click.command("compare")
@click.argument("reports", metavar="REPORT...", nargs=-1, required=True)
@click.option("-v", "--verbose", count=True, help="Also what is the same everywhere.")
@click.option(
    "--html", metavar="FILE", help="Write a page: the same as a matrix, each verdict with its reason."
)
@drawing_options
def command(reports: tuple[str, ...], verbose: int, html: str | None, **given: object) -> int:
    r"""Compare stacks: a row for each probe, a column for each report, what differs first.

    REPORTs are what 'rawshake verify --json FILE' wrote; a column is called as its file is.

    \b
    Examples:
      sudo rawshake verify 192.0.2.10 80 --json linux.json
      sudo rawshake verify 192.0.2.11 80 --json lwip.json
      rawshake compare linux.json lwip.json
      rawshake compare *.json --html matrix.html
    """
    from rawshake.cli.output import to_stdout, write_text
    from rawshake.cli.stored import stored_run
    from rawshake.render.compared import compared

    runs = [stored_run(report) for report in reports]
    stems = [Path(report).stem for report in reports]
    names = stems if len(set(stems)) == len(stems) else [f"{at}:{stem}" for at, stem in enumerate(stems, 1)]
    if html is not None:
        from rawshake.html.matrix import page

        write_text(html, page(names, runs))
    if html != "-":
        to_stdout(compared(names, runs, drawing(given, verbose=verbose)))
    return Exit.OK
