"""Both ends dial at once: two SYNs cross, and make one connection (RFC 9293 Figure 7).

The other end has to dial us, from any port; ours is the port that is given.
"""

from __future__ import annotations

from rawshake.play import Peer, Script

PEER = "caller"


def script(peer: Peer) -> Script:
    """Our SYN leaves as if theirs were still under way; then both are in SYN-RECEIVED."""
    yield peer.expect("S 0:0(0)", within=10)
    yield peer.send("S 0:0(0) <mss 1460>")
    # The same SYN once more, and with the acknowledgment of ours.
    yield peer.expect("S. 0:0(0) ack 1")
    yield peer.send("S. 0:0(0) ack 1 <mss 1460>")
    # A SYN,ACK that came again would say that ours was not taken. Linux acknowledges it; nobody has to.
    yield peer.quiet(1.5, but=[". 1:1(0) ack 1"])
    yield peer.send("P. 1:6(5) ack 1")
    yield peer.expect(". 1: ack 6")
