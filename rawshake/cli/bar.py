"""What is shown on standard error while something takes its time, where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rawshake.render.text import fit, safe
from rawshake.verify.progress import Progress

#: What is said in place of what runs.
STUCK: Final = "it opens no connection now"
#: Columns that the others take.
_BEFORE: Final = 54


@contextmanager
def progress_bar(total: int, *, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar for a run of so many probes: how many have run, how many do now, how long it takes yet, and what runs."""
    if quiet or not sys.stderr.isatty():
        yield _nobody
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[running]:>4} at once,"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        TextColumn("{task.fields[what]}", style="dim"),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, running=0, what="")

        def told(now: Progress) -> None:
            what = STUCK if now.stuck else next(iter(now.names), "")
            # Cut to the rest of the line, so that nothing moves.
            what = fit(what, max(10, console.width - _BEFORE))
            bar.update(task, completed=now.done + now.ended, running=now.running, what=what)

        yield told


@contextmanager
def busy(text: str, *, quiet: bool) -> Iterator[None]:
    """Say what goes on meanwhile."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(safe(text))):
        yield


def _nobody(progress: Progress) -> None:
    """Nobody looks."""
