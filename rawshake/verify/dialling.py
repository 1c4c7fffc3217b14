"""How a target is had to dial out: a server there connects to the port that it is told as a line of text."""

from __future__ import annotations

from typing import Final

from rawshake.play import Peer, Script, ScriptFunction, Unexpected, handshake

#: Seconds that the line may take to be acknowledged, and how often it is sent again.
PATIENCE: Final = 1.0
TRIES: Final = 3
#: Seconds for which the server keeps its connection to us before it is told to let go: it may read slowly.
HELD: Final = 2.0


def calling(port: int) -> ScriptFunction:
    """A script that tells the server at the other end to dial our ``port``."""
    line = f"{port}\n".encode()

    def script(peer: Peer) -> Script:
        try:
            yield from handshake(peer)
            for _ in range(TRIES):
                yield peer.send("P. 1:", data=line)
                came = yield from peer.next(within=PATIENCE)
                if came is not None:
                    break
            yield peer.wait(HELD)
        except Unexpected:
            return  # whoever waits to be dialled will say that nothing came

    return script
