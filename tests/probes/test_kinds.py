"""Nobody is accused of what is right: stacks that differ from each other, and all keep the rules."""

from __future__ import annotations

import pytest

from rawshake.probes import catalogue, select
from rawshake.rules.model import Verdict
from tests.probes.stack import Stack
from tests.probes.stack_kinds import KINDS, AsksForMore, HalfDuplex
from tests.probes.twins import attempt

FINE = {Verdict.PASS, Verdict.NOTE, Verdict.SKIPPED}


@pytest.mark.parametrize("kind", KINDS)
def test_no_probe_accuses_it(kind: type[Stack]) -> None:
    for probe in catalogue():
        if not probe.slow:
            found = attempt(probe, kind())
            assert found.verdict in FINE, (probe.id, found.checks[-1])


@pytest.mark.parametrize(
    ("probe", "kind"),
    [("data-beyond-our-fin-dropped", HalfDuplex), ("ecn-agreed-only-if-asked", AsksForMore)],
)
def test_what_it_chooses_is_told(probe: str, kind: type[Stack]) -> None:
    (found,) = select([probe])
    assert attempt(found, kind()).verdict is Verdict.NOTE
