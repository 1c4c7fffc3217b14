"""The resets at the end are at the numbers that the target said, and should have; who said nothing gets none."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake, rehearse
from rawshake.probes.model import Server
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.verify.leaving import resets
from tests.probes.stack import PORTS, Stack


def left(stack: Stack, *texts: str) -> list[Segment]:
    """The resets after a handshake and ``texts``."""
    found: list[Segment] = []

    def script(peer: Peer) -> Script:
        if texts:
            yield from handshake(peer)
        for text in texts:
            yield peer.send(text)
        yield peer.wait(0.1)
        found.extend(resets(peer))

    rehearse(script, stack, port=PORTS[Server.NO_READ], isn=999)
    return found


def test_a_reset_is_exact() -> None:
    (reset,) = left(Stack(), "P. (5)")
    assert (reset.flags, reset.seq, reset.sport, reset.dport) == (
        Flags.RST,
        Seq(1005),
        40_000,
        PORTS[Server.NO_READ],
    )


def test_where_the_target_took_less_than_it_was_sent_both_numbers_are_tried() -> None:
    stack = Stack(moves=lambda before, after: before if before.state.synchronized else after)
    assert [reset.seq for reset in left(stack, "P. (5)")] == [Seq(1005)]
    silent = Stack(alter=lambda segment: segment if segment.syn else None)
    assert [reset.seq for reset in left(silent, "P. (5)")] == [Seq(1000), Seq(1005)]


def test_whoever_said_nothing_is_let_be() -> None:
    assert left(Stack(alter=lambda segment: None), "P. (5)") == []
    assert left(Stack()) == []
