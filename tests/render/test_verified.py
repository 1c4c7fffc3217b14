"""The screen of verify: chapters and counts, what did not pass with all that is needed to look into it, notes once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rawshake.probes import catalogue
from rawshake.probes.gridprobes import grid
from rawshake.probes.model import Check, Probe
from rawshake.probes.result import Attempt, Result
from rawshake.render.options import Options
from rawshake.render.verified import Run, screen, verdict_line
from rawshake.rules.model import Verdict

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
        "FAIL  syn-opens  (3 of 3 times)",
        "      A SYN to an open port is answered by SYN and ACK, acknowledging the SYN",
        "      and nothing else.",
        "      expected S. ack 1 within 1 s; S. 0:0(0) ack 2 came (ack: expected 1, got",
        "      2)",
        "      RFC 9293 3.10.7.2, 3.5",
        "      again: rawshake verify 192.0.2.2 80 --select syn-opens",
        "",
        "NOTE  RFC 793: it resets.",
        "      rst-in-window-challenged",
        "",
        "1 probe skipped: needs --closed.",
        "",
        "The probes took 2 s in all, 1 at once on the whole. The longest was syn-opens,",
        "  1.5 s.",
        "",
        "192.0.2.2: 3 probes in 2.0 s, 2 a second: 1 PASS, 1 FAIL, 1 NOTE, 1 SKIPPED",
    ]


def test_what_is_no_mismatch_is_told_by_its_field() -> None:
    cell = Check("a cell", FAIL, "state", "ESTABLISHED", "no connection", "silence; an old octet was reset")
    lines = drawn(result("syn-opens", FAIL, cell))
    assert "      state: expected ESTABLISHED, got no connection" in lines
    assert "      silence; an old octet was reset" in lines


def test_many_of_one_kind_are_counted() -> None:
    many = [result(name, FAIL, WRONG) for name in list(PROBES)[:20]]
    lines = drawn(*many)
    told = " ".join(line.strip() for line in lines[lines.index("and 8 more FAIL; all of them with -v:") :])
    assert sum(line.startswith("FAIL") for line in lines) == 12
    assert ", ".join(list(PROBES)[12:20]) in told
    assert sum(line.startswith("FAIL") for line in drawn(*many, verbose=1)) == 20


def cell(name: str, answer: str, state: str) -> Result:
    """A cell that failed: what came in place of silence, and the state thereafter."""
    checks = [Check(name, FAIL, "answer", "silence", answer), Check(name, FAIL, "state", "FIN-WAIT-1", state)]
    return Result(CELLS[name], FAIL, (Attempt(FAIL, tuple(checks)),))


def test_cells_that_fail_in_one_way_are_told_once() -> None:
    ways = [
        cell("FIN-WAIT-1/SYN/left", "<SEQ=7><ACK=8><CTL=ACK>", "FIN-WAIT-2"),
        cell("FIN-WAIT-1/SYN/at", "<SEQ=512><ACK=1024><CTL=ACK>", "FIN-WAIT-2"),
        cell("FIN-WAIT-1/SYN/inside", "<SEQ=512><ACK=1024><CTL=ACK>", "FIN-WAIT-1"),
        cell("FIN-WAIT-1/SYN/last", "<SEQ=512><CTL=RST>", "FIN-WAIT-2"),
        cell("FIN-WAIT-1/SYN/right", "<SEQ=513><CTL=RST>", "FIN-WAIT-2"),
    ]
    lines = drawn(*ways)
    assert [line for line in lines if line.startswith("FAIL") or "The same" in line] == [
        "FAIL  FIN-WAIT-1/SYN/left",
        "      The same: FIN-WAIT-1/SYN/at.",
        "FAIL  FIN-WAIT-1/SYN/inside",
        "FAIL  FIN-WAIT-1/SYN/last",
        "      The same: FIN-WAIT-1/SYN/right.",
    ]
    assert sum(line.startswith("FAIL") for line in drawn(*ways, verbose=1)) == 5


def test_with_verbose_what_passed_is_listed() -> None:
    assert "PASS  syn-opens  0.50 s" in drawn(result("syn-opens", PASS, Check("it")), verbose=1)
    assert not [line for line in drawn(result("syn-opens", PASS, Check("it"))) if "0.50" in line]


def test_it_tells_what_the_time_went_to() -> None:
    text = screen(run(result("syn-opens", PASS, Check("it"), times=8), processor=0.5), Options(width=140))
    assert (
        "The probes took 4 s in all, 2 at once on the whole; 0.5 s of that were this machine's, the rest was waiting. "
        in text.replace("\n  ", " ")
    )


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
