"""Decoding against a hand-made encoder: what was sent comes back, and no octets whatever raise anything."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.tcp import option
from rawshake.tcp.decode import HEADER_CUT, Reason, Undecoded, address_text, decode
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from tests.tcp.strategies import internet_sum, ip_packet, packet, pseudo_header, segments, tcp_octets

A4, B4 = "192.0.2.1", "192.0.2.2"
A6, B6 = "2001:db8::1", "2001:db8::2"
FOUR = Segment(
    src=A4,
    dst=B4,
    sport=40000,
    dport=80,
    seq=Seq(0xFFFFFFFF),
    ack=Seq(2915269998),
    flags=Flags.PSH | Flags.ACK,
    window=502,
    options=(option.NOP, option.NOP, option.timestamps(7, 8)),
    payload=b"GET /\r\n",
)
SIX = replace(FOUR, src=A6, dst=B6)
BOTH = pytest.mark.parametrize("segment", [FOUR, SIX], ids=["IPv4", "IPv6"])
# In the encoder's packets IPv4 headers have 20 octets, IPv6 headers 40.
HEADER = {FOUR: 20, SIX: 40}


def decoded(octets: bytes, *, offloaded: bool = False) -> Segment:
    segment = decode(octets, offloaded=offloaded)
    assert isinstance(segment, Segment), segment
    return segment


def undecoded(octets: bytes) -> Reason:
    answer = decode(octets)
    assert isinstance(answer, Undecoded), answer
    assert answer.detail.endswith(".")
    return answer.reason


def looks_partial(segment: Segment, octets: bytes, *, with_length: bool) -> bool:
    """Whether the checksum field holds, by chance or not, the sum over the pseudo-header alone."""
    covered = pseudo_header(segment.src, segment.dst, len(octets) if with_length else 0)
    return (int.from_bytes(octets[16:18], "big") - internet_sum(covered)) % 0xFFFF == 0


@BOTH
def test_an_ordinary_segment_comes_back(segment: Segment) -> None:
    assert decoded(packet(segment)) == segment


@given(segments())
def test_whatever_was_encoded_comes_back(segment: Segment) -> None:
    options = b"".join(one.wire for one in segment.options)
    sent = replace(
        segment,
        options=option.parse(options + bytes(-len(options) % 4)),
        payload_length=len(segment.payload),
        checksum=Checksum.CORRECT,
        defects=(),
    )
    octets = packet(sent)
    if looks_partial(sent, tcp_octets(sent), with_length=True):
        sent = replace(sent, checksum=Checksum.UNVERIFIABLE)
    assert decoded(octets) == sent
    assert decoded(octets + b"padding") == sent


@given(segments(), st.integers(1, 0xFFFF))
def test_a_changed_word_makes_the_checksum_wrong(segment: Segment, by: int) -> None:
    octets = tcp_octets(segment)
    field = int.from_bytes(octets[16:18], "big")
    # 0 and 0xffff are the same number in one's complement.
    changed = field ^ by
    if field % 0xFFFF == changed % 0xFFFF:
        return
    octets = octets[:16] + pack("!H", changed) + octets[18:]
    back = decoded(ip_packet(segment.src, segment.dst, octets))
    partial = any(looks_partial(segment, octets, with_length=choice) for choice in (True, False))
    assert back.checksum is (Checksum.UNVERIFIABLE if partial else Checksum.WRONG)


@given(st.binary(max_size=200), st.booleans())
def test_noise_raises_nothing(octets: bytes, offloaded: bool) -> None:
    decode(octets, offloaded=offloaded)


@given(
    segments(), st.lists(st.tuples(st.integers(0, 130), st.integers(0, 255)), max_size=5), st.integers(0, 200)
)
def test_damage_raises_nothing(segment: Segment, damage: list[tuple[int, int]], keep: int) -> None:
    octets = bytearray(packet(segment))
    for at, value in damage:
        octets[at % len(octets)] = value
    decode(bytes(octets))
    decode(bytes(octets[:keep]))


@given(st.sampled_from([1, 6, 58]), st.binary(max_size=120), st.sampled_from([(A4, B4), (A6, B6)]))
def test_noise_inside_a_sound_packet_raises_nothing(
    protocol: int, octets: bytes, addresses: tuple[str, str]
) -> None:
    decode(ip_packet(*addresses, octets, protocol=protocol))


@given(st.lists(st.sampled_from([0, 43, 44, 51, 60, 6, 58]), max_size=4), st.binary(max_size=120))
def test_noise_in_extension_headers_raises_nothing(kinds: list[int], octets: bytes) -> None:
    chain = b"".join(bytes([kind, 0]) + octets[:6] for kind in kinds)
    decode(ip_packet(A6, B6, chain + octets, protocol=0))


@BOTH
def test_every_cut_keeps_what_is_left(segment: Segment) -> None:
    octets = packet(segment)
    start = HEADER[segment]
    for length in range(len(octets)):
        if length < start + 20:
            assert undecoded(octets[:length]) is Reason.TRUNCATED
            continue
        cut = decoded(octets[:length])
        assert cut.checksum is Checksum.UNVERIFIABLE
        assert (cut.seq, cut.ack, cut.flags, cut.length) == (segment.seq, segment.ack, segment.flags, 7)
        assert cut.payload == segment.payload[: max(0, length - start - 32)]
        assert cut.defects == ((HEADER_CUT,) if length < start + 32 else ())
        # Two NOPs; half of the timestamps is not told, and is no defect of the sender.
        known = 3 if length >= start + 32 else min(2, length - start - 20)
        assert cut.options == segment.options[:known]


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_payload_length_comes_from_the_ip_header_and_not_from_the_frame(length: int) -> None:
    sent = replace(FOUR, options=(), payload=bytes(length), payload_length=length)
    frame = packet(sent).ljust(46, b"\x55")
    assert decoded(frame) == sent


@pytest.mark.parametrize("offset", range(5))
def test_a_data_offset_below_5_leaves_payload_and_options_untold(offset: int) -> None:
    got = decoded(ip_packet(A4, B4, tcp_octets(FOUR, data_offset=offset)))
    assert got.defects == (f"data offset {offset} is less than 5",)
    assert (got.options, got.payload, got.payload_length) == ((), b"", 0)
    assert (got.seq, got.ack, got.window, got.checksum) == (FOUR.seq, FOUR.ack, 502, Checksum.CORRECT)


def test_a_data_offset_beyond_the_segment_is_a_defect() -> None:
    syn = replace(FOUR, payload=b"", payload_length=0)
    got = decoded(ip_packet(A4, B4, tcp_octets(syn, data_offset=15)))
    assert got.defects == ("data offset 15 runs past the segment's 32 octets",)
    assert got.options == syn.options
    assert (got.payload_length, got.checksum) == (0, Checksum.CORRECT)
    cut = decoded(ip_packet(A4, B4, tcp_octets(syn, data_offset=15))[:45])
    assert cut.defects == (got.defects[0], HEADER_CUT)
    assert cut.options == syn.options[:2]


@BOTH
def test_a_segment_shorter_than_a_header_is_truncated(segment: Segment) -> None:
    assert undecoded(ip_packet(segment.src, segment.dst, tcp_octets(segment)[:19])) is Reason.TRUNCATED


@BOTH
@pytest.mark.parametrize("with_length", [True, False])
def test_partial_offload_is_unverifiable(segment: Segment, with_length: bool) -> None:
    octets = tcp_octets(segment)
    field = internet_sum(pseudo_header(segment.src, segment.dst, len(octets) if with_length else 0))
    partial = ip_packet(segment.src, segment.dst, tcp_octets(segment, checksum=field))
    assert decoded(partial) == replace(segment, checksum=Checksum.UNVERIFIABLE)


@BOTH
def test_offloaded_is_unverifiable_whatever_the_field(segment: Segment) -> None:
    for field in (None, 0, 0x1234):
        octets = ip_packet(segment.src, segment.dst, tcp_octets(segment, checksum=field))
        assert decoded(octets, offloaded=True).checksum is Checksum.UNVERIFIABLE
        assert decoded(octets).checksum is (Checksum.CORRECT if field is None else Checksum.WRONG)


@BOTH
def test_big_segments_without_a_length_take_what_was_captured(segment: Segment) -> None:
    big = replace(segment, payload=bytes(70000), payload_length=70000)
    octets = tcp_octets(replace(segment, payload=b""), checksum=0x1234) + bytes(70000)
    got = decoded(ip_packet(segment.src, segment.dst, octets, length=0))
    assert got == replace(big, checksum=Checksum.UNVERIFIABLE)


def test_the_jumbo_option_gives_the_length_of_a_cut_big_segment() -> None:
    octets = tcp_octets(replace(SIX, payload=b""), checksum=0x1234) + bytes(70000)
    jumbo = bytes([6, 0, 0xC2, 4]) + pack("!I", 8 + len(octets))
    got = decoded(ip_packet(A6, B6, jumbo + octets, protocol=0, length=0)[:200])
    assert (got.payload_length, len(got.payload)) == (70000, 120)
    assert got.checksum is Checksum.UNVERIFIABLE


@pytest.mark.parametrize("fragment", [0x2000, 0x2001, 0x0001, 0x1FFF])
def test_ipv4_fragments(fragment: int) -> None:
    assert undecoded(ip_packet(A4, B4, tcp_octets(FOUR), fragment=fragment)) is Reason.FRAGMENT
    assert undecoded(ip_packet(A4, B4, bytes(20), protocol=17, fragment=fragment)) is Reason.NOT_TCP


@pytest.mark.parametrize("fragment", [0x0001, 0x0008, 0xFFF8])
def test_ipv6_fragments(fragment: int) -> None:
    header = pack("!BBHI", 6, 0, fragment, 99)
    assert undecoded(ip_packet(A6, B6, header + tcp_octets(SIX), protocol=44)) is Reason.FRAGMENT
    before_options = pack("!BBHI", 60, 0, fragment, 99)
    assert undecoded(ip_packet(A6, B6, before_options + bytes(40), protocol=44)) is Reason.FRAGMENT


def test_an_atomic_ipv6_fragment_is_whole() -> None:
    # RFC 6946; the two reserved bits do not count.
    header = pack("!BBHI", 6, 0, 0x0006, 99)
    assert decoded(ip_packet(A6, B6, header + tcp_octets(SIX), protocol=44)) == SIX


def test_extension_headers_are_walked() -> None:
    hop_by_hop = bytes([43, 0, 1, 4, 0, 0, 0, 0])
    routing = bytes([44, 0, 0, 0, 0, 0, 0, 0])
    atomic = bytes([51, 0, 0, 0, 0, 0, 0, 1])
    authentication = bytes([60, 4]) + bytes(22)
    destination = bytes([6, 1]) + bytes(14)
    chain = hop_by_hop + routing + atomic + authentication + destination
    octets = ip_packet(A6, B6, chain + tcp_octets(SIX), protocol=0)
    assert decoded(octets) == SIX
    for length in range(40, 40 + len(chain)):
        assert undecoded(octets[:length]) is Reason.TRUNCATED


def test_where_the_final_address_is_not_told_the_checksum_is_not_called_wrong() -> None:
    octets = tcp_octets(replace(SIX, dst="2001:db8::99"))
    unfinished = bytes([6, 2, 0, 1]) + bytes(4) + ip_address("2001:db8::99").packed
    assert decoded(ip_packet(A6, B6, unfinished + octets, protocol=43)).checksum is Checksum.UNVERIFIABLE
    finished = bytes([6, 2, 0, 0]) + bytes(4) + ip_address("2001:db8::99").packed
    assert decoded(ip_packet(A6, B6, finished + octets, protocol=43)).checksum is Checksum.WRONG
    four = tcp_octets(replace(FOUR, dst="192.0.2.99"))
    for route in (131, 137):
        options = bytes([1, route, 7, 4]) + ip_address("192.0.2.99").packed
        assert decoded(ip_packet(A4, B4, four, options=options)).checksum is Checksum.UNVERIFIABLE


def test_before_the_ipv4_checksum_is_filled_in_the_other_is_not_called_wrong() -> None:
    for field, verdict in ((None, Checksum.CORRECT), (0x1234, Checksum.UNVERIFIABLE)):
        octets = ip_packet(A4, B4, tcp_octets(FOUR, checksum=field))
        assert decoded(octets[:10] + b"\0\0" + octets[12:]).checksum is verdict


def test_ipv4_options_are_skipped() -> None:
    options = bytes([148, 4, 0, 0, 0, 131, 137, 131])  # router alert, end of options, and what follows it
    assert decoded(ip_packet(A4, B4, tcp_octets(FOUR), options=options)) == FOUR
    wrong = ip_packet(A4, B4, tcp_octets(FOUR, checksum=1), options=options)
    assert decoded(wrong).checksum is Checksum.WRONG


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", Reason.TRUNCATED),
        (b"\x45", Reason.TRUNCATED),
        (b"\x60" + bytes(38), Reason.TRUNCATED),
        (b"\x00" * 60, Reason.NOT_IP),
        (b"\xf5" * 60, Reason.NOT_IP),
        (b"\x44" + packet(FOUR)[1:], Reason.NOT_IP),
        (ip_packet(A4, B4, bytes(20), length=19), Reason.TRUNCATED),
        (ip_packet(A4, B4, bytes(20), protocol=17), Reason.NOT_TCP),
        (ip_packet(A4, B4, bytes(20), protocol=51), Reason.NOT_TCP),
        (ip_packet(A6, B6, bytes(20), protocol=59), Reason.NOT_TCP),
        (ip_packet(A6, B6, b"", protocol=59), Reason.NOT_TCP),
        (ip_packet(A4, B4, bytes([8, 0]) + bytes(30), protocol=1), Reason.NOT_TCP),
        (ip_packet(A6, B6, bytes([128, 0]) + bytes(30), protocol=58), Reason.NOT_TCP),
    ],
)
def test_why_a_packet_is_no_segment(octets: bytes, reason: Reason) -> None:
    assert undecoded(octets) is reason


@given(st.ip_addresses())
def test_addresses_are_canonical(address: object) -> None:
    there = ip_address(str(address))
    text = address_text(there.packed)
    assert ip_address(text) == there
    assert text == text.lower()
    assert len(text) <= len(str(there.exploded))


@pytest.mark.parametrize("text", ["::", "::1", "fe80::1", "2001:db8::1:0:0:1", "::ffff:192.0.2.1", "0.0.0.0"])
def test_addresses_of_rfc_5952(text: str) -> None:
    assert address_text(ip_address(text).packed) == text


def error_about(quoted: bytes, kind: int, code: int, rest: int = 0) -> bytes:
    """An ICMP error of the family of the packet that it quotes, sent by a router."""
    message = pack("!BBHI", kind, code, 0, rest) + quoted
    if quoted[0] >> 4 == 6:
        return ip_packet("2001:db8::ff", A6, message, protocol=58)
    return ip_packet("192.0.2.254", A4, message, protocol=1)


def test_an_icmp_error_tells_what_it_quotes() -> None:
    got = decode(error_about(packet(FOUR)[:28], 3, 1))
    assert got == IcmpError(
        src="192.0.2.254",
        dst=A4,
        type=3,
        code=1,
        v6=False,
        quoted_src=A4,
        quoted_dst=B4,
        quoted_sport=40000,
        quoted_dport=80,
        quoted_seq=FOUR.seq,
    )
    assert got.description == "host unreachable"


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_an_icmpv6_error_tells_what_it_quotes(kind: int) -> None:
    destination = bytes([6, 0]) + bytes(6)
    for quoted in (packet(SIX), ip_packet(A6, B6, destination + tcp_octets(SIX), protocol=60)):
        got = decode(error_about(quoted, kind, 0, 1280))
        assert isinstance(got, IcmpError)
        assert (got.src, got.dst, got.type, got.v6) == ("2001:db8::ff", A6, kind, True)
        assert (got.quoted_src, got.quoted_dst) == (A6, B6)
        assert (got.quoted_sport, got.quoted_dport, got.quoted_seq) == (40000, 80, SIX.seq)
        assert got.mtu == (1280 if kind == 2 else None)


@pytest.mark.parametrize(("code", "rest", "mtu"), [(4, 1400, 1400), (4, 0, None), (3, 1400, None)])
def test_the_mtu_of_fragmentation_needed(code: int, rest: int, mtu: int | None) -> None:
    got = decode(error_about(packet(FOUR)[:28], 3, code, rest))
    assert isinstance(got, IcmpError)
    assert got.mtu == mtu


@pytest.mark.parametrize(("octets", "known"), [(24, False), (27, False), (28, True), (60, True)])
def test_ports_are_enough_of_a_quote(octets: int, known: bool) -> None:
    got = decode(error_about(packet(FOUR)[:octets], 11, 0))
    assert isinstance(got, IcmpError)
    assert got.quoted_dport == 80
    assert (got.quoted_seq is not None) is known


@pytest.mark.parametrize(
    ("quoted", "reason"),
    [
        (packet(FOUR)[:23], Reason.TRUNCATED),
        (packet(FOUR)[:10], Reason.TRUNCATED),
        (packet(SIX)[:41], Reason.TRUNCATED),
        (b"\x00" * 28, Reason.NOT_IP),
        (ip_packet(A4, B4, bytes(8), protocol=17), Reason.NOT_TCP),
        (ip_packet(A4, B4, tcp_octets(FOUR), fragment=0x0001), Reason.FRAGMENT),
        (ip_packet(A6, B6, pack("!BBHI", 6, 0, 8, 9) + bytes(20), protocol=44), Reason.FRAGMENT),
    ],
)
def test_an_icmp_error_that_says_nothing_of_a_segment(quoted: bytes, reason: Reason) -> None:
    assert undecoded(error_about(quoted, 3 if quoted[0] >> 4 != 6 else 1, 0)) is reason


def test_the_first_fragment_of_a_quote_has_the_ports() -> None:
    got = decode(error_about(ip_packet(A4, B4, tcp_octets(FOUR), fragment=0x2000), 11, 1))
    assert isinstance(got, IcmpError)
    assert got.quoted_sport == 40000


def test_a_cut_icmp_header_is_truncated() -> None:
    assert undecoded(error_about(packet(FOUR), 3, 1)[:27]) is Reason.TRUNCATED
