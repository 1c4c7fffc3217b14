"""We lost our memory, and the other end sends data over the old connection: a reset ends it (RFC 9293 Figure 10)."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake

PEER = "banner"


def script(peer: Peer) -> Script:
    """Its data belongs to no connection of ours, so our reset has the number that it acknowledges."""
    yield from handshake(peer)
    data = yield peer.expect("P. 1: ack 1", within=2)
    yield peer.send(f"R ={data.segment.ack}:")
    yield peer.quiet(1.5)  # otherwise the data would come again
