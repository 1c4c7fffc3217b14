"""In SYN-SENT a reset counts if it acknowledges the SYN, and not otherwise (RFC 9293 3.10.7.3, second).

The other end has to dial us, from any port; ours is the port that is given.
"""

from __future__ import annotations

from rawshake.play import Peer, Script

PEER = "caller"


def script(peer: Peer) -> Script:
    """Three that must not be believed, and one that must."""
    yield peer.expect("S 0:0(0)", within=10)
    yield peer.send("R =0:")
    yield peer.send("R. =0: ack 0")
    yield peer.send("R. =0: ack 2")
    # It is still there: its SYN comes again.
    yield peer.expect("S 0:0(0)", within=4)
    yield peer.send("R. =0: ack 1")
    yield peer.quiet(4)
