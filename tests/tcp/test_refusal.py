"""How an end without a connection answers, by the letter of RFC 9293 3.10.7.1."""

from __future__ import annotations

import pytest

from rawshake.tcp.notation import parse_segment
from rawshake.tcp.refusal import refusal
from rawshake.tcp.segment import Flags
from rawshake.tcp.seq import Seq


@pytest.mark.parametrize(
    ("text", "seq", "ack"),
    [
        ("S =4294967295:4294967295(0)", 0, 0),
        ("S =7:17(10)", 0, 18),
        ("FP =7:10(3)", 0, 11),
        (". =7:7(0) ack =9", 9, None),
        ("S. =7:7(0) ack =9", 9, None),
    ],
)
def test_what_came_says_where_the_reset_stands(text: str, seq: int, ack: int | None) -> None:
    segment = parse_segment(text, src=("192.0.2.1", 40000), dst=("192.0.2.2", 80))
    assert refusal(segment) == (Flags.RST, Seq(seq), None if ack is None else Seq(ack))
