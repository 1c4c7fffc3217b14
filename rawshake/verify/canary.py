"""The canary: a whole handshake that anyone may make, to see whether the target still serves."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Conversation, Ending, Peer

#: Seconds for all of it; and after how many of them a SYN that may have been lost is sent again.
PATIENCE: Final = 1.0
AGAIN: Final = 0.3


def canary(peer: Peer) -> Generator[Action[Any], Any, bool]:
    """Open a connection and see that it is held; whether the target serves. A lost segment is no sign of distress."""
    for _ in range(round(PATIENCE / AGAIN)):
        yield from peer.send("S <mss 1460>")
        came = yield from peer.next(within=AGAIN)
        if came is not None:
            return (yield from _held(peer)) if came.segment.syn and came.segment.has_ack else False
    return False


def _held(peer: Peer) -> Generator[Action[Any], Any, bool]:
    yield from peer.send(".")
    for _ in range(round(PATIENCE / AGAIN)):
        yield from peer.send("P. 0:", data=b"?")
        came = yield from peer.next(within=AGAIN)
        while came is not None and came.segment.syn:
            came = yield from peer.next(within=AGAIN)
        if came is not None:
            return not came.segment.rst
    return False


def sings(conversation: Conversation) -> bool:
    """What the canary of an ended conversation saw."""
    result = conversation.result
    return result is not None and result.ending is Ending.PLAYED and result.value is True
