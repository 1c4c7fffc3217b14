"""What many scripts begin or end with; used as ``yield from handshake(peer)``."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from rawshake.play.actions import Action, Arrival
from rawshake.play.peer import PATIENCE, Peer


def handshake(
    peer: Peer, options: str = "<mss 1460>", *, within: float = PATIENCE
) -> Generator[Action[Any], Any, Arrival]:
    """Open the connection, with ``options`` on our SYN; gives the SYN,ACK."""
    yield from peer.send(f"S {options}")
    synack = yield from peer.expect("S. 0: ack 1", within=within)
    yield from peer.send(".")
    return synack


def close(peer: Peer, *, within: float = PATIENCE) -> Generator[Action[Any], Any, Arrival]:
    """Close first: our FIN, their acknowledgment and FIN, our acknowledgment of that; gives their FIN."""
    yield from peer.send("F.")
    fin = yield from peer.expect(f"F. ack {peer.our.top}", within=within)
    yield from peer.send(".")
    return fin
