"""A SYN is answered by a bare ACK and then a SYN: the handshake takes four segments (RFC 9293 3.5, 3.10.7.3).

The other end has to dial us, from any port; ours is the port that is given. Middleboxes that guess who is the
client by the first SYN,ACK take it for the wrong one.
"""

from __future__ import annotations

from rawshake.play import Peer, Script

PEER = "caller"


def script(peer: Peer) -> Script:
    """ACK, SYN, their SYN,ACK, and our ACK of that."""
    yield peer.expect("S 0:0(0)", within=10)
    # In SYN-SENT an ACK alone does nothing.
    yield peer.send(". 1:1(0) ack 1")
    yield peer.quiet(0.3)
    yield peer.send("S 0:0(0) <mss 1460>")
    yield peer.expect("S. 0:0(0) ack 1")
    yield peer.send(". 1:1(0) ack 1")
    yield peer.send("P. 1:6(5) ack 1")
    yield peer.expect(". 1: ack 6")
