"""Colour is for a terminal that wants it: nothing else is ever given an escape sequence."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from rawshake.cli.output import Printer, render_options
from rawshake.cli.parameters import Output
from rawshake.render.options import Options
from tests.render.golden import EVERYTHING


@pytest.fixture(autouse=True)
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that has nothing against colour."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


@contextmanager
def stdout(descriptors: tuple[int, int], encoding: str) -> Iterator[None]:
    """The second of two connected descriptors as standard output; pytest has its own where a test begins."""
    with closing(os.fdopen(descriptors[1], "w", encoding=encoding)) as stream, redirect_stdout(stream):
        yield
    os.close(descriptors[0])


def on_terminal(**wanted: Any) -> Options:
    """How to draw on a real terminal."""
    with stdout(pty.openpty(), "utf-8"):
        return render_options(asked(**wanted))


def in_pipe(encoding: str = "utf-8", **wanted: Any) -> Options:
    """How to draw into a pipe."""
    with stdout(os.pipe(), encoding):
        return render_options(asked(**wanted))


def asked(**wanted: Any) -> Output:
    """What a user asked for, the rest as nobody asked."""
    usual = {"verbose": 0, "compact": False, "quiet": False, "ascii": False, "colour": "auto"}
    return Output(**{**usual, "json": None, "pcap": None, **wanted})


def test_a_terminal_gets_colour() -> None:
    assert on_terminal().colour


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_none_gets_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert not on_terminal().colour


def test_an_empty_no_color_forbids_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert on_terminal().colour


def test_a_terminal_gets_none_where_that_was_said() -> None:
    assert not on_terminal(colour="never").colour


def test_a_pipe_gets_none_unless_that_was_said() -> None:
    assert not in_pipe().colour
    assert in_pipe(colour="always").colour


def test_signs_are_ascii_where_the_locale_has_no_others() -> None:
    assert not in_pipe().ascii
    assert in_pipe(ascii=True).ascii
    assert in_pipe("iso8859-1").ascii


@pytest.mark.parametrize("form", [{}, {"compact": True}, {"quiet": True}, {"verbose": 1}])
def test_without_colour_no_escape_is_written(form: dict[str, Any]) -> None:
    written: list[str] = []
    options = Options(verbose=form.get("verbose", 0))
    printer = Printer(asked(**form), options, EVERYTHING.client, EVERYTHING.server, write=written.append)
    printer.head("to \x1b[31mevil\x1b[0m")
    for entry in EVERYTHING.entries:
        printer.entry(entry)
    printer.foot(EVERYTHING)
    text = "".join(written)
    assert "3 broken" in text
    assert "\x1b" not in text
    assert all(line.isprintable() for line in text.splitlines())


def test_a_drawing_needs_no_large_library() -> None:
    names = sorted(path.stem for path in (Path(__file__).parents[2] / "rawshake/render").glob("*.py"))
    loads = "; ".join(f"import rawshake.render.{name}" for name in names)
    heavy = ("rich", "click", "scapy", "pyroute2", "numpy", "asyncio")
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; {loads}; print([n for n in {heavy} if n in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"
