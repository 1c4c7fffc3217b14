"""How far something is stands on a terminal, after a second, and is gone where anything else is written."""

from __future__ import annotations

import gzip
import os
import pty
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rawshake.cli.progress import Progress, size_of
from rawshake.profile import SECOND

Shown = Callable[[], str]


class Clock:
    def __init__(self) -> None:
        self.time = 5 * SECOND

    def __call__(self) -> int:
        return self.time


@contextmanager
def terminal() -> Iterator[Shown]:
    """Standard error is a terminal for the ``with`` block; gives what it shows since this was last asked.

    No fixture: pytest puts its own standard error in place before each test.
    """
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    with os.fdopen(theirs, "w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stderr", stream)

        def read() -> str:
            stream.flush()
            octets = b""
            with suppress(BlockingIOError):
                while more := os.read(ours, 1 << 16):
                    octets += more
            return octets.decode()

        yield read
    os.close(ours)


def test_nothing_is_shown_of_what_is_quick() -> None:
    with terminal() as shown:
        clock = Clock()
        progress = Progress("trace.pcap", 1000, clock=clock)
        for _ in range(9):
            clock.time += SECOND // 10
            progress.add(100)
        progress.close()
        assert shown() == ""


def test_after_a_second_it_is_told_how_far_it_is() -> None:
    with terminal() as shown:
        clock = Clock()
        progress = Progress("trace.pcap", 2000, clock=clock)
        clock.time += SECOND
        progress.add(1000)
        text = shown()
        assert "trace.pcap" in text
        assert "1.0/2.0 kB" in text
        progress.close()
        assert shown().endswith("\x1b[2K")  # the line is gone


def test_of_an_unknown_size_only_what_was_read_is_told() -> None:
    with terminal() as shown:
        clock = Clock()
        progress = Progress("-", None, clock=clock)
        clock.time += SECOND
        progress.add(3000)
        assert "3.0/? kB" in shown()
        progress.close()


def test_what_is_longer_than_was_thought_has_no_end() -> None:
    with terminal() as shown:
        clock = Clock()
        progress = Progress("x", 1000, clock=clock, ascii_only=True)
        clock.time += SECOND
        progress.add(500)
        assert f"[{'#' * 20}{' ' * 20}]" in shown()
        clock.time += SECOND
        progress.add(2500)
        assert "3.0/? kB" in shown()
        progress.close()


def test_it_gives_way_and_comes_back_after_a_second() -> None:
    with terminal() as shown:
        clock = Clock()
        progress = Progress("x", 9000, clock=clock)
        clock.time += SECOND
        progress.add(1000)
        progress.clear()
        shown()
        clock.time += SECOND // 2
        progress.add(1000)
        assert shown() == ""
        clock.time += SECOND // 2
        progress.add(1000)
        assert "3.0/9.0 kB" in shown()
        progress.close()


def test_in_a_pipe_nothing_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = Progress("x", 1000, clock=clock)
    clock.time += 10 * SECOND
    progress.add(1000)
    progress.close()
    assert capfd.readouterr() == ("", "")


def test_how_much_there_is_to_read(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.pcap", tmp_path / "a.pcap.gz"
    plain.write_bytes(b"x" * 1234)
    packed.write_bytes(gzip.compress(b"x" * 1234))
    assert size_of(str(plain)) == 1234
    assert size_of(str(packed)) is None
    assert size_of("-") is None
    assert size_of(str(tmp_path)) is None
    assert size_of(str(tmp_path / "none")) is None
