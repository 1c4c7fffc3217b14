"""A SYN,ACK that acknowledges what was never sent is refused, and SYN-SENT goes on (RFC 9293 3.10.7.3, first).

The other end has to dial us, from any port; ours is the port that is given.
"""

from __future__ import annotations

from rawshake.play import Peer, Script

PEER = "caller"


def script(peer: Peer) -> Script:
    """Below the window, above it, and without SYN; then the right one."""
    yield peer.expect("S 0:0(0)", within=10)
    yield peer.send("S. 0:0(0) ack 0")
    yield peer.expect("R 0:0(0)")
    yield peer.send("S. 0:0(0) ack 2")
    yield peer.expect("R 2:2(0)")
    yield peer.send(". 1:1(0) ack 1000")
    yield peer.expect("R 1000:1000(0)")
    # It has not given up: the SYN comes again.
    yield peer.expect("S 0:0(0)", within=4)
    yield peer.send("S. 0:0(0) ack 1")
    yield peer.expect(". 1:1(0) ack 1")
