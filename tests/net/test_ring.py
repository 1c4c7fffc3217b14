"""The ring and the tap, on loopback and on wires of namespaces of their own: each packet once, with what is known."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from struct import pack

import pytest

from rawshake.errors import Exit, Failure
from rawshake.link import Direction, Frame
from rawshake.net import packetsocket, ring
from rawshake.net.ring import Captured, Ring, Sum
from rawshake.net.tap import ANY, Tap, _Copies, _untagged
from rawshake.trace.expression import parse
from tests.live.isolated import isolated
from tests.tcp.strategies import ip_packet

MILLISECOND = 1_000_000
LONG = 30.0
SIZES = [pytest.param(1 << 20, id="ring"), pytest.param(0, id="recvmsg")]


def packet(
    number: int, *, dport: int = 80, src: str = "127.0.0.1", dst: str = "127.0.0.1", ttl: int = 64
) -> bytes:
    octets = pack("!HHIIHHHH", 40000, dport, number, 0, 5 << 12 | 2, 1000, 0, 0)
    return ip_packet(src, dst, octets, ttl=ttl)


def inject(*packets: bytes) -> None:
    """Put them onto loopback, through one socket: to close one takes longer than to send a hundred."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as link:
        for octets in packets:
            ethertype = {4: 0x0800, 6: 0x86DD}[octets[0] >> 4]
            link.sendto(octets, ("lo", ethertype, 0, 0, b"\0" * 6))


def number_of(frame: Frame | Captured) -> int:
    return int.from_bytes(frame.packet[24:28], "big")


@contextmanager
def bound(size: int, block: int) -> Iterator[tuple[socket.socket, Ring]]:
    with packetsocket.opened() as receiver, closing(Ring(receiver, size=size, block=block)) as made:
        packetsocket.bind(receiver, socket.if_nametoindex("lo"))
        yield receiver, made


def await_block(receiver: socket.socket, made: Ring) -> bytes:
    deadline = time.monotonic() + LONG
    poll = select.poll()
    poll.register(receiver, select.POLLIN)
    while (block := made.take()) is None:
        assert time.monotonic() < deadline
        poll.poll(1000)
    return block


def collect(tap: Tap, count: int) -> list[Frame]:
    """Wait for so many frames; more are no less welcome to a test that counts."""
    found: list[Frame] = []
    deadline = time.monotonic() + LONG
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count}"
        tap.wait(tap.now() + 100 * MILLISECOND)
        found += tap.frames() or []
    return found


@isolated
def test_a_block_tells_of_each_packet_what_the_kernel_knows() -> None:
    with bound(1 << 18, 1 << 16) as (receiver, made):
        before = time.time_ns()
        inject(packet(1), ip_packet("::1", "::1", pack("!HHII", 1, 2, 3, 4) + bytes(8)))
        block = await_block(receiver, made)
        seen = list(ring.packets(block))
        assert ring.count(block) == len(seen)
        leaving, arriving = [one for one in seen if one.protocol == 0x0800]
        assert (leaving.kind, arriving.kind) == (socket.PACKET_OUTGOING, socket.PACKET_HOST)
        assert leaving.packet == arriving.packet == packet(1)
        assert before <= leaving.time <= arriving.time <= time.time_ns()
        assert {one.hardware for one in seen} == {packetsocket.ARPHRD_LOOPBACK}
        assert {one.interface for one in seen} == {1}
        assert {(one.vlan, one.length) for one in seen} == {(None, 0)}
        assert [one.packet[0] >> 4 for one in seen if one.protocol == 0x86DD] == [6, 6]


@isolated
def test_a_checksum_that_is_left_to_the_hardware_is_told() -> None:
    with bound(1 << 18, 1 << 16) as (receiver, made), socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            block = await_block(receiver, made)
        assert {one.checksum for one in ring.packets(block)} == {Sum.OPEN}


@isolated
def test_a_packet_longer_than_a_block_is_cut_and_says_so() -> None:
    with bound(1 << 14, 1 << 12) as (receiver, made):
        long = ip_packet("127.0.0.1", "127.0.0.1", bytes(9000))
        inject(long)
        while not (seen := list(ring.packets(await_block(receiver, made)))):
            pass  # the block before, in which there was no room for it
        first = seen[0]
        assert first.length == len(long)
        assert len(first.packet) < 1 << 12
        assert first.packet == long[: len(first.packet)]


@isolated
def test_the_ring_goes_round_and_what_finds_it_full_is_counted() -> None:
    with bound(1 << 14, 1 << 12) as (receiver, made):
        sent = 0
        for _ in range(5):
            inject(packet(sent))
            sent += 1
            numbers = {number_of(one) for one in ring.packets(await_block(receiver, made))}
            assert numbers == {sent - 1}
        assert ring.dropped(receiver) == 0
        inject(*[packet(sent)] * 200)
        kept = 0
        while (block := made.take()) is not None:
            kept += ring.count(block)
        lost = ring.dropped(receiver)
        assert lost > 0
        assert kept + lost <= 400
        assert ring.dropped(receiver) == 0


@pytest.mark.parametrize("size", SIZES)
def test_the_tap_sees_each_wanted_packet_once(size: int) -> None:
    @isolated
    def body() -> None:
        with Tap("lo", parse("dst port 80"), size=size) as tap:
            assert tap.has_ring is bool(size)
            before = tap.now()
            inject(*[packet(number, dport=port) for number in range(1000) for port in (80, 81)])
            found = collect(tap, 1000)
            tap.stop()
            assert tap.frames() is None
            assert [number_of(frame) for frame in found] == list(range(1000))
            assert {frame.direction for frame in found} == {Direction.UNKNOWN}
            assert {frame.offloaded for frame in found} == {False}
            assert before <= found[0].time <= found[-1].time <= tap.now()
            assert (tap.dropped, tap.overflowed, tap.copies, tap.cut) == (0, 0, 0, 0)

    body()


@pytest.mark.parametrize("size", SIZES)
def test_what_passed_before_stop_is_not_lost(size: int) -> None:
    @isolated
    def body() -> None:
        with Tap(ANY, parse(""), size=size) as tap:
            inject(*map(packet, range(50)))
            tap.stop()
            found = []
            while (frames := tap.frames()) is not None:
                found += frames
            assert [number_of(frame) for frame in found] == list(range(50))

    body()


@isolated
def test_what_the_store_has_no_room_for_is_counted() -> None:
    with Tap("lo", parse("port 80"), buffer=10_000) as tap:
        inject(*map(packet, range(5000)))
        tap.stop()
        found = []
        while (frames := tap.frames()) is not None:
            found += frames
        assert len(found) + tap.overflowed + tap.dropped == 5000
        assert tap.overflowed > 0


def test_an_interface_that_is_not_there_or_down() -> None:
    @isolated
    def body() -> None:
        with pytest.raises(Failure, match="There is no interface 'nope0'") as failed:
            Tap("nope0", parse(""))
        assert failed.value.status is Exit.INTERFACE_DOWN
        assert "lo, and any" in failed.value.next_step
        from rawshake.net.lab.system import Namespace, unshare

        unshare(Namespace.NETWORK)
        with pytest.raises(Failure, match="'lo' is down"):
            Tap("lo", parse(""))

    body()


def test_a_packet_is_known_again_behind_a_bridge_and_behind_a_router() -> None:
    copies = _Copies()
    came, left = socket.PACKET_OTHERHOST, socket.PACKET_OUTGOING
    first = packet(1, src="192.0.2.1", dst="192.0.2.2")
    routed = packet(1, src="192.0.2.1", dst="192.0.2.2", ttl=63)
    summed = first[:36] + b"\xab\xcd" + first[38:]
    assert not copies.is_copy(first, came, 2, 0)
    assert copies.is_copy(first, left, 2, 10)
    assert copies.is_copy(routed, came, 3, 20)
    assert copies.is_copy(summed, left, 4, 30)
    # The same place once more: it was sent again. So was what comes long after.
    assert not copies.is_copy(first, came, 2, 40)
    assert copies.is_copy(first, left, 4, 50)
    assert not copies.is_copy(first, left, 5, 40 + 100 * MILLISECOND)
    assert not copies.is_copy(packet(2, src="192.0.2.1", dst="192.0.2.2"), left, 4, 60)


def test_an_ipv6_packet_is_known_again() -> None:
    copies = _Copies()
    tcp = pack("!HHIIHHHH", 40000, 80, 1, 0, 5 << 12 | 2, 1000, 0, 0)
    first = ip_packet("2001:db8::1", "2001:db8::2", tcp)
    assert not copies.is_copy(first, socket.PACKET_HOST, 2, 0)
    assert copies.is_copy(first[:7] + b"\x3f" + first[8:], socket.PACKET_OUTGOING, 3, 1)
    assert not copies.is_copy(ip_packet("2001:db8::1", "2001:db8::3", tcp), socket.PACKET_OUTGOING, 3, 1)


def test_tags_that_a_packet_begins_with_are_taken_off() -> None:
    inner = packet(1)
    assert _untagged(b"\x00\x05\x08\x00" + inner) == inner
    assert _untagged(b"\x00\x05\x81\x00\x00\x06\x08\x00" + inner + bytes(6)) == inner
    assert _untagged(inner) == inner
    assert _untagged(b"\x00\x05") == b"\x00\x05"
