"""Out of TIME-WAIT a SYN above all old numbers may open a new connection (RFC 9293 3.6.1 MAY-2, RFC 6191)."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake

PEER = "closes-first"


def script(peer: Peer) -> Script:
    """If it does, its ISN is above all that the old connection used."""
    yield from handshake(peer)
    fin = yield peer.expect("F.", within=2)
    old = fin.segment.end
    yield peer.send(".")
    yield peer.send("F.")
    yield peer.expect(". ack 2")
    peer.restart((peer.isn + 100_000).value)
    yield peer.send("S 0:0(0) <mss 1460>")
    answer = yield peer.expect("S. 0:0(0) ack 1", ".")
    if answer.which == 1:
        return "it does not: the SYN drew an ACK of the old connection"
    yield peer.send(". 1:1(0) ack 1")
    yield peer.expect("F. ack 1", within=2)
    step = answer.segment.seq - old
    return f"it does: the new ISN is {step} above the old SND.NXT" if step > 0 else f"ISN {step} too low"
