"""Captures with one fault each, and with what only looks like one: every fault is named once, nothing else is."""

from __future__ import annotations

import pytest

from rawshake.connection import Connection
from rawshake.follow import Follower
from rawshake.link import Frame
from rawshake.rules import book
from rawshake.trace.links import ip
from rawshake.trace.read import records
from scripts.make_captures import CAPTURES, KINDS, Written, files, pcap, read

FAULTS, LEGAL = ([*read((CAPTURES / f"{kind}.txt").read_text())] for kind in KINDS)


def followed(octets: bytes) -> list[Connection]:
    """All connections of a capture, judged by the whole book."""
    done: list[Connection] = []
    follower = Follower(book(), done.append)
    for record in records([octets]):
        packet = ip(record.link_type, record.data)
        assert packet is not None
        follower.frame(Frame(record.time, packet, record.direction, number=record.number))
    follower.finish()
    return done


def findings(octets: bytes) -> list[str]:
    return [
        f"{found.ruling.rule} {found.ruling.verdict} {found.ruling.end} {found.frame}"
        for connection in followed(octets)
        for found in connection.findings
    ]


def test_the_files_are_those_that_are_written() -> None:
    wanted = files()
    present = {path for kind in KINDS for path in (CAPTURES / kind).glob("*.pcap")}
    assert present == set(wanted)
    stale = [path.name for path, octets in wanted.items() if path.read_bytes() != octets]
    assert stale == [], "python -m scripts.make_captures writes them anew"


def test_there_are_enough_of_them() -> None:
    assert len(FAULTS) >= 20
    assert len(LEGAL) >= 20
    assert all(one.finds for one in FAULTS)
    assert not any(one.finds for one in LEGAL)


@pytest.mark.parametrize("one", FAULTS, ids=lambda one: one.name)
def test_a_fault_is_named_once_and_nothing_else_is(one: Written) -> None:
    assert findings((CAPTURES / "faults" / f"{one.name}.pcap").read_bytes()) == [*one.finds]


@pytest.mark.parametrize("one", LEGAL, ids=lambda one: one.name)
def test_what_is_legal_is_left_alone(one: Written) -> None:
    assert findings((CAPTURES / "legal" / f"{one.name}.pcap").read_bytes()) == []


def test_a_capture_is_what_its_exchange_says() -> None:
    one = FAULTS[0]
    assert [record.time for record in records([pcap(one.lines)])] == [line.time for line in one.lines]


def test_an_exchange_without_a_sentence_is_an_error() -> None:
    with pytest.raises(ValueError, match="name: sentence"):
        list(read("\n== nameless\n> S 0:0(0)\n"))
