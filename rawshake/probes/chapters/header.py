"""Probes on headers: checksums, flags, lengths, reserved bits."""

from __future__ import annotations

from rawshake.play import Peer, Script
from rawshake.probes.model import Holds
from rawshake.probes.registry import probe
from rawshake.rules.model import Level


@probe(
    "bad-checksum-ignored", "H01", "RFC 9293 3.1 MUST-3", Level.MUST,
    rules="checksum-bad-segment-dropped", holds=Holds.HALF_OPEN,
)  # fmt: skip
def bad_checksum_ignored(peer: Peer) -> Script:
    """A SYN with a wrong checksum is not answered; the same with the right one is.

    What a line has garbled must not open, close or fill a connection. Network cards verify checksums for many
    stacks, so that a stack that does not may pass here.
    """
    yield peer.send("S <mss 1460>", checksum=0x1234)
    yield peer.quiet(0.6)
    yield peer.send("S <mss 1460>")
    yield peer.expect("S. ack 1")
