"""What tells the same stands together, and names of cells are written as shortly as they can be."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from rawshake.probes import catalogue
from rawshake.probes.grid.cells import live_cells
from rawshake.probes.model import Check
from rawshake.probes.result import Attempt, Result
from rawshake.render.alike import braced, groups
from rawshake.rules.model import Verdict
from tests.render.test_verify_json import challenged_wrongly, ran

PROBES = {probe.id: probe for probe in catalogue()}
FAIL = Verdict.FAIL


def failed(name: str, field: str, expected: str, actual: str) -> Result:
    check = Check("it", FAIL, field, expected, actual)
    return Result(PROBES[name], FAIL, (Attempt(FAIL, (check,)),))


def together(*results: Result) -> list[list[str]]:
    return [[one.probe.id for one in group.results] for group in groups(results, FAIL)]


IN_CLOSING = "outside-window-in-closing-answered"
IN_FIN_WAIT_1 = "outside-window-in-fin-wait-1-answered"


def test_one_clause_broken_in_one_way_is_one_thing_whatever_the_state_and_numbers() -> None:
    one = failed(IN_CLOSING, "state", "CLOSING", "TIME-WAIT")
    other = failed(IN_FIN_WAIT_1, "state", "FIN-WAIT-1", "FIN-WAIT-2")
    assert together(one, other) == [[IN_CLOSING, IN_FIN_WAIT_1]]


def test_another_field_or_another_clause_is_another_thing() -> None:
    one = failed(IN_CLOSING, "state", "CLOSING", "TIME-WAIT")
    assert together(one, failed(IN_FIN_WAIT_1, "ack", "CLOSING", "TIME-WAIT")) == [
        [IN_CLOSING],
        [IN_FIN_WAIT_1],
    ]
    elsewhere = "closed-port-counts-seg-len"
    assert together(one, failed(elsewhere, "state", "CLOSING", "TIME-WAIT")) == [[IN_CLOSING], [elsewhere]]


def test_only_those_of_the_verdict_are_told() -> None:
    assert groups([failed(IN_CLOSING, "state", "CLOSING", "TIME-WAIT")], Verdict.WARN) == []


def test_cells_stand_together_by_the_check_that_decides() -> None:
    names = [
        "ESTABLISHED/SYN/at",
        "CLOSING/SYN/inside",
        "CLOSING/SYN+ACK/at/below",
        "ESTABLISHED/ACK/right/in-range",
    ]
    run = ran(challenged_wrongly(), *names)
    found = {group.clause: [one.probe.id for one in group.results] for group in groups(run.results, FAIL)}
    assert sorted(found["RFC 9293 3.10.7.4, first"]) == ["ESTABLISHED/ACK/right/in-range"]
    (first, *others) = [group for group in groups(run.results, FAIL) if group.clause.endswith("fourth")]
    assert {one.probe.id for one in first.results} | {
        one.probe.id for group in others for one in group.results
    } == set(names[:3])
    assert [len(way) for _, way in first.ways] == [len(first.results)]


def test_the_ways_of_a_group_are_told_apart() -> None:
    one = failed(IN_CLOSING, "ack", "1", "2")
    (group,) = groups([one, failed(IN_FIN_WAIT_1, "ack", "7", "9")], FAIL)
    ((check, alike),) = group.ways
    assert (check.expected, len(alike)) == ("1", 2)


def test_names_are_braced() -> None:
    cells = ["CLOSING/ACK/right/in-range", "CLOSING/data/right/in-range", "LISTEN/SYN"]
    assert braced(["syn-opens", *cells]) == {
        "syn-opens": "syn-opens",
        "CLOSING/{ACK,data}/right/in-range": "CLOSING/ACK/right/in-range",
        "LISTEN/SYN": "LISTEN/SYN",
    }
    assert braced([]) == {}


def spread(name: str) -> set[str]:
    """What a shell makes of braces."""
    parts = [part[1:-1].split(",") if part.startswith("{") else [part] for part in name.split("/")]
    return {"/".join(chosen) for chosen in product(*parts)}


@given(st.lists(st.sampled_from([cell.id for cell in live_cells()]), unique=True, max_size=60))
def test_braces_name_each_cell_once_and_no_other(names: list[str]) -> None:
    found = [spread(one) for one in braced(names)]
    assert set().union(*found) == set(names)
    assert sum(map(len, found)) == len(names)
    assert set(braced(names).values()) <= set(names)
