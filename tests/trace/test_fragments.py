"""Fragments are put together in any order, and only where they fit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, fragment6

from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Checksum, Segment
from rawshake.trace import fragments
from rawshake.trace.fragments import HELD, LARGEST, MOST, WITHIN, Reassembly


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


def small(offset: int, content: bytes, ident: int = 7, *, last: bool = False) -> bytes:
    """A fragment of no datagram in particular; ``offset`` in octets."""
    head = IP(
        src="192.0.2.1", dst="192.0.2.2", id=ident, proto=6, frag=offset // 8, flags=0 if last else "MF"
    )
    return bytes(head / content)


def test_pieces_that_overlap_are_not_used_and_do_not_pile_up() -> None:
    reassembly = Reassembly()
    for offset in range(0, 60_000, 8):
        assert reassembly.add(small(offset, bytes(4096)), 0) is None
        assert reassembly._held <= LARGEST
    assert reassembly.finish() == 7500
    assert reassembly._held == 0
    # Two that together are longer than the whole, once the end is known.
    reassembly = Reassembly()
    pieces = small(0, bytes(24)), small(16, bytes(16)), small(32, bytes(8), last=True)
    assert [reassembly.add(piece, 0) for piece in pieces] == [None, None, None]
    assert reassembly.dropped == 3


def test_what_is_held_of_all_is_bounded() -> None:
    reassembly = Reassembly()
    for ident in range(MOST):
        reassembly.add(small(0, bytes(60_000), ident), 0)
        assert reassembly._held <= HELD
    assert reassembly.finish() == MOST


def test_many_small_pieces_take_no_longer_than_few() -> None:
    """8,000 pieces would be looked at 8,000 times each if every one of them made us try."""
    reassembly = Reassembly()
    pieces = [small(offset, bytes(8), last=offset == 64_000) for offset in range(0, 64_008, 8)]
    looks = 0

    def counted(parts: object, join: Callable[[object], bytes | None] = fragments._joined) -> bytes | None:  # type: ignore[assignment]
        nonlocal looks
        looks += 1
        return join(parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fragments, "_joined", counted)
        made = [reassembly.add(piece, 0) for piece in pieces]
    assert looks == 1
    assert made[-1] is not None
    assert len(made[-1]) == 20 + 64_008
