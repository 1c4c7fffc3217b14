"""`verify` against servers that are wrong on purpose: each fault is named, nothing else, and rawshake goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rawshake.net.lab.namespaces import Lab
from tests.live import hostile
from tests.live.peer import Peer, run
from tests.render.verify_schema import validated

#: What any server can show that discards what it gets.
PROBES = (
    "syn-opens", "isns-unrelated", "isn-moves-on", "rst-at-rcv-nxt-ends", "data-without-ack-dropped",
    "bad-checksum-ignored", "bad-checksum-in-connection-ignored", "illegal-length-in-syn-survived",
    "data-acked-cumulatively", "sent-headers-well-formed",
)  # fmt: skip


def verdicts(lab: Lab, peer: Peer, scratch: Path, address: str) -> dict[str, str]:
    """What is no PASS, by the probe's id."""
    report, drawn = scratch / "report.json", scratch / "drawn"
    words = [word for name in PROBES for word in ("--select", name)]

    def command(address: str, port: int) -> list[str]:
        rawshake = [sys.executable, "-m", "rawshake", "verify", address, str(port)]
        return [*rawshake, "--json", str(report), "--repeat", "1", "--rate", "0", *words]

    status = run(lab, peer, drawn, command, address=address)
    text = drawn.read_text(encoding="utf-8")
    assert "Traceback" not in text
    assert report.exists(), text
    results = validated(report.read_text(encoding="utf-8"))["results"]
    assert len(results) == len(PROBES)
    found = {one["id"]: one["verdict"] for one in results if one["verdict"] != "PASS"}
    assert status == int("FAIL" in found.values()), text
    return found


def test_who_does_all_as_it_should_is_not_accused(lab: Lab, tmp_path: Path, address: str) -> None:
    assert verdicts(lab, hostile.Crowd(), tmp_path, address) == {}


@pytest.mark.parametrize(
    ("peer", "named"),
    [
        (hostile.Hangs, {"illegal-length-in-syn-survived": "FAIL"}),
        (hostile.ReusesIsns, {"isns-unrelated": "WARN", "isn-moves-on": "FAIL"}),
        (hostile.AnswersResets, {"rst-at-rcv-nxt-ends": "FAIL"}),
        (hostile.TakesWithoutAck, {"data-without-ack-dropped": "FAIL"}),
        (
            hostile.TakesWrongChecksums,
            {"bad-checksum-ignored": "FAIL", "bad-checksum-in-connection-ignored": "FAIL"},
        ),
    ],
    ids=lambda one: one.__name__ if isinstance(one, type) else "",
)
def test_each_fault_is_named(
    lab: Lab, tmp_path: Path, peer: type[hostile.Crowd], named: dict[str, str]
) -> None:
    assert verdicts(lab, peer(), tmp_path, lab.address4) == named


def test_a_flood_upsets_nothing_and_is_no_wrong_answer(lab: Lab, tmp_path: Path) -> None:
    assert verdicts(lab, hostile.Floods(), tmp_path, lab.address4) == {}


def test_what_is_hardly_tcp_upsets_nothing_and_is_named(lab: Lab, tmp_path: Path) -> None:
    found = verdicts(lab, hostile.Babbles(), tmp_path, lab.address4)
    assert found == {"sent-headers-well-formed": "FAIL"}
