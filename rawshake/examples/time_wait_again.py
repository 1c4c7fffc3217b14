"""In TIME-WAIT a FIN that comes again is acknowledged again (RFC 9293 3.10.7.4, eighth)."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake

PEER = "closes-first"


def script(peer: Peer) -> Script:
    """As if the last ACK had been lost, three times."""
    yield from handshake(peer)
    yield peer.expect("F.", within=2)
    yield peer.send(".")
    yield peer.send("F.")
    last = yield peer.expect(". ack 2")
    for _ in range(3):
        yield peer.wait(0.6)  # more often than twice a second it need not answer (RFC 5961 section 7)
        yield peer.send(f"F. 1:1(0) ack {peer.our.rcv_nxt}")
        yield peer.expect(f". ={last.segment.seq}: ack 2", strict=True)
