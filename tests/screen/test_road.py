"""Both roads lead to the same, whatever the traffic; and the fast one is taken by nearly all that is clean."""

from __future__ import annotations

import pytest

from tests.screen.roads import generated, same


@pytest.mark.parametrize("kind", ["plain", "http"])
def test_what_is_clean_passes_by_columns(kind: str) -> None:
    found = same(generated(kind, 400, faults=0))
    assert found.passed >= 0.95 * len(found.connections)
    assert len(found.connections) == 400


@pytest.mark.parametrize("block", [1 << 20, 60_000, 4_000])
@pytest.mark.parametrize("kind", ["plain", "http"])
def test_faults_are_found_wherever_a_block_ends(kind: str, block: int) -> None:
    found = same(generated(kind, 300, faults=4, seed=block), block=block)
    assert found.passed >= 0.6 * len(found.connections)
    assert sum(bool(one.findings) for one in found.connections) > 20
