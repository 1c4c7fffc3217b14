"""What a server that echoes has sent back, compared with what it was sent; used as ``yield from``."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from rawshake.play import Action, Peer
from rawshake.probes.model import Check, broken
from rawshake.probes.park import PROGRAM
from rawshake.tcp.seq import Seq
from rawshake.tcp.stream import Stream
from rawshake.tcp.view import Step


def echoed(peer: Peer, sent: bytes) -> Generator[Action[Any], Any, Check | None]:
    """Gather what is echoed, acknowledging it, until it is as much as was ``sent``; for a probe to return."""
    stream = Stream((peer.their_isn or Seq(0)) + 1)
    got = b""
    for entry in peer.entries:
        if isinstance(entry, Step) and entry.sender is not peer.end:
            got += stream.put(entry.segment.data_seq, entry.segment.payload)
    while len(got) < len(sent):
        came = yield from peer.next(within=PROGRAM)
        if came is None or came.segment.rst:
            break
        fresh = stream.put(came.segment.data_seq, came.segment.payload)
        got += fresh
        if fresh:
            yield from peer.send(".")
    if got == sent:
        return None
    return broken("The echo is not what was sent.", field="payload", expected=sent, actual=got)
