"""Which captured frame is the copy of what we sent: the first, a further one, a late one, or none of ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rawshake.copies import COPY_WAIT, REMEMBERED_COPIES, Copies, Copy
from rawshake.link import tcp_part
from rawshake.report import Remark
from rawshake.tcp.notation import parse_segment
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import Step
from tests.memory import START, packed

CLIENT, SERVER = ("192.0.2.1", 40000), ("192.0.2.2", 80)


def sent(text: str = "S =7:7(0) <mss 1460>") -> tuple[Step, bytes]:
    segment = parse_segment(text, src=CLIENT, dst=SERVER)
    return Tracker(CLIENT, SERVER).apply(segment, START, ours=True), tcp_part(packed(segment))


def told(copies: Copies, now: int, *, rest: bool = False, excused: bool = False) -> list[Step | Remark]:
    return list(copies.told(now, excused=lambda step: excused, why=lambda step: "never left", rest=rest))


def test_a_copy_tells_when_it_left() -> None:
    copies = Copies()
    step, wire = sent()
    copies.add(step, START, wire)
    assert told(copies, START) == []
    assert copies.seen(wire, START + 5) is Copy.FIRST
    (found,) = told(copies, START)
    assert isinstance(found, Step)
    assert (found.time, found.note) == (START + 5, "")
    assert copies.seen(wire, START + 6) is Copy.FURTHER


def test_what_a_firewall_may_set_is_noted() -> None:
    copies = Copies()
    step, wire = sent()
    copies.add(step, START, wire)
    changed = sent("S =7:7(0) <mss 1400>")[1]
    assert copies.seen(changed, START) is Copy.FIRST
    (found,) = told(copies, START)
    assert isinstance(found, Step)
    assert found.note == "changed on its way out"


def test_nothing_is_told_before_what_stands_before_it() -> None:
    copies = Copies()
    step, wire = sent()
    remark = Remark(START, "behind it")
    copies.add(step, START, wire)
    copies.add(remark, START)
    assert told(copies, START) == []
    assert copies.awaited
    assert (copies.since, copies.deadline) == (START, START + COPY_WAIT)
    copies.seen(wire, START)
    assert told(copies, START) == [step, remark]
    assert (copies.since, copies.deadline, copies.awaited) == (None, None, False)


@pytest.mark.parametrize(
    ("excused", "note", "then"), [(False, "never left", Copy.LATE), (True, "", Copy.FURTHER)]
)
def test_an_overdue_copy(excused: bool, note: str, then: Copy) -> None:
    copies = Copies()
    step, wire = sent()
    copies.add(step, START, wire)
    assert told(copies, START + COPY_WAIT - 1) == []
    assert told(copies, START + COPY_WAIT, excused=excused) == [replace(step, note=note)]
    assert copies.seen(wire, START + COPY_WAIT) is then
    assert copies.seen(wire, START + COPY_WAIT) is Copy.FURTHER


def test_at_the_end_what_is_not_overdue_is_taken_to_have_left() -> None:
    copies = Copies()
    step, wire = sent()
    copies.add(step, START, wire)
    assert told(copies, START, rest=True) == [step]


def test_what_we_never_sent_is_foreign() -> None:
    copies = Copies()
    step, wire = sent()
    copies.add(step, START, wire)
    assert copies.seen(sent("R =7:7(0)")[1], START) is Copy.FOREIGN
    assert copies.awaited


def test_copies_of_a_connection_before_are_none_of_this_one() -> None:
    before, after = Copies(), Copies()
    step, wire = sent()
    before.add(step, START, wire)
    other = sent("R =7:7(0)")[1]
    before.add(sent("R =7:7(0)")[0], START, other)
    before.seen(other, START)
    after.expect_no_more(before.wires())
    assert after.seen(wire, START) is after.seen(other, START) is Copy.FURTHER


def test_so_many_are_remembered_and_no_more() -> None:
    copies = Copies()
    wires = [sent(f"S ={number}:{number}(0)")[1] for number in range(REMEMBERED_COPIES + 1)]
    copies.expect_no_more(iter(wires))
    assert copies.seen(wires[0], START) is Copy.FOREIGN
    assert copies.seen(wires[1], START) is Copy.FURTHER
