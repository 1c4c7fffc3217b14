"""Fragments are put together in any order, and only where they fit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, fragment6

from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Checksum, Segment
from rawshake.trace.fragments import LARGEST, MOST, WITHIN, Reassembly


def whole4(length: int, ident: int = 7) -> bytes:
    return bytes(IP(src="192.0.2.1", dst="192.0.2.2", id=ident) / TCP(sport=1, dport=2) / bytes(length))


def pieces4(packet: bytes, size: int) -> list[bytes]:
    """``size`` octets in each, a multiple of 8."""
    return [bytes(piece) for piece in IP(packet).fragment(size)]  # type: ignore[no-untyped-call]


def pieces6(length: int) -> tuple[bytes, list[bytes]]:
    head = IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrHopByHop()
    carried = TCP(sport=1, dport=2) / bytes(length)
    parts = fragment6(head / IPv6ExtHdrFragment(id=9) / carried, 400)  # type: ignore[no-untyped-call]
    return bytes(head / carried), [bytes(part) for part in parts]


@given(st.integers(600, 3000), st.randoms(use_true_random=False))
def test_ipv4_in_any_order(length: int, order: object) -> None:
    packet = whole4(length)
    pieces = pieces4(packet, 256)
    order.shuffle(pieces)  # type: ignore[attr-defined]
    reassembly = Reassembly()
    made = [reassembly.add(piece, 0) for piece in pieces]
    assert made[:-1] == [None] * (len(pieces) - 1)
    seen = decode(made[-1] or b"")
    assert isinstance(seen, Segment)
    assert (seen.checksum, seen.payload) == (Checksum.CORRECT, bytes(length))
    assert reassembly.finish() == 0


def test_ipv6_with_a_header_before_it() -> None:
    packet, pieces = pieces6(2000)
    assert len(pieces) > 2
    reassembly = Reassembly()
    made = [reassembly.add(piece, 0) for piece in reversed(pieces)]
    seen, wanted = decode(made[-1] or b""), decode(packet)
    assert isinstance(seen, Segment)
    assert seen == wanted


def test_what_is_no_fragment_comes_back() -> None:
    for packet in (whole4(10), pieces6(10)[0], b"", b"\x45", b"\x60" + bytes(60)):
        assert Reassembly().add(packet, 0) == packet


def test_two_datagrams_are_kept_apart() -> None:
    reassembly = Reassembly()
    one, two = (pieces4(whole4(1000, ident), 512) for ident in (1, 2))
    assert [reassembly.add(piece, 0) for piece in (one[0], two[1], two[0])][:2] == [None, None]
    assert reassembly.finish() >= 1


def test_overlap_with_other_content_is_not_used() -> None:
    one, two = pieces4(whole4(1000), 512)[:2]
    forged = two[:-1] + b"\xff"
    reassembly = Reassembly()
    assert [reassembly.add(piece, 0) for piece in (two, forged, one)] == [None, None, None]
    assert reassembly.dropped == 2


def test_old_ones_and_too_many_are_given_up() -> None:
    reassembly = Reassembly()
    for ident in range(MOST + 1):
        reassembly.add(pieces4(whole4(1000, ident), 512)[0], 0)
    assert reassembly.dropped == 1
    reassembly.add(pieces4(whole4(1000, 65000), 512)[0], WITHIN + 1)
    assert reassembly.dropped == MOST + 1


def test_a_datagram_longer_than_any_is_dropped() -> None:
    piece = bytearray(pieces4(whole4(1000), 512)[0])
    piece[6:8] = (0x1FFF).to_bytes(2, "big")
    reassembly = Reassembly()
    assert reassembly.add(bytes(piece), 0) is None
    assert LARGEST < 0x1FFF * 8 + 512
    assert reassembly.dropped == 1


@given(st.binary(max_size=200))
def test_any_octets_at_all(octets: bytes) -> None:
    Reassembly().add(octets, 0)
    Reassembly().add(b"\x45\0" + octets, 0)
    Reassembly().add(b"\x60\0\0\0\0\x20\x2c" + octets, 0)
