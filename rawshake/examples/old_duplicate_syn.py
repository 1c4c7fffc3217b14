"""An old SYN arrives late; the reset that its answer draws leads back to LISTEN (RFC 9293 Figures 8 and 11)."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake

PEER = "echo"


def script(peer: Peer) -> Script:
    """The new SYN from the same port is answered as if the old one had never been."""
    yield peer.send("S 0:0(0) <mss 1460>")
    yield peer.expect("S. 0:0(0) ack 1")
    yield peer.send("R 1:1(0)")
    yield peer.quiet(2.5)  # a SYN,ACK that came again would say that it is still in SYN-RECEIVED
    peer.restart((peer.isn + 100_000).value)
    yield from handshake(peer)
    yield peer.send("P. 1:6(5) ack 1")
    yield peer.expect(". ack 6")
