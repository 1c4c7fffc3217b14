"""pcapng in both byte orders: sections, interfaces, resolutions of time, all blocks with packets, and damage."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.link import Direction
from rawshake.trace.model import Damage, LinkType
from tests.trace.test_pcap import read
from tests.trace.written import SECOND, START, Pcapng

LITTLE = Pcapng()
NOW = START + 123_456_789


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_block_with_a_packet_is_read_and_others_are_passed_over(order: str) -> None:
    ng = Pcapng(order)
    comment = ng.option(1, b"a comment")
    file = b"".join(
        (
            ng.section(comment, ng.option(4, b"written by hand")),
            ng.block(0x0BAD, b"a custom block"),
            ng.interface(ng.option(2, b"eth0"), snap=9),
            ng.enhanced(7, b"enhanced"),
            ng.block(4, bytes(4)),  # names
            ng.enhanced(8, b"with options", comment, original=77),
            ng.obsolete(9, b"obsolete", comment),
            ng.simple(b"simple one"[:9], original=10),
            ng.block(5, bytes(12)),  # statistics
            ng.enhanced(10, b""),
        )
    )
    found, damage = read(file)
    assert damage is None
    assert [record.data for record in found] == [b"enhanced", b"with options", b"obsolete", b"simple on", b""]
    assert [record.time for record in found] == [7000, 8000, 9000, 0, 10000]
    assert [record.original_length for record in found] == [8, 77, 8, 10, 0]
    assert [record.number for record in found] == [1, 2, 3, 4, 5]
    for record in found:
        assert record.data in file[record.offset :][:60]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("exponent", "of_two", "units"),
    [
        (0, False, NOW // SECOND),
        (3, False, NOW // 10**6),
        (6, False, NOW // 1000),
        (7, False, NOW // 100),
        (9, False, NOW),
        (12, False, (NOW * 1000) % 2**64),
        (0, True, NOW // SECOND),
        (10, True, NOW * 2**10 // SECOND),
        (20, True, NOW * 2**20 // SECOND),
        (32, True, NOW * 2**32 // SECOND),
    ],
)
def test_every_resolution_of_time(order: str, exponent: int, of_two: bool, units: int) -> None:
    ng = Pcapng(order)
    resolution = ng.resolution(exponent, of_two=of_two)
    file = ng.section() + ng.interface(resolution) + ng.enhanced(units, b"x") + ng.obsolete(units, b"y")
    found, damage = read(file)
    assert damage is None
    per_second = 2**exponent if of_two else 10**exponent
    assert [record.time for record in found] == [units * SECOND // per_second] * 2
    if exponent != 12:
        assert abs(found[0].time - NOW) <= SECOND // per_second + 1


@pytest.mark.parametrize("seconds", [0, 3600, -3600, 1_700_000_000])
def test_times_have_an_offset_in_seconds(seconds: int) -> None:
    file = LITTLE.section() + LITTLE.interface(LITTLE.offset(seconds)) + LITTLE.enhanced(5_000_000_000, b"x")
    (record,), _ = read(file)
    assert record.time == (5000 + seconds) * SECOND


def test_interfaces_are_counted_in_each_section_which_may_have_another_byte_order() -> None:
    big = Pcapng(">")
    file = b"".join(
        (
            LITTLE.section(),
            LITTLE.interface(),
            LITTLE.interface(LITTLE.resolution(9), link_type=LinkType.RAW),
            LITTLE.enhanced(1, b"a", interface=1),
            LITTLE.enhanced(1, b"b", interface=0),
            big.section(),
            big.interface(link_type=LinkType.LINUX_SLL2),
            big.enhanced(1, b"c"),
        )
    )
    found, damage = read(file)
    assert damage is None
    assert [(r.data, r.interface, r.link_type, r.time) for r in found] == [
        (b"a", 1, LinkType.RAW, 1),
        (b"b", 0, LinkType.ETHERNET, 1000),
        (b"c", 0, LinkType.LINUX_SLL2, 1000),
    ]


@pytest.mark.parametrize("order", ["<", ">"])
def test_flags_tell_the_direction(order: str) -> None:
    ng = Pcapng(order)
    wanted = [Direction.UNKNOWN, Direction.IN, Direction.OUT, Direction.UNKNOWN, Direction.IN]
    flags = [0, 1, 2, 3, 0b11101]
    packets = b"".join(ng.enhanced(0, b"x", ng.option(1, b"c"), ng.flags(flag)) for flag in flags)
    found, _ = read(ng.section() + ng.interface() + packets)
    assert [record.direction for record in found] == wanted


def test_options_that_cannot_be_read_do_not_cost_the_packet() -> None:
    bad = struct.pack("<HH", 1, 4000)
    file = LITTLE.section() + LITTLE.interface() + LITTLE.enhanced(1, b"abcd", bad) + LITTLE.enhanced(2, b"e")
    found, damage = read(file)
    assert damage is None
    assert [record.data for record in found] == [b"abcd", b"e"]


@given(st.integers(1, 100), st.lists(st.binary(max_size=80), max_size=15))
def test_the_size_of_the_chunks_does_not_matter(size: int, packets: list[bytes]) -> None:
    file = LITTLE.file(packets)
    assert read(file, size) == read(file)
    assert [record.data for record in read(file, size)[0]] == packets


@pytest.mark.parametrize("order", ["<", ">"])
def test_what_stands_before_the_end_is_read_wherever_that_is(order: str) -> None:
    ng = Pcapng(order)
    blocks = [
        ng.section(),
        ng.interface(),
        ng.enhanced(1, b"abc"),
        ng.enhanced(2, b"d", ng.flags(1)),
        ng.simple(b"e"),
    ]
    ends = [sum(map(len, blocks[: count + 1])) for count in range(len(blocks))]
    file = b"".join(blocks)
    whole, _ = read(file)
    for end in range(4, len(file)):
        found, damage = read(file[:end])
        complete = max(0, sum(its_end <= end for its_end in ends) - 2)
        assert found == whole[:complete]
        if end in ends:
            assert damage is None
        else:
            assert damage is not None
            assert damage.offset == max([0, *(its_end for its_end in ends if its_end <= end)])


def changed(block: bytes, at: int, value: int) -> bytes:
    return block[:at] + struct.pack("<I", value) + block[at + 4 :]


HEAD = LITTLE.section() + LITTLE.interface()
PACKET = LITTLE.enhanced(1, b"packet")


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (changed(PACKET, 4, 13), "claims 13 octets"),
        (changed(PACKET, 4, 8), "claims 8 octets"),
        (changed(PACKET, 4, 0xFFFFFFF0), "claims 4294967280 octets"),
        (changed(PACKET, len(PACKET) - 4, 44), "two lengths differ"),
        (changed(PACKET, 8, 1), "contradicts itself"),  # an interface that is not there
        (changed(PACKET, 20, 4000), "contradicts itself"),
        (changed(LITTLE.section(), 8, 7), "byte-order magic"),
        (LITTLE.section(version=2), "version 2.0"),
        (LITTLE.interface(LITTLE.resolution(100)), "contradicts itself"),
        (LITTLE.interface(struct.pack("<HH", 1, 4000)), "contradicts itself"),
        (LITTLE.block(1, b"abcd"), "contradicts itself"),
        (LITTLE.section() + LITTLE.simple(b"no interface"), "contradicts itself"),
    ],
)
def test_damage_is_told_with_its_offset(tail: bytes, said: str) -> None:
    found, damage = read(HEAD + PACKET + tail + PACKET)
    assert [record.data for record in found] == [b"packet"]
    assert isinstance(damage, Damage)
    assert said in damage.problem
    before = len(HEAD + PACKET)
    assert damage.offset in (before, before + len(LITTLE.section()))


def test_there_may_not_be_more_interfaces_than_memory_bears() -> None:
    file = LITTLE.section() + LITTLE.interface() * 65_537
    found, damage = read(file)
    assert not found
    assert damage is not None
    assert "65536 interfaces" in damage.problem
