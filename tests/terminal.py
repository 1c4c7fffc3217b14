"""A terminal of a test's own, and a command in it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tests.command import LONG, environment


@dataclass
class Terminal:
    """A command in a terminal of its own, of which it is the foreground job."""

    process: subprocess.Popen[bytes]
    keyboard: int
    seen: str = ""

    def until(self, wanted: str) -> str:
        """What it shows up to where ``wanted`` has been shown since this was last asked."""
        begun = len(self.seen)
        while wanted not in self.seen[begun:]:
            more = os.read(self.keyboard, 4096)
            assert more, f"it ended without {wanted!r}:\n{self.seen}"
            self.seen += more.decode(errors="replace")
        return self.seen[begun:]

    def press(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    def end(self) -> int:
        """Its exit status, once it has shown everything."""
        try:
            while more := os.read(self.keyboard, 4096):
                self.seen += more.decode(errors="replace")
        except OSError:
            pass  # how Linux says that nobody holds the other side any more
        return self.process.wait(LONG)


@contextmanager
def terminal(*arguments: str, env: Mapping[str, str], columns: int = 80) -> Iterator[Terminal]:
    """The rawshake command with a terminal that has so many columns; it is ended at the end of the block."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = ["setsid", "--ctty", "--wait", sys.executable, "-m", "rawshake", *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(env))
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        os.close(ours)
        process.kill()
        process.wait(LONG)
