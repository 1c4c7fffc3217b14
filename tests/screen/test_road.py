"""Both roads lead to the same, whatever the traffic; and the fast one is taken by nearly all that is clean."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

import pytest

from tests.screen.roads import generated, same

CAPTURES: Final = sorted((Path(__file__).parent.parent / "captures").rglob("*.pcap*"))


@pytest.mark.parametrize("block", [1 << 20, 1_000])
@pytest.mark.parametrize("kind", ["recorded", "faults", "legal"])
def test_every_capture_leads_to_the_same(kind: str, block: int) -> None:
    chosen = [path for path in CAPTURES if path.parent.name == kind]
    assert len(chosen) > 20
    for path in chosen:
        octets = path.read_bytes()
        same(gzip.decompress(octets) if path.suffix == ".gz" else octets, block=block)


@pytest.mark.parametrize("kind", ["plain", "http"])
def test_what_is_clean_passes_by_columns(kind: str) -> None:
    found = same(generated(kind, 400, faults=0))
    assert found.passed >= 0.95 * len(found.connections)
    assert len(found.connections) == 400


def test_first_flights_as_today_s_stacks_send_them_pass_with_their_notes() -> None:
    found = same(generated("flights", 200, faults=0))
    assert found.passed >= 0.9 * len(found.connections)
    noted = [one for one in found.connections if one.findings]
    assert 150 < len(noted) < 200
    assert {(one.ruling.rule, str(one.ruling.verdict)) for each in noted for one in each.findings} == {
        ("initial-window-bounded", "NOTE")
    }


@pytest.mark.parametrize("block", [1 << 20, 60_000, 4_000])
@pytest.mark.parametrize("kind", ["plain", "http", "flights"])
def test_faults_are_found_wherever_a_block_ends(kind: str, block: int) -> None:
    found = same(generated(kind, 300, faults=4, seed=block), block=block)
    assert found.passed >= 0.6 * len(found.connections)
    assert sum(bool(one.findings) for one in found.connections) > 20
