"""A connection held by the first process of a container: it must not end before those who speak to it have."""

from __future__ import annotations

import socket
import subprocess
import sys

from rawshake.net.lab.system import Namespace, unshare
from tests.live.isolated import isolated

RAWSHAKE = [sys.executable, "-m", "rawshake"]

#: Gives the order, and then takes its time to end. The first process is 1 in the container.
CALLER = """
import os, select
from rawshake.cli.parameters import Output
from rawshake.net import keeper
from rawshake.net.privilege import invoking_user
channel = keeper.call(invoking_user(), 1)
output = {"verbose": 0, "compact": False, "quiet": True, "ascii": True, "colour": "never", "json": None, "pcap": None}
options = {"width": 80, "colour": False, "ascii": True, "verbose": 0}
channel.send({"order": "teardown", "how": "fin", "linger": 0, "timeout": 10**10, "output": output, "options": options})
print([message["status"] for message in channel.messages() if "status" in message])
poll = select.poll()
poll.register(os.pidfd_open(1), select.POLLIN)
assert not poll.poll(1000)
"""


@isolated
def test_it_ends_after_its_caller() -> None:
    unshare(Namespace.PID)  # for what is started from now on; the first is process 1
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        with subprocess.Popen(
            [*RAWSHAKE, "connect", "127.0.0.1", port, "--compact", "--hold", "60"],
            stdout=subprocess.PIPE,
            text=True,
        ) as first:
            assert first.stdout is not None
            assert any("held here" in line for line in first.stdout)
            peer, _ = server.accept()
            with (
                peer,
                subprocess.Popen([sys.executable, "-c", CALLER], stdout=subprocess.PIPE, text=True) as caller,
            ):
                assert peer.recv(1) == b""
                peer.close()
                said, _ = caller.communicate(timeout=30)
                assert (caller.returncode, said) == (0, "[0]\n")
            assert first.wait(30) == 0
