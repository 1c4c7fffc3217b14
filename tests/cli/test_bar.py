"""What is shown on a terminal while something takes its time; elsewhere nothing is."""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rawshake.cli.bar import STUCK, busy, progress_bar
from rawshake.verify.progress import Progress


@contextmanager
def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Standard error is one of 80 columns; what came there is in the list afterwards."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    ours, theirs = pty.openpty()
    seen: list[str] = []
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        yield seen
    os.set_blocking(ours, False)  # all of it has come
    octets = b""
    try:
        while more := os.read(ours, 65536):
            octets += more
    except OSError:  # its other side is closed
        pass
    os.close(ours)
    seen += re.split(r"\x1b\[2K|\r|\n", re.sub(r"\x1b\[[0-9;?]*[mhl]", "", octets.decode()))


def at(done: int, *names: str, ended: int = 0, stuck: bool = False) -> Progress:
    return Progress(done, len(names), 9, 16, names, ended, stuck)


def test_a_run_has_a_line_whose_parts_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "synack-mss-length-past-the-end-survived"
    with a_terminal(monkeypatch) as seen, progress_bar(1070, quiet=False) as told:
        told(at(7, "syn-opens", ended=5))
    with a_terminal(monkeypatch) as other, progress_bar(1070, quiet=False) as told:
        told(at(7, long, ended=5))
    (short,) = {line.rstrip() for line in seen if "syn-opens" in line}
    (cut,) = {line.rstrip() for line in other if "synack" in line}
    assert "12/1070    1 at once, " in short
    assert short.index("left syn-opens") == cut.index("left synack-mss")
    assert cut.endswith("...")
    assert len(cut) <= 80


def test_it_says_where_the_target_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_terminal(monkeypatch) as seen, progress_bar(10, quiet=False) as told:
        told(at(7, "syn-opens", stuck=True))
    line = next(line for line in seen if "7/10" in line)
    assert line.rstrip().endswith(STUCK)
    assert "syn-opens" not in line


def test_it_says_what_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_terminal(monkeypatch) as seen, busy("Making [bold]\x1b …", quiet=False):
        pass
    assert any(r"Making [bold]\x1b …" in line for line in seen)


@pytest.mark.parametrize("quiet", [True, False])
def test_elsewhere_nothing_is_said(monkeypatch: pytest.MonkeyPatch, quiet: bool) -> None:
    stream = io.StringIO()
    if not quiet:
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_bar(10, quiet=False) as told, busy("Making the page", quiet=False):
            told(at(7, "syn-opens"))
        assert stream.getvalue() == ""
        return
    with a_terminal(monkeypatch) as seen, progress_bar(10, quiet=True) as told, busy("It", quiet=True):
        told(at(7, "syn-opens"))
    assert "".join(seen) == ""
