"""``rawshake grid``: the cells of a verify report, state by state."""

from __future__ import annotations

import click

from rawshake.cli.drawing import drawing, drawing_options
from rawshake.errors import Exit, Failure


@click.command("grid")
@click.argument("report", metavar="REPORT")
@click.option("--html", metavar="FILE", help="Write a page: the grid as a heat map.")
@drawing_options
def command(report: str, html: str | None, **given: object) -> int:
    r"""Draw the grid of a report: each state, each kind of segment, each place of its numbers.

    REPORT is what 'rawshake verify --json FILE' wrote; - is standard input.

    \b
    Examples:
      rawshake lab run -- rawshake verify lab --select grid --json report.json
      rawshake grid report.json --html grid.html
    """
    from rawshake.cli.output import to_stdout, write_text
    from rawshake.cli.stored import stored_run
    from rawshake.render.grid_map import NAMES, grid_map

    run = stored_run(report)
    cells = [one for one in run.results if one.id in NAMES]
    if not cells:
        raise Failure(
            Exit.UNREADABLE,
            f"No cell of the grid is in {report}.",
            "Run it: rawshake verify HOST --select grid.",
        )
    if html is not None:
        from rawshake.html.grid import page

        write_text(html, page(run.target, cells))
    if html != "-":
        to_stdout(grid_map(cells, drawing(given)))
    return Exit.OK
