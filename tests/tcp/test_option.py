"""Options keep every octet and name what is malformed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.tcp import option
from rawshake.tcp.notation import parse_options
from rawshake.tcp.option import Kind, Option
from rawshake.tcp.seq import Seq
from tests.tcp.strategies import option_octets, well_formed_options


@given(option_octets() | st.binary(max_size=300))
def test_no_octet_is_lost_or_repaired(octets: bytes) -> None:
    assert b"".join(found.wire for found in option.parse(octets)) == octets


@given(option_octets())
def test_only_the_last_can_end_the_walk(octets: bytes) -> None:
    for found in option.parse(octets)[:-1]:
        assert found.kind != Kind.EOL
        assert found.kind == Kind.NOP or found.length == len(found.data) + 2


@given(st.lists(well_formed_options(), max_size=6))
def test_what_is_made_is_read_again(made: list[Option]) -> None:
    assert option.parse(b"".join(one.wire for one in made)) == tuple(made)


def test_the_options_of_an_ordinary_syn() -> None:
    made = (option.mss(1460), option.SACK_PERMITTED, option.timestamps(7, 0), option.NOP, option.wscale(7))
    octets = bytes.fromhex("020405b4 0402 080a0000000700000000 01 030307")
    assert b"".join(one.wire for one in made) == octets
    assert option.parse(octets) == made
    assert all(one.known for one in made)


def test_sack_blocks_cross_the_wrap() -> None:
    made = option.sack((Seq(0xFFFFFFF0), Seq(16)), (Seq(32), Seq(48)))
    assert made.wire == bytes.fromhex("0512 fffffff0 00000010 00000020 00000030")
    assert option.parse(made.wire) == (made,)


@pytest.mark.parametrize(
    ("octets", "defect"),
    [
        ("02", "the header ends before its length"),
        ("0200", "length 0 is less than 2"),
        ("0201 ffff", "length 1 is less than 2"),
        ("0204 05", "length 4 runs past the header"),
        ("fdff", "length 255 runs past the header"),
        ("0203 05", "length 3 in place of 4"),
        ("0304 0700", "length 4 in place of 3"),
        ("0403 00", "length 3 in place of 2"),
        ("0809 00000000000000", "length 9 in place of 10"),
        ("0502", "length 2 is not 2 + 8n"),
        ("0506 00000000", "length 6 is not 2 + 8n"),
        ("00 01", "octets after the end of options are not zero"),
    ],
)
def test_defects_are_named(octets: str, defect: str) -> None:
    (found,) = option.parse(bytes.fromhex(octets))
    assert found.defect == defect
    assert not found.known
    assert found.wire == bytes.fromhex(octets)


def test_a_misfit_does_not_hide_what_follows() -> None:
    misfit, good = option.parse(bytes.fromhex("0203 05 030307"))
    assert not misfit.known
    assert good == option.wscale(7)


@pytest.mark.parametrize("octets", ["00", "0000", "000000"])
def test_zero_padding_after_the_end_is_no_defect(octets: str) -> None:
    (found,) = option.parse(bytes.fromhex(octets))
    assert found.known
    assert found.kind == Kind.EOL


@pytest.mark.parametrize("kind", [Kind.EOL, Kind.NOP])
def test_eol_and_nop_have_no_value(kind: Kind) -> None:
    assert option.make(kind, b"x") == Option(kind)
    assert option.make(kind).wire == bytes([kind])


OURS = "<mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>"


@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        ({Kind.MSS, Kind.SACK_PERMITTED, Kind.TIMESTAMPS, Kind.WSCALE}, OURS),
        ({Kind.MSS, Kind.TIMESTAMPS}, "<mss 1460,nop,nop,TS val 1 ecr 0>"),
        ({Kind.WSCALE}, "<mss 1460,nop,wscale 7>"),
        ({Kind.SACK_PERMITTED}, "<mss 1460,sackOK>"),
        (set(), "<mss 1460>"),
    ],
)
def test_an_answer_has_what_was_offered(offered: set[Kind], answer: str) -> None:
    assert option.answering(parse_options(OURS), frozenset(offered)) == parse_options(answer)


def test_an_answer_to_an_offer_of_everything_adds_nothing() -> None:
    mss = parse_options("<mss 1460>")
    assert option.answering(mss, frozenset(Kind)) == mss
