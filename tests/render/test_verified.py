"""The screen of verify: chapters and counts, what did not pass with all that is needed to look into it, notes once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rawshake.probes import catalogue
from rawshake.probes.gridprobes import grid
from rawshake.probes.model import Check, Probe
from rawshake.probes.result import Attempt, Result
from rawshake.render.alike import groups
from rawshake.render.options import Options
from rawshake.render.verified import FEW, NOTES, WAYS, Run, screen, verdict_line
from rawshake.rules.model import Verdict
from tests.render.test_verify_json import challenged_wrongly, ran

PROBES = {probe.id: probe for probe in catalogue()}
CELLS = {probe.id: probe for probe in grid(frozenset())}
PASS, FAIL, NOTE, SKIPPED = Verdict.PASS, Verdict.FAIL, Verdict.NOTE, Verdict.SKIPPED
WRONG = Check(
    "S. ack 1",
    FAIL,
    "ack",
    "1",
    "2",
    "expected S. ack 1 within 1 s; S. 0:0(0) ack 2 came (ack: expected 1, got 2)",
)


def result(name: str, verdict: Verdict, *checks: Check, times: int = 1, reason: str = "") -> Result:
    attempt = Attempt(verdict, checks, began=0, ended=500_000_000)
    return Result(PROBES[name], verdict, (attempt,) * times, reason)


def run(*results: Result, **more: Any) -> Run:
    again = "rawshake verify 192.0.2.2 80 --select {}".format
    return Run("192.0.2.2", results, 2.0, again, **more)


def drawn(*results: Result, verbose: int = 0, width: int = 80) -> list[str]:
    return screen(run(*results), Options(width=width, verbose=verbose)).splitlines()


def test_it_can_be_read_in_a_minute() -> None:
    lines = drawn(
        result("syn-opens", FAIL, WRONG, times=3),
        result("fin-acked-at-once", PASS, Check("it")),
        result("rst-in-window-challenged", NOTE, Check("it", NOTE, sentence="RFC 793: it resets.")),
        Result(PROBES["closed-port-refuses"], SKIPPED, reason="needs --closed"),
    )
    assert lines == [
        "chapter         PASS   NOTE   FAIL",
        "establishment                    1",
        "teardown           1",
        "reset                     1         1 SKIPPED",
        "",
        "FAIL  syn-opens                             RFC 9293 3.10.7.2, 3.5; 3 of 3 times",
        "      A SYN to an open port is answered by SYN and ACK, acknowledging the SYN",
        "      and nothing else.",
        "      expected S. ack 1 within 1 s; S. 0:0(0) ack 2 came (ack: expected 1, got",
        "      2)",
        "      $ rawshake verify 192.0.2.2 80 --select syn-opens",
        "",
        "NOTE  RFC 793: it resets. (rst-in-window-challenged)",
        "",
        "1 probe skipped: 1 needs --closed.",
        "",
        "2 s of probes, 1 at once. Longest: syn-opens, 1.5 s.",
        "",
        "192.0.2.2: 3 probes in 2.0 s, 2 a second: 1 PASS, 1 FAIL, 1 NOTE, 1 SKIPPED",
    ]


def test_what_is_no_mismatch_is_told_by_its_field_and_in_full_with_verbose() -> None:
    cell = Check("a cell", FAIL, "state", "ESTABLISHED", "no connection", "silence; an old octet was reset")
    field, sentence = "      state: expected ESTABLISHED, got no connection", f"      {cell.sentence}"
    brief, full = (drawn(result("syn-opens", FAIL, cell), verbose=verbose) for verbose in (0, 1))
    assert field in brief
    assert sentence not in brief
    assert full[full.index(field) + 1] == sentence


def test_probes_that_fail_in_one_way_are_told_once() -> None:
    """What they are about stands at the right of their names, after what the first asks, or below that."""
    names = ["outside-window-in-closing-answered", "outside-window-in-fin-wait-1-answered"]
    left = [result(name, FAIL, Check("it", FAIL, "state", "CLOSING", "TIME-WAIT")) for name in names]
    title, source = f"FAIL  {', '.join(names)}", "RFC 9293 3.10.7.4, 3.5.2"
    below, after, beside = (drawn(*left, width=width) for width in (100, 90, 120))
    assert below[below.index(title) + 2] == f"      {source}"
    assert after[after.index(title) + 2] == f"      stays.  {source}"
    assert f"{title}{source:>{120 - len(title)}}" in beside
    assert [line for line in below if line.startswith("      $")] == [
        f"      $ rawshake verify 192.0.2.2 80 --select {names[0]}"
    ]
    assert sum(line.startswith("FAIL") for line in drawn(*left, verbose=1)) == 2


def test_what_is_too_much_is_named() -> None:
    many = [result(name, FAIL, replace(WRONG, field=name)) for name in list(PROBES)[: FEW + 6]]
    lines = drawn(*many)
    told = " ".join(line.strip() for line in lines[lines.index("and 6 more FAIL; all of them with -v:") :])
    assert sum(line.startswith("FAIL") for line in lines) == FEW
    assert ", ".join(list(PROBES)[FEW : FEW + 6]) in told
    assert sum(line.startswith("FAIL") for line in drawn(*many, verbose=1)) == FEW + 6


def test_a_few_choices_are_told_and_the_others_counted() -> None:
    noted = [
        result(name, NOTE, Check("it", NOTE, sentence=f"A choice of {name}."))
        for name in list(PROBES)[: NOTES + 2]
    ]
    lines = drawn(*noted)
    assert sum(line.startswith("NOTE") for line in lines) == NOTES
    assert "and 2 more choices; all of them with -v" in lines
    assert sum(line.startswith("NOTE") for line in drawn(*noted, verbose=1)) == NOTES + 2


def cell(name: str, answer: str, state: str) -> Result:
    """A cell that failed: what came in place of silence, and the state thereafter."""
    checks = [Check(name, FAIL, "answer", "silence", answer), Check(name, FAIL, "state", "FIN-WAIT-1", state)]
    return Result(CELLS[name], FAIL, (Attempt(FAIL, tuple(checks)),))


def test_cells_stand_together_where_one_clause_decides() -> None:
    """Each way in which they fail is told with their names."""
    states = ("ESTABLISHED", "CLOSING", "LAST-ACK")
    again = "rawshake verify 192.0.2.2 80 --select {}".format
    cells = replace(
        ran(challenged_wrongly(), *(f"{state}/SYN/{place}" for state in states for place in ("at", "last"))),
        again=again,
    )
    lines = screen(cells, Options()).splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith("FAIL"))
    assert lines[at] == "FAIL  6 cells of the grid                              RFC 9293 3.10.7.4, fourth"
    told = " ".join(line.strip() for line in lines[at + 1 :])
    assert re.match(
        r"ESTABLISHED/SYN/{at,last}, CLOSING/SYN/{at,last}: ack: expected \d+, got \d+ "
        r"LAST-ACK/SYN/{at,last}: ack: expected \d+, got \d+ "
        r"\$ rawshake verify 192.0.2.2 80 --select ESTABLISHED/SYN/at ",
        told,
    )
    full = screen(cells, Options(verbose=1)).splitlines()
    assert sum(line.startswith("FAIL") for line in full) == 6


def test_a_cell_alone_is_told_by_the_flags_of_its_answer() -> None:
    lines = drawn(cell("FIN-WAIT-1/SYN/left", "<SEQ=7><ACK=8><CTL=ACK>", "FIN-WAIT-2"))
    assert "FAIL  FIN-WAIT-1/SYN/left                                      RFC 9293 3.10.7.4" in lines
    assert "      answer: expected silence, got ACK" in lines
    odd = drawn(cell("FIN-WAIT-1/SYN/left", "<SEQ=7><ACK=8><CTL=RST,ACK>", "FIN-WAIT-2"))
    assert "      answer: expected silence, got RST,ACK" in odd


def test_ways_beyond_a_few_are_counted() -> None:
    stack = challenged_wrongly()
    names = [
        *(f"{state}/{kind}" for state in ("ESTABLISHED", "FIN-WAIT-1") for kind in ("SYN/at", "SYN+FIN/at")),
        *(f"{state}/SYN/at" for state in ("FIN-WAIT-2", "LAST-ACK", "CLOSING")),
    ]
    run = ran(stack, *names)
    (group,) = groups(run.results, FAIL)
    assert len(group.ways) <= WAYS
    assert "in other ways" not in screen(run, Options())
    more = tuple(
        replace(one, attempts=(replace(one.attempts[0], checks=(Check("it", FAIL, name, "1", "2"),)),))
        for one, name in zip(
            run.results, ("seq", "ack", "flags", "RCV.NXT", "state", "state", "state"), strict=True
        )
    )
    assert "      and 4 more in other ways; all of them with -v\n" in screen(
        replace(run, results=more), Options()
    )


def test_a_long_verdict_makes_no_line_too_long() -> None:
    unsure = Check("it", Verdict.INCONCLUSIVE, sentence="It was interrupted.")
    lines = drawn(*(result(name, Verdict.INCONCLUSIVE, unsure) for name in list(PROBES)[:9]), width=60)
    assert max(map(len, lines)) <= 60


def test_with_verbose_what_passed_is_listed() -> None:
    assert "PASS  syn-opens  0.50 s" in drawn(result("syn-opens", PASS, Check("it")), verbose=1)
    assert not [line for line in drawn(result("syn-opens", PASS, Check("it"))) if "0.50" in line]


def test_it_tells_what_the_time_went_to() -> None:
    text = screen(run(result("syn-opens", PASS, Check("it"), times=8), processor=0.5), Options(width=140))
    told = "4 s of probes, 2 at once; 0.5 s of work here, else waiting. Longest: syn-opens, 4.0 s."
    assert told in text.splitlines()


def test_the_last_line_tells_of_distress() -> None:
    told = run(result("syn-opens", PASS), interrupted=True, distress=2, jobs=4)
    assert verdict_line(told, Options(width=140)) == (
        "192.0.2.2: 1 probe in 2.0 s, 0 a second: 1 PASS; interrupted; 2 times it did not serve, 4 jobs at last"
    )


def test_nothing_is_wider_than_the_terminal_and_ascii_is_ascii() -> None:
    odd = Check(
        "it",
        FAIL,
        "ack",
        "1",
        "2",
        "an odd sentence – with a dash – that goes on and on and on and on and on",
    )
    for width in (60, 80, 132):
        text = screen(run(result("syn-opens", FAIL, odd)), Options(width=width, ascii=True))
        assert text.isascii()
        assert max(map(len, text.splitlines())) <= width


def _every(probes: Sequence[Probe]) -> list[Result]:
    return [Result(probe, PASS, (Attempt(PASS, ()),)) for probe in probes]


def test_every_chapter_has_its_line() -> None:
    lines = drawn(*_every(catalogue()))
    assert {line.partition(" ")[0] for line in lines} >= {probe.chapter for probe in catalogue()}
