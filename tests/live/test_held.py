"""Held connections under rough treatment: orders that cross, keepers that stand still, servers that send for ever."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab
from rawshake.tcp.state import State
from tests.command import LONG, rawshake, read_until, started
from tests.live.isolated import isolated

QUIET = ("--linger", "0", "-q")


def sessions() -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(rawshake("sessions", "--json").out)
    return told


def connect(lab: Lab, server: str, *options: str) -> dict[str, Any]:
    done = rawshake("connect", lab.address4, str(lab.ports[server]), *options)
    assert done.status == Exit.OK, done.out + done.err
    return sessions()[-1]


def keeper_of(number: int) -> int:
    """The process that listens for orders: who is at the other end of the socket."""
    with socket.socket(socket.AF_UNIX) as call:
        call.connect(f"\0rawshake/{os.getuid()}/{number}")
        # The credentials are those of who called listen(2).
        keeper = int.from_bytes(call.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4), sys.byteorder)
    assert keeper > 1
    return keeper


@contextmanager
def calling(number: int, said: bytes) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as call:
        call.connect(f"\0rawshake/{os.getuid()}/{number}")
        call.sendall(said)
        call.settimeout(LONG)
        yield call


def test_sessions_tells_how_it_stands_while_an_order_runs(lab: Lab) -> None:
    held = connect(lab, "echo")
    with started("send", "abc", "--wait", "3600") as order:
        read_until(order, "abc")
        before = time.monotonic()
        assert [one["number"] for one in sessions()] == [held["number"]]
        assert time.monotonic() - before < 5
        with started("teardown", *QUIET) as closing:
            order.send_signal(signal.SIGINT)  # whoever waits in vain goes, and the next order's turn comes
            assert order.wait(LONG) == Exit.INTERRUPTED
            assert closing.wait(LONG) == Exit.OK
    assert sessions() == []


def test_an_order_that_comes_too_late_is_told_so(lab: Lab) -> None:
    connect(lab, "echo")
    with started("teardown", "--linger", "2") as first:
        read_until(first, "closed: ")
        assert sessions()[0]["states"] == ["TIME-WAIT", "CLOSED?"]
        second = rawshake("teardown")
        assert (second.status, second.out) == (Exit.SESSION_GONE, "")
        assert "has just ended" in second.err
        assert first.wait(LONG) == Exit.OK


def test_a_teardown_that_is_broken_off_still_comes_to_its_end(lab: Lab) -> None:
    held = connect(lab, "answers-after-eof")
    with started("teardown", "--how", "half") as closing:
        read_until(closing, "FIN-WAIT-1")
        closing.send_signal(signal.SIGINT)
        assert closing.wait(LONG) == Exit.INTERRUPTED
    server, client = tuple(held["server"]), tuple(held["client"])
    assert lab.control.await_state(server, client, State.CLOSED).state is State.CLOSED
    deadline = time.monotonic() + LONG
    while sessions():
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    "said", [b"", b"garbage\n", b"[" * 100_000 + b"\n", b'{"order": "send"}\n', b'{"order": 1}\n', b'{"half']
)
def test_garbage_does_not_end_a_connection(lab: Lab, said: bytes) -> None:
    held = connect(lab, "echo")
    with calling(held["number"], said):
        assert rawshake("send", "abc", "--raw").out == "abc"
    assert rawshake("teardown", *QUIET).status == Exit.OK


def test_a_keeper_that_stands_still_is_named(lab: Lab) -> None:
    held = connect(lab, "echo")
    keeper = keeper_of(held["number"])
    os.kill(keeper, signal.SIGSTOP)
    try:
        done = rawshake("send", "abc")
        assert (done.status, done.out) == (Exit.SESSION_GONE, "")
        assert f"keeper of connection {held['number']} does not answer" in done.err
        listed = rawshake("sessions")
        assert (listed.status, listed.out) == (Exit.OK, "")
        assert "does not answer" in listed.err
    finally:
        os.kill(keeper, signal.SIGCONT)
    assert rawshake("teardown", *QUIET).status == Exit.OK


def test_a_keeper_killed_in_the_middle(lab: Lab) -> None:
    held = connect(lab, "echo")
    with started("send", "abc", "--wait", "3600") as order:
        read_until(order, "abc")
        os.kill(keeper_of(held["number"]), signal.SIGKILL)
        told = read_until(order, "ended in the middle")
        assert order.wait(LONG) == Exit.SESSION_GONE, told
    assert sessions() == []


def test_files_are_looked_at_before_a_held_connection_is_closed(lab: Lab, tmp_path: Path) -> None:
    connect(lab, "echo")
    for option in ("--json", "--pcap"):
        done = rawshake("teardown", option, str(tmp_path / "missing" / "file"))
        assert (done.status, done.out) == (Exit.UNREADABLE, "")
    report = tmp_path / "frames.pcap"
    assert rawshake("send", "x", "--pcap", str(report)).status == Exit.OK
    assert report.stat().st_size > 24
    assert rawshake("teardown", *QUIET).status == Exit.OK


@isolated
def test_more_than_a_message_holds_comes_back_whole() -> None:
    said = os.urandom(1 << 20) * 80
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = ("connect", *map(str, listener.getsockname()), "-q")
        assert rawshake(*arguments).status == Exit.OK
        server, _ = listener.accept()

    def speak() -> None:
        with server:
            server.sendall(said)

    threading.Thread(target=speak, daemon=True).start()
    command = [sys.executable, "-m", "rawshake", "send", "", "--raw", "--wait", "2"]
    heard = subprocess.run(command, stdout=subprocess.PIPE, timeout=LONG, check=True).stdout
    assert heard == said
    assert rawshake("teardown", *QUIET).status == Exit.OK


@isolated
def test_segments_as_large_as_loopback_takes_them(tmp_path: Path) -> None:
    """Its MSS of 65495 fills an IP packet to the last octet."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert rawshake("connect", *map(str, listener.getsockname()), "-q").status == Exit.OK
        server, _ = listener.accept()
    said, heard = os.urandom(300_000), bytearray()

    def read() -> None:
        while octets := server.recv(1 << 16):
            heard.extend(octets)
        server.close()

    reader = threading.Thread(target=read)
    reader.start()
    assert rawshake("send", "-", "-q", stdin=said).status == Exit.OK
    assert rawshake("teardown", *QUIET).status == Exit.OK
    reader.join(LONG)
    assert heard == said


def test_what_never_ends_is_not_read_for_ever(lab: Lab) -> None:
    connect(lab, "echo")
    done = rawshake("send", "-", stdin=bytes((32 << 20) + 1))
    assert (done.status, done.out) == (Exit.USAGE, "")
    assert rawshake("teardown", *QUIET).status == Exit.OK


def test_a_terminal_that_goes_away_does_not_leave_the_server_hanging(lab: Lab) -> None:
    port = lab.ports["never-accepts"]
    with started("teardown", lab.address4, str(port), "--how", "half", "--sport", "40405") as one:
        read_until(one, "FIN-WAIT-2")
        one.send_signal(signal.SIGHUP)
        assert one.wait(LONG) == Exit.HUNG_UP
    there = lab.control.await_state((lab.address4, port), (lab.client4, 40405), State.CLOSED)
    assert there.state is State.CLOSED


def test_a_report_that_nobody_reads_does_not_leave_the_server_hanging(lab: Lab, tmp_path: Path) -> None:
    """Opening a FIFO waits for its reader: a signal must not wait for that."""
    fifo, port = tmp_path / "fifo", lab.ports["echo"]
    os.mkfifo(fifo)
    with started("connect", lab.address4, str(port), "--sport", "40406", "--json", str(fifo)) as one:
        read_until(one, "held open")
        server, client = (lab.address4, port), (lab.client4, 40406)
        lab.control.await_state(server, client, State.ESTABLISHED)
        one.send_signal(signal.SIGTERM)
        assert lab.control.await_state(server, client, State.CLOSED).state is State.CLOSED
        with fifo.open() as report:
            assert select.select([report], [], [], LONG)[0]
            assert json.loads(report.read())["exchanges"][0]["outcome"] == "interrupted"
        assert one.wait(LONG) == Exit.TERMINATED


def test_a_send_that_ends_the_connection_says_how(lab: Lab) -> None:
    connect(lab, "resets")
    done = rawshake("send", "x")
    assert done.status == Exit.RESET
    assert "\nreset by the peer: 6 segments" in done.out
    connect(lab, "resets")
    assert rawshake("send", "x", "-q").out == ""
