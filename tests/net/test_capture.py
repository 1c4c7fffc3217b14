"""What the capture does to a packet before anyone sees it: padding, copies, the kernel's words on it."""

from __future__ import annotations

import socket
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.net.capture import _Copies
from rawshake.net.packetsocket import metadata, without_padding
from rawshake.tcp.segment import Segment
from tests.tcp.strategies import ip_packet, packet, segments

MILLISECOND = 1_000_000


@given(segments(), st.integers(0, 46).map(bytes))
def test_what_follows_the_ip_packet_is_cut(segment: Segment, padding: bytes) -> None:
    assert without_padding(packet(segment) + padding) == packet(segment)


@given(segments(), st.integers(1, 60))
def test_a_packet_that_is_shorter_than_it_says_is_kept(segment: Segment, missing: int) -> None:
    cut = packet(segment)[:-missing]
    assert without_padding(cut) == cut


@pytest.mark.parametrize(("src", "dst"), [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")])
def test_a_length_of_zero_means_more_than_64_kb(src: str, dst: str) -> None:
    glued = ip_packet(src, dst, bytes(70000), length=0)
    assert without_padding(glued) == glued


@given(st.binary(max_size=60))
def test_noise_is_not_padded(noise: bytes) -> None:
    assert noise.startswith(without_padding(noise))


def test_a_packet_seen_on_the_next_interface_is_a_copy() -> None:
    copies = _Copies()
    assert not copies.is_copy(b"one", leaving=True, interface="br0", moment=0)
    assert copies.is_copy(b"one", leaving=True, interface="bond0", moment=1000)
    assert copies.is_copy(b"one", leaving=True, interface="eth0", moment=2000)
    assert not copies.is_copy(b"two", leaving=True, interface="eth0", moment=3000)
    assert not copies.is_copy(b"one", leaving=False, interface="eth1", moment=3000)


def test_a_packet_seen_twice_on_one_interface_was_sent_again() -> None:
    copies = _Copies()
    for again in range(3):
        moment = again * 200 * MILLISECOND
        assert not copies.is_copy(b"one", leaving=True, interface="br0", moment=moment)
        assert copies.is_copy(b"one", leaving=True, interface="eth0", moment=moment + 10)


def test_a_packet_seen_much_later_elsewhere_was_sent_again() -> None:
    copies = _Copies()
    assert not copies.is_copy(b"one", leaving=False, interface="eth0", moment=0)
    assert not copies.is_copy(b"one", leaving=False, interface="eth1", moment=200 * MILLISECOND)


def test_what_is_remembered_does_not_grow() -> None:
    copies = _Copies()
    for number in range(3000):
        assert not copies.is_copy(pack("I", number), leaving=True, interface="eth0", moment=number)
    assert len(copies._seen) == 1024


def test_the_kernels_time_and_checksum_status() -> None:
    stamp = (socket.SOL_SOCKET, 35, pack("@ll", 1_700_000_000, 123_456_789))
    auxdata = 263, 8, pack("IIIHHHH", 1 << 3 | 1, 60, 60, 0, 0, 0, 0)
    assert metadata([stamp, auxdata]) == (1_700_000_000_123_456_789, True)
    whole = 263, 8, pack("IIIHHHH", 1 << 7 | 1, 60, 60, 0, 0, 0, 0)
    assert metadata([whole, stamp]) == (1_700_000_000_123_456_789, False)
