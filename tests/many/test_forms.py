"""Forms: what may be learned from an exchange, and what holds too much that differs from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rawshake.many import forms
from rawshake.many.forms import PACKETS, Event, Forms
from rawshake.tcp import option
from rawshake.tcp.notation import parse_exchange
from rawshake.tcp.segment import Segment
from tests.memory import packed

CLOSED = [
    "> S 0:0(0) win 100 <mss 1460>",
    "< S. 0:0(0) ack 1 win 100 <mss 1460>",
    "> . 1:1(0) ack 1 win 100",
    "> F. 1:1(0) ack 1 win 100",
    "< F. 1:1(0) ack 2 win 100",
    "> . 2:2(0) ack 2 win 100",
]
LATER = [*CLOSED[:4], "< . 1:1(0) ack 2 win 100", *CLOSED[4:]]


def segments(lines: Sequence[str], isns: tuple[int, int] = (7, 9)) -> list[Segment]:
    text = "\n".join(lines)
    return [line.segment for line in parse_exchange(text, client_isn=isns[0], server_isn=isns[1])]


def events(lines: Sequence[str], isns: tuple[int, int] = (7, 9)) -> list[Event]:
    found = segments(lines, isns)
    return [Event(one.src == found[0].src, packed(one)) for one in found]


def learned(lines: Sequence[str]) -> tuple[bool, Forms]:
    known = Forms(packed(segments(CLOSED)[0]))
    return known.learn(events(lines)), known


def test_an_ordinary_close_is_learned_once() -> None:
    taken, known = learned(CLOSED)
    assert taken
    nodes = len(known.nodes)
    assert known.learn(events(CLOSED, (0xFFFF_FFFF, 0x8000_0000)))
    assert len(known.nodes) == nodes == 3


def test_roads_part_where_they_differ() -> None:
    _, known = learned(CLOSED)
    version = known.version
    assert known.learn(events(LATER))
    assert known.version > version
    assert [len(node.edges) for node in known.nodes] == [1, 2, 0, 1, 0]


@pytest.mark.parametrize(
    "lines",
    [
        CLOSED[:1] * 2,
        ["< S 0:0(0) win 100"],
        [CLOSED[0], "< . 5:5(0) ack 1 win 100", *CLOSED[1:]],
        [*CLOSED[:4], "< P. 1:3(2) ack 2 win 100", *CLOSED[4:]],
        [*CLOSED[:4], *["< . 1:1(0) ack 2 win 100"] * PACKETS],
    ],
    ids=["a SYN twice", "their SYN", "an ACK before the SYN,ACK", "data", "too many"],
)
def test_what_has_no_form(lines: list[str]) -> None:
    assert not learned(lines)[0]


def stamped(stamps: Sequence[tuple[int, int]]) -> bool:
    """Whether an ordinary close with these timestamps is learned."""
    plain = segments(CLOSED)
    both = [
        replace(one, options=(*one.options, option.NOP, option.NOP, option.timestamps(*stamp)))
        for one, stamp in zip(plain, stamps, strict=True)
    ]
    known = Forms(packed(both[0]))
    return known.learn([Event(one.src == plain[0].src, packed(one)) for one in both])


@pytest.mark.parametrize(
    ("stamps", "has_form"),
    [
        ([(1, 0), (90, 1), (2, 90), (2, 90), (91, 2), (3, 91)], True),
        (
            [(1, 0), (90, 1), (2, 90), (3, 90), (91, 2), (3, 91)],
            True,
        ),  # of an earlier one, but of one of ours
        ([(1, 0), (90, 7), (2, 90), (2, 90), (91, 2), (3, 91)], False),
        ([(1, 0), (90, 1), (2, 90), (2, 90), (91, 2), (3, 92)], False),
        ([(1, 5), (90, 1), (2, 90), (2, 90), (91, 2), (3, 91)], False),
    ],
    ids=["right", "late", "theirs echoes nothing", "ours echoes nothing", "a SYN echoes"],
)
def test_timestamps_must_tell_of_those_before(stamps: list[tuple[int, int]], has_form: bool) -> None:
    assert stamped(stamps) is has_form


def test_it_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "MOST", 20)
    _, known = learned(CLOSED)
    for window in range(100):
        known.learn(
            events([line.replace("win 100", f"win {window}") if "<" in line[:1] else line for line in CLOSED])
        )
    assert len(known.nodes) <= 20
