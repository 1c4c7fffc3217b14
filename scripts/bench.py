"""How long rawshake's commands take as whole processes, next to others' in the same rounds."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

PYTHON: Final = sys.executable
RAWSHAKE: Final = str(Path(PYTHON).parent / "rawshake")
HERE: Final = Path(__file__).parent
HOST: Final = "127.0.0.1"

#: Connect, close, and read to the end, by the kernel's TCP.
KERNEL: Final = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):
        pass
"""

#: The same, as often as told, from an address of its own: ports of another run are in TIME-WAIT for a minute.
KERNEL_MANY: Final = """
import os, socket, sys
source = "127.%d.%d.1" % tuple(os.urandom(2))
IP_BIND_ADDRESS_NO_PORT = 24
for _ in range(int(sys.argv[2])):
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", int(sys.argv[1])))
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
"""

#: A server in a process of its own, that nobody has to wait for: it reads to the end and closes.
SERVER: Final = """
import select, socket
listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
listener.setblocking(False)
print(listener.getsockname()[1], flush=True)
poll = select.epoll()
poll.register(listener, select.EPOLLIN)
opened = {}
while True:
    for descriptor, _ in poll.poll():
        if descriptor != listener.fileno():
            opened.pop(descriptor).close()
            continue
        try:
            while True:
                connection, _ = listener.accept()
                connection.setblocking(False)
                try:
                    connection.recv(1)
                    connection.close()
                except BlockingIOError:
                    opened[connection.fileno()] = connection
                    poll.register(connection, select.EPOLLIN)
        except BlockingIOError:
            pass
"""
#: Exchanges in one process: few, and many. What the many take more is not the process's beginning and end.
FEW, MANY = 2_000, 22_000

#: packetdrill plays the server to the kernel's client: it can talk to no other server.
PACKETDRILL: Final = """
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) <...>
+0 < S. 0:0(0) ack 1 win 65535 <mss 1460>
+0 > . 1:1(0) ack 1
+0 close(3) = 0
+0 > F. 1:1(0) ack 1
+0 < F. 1:1(0) ack 2 win 65535
+0 > . 2:2(0) ack 2
"""

Command = tuple[str, ...]


class Took(NamedTuple):
    """What one process took, in seconds: of our time, and of the processors'."""

    wall: float
    cpu: float


@contextmanager
def server(port: int = 0) -> Iterator[int]:
    """The port of a server that reads to the end and closes, for as long as this lasts; 0 is any."""
    with socket.create_server((HOST, port), backlog=64) as listener:

        def serve() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    while connection.recv(4096):
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def environment(folder: str) -> dict[str, str]:
    """Ours, but with bytecode as an installed program has it, and none left in the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


def run(command: Command, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one; whatever is measured must work."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        sys.exit(f"scripts/bench: {' '.join(command)!r} ended with {done.returncode}:\n{done.stderr}")
    return done


def measure(commands: Mapping[str, Command], rounds: int, env: Mapping[str, str]) -> dict[str, list[Took]]:
    """What each takes in each round, one after the other, so that what disturbs one disturbs all."""
    taken: dict[str, list[Took]] = {name: [] for name in commands}
    for command in commands.values():
        run(command, env)  # fills the caches
    for _ in range(rounds):
        for name, command in commands.items():
            began, had = time.perf_counter(), children()
            run(command, env)
            taken[name].append(Took(time.perf_counter() - began, children() - had))
    return taken


def children() -> float:
    """Processor time of all processes that have ended, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def table(title: str, taken: Mapping[str, list[Took]], base: str) -> None:
    """Print the medians of each, and the median of its ratio to ``base`` in the same round."""
    print(f"\n{title:<46}{'time':>10}{'processor':>12}{'ratio':>8}")
    for name, own in taken.items():
        ratio = median(mine.wall / other.wall for mine, other in zip(own, taken[base], strict=True))
        wall, cpu = middle(own)
        print(f"{name:<46}{1000 * wall:7.1f} ms{1000 * cpu:9.1f} ms{ratio:8.2f}")


def middle(taken: list[Took]) -> Took:
    """The medians."""
    return Took(median(one.wall for one in taken), median(one.cpu for one in taken))


def contestants(port: int, folder: str, env: Mapping[str, str]) -> dict[str, Command]:
    """Who does a handshake and a close, each as a command; programs of others only where they are and run."""
    script = Path(folder) / "close.pkt"
    script.write_text(PACKETDRILL, encoding="ascii")
    others: dict[str, Command] = {
        "hping3, one SYN only": ("hping3", "--syn", "--count", "1", "--destport", str(port), HOST),
        "packetdrill, against the kernel's client": ("packetdrill", str(script)),
    }
    return {
        "kernel's TCP, from Python": (PYTHON, "-c", KERNEL, str(port)),
        "Scapy script, scapy.all, nothing judged": (PYTHON, str(HERE / "bench_scapy.py"), str(port)),
        **{name: command for name, command in others.items() if runs(command, env)},
    }


def runs(command: Command, env: Mapping[str, str]) -> bool:
    """Whether the program is installed and does what it is to do."""
    if shutil.which(command[0]) is None:
        return False
    done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        print(f"{command[0]} is left out: it ended with {done.returncode}.", file=sys.stderr)
    return done.returncode == 0


def stages(teardown: Command, env: Mapping[str, str]) -> dict[str, Command]:
    """Programs that go ever further on the way of ``teardown``; what one takes more is its stage's time."""
    timed = run((PYTHON, "-X", "importtime", *teardown), env).stderr
    ours = dict.fromkeys(re.findall(r"\| +(rawshake[\w.]*)$", timed, re.MULTILINE))
    everything = f"import {', '.join(ours)}"
    warm = "from rawshake.net import craft; craft.warm_up(v6=False)"
    return {
        "Python starts and ends": (PYTHON, "-c", "pass"),
        "command line: click": (PYTHON, "-c", "import rawshake.cli"),
        "rawshake: tracker, rules, drawing": (PYTHON, "-c", everything),
        "Scapy: import and the first packet": (PYTHON, "-c", f"{everything}; {warm}"),
        "the exchange, judged and drawn, clearing up": (PYTHON, *teardown),
    }


def many(rounds: int, env: Mapping[str, str]) -> None:
    """Print what each further exchange takes where one process does them all, and how many there are in a second."""
    with subprocess.Popen((PYTHON, "-c", SERVER), stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            judged = (
                RAWSHAKE,
                "teardown",
                HOST,
                port,
                "--linger",
                "0",
                "--jobs",
                "256",
                "--quiet",
                "--count",
            )
            contestants = {
                "kernel's connect(), from Python": (PYTHON, "-c", KERNEL_MANY, port),
                "rawshake teardown --count, all judged": judged,
            }
            commands = {
                f"{name} {count}": (*command, str(count))
                for name, command in contestants.items()
                for count in (FEW, MANY)
            }
            taken = measure(commands, rounds, env)
        finally:
            process.kill()
    print(
        f"\n{f'{MANY - FEW} exchanges in one process, each':<46}{'time':>10}{'processor':>12}{'a second':>11}"
    )
    for name in contestants:
        pairs = zip(taken[f"{name} {FEW}"], taken[f"{name} {MANY}"], strict=True)
        each = [
            Took((long.wall - short.wall) / (MANY - FEW), (long.cpu - short.cpu) / (MANY - FEW))
            for short, long in pairs
        ]
        wall, cpu = middle(each)
        print(f"{name:<46}{1e6 * wall:7.1f} us{1e6 * cpu:9.1f} us{1 / wall:11.0f}")


def third_ack(teardown: Command, env: Mapping[str, str]) -> float:
    """Seconds from the SYN-ACK's arrival to our ACK's leaving, by the kernel's clock."""
    report = json.loads(run((*teardown, "--json", "-"), env).stdout)
    entries = [entry for entry in report["exchanges"][0]["entries"] if entry["type"] == "segment"]
    answer = next(at for at, entry in enumerate(entries) if entry["segment"]["flags"] == ["SYN", "ACK"])
    ack = next(entry for entry in entries[answer:] if entry["sender"] == "client")
    return float(ack["time_ns"] - entries[answer]["time_ns"]) / 1e9


def main(arguments: list[str]) -> int:
    """Print the tables."""
    rounds = int(arguments[0]) if arguments else 20
    with tempfile.TemporaryDirectory() as folder, server() as port:
        env = environment(folder)
        print(f"Medians of {rounds} rounds, each a whole process; Python {sys.version.split()[0]}.")
        start: dict[str, Command] = {
            "python -c pass": (PYTHON, "-c", "pass"),
            "rawshake --version": (RAWSHAKE, "--version"),
            "rawshake --help": (RAWSHAKE, "--help"),
        }
        table("Starting", measure(start, rounds, env), "python -c pass")

        name = "rawshake teardown, judged and drawn"
        teardown = (RAWSHAKE, "teardown", HOST, str(port), "--linger", "0")
        taken = measure({name: teardown, **contestants(port, folder, env)}, rounds, env)
        table("A handshake and a close on loopback", taken, name)

        print(f"\n{'What the time of teardown goes to':<46}{'time':>10}{'processor':>12}")
        before = Took(0, 0)
        for name, own in measure(stages(teardown, env), rounds, env).items():
            after = middle(own)
            print(
                f"{name:<46}{1000 * (after.wall - before.wall):7.1f} ms"
                f"{1000 * (after.cpu - before.cpu):9.1f} ms"
            )
            before = after

        many(min(rounds, 5), env)

        delays = sorted(third_ack(teardown, env) for _ in range(rounds))
        print(
            "\nFrom the SYN-ACK's arrival to our ACK's leaving, by the kernel's clock: "
            f"median {1000 * median(delays):.2f} ms, at most {1000 * delays[-1]:.2f} ms."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
