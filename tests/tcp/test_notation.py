"""The notation loses nothing, means what packetdrill means, and quotes what it cannot read."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rawshake.tcp import notation, option
from rawshake.tcp.notation import (
    Line,
    NotationError,
    exchange_text,
    one_line,
    parse_exchange,
    parse_segment,
    pattern,
)
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from tests.tcp.strategies import segments, seqs

CLIENT = ("192.0.2.1", 40000)
SERVER = ("192.0.2.2", 80)
ISN = Seq(0xFFFFFFFF)
PEER_ISN = Seq(2915269997)


def read(text: str) -> Segment:
    """A segment of the client's."""
    return parse_segment(text, src=CLIENT, dst=SERVER, isn=ISN, peer_isn=PEER_ISN)


@given(segments(isn=ISN), st.none() | seqs())
@example(replace(read("- 1:1(0)"), ack=Seq(0)), None)
def test_segments_come_back(segment: Segment, peer_isn: Seq | None) -> None:
    text = one_line(segment, isn=ISN, peer_isn=peer_isn)
    ends = ((segment.src, segment.sport), (segment.dst, segment.dport))
    assert parse_segment(text, src=ends[0], dst=ends[1], isn=ISN, peer_isn=peer_isn) == segment
    assert text.isascii()
    assert text.isprintable()


@given(segments(), seqs(), seqs())
def test_segments_come_back_whatever_the_isns(segment: Segment, isn: Seq, peer_isn: Seq) -> None:
    text = one_line(segment, isn=isn, peer_isn=peer_isn)
    ends = ((segment.src, segment.sport), (segment.dst, segment.dport))
    assert parse_segment(text, src=ends[0], dst=ends[1], isn=isn, peer_isn=peer_isn) == segment


@given(segments())
def test_without_isns_all_is_absolute_but_a_syn(segment: Segment) -> None:
    text = one_line(segment)
    ends = ((segment.src, segment.sport), (segment.dst, segment.dport))
    isn = segment.seq if segment.syn else None
    assert f"{segment.flags} {'0:' if segment.syn else f'={segment.seq}:'}" in text
    assert parse_segment(text, src=ends[0], dst=ends[1], isn=isn) == segment


@st.composite
def exchanges(draw: st.DrawFn) -> list[Line]:
    lines = []
    for _ in range(draw(st.integers(0, 4))):
        from_client = draw(st.booleans())
        (src, sport), (dst, dport) = (CLIENT, SERVER) if from_client else (SERVER, CLIENT)
        segment = draw(segments(isn=ISN if from_client else PEER_ISN))
        segment = replace(segment, src=src, dst=dst, sport=sport, dport=dport)
        time = draw(st.sampled_from([0, 1_000_000, 2_000_000]) | st.integers(0, 2_000_000_000_000_000_000))
        lines.append(Line(segment, time, from_client, draw(st.booleans())))
    return lines


@given(exchanges(), st.sampled_from([0, 5, 1_700_000_000_000_000_000]))
def test_exchanges_come_back(lines: list[Line], start: int) -> None:
    text = exchange_text(lines, start=start)
    assert len(text.splitlines()) == len(lines)
    assert parse_exchange(text, start=start) == lines


HANDSHAKE_AND_CLOSE = """\
> S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>
< S. 0:0(0) ack 1 win 65160 <mss 1460>
> . 1:1(0) ack 1 win 502
> P. 1:6(5) ack 1 win 502
+0.250 < . 1:1(0) ack 6 win 501 [ttl 63]
> F. 6:6(0) ack 1 win 502 [lost]
+1.000 > F. 6:6(0) ack 1 win 502
< F. 1:1(0) ack 7 win 501
> . 7:7(0) ack 2 win 502"""


def test_a_whole_connection_reads_and_prints_the_same() -> None:
    lines = parse_exchange(HANDSHAKE_AND_CLOSE, start=1000)
    assert exchange_text(lines, start=1000) == HANDSHAKE_AND_CLOSE
    assert [line.time - 1000 for line in lines] == [
        number * 1_000_000 for number in (0, 1, 2, 3, 253, 254, 1254, 1255, 1256)
    ]
    assert [line.lost for line in lines] == [False] * 5 + [True] + [False] * 3
    syn, syn_ack, ack, data, *_ = (line.segment for line in lines)
    assert (syn.seq, syn.src, syn.sport, syn.dst, syn.dport) == (ISN, *CLIENT, *SERVER)
    assert (syn_ack.seq, syn_ack.src, syn_ack.dport) == (PEER_ISN, SERVER[0], CLIENT[1])
    assert (syn_ack.ack, ack.seq, ack.ack) == (Seq(0), Seq(0), PEER_ISN + 1)
    assert data.payload == b"bcdef"


SIGNS = st.text('><SFRP.-:=()[]+0123456789 ackwinurghexmssnop"\\#\n,', max_size=8)


@given(SIGNS | st.text(), st.integers(0, len(HANDSHAKE_AND_CLOSE)), st.integers(0, 20))
def test_any_text_is_read_or_refused(put: str, at: int, taken: int) -> None:
    text = HANDSHAKE_AND_CLOSE[:at] + put + HANDSHAKE_AND_CLOSE[at + taken :]
    try:
        lines = parse_exchange(text)
    except NotationError as error:
        assert re.fullmatch(r"line [0-9]+: .+\.", str(error), re.DOTALL)  # noqa: PT017
    else:
        assert parse_exchange(exchange_text(lines)) == lines


def test_what_need_not_be_written() -> None:
    segment = read("S 0:0(0)")
    assert segment == Segment(
        src=CLIENT[0], dst=SERVER[0], sport=40000, dport=80, seq=ISN, flags=Flags.SYN, window=65535
    )


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (". 1:1(0) ack 1 win 5 urg 3", {"urgent": 3}),
        (". 1:1(0) ack 1 win 5 [bad checksum]", {"checksum": Checksum.WRONG}),
        (". 1:1(0) ack 1 win 5 [checksum unverifiable]", {"checksum": Checksum.UNVERIFIABLE}),
        (". 1:1(0) ack 1 win 5 [ttl 255] [ecn 1]", {"ttl": 255, "ecn": 1}),
        (". 1:1(0) ack -4 win 5", {"ack": PEER_ISN - 4}),
        (". 1:1(0) ack =7 win 5", {"ack": Seq(7)}),
        ("R 1:1(0) (ack 1) win 5", {"flags": Flags.RST}),
        ("- 1:1(0) win 5", {"flags": Flags(0), "ack": Seq(0)}),
        (". -5:-5(0) ack 1 win 5", {"seq": ISN - 5}),
        (". =7:7(0) ack 1 win 5", {"seq": Seq(7)}),
        (". =4294967294:3(5) ack 1 win 5 \"hello\"", {"seq": Seq(0xFFFFFFFE), "payload": b"hello"}),
        (". 1:6(5) ack 1 win 5 \"a]\\\"#>\"", {"payload": b'a]"#>'}),
        (". 1:4(3) ack 1 win 5 hex 00ff0a", {"payload": b"\0\xff\n"}),
        (". 1:1461(1460) ack 1 win 5 [captured 3]", {"payload": b"bcd", "payload_length": 1460}),
        (". 1:1461(1460) ack 1 win 5 \"abc\" [captured 3]", {"payload": b"abc", "payload_length": 1460}),
        ("S. 0:3(3) ack 1 win 5", {"flags": Flags.SYN | Flags.ACK, "seq": ISN, "payload": b"bcd"}),
        (". 1:1(0) ack 1 win 5 <nop,nop,sack 2:3>",
         {"options": (option.NOP, option.NOP, option.sack((PEER_ISN + 2, PEER_ISN + 3)))}),
        (r". 1:1(0) ack 1 win 5 [defect: a\]\\\n] [defect: b]", {"defects": ("a]\\\n", "b")}),
        ("  .   1:1(0)  ack 1   win 5   # all is well [ttl 3]", {}),
    ],
)  # fmt: skip
def test_what_the_words_mean(text: str, changes: dict[str, object]) -> None:
    fields: dict[str, object] = {
        "src": CLIENT[0], "dst": SERVER[0], "sport": 40000, "dport": 80, "seq": Seq(0), "ack": PEER_ISN + 1,
        "flags": Flags.ACK, "window": 5,
    }  # fmt: skip
    expected = Segment(**(fields | changes))  # type: ignore[arg-type]
    assert read(text) == expected
    assert read(one_line(expected, isn=ISN, peer_isn=PEER_ISN)) == expected


def test_payload_is_the_same_when_sent_again_in_other_pieces() -> None:
    whole = read(". 1:61(60) ack 1").payload
    again = read(". 21:81(60) ack 1").payload
    assert whole[20:] == again[:40]
    assert whole == pattern(1, 60)
    assert read(". -3:5(8) ack 1").payload[3:] == pattern(0, 5) == b"abcde"


def test_arrows_and_content_are_a_choice() -> None:
    segment = read('P. 1:6(5) ack 1 win 5 "hello"')
    bare = one_line(segment, isn=ISN, peer_isn=PEER_ISN, content=False)
    assert bare == "P. 1:6(5) ack 1 win 5"
    assert one_line(segment, isn=ISN, peer_isn=PEER_ISN) == f'{bare} "hello"'
    assert one_line(segment, isn=ISN, peer_isn=PEER_ISN, from_client=True) == f'> {bare} "hello"'
    assert one_line(segment, from_client=False, content=False) == "< P. =0:5(5) ack =2915269998 win 5"


def test_comments_and_empty_lines_are_skipped() -> None:
    lines = parse_exchange("\n# the offer\n> S 0:0(0)  # a SYN\n\n   < R. 0:0(0) ack 1 # refused\n")
    assert [str(line.segment.flags) for line in lines] == ["S", "R."]
    assert [line.time for line in lines] == [0, 1_000_000]


def test_ends_over_ipv6() -> None:
    text = "> S 0:0(0)\n< S. 0:0(0) ack 1"
    lines = parse_exchange(
        text, client="[2001:DB8::0:1]:5", server="[::1]:80", client_isn=7, server_isn=9, start=11
    )
    syn, syn_ack = (line.segment for line in lines)
    assert (syn.src, syn.sport, syn.dst, syn.dport, syn.seq) == ("2001:db8::1", 5, "::1", 80, Seq(7))
    assert (syn_ack.src, syn_ack.dst, syn_ack.seq, syn_ack.ack) == ("::1", "2001:db8::1", Seq(9), Seq(8))
    assert exchange_text(lines, client_isn=7, server_isn=9, start=11) == "> S 0:0(0) win 65535\n" + (
        "< S. 0:0(0) ack 1 win 65535"
    )


def test_seconds_without_a_sign_count_from_the_start() -> None:
    lines = parse_exchange(
        "0.000000 > S 0:0(0)\n0.5 < S. 0:0(0) ack 1\n> . 1:1(0) ack 1\n2 < R 1:1(0)", start=7
    )
    assert [line.time - 7 for line in lines] == [0, 500_000_000, 501_000_000, 2_000_000_000]


def test_the_example_at_the_top_of_the_module_is_notation() -> None:
    assert notation.__doc__ is not None
    example_line = next(line for line in notation.__doc__.splitlines() if line.startswith("    "))
    (line,) = parse_exchange(example_line)
    assert exchange_text([line]) == example_line.strip()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("S 0:0(0)", '"S" does not begin a line; write >, <, or seconds such as +0.25 before.'),
        ("+x > S 0:0(0)", '"+x" does not begin a line'),
        (">", '"" names no flag'),
        ("> S", '"" is not start:end(octets), as in 1:6(5).'),
        ("> X 0:0(0)", '"X" in "X" is not a flag'),
        ("> S 0:0", '"0:0" is not start:end(octets)'),
        ("> S 0:0(0)x", '"0:0(0)x" is not start:end(octets)'),
        ("> S 0:1(0)", '"S 0:1(0)" does not add up: 0 + 0 is not 1.'),
        ("> S 9999999999:9999999999(0)", '"9999999999" in "S 9999999999:9999999999(0)" is not a number'),
        ("> S. 0:0(0)", '"S." has the flag . and no "ack N" follows.'),
        ("> S 0:0(0) ack 1", '"ack 1" needs the flag . in "S"; without it write (ack N).'),
        ("> . 0:0(0) ack x", '"x" in "ack x" is not a number'),
        ("> S 0:0(0) win 65536", '"65536" in "win 65536" is not a number of 0 to 65535.'),
        ("> S 0:0(0) wim 5", '"wim" is not understood; after start:end(octets) may come ack N'),
        ("> S 0:0(0) win 5 win 5", '"win 5" is the second of its kind.'),
        ("> S 0:2(2) \"ab\" hex 6162", '"hex 6162" is the second of its kind.'),
        ("> S 0:2(2) \"abc\"", '"S 0:2(2)" is followed by 3 octets in place of 2.'),
        ("> S 0:2(2) \"abc", '""abc" is not understood'),
        ("> S 0:0(0) <mss 1,foo>", '"foo" is not an option'),
        ("> S 0:0(0) <mss 1", '"<mss" is not understood'),
        ("> S 0:0(0) [ttl]", '"[ttl]" is not a mark; the marks are [bad checksum]'),
        ("> S 0:0(0) [ttl 256]", '"256" in "ttl 256" is not a number of 0 to 255.'),
        ("> S 0:0(0) [bad checksum] [checksum unverifiable]", '"[checksum unverifiable]" is the second'),
        ("> S 0:9000000(9000000)", '"9000000" in "S 0:9000000(9000000)" is not a number of 0 to 1048576.'),
    ],
)  # fmt: skip
def test_what_is_no_notation_is_quoted_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse_exchange(f"# before\n{text}\n> S 0:0(0)")
    assert str(caught.value).startswith("line 2: ")
    assert complaint in caught.value.problem


@pytest.mark.parametrize("address", ["192.0.2.1", "example:80", "192.0.2.1:", "192.0.2.1:99999", "::1"])
def test_addresses_that_are_none_are_quoted(address: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse_exchange("", client=address)
    assert address in str(caught.value)


def test_relative_numbers_need_an_isn() -> None:
    with pytest.raises(
        NotationError, match="relative to an ISN that is not known; make it absolute, as in =7"
    ):
        parse_segment(". 1:1(0) ack =1", src=CLIENT, dst=SERVER)


def test_lost_belongs_to_an_exchange() -> None:
    with pytest.raises(NotationError, match="belongs to a line of an exchange"):
        read("S 0:0(0) [lost]")
