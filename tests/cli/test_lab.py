"""``rawshake lab``: what it says without a lab."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from rawshake.cli.lab import _environment
from rawshake.errors import Exit
from rawshake.net.lab.servers import SERVERS
from tests.command import environment, rawshake


def test_servers_in_a_pipe_are_one_line_each() -> None:
    done = rawshake("lab", "servers")
    assert (done.status, done.err) == (Exit.OK, "")
    heading, *lines = done.out.splitlines()
    assert heading.split() == ["NAME", "PORT", "WHAT", "IT", "DOES"]
    assert [line.split(maxsplit=2) for line in lines] == [
        [server.name, str(server.port), server.summary] for server in SERVERS.values()
    ]
    assert "\x1b" not in done.out


def on_a_terminal(columns: int) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "rawshake", "lab", "servers"],
        env=environment({"COLUMNS": str(columns), "TERM": "xterm"}),
        stdout=theirs,
    ) as process:
        os.close(theirs)
        seen = b""
        try:
            while more := os.read(ours, 65536):
                seen += more
        except OSError:  # a terminal whose other side is closed
            pass
        assert process.wait() == 0
    os.close(ours)
    return seen.decode()


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_servers_on_a_terminal_fit_it(columns: int) -> None:
    seen = on_a_terminal(columns).replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert "\x1b" not in seen
    lines = seen.splitlines()
    assert max(map(len, lines)) <= columns
    assert all(any(line.split()[:1] == [name] for line in lines) for name in SERVERS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lab", "run"], "Missing argument 'COMMAND...'"),
        (["lab", "run", "--servers", "ecco", "--", "true"], "There is no lab server 'ecco'"),
        (["lab", "walk"], "No such command 'walk'"),
        (["lab"], "Usage: rawshake lab"),
    ],
)
def test_mistakes(arguments: list[str], said: str) -> None:
    done = rawshake(*arguments)
    assert done.status == Exit.USAGE
    assert done.out == ""
    assert said in done.err


def test_this_rawshake_is_found_where_there_is_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "rawshake"
    script.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", "/nowhere")
    assert _environment()["PATH"] == f"/nowhere{os.pathsep}{tmp_path}"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _environment()["PATH"] == str(tmp_path)


def test_help_keeps_the_lines_of_examples() -> None:
    lines = rawshake("lab", "run", "--help").out.splitlines()
    assert "    rawshake lab run -- bash" in lines
    assert max(map(len, lines)) <= 80
