"""Which segments are harmed and how, read from words, by number and by chance, and when those held back go on."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.impair import (
    DELAY,
    MILLISECOND,
    NAMES,
    PATIENCE,
    UNHARMED,
    Harm,
    Held,
    Impairment,
    Impairments,
    Pick,
    Road,
    Treatment,
    name_of,
    parse,
)
from rawshake.tcp.notation import parse_segment


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("S. =0:0(0) ack =1", "synack"),
        ("S =0:0(0)", "theirsyn"),
        (". =0:0(0) ack =1", "theirack"),
        (". =0:1(1) ack =1", "theirdata"),
        ("F. =0:0(0) ack =1", "theirfin"),
        ("F. =0:1(1) ack =1", "theirfin"),
        ("R. =0:0(0) ack =1", "theirrst"),
        ("SR =0:0(0)", "theirrst"),
    ],
)
def test_what_arrives_has_a_name(text: str, name: str) -> None:
    segment = parse_segment(text, src=("192.0.2.2", 80), dst=("192.0.2.1", 40000))
    assert name_of(segment) == name


def drops(text: str, *, seed: int = 0) -> Impairments:
    return Impairments(parse(Harm.DROP, text), seed=seed)


def hits(impairments: Impairments, name: str, count: int, *, ours: bool = True) -> list[int]:
    """Which of the next ``count`` segments of that name are dropped; the first is 1."""
    return [n for n in range(1, count + 1) if impairments.treat(name, ours=ours).dropped]


@pytest.mark.parametrize(
    ("text", "picks"),
    [
        ("syn:1,synack:2", [Pick("syn", 1), Pick("synack", 2)]),
        ("syn", [Pick("syn", 1)]),
        ("7", [Pick("any", 7)]),
        ("5%", [Pick("any", chance=0.05)]),
        ("0.05", [Pick("any", chance=0.05)]),
        (".5", [Pick("any", chance=0.5)]),
        ("100%", [Pick("any", chance=1.0)]),
        ("theirdata:2.5%, ours:3", [Pick("theirdata", chance=0.025), Pick("ours", 3)]),
    ],
)
def test_which_segments(text: str, picks: list[Pick]) -> None:
    assert parse(Harm.DROP, text) == tuple(Impairment(Harm.DROP, pick) for pick in picks)


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("syn:1=20ms", 20 * MILLISECOND),
        ("syn:1=1.5", 1500 * MILLISECOND),
        ("syn:1=2s", 2000 * MILLISECOND),
        ("5%", DELAY),
    ],
)
def test_for_how_long(text: str, delay: int) -> None:
    assert parse(Harm.DELAY, text)[0].delay == delay


@pytest.mark.parametrize(
    ("harm", "text", "told"),
    [
        (Harm.DROP, "sin:1", "'sin' in 'sin:1' is no segment: syn, ack"),
        (Harm.DROP, "syn:0", "'0' in 'syn:0' does not say which"),
        (Harm.DROP, "syn:-1", "'-1' in 'syn:-1' does not say which"),
        (Harm.DROP, "101%", "'101%' in '101%' does not say which"),
        (Harm.DROP, "1.5", "'1.5' in '1.5' does not say which"),
        (Harm.DROP, "", "'' in '' does not say which"),
        (Harm.DROP, "nan", "'nan' in 'nan' is no segment"),
        (Harm.DROP, "syn:1=20ms", "'syn:1=20ms' in 'syn:1=20ms' has a time"),
        (Harm.DELAY, "syn:1=soon", "'soon' in 'syn:1=soon' is no time"),
        (Harm.DELAY, "syn:1=0", "'0' in 'syn:1=0' is not between"),
        (Harm.DELAY, "syn:1=61", "'61' in 'syn:1=61' is not between"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(harm: Harm, text: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(told)}"):
        parse(harm, text)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(Harm.DELAY, text)
    except ValueError:
        return
    assert all(one.pick.name in NAMES and one.delay > 0 for one in found)


def test_a_name_counts_by_itself() -> None:
    harmed = drops("syn:1,syn:3,ack:2")
    assert hits(harmed, "syn", 4) == [1, 3]
    assert hits(harmed, "ack", 3) == [2]


def test_a_number_counts_all_or_one_direction() -> None:
    harmed = drops("2,theirs:2")
    assert not harmed.treat("syn", ours=True).dropped
    assert harmed.treat("synack", ours=False).dropped
    assert not harmed.treat("ack", ours=True).dropped
    assert harmed.treat("theirdata", ours=False).dropped


def test_chance_is_the_seeds() -> None:
    first = hits(drops("5%", seed=3), "data", 2000)
    assert 60 < len(first) < 140
    assert hits(drops("5%", seed=3), "data", 2000) == first
    assert hits(drops("5%", seed=4), "data", 2000) != first


def test_chance_in_one_direction_does_not_hang_on_the_other() -> None:
    alone = hits(drops("20%"), "data", 100)
    mixed = drops("20%")
    found = []
    for n in range(1, 101):
        mixed.treat("theirack", ours=False)
        found += [n] if mixed.treat("data", ours=True).dropped else []
    assert found == alone


def test_what_was_asked_in_vain_is_told() -> None:
    harmed = Impairments([*parse(Harm.DROP, "data:2,syn:1,5%"), *parse(Harm.DELAY, "9=1ms")])
    harmed.treat("syn", ours=True)
    harmed.treat("data", ours=True)
    assert harmed.missed() == ["drop data:2", "delay any:9"]
    assert harmed.met("syn")
    assert not harmed.met("fin")


@pytest.mark.parametrize(("text", "count"), [("0%", 0), ("100%", 50)])
def test_never_and_always(text: str, count: int) -> None:
    assert len(hits(drops(text), "data", 50)) == count


def test_several_harms_at_once() -> None:
    wanted = [
        *parse(Harm.DUPLICATE, "data:1"),
        *parse(Harm.DELAY, "data:1=20ms"),
        *parse(Harm.CORRUPT, "data:1,data:2"),
        *parse(Harm.DROP, "data:2"),
    ]
    harmed = Impairments(wanted)
    treatment = harmed.treat("data", ours=True)
    assert treatment == Treatment(corrupted=True, copies=1, delay=20 * MILLISECOND)
    assert treatment.note == "corrupted and delayed by 20 ms by rawshake"
    assert harmed.treat("data", ours=True) == Treatment(dropped=True)
    assert harmed.treat("data", ours=True) is UNHARMED


def test_what_is_held_back_is_waited_for() -> None:
    assert Road[str]().empty
    road: Road[str] = Road()
    assert road.until(3) == 3
    road.hold(held("late"), Treatment(delay=30), 0)
    road.hold(held("overtaken"), Treatment(swapped=True), 0)
    assert not road.empty
    assert road.until(3) == PATIENCE


def held(name: str, *, ours: bool = True) -> Held[str]:
    return Held(name, 1, "", ours)


def gone(road: Road[str], now: int) -> list[str]:
    """What goes on by then, in order."""
    found = []
    while (one := road.due(now)) is not None:
        found.append(one.item)
    return found


def test_what_is_delayed_goes_on_in_its_time_and_in_order() -> None:
    road: Road[str] = Road()
    road.hold(held("late"), Treatment(delay=30), 0)
    road.hold(held("soon"), Treatment(delay=20), 5)
    road.hold(held("soon too"), Treatment(delay=20), 5)
    assert road.deadline() == 25
    assert gone(road, 24) == []
    assert gone(road, 25) == ["soon", "soon too"]
    assert road.deadline() == 30
    assert gone(road, 99) == ["late"]
    assert road.deadline() is None


def test_what_is_to_be_overtaken_follows_the_next_of_its_direction() -> None:
    road: Road[str] = Road()
    road.hold(held("overtaken"), Treatment(swapped=True), 0)
    road.passed(3, ours=False)
    assert gone(road, 3) == []
    road.passed(4, ours=True)
    assert gone(road, 4) == ["overtaken"]


def test_it_does_not_wait_for_ever() -> None:
    road: Road[str] = Road()
    road.hold(held("overtaken"), Treatment(swapped=True), 7)
    assert road.deadline() == 7 + PATIENCE
    assert gone(road, 6 + PATIENCE) == []
    assert gone(road, 7 + PATIENCE) == ["overtaken"]


def test_a_copy_follows_at_once() -> None:
    road: Road[str] = Road()
    road.hold(held("copy"), Treatment(copies=1), 7)
    assert gone(road, 7) == ["copy"]
