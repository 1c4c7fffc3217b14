"""The server's ISNs: what two rules find in thousands of connections, and what costs them nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from rawshake.judge import CaptureJudge
from rawshake.many.isns import Isns, Opened
from rawshake.profile import SECOND
from rawshake.rules import book

CLIENT, SERVER = "192.0.2.1", ("192.0.2.2", 80)
START = 1_700_000_000 * SECOND


def column(values: Sequence[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array(values, np.int64)


def found(
    isns: Sequence[int], *, batch: int = 7, ports: int = 50, step: int = 1_000_000
) -> list[tuple[str, int]]:
    """The findings, as rule and exchange, where servers choose these, one connection after the other."""
    judged = Isns(book(), CLIENT, SERVER)
    told = []
    for first in range(0, len(isns), batch):
        some = range(first, min(first + batch, len(isns)))
        opened = Opened(
            column([at + 1 for at in some]),
            column([40_000 + at % ports for at in some]),
            column([random.Random(at).getrandbits(32) for at in some]),
            column([isns[at] % 2**32 for at in some]),
            column([START + at * step for at in some]),
        )
        told += [(ruling.rule, number) for number, ruling in judged.add(opened)]
    return told


def linux(count: int, *, ports: int = 50, step: int = 1_000_000) -> list[int]:
    """A hash of the tuple and a clock that counts 64 ns."""
    hashes = [random.Random(port).getrandbits(32) for port in range(ports)]
    return [hashes[at % ports] + at * step // 64 for at in range(count)]


def test_what_linux_does_is_right() -> None:
    assert found(linux(1000)) == []


def test_the_rules_are_not_even_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(CaptureJudge, "connection")
    assert found(linux(300)) == []
    with pytest.raises(AttributeError):
        found([1000 + 64_000 * at for at in range(300)])


@pytest.mark.parametrize("batch", [1, 7, 300])
@pytest.mark.parametrize(
    "isns", [[64_000 * at for at in range(300)], [6510] * 300], ids=["steps", "constant"]
)
def test_numbers_that_can_be_guessed_are_told_once(isns: list[int], batch: int) -> None:
    told = [one for one in found(isns, batch=batch, ports=1000) if one[0] == "isn-differs-across-tuples"]
    assert len(told) == 1
    assert told[0][1] < 10


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_the_same_number_on_the_same_tuple(batch: int) -> None:
    hashes = [random.Random(port).getrandbits(32) for port in range(50)]
    told = found([hashes[at % 50] for at in range(100)], batch=batch)
    assert told == [("isn-clock-same-tuple", 51)]  # a host is charged once by a rule


def test_lower_numbers_are_a_note() -> None:
    numbers = [random.Random(at).getrandbits(32) for at in range(200)]
    assert {rule for rule, _ in found(numbers)} == {"isn-clock-same-tuple"}


def test_after_very_long_nothing_can_be_told() -> None:
    numbers = [random.Random(at).getrandbits(32) for at in range(200)]
    assert found(numbers, step=10 * SECOND) == []
