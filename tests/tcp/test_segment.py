"""A segment's arithmetic and what its options say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from rawshake.tcp import option
from rawshake.tcp.segment import FLAG_LETTERS, Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from tests.tcp.strategies import segments

BARE = Segment(src="192.0.2.1", dst="192.0.2.2", sport=40000, dport=80, seq=Seq(0xFFFFFFFF))


@pytest.mark.parametrize(
    ("flags", "octets", "length", "data_at", "fin_at"),
    [
        (Flags.ACK, 0, 0, 0xFFFFFFFF, None),
        (Flags.SYN, 0, 1, 0, None),
        (Flags.SYN, 10, 11, 0, None),
        (Flags.FIN, 0, 1, 0xFFFFFFFF, 0xFFFFFFFF),
        (Flags.FIN | Flags.ACK, 10, 11, 0xFFFFFFFF, 9),
        (Flags.SYN | Flags.FIN, 10, 12, 0, 10),
        (Flags.RST, 10, 10, 0xFFFFFFFF, None),
        (Flags.PSH | Flags.URG | Flags.ECE | Flags.CWR, 1, 1, 0xFFFFFFFF, None),
    ],
)
def test_length_counts_payload_syn_and_fin(
    flags: Flags, octets: int, length: int, data_at: int, fin_at: int | None
) -> None:
    segment = replace(BARE, flags=flags, payload=bytes(octets), payload_length=-1)
    assert segment.length == length
    assert segment.end == Seq(0xFFFFFFFF + length)
    assert segment.data_seq == Seq(data_at)
    assert segment.fin_seq == (None if fin_at is None else Seq(fin_at))


@given(segments())
def test_length_adds_up(segment: Segment) -> None:
    assert segment.length == segment.payload_length + segment.syn + segment.fin
    assert segment.end - segment.seq == segment.length
    assert segment.v6 is (":" in segment.dst)
    assert segment.has_ack is (Flags.ACK in segment.flags)
    assert segment.rst is (Flags.RST in segment.flags)


def test_a_cut_payload_keeps_its_length() -> None:
    segment = replace(BARE, payload=b"abc", payload_length=1460)
    assert segment.length == 1460


def test_flags_print_as_packetdrill_has_them() -> None:
    assert str(Flags.SYN | Flags.ACK) == "S."
    assert str(Flags.FIN | Flags.PSH | Flags.ACK) == "FP."
    assert str(Flags.SYN | Flags.ECE | Flags.CWR) == "SEW"
    assert str(Flags(0)) == "-"
    assert str(Flags(0xFFF)) == "".join(FLAG_LETTERS)


def test_every_header_bit_has_a_letter() -> None:
    assert sum(FLAG_LETTERS.values()) == 0xFFF


def test_options_by_meaning() -> None:
    blocks = ((Seq(5), Seq(9)), (Seq(20), Seq(30)))
    made = (option.mss(1460), option.SACK_PERMITTED, option.timestamps(7, 8), option.wscale(9))
    segment = replace(BARE, options=(*made, option.sack(*blocks)))
    assert segment.mss == 1460
    assert segment.sack_permitted
    assert segment.timestamps == (7, 8)
    assert segment.wscale == 9
    assert segment.sack == blocks


def test_without_options_nothing_is_told() -> None:
    assert (BARE.mss, BARE.wscale, BARE.timestamps, BARE.sack_permitted, BARE.sack) == (
        None,
        None,
        None,
        False,
        (),
    )


def test_a_defective_option_has_no_meaning_and_hides_no_good_one() -> None:
    octets = bytes.fromhex("0203 05 0204 05b4 0304 0700 0503 00")
    segment = replace(BARE, options=option.parse(octets))
    assert len(segment.options) == 4
    assert segment.mss == 1460
    assert segment.wscale is None
    assert segment.sack == ()


@given(segments())
def test_reading_options_never_fails(segment: Segment) -> None:
    for value in (segment.mss, segment.wscale):
        assert value is None or 0 <= value <= 65535
    assert segment.timestamps is None or len(segment.timestamps) == 2
    assert all(isinstance(edge, Seq) for block in segment.sack for edge in block)


def test_usual_values() -> None:
    assert (BARE.checksum, BARE.ttl, BARE.ecn, BARE.defects) == (Checksum.CORRECT, 64, 0, ())
