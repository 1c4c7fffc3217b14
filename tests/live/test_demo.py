"""``rawshake demo``: anybody sees a whole exchange, and the server's kernel agrees with every step of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rawshake.cli.demo import ordinary
from rawshake.cli.live import opened
from rawshake.cli.parameters import Output
from rawshake.cli.witness import Witness, difference
from rawshake.errors import Exit
from rawshake.net.lab.kernel import KernelSocket
from rawshake.net.lab.namespaces import Lab
from rawshake.profile import SECOND
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Ends, Step, View
from tests.command import LONG, environment, rawshake, read_until, started

PROGRAM = [sys.executable, "-m", "rawshake", "demo"]
#: As nobody, without any capability but to reach a Python that lies in somebody's home.
AS_NOBODY = [
    "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=+dac_read_search", "--bounding-set=-all,+dac_read_search",
]  # fmt: skip
AGREED = re.compile(r"^expected and kernel agree: (\d+) of (\d+)$", re.MULTILINE)
#: Where the server's kernel stands after each segment of an exchange, repetitions left out.
ROAD = ["SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]


def agreed(text: str) -> int:
    """How many steps agreed; all must have."""
    found = AGREED.findall(text)
    assert len(found) == 1, text
    assert found[0][0] == found[0][1]
    return int(found[0][0])


def witnessed(text: str) -> list[str]:
    """The states that the kernel was in, in order, repetitions left out."""
    states = re.findall(r"kernel: ([A-Z0-9-]+) = expected \1\b", text)
    return [state for at, state in enumerate(states) if at == 0 or states[at - 1] != state]


@pytest.mark.parametrize(
    "options", [[], ["-6"], ["-v"], ["--ascii"], ["--compact"], ["-6", "--compact", "-v"]]
)
def test_all_of_it(options: list[str]) -> None:
    done = rawshake("demo", *options)
    assert (done.status, done.err) == (Exit.OK, ""), done
    assert agreed(done.out) == done.out.count("kernel: ") >= 11
    assert witnessed(done.out) == ROAD
    assert "≠" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80 or "--compact" in options
    assert done.out.isascii() or "--ascii" not in options
    assert ("2001:db8::2" if "-6" in options else "192.0.2.2") in done.out


def test_quiet_is_two_lines() -> None:
    done = rawshake("demo", "--quiet")
    assert done.status == Exit.OK
    assert len(done.out.splitlines()) == 2
    assert agreed(done.out) >= 11


def test_files(tmp_path: Path) -> None:
    report, frames = tmp_path / "demo.json", tmp_path / "demo.pcap"
    done = rawshake("demo", "--json", str(report), "--pcap", str(frames))
    assert done.status == Exit.OK
    held = json.loads(report.read_text())
    assert witnessed(json.dumps(held)) == ROAD
    assert frames.read_bytes()[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
    done = rawshake("demo", "--json", "-")
    assert done.status == Exit.OK
    assert witnessed(json.dumps(json.loads(done.out))) == ROAD


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment({}), capture_output=True, text=True, timeout=LONG, check=False, cwd="/"
    )


def test_nobody_can_run_it() -> None:
    done = run(*AS_NOBODY, *PROGRAM)
    assert (done.returncode, done.stderr) == (Exit.OK, "")
    assert witnessed(done.stdout) == ROAD
    assert "two network namespaces" in done.stdout


#: Runs a program as root of a user namespace in which there are no more namespaces, without CAP_SYS_ADMIN.
CONTAINED = """
import os, sys
from pathlib import Path
from rawshake.net.lab.netlink import LOOPBACK_INDEX, bring_up
from rawshake.net.lab.system import Namespace, unshare
unshare(Namespace.USER | Namespace.NETWORK)
for file, text in (("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")):
    Path("/proc/self", file).write_text(text)
bring_up(LOOPBACK_INDEX)
Path("/proc/sys/user/max_user_namespaces").write_text("0")
kept = sys.argv[1]
os.execvp("setpriv", ["setpriv", "--inh-caps=-all", "--bounding-set=" + kept, *sys.argv[2:]])
"""


@pytest.mark.parametrize("options", [[], ["-6"]])
def test_without_namespaces_it_is_on_loopback(options: list[str]) -> None:
    # What a container with default capabilities has of what we need.
    done = run(sys.executable, "-c", CONTAINED, "-all,+net_raw", *PROGRAM, *options)
    assert (done.returncode, done.stderr) == (Exit.OK, "")
    assert witnessed(done.stdout) == ROAD
    assert "loopback" in done.stdout


def test_where_neither_is_allowed_it_says_so() -> None:
    done = run(sys.executable, "-c", CONTAINED, "-all", *PROGRAM)
    assert (done.returncode, done.stdout) == (Exit.LAB_IMPOSSIBLE, "")
    assert "user.max_user_namespaces is 0" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_a_reader_that_leaves() -> None:
    done = run("sh", "-c", f"{{ {sys.executable} -m rawshake demo; echo $? >&2; }} | head -n 1")
    assert done.stdout.startswith("A lab: ")
    assert done.stderr == "0\n"


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
def test_a_signal_ends_it(number: signal.Signals, status: Exit) -> None:
    with started("demo", "-v") as running:
        read_until(running, "A lab")
        running.send_signal(number)
        # It may have been at its end already.
        assert running.wait(LONG) in (status, Exit.OK)


def test_a_difference_is_told(held: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(verbose=0, compact=True, quiet=False, ascii=True, colour="never", json=None, pcap=None)
    port = held.ports["echo"]
    with opened("demo", held.address4, port, ordinary(4), output) as live:
        witness = Witness(held.control, live)
        assert live.session.connect()
        honest = witness.compare

        def wrong(step: Step) -> None:
            # What a tracker with a mistake in it would expect of the close.
            client, server = step.after.client.copy(), step.after.server.copy()
            if server.expected is State.CLOSE_WAIT:
                server.expected = State.LAST_ACK
            honest(replace(step, after=Ends(client, server)))

        live.session.on_step = wrong
        live.session.close(deadline=live.session.link.now() + SECOND // 100)
        status = witness.conclude()
    assert status not in (Exit.OK, Exit.RULE_BROKEN)
    said = capsys.readouterr().out
    assert "kernel: CLOSE-WAIT != expected LAST-ACK" in said
    assert "expected and kernel agree: 3 of 5\n" in said


def views(server: State, *, una: int = 1, rcv_nxt: int = 1) -> Ends:
    """Both ends with ISNs next to the wrap; the server's numbers counted from them."""
    client_isn, server_isn = Seq(0xFFFFFFFF), Seq(0xFFFFFFFE)
    client = View(End.CLIENT, iss=client_isn)
    return Ends(
        client,
        View(End.SERVER, expected=server, iss=server_isn, una=server_isn + una, rcv_nxt=client_isn + rcv_nxt),
    )


@pytest.mark.parametrize(
    ("ends", "kernel", "said"),
    [
        (views(State.SYN_RECEIVED), KernelSocket(State.SYN_RECEIVED), ""),
        (views(State.ESTABLISHED, una=6, rcv_nxt=8), KernelSocket(State.ESTABLISHED, 0, 0, 0, 5, 7), ""),
        (views(State.CLOSE_WAIT), KernelSocket(State.ESTABLISHED), "ESTABLISHED ≠ expected CLOSE-WAIT"),
        (
            views(State.ESTABLISHED, una=6, rcv_nxt=8),
            KernelSocket(State.ESTABLISHED, 0, 0, 0, 5, 6),
            "ESTABLISHED as expected, but RCV.NXT a+7 ≠ expected a+8",
        ),
        (
            views(State.ESTABLISHED, una=6, rcv_nxt=8),
            KernelSocket(State.ESTABLISHED, 0, 0, 0, 4, 7),
            "ESTABLISHED as expected, but SND.UNA b+5 ≠ expected b+6",
        ),
    ],
)
def test_difference(ends: Ends, kernel: KernelSocket, said: str) -> None:
    assert difference(ends, kernel) == said
