"""What the container image must not hold, and what must work in it; piped into its Python."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path


def leftovers() -> list[str]:
    """What was needed to build the image and has no business in it."""
    programs = [name for name in ("pip", "pip3", "gcc", "cc", "make", "git") if shutil.which(name)]
    modules = [name for name in ("pip", "ensurepip", "hatchling") if importlib.util.find_spec(name)]
    folders = ["/src", "/opt/pip", *map(str, Path("/var/lib/apt/lists").glob("*"))]
    return programs + modules + [folder for folder in folders if Path(folder).exists()]


def serve(listener: socket.socket) -> None:
    """Take one connection after the other, send back what comes, close at its end."""
    while True:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(4096):
                connection.sendall(data)


def hold() -> int:
    """Hold a connection as the container's first process does, and speak to it as ``docker exec`` does."""
    with subprocess.Popen(
        ["rawshake", "connect", "127.0.0.1", "80", "--foreground", "--compact"],
        stdout=subprocess.PIPE,
        text=True,
    ) as keeper:
        assert keeper.stdout is not None
        for line in keeper.stdout:
            print(line, end="", flush=True)
            if line.startswith("# held here"):
                break
        for order in (["send", "hello\\n"], ["teardown", "--linger", "0"]):
            done = subprocess.run(["rawshake", *order, "--compact"], check=False, timeout=60)
            if done.returncode != 0:
                keeper.terminate()
                return done.returncode
        return keeper.wait(60)


def main() -> int:
    """Zero if nothing is left over and rawshake opens, holds and closes connections to a server in here."""
    importlib.import_module("zstandard")  # does without what was taken out of it
    found = leftovers()
    if found:
        print(f"left in the image: {', '.join(found)}", file=sys.stderr)
        return 1
    with socket.create_server(("127.0.0.1", 80)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        command = ["rawshake", "teardown", "127.0.0.1", "80", "--linger", "0"]
        return subprocess.run(command, check=False, timeout=60).returncode or hold()


if __name__ == "__main__":
    sys.exit(main())
