"""The notation's numbers, flags, options and quoted text come back as they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.tcp import option
from rawshake.tcp.option import Option
from rawshake.tcp.segment import Flags
from rawshake.tcp.seq import HALF, SPACE, Seq
from rawshake.tcp.words import (
    NotationError,
    content_text,
    distance,
    escape,
    number_text,
    options_text,
    parse_content,
    parse_flags,
    parse_hex,
    parse_number,
    parse_options,
    unescape,
)
from tests.tcp.strategies import option_lists, seqs


@given(seqs(), st.none() | seqs())
def test_numbers_come_back(number: Seq, base: Seq | None) -> None:
    assert parse_number(number_text(number, base), base, "") == number


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (0, "0"),
        (1, "1"),
        (-1, "-1"),
        (-(1 << 30), "-1073741824"),
        (HALF, "2147483648"),
        (3 << 30, "-1073741824"),
    ],
)
def test_numbers_a_window_before_the_base_are_negative(past: int, text: str) -> None:
    base = Seq(0xFFFFFFFF)
    assert number_text(base + past, base) == text
    assert str(distance(base + past, base)) == text


@given(st.text())
def test_escaped_text_comes_back_and_fits_on_a_line(text: str) -> None:
    escaped = escape(text, closing="]")
    assert escaped.isascii()
    assert escaped.isprintable() or not escaped
    assert unescape(escaped) == text


@given(st.binary())
def test_content_comes_back(payload: bytes) -> None:
    text = content_text(payload)
    back = parse_content(text[1:-1]) if text.startswith('"') else parse_hex(text.removeprefix("hex "))
    assert back == payload


def test_content_is_quoted_where_it_can_be_read() -> None:
    assert content_text(b'say "hi"\\\r\n') == r'"say \"hi\"\\\r\n"'
    assert content_text(b"\0\xff") == "hex 00ff"
    assert parse_content(r"\x00\xff\0") == b"\0\xff\0"


@given(st.integers(0, 0xFFF))
def test_flags_come_back(value: int) -> None:
    assert parse_flags(str(Flags(value))) == Flags(value)


def test_flags_are_taken_in_any_order() -> None:
    assert parse_flags(".S") == parse_flags("S.") == Flags.SYN | Flags.ACK


@given(option_lists(), st.none() | seqs())
def test_options_come_back(options: tuple[Option, ...], peer_isn: Seq | None) -> None:
    text = options_text(options, peer_isn=peer_isn)
    assert parse_options(text, peer_isn=peer_isn) == options
    assert parse_options(f" {text[1:-1]} ", peer_isn=peer_isn) == options


def test_options_as_packetdrill_has_them() -> None:
    text = "<mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>"
    made = (option.mss(1460), option.SACK_PERMITTED, option.timestamps(1, 0), option.NOP, option.wscale(7))
    assert options_text(made) == text
    assert parse_options(text) == made
    assert parse_options(text.lower().replace(",", " , ")) == made


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("", ""),
        ("<>", ""),
        ("<eol>", "00"),
        ("<nop,eol,eol>", "010000"),
        ("<FO>", "2202"),
        ("<FO 0a0b0c0d>", "22060a0b0c0d"),
        ("<kind 254 hex 0A0b>", "fe040a0b"),
        ("<kind 254>", "fe02"),
        ("<kind 1,kind 0>", "0100"),
        ("<sack 1:6 8:9>", "051200000001000000060000000800000009"),
        ("<sack =1:6>", "050a0000000100000006"),
        ("<mss 1460,raw 0200ff>", "020405b40200ff"),
        ("<eol,nop>", "0001"),
    ],
)
def test_octets_of_options(text: str, octets: str) -> None:
    assert parse_options(text) == option.parse(bytes.fromhex(octets))


def test_sack_blocks_count_from_the_isn_of_the_data() -> None:
    isn = Seq(SPACE - 1)
    made = (option.sack((Seq(0), Seq(5)), (Seq(7), Seq(8))),)
    assert options_text(made, peer_isn=isn) == "<sack 1:6 8:9>"
    assert options_text(made) == "<sack =0:5 =7:8>"
    assert parse_options("<sack 1:6 =7:8>", peer_isn=isn) == made


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<mss>", '"mss" is not an option; write mss N, '),
        ("<mss 1460,,nop>", '"" is not an option; '),
        ("<window 7>", '"window 7" is not an option; '),
        ("<mss 65536>", '"65536" in "mss 65536" is not a number of 0 to 65535.'),
        ("<mss -1>", '"-1" in "mss -1" is not a number'),
        ("<mss 0x10>", '"0x10" in "mss 0x10" is not a number'),
        ("<wscale 256>", '"256" in "wscale 256" is not a number of 0 to 255.'),
        ("<TS val 1 ecr 4294967296>", '"4294967296" in "TS val 1 ecr 4294967296" is not a number'),
        ("<sack 5>", '"5" is not a SACK block, as in 1:6.'),
        ("<sack>", '"sack" is not an option'),
        ("<sack 1:2 3:4 5:6 7:8 9:10>", "takes more than the 40 octets"),
        ("<kind 256>", '"256" in "kind 256" is not a number of 0 to 255.'),
        ("<kind 0 hex 00>", '"kind 0 hex 00" cannot be: kind 0 has neither length nor value.'),
        ("<kind 01 hex 00>", '"kind 01 hex 00" cannot be: kind 1 has'),
        ("<kind 9 hex " + "00" * 300 + ">", "takes more than the 40 octets"),
        ("<raw 123>", '"123" is not hexadecimal, two digits an octet.'),
        ("<FO xy>", '"xy" is not hexadecimal'),
        ("<FO 00 00>", '"FO 00 00" is not an option'),
        ("<" + ",".join(["mss 1"] * 11) + ">", "takes 44 octets, and a header has room for 40."),
    ],
)
def test_options_that_cannot_be_are_quoted(text: str, complaint: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse_options(text)
    assert complaint in str(caught.value)
    assert caught.value.line is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", '"" names no flag; write - for none.'),
        ("SX", '"X" in "SX" is not a flag; the flags are S F R P . U E W A 1 2 3, or - for none.'),
        ("S-", '"-" in "S-" is not a flag'),
        ("SS", '"SS" has the flag S twice.'),
    ],
)
def test_flags_that_are_none_are_quoted(text: str, complaint: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse_flags(text)
    assert complaint in str(caught.value)


@pytest.mark.parametrize("quoted", [r"\q", r"\x1", "\N{SNOWMAN}"])
def test_content_that_cannot_be_is_quoted(quoted: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse_content(quoted)
    assert quoted in str(caught.value)


def test_an_error_knows_its_line() -> None:
    error = NotationError("All is wrong.", 3)
    assert str(error) == "line 3: All is wrong."
    assert (error.problem, error.line) == ("All is wrong.", 3)
    assert isinstance(error, ValueError)
