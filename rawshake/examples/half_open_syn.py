"""We lost our memory and call again; the other end still has the old connection (RFC 9293 Figure 9)."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake

PEER = "echo"


def script(peer: Peer) -> Script:
    """Its ACK shows where the old connection is, our reset ends it, and the next SYN opens a new one."""
    yield from handshake(peer)
    yield peer.send("S 400:400(0) <mss 1460>")
    yield peer.expect(". 1:1(0) ack 1")
    yield peer.send("R 1:1(0)")
    yield peer.quiet(0.2)
    peer.restart((peer.isn + 400).value)
    yield from handshake(peer)
    yield peer.send("P. 1:6(5) ack 1")
    yield peer.expect(". ack 6")
