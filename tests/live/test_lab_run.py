"""``rawshake lab run``: the other commands work in there at once, whoever starts it, and its end is theirs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rawshake.errors import Exit
from rawshake.net.lab.servers import SERVERS
from tests.command import LONG, environment, rawshake, read_until, started

PYTHON = [sys.executable, "-m", "rawshake"]
#: Root by name only, so that a Python in root's home can be run; to give that name away in a user namespace
#: takes CAP_SETFCAP (user_namespaces(7)).
POWERLESS = ["setpriv", "--inh-caps=-all", "--bounding-set=-all,+setfcap"]


@pytest.mark.parametrize("host", ["192.0.2.2", "2001:db8::2", "fe80::2%lab0", "lab"])
def test_a_command_of_ours(host: str) -> None:
    done = rawshake("lab", "run", "--", *PYTHON, "teardown", host, "7", "--linger", "0", "-q")
    assert done.status == Exit.OK, done
    assert "client TIME-WAIT, server CLOSED?" in done.out


@pytest.mark.parametrize(
    ("server", "status"),
    [("closed", Exit.REFUSED), ("filtered", Exit.FILTERED), ("resets-on-accept", Exit.RESET)],
)
def test_exit_statuses_come_through(server: str, status: Exit) -> None:
    port = str(SERVERS[server].port)
    done = rawshake("lab", "run", *PYTHON, "teardown", "192.0.2.2", port, "-q", "--timeout", "0.3")
    assert done.status == status, done


def test_a_held_connection() -> None:
    script = (
        "$0 -m rawshake connect lab 7 -q && $0 -m rawshake send --raw hello && $0 -m rawshake teardown -q"
    )
    done = rawshake("lab", "run", "--", "sh", "-c", script, sys.executable)
    assert done.status == Exit.OK, done
    assert "hello" in done.out
    assert "client TIME-WAIT" in done.out


def test_without_power() -> None:
    script = "$0 -m rawshake connect 192.0.2.2 25 -q && $0 -m rawshake teardown -q; id -u; getent hosts lab"
    command = [*POWERLESS, *PYTHON, "lab", "run", "--", "sh", "-c", script, sys.executable]
    # Whoever ran sudo before is nobody in there.
    env = environment({"SUDO_UID": "1000", "SUDO_GID": "1000"})
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LONG, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.splitlines()[-2:] == ["0", "2001:db8::2     lab"]
    assert "client TIME-WAIT, server CLOSED?" in done.stdout


def test_two_at_once_know_nothing_of_each_other() -> None:
    script = "$0 -m rawshake connect 192.0.2.2 7 --sport 4444 -q && $0 -m rawshake sessions && sleep 0"
    command = ("lab", "run", "--", "sh", "-c", script, sys.executable)
    with ThreadPoolExecutor() as pool:
        both = [future.result() for future in [pool.submit(rawshake, *command) for _lab in range(2)]]
    for done in both:
        assert done.status == Exit.OK, done
        assert len([line for line in done.out.splitlines() if ":4444" in line]) == 1


def test_nothing_of_it_is_seen_outside() -> None:
    hosts = Path("/etc/hosts").read_bytes()
    devices = sorted(os.listdir("/sys/class/net"))  # noqa: PTH208  # names only
    mounts = Path("/proc/self/mounts").read_bytes()
    with started(
        "lab", "run", "--", "sh", "-c", "grep lab /etc/hosts; echo ready; exec sleep 1000"
    ) as running:
        assert "192.0.2.2 lab\n" in read_until(running, "ready")
        assert Path("/etc/hosts").read_bytes() == hosts
        assert sorted(os.listdir("/sys/class/net")) == devices  # noqa: PTH208
        assert Path("/proc/self/mounts").read_bytes() == mounts


def test_loopback() -> None:
    done = rawshake("lab", "run", "--loopback", "--servers", "echo", "--", "sh", "-c", "echo $RAWSHAKE_LAB")
    assert (done.status, done.out) == (Exit.OK, "127.0.0.1 ::1\n")


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
def test_signals(number: signal.Signals, status: Exit) -> None:
    with started("lab", "run", "--", "sh", "-c", "echo ready; exec sleep 1000") as running:
        read_until(running, "ready")
        running.send_signal(number)
        assert running.wait(LONG) == status
