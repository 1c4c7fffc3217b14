"""A command, or a function, in a lab behaves as if there were no lab: streams, signals, exit status."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rawshake.errors import Exit, Failure
from rawshake.net.lab.command import run, run_function
from rawshake.net.lab.namespaces import Lab, start
from rawshake.tcp.state import State

ROOT = Path(__file__).parents[2]
LONG = 60.0

#: A user namespace that was made without root knows root only.
ROOT_ALONE = Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2] == "1"
#: Without any capability but to reach a Python that lies in somebody's home; and as nobody. Root, who has to
#: remain, keeps besides what the kernel wants for mapping root (user_namespaces(7)).
KEPT = "-all,+dac_read_search,+setfcap" if ROOT_ALONE else "-all,+dac_read_search"
AS_NOBODY = [
    "setpriv",
    *([] if ROOT_ALONE else ["--reuid", "65534", "--regid", "65534", "--clear-groups"]),
    f"--inh-caps={KEPT}",
    "--ambient-caps=+dac_read_search",
    f"--bounding-set={KEPT}",
]


def program(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def launch(*command: str, stdin: int | None = None, stdout: int | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, text=True, stdin=stdin, stdout=stdout)


def output(*command: str, status: int = 0) -> str:
    with launch(*command, stdout=subprocess.PIPE) as launched:
        heard, _errors = launched.communicate(timeout=LONG)
    assert launched.returncode == status
    return heard


def running(script: str) -> list[str]:
    """A program that runs a shell script in a lab and ends as it does."""
    return program(
        f"import sys; from rawshake.net.lab.command import run; sys.exit(run(['sh', '-c', {script!r}]))"
    )


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137), ("kill -TERM $$", 143)]
)
def test_exit_status(script: str, status: int) -> None:
    assert run(["sh", "-c", script]) == status
    assert run(["sh", "-c", script], namespaces=False) == status


def test_it_is_on_the_client_side() -> None:
    heard = output(*running("cat /proc/net/dev; echo $RAWSHAKE_LAB; echo $$; id -u"))
    lines = heard.splitlines()
    assert (
        sorted(line.split(":")[0].strip() for line in lines if ":" in line)[2:] == ["lab0", "lo"]
        or "lab0:" in heard
    )
    assert "192.0.2.2 2001:db8::2" in lines
    assert lines[-1] == "0"
    assert int(lines[-2]) < 10  # a PID namespace of its own


def test_streams_and_directory(tmp_path: Path) -> None:
    script = "cat; pwd; echo oops >&2"
    with subprocess.Popen(
        running(script),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as launched:
        heard, errors = launched.communicate(b"said\n", timeout=LONG)
    assert heard == f"said\n{tmp_path}\n".encode()
    assert errors == b"oops\n"


def test_environment() -> None:
    heard = output(
        *program("from rawshake.net.lab.command import run; run(['/usr/bin/env'], environment={'A': 'b'})")
    )
    assert sorted(heard.split("\n")) == ["", "A=b", "RAWSHAKE_LAB=192.0.2.2 2001:db8::2"]


@pytest.mark.parametrize("namespaces", [True, False])
def test_a_command_that_is_none(namespaces: bool) -> None:
    with pytest.raises(
        Failure, match="Cannot run '/no/such' in the lab: No such file or directory"
    ) as caught:
        run(["/no/such", "thing"], namespaces=namespaces)
    assert caught.value.status is Exit.USAGE


def test_a_broken_pipe_ends_a_command_as_ever() -> None:
    # Python ignores SIGPIPE; a command that inherited that would go on.
    assert run(["sh", "-c", "grep SigIgn /proc/self/status | grep -q 'SigIgn:.*0000$'"]) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(number: signal.Signals) -> None:
    script = f"trap 'echo heard; exit 9' {number.name[3:]}; echo ready; while :; do sleep 1000 & wait; done"
    with launch(*running(script), stdout=subprocess.PIPE) as launched:
        assert launched.stdout is not None
        assert launched.stdout.readline() == "ready\n"
        launched.send_signal(number)
        assert launched.stdout.readline() == "heard\n"
        assert launched.wait(LONG) == 9


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal: ours, and the one for a program."""
    ours, theirs = pty.openpty()
    try:
        yield ours, theirs
    finally:
        os.close(ours)
        os.close(theirs)


#: Prints what it is sent, and ends at SIGUSR1; what comes meanwhile waits, so that nothing is missed.
LISTENER = """
import signal
awaited = {signal.SIGINT, signal.SIGUSR1}
signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
print("ready", flush=True)
number = None
while number != signal.SIGUSR1:
    number = signal.sigwait(awaited)
    print(signal.Signals(number).name, flush=True)
"""


def test_ctrl_c_is_heard_once(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    # A session of its own, with the terminal as the one that controls it.
    leader = (
        "import os, sys, fcntl, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    runner = f"from rawshake.net.lab.command import run; run([{sys.executable!r}, '-c', {LISTENER!r}])"
    with launch(*program(leader), *program(runner), stdin=theirs, stdout=theirs) as launched:
        heard = b""
        while not heard.endswith(b"ready\r\n"):
            heard += os.read(ours, 4096)
        os.write(ours, b"\x03")
        while not heard.endswith(b"SIGINT\r\n"):
            heard += os.read(ours, 4096)
        # Were SIGINT passed on besides, it would be so before this one.
        launched.send_signal(signal.SIGUSR1)
        while not heard.endswith(b"SIGUSR1\r\n"):
            heard += os.read(ours, 4096)
        assert launched.wait(LONG) == 0
    assert heard.count(b"SIGINT") == 1


def test_function() -> None:
    def talk(lab: Lab) -> int:
        assert lab.address6 is not None
        for address in (lab.address4, lab.address6):
            with socket.create_connection((address, lab.ports["echo"]), timeout=LONG) as client:
                server, us = client.getpeername()[:2], client.getsockname()[:2]
                assert lab.control.step(within=int(LONG * 1e9)) >= 1
                assert lab.control.state(server, us).state is State.ESTABLISHED
        return 5 if os.getpid() != parent else 6

    parent = os.getpid()
    assert run_function(talk, held=True) == 5
    assert run_function(lambda lab: len(lab.ports), namespaces=False) > 5


def test_function_prepared_meanwhile() -> None:
    prepared: list[int] = []
    assert run_function(lambda _lab: len(prepared), meanwhile=lambda: prepared.append(1)) == 1


def test_function_that_fails() -> None:
    def refuse(lab: Lab) -> int:
        raise Failure(Exit.REFUSED, f"{lab.address4} refused.", "Try another.")

    def err(lab: Lab) -> int:
        return lab.ports["nothing of the kind"]

    def leave(lab: Lab) -> int:
        sys.exit(len(lab.addresses))

    with pytest.raises(Failure, match=r"192\.0\.2\.2 refused") as caught:
        run_function(refuse)
    assert (caught.value.status, caught.value.next_step) == (Exit.REFUSED, "Try another.")
    with pytest.raises(Failure, match="KeyError: 'nothing of the kind'") as caught:
        run_function(err)
    assert caught.value.status is Exit.INTERNAL
    assert run_function(leave) == 2


def test_a_server_that_is_none() -> None:
    with pytest.raises(Failure, match="There is no lab server 'ecco'") as caught:
        start(servers=["ecco"])
    assert caught.value.status is Exit.USAGE


def test_chosen_servers_only() -> None:
    with start(servers=["banner"]) as lab, lab.entered():
        assert lab.ports == {"banner": 25}
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((lab.address4, 7), timeout=LONG)


def test_loopback() -> None:
    with start(namespaces=False) as lab, start(namespaces=False, servers=["echo"]) as second:
        assert lab.addresses == ("127.0.0.1", "::1")
        assert second.ports["echo"] != lab.ports["echo"]
        for one in (lab, second):
            for address in one.addresses:
                with (
                    socket.create_connection((address, one.ports["echo"]), timeout=LONG) as client,
                    one.entered(),
                ):
                    client.sendall(b"near")
                    assert client.recv(100) == b"near"
                    found = one.control.state(client.getpeername()[:2], client.getsockname()[:2])
                    assert found.state is State.ESTABLISHED
        for address in lab.addresses:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, lab.ports["closed"]), timeout=LONG)


NOBODY = """
import encodings.idna, os, socket, sys
from rawshake.net.lab.command import run, run_function
from rawshake.net.lab.namespaces import start
from rawshake.net.lab.system import Capability, capable
assert not capable(Capability.SYS_ADMIN)
with start() as lab:
    print(lab.control.listener((lab.address4, 7)).state)
def talk(lab):
    with socket.create_connection((lab.address6, 7), timeout=60) as client:
        client.sendall(b"said")
        print(client.recv(100).decode(), flush=True)
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    return 3
print(run_function(talk), flush=True)
sys.exit(run(["sh", "-c", "id -u; echo 0 > /proc/sys/net/ipv4/ip_default_ttl || true; exit 4"]))
"""


def test_without_root() -> None:
    assert output(*AS_NOBODY, *program(NOBODY), status=4) == "LISTEN\nsaid\n3\n0\n"


FORBIDDEN = """
import ctypes, os, sys
from rawshake.errors import Failure
from rawshake.net.lab.namespaces import start
# A user namespace in which no network namespace may be made (namespaces(7), /proc/sys/user).
assert ctypes.CDLL(None).unshare(0x10000000) == 0
open("/proc/self/setgroups", "w").write("deny")
open("/proc/self/uid_map", "w").write("0 0 1")
open("/proc/sys/user/max_net_namespaces", "w").write("0")
try:
    start()
except Failure as failure:
    print(failure)
    sys.exit(failure.status)
"""


def test_where_namespaces_are_forbidden() -> None:
    heard = output(*program(FORBIDDEN), status=Exit.LAB_IMPOSSIBLE)
    assert heard.startswith("This system allows no lab: its setting user.max_net_namespaces is 0.\n")
    assert "--privileged" in heard
