"""Data and FIN in one segment: the data is taken first, then the end (RFC 9293 3.10.7.4, seventh and eighth)."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake

PEER = "echo"


def script(peer: Peer) -> Script:
    """The echo comes back whole, with or before the other end's FIN."""
    yield from handshake(peer)
    yield peer.send("FP. 1:6(5) ack 1", data=b"hello")
    answer = yield peer.expect('P. 1: ack 7 "hello"', 'FP. 1: ack 7 "hello"')
    if answer.which == 0:
        yield peer.expect("F. 6: ack 7")
    yield peer.send(". 7:7(0) ack 7")
    yield peer.quiet(0.5)
