"""Segments with holes: what is written is compared or sent, what is not is left open or made as usual."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.play.sketch import Isns, parse
from rawshake.tcp import option
from rawshake.tcp.notation import NotationError, one_line, parse_segment
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq

HERE, THERE = ("192.0.2.1", 40000), ("192.0.2.2", 80)
ISN, PEER_ISN = Seq(0xFFFFFFFF), Seq(2915269997)
ISNS = Isns(ISN, PEER_ISN)


def made(text: str) -> Segment:
    return parse_segment(text, src=HERE, dst=THERE, isn=ISN, peer_isn=PEER_ISN)


def differing(sketch: str, text: str) -> list[str]:
    return [one.field for one in parse(sketch).differences(made(text), ISNS)]


SYNACK = "S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 7 ecr 9,nop,wscale 7>"


@pytest.mark.parametrize(
    ("sketch", "text"),
    [
        ("S.", SYNACK),
        ("S. 0:", SYNACK),
        ("S. (0)", SYNACK),
        ("S. 0:0(0) ack 1", SYNACK),
        ("S. =4294967295: ack =2915269998", SYNACK),
        ("S. win 65160", SYNACK),
        ("S. <mss 1460,sackOK,TS val 7 ecr 9,nop,wscale 7>", SYNACK),
        ("S. <wscale 7,mss 1460,TS *,sackOK>", SYNACK),
        ("S. <mss *,...>", SYNACK),
        ("S. <...>", SYNACK),
        (".", "P. 1:6(5) ack 1"),
        ("P.", "P. 1:6(5) ack 1"),
        ("P.? 1:", "P 1:6(5)"),
        ('. "hello"', '. 1:6(5) ack 1 "hello"'),
        (". hex 68656c6c6f", '. 1:6(5) ack 1 "hello"'),
        ("R.? 5:", "R 5:5(0)"),
        ("R.? 5: ack 1", "R 5:5(0)"),
        ("R.? 5: ack 1", "R. 5:5(0) ack 1"),
        ("R (ack 7)", "R 5:5(0) (ack 7)"),
        ("S.E?", "S.E 0:0(0) ack 1"),
        ("-", "- 1:1(0)"),
        (".? ", "- 1:1(0)"),
        (". [ttl 63] [ecn 1]", ". 1:1(0) ack 1 [ttl 63] [ecn 1]"),
        (". [bad checksum]", ". 1:1(0) ack 1 [bad checksum]"),
        (". <sack 1:6>", ". 1:1(0) ack 1 <nop,nop,sack 1:6>"),
        (". <kind 99 *>", ". 1:1(0) ack 1 <kind 99 hex 00>"),
        (". <>", ". 1:1(0) ack 1 <nop,nop,nop,eol>"),
        (". urg 3", ". 1:1(0) ack 1 urg 3"),
    ],
)
def test_what_fits(sketch: str, text: str) -> None:
    assert differing(sketch, text) == []


@pytest.mark.parametrize(
    ("sketch", "text", "fields"),
    [
        ("S", SYNACK, ["flags"]),
        ("S.", "S.E 0:0(0) ack 1", ["flags"]),
        ("P.", ". 1:6(5) ack 1", ["flags"]),
        ("R.?", "F 5:5(0)", ["flags"]),
        ("S. 1:", SYNACK, ["seq"]),
        ("S. (5)", SYNACK, ["octets"]),
        ("S. 0:5(5)", SYNACK, ["octets"]),
        ("S. ack 2", SYNACK, ["ack"]),
        ("S. ack 1", "S 0:0(0)", ["flags", "ack"]),
        ("R.? 5: ack 1", "R. 5:5(0) ack 2", ["ack"]),
        ("S. win 1", SYNACK, ["window"]),
        ("S. <mss 1460>", SYNACK, ["options"]),
        ("S. <mss 1461,...>", SYNACK, ["options"]),
        ("S. <fo *,...>", SYNACK, ["options"]),
        ("S. <>", SYNACK, ["options"]),
        (". <mss *,mss *>", ". 1:1(0) ack 1 <mss 5>", ["options"]),
        (". <sack 1:6>", ". 1:1(0) ack 1 <sack 1:7>", ["options"]),
        (". <raw 0203>", ". 1:1(0) ack 1 <raw 0204>", ["options"]),
        ('. "hello"', '. 1:6(5) ack 1 "jello"', ["payload"]),
        (". [ttl 63]", ". 1:1(0) ack 1", ["ttl"]),
        (". [ecn 1]", ". 1:1(0) ack 1", ["ecn"]),
        (". urg 3", ". 1:1(0) ack 1", ["urgent"]),
        (".", ". 1:1(0) ack 1 [bad checksum]", ["checksum"]),
        (". [bad checksum]", ". 1:1(0) ack 1", ["checksum"]),
        ("S. 0:0(0) ack 1 <>", "R 5:6(1)", ["flags", "seq", "ack", "octets"]),
    ],
)
def test_what_does_not_fit_names_every_field(sketch: str, text: str, fields: list[str]) -> None:
    assert differing(sketch, text) == fields


def test_a_difference_is_told_in_the_words_of_the_notation() -> None:
    told = [str(one) for one in parse("S. 5: ack 2 <>").differences(made(SYNACK), ISNS)]
    assert told == [
        "seq: expected 5, got 0",
        "ack: expected 2, got 1",
        "options: expected <>, got <mss 1460,sackOK,TS val 7 ecr 9,nop,wscale 7>",
    ]


def test_a_long_payload_is_shown_where_it_differs() -> None:
    octets = bytes(range(65, 91)) * 40
    sketch = parse(f". hex {octets.hex()}")
    wrong = replace(made(". 1:1041(1040) ack 1"), payload=octets[:500] + b"!" + octets[501:])
    (difference,) = sketch.differences(wrong, ISNS)
    assert difference.expected == 'from octet 494 "ABCDEFGHIJKLMNOPQRSTUVWX" and so on, 1040 octets'
    assert difference.actual == 'from octet 494 "ABCDEF!HIJKLMNOPQRSTUVWX" and so on, 1040 octets'
    (shorter,) = parse('. "hello"').differences(made('. 1:4(3) ack 1 "hel"'), ISNS)
    assert (shorter.expected, shorter.actual) == ('"hello"', '"hel"')


def test_a_number_relative_to_an_isn_that_was_not_seen_fits_nothing() -> None:
    (difference,) = parse("R. 0:").differences(made("R. =0:0(0) ack 1"), Isns(None, PEER_ISN))
    assert str(difference) == "seq: expected 0, got =0"


USUAL = Segment(
    src=HERE[0],
    dst=THERE[0],
    sport=HERE[1],
    dport=THERE[1],
    seq=ISN + 6,
    ack=PEER_ISN + 1,
    window=5000,
    options=(option.NOP, option.NOP, option.timestamps(3, 4)),
)


def filled(text: str, *, data: bytes | None = None, options: bytes | None = None) -> str:
    segment = parse(text).fill(USUAL, ISNS, data=data, options=options)
    return one_line(segment, isn=ISN, peer_isn=PEER_ISN)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (".", ". 6:6(0) ack 1 win 5000 <nop,nop,TS val 3 ecr 4>"),
        ("F.", "F. 6:6(0) ack 1 win 5000 <nop,nop,TS val 3 ecr 4>"),
        ("R <>", "R 6:6(0) win 5000 <>".removesuffix(" <>")),
        ("S", "S 0:0(0) win 5000"),
        ("S 7: <mss 9>", "S 7:7(0) win 5000 <mss 9>"),
        ("P. (5) <>", "P. 6:11(5) ack 1 win 5000"),
        ("P. 1:6(5) ack 9 win 7 urg 2 <nop,nop,nop,nop>", "P. 1:6(5) ack 9 win 7 urg 2 <nop,nop,nop,nop>"),
        ('P. <> "hi"', 'P. 6:8(2) ack 1 win 5000 "hi"'),
        ("R =5: (ack =7) <>", "R 6:6(0) (ack 1379697306) win 5000"),
        ("- <>", "- 6:6(0) win 5000"),
        ("SFRP.UEWA123 <>", "SFRP.UEWA123 0:0(0) ack 1 win 5000"),
        (". <wscale 7>", ". 6:6(0) ack 1 win 5000 <wscale 7,eol>"),
        (". <raw 0200> [ttl 3] [ecn 2] [bad checksum]",
         ". 6:6(0) ack 1 win 5000 <raw 0200,nop> [bad checksum] [ttl 3] [ecn 2]"),
    ],
)  # fmt: skip
def test_what_is_not_said_is_sent_as_usual(text: str, sent: str) -> None:
    if "raw" in text:
        segment = parse(text).fill(USUAL, ISNS, data=None, options=None)
        assert b"".join(one.wire for one in segment.options) == bytes.fromhex("02000000")
        assert (segment.checksum, segment.ttl, segment.ecn) == (Checksum.WRONG, 3, 2)
    elif "=" in text:
        segment = parse(text).fill(USUAL, ISNS, data=None, options=None)
        assert (segment.seq, segment.ack) == (Seq(5), Seq(7))
    else:
        assert filled(text) == sent


def test_octets_that_text_cannot_say() -> None:
    segment = parse("P.").fill(USUAL, ISNS, data=b"\x00\xff", options=b"\x08\x0a\x00")
    assert segment.payload == b"\x00\xff"
    assert b"".join(one.wire for one in segment.options) == b"\x08\x0a\x00\x00"
    assert segment.flags == Flags.PSH | Flags.ACK


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no segment"),
        ("Q", "is not a flag"),
        ("SS", "has the flag S twice"),
        ("SS?", 'both with and without "?"'),
        ("S 5", "is not 1:, 1:6(5) or (5)"),
        ("S 1:5(3)", "does not add up"),
        ("S ack 1", "needs the flag ."),
        (". acc 1", "is not understood"),
        ('. (3) "hi"', "the payload 2"),
        (". [lost]", "a mark of what was seen"),
        (". <mss>", "is not an option"),
        (". <mss *x>", "is not"),
        (". win 65536", "is not a number of 0 to 65535"),
    ],
)
def test_what_cannot_be_read(text: str, problem: str) -> None:
    with pytest.raises(NotationError, match=re.escape(problem)):
        parse(text)


@pytest.mark.parametrize("text", ["R.?", "S <...>", "S <mss *>", ". ack 5"])
def test_what_can_only_be_awaited_cannot_be_sent(text: str) -> None:
    with pytest.raises(NotationError):
        parse(text).fill(USUAL, Isns(ISN, None), data=None, options=None)


@given(st.text(alphabet='SFRP.UEWA123-? 0123456789:()=ackwinurg<>,ms*[]tl"x#', max_size=40))
def test_whatever_is_written_is_read_or_refused_in_a_sentence(text: str) -> None:
    problem = "."
    try:
        parse(text).differences(made(SYNACK), ISNS)
    except NotationError as error:
        problem = error.problem
    assert problem.endswith(".")
