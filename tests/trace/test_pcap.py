"""pcap in both byte orders, with either fraction, and as patched long ago; where it ends too early."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.trace.model import Damage, LinkType, Record
from rawshake.trace.pcap import LARGEST
from rawshake.trace.read import records
from tests.trace.written import START, pcap

PACKETS = [b"first", b"", b"third one", bytes(range(256)) * 5]


def read(file: bytes, size: int = 1 << 20) -> tuple[list[Record], Damage | None]:
    """What could be read of a file that comes in chunks of ``size`` octets, and what ended it."""
    found: list[Record] = []
    try:
        found.extend(records(file[at : at + size] for at in range(0, len(file), size)))
    except Damage as damage:
        # ``extend`` keeps what came before.
        return found, damage
    return found, None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["micro", "nano", "modified"])
def test_every_kind_is_read(order: str, kind: str) -> None:
    step = 1 if kind == "nano" else 1000
    file = pcap(PACKETS, order=order, nano=kind == "nano", modified=kind == "modified", step=step)
    found, damage = read(file)
    assert damage is None
    assert [record.data for record in found] == PACKETS
    assert [record.number for record in found] == [1, 2, 3, 4]
    assert [record.time for record in found] == [START + at * step for at in range(4)]
    assert {record.link_type for record in found} == {LinkType.ETHERNET}
    for record in found:
        header = 24 if kind == "modified" else 16
        assert file[record.offset + header :].startswith(record.data)


def test_the_frame_check_sequence_is_no_part_of_the_link_type() -> None:
    (record,), _ = read(pcap([b"x"], link_type=LinkType.LINUX_SLL2, fcs=4))
    assert record.link_type == LinkType.LINUX_SLL2


def test_what_was_cut_is_known() -> None:
    found, damage = read(pcap(PACKETS, snap=6))
    assert damage is None
    assert [(len(record.data), record.original_length) for record in found] == [
        (5, 5),
        (0, 0),
        (6, 9),
        (6, 1280),
    ]


@given(st.integers(1, 200), st.lists(st.binary(max_size=100), max_size=20))
def test_the_size_of_the_chunks_does_not_matter(size: int, packets: list[bytes]) -> None:
    file = pcap(packets)
    assert read(file, size) == read(file)
    assert [record.data for record in read(file, size)[0]] == packets


def test_a_record_comes_as_soon_as_it_is_complete() -> None:
    given_out = 0

    def growing(file: bytes) -> Iterator[bytes]:
        nonlocal given_out
        for at in range(len(file)):
            given_out = at + 1
            yield file[at : at + 1]

    file = pcap(PACKETS)
    ends = [24 + sum(16 + len(packet) for packet in PACKETS[: count + 1]) for count in range(4)]
    assert [given_out for _ in records(growing(file))] == ends


@pytest.mark.parametrize("modified", [False, True])
def test_what_stands_before_the_end_is_read_wherever_that_is(modified: bool) -> None:
    file = pcap(PACKETS[:3], modified=modified)
    whole, _ = read(file)
    header = 24 if modified else 16
    ends = [record.offset + header + len(record.data) for record in whole]
    for end in range(4, len(file)):
        found, damage = read(file[:end])
        complete = [record for record, its_end in zip(whole, ends, strict=True) if its_end <= end]
        assert found[: len(complete)] == complete
        if end == 24 or end in ends:
            assert damage is None
            assert len(found) == len(complete)
            continue
        assert damage is not None
        assert damage.offset == (end if end < 24 else max([24, *(e for e in ends if e <= end)]))
        assert str(damage).endswith(f"(at octet {damage.offset})")
        # Of a record that is cut there is as much as there is.
        for part in found[len(complete) :]:
            assert whole[len(complete)].data.startswith(part.data)
            assert part.original_length == whole[len(complete)].original_length


def test_a_length_that_cannot_be_is_damage_and_costs_no_memory() -> None:
    file = pcap(PACKETS[:1])

    def endless() -> Iterator[bytes]:
        yield file + struct.pack("<IIII", 0, 0, LARGEST + 1, LARGEST + 1)
        raise AssertionError

    found: list[Record] = []
    with pytest.raises(Damage) as damaged:
        found.extend(records(endless()))
    assert damaged.value.offset == len(file)
    assert str(LARGEST + 1) in damaged.value.problem


def test_the_longest_record_is_read() -> None:
    ((record,), damage) = read(pcap([bytes(LARGEST)], snap=LARGEST), 1000)
    assert damage is None
    assert len(record.data) == LARGEST
