"""Many scripts over one wire, against the lab's kernel: each has its own port, and nothing is left at the server."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from rawshake.errors import Exit, Failure
from rawshake.link import Seen
from rawshake.net import packetsocket
from rawshake.net.lab.namespaces import Lab, Side
from rawshake.net.shared import SharedWire
from rawshake.play import Conversation, Ending, Peer, Place, Script, close, handshake
from rawshake.play.perform import Troupe
from rawshake.rules import book
from rawshake.rules.model import Verdict
from rawshake.tcp.decode import Reason, Undecoded, decode
from rawshake.tcp.state import State

SECOND = 1_000_000_000


def numbers() -> Iterator[int]:
    while True:
        yield int.from_bytes(os.urandom(4), "big")


@contextmanager
def wire(lab: Lab, address: str) -> Iterator[SharedWire]:
    source = "192.0.2.1" if ":" not in address else "2001:db8::1"
    with SharedWire(source, address) as opened:
        yield opened


def play(lab: Lab, address: str, server: str, *scripts: Callable[[Peer], Script]) -> list[Conversation]:
    strangers: list[Seen] = []
    with wire(lab, address) as link:
        place = Place(
            here=link.source, there=address, port=lab.ports[server], sports=link.ports(), isns=numbers()
        )
        playing = [Conversation(script, place, book()) for script in scripts]
        troupe = Troupe(link, on_stranger=strangers.append)
        for one in playing:
            troupe.add(one)
        troupe.run(deadline=link.now() + 30 * SECOND)
        troupe.settle(SECOND)
        assert troupe.playing == 0
        assert strangers == []
        assert not any(peer.uncaptured for one in playing for peer in one.peers)
        for one in playing:
            for exchange in one.exchanges():
                assert [
                    found for found in exchange.findings if found.verdict is Verdict.FAIL and not found.ours
                ] == []
                assert lab.control.state(exchange.server, exchange.client).state is State.CLOSED
    return playing


def results(playing: list[Conversation]) -> list[object]:
    for one in playing:
        assert one.result is not None
        assert one.result.ending is Ending.PLAYED, one.result
    return [one.result.value for one in playing if one.result is not None]


def echo(peer: Peer) -> Script:
    yield from handshake(peer)
    yield peer.send("P.", data=b"hello")
    answer = yield from peer.expect('P. 1:6(5) "hello"')
    yield peer.send(".")
    yield from close(peer)
    return answer.segment.payload


def left_open(peer: Peer) -> Script:
    other = peer.another()
    for one in (peer, other):
        yield from handshake(one)
    return b"hello"


def odd(peer: Peer) -> Script:
    """What is broken is dropped in silence, and the connection lives."""
    yield from handshake(peer)
    yield peer.send("P. [bad checksum]", data=b"x")
    yield peer.send("P.", data=b"x", offset=4)
    yield peer.send("P.", data=b"x", cut=19)
    yield peer.send("P.", data=b"x", src=peer.there[0])
    yield peer.quiet(0.3)
    yield peer.send("P.123", data=b"x")
    answer = yield from peer.expect('P. 1:2(1) ack 2 "x"')
    yield peer.send(".")
    return answer.segment.payload * 5


def test_scripts_against_a_kernel(lab: Lab, address: str) -> None:
    playing = play(lab, address, "echo", echo, left_open, odd)
    assert results(playing) == [b"hello", b"hello", b"xxxxx"]


def test_a_hundred_at_once(lab: Lab) -> None:
    playing = play(lab, lab.address4, "echo", *[echo] * 100)
    assert results(playing) == [b"hello"] * 100
    assert len({one.peers[0].here[1] for one in playing}) == 100


def test_a_port_that_is_closed(lab: Lab, address: str) -> None:
    def refused(peer: Peer) -> Script:
        yield peer.send("S")
        yield peer.expect("R. =0:0(0) ack 1", strict=True)
        yield peer.send("F. ack =77")
        yield peer.expect("R =77:77(0)", strict=True)
        yield peer.send("R")
        yield peer.quiet(0.2)

    results(play(lab, address, "closed", refused))


def test_icmp_that_we_send_is_heard(lab: Lab, address: str) -> None:
    """A smaller MTU: what is sent again is cut to it."""

    def smaller(peer: Peer) -> Script:
        yield from handshake(peer)
        kind = (2, 0) if ":" in peer.there[0] else (3, 4)
        first = yield from peer.expect(". 1:", within=2)
        yield peer.send_icmp(first.segment, type=kind[0], code=kind[1], mtu=1300)
        again = yield from peer.expect(". 1:", within=2)
        assert first.segment.payload_length > 1300 > again.segment.payload_length

    results(play(lab, address, "sends-bulk", smaller))


def test_a_segment_in_fragments_is_put_together_by_a_kernel(lab: Lab, address: str) -> None:
    def scattered(peer: Peer) -> Script:
        yield from handshake(peer)
        yield peer.send("P.", data=b"hello" * 20, fragment=48)
        answer = yield from peer.expect(". 1:101(100) ack 101")
        yield peer.send(".")
        return answer.segment.payload

    with packetsocket.opened() as tap:
        packetsocket.bind(tap)
        assert results(play(lab, address, "echo", scattered)) == [b"hello" * 20]
        seen = []
        with suppress(BlockingIOError):
            while True:
                seen.append(decode(tap.recv(packetsocket.ROOM, socket.MSG_DONTWAIT)))
    fragments = [one for one in seen if isinstance(one, Undecoded) and one.reason is Reason.FRAGMENT]
    assert len(fragments) == 3, seen


def test_a_port_given_back_is_the_kernels_again(lab: Lab) -> None:
    with wire(lab, lab.address4) as link:
        ports = link.ports()
        first, second = next(ports), next(ports)
        assert first != second
        with pytest.raises(Failure) as raised:
            next(link.ports(first))
        assert raised.value.status is Exit.PORT_TAKEN
        link.release(first)
        assert next(link.ports(first)) == first


def test_what_passed_before_a_port_was_guarded_is_not_told(lab: Lab, address: str) -> None:
    """The kernel has answered that: whoever dials a port of ours again and again was refused until then."""
    with wire(lab, address) as link:
        with socket.create_connection((address, lab.ports["echo"]), timeout=5) as client:
            port = client.getsockname()[1]
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert next(link.ports(port)) == port
        assert link.receive(link.now() + SECOND // 5) is None


def test_a_kernel_that_answers_for_us_is_a_stranger(lab: Lab) -> None:
    """Without the guard our kernel resets what it does not know: that is seen, and is nobody's."""
    strangers: list[Seen] = []

    def script(peer: Peer) -> Script:
        yield peer.send("S")
        yield peer.expect("S.")
        yield peer.wait(0.1)

    with wire(lab, lab.address4) as link:
        place = Place(
            here=link.source, there=lab.address4, port=lab.ports["echo"], sports=link.ports(), isns=numbers()
        )
        one = Conversation(script, place)
        link._guards[one.peers[0].here[1]].close()
        troupe = Troupe(link, on_stranger=strangers.append)
        troupe.add(one)
        troupe.run(deadline=link.now() + 5 * SECOND)
    assert [(str(seen.what.flags), seen.ours) for seen in strangers] == [("R", True)]  # type: ignore[union-attr]


def test_no_address_of_ours(lab: Lab) -> None:
    with lab.entered(Side.CLIENT), pytest.raises(Failure) as raised:
        SharedWire("203.0.113.9", lab.address4)
    assert raised.value.status is Exit.FOREIGN_SOURCE
