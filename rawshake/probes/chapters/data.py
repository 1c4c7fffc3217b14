"""Probes on data: acknowledged, put in order, given to the program as it was sent."""

from __future__ import annotations

from rawshake.play import Peer, Script, handshake
from rawshake.probes.registry import probe
from rawshake.rules.model import Level


@probe(
    "data-acked-cumulatively", "D01", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE,
    rules="ack-is-cumulative delayed-ack-under-500ms",
)  # fmt: skip
def data_acked_cumulatively(peer: Peer) -> Script:
    """Data in order is acknowledged by the number after its last octet, within half a second each time.

    An acknowledgment of less has it sent again; one of more loses what was never received.
    """
    yield from handshake(peer)
    yield peer.send("P.", data=b"first")
    yield peer.expect(". ack 6", within=0.6)
    yield peer.send("P.", data=b"second")
    yield peer.expect(". ack 12", within=0.6)
