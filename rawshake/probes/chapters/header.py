"""Probes on headers: checksums, flags, lengths, reserved bits."""

from __future__ import annotations

from rawshake.play import Peer, Script, Unexpected, handshake
from rawshake.probes.model import Check, Holds, Server, Target, broken, note, warn
from rawshake.probes.park import greeted
from rawshake.probes.prove import WATCH, heard, hushed, lives
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.segment import Checksum
from rawshake.tcp.view import Step


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


@probe(
    "bad-checksum-in-connection-ignored", "H01", "RFC 9293 3.1 MUST-3", Level.MUST,
    rules="checksum-bad-segment-dropped",
)  # fmt: skip
def bad_checksum_in_connection_ignored(peer: Peer) -> Script:
    """A RST and data with wrong checksums do nothing to a connection.

    A single flipped bit turns an ACK into a RST. lwIP can be built without this check, for a device that does it.
    """
    here = yield from greeted(peer)
    yield peer.send("R", checksum=0x1234)
    yield peer.send("P. 1:", data=b"noise", checksum=0x1234)
    yield from hushed(peer, here)
    yield from lives(peer, here)


@probe(
    "zero-checksum-ignored", "H02", "RFC 9293 3.1 MUST-3", Level.MUST,
    rules="checksum-bad-segment-dropped", holds=Holds.HALF_OPEN,
)  # fmt: skip
def zero_checksum_ignored(peer: Peer) -> Script:
    """A SYN whose checksum field is 0 is not answered: TCP, unlike UDP, has no "no checksum".

    Of 65,536 segments one has the right checksum 0; then the target is right to answer, and the next try tells.
    """
    yield peer.send("S <mss 1460>", checksum=0)
    yield peer.quiet(WATCH)
    yield peer.send("S <mss 1460>")
    yield peer.expect("S. ack 1")


@probe(
    "sent-headers-well-formed", "H03", "RFC 9293 3.1 MUST-2; RFC 9293 3.1", Level.MUST,
    rules="checksum-sent-valid reserved-bits-sent-zero option-layout-wellformed",
)  # fmt: skip
def sent_headers_well_formed(peer: Peer) -> Script:
    """Each segment of an opening, an acknowledgment and a close has a right checksum, and its reserved bits are 0.

    Whoever receives a wrong checksum drops the segment, so that nothing works at all, or only behind hardware that
    writes checksums: a target on this machine leaves them to such hardware, and they cannot be verified.
    """
    yield from handshake(peer)
    yield peer.send("P.", data=b"hello")
    yield from heard(peer, ". ack 6")
    yield peer.send("F.")
    yield from heard(peer, ".F? ack 7")
    return _headers(peer)


def _headers(peer: Peer) -> Check | None:
    said = [one.segment for one in peer.entries if isinstance(one, Step) and one.sender is not peer.end]
    for segment in said:
        defects = [*segment.defects, *(one.defect for one in segment.options if one.defect)]
        if defects:
            return broken(defects[0], field="header", expected="well-formed", actual=peer.text(segment))
        if segment.checksum is Checksum.WRONG:
            return broken("A segment has a wrong checksum.", field="checksum", expected="right",
                          actual=peer.text(segment))  # fmt: skip
    if all(segment.checksum is Checksum.UNVERIFIABLE for segment in said):
        return note("Checksums are left to hardware on this machine: none could be verified.")
    return None


@probe(
    "unreadable-header-dropped",
    "H04",
    "RFC 9293 3.1; RFC 9293 3.10.7.2",
    Level.PROCEDURE,
    holds=Holds.HALF_OPEN,
)
def unreadable_header_dropped(peer: Peer) -> Script:
    """A SYN with a data offset below 5, or past its end, or that is cut off, is dropped, and the port goes on to serve.

    Where the offset is believed, options are read from the sequence number or from beyond the packet: stacks have
    crashed by that. No sentence of the RFC forbids an answer, hence a warning; that the port serves on is demanded.
    """
    for offset in (0, 4, 15):
        yield peer.send("S <mss 1460>", offset=offset)
    yield peer.send("S <mss 1460>", cut=12)
    came = yield from peer.collect(WATCH)
    yield peer.send("S <mss 1460>")
    yield peer.expect("S. ack 1")
    if came:
        what = "a header that cannot be read is dropped"
        return warn(
            "A SYN was answered whose header cannot be read.",
            what=what,
            expected="silence",
            actual=came[0].text,
        )
    return None


@probe("reserved-bits-not-heeded", "H05", "RFC 9293 3.1", Level.PROCEDURE, rules="reserved-bits-sent-zero")
def reserved_bits_not_heeded(peer: Peer) -> Script:
    """Reserved bits that are set are neither heeded nor echoed, in a SYN and in data.

    They are "ignored by receivers"; who drops such segments keeps the protocol from ever using the bits, as happened
    to ECN for ten years. A firewall on the way may be the one that does.
    """
    yield peer.send("S123 <mss 1460>")
    yield peer.expect("S. ack 1")
    yield peer.send(".")
    yield peer.send("P.123", data=b"hello")
    yield from heard(peer, ". ack 6")


@probe(
    "odd-flags-to-listen", "H06", "RFC 9293 3.10.7.2; RFC 3168 6.1.1", Level.PROCEDURE, holds=Holds.HALF_OPEN
)
def odd_flags_to_listen(peer: Peer) -> Script:
    """In LISTEN, segments without SYN, RST and ACK are dropped in silence; a SYN with ECE and CWR opens as any does.

    Scanners tell systems apart by what they answer to no flags at all and to FIN, PSH and URG together. A SYN with
    ECE and CWR asks for ECN, and its answer may have ECE.
    """
    yield peer.send("-")
    yield peer.send("FPU")
    yield peer.quiet(WATCH)
    yield peer.send("SEW <mss 1460>")
    yield peer.expect("S.E? ack 1")


@probe(
    "odd-flags-to-closed", "H06", "RFC 9293 3.10.7.1; RFC 9293 3.5.2", Level.PROCEDURE,
    rules="closed-noack-rst", server=Server.CLOSED, holds=Holds.NOTHING,
)  # fmt: skip
def odd_flags_to_closed(peer: Peer) -> Script:
    """At a closed port, segments without ACK draw <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>, whatever else they have.

    A FIN counts one, PSH and URG nothing. Windows sends an ACK of SEG.SEQ for a FIN, which nobody is hurt by; it is
    against the letter all the same.
    """
    yield peer.send("-")
    yield peer.expect("R. =0: ack 0")
    second = peer.another()
    yield second.send("FPU 0:")
    yield second.expect("R. =0: ack 1")


@probe(
    "impossible-source-survived",
    "H07",
    "RFC 9293 3.9.2.3 MUST-63; RFC 1122 4.2.3.10",
    Level.MUST,
    rules="syn-bad-addresses-ignored",
)
def impossible_source_survived(peer: Peer, target: Target) -> Script:
    """SYNs that claim to come from a multicast address, or from the target itself, leave the port in service.

    What it would answer goes elsewhere, so that only its survival can be seen from here: old systems hung at a SYN
    from themselves. Routers and kernels on the way drop most of these, too.
    """
    multicast = ("ff02::5",) if ":" in target.address else ("224.0.0.5", "255.255.255.255")
    for source in (*multicast, target.address):
        yield peer.send("S <mss 1460>", src=source)
    yield peer.wait(0.2)
    for (
        source
    ) in multicast:  # what took them for calls shall not wait for an answer, at a place of its backlog
        yield peer.send("R 1:", src=source)
    yield from handshake(peer)
    yield peer.send("P.", data=b"hello")
    yield from heard(peer, ". ack 6")


@probe(
    "multicast-destination-ignored", "H08", "RFC 9293 3.9.2.3 MUST-57; RFC 1122 4.2.3.10", Level.MUST,
    holds=Holds.HALF_OPEN,
)  # fmt: skip
def multicast_destination_ignored(peer: Peer, target: Target) -> Script:
    """A SYN to the address of all hosts on the link draws no answer, and the port goes on to serve.

    Else one segment opens a connection at every host. It gets no further than the link; a target behind a router
    never sees it.
    """
    everyone = "ff02::1" if ":" in target.address else "224.0.0.1"
    yield peer.send("S <mss 1460>", dst=everyone)
    yield peer.quiet(WATCH)
    yield from handshake(peer)
    yield peer.send("P.", data=b"hello")
    yield from heard(peer, ". ack 6")


@probe("fragments-put-together", "H09", "RFC 1122 3.3.2; RFC 8200 4.5; RFC 9293 3.10.7.4", Level.MUST)
def fragments_put_together(peer: Peer, target: Target) -> Script:
    """A segment that comes in IP fragments is put together and taken, like one that comes whole.

    "The IP layer MUST implement reassembly of IP datagrams." Firewalls drop fragments, as small stacks may be built to;
    which of them it was cannot be told from outside, so that silence is a warning. No fragment is as small as filters,
    and some Linux kernels, refuse: 200 octets in IPv4, and all that 1280 octets have room for in IPv6.
    """
    octets, fragment = (1220, 1232) if ":" in target.address else (500, 200)
    yield from handshake(peer)
    for _ in range(2):  # a fragment may get lost
        yield peer.send("P. 1:", data=bytes(octets), fragment=fragment)
        try:
            yield from heard(peer, f". ack {octets + 1}")
        except Unexpected as unexpected:
            if not unexpected.mismatch.silence:
                raise
        else:
            return None
    yield peer.send("P. 1:", data=bytes(octets))
    yield from heard(peer, f". ack {octets + 1}")
    return warn("A segment in fragments was not taken, and whole it was.", expected=f". ack {octets + 1}",
                actual="silence")  # fmt: skip
