"""ICMP errors have a name for every type and code."""

from __future__ import annotations

import pytest

from rawshake.tcp.icmp import V4_TYPES, V6_TYPES, IcmpError


def error(kind: int, code: int, *, v6: bool) -> IcmpError:
    src, dst = ("2001:db8::ff", "2001:db8::1") if v6 else ("192.0.2.254", "192.0.2.1")
    return IcmpError(
        src=src,
        dst=dst,
        type=kind,
        code=code,
        v6=v6,
        quoted_src=dst,
        quoted_dst=src,
        quoted_sport=40000,
        quoted_dport=80,
    )


@pytest.mark.parametrize(
    ("kind", "code", "v6", "description"),
    [
        (3, 0, False, "network unreachable"),
        (3, 3, False, "port unreachable"),
        (3, 4, False, "fragmentation needed"),
        (3, 13, False, "communication administratively prohibited"),
        (3, 77, False, "destination unreachable, code 77"),
        (11, 0, False, "time to live exceeded"),
        (1, 0, True, "no route to destination"),
        (1, 3, True, "address unreachable"),
        (2, 0, True, "packet too big"),
        (3, 0, True, "hop limit exceeded"),
        (4, 9, True, "parameter problem, code 9"),
    ],
)
def test_descriptions(kind: int, code: int, v6: bool, description: str) -> None:
    assert error(kind, code, v6=v6).description == description


@pytest.mark.parametrize("v6", [False, True])
def test_every_type_and_code_has_a_description(v6: bool) -> None:
    for kind in V6_TYPES if v6 else V4_TYPES:
        assert all(error(kind, code, v6=v6).description for code in range(256))
