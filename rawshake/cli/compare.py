"""``rawshake compare``: verify reports of several stacks side by side."""

from __future__ import annotations

from pathlib import Path

import click

from rawshake.cli.drawing import drawing, drawing_options
from rawshake.errors import Exit, Failure


@click.command("compare")
@click.argument("reports", metavar="REPORT...", nargs=-1, required=True)
@click.option("-v", "--verbose", count=True, help="Also what is the same everywhere.")
@drawing_options
def command(reports: tuple[str, ...], verbose: int, **given: object) -> int:
    r"""Compare stacks: a row for each probe, a column for each report, what differs first.

    REPORTs are what 'rawshake verify --json FILE' wrote; a column is called as its file is.

    \b
      rawshake compare linux.json lwip.json
    """
    from rawshake.cli.output import to_stdout
    from rawshake.render.compared import compared
    from rawshake.render.reading import BadReport
    from rawshake.render.verify_json import load

    runs = []
    for report in reports:
        try:
            runs.append(load(Path(report).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as refused:
            problem = f"{report} cannot be read: {refused}."
            raise Failure(Exit.UNREADABLE, problem, "Name reports of 'rawshake verify --json'.") from refused
        except BadReport as bad:
            raise Failure(bad.status, f"{report}: {bad.problem}", bad.next_step) from bad
    names = [Path(report).stem for report in reports]
    to_stdout(compared(names, runs, drawing(given, verbose=verbose)))
    return Exit.OK
