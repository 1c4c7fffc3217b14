"""A wire shakes hands with the kernel: what it sends, what it sees, when, and what it says when it cannot."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rawshake.errors import Exit, Failure
from rawshake.link import Direction, Frame
from rawshake.net.capture import Capture
from rawshake.net.guard import Guard
from rawshake.net.privilege import raw_sockets_allowed
from rawshake.net.route import check_source, source_for
from rawshake.net.send import Sender
from rawshake.net.wire import Wire
from rawshake.tcp import option
from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from tests.live.isolated import NET_ADMIN, NET_BIND_SERVICE, NET_RAW, isolated, keep_capabilities

ISS = Seq(0xFFFFFFFF)
SECOND = 1_000_000_000
HOSTS = [
    pytest.param("127.0.0.1", socket.AF_INET, id="IPv4"),
    pytest.param("::1", socket.AF_INET6, id="IPv6"),
]


@contextmanager
def listening(host: str, family: socket.AddressFamily) -> Iterator[socket.socket]:
    with socket.create_server((host, 0), family=family) as server:
        server.settimeout(5)
        yield server


def ours(wire: Wire, flags: Flags, *, seq: Seq, ack: Seq = Seq(0), payload: bytes = b"") -> Segment:
    return Segment(
        src=wire.source,
        sport=wire.sport,
        dst=wire.target,
        dport=wire.dport,
        seq=seq,
        ack=ack,
        flags=flags,
        window=65535,
        options=(option.mss(1460),) if Flags.SYN in flags else (),
        payload=payload,
    )


def next_frame(wire: Wire, direction: Direction) -> tuple[Frame, Segment]:
    """The next frame, which must go that way."""
    frame = wire.receive(wire.now() + 5 * SECOND)
    assert frame is not None
    segment = decode(frame.packet, offloaded=frame.offloaded)
    assert isinstance(segment, Segment)
    assert frame.direction is direction
    return frame, segment


def shake_hands(wire: Wire) -> Seq:
    """SYN, SYN-ACK and ACK, each seen once and in this order; returns the server's ISN."""
    start = wire.now()
    sent = wire.send(ours(wire, Flags.SYN, seq=ISS))
    syn_frame, syn = next_frame(wire, Direction.OUT)
    assert (syn_frame.packet, syn.checksum) == (sent, Checksum.CORRECT)
    answer_frame, answer = next_frame(wire, Direction.IN)
    assert (answer.flags, answer.ack) == (Flags.SYN | Flags.ACK, ISS + 1)
    assert answer.checksum is Checksum.UNVERIFIABLE  # loopback leaves it to no one
    sent = wire.send(ours(wire, Flags.ACK, seq=ISS + 1, ack=answer.seq + 1))
    ack_frame, ack = next_frame(wire, Direction.OUT)
    assert (ack_frame.packet, ack.ack) == (sent, answer.seq + 1)
    assert start <= syn_frame.time <= answer_frame.time <= ack_frame.time <= wire.now()
    return answer.seq


@pytest.mark.parametrize(("host", "family"), HOSTS)
@isolated
def test_a_handshake_and_data(host: str, family: socket.AddressFamily) -> None:
    with listening(host, family) as server, Wire(host, 0, host, server.getsockname()[1]) as wire:
        irs = shake_hands(wire)
        accepted, name = server.accept()
        with accepted:
            assert name[1] == wire.sport
            wire.send(ours(wire, Flags.ACK | Flags.PSH, seq=ISS + 1, ack=irs + 1, payload=b"hello"))
            assert accepted.recv(100) == b"hello"
            next_frame(wire, Direction.OUT)
            _, acked = next_frame(wire, Direction.IN)
            assert acked.ack == ISS + 6
            wire.send(ours(wire, Flags.RST, seq=ISS + 6))
        assert wire.lost == 0


@isolated
def test_what_a_default_container_may_is_enough() -> None:
    with listening("127.0.0.1", socket.AF_INET) as server:
        keep_capabilities(NET_BIND_SERVICE, NET_RAW)
        assert raw_sockets_allowed()
        with Wire("127.0.0.1", 0, "127.0.0.1", server.getsockname()[1]) as wire:
            shake_hands(wire)
            wire.send(ours(wire, Flags.RST, seq=ISS + 1))


@isolated
def test_a_wrong_checksum_goes_out_and_is_seen_as_wrong() -> None:
    from dataclasses import replace

    for host in ("127.0.0.1", "::1"):
        with Wire(host, 0, host, 9) as wire:
            wire.send(replace(ours(wire, Flags.SYN, seq=ISS), checksum=Checksum.WRONG))
            _, seen = next_frame(wire, Direction.OUT)
            assert seen.checksum is Checksum.WRONG
            assert wire.receive(0) is None  # the kernel took no notice, not even to refuse


@isolated
def test_receive_waits_until_its_deadline_and_no_longer() -> None:
    with Wire("127.0.0.1", 0, "127.0.0.1", 9) as wire:
        deadline = wire.now() + SECOND // 50
        assert wire.receive(deadline) is None
        assert wire.now() >= deadline
        assert wire.receive(0) is None


@isolated
def test_a_selector_sees_when_there_is_a_frame() -> None:
    with Wire("127.0.0.1", 0, "127.0.0.1", 9) as wire:
        poll = select.poll()
        poll.register(wire, select.POLLIN)
        assert poll.poll(0) == []
        wire.send(ours(wire, Flags.SYN, seq=ISS))
        assert poll.poll(5000) == [(wire.fileno(), select.POLLIN)]


@isolated
def test_closing_it_closes_all() -> None:
    def descriptors() -> set[str]:
        listed = list(Path("/proc/thread-self/fd").iterdir())
        return {path.name for path in listed if path.exists()}  # the listing's own has gone

    Wire("127.0.0.1", 0, "127.0.0.1", 9).close()  # what is loaded at the first use stays open
    before = descriptors()
    wire = Wire("127.0.0.1", 0, "127.0.0.1", 9)
    assert {str(one) for one in wire.filenos()} == descriptors() - before
    wire.close()
    assert descriptors() == before
    for source, port in (("198.51.100.1", 0), ("127.0.0.1", 0)):
        with pytest.raises(Failure):
            Wire(source, port, "127.0.0.1", 9, interface="nope0")
        assert descriptors() == before


@isolated
def test_without_the_capability_it_says_so() -> None:
    keep_capabilities(NET_ADMIN)
    assert not raw_sockets_allowed()
    for attempt in (
        lambda: Sender("127.0.0.1"),
        lambda: Capture("127.0.0.1", 1, None, None),
        lambda: Wire("127.0.0.1", 0, "127.0.0.1", 9),
    ):
        with pytest.raises(Failure, match="CAP_NET_RAW") as failed:
            attempt()
        assert failed.value.status is Exit.NO_PRIVILEGE


@isolated
def test_without_a_route_it_says_so() -> None:
    for source, target in (("127.0.0.1", "192.0.2.1"), ("::1", "2001:db8::1")):
        with pytest.raises(Failure, match=target) as failed:
            source_for(target)
        assert failed.value.status is Exit.NO_ROUTE
        with Sender(source) as sender, pytest.raises(Failure, match=target) as failed:
            sender.send(bytes([0x45 if ":" not in source else 0x60]) + bytes(59), target)
        assert failed.value.status is Exit.NO_ROUTE


@isolated
def test_a_source_or_an_interface_that_is_not_there() -> None:
    for source in ("198.51.100.1", "2001:db8::1"):
        for attempt in (Sender, Guard, check_source):
            with pytest.raises(Failure, match=source) as failed:
                attempt(source)
            assert failed.value.status is Exit.FOREIGN_SOURCE
    with pytest.raises(Failure, match="'nope0'") as failed:
        Sender("127.0.0.1", interface="nope0")
    assert failed.value.status is Exit.INTERFACE_DOWN


@isolated
def test_a_packet_longer_than_the_mtu_is_refused() -> None:
    import fcntl
    import struct

    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8922, struct.pack("16si20x", b"lo", 1400))  # SIOCSIFMTU
    assert source_for("127.0.0.1").mtu == 1400
    with Wire("127.0.0.1", 0, "127.0.0.1", 9) as wire:
        wire.send(ours(wire, Flags.ACK, seq=ISS, payload=bytes(1360)))
        with pytest.raises(Failure, match="1401 octets") as failed:
            wire.send(ours(wire, Flags.ACK, seq=ISS, payload=bytes(1361)))
        assert failed.value.status is Exit.USAGE
        assert isinstance(failed.value.__cause__, OSError)
        assert failed.value.__cause__.errno == errno.EMSGSIZE


@isolated
def test_bound_to_an_interface_it_sends_over_that() -> None:
    with listening("127.0.0.1", socket.AF_INET) as server:
        port = server.getsockname()[1]
        with Wire("127.0.0.1", 0, "127.0.0.1", port, interface="lo") as wire:
            shake_hands(wire)
            wire.send(ours(wire, Flags.RST, seq=ISS + 1))
