"""Ctrl-C, SIGTERM and SIGHUP: raised at once, or only noted while something must not be cut in the middle."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from rawshake.errors import Exit


class Stopped(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP; like KeyboardInterrupt it passes what catches only Exception, and click."""

    def __init__(self, status: Exit) -> None:
        super().__init__(status)
        self.status = status


_STATUS: Final = {
    signal.SIGINT: Exit.INTERRUPTED,
    signal.SIGTERM: Exit.TERMINATED,
    signal.SIGHUP: Exit.HUNG_UP,
}
_requested: list[Exit] = []
_noting = 0


def install() -> None:
    """Have these signals raise Stopped; one that our starter had us ignore, as shells do behind ``&``, stays so."""
    for number in _STATUS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)


def _on_signal(number: int, frame: object) -> None:
    status = _STATUS[signal.Signals(number)]
    if not _noting:
        raise Stopped(status)
    _requested.append(status)


@contextmanager
def noted() -> Iterator[int]:
    """For the ``with`` block signals only make the descriptor readable that it gives, until ``check``.

    One that was not checked for is raised at the end of the block.
    """
    global _noting
    waker, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    _noting += 1
    try:
        yield waker
    finally:
        _noting -= 1
        signal.set_wakeup_fd(before)
        os.close(waker)
        os.close(wake)
    check()


@contextmanager
def at_once() -> Iterator[None]:
    """For the ``with`` block signals raise Stopped at once after all: it may wait for a reader who never comes."""
    global _noting
    before = _noting
    try:
        _noting = 0
        check()
        yield
    finally:
        _noting = before


def check(waker: int | None = None) -> None:
    """Raise Stopped if a signal has come; empties ``waker``."""
    if waker is not None:
        with suppress(BlockingIOError):
            os.read(waker, 4096)
    if _requested:
        status = _requested[0]
        _requested.clear()
        raise Stopped(status)
