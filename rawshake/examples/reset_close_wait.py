"""A reset at RCV.NXT ends CLOSE-WAIT (RFC 9293 3.10.7.4, second): here of a server that has more to say."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake

PEER = "sends-bulk"


def script(peer: Peer) -> Script:
    """Our window is closed, so its FIN cannot follow ours."""
    peer.window = 0
    yield from handshake(peer)
    yield peer.send("F. 1:1(0) ack 1")
    yield peer.expect(". 1: ack 2")
    yield peer.collect(0.1)
    yield peer.send("R 2:2(0)")
    yield peer.quiet(1.5)  # no more probes of our window
    yield peer.send(". 2:2(0) ack 1")
    yield peer.expect("R 1:1(0)", strict=True)
