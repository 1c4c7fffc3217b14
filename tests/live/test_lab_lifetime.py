"""Nothing of a lab outlives any of its processes, whichever is killed and whenever."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from rawshake.net.lab.namespaces import start

ROOT = Path(__file__).parents[2]
LONG = 60.0

#: A command that has a child of its own, which has left its session.
COMMAND = ["sh", "-c", "setsid sleep 1000 & echo ready; wait"]
RUN = f"""
from rawshake.net.lab.command import run
run({COMMAND!r})
"""
ON_LOOPBACK = """
from rawshake.net.lab.command import run
run(["sh", "-c", "echo ready; exec sleep 1000"], namespaces=False)
"""
FUNCTION = f"""
import subprocess
from rawshake.net.lab.command import run_function
run_function(lambda lab: subprocess.run({COMMAND!r}).returncode)
"""
WITH = """
import select
from rawshake.net.lab.namespaces import start
with start():
    print("ready", flush=True)
    select.select([], [], [])
"""

#: The commands themselves; the demo is over in no time, so that it is killed wherever it is.
DEMO = """
import sys
from rawshake.cli import main
sys.argv = ["rawshake", "demo", "-v"]
main()
"""
LAB = f"""
import sys
from rawshake.cli import main
sys.argv = ["rawshake", "lab", "run", "--", *{COMMAND!r}]
main()
"""


class Family:
    """A launcher and all processes that descend from it, orphans too: each carries a mark in its environment."""

    def __init__(self, program: str) -> None:
        self._mark = f"RAWSHAKE_TEST={uuid.uuid4()}"
        name, _equals, value = self._mark.partition("=")
        self.launcher = subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, name: value, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def await_ready(self) -> None:
        assert self.launcher.stdout is not None
        assert self.launcher.stdout.readline() == "ready\n"

    def living(self) -> list[int]:
        """Those that live, parents before children: numbers begin anew at some time, and tell no order."""
        parents: dict[int, int] = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                marked = self._mark.encode() in (process / "environ").read_bytes().split(b"\0")
                state, parent, *_rest = (process / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if marked and state not in "ZX":
                parents[int(process.name)] = int(parent)

        def depth(process: int) -> int:
            return 1 + depth(parents[process]) if process in parents else 0

        return sorted(parents, key=lambda process: (depth(process), process))

    def await_end(self) -> None:
        deadline = time.monotonic() + LONG
        while left := self.living():
            assert time.monotonic() < deadline, [Path(f"/proc/{one}/cmdline").read_text() for one in left]
            select.select([], [], [], 0.005)

    def end(self) -> None:
        self.launcher.kill()
        self.launcher.wait()
        assert self.launcher.stdout is not None
        self.launcher.stdout.close()


@pytest.fixture
def family(request: pytest.FixtureRequest) -> Iterator[Family]:
    started = Family(request.param)
    try:
        yield started
    finally:
        started.end()


@pytest.mark.parametrize(
    ("family", "size", "victim"),
    [
        # Launcher, anchor, init, servers, sh, sleep.
        *[pytest.param(RUN, 6, victim, id=f"run-{victim}") for victim in range(6) if victim != 5],
        *[pytest.param(LAB, 6, victim, id=f"lab-{victim}") for victim in range(5)],
        # Launcher, anchor, servers, sleep.
        *[pytest.param(ON_LOOPBACK, 4, victim, id=f"loopback-{victim}") for victim in range(4)],
        # Launcher, anchor, init, servers, guide, function, sh, sleep.
        *[pytest.param(FUNCTION, 8, victim, id=f"function-{victim}") for victim in range(7)],
        # Launcher, anchor, init, servers.
        pytest.param(WITH, 4, 0, id="with-0"),
    ],
    indirect=["family"],
)
def test_killing_one_ends_all(family: Family, size: int, victim: int) -> None:
    family.await_ready()
    deadline = time.monotonic() + LONG
    while len(members := family.living()) != size:  # sleep may not have been forked yet
        assert time.monotonic() < deadline, members
    os.kill(members[victim], signal.SIGKILL)
    family.await_end()


@pytest.mark.parametrize("victim", [1, 2, 3])
@pytest.mark.parametrize("family", [WITH], indirect=True)
def test_killing_one_ends_the_lab_but_not_its_user(family: Family, victim: int) -> None:
    family.await_ready()
    members = family.living()
    os.kill(members[victim], signal.SIGKILL)
    deadline = time.monotonic() + LONG
    while family.living() != members[:1]:
        assert time.monotonic() < deadline
        select.select([], [], [], 0.005)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("family", [RUN, FUNCTION], ids=["run", "function"], indirect=True)
def test_a_launcher_killed_while_it_starts(family: Family, size: int) -> None:
    deadline = time.monotonic() + LONG
    while len(family.living()) < size:
        assert time.monotonic() < deadline
    family.launcher.kill()
    family.await_end()


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("victim", [0, 1, -1])
@pytest.mark.parametrize("family", [DEMO], ids=["demo"], indirect=True)
def test_a_demo_killed_anywhere(family: Family, size: int, victim: int) -> None:
    while len(members := family.living()) < size and family.launcher.poll() is None:
        pass
    for member in members[victim:][:1]:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    family.await_end()


@pytest.mark.parametrize(
    "family", [RUN, ON_LOOPBACK, FUNCTION, LAB], ids=["run", "loopback", "function", "lab"], indirect=True
)
def test_sigterm_ends_the_command_and_so_the_lab(family: Family) -> None:
    family.await_ready()
    family.launcher.terminate()
    family.await_end()


def test_close_leaves_no_process() -> None:
    with start() as lab:
        children = Path(f"/proc/{lab.process}/task/{lab.process}/children")
        init = int(children.read_text())
        servers = int(Path(f"/proc/{init}/task/{init}/children").read_text())
        everyone = [os.pidfd_open(process) for process in (lab.process, init, servers)]
    try:
        # A descriptor of a process is readable once it has ended: all have when the block is left.
        assert select.select(everyone, [], [], 0)[0] == everyone
    finally:
        for descriptor in everyone:
            os.close(descriptor)


def test_labs_leave_no_descriptor() -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with start():
        pass
    before = count()
    for _lab in range(3):
        with start(servers=["echo"]):
            pass
    assert count() == before
