"""``teardown --count`` against the kernel's servers: every connection counted there, and told here by how it went."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab, Side
from tests.command import LONG, Done, environment, rawshake


def opened(lab: Lab) -> int:
    """How many connections the server's kernel has accepted in all, by its own count."""
    with lab.entered(Side.SERVER):
        lines = Path("/proc/thread-self/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(values[names.index("PassiveOpens")])


def still_there(lab: Lab, port: int) -> int:
    """How many connections of that port the server's kernel still has."""
    found = 0
    with lab.entered(Side.SERVER):
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/thread-self/net/{table}").read_text().splitlines()[1:]:
                local, _, state = line.split()[1:4]
                found += local.endswith(f":{port:04X}") and state != "0A"  # LISTEN
    return found


def many(lab: Lab, server: str, count: int, *options: str, address: str = "") -> Done:
    where = (address or lab.address4, str(lab.ports[server]))
    return rawshake("teardown", *where, "--linger", "0", "--count", str(count), *options)


def report(lab: Lab, server: str, count: int, *options: str, address: str = "") -> tuple[dict[str, Any], int]:
    done = many(lab, server, count, "--json", "-", *options, address=address)
    assert done.out, done.err
    document: dict[str, Any] = json.loads(done.out)
    assert document["count"] == sum(document["outcomes"].values()) == count
    return document, done.status


def test_the_server_has_opened_just_as_many(lab: Lab, address: str) -> None:
    before = opened(lab)
    document, status = report(lab, "closes-on-eof", 1500, "--jobs", "32", address=address)
    assert opened(lab) - before == 1500
    assert (document["outcomes"], status) == ({"closed": 1500}, Exit.OK)
    assert [one for one in document["findings"] if one["verdict"] == "FAIL"] == []
    assert still_there(lab, lab.ports["closes-on-eof"]) == 0
    assert 0 < document["handshake"]["count"] <= 1500  # but for those in which anything was sent again
    assert document["lost"] == 0


@pytest.mark.parametrize(
    "options", [("--timestamps", "--sack", "--wscale", "7"), ("--ecn",), ("--options", "<nop,nop,mss 536>")]
)
def test_any_options(lab: Lab, options: tuple[str, ...]) -> None:
    before = opened(lab)
    document, status = report(lab, "closes-on-eof", 60, *options)
    assert opened(lab) - before == 60
    assert (document["outcomes"], status) == ({"closed": 60}, Exit.OK)
    assert [one for one in document["findings"] if one["verdict"] == "FAIL"] == []


@pytest.mark.parametrize(
    ("server", "count", "outcome", "status"),
    [
        ("closed", 300, "refused", Exit.REFUSED),
        ("filtered", 6, "no answer", Exit.FILTERED),
        ("resets-on-accept", 60, "reset by the peer", Exit.RESET),
        ("never-accepts", 6, "half-closed", Exit.TIMED_OUT),
        ("closes-first", 30, "closed", Exit.OK),
        ("sends-bulk", 6, "closed", Exit.OK),
        ("banner", 30, "closed", Exit.OK),
        ("half-closes", 30, "closed", Exit.OK),
    ],
)
def test_every_server(lab: Lab, server: str, count: int, outcome: str, status: Exit) -> None:
    document, ended = report(lab, server, count, "--timeout", "2", "--jobs", "16")
    assert (document["outcomes"], ended) == ({outcome: count}, status)
    assert document["broken"] == 0


def test_as_text(lab: Lab) -> None:
    done = many(lab, "closes-on-eof", 50)
    assert (done.status, done.err) == (Exit.OK, "")  # no bar where there is no terminal
    assert done.out.splitlines()[-1].startswith("50 exchanges: 50 closed; ")
    quiet = many(lab, "closes-on-eof", 50, "--quiet").out
    assert quiet.splitlines()[0].startswith("50 exchanges: 50 closed; ")
    assert len(quiet.splitlines()) == 1


@contextmanager
def on_terminal(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run it with standard error on a terminal, whose other end is given."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rawshake", *arguments],
        env=environment({"TERM": "xterm", "COLUMNS": "80"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        os.close(ours)


@pytest.mark.parametrize("alphabet", [(), ("--ascii",)], ids=["utf-8", "ascii"])
def test_ctrl_c_resets_what_is_open_and_tells_the_rest(lab: Lab, alphabet: tuple[str, ...]) -> None:
    port = lab.ports["never-accepts"]
    arguments = (
        "teardown",
        lab.address4,
        str(port),
        "--count",
        "1000",
        "--jobs",
        "5",
        "--timeout",
        "60",
        *alphabet,
    )
    with on_terminal(*arguments) as (process, terminal):
        seen = b""
        while b"/1000" not in seen:  # the bar is there
            seen += os.read(terminal, 4096)
        while still_there(lab, port) < 1:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=LONG)
    assert process.returncode == Exit.INTERRUPTED
    last = told.decode().splitlines()[-1]
    assert " interrupted, of 1000 asked for; " in last
    assert still_there(lab, port) == 0
    assert seen.isascii() or not alphabet


def test_memory_is_bounded(lab: Lab) -> None:
    program = (
        "import resource, subprocess, sys;"
        "done = subprocess.run([sys.executable, '-m', 'rawshake', *sys.argv[1:]], stdout=subprocess.DEVNULL);"
        "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )

    def peak(count: int) -> int:
        where = lab.address4, str(lab.ports["closed"])
        command = [sys.executable, "-c", program, "teardown", *where, "--count", str(count), "--linger", "0"]
        done = subprocess.run(
            command, env=environment({}), capture_output=True, text=True, check=True, timeout=LONG
        )
        status, octets = done.stdout.split()
        assert int(status) == Exit.REFUSED
        return int(octets)

    assert peak(20_000) < peak(1000) + 10_000  # kilobytes
