"""Which ICMP errors an end believes."""

from __future__ import annotations

import pytest

from rawshake.tcp.decode import IcmpError, decode
from rawshake.tcp.notation import parse_segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.unreachable import gets_nowhere
from rawshake.tcp.view import End, View
from tests.memory import icmp, packed


@pytest.mark.parametrize(
    ("kind", "code", "seq", "believed"),
    [
        (3, 0, 100, True),
        (3, 1, 150, True),
        (11, 0, 200, True),
        (3, 4, 100, False),
        (11, 1, 100, False),
        (12, 0, 100, False),
        (3, 1, 99, False),
        (3, 1, 201, False),
    ],
)
def test_what_is_believed(kind: int, code: int, seq: int, believed: bool) -> None:
    """Only of what is outstanding, 100 to 200: RFC 5927 section 4.1."""
    quoted = parse_segment(f". ={seq}:{seq}(0) ack =1", src=("192.0.2.1", 40000), dst=("192.0.2.2", 80))
    error = decode(icmp(packed(quoted), kind, code))
    assert isinstance(error, IcmpError)
    assert gets_nowhere(error, View(End.CLIENT, una=Seq(100), nxt=Seq(200))) is believed
    assert not gets_nowhere(error, View(End.CLIENT))
