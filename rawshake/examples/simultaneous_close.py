"""Both ends close at once: FINs cross, both pass through CLOSING into TIME-WAIT (RFC 9293 Figure 13)."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake

PEER = "closes-first"


def script(peer: Peer) -> Script:
    """Our FIN does not acknowledge theirs, as if that were still under way."""
    yield from handshake(peer)
    peer.crossing = True
    yield peer.expect("F.", within=2)
    fin = peer.their.top
    yield peer.send(f"F. 1:1(0) ack {fin - 1}")
    peer.crossing = False
    yield peer.expect(f". {fin}:{fin}(0) ack 2")
    yield peer.send(f". 2:2(0) ack {fin}")
    yield peer.quiet(1)
    # TIME-WAIT, since in CLOSED this would draw a reset.
    yield peer.send(f"F. 1:1(0) ack {fin}")
    yield peer.expect(f". {fin}:{fin}(0) ack 2", strict=True)
