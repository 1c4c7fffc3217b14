"""Probes on options that are unknown, malformed, or that nobody asked for."""

from __future__ import annotations

from typing import Final

from rawshake.play import Peer, Script, handshake
from rawshake.probes.model import broken, note
from rawshake.probes.prove import ANSWER, WATCH, heard, unless_closed
from rawshake.probes.registry import probe
from rawshake.rules.model import Level

#: Lists that cannot be walked through: lengths of 0 and 1, past the end, not that of their kind, none at all.
ILLEGAL: Final = tuple(
    bytes.fromhex(text)
    for text in (
        "c8000000", "c828000000000000", "02030500", "02000000", "03010000", "020a05b4", "08ff000000000000",
        "010101fe", "0202" * 20,
    )
)  # fmt: skip
#: What RFC 2385 puts into every segment: kind 19, 18 octets, of which 16 are a digest.
MD5: Final = bytes.fromhex("1312") + bytes(range(16))


@probe("illegal-length-in-syn-survived", "O07", "RFC 9293 3.1 MUST-7", Level.MUST,
       rules="illegal-option-length-survived", alone=True)  # fmt: skip
def illegal_length_in_syn_survived(peer: Peer) -> Script:
    """SYNs with options of impossible lengths leave the port in service, whatever they are answered.

    An option of length 0 makes a careless parser walk on the spot for ever; one that runs past the header makes it
    read what is not there. Known stacks stop reading and use what they have; the RFC suggests a reset.
    """
    for octets in ILLEGAL:
        one = peer.another()
        yield one.send("S", options=octets)
        came = yield from one.next(within=0.3)
        if came is not None and came.segment.syn:
            yield one.send("R")
    yield from handshake(peer)
    yield peer.send("P.", data=b"HELLO")
    yield from heard(peer, ". ack 6")


@probe("nop-and-end-of-list-read", "O08", "RFC 9293 3.1 MUST-4; RFC 9293 3.2", Level.MUST)
def nop_and_end_of_list_read(peer: Peer) -> Script:
    """NOPs anywhere, an end of the list, and nothing but these, are accepted in a SYN and in data.

    Both have no length octet, which a careless parser looks for all the same.
    """
    yield peer.send("S", options=bytes.fromhex("010101020405b40100000000"))
    yield peer.expect("S. ack 1")
    yield peer.send(".")
    yield peer.send("P.", data=b"HELLO", options=bytes.fromhex("01010101"))
    yield from heard(peer, ". ack 6")
    yield peer.send("P.", data=b"WORLD", options=bytes(40))
    yield from heard(peer, ". ack 11")


@probe("unknown-options-ignored", "O09", "RFC 9293 3.1 MUST-6; RFC 9293 3.1 MUST-5", Level.MUST,
       rules="unknown-option-ignored option-accepted-on-any-segment")  # fmt: skip
def unknown_options_ignored(peer: Peer) -> Script:
    """Options of unknown kinds in a SYN and in data are passed over, and so are options of a SYN in data.

    Else no new option can ever be tried. Firewalls on the way may drop such segments, too.
    """
    yield peer.send("S", options=bytes.fromhex("020405b4 4d04abcd fe06 72617773 0101"))
    yield peer.expect("S. ack 1")
    yield peer.send(".")
    yield peer.send("P.", data=b"HELLO", options=bytes.fromhex("4d04abcd fe06 72617773 0101"))
    yield from heard(peer, ". ack 6")
    yield peer.send("P. <mss 100,nop,wscale 3,nop,nop,sackOK>", data=b"WORLD")
    yield from heard(peer, ". ack 11")


@probe("malformed-option-in-data-survived", "O10", "RFC 9293 3.1 MUST-7", Level.MUST,
       rules="illegal-option-length-survived", alone=True)  # fmt: skip
def malformed_option_in_data_survived(peer: Peer) -> Script:
    """Data with options of impossible lengths is taken, dropped or reset; the connection, or the port, goes on.

    The RFC suggests a reset; known stacks take the data and forget the options.
    """
    yield from handshake(peer)
    for count, octets in enumerate(ILLEGAL):
        yield peer.send(f"P. {1 + count}:", data=b"X", options=octets)
    end = 1 + len(ILLEGAL)
    came = yield from peer.collect(0.2)
    if any(one.segment.rst for one in came):
        unless_closed(peer)
        yield from handshake(peer.another())
        return note("Data with a malformed option resets the connection, as RFC 9293 3.1 suggests.")
    yield peer.send("P. 1:", data=b"X" * (end - 1))
    yield from heard(peer, f". ack {end}")
    yield peer.send("P.", data=b"Y")
    yield from heard(peer, f". ack {end + 1}")
    return None


@probe("unsolicited-digest-survived", "O20", "RFC 2385 2; RFC 9293 3.1 MUST-6", Level.MUST,
       rules="unknown-option-ignored")  # fmt: skip
def unsolicited_digest_survived(peer: Peer) -> Script:
    """Data signed by an MD5 digest that nobody agreed on is dropped, or taken as if the option were unknown; no more.

    A segment whose digest cannot be verified "must be dropped silently", so say Linux and FreeBSD (a note); a stack
    that knows no such option has to ignore it. A reset would let anybody end a connection.
    """
    yield from handshake(peer)
    yield peer.send("P.", data=b"HELLO", options=MD5)
    came = yield from peer.collect(WATCH)
    resets = [one for one in came if one.segment.rst]
    if resets:
        unless_closed(peer)
        return broken("A digest that nobody asked for ends the connection.", field="answer",
                      expected=". ack 6, or nothing", actual=resets[0].text)  # fmt: skip
    yield peer.send("P. 1:", data=b"HELLO")
    yield from heard(peer, ". ack 6", within=ANSWER)
    if not came:
        return note("Data with a digest that nobody asked for is dropped, by RFC 2385.")
    return None
