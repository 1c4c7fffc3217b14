"""``teardown --count``: many exchanges with one server, a bar while they go on, and what they came to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from rawshake.api.crafting import Crafting, check
from rawshake.api.many import Ready, many
from rawshake.api.status import STATUS
from rawshake.cli import stops
from rawshake.cli.output import check_files, render_options, to_stdout, write_text
from rawshake.cli.parameters import Output
from rawshake.cli.stops import Stopped
from rawshake.errors import Exit, Failure
from rawshake.many.run import Order, Run
from rawshake.many.tally import Ran, Tally
from rawshake.net.privilege import require_raw
from rawshake.profile import SECOND
from rawshake.render import many as drawing
from rawshake.render.many_json import dump
from rawshake.rules import book

#: How often the bar is drawn anew, ns.
REFRESH: Final = SECOND // 10


def run(command: str, host: str, port: int, order: Order, crafting: Crafting, output: Output) -> int:
    """Run them all, or as many as Ctrl-C leaves, print what they came to, and give the exit status."""
    check(crafting, dashes="--")
    require_raw(sys.argv)
    check_files(output)
    with many(host, port, crafting, order, asking="--count") as ready:
        try:
            _go(ready, output)
        except (Stopped, Failure):
            _tell(command, order, ready, output)
            raise
        _tell(command, order, ready, output)
        return status_of(ready.run.tally)


def status_of(tally: Tally) -> Exit:
    """A rule that the server broke counts most, then the most frequent ending that is none to be content with."""
    if tally.broken:
        return Exit.RULE_BROKEN
    for outcome, _ in tally.outcomes.most_common():
        if STATUS[outcome] is not Exit.OK:
            return STATUS[outcome]
    return Exit.OK


def _go(ready: Ready, output: Output) -> None:
    """Whatever ends it early, what is open is reset first, so that no server is left hanging."""
    run = ready.run
    with _bar(run, output) as draw, stops.noted() as waker:
        ready.volley.wake_by(waker)

        def checkpoint() -> None:
            stops.check(waker)
            draw()

        run.checkpoint = checkpoint
        try:
            run.go()
        except (Stopped, Failure):
            run.checkpoint = lambda: stops.check(waker)
            with suppress(Failure, Stopped):  # a second Ctrl-C leaves them open
                run.interrupt()
            raise


def _tell(command: str, order: Order, ready: Ready, output: Output) -> None:
    run, volley = ready.run, ready.volley
    ran = Ran(
        command=command,
        client=volley.source,
        server=(volley.target, volley.dport),
        wanted=order.count,
        jobs=order.jobs,
        took=run.until - run.since,
        tally=run.tally,
        lost=volley.lost,
    )
    options = render_options(output)
    if output.json is not None:
        write_text(output.json, dump(ran, (rule.id for rule in book())))
    if output.json == "-":
        return
    if output.quiet:
        to_stdout(drawing.verdict_line(ran, options) + "\n")
    else:
        to_stdout(drawing.draw(ran, options, small=output.compact))


@contextmanager
def _bar(run: Run, output: Output) -> Iterator[Callable[[], None]]:
    """A bar on standard error, if that is a terminal; gives what draws it anew."""
    if output.quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = TextColumn("[{task.fields[signs]}]", markup=False) if output.ascii else BarColumn(40)
    progress = Progress(
        bar,
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} a second,"),
        TimeRemainingColumn(),
        TextColumn("to go"),
        console=Console(stderr=True, highlight=False),
        auto_refresh=False,
        transient=True,
    )
    task = progress.add_task("", total=run.order.count, rate="", signs="")
    drawn = 0

    def draw() -> None:
        nonlocal drawn
        now = run.clock
        if now - drawn < REFRESH:
            return
        drawn = now
        done = run.finished
        rate = f"{done * SECOND / max(1, now - run.since):.0f}"
        signs = f"{'#' * (40 * done // run.order.count):40}"
        progress.update(task, completed=done, rate=rate, signs=signs, refresh=True)

    with progress:
        yield draw
