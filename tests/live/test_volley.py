"""Many packets in one call: all that passes is seen once and whole, with times; and how many ports there may be."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from rawshake.errors import Exit, Failure
from rawshake.link import Direction, Frame
from rawshake.many.packets import Template
from rawshake.net.craft import build
from rawshake.net.volley import MANY, Volley, make_room
from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.live.isolated import isolated

LOOPBACK = 1
HOST = {4: "127.0.0.1", 6: "::1"}


@contextmanager
def listening(version: int = 4, backlog: int = 1000) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    with socket.create_server((HOST[version], 0), family=family, backlog=backlog) as listener:
        yield listener


def syn(volley: Volley, port: int) -> Segment:
    return Segment(
        src=volley.source,
        dst=volley.target,
        sport=port,
        dport=volley.dport,
        seq=Seq(1000),
        flags=Flags.SYN,
        window=65535,
    )


def opened(version: int, listener: socket.socket, count: int) -> Volley:
    return Volley(HOST[version], HOST[version], listener.getsockname()[1], count, index=LOOPBACK)


def send_syns(volley: Volley) -> None:
    template = Template(build(syn(volley, 1), ident=7))
    ports = np.array(volley.ports, np.int64)
    volley.send(template.packets(ports, ports * 1000, np.zeros_like(ports)))


def received(volley: Volley) -> list[Frame]:
    frames: list[Frame] = []
    while (batch := volley.receive()) is not None:
        frames += [batch.frame(at) for at in range(len(batch.rows))]
    return frames


@pytest.mark.parametrize("version", [4, 6])
@isolated
def test_each_packet_once_in_order_with_its_time(version: int) -> None:
    with listening(version) as listener, opened(version, listener, MANY + 44) as volley:
        before = volley.now()
        send_syns(volley)
        frames = received(volley)
        after = volley.now()
        assert len(frames) == 2 * len(volley.ports)
        assert volley.lost == 0
    times = [frame.time for frame in frames]
    assert before <= times[0] <= times[-1] <= after
    segments = [decode(frame.packet, offloaded=frame.offloaded) for frame in frames]
    ours = {one.sport: one for one in segments if isinstance(one, Segment) and not one.has_ack}
    theirs = {one.dport: one for one in segments if isinstance(one, Segment) and one.has_ack}
    assert ours.keys() == theirs.keys() == set(volley.ports)
    assert all(theirs[port].ack == ours[port].seq + 1 == Seq(port * 1000) + 1 for port in ours)
    for frame, segment in zip(frames, segments, strict=True):
        assert isinstance(segment, Segment)
        assert (frame.direction is Direction.OUT) is not segment.has_ack


@isolated
def test_what_is_longer_than_a_row_is_whole() -> None:
    with listening() as listener, opened(4, listener, 1) as volley:
        send_syns(volley)
        (_, answer) = (decode(frame.packet) for frame in received(volley))
        assert isinstance(answer, Segment)
        ack = Segment(
            src=volley.source,
            dst=volley.target,
            sport=answer.dport,
            dport=volley.dport,
            seq=answer.ack,
            ack=answer.seq + 1,
            flags=Flags.ACK,
            window=65535,
        )
        volley.transmit(ack)
        connection, _ = listener.accept()
        with connection:
            connection.sendall(bytes(range(256)) * 16)
            seen = [decode(frame.packet) for frame in received(volley)]
    data = b"".join(one.payload for one in seen if isinstance(one, Segment))
    assert data == (bytes(range(256)) * 16)[: len(data)]
    assert len(data) > 200
    assert max(len(one.payload) for one in seen if isinstance(one, Segment)) > 128


@isolated
def test_the_kernel_resets_nothing() -> None:
    with listening() as listener, opened(4, listener, 4) as volley:
        send_syns(volley)
        received(volley)
        assert received(volley) == []  # no RST of the kernel's has followed


@isolated
def test_its_ports_are_given_back() -> None:
    with listening() as listener:
        with opened(4, listener, 3) as volley:
            ports = volley.ports
        for port in ports:
            with socket.create_server((HOST[4], port)):
                pass


@pytest.fixture
def limits() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("limits")
def test_room_for_more_ports_is_made() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    make_room(300)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 300


@pytest.mark.usefixtures("limits")
def test_too_many_ports_are_refused_in_a_sentence() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(Failure, match=f"this process may have {hard}") as refused:
        make_room(hard)
    assert refused.value.status is Exit.USAGE
