"""Probes on closing a connection, from either end."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake
from rawshake.probes.model import Server
from rawshake.probes.registry import probe
from rawshake.rules.model import Level


@probe(
    "fin-acked-at-once",
    "T01",
    "RFC 9293 3.10.7.4; RFC 9293 3.8.6.3 MUST-40",
    Level.PROCEDURE,
    rules="fin-acked",
)
def fin_acked_at_once(peer: Peer) -> Script:
    """A FIN in ESTABLISHED is acknowledged by its number + 1, within half a second.

    Whoever waits for that in FIN-WAIT-1 sends its FIN again and again otherwise. Linux may take 40 ms, when it hopes
    that the program closes and its own FIN carries the acknowledgment.
    """
    yield from handshake(peer)
    yield peer.send("F.")
    yield peer.expect(".F? ack 2", within=0.6)


@probe(
    "closes-after-eof", "T02", "RFC 9293 3.6; RFC 9293 3.10.7.4", Level.PROCEDURE,
    rules="passive-close-sequence", server=Server.CLOSES_ON_EOF,
)  # fmt: skip
def closes_after_eof(peer: Peer) -> Script:
    """A server that closes on end of file sends one FIN, at SND.NXT, that acknowledges ours.

    A FIN with another number would never be taken by a careful client, and the connection would hang in LAST-ACK.
    """
    yield from handshake(peer)
    yield peer.send("F.")
    yield peer.expect("F. 1:1(0) ack 2", within=5)
