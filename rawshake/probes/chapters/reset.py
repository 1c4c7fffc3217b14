"""Probes on resets where there is no connection: which are sent, with which numbers, and which are believed."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Arrival, Peer, Script, Unexpected
from rawshake.probes.model import Check, Holds, Server, note, undecided
from rawshake.probes.prove import WATCH
from rawshake.probes.registry import probe
from rawshake.rules.model import Level

_WITH_ACK: Final = (
    "RST,ACK where 3.10.7.1 has <SEQ=SEG.ACK><CTL=RST>: its ACK says nothing, and does no harm."
)


def _refused(peer: Peer, text: str) -> Generator[Action[Any], Any, Arrival]:
    """Expect a reset; whoever is as silent to a SYN may be a firewall."""
    try:
        return (yield from peer.expect(text))
    except Unexpected as unexpected:
        if not unexpected.mismatch.silence:
            raise
        other = peer.another()
        yield from other.send("S <mss 1460>")
        if (yield from other.next()) is None:
            undecided("it refuses by silence: a firewall, or a stack that was told to")
        raise


def _serves(peer: Peer) -> Generator[Action[Any], Any, None]:
    yield from peer.send("S <mss 1460>")
    yield from peer.expect("S. ack 1")


@probe(
    "closed-port-refuses", "R01", "RFC 9293 3.10.7.1; RFC 9293 3.5.2", Level.PROCEDURE,
    rules="closed-noack-rst", server=Server.CLOSED, holds=Holds.NOTHING,
)  # fmt: skip
def closed_port_refuses(peer: Peer) -> Script:
    """A SYN to a closed port is answered by <SEQ=0><ACK=SEG.SEQ+1><CTL=RST,ACK>.

    The client in SYN-SENT believes a reset by its ACK only (3.10.7.3): with a wrong one it tries for minutes more.
    Firewalls stay silent; that is theirs, not the stack's, and cannot be told from a stack that does.
    """
    yield peer.send("S <mss 1460>")
    yield from _refused(peer, "R. =0: ack 1")


@probe(
    "closed-port-resets-acks", "R02", "RFC 9293 3.10.7.1; RFC 9293 3.5.2", Level.PROCEDURE,
    rules="closed-ack-rst", server=Server.CLOSED, holds=Holds.NOTHING,
)  # fmt: skip
def closed_port_resets_acks(peer: Peer) -> Script:
    """At a closed port a segment with ACK draws <SEQ=SEG.ACK><CTL=RST>: data, a SYN,ACK, and a FIN,ACK.

    The number is what makes the other end believe it: it is where that awaits the next octet. With any other, a
    connection whose server has gone stays on. lwIP sets ACK as well, which is told as a note.
    """
    yield peer.send("P. 0: ack =100", data=b"0123456789")
    came = yield from _refused(peer, "R.? =100:")
    for flags in ("S.", "F."):
        other = peer.another()
        yield other.send(f"{flags} 0: ack =7000000")
        came = yield from _refused(other, "R.? =7000000:")
    return note(_WITH_ACK) if came.segment.has_ack else None


@probe(
    "closed-port-counts-seg-len", "R03 T24", "RFC 9293 3.10.7.1; RFC 9293 3.4", Level.PROCEDURE,
    rules="closed-noack-rst", server=Server.CLOSED, holds=Holds.NOTHING,
)  # fmt: skip
def closed_port_counts_seg_len(peer: Peer) -> Script:
    """At a closed port what has no ACK draws a RST,ACK of SEG.SEQ+SEG.LEN: octets, SYN and FIN count.

    Whoever sent a SYN with data (fast open) or with a FIN believes only that number. No ordinary TCP sends a FIN or
    data without ACK; scanners do, to tell systems apart: some acknowledge SEG.SEQ alone.
    """
    yield peer.send("F 0:")
    yield from _refused(peer, "R. =0: ack 1")
    for flags, data, length in (("P", b"hello", 5), ("S", b"hello", 6), ("SF", b"", 2)):
        other = peer.another()
        yield other.send(f"{flags} 0:", data=data)
        yield from _refused(other, f"R. =0: ack {length}")


@probe(
    "closed-port-ignores-resets", "R04", "RFC 9293 3.10.7.1", Level.PROCEDURE,
    rules="rst-never-answered", server=Server.CLOSED, holds=Holds.NOTHING,
)  # fmt: skip
def closed_port_ignores_resets(peer: Peer) -> Script:
    """At a closed port a RST is not answered, with ACK or without.

    Two ends that answer resets by resets go on for ever, at the speed of the line.
    """
    other = peer.another()
    yield peer.send("R 0:")
    yield other.send("R. 0: ack =100")
    yield peer.quiet(WATCH)
    yield other.quiet(0)
    last = peer.another()
    yield last.send("S <mss 1460>")
    yield from _refused(last, "R. =0: ack 1")


@probe(
    "listen-ignores-resets", "R05", "RFC 9293 3.10.7.2", Level.PROCEDURE,
    rules="rst-never-answered", holds=Holds.HALF_OPEN,
)  # fmt: skip
def listen_ignores_resets(peer: Peer) -> Script:
    """In LISTEN a RST does nothing, whatever else it has: no answer, and the port goes on to serve.

    A RST that closed a listener would end the service for all. With SYN or ACK beside it, it is still a RST, which is
    checked first.
    """
    for text in ("R 0:", "R. 0: ack =100", "SR 0:"):
        yield peer.send(text)
    yield peer.quiet(WATCH)
    yield from _serves(peer.another())


@probe(
    "listen-resets-acks", "R06", "RFC 9293 3.10.7.2; RFC 9293 3.5.2", Level.PROCEDURE, holds=Holds.HALF_OPEN
)  # fmt: skip
def listen_resets_acks(peer: Peer) -> Script:
    """In LISTEN an ACK draws <SEQ=SEG.ACK><CTL=RST>, and the port goes on to serve.

    It comes from a connection of before a restart, which learns that way that it is gone (figure 10). A stack with SYN
    cookies must look whether the number is one, and it is none.
    """
    yield peer.send(". 0: ack =100")
    yield peer.expect("R.? =100:")
    yield from _serves(peer.another())


@probe(
    "listen-resets-syn-acks", "R07", "RFC 9293 3.10.7.2; RFC 9293 3.5.2", Level.PROCEDURE,
    holds=Holds.HALF_OPEN,
)  # fmt: skip
def listen_resets_syn_acks(peer: Peer) -> Script:
    """In LISTEN a SYN,ACK draws <SEQ=SEG.ACK><CTL=RST>: ACK is looked at before SYN.

    Who sends it answers a SYN that somebody sent in this address's name, or one of long ago; taking it for a SYN would
    open what nobody asked for.
    """
    yield peer.send("S. 0: ack =100 <mss 1460>")
    yield peer.expect("R.? =100:")
    yield from _serves(peer.another())


@probe(
    "listen-drops-the-rest", "R08 T24", "RFC 9293 3.10.7.2", Level.PROCEDURE, holds=Holds.HALF_OPEN
)  # fmt: skip
def listen_drops_the_rest(peer: Peer) -> Script:
    """In LISTEN what has neither RST, ACK nor SYN is dropped in silence: nothing at all, a FIN, data.

    "Drop the segment and return." Windows, and some routers, reset such segments, by which scanners know them; it is
    told as a note where the reset is one of 3.10.7.1.
    """
    for text, data in (("- 0:", b""), ("F 0:", b""), ("P 0:", b"hello")):
        yield peer.send(text, data=data)
    found = yield from _dropped(peer)
    yield from _serves(peer.another())
    return found


def _dropped(peer: Peer) -> Generator[Action[Any], Any, Check | None]:
    try:
        yield from peer.quiet(WATCH)
    except Unexpected as unexpected:
        came = (*unexpected.mismatch.meanwhile, *(yield from peer.collect(WATCH)))
        resets = [one.segment for one in came if isinstance(one, Arrival) and one.segment.rst]
        if len(resets) < len(came) or any(one.seq.value or one.ack - peer.isn > 5 for one in resets):
            raise
        return note("Windows: in LISTEN what has neither RST, ACK nor SYN is reset as at a closed port.")
    return None
