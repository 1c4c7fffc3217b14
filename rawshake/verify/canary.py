"""The canary: a whole handshake that anyone may make, to see whether the target still serves."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Conversation, Ending, Peer
from rawshake.tcp.view import Step

#: Seconds for all of it; and after how many of them a SYN that may have been lost is sent again.
PATIENCE: Final = 1.5
AGAIN: Final = 0.5


def canary(peer: Peer) -> Generator[Action[Any], Any, bool]:
    """Open a connection and see that it is held; whether the target serves. A lost segment is no sign of distress."""
    for _ in range(round(PATIENCE / AGAIN)):
        yield from peer.send("S <mss 1460>")
        came = yield from peer.next(within=AGAIN)
        if came is not None:
            return (yield from _held(peer)) if came.segment.syn and came.segment.has_ack else False
    return False


def _held(peer: Peer) -> Generator[Action[Any], Any, bool]:
    """Whether it answers an octet of the connection: an old one, which no program hears of; or else a new one."""
    yield from peer.send(".")
    for octet in (
        "P. 0:",
        "P. 0:",
        "P. 1:",
    ):  # one may get lost; and there are stacks that answer nothing old
        yield from peer.send(octet, data=b"?")
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


def lost(conversation: Conversation) -> bool:
    """Whether it was answered only when it had asked again: the road loses segments, or is slow."""
    peer = conversation.peers[0]
    syns = [one for one in peer.entries if isinstance(one, Step) and one.ours and one.segment.syn]
    return sings(conversation) and len(syns) > 1
