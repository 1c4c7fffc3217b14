"""Segments that no header can say, and ICMP errors: what Scapy writes, by our decoder and by a plain sum."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment

from rawshake.link import IcmpMessage, Malformed
from rawshake.net.craft import build, build_icmp, fragments
from rawshake.tcp import option
from rawshake.tcp.decode import IcmpError, Reason, Undecoded, decode
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from tests.tcp.strategies import internet_sum

SYN = Segment(
    src="192.0.2.1",
    dst="192.0.2.2",
    sport=40000,
    dport=80,
    seq=Seq(0xFFFFFFFF),
    flags=Flags.SYN,
    window=64240,
    options=(option.mss(1460),),
    payload=b"hello",
)
BOTH = [
    pytest.param(SYN, id="IPv4"),
    pytest.param(replace(SYN, src="2001:db8::1", dst="2001:db8::2"), id="IPv6"),
]


def tcp(packet: bytes, segment: Segment) -> bytes:
    return packet[40 if segment.v6 else 20 :]


def right(octets: bytes, segment: Segment, protocol: int = 6) -> bool:
    """Whether the checksum in these octets is right."""
    ends = ip_address(segment.src).packed + ip_address(segment.dst).packed
    pseudo = ends + protocol.to_bytes(4, "big") + len(octets).to_bytes(4, "big")
    return internet_sum(pseudo + octets) == 0xFFFF


@pytest.mark.parametrize("segment", BOTH)
@pytest.mark.parametrize("offset", [0, 4, 5, 7, 15])
def test_a_data_offset_as_asked_for_under_a_right_checksum(segment: Segment, offset: int) -> None:
    octets = tcp(build(segment, malformed=Malformed(offset=offset)), segment)
    assert octets[12] >> 4 == offset
    assert (octets[:12], octets[24:]) == (tcp(build(segment), segment)[:12], b"hello")
    assert right(octets, segment)
    assert not right(octets[:-1] + b"x", segment)


@pytest.mark.parametrize("segment", BOTH)
@pytest.mark.parametrize("cut", [0, 4, 17, 18, 19, 20, 23, 28])
def test_a_segment_that_ends_too_early_is_right_as_far_as_it_goes(segment: Segment, cut: int) -> None:
    packet = build(segment, malformed=Malformed(cut=cut))
    octets = tcp(packet, segment)
    assert len(octets) == cut
    length = int.from_bytes(packet[4:6] if segment.v6 else packet[2:4], "big")
    assert length == (cut if segment.v6 else cut + 20)
    whole = tcp(build(segment), segment)
    assert octets[:16] == whole[: min(16, cut)]
    assert right(octets, segment) is (cut >= 18)


@pytest.mark.parametrize("segment", BOTH)
def test_a_checksum_as_written(segment: Segment) -> None:
    wrong = replace(segment, checksum=Checksum.WRONG)
    octets = tcp(build(wrong, malformed=Malformed(checksum=0)), segment)
    assert octets[16:18] == b"\0\0"
    assert octets[:16] == tcp(build(segment), segment)[:16]
    cut = tcp(build(wrong, malformed=Malformed(checksum=0xABCD, cut=17)), segment)
    assert cut[16:] == b"\xab"


@pytest.mark.parametrize("segment", BOTH)
def test_fragments_hold_the_segment_between_them(segment: Segment) -> None:
    packet = build(replace(segment, payload=bytes(range(72)), payload_length=72))
    whole = tcp(packet, segment)
    pieces = fragments(packet, 40)
    header = 48 if segment.v6 else 20
    assert [len(piece) - header for piece in pieces] == [40, 40, 16]
    held = b""
    idents = set()
    for piece in pieces:
        more, at, ident, octets = _fragment(piece)
        assert at == len(held)
        held += octets
        assert more is (len(held) < len(whole))
        idents.add(ident)
        assert decode(piece) == Undecoded(
            Reason.FRAGMENT, "The packet is a fragment, and fragments are not put together."
        )
    assert held == whole
    assert len(idents) == 1
    assert fragments(packet, 96) == (packet,)


def _fragment(packet: bytes) -> tuple[bool, int, int, bytes]:
    """By Scapy's dissector: whether more follow, where it stands in octets, the identification, and what it holds."""
    if packet[0] >> 4 == 6:
        six = IPv6(packet)
        assert (six.nh, six.plen) == (44, len(packet) - 40)
        header = six[IPv6ExtHdrFragment]
        assert (header.nh, header.res1, header.res2) == (6, 0, 0)
        return bool(header.m), header.offset * 8, header.id, bytes(header.payload)
    four = IP(packet)
    assert (four.proto, four.len, four.ihl) == (6, len(packet), 5)
    assert not four.flags.DF
    assert internet_sum(packet[:20]) == 0xFFFF
    return bool(four.flags.MF), four.frag * 8, four.id, packet[20:]


@pytest.mark.parametrize("octets", [0, -8, 20])
def test_a_fragment_holds_a_multiple_of_eight_octets(octets: int) -> None:
    with pytest.raises(ValueError, match=f"a multiple of 8 octets, not {octets}"):
        Malformed(fragment=octets)


@pytest.mark.parametrize("segment", BOTH)
@pytest.mark.parametrize(
    ("types", "codes", "mtu"), [((3, 1), (1, 3), 0), ((3, 2), (4, 0), 1300), ((11, 3), (0, 0), 0)]
)
def test_icmp_errors_say_whom_they_are_about(
    segment: Segment, types: tuple[int, int], codes: tuple[int, int], mtu: int
) -> None:
    message = IcmpMessage(segment, types[segment.v6], codes[segment.v6], mtu=mtu)
    packet = build_icmp(message)
    error = decode(packet)
    assert isinstance(error, IcmpError)
    assert (error.src, error.dst) == (segment.dst, segment.src)
    assert (error.quoted_src, error.quoted_sport) == (segment.src, segment.sport)
    assert (error.quoted_dst, error.quoted_dport) == (segment.dst, segment.dport)
    assert (error.type, error.code, error.quoted_seq) == (message.type, message.code, segment.seq)
    assert (error.mtu or 0) == mtu
    octets = tcp(packet, segment)
    if segment.v6:
        assert right(octets, segment, 58)
    else:
        assert internet_sum(octets) == 0xFFFF
        assert len(octets) == 8 + 28
