"""How far something is that takes longer than a second: one line on standard error, if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Final

from rawshake.net.clock import elapsed
from rawshake.profile import SECOND

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

#: Nothing is shown before that, nor where something else was written since.
PATIENCE: Final = SECOND
#: How often it is drawn anew, ns.
REFRESH: Final = SECOND // 8
_WIDTH: Final = 40
#: How gzip's and zstd's files begin (RFC 1952, RFC 8878): their size says nothing of what is in them.
_COMPRESSED: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")


class Progress:
    """Octets read of ``total``, None where that is not known; ``what`` is read. ``clock`` gives nanoseconds."""

    def __init__(
        self,
        what: str,
        total: int | None,
        *,
        ascii_only: bool = False,
        wanted: bool = True,
        clock: Callable[[], int] = elapsed,
    ) -> None:
        self._clock = clock
        self._what = what
        self._total = total
        self._ascii = ascii_only
        self._wanted = wanted and sys.stderr.isatty()
        self._since = self._drawn_at = clock() if self._wanted else 0
        self._done = 0
        self._bar: tuple[Bar, TaskID] | None = None

    def add(self, octets: int) -> None:
        """So many more."""
        self._done += octets
        if not self._wanted:
            return
        now = self._clock()
        if now - self._since < PATIENCE or now - self._drawn_at < REFRESH:
            return
        self._drawn_at = now
        total = self._total if self._total is not None and self._total >= self._done else None
        bar, task = self._bar = self._bar or self._begun()
        signs = "" if total is None else f"[{'#' * (_WIDTH * self._done // max(1, total)):{_WIDTH}}]"
        bar.tasks[0].total = total  # update() takes None for no change
        bar.update(task, completed=self._done, signs=signs, refresh=True)

    def clear(self) -> None:
        """Something else is to be written: take the line away, until nothing has come for a while again."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None
        if self._wanted:
            self._since = self._clock()

    def close(self) -> None:
        """All is read."""
        self.clear()
        self._wanted = False

    def _begun(self) -> tuple[Bar, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        bar = Progress(
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[signs]}", markup=False) if self._ascii else BarColumn(_WIDTH),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True, highlight=False),
            auto_refresh=False,
            transient=True,
        )
        bar.start()
        return bar, bar.add_task(self._what, total=self._total, signs="")


def size_of(file: str) -> int | None:
    """How many octets will be read of a file; None where nobody can know before."""
    path = Path(file)
    try:
        if file == "-" or not S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as opened:
            compressed = opened.read(4).startswith(_COMPRESSED)
    except OSError:
        return None
    return None if compressed else path.stat().st_size
