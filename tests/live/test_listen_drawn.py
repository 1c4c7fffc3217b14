"""What ``rawshake listen`` shows: who is alone is drawn as it goes, others have some lines when they have gone."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab
from tests.command import read_until
from tests.live.serving import read, serving, talk


def test_a_client_is_drawn_while_it_is_there(lab: Lab, tmp_path: Path) -> None:
    with (
        serving(lab, tmp_path, "--once", form="--ascii") as listener,
        socket.create_connection(listener.name, timeout=10) as client,
    ):
        drawn = read_until(listener.process, "ESTABLISHED                                       ESTABLISHED")
        assert "server (rawshake)" in drawn
        client.shutdown(socket.SHUT_WR)
        assert read(client) == b""
        assert listener.end() == Exit.OK
    assert "closed: " in listener.said
    assert "0 broken" in listener.said
    assert "1 connection" not in listener.said  # it was drawn, which says it all
    assert max(map(len, (drawn + listener.said).splitlines())) <= 80


def test_of_two_the_second_has_lines(lab: Lab, tmp_path: Path) -> None:
    with (
        serving(lab, tmp_path, "--count", "2", form="--ascii") as listener,
        socket.create_connection(listener.name, timeout=10) as first,
    ):
        drawn = read_until(listener.process, "ESTABLISHED                                       ESTABLISHED")
        assert talk(listener.name, b"second") == b"second"
        drawn += read_until(listener.process, "  2  ")
        first.shutdown(socket.SHUT_WR)
        assert read(first) == b""
        assert listener.end() == Exit.OK
    said = drawn + listener.said
    assert said.count("server (rawshake)") == 1
    assert "2 connections, " in said
    assert max(map(len, said.splitlines())) <= 80


def test_who_stays_is_drawn_from_its_beginning(lab: Lab, tmp_path: Path) -> None:
    with serving(lab, tmp_path, form="--ascii") as listener:
        with socket.create_connection(listener.name, timeout=10) as first:
            read_until(listener.process, "ESTABLISHED                                       ESTABLISHED")
            second = socket.create_connection(listener.name, timeout=10)
            first.shutdown(socket.SHUT_WR)
            assert read(first) == b""
        with second:
            drawn = read_until(listener.process, f":{second.getsockname()[1]} ")
            drawn += read_until(
                listener.process, "ESTABLISHED                                       ESTABLISHED"
            )
            assert "SYN,ACK" in drawn
            listener.process.send_signal(signal.SIGINT)
            assert read(second) == b""
        assert listener.end() == Exit.OK


def test_a_long_one_is_drawn_in_part(lab: Lab, tmp_path: Path) -> None:
    with serving(lab, tmp_path, "--behave", "discard", "--once", form="--compact") as listener:
        assert talk(listener.name, bytes(2_000_000)) == b""
        assert listener.end() == Exit.OK
    assert "more than 200 segments: the rest is not drawn" in listener.said
    assert len(listener.said.splitlines()) < 230


def test_quiet_is_one_line(lab: Lab, tmp_path: Path) -> None:
    with serving(lab, tmp_path, "--once", form="--quiet") as listener:
        assert talk(listener.name, b"x") == b"x"
        assert listener.end() == Exit.OK
    (line,) = listener.said.splitlines()[1:]
    assert line.startswith("closed: ")
    assert line.endswith("client TIME-WAIT, server CLOSED")
