"""Probes on resets: when the target sends them, with which numbers, and which it believes."""

from __future__ import annotations

from rawshake.play import Peer, Script, Unexpected
from rawshake.probes.model import Holds, Server, note
from rawshake.probes.park import established
from rawshake.probes.prove import NO_CONNECTION, WATCH, alive, gone, lives
from rawshake.probes.registry import probe
from rawshake.rules.model import Level


@probe(
    "closed-port-refuses", "R01", "RFC 9293 3.10.7.1; RFC 9293 3.5.2", Level.PROCEDURE,
    rules="closed-noack-rst", server=Server.CLOSED, holds=Holds.NOTHING,
)  # fmt: skip
def closed_port_refuses(peer: Peer) -> Script:
    """A SYN to a closed port is answered by <SEQ=0><ACK=SEG.SEQ+1><CTL=RST,ACK>.

    The client in SYN-SENT believes a reset by its ACK only (3.10.7.3): with a wrong one it tries for minutes more.
    Firewalls stay silent; that is theirs, not the stack's.
    """
    yield peer.send("S <mss 1460>")
    yield peer.expect("R. =0: ack 1")


@probe(
    "rst-in-window-challenged",
    "R10",
    "RFC 9293 3.10.7.4; RFC 5961 3.2",
    Level.MUST,
    rules="rst-in-window-challenged",
)
def rst_in_window_challenged(peer: Peer) -> Script:
    """A RST inside the window, but not at RCV.NXT, draws a challenge ACK and ends nothing.

    Else who guesses a number within the window, one of some 65,000, can cut the connections of others. A stack that
    resets follows RFC 793, as the mitigation is not obligatory: that is a note. gVisor did until 2026.
    """
    here = yield from established(peer)
    yield peer.send("R 101:")
    try:
        yield peer.expect(". 1:1(0) ack 1", within=WATCH)
    except Unexpected as unexpected:
        if unexpected.mismatch.silence and (yield from alive(peer, here)) is NO_CONNECTION:
            return note("RFC 793: a RST anywhere in the window resets; RFC 5961 3.2 is not followed.")
        raise
    yield from lives(peer, here)
    return None


@probe(
    "rst-at-rcv-nxt-ends", "R09", "RFC 9293 3.10.7.4; RFC 9293 3.5.3", Level.MUST, rules="rst-exact-resets"
)
def rst_at_rcv_nxt_ends(peer: Peer) -> Script:
    """A RST at RCV.NXT ends the connection at once, and is not answered.

    What is not ended by it stays on for as long as a keep-alive takes, hours, or for ever. A RST that is answered by
    a RST may be answered in turn, without end; one stack once did so.
    """
    here = yield from established(peer)
    yield peer.send("R")
    yield peer.quiet(WATCH)
    yield from gone(peer, here)
