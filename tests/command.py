"""The rawshake command as a user has it: a process with its own arguments, streams and exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: No command of the tests takes so long, in seconds.
LONG = 60.0


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


def rawshake(
    *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
) -> Done:
    """Run it to its end; it makes its sockets in the network namespace of the calling thread."""
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "rawshake", *arguments],
        input=stdin,
        env=environment(env or {}),
        capture_output=True,
        timeout=LONG,
        check=False,
    )
    assert b"Traceback" not in done.stdout + done.stderr, done.stderr.decode()
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def started(*arguments: str, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run it beside the test, which reads its output line by line; it is ended at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rawshake", *arguments],
        env=environment(env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    try:
        with process:
            try:
                yield process
            finally:
                process.kill()
    finally:
        process.wait()


def environment(changes: Mapping[str, str]) -> dict[str, str]:
    """Ours, with the package found and UTF-8 spoken, and nothing that changes how things are drawn."""
    ours = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "TERM")}
    return {**ours, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **changes}


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """The lines that it writes up to the first that holds ``wanted``."""
    assert process.stdout is not None
    seen = ""
    while wanted not in seen:
        line = process.stdout.readline()
        assert line, f"it ended without {wanted!r}:\n{seen}"
        seen += line
    return seen
