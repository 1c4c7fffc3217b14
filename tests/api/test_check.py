"""``rawshake.check``: a capture's connections and what is found in them, without the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

import rawshake
from tests.cli.traces import CLEAN, FAULTY, capture


def test_connections_and_findings_in_order(tmp_path: Path) -> None:
    checked = rawshake.check(capture(tmp_path, CLEAN, FAULTY, CLEAN))
    assert [connection.number for connection in checked.connections] == [1, 2, 3]
    assert [(found.frame, found.ruling.rule) for found in checked.findings] == [
        (10, "synack-ack-is-isn-plus-1")
    ]
    assert (checked.packets, checked.segments, checked.damage) == (19, 19, "")
    assert len(checked.exchange(2).steps) == 3


def test_rules_and_packets_can_be_chosen(tmp_path: Path) -> None:
    path = str(capture(tmp_path, CLEAN, FAULTY))
    assert rawshake.check(path, ignore=["handshake"]).findings == ()
    assert len(rawshake.check(path, select=["synack-ack-is-isn-plus-1"]).findings) == 1
    assert len(rawshake.check(path, filter="port 40001").connections) == 1


@pytest.mark.parametrize(
    ("chosen", "said"),
    [({"select": ["nonsense"]}, "nonsense"), ({"filter": "port"}, "port")],
)
def test_what_cannot_be_understood_is_told(tmp_path: Path, chosen: dict[str, object], said: str) -> None:
    with pytest.raises(rawshake.Failure, match=said) as raised:
        rawshake.check(capture(tmp_path, CLEAN), **chosen)  # type: ignore[arg-type]
    assert raised.value.status is rawshake.Exit.USAGE


def test_damage_is_told_beside_what_could_be_read(tmp_path: Path) -> None:
    path = capture(tmp_path, CLEAN)
    path.write_bytes(path.read_bytes()[:-5])
    checked = rawshake.check(path)
    assert "The file ends within record 8" in checked.damage
    assert len(checked.connections) == 1


def test_what_is_no_capture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("no capture at all")
    with pytest.raises(rawshake.Failure) as raised:
        rawshake.check(path)
    assert raised.value.status is rawshake.Exit.UNREADABLE
