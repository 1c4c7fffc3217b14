"""Every probe has a page, cites what there is, passes against an honest stack, and fails against each of its twins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rawshake import probes
from rawshake.probes import CHAPTERS, UnknownProbe, catalogue, chapter_names, select
from rawshake.probes.gridprobes import grid
from rawshake.probes.model import Probe, Server
from rawshake.rules import book
from rawshake.rules.model import Verdict
from tests.probes.stack import PORTS, Stack
from tests.probes.twins import Twin, attempt, twins, watched


@pytest.mark.parametrize("probe", catalogue(), ids=lambda probe: probe.id)
def test_a_probe_has_a_page(probe: Probe) -> None:
    summary, _, rest = probe.page.partition("\n\n")
    assert summary.endswith(".")
    assert "\n" not in summary
    assert len(rest.split()) >= 10, "why it matters, and what known stacks do"


def test_a_probe_is_no_rule() -> None:
    assert not {probe.id for probe in catalogue()} & {rule.id for rule in book()}


def test_chapters_are_known() -> None:
    assert set(chapter_names()) <= set(CHAPTERS)
    assert [name for name in CHAPTERS if name in chapter_names()] == list(chapter_names())


def test_every_module_of_a_chapter_is_found() -> None:
    folder = Path(probes.__file__).parent / "chapters"
    there = {path.stem.partition("_")[0] for path in folder.glob("*.py") if path.stem != "__init__"}
    assert there == set(chapter_names())


@pytest.mark.parametrize("probe", catalogue(), ids=lambda probe: probe.id)
def test_the_honest_pass(probe: Probe) -> None:
    found = attempt(probe, Stack())
    assert found.verdict is Verdict.PASS, found.checks
    assert found.checks


@pytest.mark.parametrize("probe", catalogue(), ids=lambda probe: probe.id)
def test_each_expectation_has_a_twin_that_fails(probe: Probe) -> None:
    made = watched(probe, Stack())
    assert made
    for why, twin in twins(probe, made):
        assert attempt(probe, twin).verdict is not Verdict.PASS, why


def test_a_twin_that_changes_nothing_passes() -> None:
    (probe,) = select(["syn-opens"])
    assert attempt(probe, Twin()).verdict is Verdict.PASS


def test_probes_are_chosen_by_id_chapter_and_scenario() -> None:
    assert {probe.chapter for probe in select(["reset"])} == {"reset"}
    assert "syn-opens" in [probe.id for probe in select(["E01"])]
    assert not {"syn-opens"} & {probe.id for probe in select(ignored=["syn-opens"])}
    assert select() == catalogue()
    with pytest.raises(
        UnknownProbe, match=re.escape("no probe or chapter is called 'resets'; the nearest is 'reset'")
    ):
        select(["resets"])


def test_every_cell_of_the_grid_is_a_probe() -> None:
    found = grid(frozenset(PORTS))
    assert len({probe.id for probe in found}) == 840
    assert {probe.server for probe in found} - set(PORTS) == {Server.DIALS}
    assert all(probe.chapter == "grid" and probe.summary for probe in found)
    established = next(probe for probe in grid(frozenset({Server.ECHO})) if probe.id == "ESTABLISHED/RST/at")
    assert established.server is Server.ECHO
