"""A reset means nothing to LISTEN; at RCV.NXT it ends SYN-RECEIVED, ESTABLISHED and LAST-ACK (RFC 9293 3.10.7)."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake

PEER = "echo"


def script(peer: Peer) -> Script:
    """One connection for each state; in ESTABLISHED first a reset that must not be believed."""
    waiting, open_, last = peer, peer.another(), peer.another()
    yield waiting.send("R 0:0(0)")  # 3.10.7.2, first
    yield waiting.quiet(0.2)
    yield waiting.send("S <mss 1460>")
    yield waiting.expect("S. 0: ack 1")
    yield waiting.send("R 1:1(0)")
    yield from gone(waiting)

    yield from handshake(open_)
    yield open_.send("R 2:2(0)")  # inside the window, and not at RCV.NXT: challenged
    yield open_.expect(". 1:1(0) ack 1", strict=True)
    yield open_.send("R 1:1(0)")
    yield from gone(open_)

    yield from handshake(last)
    yield last.send("F. 1:1(0) ack 1")
    yield last.expect("F. 1: ack 2")
    yield last.send("R 2:2(0)")
    yield from gone(last)


def gone(peer: Peer) -> Script:
    """Where there is no connection any more, an ACK draws a reset at its number."""
    yield peer.quiet(0.2)
    yield peer.send(f". {peer.our.top}: ack 1")
    yield peer.expect("R 1:1(0)", strict=True)
