"""An answer is what the clauses allow, or the nearest of them is told field by field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rawshake.probes.grid.answers import Choice, Expectation
from rawshake.probes.grid.block import place
from rawshake.probes.grid.cells import parse
from rawshake.probes.grid.clauses import expectations
from rawshake.probes.grid.judge import Ruling, rule
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from tests.probes.grid.blocks import block

HERE = block(State.ESTABLISHED)
GONE = frozenset({State.CLOSED, State.LISTEN})


def expected(cell: str) -> tuple[Expectation, ...]:
    found = parse(cell)
    return expectations(block(found.state), place(found, block(found.state), anywhere=Seq(7)))


def came(flags: Flags, seq: Seq = HERE.nxt, ack: Seq = HERE.rcv_nxt, octets: int = 0) -> Segment:
    return Segment(
        src="192.0.2.2", dst="192.0.2.1", sport=2, dport=1,
        seq=seq, ack=ack if flags & Flags.ACK else Seq(0), flags=flags, payload=b"x" * octets,
    )  # fmt: skip


def ruled(
    cell: str,
    *replies: Segment,
    states: frozenset[State] = frozenset({State.ESTABLISHED}),
    taken: int = 0,
    nxt: Seq = HERE.nxt,
) -> Ruling:
    rcv_nxt = None if states == GONE else HERE.rcv_nxt + taken
    return rule(expected(cell), replies, states, rcv_nxt, nxt)


def test_the_letter_is_met() -> None:
    ruling = ruled("ESTABLISHED/SYN/at", came(Flags.ACK))
    assert ruling.met is not None
    assert ruling.met.choices == frozenset()
    assert ruled("ESTABLISHED/ACK/at/in-range").met is not None
    assert ruled("ESTABLISHED/RST/at", states=GONE).met is not None
    taken = came(Flags.ACK, ack=HERE.rcv_nxt + 1)
    assert ruled("ESTABLISHED/data/at/in-range", taken, taken=1).met is not None


def test_a_choice_is_named() -> None:
    reset = came(Flags.RST | Flags.ACK, Seq(0), HERE.rcv_nxt + 1)
    ruling = ruled("ESTABLISHED/SYN/at", reset, states=GONE)
    assert ruling.met is not None
    assert ruling.met.noted == (Choice.RFC_793_SYN,)


def test_what_the_program_does_meanwhile_is_no_difference() -> None:
    fin = came(Flags.FIN | Flags.ACK, ack=HERE.rcv_nxt + 1)
    closed = frozenset({State.LAST_ACK})
    assert ruled("ESTABLISHED/FIN+ACK/at/in-range", fin, states=closed, taken=1).met is not None
    later = came(Flags.ACK, HERE.nxt + 9)
    assert ruled("ESTABLISHED/SYN/at", later, nxt=HERE.nxt + 9).met is not None
    assert ruled("ESTABLISHED/SYN/at", later).met is None


Wrong = tuple[str, Sequence[Segment], frozenset[State], int, list[tuple[str, str, str]]]
HELD = frozenset({State.ESTABLISHED})
WRONG: dict[str, Wrong] = {
    "one ack too many": (
        "ESTABLISHED/SYN/at", [came(Flags.ACK, ack=HERE.rcv_nxt + 1)], HELD, 0,
        [("ack", str(HERE.rcv_nxt), str(HERE.rcv_nxt + 1))]),
    "seq of the segment": (
        "ESTABLISHED/SYN/at", [came(Flags.ACK, Seq(3))], HELD, 0, [("seq", str(HERE.nxt), "3")]),
    "reset and alive": (
        "ESTABLISHED/data/left/in-range", [came(Flags.RST)], HELD, 0,
        [("flags", "ACK", "RST"), ("ack", str(HERE.rcv_nxt), "0")]),
    "reset behind the right answer": (
        "ESTABLISHED/SYN/at", [came(Flags.ACK), came(Flags.RST)], HELD, 0,
        [("answer", f"<SEQ={HERE.nxt}><ACK={HERE.rcv_nxt}><CTL=ACK>", f"<SEQ={HERE.nxt}><CTL=RST>")]),
    "silence": (
        "ESTABLISHED/SYN/at", [], HELD, 0,
        [("answer", f"<SEQ={HERE.nxt}><ACK={HERE.rcv_nxt}><CTL=ACK>", "silence")]),
    "no silence": (
        "ESTABLISHED/RST/right", [came(Flags.ACK)], HELD, 0,
        [("answer", "silence", f"<SEQ={HERE.nxt}><ACK={HERE.rcv_nxt}><CTL=ACK>")]),
    "not gone": ("ESTABLISHED/RST/at", [], HELD, 0, [("state", "no connection", "ESTABLISHED")]),
    "gone": ("ESTABLISHED/ACK/at/in-range", [], GONE, 0, [("state", "ESTABLISHED", "no connection")]),
    "dead": ("ESTABLISHED/ACK/at/in-range", [], frozenset(), 0, [("state", "ESTABLISHED", "no answer")]),
    "taken": (
        "ESTABLISHED/no-flags/at", [], HELD, 1, [("RCV.NXT", str(HERE.rcv_nxt), str(HERE.rcv_nxt + 1))]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_differs_is_told(name: str) -> None:
    cell, replies, states, taken, differences = WRONG[name]
    ruling = ruled(cell, *replies, states=states, taken=taken)
    assert ruling.met is None
    assert [(one.field, one.expected, one.actual) for one in ruling.differences] == differences


def test_an_ack_on_a_reset_in_answer_to_an_ack_is_told_and_no_difference() -> None:
    here = block(State.CLOSED)
    arrival = place(parse("CLOSED/ACK"), here, anywhere=Seq(7))
    reset = came(Flags.RST, arrival.ack)
    states = frozenset({State.CLOSED})
    letter = rule(expectations(here, arrival), [reset], states, here.rcv_nxt, Seq(0))
    assert (letter.met is not None, letter.aside) == (True, "")
    spare = replace(reset, flags=Flags.RST | Flags.ACK, ack=Seq(9))
    ruling = rule(expectations(here, arrival), [spare], states, here.rcv_nxt, Seq(0))
    assert ruling.met is not None
    assert ruling.aside == "Its reset in answer to an ACK has the ACK bit, too."
