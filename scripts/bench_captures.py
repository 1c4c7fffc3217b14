"""How long ``rawshake check`` takes over large captures, and how much memory, next to what one would type instead."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from scripts.make_traffic import traffic, write

PYTHON: Final = sys.executable
RAWSHAKE: Final = (PYTHON, "-m", "rawshake")
CONNECTIONS: Final = 200_000
#: How many of the recorded ones there are for each of the generated: one in so many.
RECORDED: Final = 20
HOST: Final = "127.0.0.1"

#: Reads every header, and does nothing with it.
UNPACK: Final = """
import struct, sys
record, ip, tcp = struct.Struct("<IIII"), struct.Struct("!BBHHHBBH4s4s"), struct.Struct("!HHIIHHHH")
octets = open(sys.argv[1], "rb").read()
at, end = 24, len(octets)
while at < end:
    _, _, captured, _ = record.unpack_from(octets, at)
    fields = ip.unpack_from(octets, at + 16 + 14)
    tcp.unpack_from(octets, at + 16 + 14 + (fields[0] & 15) * 4)
    at += 16 + captured
"""


class Took(NamedTuple):
    """What one process took: seconds of our time and of the processors', and the most memory, in MB."""

    wall: float
    cpu: float
    memory: float


def run(command: tuple[str, ...], env: dict[str, str]) -> Took:
    """Run one to its end; whatever is measured must work."""
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=env)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        # 1: rules are broken, as is meant.
        if process.returncode not in (0, 1):
            said.seek(0)
            sys.exit(
                f"scripts/bench: {' '.join(command)!r} ended with {process.returncode}:\n{said.read().decode()}"
            )
    return Took(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def contestants(capture: Path) -> dict[str, tuple[str, ...]]:
    """Who reads the capture, as commands; those that are not installed are named and left out."""
    file = str(capture)
    wanted: dict[str, tuple[str, ...]] = {
        "rawshake check -q, all rules": (*RAWSHAKE, "check", "-q", file),
        "tshark -q -z conv,tcp, nothing judged": ("tshark", "-q", "-z", "conv,tcp", "-r", file),
        "tcptrace, nothing judged": ("tcptrace", "-n", file),
        "Python loop that unpacks headers": (PYTHON, "-c", UNPACK, file),
    }
    for name, command in list(wanted.items()):
        if shutil.which(command[0]) is None:
            print(f"{command[0]} is not installed: '{name}' is left out.", file=sys.stderr)
            del wanted[name]
    return wanted


def table(title: str, capture: Path, env: dict[str, str]) -> Took:
    """Print what each takes, and its ratio to ours; what ours took."""
    size = capture.stat().st_size / 1e6
    print(
        f"\n{f'{title}, {size:.0f} MB':<54}{'time':>8}{'processor':>11}{'memory':>9}{'ratio':>7}", flush=True
    )
    ours: Took | None = None
    for name, command in contestants(capture).items():
        took = run(command, env)
        ours = ours or took
        ratio = took.cpu / ours.cpu
        print(f"{name:<54}{took.wall:6.1f} s{took.cpu:9.1f} s{took.memory:6.0f} MB{ratio:7.2f}", flush=True)
    assert ours is not None
    return ours


def generated(path: Path, kind: str, connections: int) -> int:
    """Write a capture of generated traffic, 1,000 connections at a time; how many packets it has."""
    with path.open("wb") as file:
        return write(file, traffic(kind, connections, 1000, 1000, random.Random(1)))


@contextmanager
def server() -> Iterator[int]:
    """The port of a server that answers a request with up to 12,000 octets and closes."""
    chance = random.Random(1)
    with socket.create_server((HOST, 0), backlog=64) as listener:

        def serve() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(bytes(chance.randrange(200, 12_000)))

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def recorded(path: Path, connections: int, env: dict[str, str]) -> None:
    """Record short HTTP connections of the kernel's on loopback."""
    chance = random.Random(2)
    with server() as port:
        listen = (*RAWSHAKE, "sniff", "-i", "lo", "-q", "--pcap", str(path), "port", str(port))
        with subprocess.Popen(
            listen, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
        ) as sniff:
            assert sniff.stdout is not None
            while "Listening" not in (line := sniff.stdout.readline()):
                if not line:
                    sys.exit("scripts/bench: rawshake sniff did not begin to listen.")
            for _ in range(connections):
                with socket.create_connection((HOST, port)) as connection:
                    connection.sendall(b"GET / HTTP/1.0\r\n" + bytes(chance.randrange(60, 500)))
                    while connection.recv(65_536):
                        pass
            sniff.send_signal(signal.SIGTERM)
            sniff.stdout.read()


def main(arguments: list[str]) -> int:
    """Print the tables."""
    connections = int(arguments[0]) if arguments else CONNECTIONS
    with tempfile.TemporaryDirectory() as folder:
        # Compiled once, as for whoever has installed it.
        env = {**os.environ, "PYTHONPYCACHEPREFIX": str(Path(folder) / "bytecode")}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        path = Path(folder) / "capture.pcap"
        run((*RAWSHAKE, "--version"), env)
        print(f"Each a whole process; ratios are of processor time; Python {sys.version.split()[0]}.")
        generated(path, "plain", connections // 10)
        short = run((*RAWSHAKE, "check", "-q", str(path)), env)
        packets = generated(path, "plain", connections)
        ours = table(f"{packets:,} packets, {connections:,} connections", path, env)
        print(
            f"A tenth of that takes {short.memory:.0f} MB: {100 * (ours.memory / short.memory - 1):+.0f} % "
            "memory for ten times the length."
        )
        packets = generated(path, "http", connections // 5)
        table(f"HTTP generated: {packets:,} packets, {connections // 5:,} connections", path, env)
        recorded(path, connections // RECORDED, env)
        table(f"HTTP recorded on loopback: {connections // RECORDED:,} connections", path, env)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
