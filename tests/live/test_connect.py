"""``connect``, ``sessions``, ``send`` and ``teardown`` of held connections, against the lab's kernel servers."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab
from rawshake.tcp.state import State
from tests.command import LONG, Done, rawshake, read_until, started

QUIET = ("--linger", "0", "-q")


@pytest.fixture(autouse=True)
def nothing_held(lab: Lab) -> Iterator[None]:
    """Each test begins and ends without held connections; the lab is the test module's own."""
    yield
    left = sessions()
    for one in left:
        rawshake("teardown", str(one["number"]), "--how", "rst", *QUIET)
    assert not left


def sessions() -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(rawshake("sessions", "--json").out)
    return told


def connect(lab: Lab, server: str, *options: str, address: str = "") -> dict[str, Any]:
    """Open one that is held; what ``sessions`` tells of it."""
    before = {one["number"] for one in sessions()}
    done = rawshake("connect", address or lab.address4, str(lab.ports[server]), *options)
    assert done.status == Exit.OK, done.out + done.err
    (opened,) = [one for one in sessions() if one["number"] not in before]
    return opened


def kernel(lab: Lab, held: dict[str, Any]) -> State:
    return lab.control.state(tuple(held["server"]), tuple(held["client"])).state


def await_state(lab: Lab, held: dict[str, Any], state: State) -> None:
    assert lab.control.await_state(tuple(held["server"]), tuple(held["client"]), state).state is state


def verdict(done: Done) -> str:
    return done.out.splitlines()[0]


def test_the_walk_through_the_readme(lab: Lab, address: str) -> None:
    held = connect(lab, "echo", address=address)
    assert held["states"] == ["ESTABLISHED", "ESTABLISHED?"]
    await_state(lab, held, State.ESTABLISHED)
    sent = rawshake("send", r"hello\r\n\x21")
    assert sent.status == Exit.OK
    assert sent.out.endswith("\nhello\n!\n")
    assert sessions()[0]["states"] == ["ESTABLISHED", "ESTABLISHED"]
    closed = rawshake("teardown", "--linger", "0")
    assert closed.status == Exit.OK
    for state in (
        "SYN-SENT",
        "SYN-RECEIVED?",
        "ESTABLISHED?",
        "FIN-WAIT-1",
        "TIME-WAIT",
        "LAST-ACK",
        "CLOSED?",
    ):
        assert f" {state} " in closed.out
    assert "\nclosed: " in closed.out
    await_state(lab, held, State.CLOSED)


def test_the_report_of_a_held_connection_is_whole(lab: Lab, tmp_path: Path) -> None:
    from scapy.layers.inet import TCP
    from scapy.utils import rdpcap

    connect(lab, "echo", "--data", "one", "--isn", "4294967295")
    rawshake("send", "two")
    report, frames = tmp_path / "report.json", tmp_path / "frames.pcap"
    assert rawshake("teardown", "--json", str(report), "--pcap", str(frames), *QUIET).status == Exit.OK
    (exchange,) = json.loads(report.read_text())["exchanges"]
    packets = rdpcap(str(frames))
    flags = [str(packet[TCP].flags) for packet in packets]
    assert flags[:3] == ["S", "SA", "PA"]
    assert flags[-1] == "A"
    assert packets[0][TCP].seq == 4294967295
    assert packets[2][TCP].seq == 0
    assert flags.count("FA") == 2
    assert len(exchange["entries"]) == len(packets)
    payloads = b"".join(bytes(p[TCP].payload) for p in packets if p[TCP].dport == lab.ports["echo"])
    assert payloads == b"onetwo"


def test_several_are_held_and_each_can_be_named(lab: Lab) -> None:
    one, two, three = (connect(lab, server) for server in ("echo", "banner", "echo"))
    assert [one["number"], two["number"], three["number"]] == [1, 2, 3]
    listed = rawshake("sessions").out.splitlines()
    assert [line.split()[0] for line in listed] == ["ID", "1", "2", "3"]
    assert rawshake("send", "x", "--to", "1", "--raw").out == "x"
    again = rawshake("teardown", lab.address4, str(lab.ports["banner"]), *QUIET)
    assert again.status == Exit.OK
    assert [held["number"] for held in sessions()] == [1, 3]
    assert rawshake("teardown", *QUIET).status == Exit.OK  # the last one by default
    assert [held["number"] for held in sessions()] == [1]
    assert rawshake("teardown", "1", *QUIET).status == Exit.OK
    assert rawshake("teardown", "1").status == Exit.SESSION_GONE
    assert rawshake("send", "x").status == Exit.SESSION_GONE


def test_teardown_of_host_and_port_says_that_one_is_held(lab: Lab) -> None:
    connect(lab, "echo")
    done = rawshake("teardown", lab.address4, str(lab.ports["echo"]), "--linger", "0")
    assert done.out.startswith("Connection 1 is held to that server: closing it.\n")
    connect(lab, "echo")
    late = rawshake("teardown", lab.address4, str(lab.ports["echo"]), "--isn", "1")
    assert (late.status, late.out) == (Exit.USAGE, "")
    assert "--isn comes too late" in late.err
    rawshake("teardown", *QUIET)


def test_what_a_server_sends_meanwhile_is_acknowledged_and_kept(lab: Lab) -> None:
    held = connect(lab, "banner")
    server, client = tuple(held["server"]), tuple(held["client"])
    deadline = time.monotonic() + LONG
    while not sessions()[0]["unread"] or lab.control.state(server, client).unacknowledged:
        assert time.monotonic() < deadline
    assert sessions()[0]["unread"] > 0
    assert "220" in rawshake("send", "x", "--raw").out
    rawshake("teardown", *QUIET)


def test_a_server_that_closes_first_leaves_it_in_close_wait(lab: Lab) -> None:
    held = connect(lab, "closes-first")
    await_state(lab, held, State.FIN_WAIT_2)
    deadline = time.monotonic() + LONG
    while sessions()[0]["states"] != ["CLOSE-WAIT", "FIN-WAIT-2?"]:
        assert time.monotonic() < deadline
    assert rawshake("teardown", *QUIET).status == Exit.OK
    assert kernel(lab, held) is State.TIME_WAIT


def test_the_keeper_says_goodbye_at_the_end_of_its_time(lab: Lab) -> None:
    done = rawshake("connect", lab.address4, str(lab.ports["echo"]), "--hold", "0.3", "--json", "-")
    client = json.loads(done.out)["exchanges"][0]["client"]
    held = {"server": [lab.address4, lab.ports["echo"]], "client": [client["address"], client["port"]]}
    await_state(lab, held, State.CLOSED)
    assert sessions() == []


def keepers(held: dict[str, Any]) -> list[int]:
    """Processes that hold the guard of that connection: who has the socket of its local port."""
    wanted = set()
    for line in Path("/proc/thread-self/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == held["client"][1]:
            wanted.add(f"socket:[{fields[9]}]")
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) in wanted:  # noqa: PTH115
                found.add(int(link.parts[2]))
        except OSError:
            continue
    return sorted(found - {os.getpid()})


def test_a_killed_keeper_leaves_nothing(lab: Lab) -> None:
    held = connect(lab, "echo")
    (keeper,) = keepers(held)
    assert Path(f"/proc/{keeper}/stat").read_text().split()[5] == str(keeper)  # a session of its own
    watch = os.pidfd_open(keeper)
    os.kill(keeper, signal.SIGKILL)
    assert select.select([watch], [], [], LONG)[0]
    os.close(watch)
    assert sessions() == []
    assert keepers(held) == []
    # The kernel answers for us from now on: the server learns at its next word that nobody is there.
    assert rawshake("teardown").status == Exit.SESSION_GONE
    assert kernel(lab, held) is State.ESTABLISHED


def test_a_terminated_keeper_closes_the_connection(lab: Lab) -> None:
    held = connect(lab, "echo")
    (keeper,) = keepers(held)
    os.kill(keeper, signal.SIGTERM)
    await_state(lab, held, State.CLOSED)
    deadline = time.monotonic() + LONG
    while sessions():
        assert time.monotonic() < deadline


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_held_in_the_foreground(lab: Lab, number: signal.Signals) -> None:
    with started("connect", lab.address4, str(lab.ports["echo"]), "--foreground") as process:
        read_until(process, "held here: connection 1")
        held = sessions()[0]
        assert rawshake("send", "abc", "--raw").out == "abc"
        process.send_signal(number)
        drawn = read_until(process, "closed: ")
        assert process.wait(LONG) == Exit.OK, drawn
    await_state(lab, held, State.CLOSED)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
def test_interrupted_in_the_middle_the_server_is_reset(
    lab: Lab, number: signal.Signals, status: Exit, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    arguments = ("teardown", lab.address4, str(lab.ports["never-accepts"]), "--json", str(report))
    with started(*arguments, "--how", "half") as process:
        read_until(process, "FIN-WAIT-2")
        process.send_signal(number)
        drawn = read_until(process, "interrupted: ")
        assert process.wait(LONG) == status, drawn
    exchange = json.loads(report.read_text())["exchanges"][0]
    client = (exchange["client"]["address"], exchange["client"]["port"])
    held = {"server": [lab.address4, lab.ports["never-accepts"]], "client": client}
    assert kernel(lab, held) is State.CLOSED


def test_a_terminal_that_reads_no_more_does_not_leave_the_server_hanging(lab: Lab) -> None:
    with started(
        "teardown", lab.address4, str(lab.ports["never-accepts"]), "--how", "half", "--sport", "40404"
    ) as one:
        read_until(one, "FIN-WAIT-1")
        assert one.stdout is not None
        one.stdout.close()
        held = {"server": [lab.address4, lab.ports["never-accepts"]], "client": [lab.client4, 40404]}
        one.send_signal(signal.SIGINT)
        assert one.wait(LONG) == Exit.INTERRUPTED
    await_state(lab, held, State.CLOSED)


def test_two_at_once(lab: Lab) -> None:
    port = str(lab.ports["echo"])
    with started("connect", lab.address4, port) as one, started("connect", lab.address4, port) as two:
        told = [read_until(process, "held: connection") for process in (one, two)]
        assert [process.wait(LONG) for process in (one, two)] == [Exit.OK, Exit.OK], told
    assert {held["number"] for held in sessions()} == {1, 2}
    for number in ("1", "2"):
        assert rawshake("teardown", number, *QUIET).status == Exit.OK
