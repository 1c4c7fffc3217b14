"""A reset at RCV.NXT ends FIN-WAIT-1, FIN-WAIT-2, CLOSING and TIME-WAIT (RFC 9293 3.10.7.4, second)."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake

PEER = "closes-first"


def script(peer: Peer) -> Script:
    """One connection for each state, of a server that closes first. RFC 1337 would rather keep TIME-WAIT."""
    first, second, closing, last = (peer, *(peer.another() for _ in range(3)))

    yield from finished(first)
    yield first.send("R 1:1(0)")
    yield from gone(first)

    yield from finished(second)
    yield second.send(".")
    yield second.quiet(0.2)
    yield second.send("R 1:1(0)")
    yield from gone(second)

    yield from finished(closing)
    fin = closing.their.top
    yield closing.send(f"F. 1:1(0) ack {fin - 1}")
    yield closing.expect(". ack 2")
    yield closing.send("R 2:2(0)")
    yield from gone(closing)

    yield from finished(last)
    yield last.send(".")
    yield last.send("F.")
    yield last.expect(". ack 2")
    yield last.send("R 2:2(0)")
    yield from gone(last)


def finished(peer: Peer) -> Script:
    """Open, and wait for their FIN."""
    yield from handshake(peer)
    yield peer.expect("F.", within=2)


def gone(peer: Peer) -> Script:
    """Where there is no connection any more, an ACK draws a reset at its number."""
    yield peer.quiet(0.2)
    yield peer.send(". ack 1")
    yield peer.expect("R 1:1(0)", strict=True)
