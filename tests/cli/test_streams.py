"""Standard streams that are closed, full or gone; signals while the command has hardly begun."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rawshake.errors import Exit
from tests.command import LONG, ROOT, environment, rawshake

RAWSHAKE = [sys.executable, "-m", "rawshake"]


def run(line: str) -> subprocess.CompletedProcess[str]:
    """A shell's command line with ``rawshake`` in it."""
    program = f'rawshake() {{ {sys.executable} -m rawshake "$@"; }}\n'
    return subprocess.run(
        ["sh", "-c", program + line],
        env=environment({}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [("sessions", Exit.OK), ("--help", Exit.OK), ("nope", Exit.USAGE), ("connect x 0", Exit.PORT_ZERO)],
)
def test_streams_that_are_closed(arguments: str, status: Exit, closed: str) -> None:
    done = run(f"rawshake {arguments} {closed}")
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", ["sessions", "--help", "doctor", "lab servers"])
def test_a_full_disk_is_named(arguments: str) -> None:
    done = run(f"rawshake {arguments} > /dev/full")
    assert done.returncode == Exit.UNREADABLE
    assert done.stderr.startswith(
        "rawshake: What there is to say cannot be written: No space left on device.\n"
    )


def test_ctrl_c_while_the_libraries_are_loaded(tmp_path: Path) -> None:
    """Python shows a traceback unless somebody sees to it before click is imported."""
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [*RAWSHAKE, "sessions"],
        env=environment({"PYTHONPATH": f"{tmp_path}:{ROOT}"}),
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (done.returncode, done.stdout, done.stderr) == (Exit.INTERRUPTED, "", "")


def test_a_directory_that_was_removed(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = run(f"cd {gone} && rmdir {gone} && PYTHONPATH={ROOT} rawshake connect 127.0.0.1 9 --json x")
    assert done.returncode == Exit.UNREADABLE
    assert "No such file or directory" in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("locale", "plain"),
    [
        ({"LANG": "C"}, True),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, True),
        ({"LANG": "C.UTF-8"}, False),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
        ({}, False),
        ({"LANG": "C", "PYTHONUTF8": "1"}, False),
        ({"PYTHONIOENCODING": "latin-1"}, True),
    ],
    ids=str,
)
def test_the_locale_says_which_alphabet_is_drawn_in(locale: dict[str, str], plain: bool) -> None:
    unset = dict.fromkeys(("PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL", "LC_CTYPE", "LANG"), "")
    assert rawshake("states", env={**unset, **locale}).out.isascii() == plain
