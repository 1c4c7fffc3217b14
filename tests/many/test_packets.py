"""What is patched equals what Scapy would build, and what is recognised is what was meant, octet for octet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.many.packets import ROW, Shape, Template
from rawshake.many.stamps import stamps_at
from rawshake.net.craft import build
from rawshake.tcp import option
from rawshake.tcp.option import Option
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq

ADDRESSES = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
NUMBERS = st.integers(0, 0xFFFF_FFFF) | st.sampled_from([0, 1, 0xFFFF, 0x10000, 0xFFFF_0000, 0xFFFF_FFFF])
PORTS = st.integers(1, 0xFFFF)
OPTIONS = [(), (option.mss(1460),), (option.mss(65495), option.NOP, option.wscale(7), option.SACK_PERMITTED)]


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    src, dst = ADDRESSES[draw(st.sampled_from([4, 6]))]
    return Segment(
        src=src,
        dst=dst,
        sport=draw(PORTS),
        dport=draw(PORTS),
        seq=Seq(draw(NUMBERS)),
        ack=Seq(draw(NUMBERS)),
        flags=draw(st.sampled_from([Flags.SYN, Flags.ACK, Flags.FIN | Flags.ACK, Flags.RST])),
        window=draw(st.integers(0, 0xFFFF)),
        options=draw(st.sampled_from(OPTIONS)),
        ttl=draw(st.integers(1, 255)),
    )


def is_of(shape: Shape, packet: bytes, *, offloaded: bool = False) -> bool:
    rows = np.zeros((1, ROW), np.uint8)
    rows[0, : len(packet)] = np.frombuffer(packet, np.uint8)
    has = shape.has(rows, np.array([len(packet)]), np.array([offloaded]))
    return bool((has & shape.is_sound(rows))[0])


@given(segments(), st.lists(st.tuples(PORTS, NUMBERS, NUMBERS), min_size=1, max_size=5))
def test_patched_is_what_scapy_builds(segment: Segment, wanted: list[tuple[int, int, int]]) -> None:
    template = Template(build(segment, ident=7))
    ports, seqs, acks = (np.array(column, np.int64) for column in zip(*wanted, strict=True))
    rows = template.packets(ports, seqs, acks)
    for row, (port, seq, ack) in zip(rows, wanted, strict=True):
        assert row.tobytes() == build(replace(segment, sport=port, seq=Seq(seq), ack=Seq(ack)), ident=7)


@given(segments(), st.tuples(PORTS, *[NUMBERS] * 4), st.sampled_from([0, 2, 4]))
def test_patched_timestamps_are_what_scapy_builds(
    segment: Segment, wanted: tuple[int, int, int, int, int], before: int
) -> None:
    def stamped(value: int, echo: int) -> Segment:
        options = (*[option.NOP] * before, option.timestamps(value, echo))
        return replace(segment, options=options)

    packet = build(stamped(1, 2), ident=7)
    template = Template(packet, stamps_at(packet))
    port, seq, ack, value, echo = (np.array([one], np.int64) for one in wanted)
    (row,) = template.packets(port, seq, ack, (value, echo))
    right = replace(stamped(*wanted[3:]), sport=wanted[0], seq=Seq(wanted[1]), ack=Seq(wanted[2]))
    assert row.tobytes() == build(right, ident=7)


@pytest.mark.parametrize(
    ("options", "at"),
    [
        ((), None),
        ((option.NOP, option.timestamps(1, 2)), None),  # across two words
        ((option.timestamps(1, 2),), 42),
        ((option.mss(7), option.NOP, option.wscale(2), option.timestamps(1, 2)), 50),
        ((Option(0, b""), option.timestamps(1, 2)), None),  # behind the end of options
        ((Option(8, bytes(7), 9),), None),
        ((Option(8, bytes(2), 10),), None),
    ],
)
def test_where_timestamps_stand(options: tuple[Option, ...], at: int | None) -> None:
    packet = build(
        Segment(src="192.0.2.1", dst="192.0.2.2", sport=1, dport=2, seq=Seq(3), options=options), ident=7
    )
    assert stamps_at(packet) == at


@given(segments(), PORTS, NUMBERS, NUMBERS, st.integers(1, 0xFFFF))
def test_other_numbers_are_of_the_same_shape(
    segment: Segment, port: int, seq: int, ack: int, ident: int
) -> None:
    shape = Shape(build(segment, ident=7), offloaded=False)
    other = build(replace(segment, dport=port, seq=Seq(seq), ack=Seq(ack)), ident=ident)
    assert is_of(shape, other)


@given(segments(), st.data())
def test_anything_else_that_differs_is_seen(segment: Segment, data: st.DataObject) -> None:
    packet = bytearray(build(segment, ident=7))
    shape = Shape(bytes(packet), offloaded=False)
    assert is_of(shape, bytes(packet))
    # Identification, our port and the numbers may differ, but then the checksums do not fit any more; what a
    # flow label is, no checksum tells.
    free = {1, 2, 3} if segment.v6 else set()
    at = data.draw(st.integers(0, len(packet) - 1).filter(lambda at: at not in free))
    packet[at] ^= data.draw(st.integers(1, 255))
    assert not is_of(shape, bytes(packet))


def test_what_was_left_to_the_hardware_is_of_another_shape() -> None:
    packet = build(Segment(src="192.0.2.1", dst="192.0.2.2", sport=1, dport=2, seq=Seq(3)), ident=7)
    assert is_of(Shape(packet, offloaded=True), packet, offloaded=True)
    assert not is_of(Shape(packet, offloaded=True), packet)
    assert not is_of(Shape(packet, offloaded=False), packet, offloaded=True)


@pytest.mark.parametrize("more", [b"\0", b"x"])
def test_longer_is_of_another_shape(more: bytes) -> None:
    segment = Segment(src="192.0.2.1", dst="192.0.2.2", sport=1, dport=2, seq=Seq(3))
    shape = Shape(build(segment, ident=7), offloaded=False)
    assert not is_of(shape, build(replace(segment, payload=more, payload_length=1), ident=7))
