"""Findings rule by rule, totals, and what could not be judged and why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.connection import Connection
from rawshake.render.grouped import grouped, quiet_line, totals, unjudged, verdict_line
from rawshake.render.options import Options
from rawshake.render.summary import KEPT, REASONS, Summary
from rawshake.render.text import columns
from rawshake.rules.model import Verdict
from tests.cli.traces import CLEAN, FAULTY, MIDSTREAM, REFUSED
from tests.render.captured import captured, connections, summed
from tests.render.golden import STYLE

PLAIN = Options()


def test_a_finding_with_its_place_its_segment_and_its_arithmetic() -> None:
    assert grouped(captured(CLEAN, FAULTY).summary, PLAIN) == (
        f"FAIL {'synack-ack-is-isn-plus-1':70} once\n"
        "     RFC 9293 3.10.7.2, 3.5\n"
        "     frame 10, connection 2, the server: < S. 0:0(0) ack 0 win 65160 <mss 1460>\n"
        "       ack 2000, not ISN 2000 + 1 = 2001\n"
        "\n"
    )


def test_a_rule_is_told_once_with_its_first_occurrences_and_a_count() -> None:
    text = grouped(captured(*[FAULTY] * (KEPT + 5)).summary, PLAIN)
    assert text.count("FAIL ") == 1
    assert text.splitlines()[0].endswith(f"{KEPT + 5} times in {KEPT + 5} connections")
    assert text.count(", the server: ") == KEPT
    assert text.endswith("     and 5 more\n\n")


def test_the_gravest_comes_first() -> None:
    summary = captured(FAULTY).summary
    found = summary.rules["synack-ack-is-isn-plus-1"]
    connection, one = found.first[0]
    for name, verdict in (("a-note", Verdict.NOTE), ("a-warning", Verdict.WARN)):
        other = replace(one, ruling=one.ruling._replace(rule=name, verdict=verdict))
        summary.add(replace(connection, findings=(other,)))
    heads = [line.split()[:2] for line in grouped(summary, PLAIN).splitlines() if line[:1] not in ("", " ")]
    assert heads == [["FAIL", "synack-ack-is-isn-plus-1"], ["WARN", "a-warning"], ["NOTE", "a-note"]]
    assert verdict_line(summary, PLAIN).endswith("1 breach, 1 warning, 1 note")


def test_totals() -> None:
    summary = captured(CLEAN, FAULTY, REFUSED, MIDSTREAM).summary
    assert " ".join(totals(summary, PLAIN).split()) == (
        "4 connections, 15 segments in 15 frames: 1 complete, 1 refused, 1 incomplete, 1 midstream; "
        "1 closed, 2 still open."
    )
    assert quiet_line(summary, PLAIN).startswith("4 connections, 15 segments: ")
    verbose = totals(summary, Options(verbose=1))
    assert "rules held at least once:\n" in verbose
    assert "syn-form (3)" in verbose


def test_nothing_there() -> None:
    summary = Summary("empty.pcap", frames=3)
    assert totals(summary, PLAIN) == "No TCP connection in 3 frames.\n"
    assert verdict_line(summary, PLAIN) == "nothing to judge"
    assert unjudged(summary, PLAIN) == grouped(summary, PLAIN) == ""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"left_out": {"not TCP": 3}}, "3 frames: each carries no TCP."),
        ({"left_out": {"not IP": 1}}, "1 frame carries no IP packet."),
        ({"left_out": {"encrypted": 2}}, "2 frames: each is encrypted (ESP)."),
        ({"left_out": {"fragment": 1}}, "1 frame is a fragment of a packet that was not captured whole."),
        ({"copies": 1}, "1 frame: captured twice within 10 ms, judged once."),
        ({"cut": 4}, "4 frames: cut short by the capture's snap length"),
        ({"one_sided": 1}, "1 connection: seen from one side only."),
        ({"remarks": {"forgotten while open": 2}}, "2 connections: forgotten while open."),
    ],
    ids=str,
)
def test_what_was_not_judged_and_why(change: dict[str, object], sentence: str) -> None:
    summary = Summary("trace.pcap")
    for name, value in change.items():
        kind = type(getattr(summary, name))
        setattr(summary, name, kind(value))
    text = unjudged(summary, PLAIN)
    assert text.startswith("Not judged, or in part:\n")
    assert sentence in " ".join(text.split())


def test_a_late_start_is_told_with_the_rules_that_it_left_undecided() -> None:
    text = " ".join(unjudged(captured(MIDSTREAM).summary, PLAIN).split())
    assert "1 connection: begun before the capture, so that no handshake was seen." in text
    assert "(sender-within-window): the window's scale is not known without both SYNs." in text


def test_reasons_and_remarks_do_not_grow_without_bound() -> None:
    (connection,) = captured(CLEAN).connections
    summary = Summary("trace.pcap")
    for number in range(3 * REASONS):
        undecided = type(connection.undecidable)({("a-rule", f"reason {number}"): 1})
        summary.add(replace(connection, undecidable=undecided, remarks=(f"remark {number}",)))
    assert len(summary.rules["a-rule"].undecided) == REASONS + 1
    assert summary.rules["a-rule"].undecided.total() == 3 * REASONS
    assert len(summary.remarks) == REASONS


@given(st.lists(connections(), max_size=3), st.integers(60, 140), st.booleans())
def test_whatever_it_is_it_fits(some: list[Connection], width: int, ascii_only: bool) -> None:
    summary = summed(some)
    options = Options(width=width, ascii=ascii_only, verbose=1)

    def text(options: Options) -> str:
        return grouped(summary, options) + totals(summary, options) + unjudged(summary, options)

    assert max(map(columns, text(options).splitlines())) <= width
    assert text(options).isascii() or not ascii_only
    assert STYLE.sub("", text(replace(options, colour=True))) == text(options)
