"""Segments harmed on our own side, in both directions, against the kernel: all arrives, and it is not accused."""

from __future__ import annotations

import pytest

import rawshake
from rawshake.net.lab.namespaces import Lab
from rawshake.report import Outcome
from rawshake.rules.model import Verdict
from rawshake.tcp.notation import pattern
from rawshake.tcp.state import State

#: Without SACK a segment that is lost twice costs a timeout.
MANY = {True: 2_000_000, False: 200_000}
ROADS = {
    "smooth": {},
    "lossy": {"drop": "5%", "reorder": "5%"},
    "doubling": {"duplicate": "5%", "corrupt": "5%"},
    "slow": {"delay": "5%=5ms", "reorder": "10%"},
    "all at once": {"drop": "2%", "duplicate": "2%", "reorder": "2%", "delay": "2%=10ms", "corrupt": "2%"},
}


def charged(client: rawshake.Client) -> list[str]:
    """What the server is charged with, notes aside; we may be late on a machine that is busy."""
    return [
        f"segment {one.step}, {one.end}: {one.rule}: {one.sentence}"
        for one in client.findings
        if one.verdict is not Verdict.NOTE and not one.ours
    ]


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("sack", [True, False], ids=["SACK", "no SACK"])
def test_many_octets_there_and_back(lab: Lab, road: str, sack: bool) -> None:
    sent = pattern(1, MANY[sack])
    options = {"sack": sack, "timestamps": True, "wscale": 7, "window": 1 << 20}
    with rawshake.connect("192.0.2.2", 7, timeout=60, retries=50, **options, **ROADS[road]) as client:  # type: ignore[arg-type]
        client.send(sent)
        assert client.receive(len(sent)) == sent
    assert client.exchange.outcome is Outcome.CLOSED
    assert charged(client) == []


def test_each_harm_is_marked_where_it_is_done(lab: Lab, address: str) -> None:
    with rawshake.connect(
        address,
        7,
        drop="synack:1",
        corrupt="data:1",
        duplicate="theirdata:1",
        delay="fin:1=30ms",
        reorder="data:3",
    ) as client:
        for piece in (b"first", b"second", b"third"):
            client.send(piece)
        assert client.receive(16) == b"firstsecondthird"
    notes = [step.note.partition(", ")[2] or step.note for step in client.exchange.steps if step.note]
    assert sorted(notes) == [
        "corrupted by rawshake",
        *["delayed by 30 ms by rawshake"] * 2,
        "dropped by rawshake",
        "duplicated by rawshake",
        *["reordered by rawshake"] * 2,
    ]
    assert lab.control.state(client.server, client.client).state is State.CLOSED
    assert charged(client) == []


def test_nothing_gets_through(lab: Lab) -> None:
    with pytest.raises(rawshake.Broken, match="did not answer"):
        rawshake.connect("192.0.2.2", 7, drop="theirs:100%", retries=1, timeout=3)
