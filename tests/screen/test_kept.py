"""Packets that are kept are the same, whether their buffer is held on to or not."""

from __future__ import annotations

import numpy as np

from rawshake.link import Frame
from rawshake.screen.columns import Columns
from rawshake.screen.kept import BUFFERS, Kept
from rawshake.screen.road import columns_of
from rawshake.screen.rows import joined

_PACKETS = [bytes([0x45, 0, 0, 40, *([number] * 36)]) for number in range(64)]


def kept(first: int = 0, count: int = 64) -> Kept[Columns]:
    frames = [Frame(number, _PACKETS[number], number=number) for number in range(first, first + count)]
    rows, octets = columns_of(frames, 0)
    return Kept(rows, [octets])


def packets(one: Kept[Columns]) -> list[bytes]:
    return [one.frame(row).packet for row in range(len(one.rows))]


def test_a_buffer_that_is_in_use_is_held_on_to_and_one_that_is_hardly_is_not() -> None:
    whole = kept()
    most, few = np.arange(48), np.array([3, 60])
    assert whole.only(most).parts == whole.parts
    sparse = whole.only(few)
    assert sum(map(len, sparse.parts)) == 80
    assert (packets(whole.only(most)), packets(sparse)) == (_PACKETS[:48], [_PACKETS[3], _PACKETS[60]])


def test_what_is_held_on_to_and_what_is_copied_stand_side_by_side() -> None:
    parts: list[bytes] = []
    one, other = kept(0, 32), kept(32, 32)
    first, second = one.behind(parts), other.behind(parts)
    assert len(parts) == 2
    both = Kept(first, parts).only(np.arange(32)), Kept(second, parts).only(np.array([1]))
    assert [len(each.parts) for each in both] == [1, 1]
    assert packets(both[0]) + packets(both[1]) == [*_PACKETS[:32], _PACKETS[33]]


def test_memory_is_bounded_however_many_buffers_there_are() -> None:
    parts: list[bytes] = []
    pieces = [kept(2 * number, 2).behind(parts) for number in range(3 * BUFFERS)]
    left = Kept(joined(pieces), parts).only(np.arange(6 * BUFFERS))
    assert len(left.parts) == BUFFERS + 1
    assert packets(left) == _PACKETS[: 6 * BUFFERS]
