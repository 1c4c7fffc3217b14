"""``rawshake grid``: the cells of a verify report, state by state."""

from __future__ import annotations

import click

from rawshake.cli.drawing import drawing, drawing_options
from rawshake.errors import Exit, Failure


@click.command("grid")
@click.argument("report", metavar="REPORT")
@drawing_options
def command(report: str, **given: object) -> int:
    r"""Draw the grid of a report: each state, each kind of segment, each place of its numbers.

    REPORT is what 'rawshake verify --json FILE' wrote; - is standard input.

    \b
    Examples:
      rawshake lab run -- rawshake verify lab --select grid --json report.json
      rawshake grid report.json
    """
    from rawshake.cli.output import to_stdout
    from rawshake.cli.stored import stored_run
    from rawshake.render.grid_map import NAMES, grid_map

    cells = [one for one in stored_run(report).results if one.id in NAMES]
    if not cells:
        raise Failure(
            Exit.UNREADABLE,
            f"No cell of the grid is in {report}.",
            "Run it: rawshake verify HOST --select grid.",
        )
    to_stdout(grid_map(cells, drawing(given)))
    return Exit.OK
