"""Probes on opening a connection, where the target is the server."""

from __future__ import annotations

from rawshake.play import Peer, Script
from rawshake.probes.model import Holds
from rawshake.probes.registry import probe
from rawshake.rules.model import Level


@probe(
    "syn-opens", "E01", "RFC 9293 3.10.7.2; RFC 9293 3.5", Level.PROCEDURE,
    rules="synack-ack-is-isn-plus-1 synack-form", holds=Holds.HALF_OPEN,
)  # fmt: skip
def syn_opens(peer: Peer) -> Script:
    """A SYN to an open port is answered by SYN and ACK, acknowledging the SYN and nothing else.

    Without this nothing opens. Stacks with SYN cookies answer the same way; what they forget shows later.
    """
    yield peer.send("S <mss 1460>")
    yield peer.expect("S. (0) ack 1")
