"""Probes on the maximum segment size: announced, obeyed, and read as it was meant."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Arrival, Peer, Script, Unexpected, handshake
from rawshake.probes.model import Check, Holds, Server, broken, note, skipped, undecided, warn
from rawshake.probes.park import PATIENCE, PROGRAM
from rawshake.probes.prove import heard
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.option import Kind
from rawshake.tcp.segment import Checksum
from rawshake.tcp.view import Step

#: Seconds in which a first flight has come, once it has begun.
BURST: Final = 0.15
#: The largest datagrams of IPv4 and IPv6 less their header and TCP's; and what stands for "no limit" (RFC 2675 5.1).
LARGEST: Final = {4: 65495, 6: 65515}
JUMBO: Final = 65535


@probe("synack-announces-mss", "O01", "RFC 9293 3.7.1 MUST-14; RFC 9293 3.7.1 SHLD-5; RFC 9293 3.7.1 MUST-67",
       Level.MUST, rules="mss-option-on-syn mss-value-from-mtu", holds=Holds.HALF_OPEN)  # fmt: skip
def synack_announces_mss(peer: Peer) -> Script:
    """The SYN,ACK carries an MSS option with a size that a segment can have.

    Without it the other end has to keep to 536 octets over IPv4 and 1220 over IPv6, which is what a silent target may
    mean. Smaller sizes are those of tiny devices. Linux announces 1460 or 1440 over Ethernet.
    """
    yield peer.send("S <mss 1460>")
    came = yield from peer.expect("S. ack 1")
    said, usual = came.segment.mss, default(peer)
    largest = LARGEST[6 if came.segment.v6 else 4]
    if said is None:
        return note(f"No MSS in its SYN,ACK: segments of {usual} octets are all that it will get.")
    if said == 0 or (said > largest and not (came.segment.v6 and said == JUMBO)):
        sentence = f"It announces an MSS of {said}."
        return broken(sentence, field="mss", expected=f"1 to {largest}", actual=said)
    if said < usual:
        return note(f"It announces an MSS of {said}, less than the {usual} that every host should take.")
    return None


@probe("options-of-syn-only-there", "O01 O11", "RFC 9293 3.2 MUST-65; RFC 7323 2.2; RFC 2018 2", Level.MUST_NOT,
       rules="mss-option-only-on-syn wscale-syn-only sack-permitted-only-on-syn")  # fmt: skip
def options_of_syn_only_there(peer: Peer) -> Script:
    """MSS, window scale and SACK-permitted stand in no segment but a SYN.

    They speak of the whole connection. A receiver that heeds them later changes its mind in the middle.
    """
    yield from handshake(peer, "<mss 1460,nop,wscale 7,nop,nop,sackOK>")
    yield peer.send("P.", data=b"HELLO")
    yield from heard(peer, ". ack 6")
    yield peer.send("F.")
    yield from heard(peer, ".F? ack 7")
    yield peer.collect(0.2)
    for one in peer.entries:
        if isinstance(one, Step) and one.sender is not peer.end and not one.segment.syn:
            found = [x for x in one.segment.options if x.kind in (Kind.MSS, Kind.WSCALE, Kind.SACK_PERMITTED)]
            if found:
                return broken("An option of the SYN stands in a segment without SYN.", field="options",
                              expected="none of a SYN", actual=peer.text(one.segment))  # fmt: skip
    return None


@probe("segments-within-mss", "O02", "RFC 9293 3.7.1 MUST-16; RFC 6691 2", Level.MUST, server=Server.BULK,
       rules="send-mss-respected")  # fmt: skip
def segments_within_mss(peer: Peer) -> Script:
    """No segment has more octets than the MSS of our SYN.

    A receiver on a link with small packets has no room for more; over IPv6 nobody on the way cuts them to size.
    """
    return at_most(peer, (yield from flight(peer, 1000, "<mss 700>")), 700)


@probe("options-come-out-of-mss", "O02", "RFC 9293 3.7.1 MUST-16; RFC 6691 2", Level.MUST, server=Server.BULK,
       rules="send-mss-respected")  # fmt: skip
def options_come_out_of_mss(peer: Peer) -> Script:
    """Options take their room from the payload: both together are no more than the MSS.

    The MSS counts no options, so that every sender has to take off its own: with timestamps 1448 of 1460.
    """
    came = yield from flight(peer, 1000, "<mss 700,nop,nop,TS val 1000 ecr 0>")
    if not peer.their.view.timestamps:
        skipped("it does not take up timestamps")
    options = max(sum(len(option.wire) for option in one.segment.options) for one in came)
    return at_most(peer, came, 700 - options)


@probe("no-mss-means-default", "O03", "RFC 9293 3.7.1 MUST-15", Level.MUST, server=Server.BULK,
       rules="send-mss-default")  # fmt: skip
def no_mss_means_default(peer: Peer) -> Script:
    """To a SYN without MSS, segments of no more than 536 octets are sent, over IPv6 1220.

    That is what every host takes. Linux and lwIP do so exactly. Over IPv6 some take 536 as well, which is less.
    """
    size = default(peer)
    return at_most(peer, (yield from flight(peer, size + size // 2)), size)


@probe("tiny-mss-survived", "O04", "RFC 9293 3.7.1 MUST-16; RFC 9293 3.8.6.2.1", Level.PROCEDURE,
       server=Server.BULK, rules="send-mss-respected")  # fmt: skip
def tiny_mss_survived(peer: Peer) -> Script:
    """An MSS of 1, and of 0, neither stops a connection nor hurts the next one.

    Less 12 octets of options such a size is below nothing; kernels have crashed by dividing by it. By the letter 1 is
    obeyed; Linux sends no less than 48, since a flood of small segments was an attack (CVE-2019-11479), and takes 0
    for no MSS at all. lwIP cannot queue so many segments, and stands still. Who refuses such a SYN is in its right.
    """
    found: list[Check] = []
    for one, size, window in ((peer, 1, 90), (peer.another(), 0, default(peer) + 200)):
        yield one.send(f"S <mss {size}>")
        try:
            yield one.expect("S. ack 1")
        except Unexpected:
            found.append(note(f"A SYN with an MSS of {size} opens nothing."))
            continue
        yield one.send(f". win {window}")
        came = yield from data_of(one, PATIENCE)
        largest = max((arrival.segment.payload_length for arrival in came), default=0)
        if not came:
            what = "a connection with a tiny MSS goes on"
            found.append(
                warn(f"With an MSS of {size} nothing is sent.", what=what, expected="data", actual="nothing")
            )
        elif largest > (size or default(peer)):
            found.append(note(f"To an MSS of {size} it sends segments of {largest}."))
    third = peer.another()
    yield third.send("S <mss 1460>")
    yield third.expect("S. ack 1")
    return tuple(found)


@probe("late-mss-not-heeded", "O05", "RFC 9293 3.2 MUST-65; RFC 9293 3.1 MUST-5", Level.SHOULD,
       server=Server.BULK, rules="option-accepted-on-any-segment mss-option-only-on-syn")  # fmt: skip
def late_mss_not_heeded(peer: Peer) -> Script:
    """An MSS option in a segment without SYN does not change the size of segments.

    It may stand in a SYN only; what it would mean elsewhere nobody has said. lwIP heeds it.
    """
    return cut(
        (yield from flight(peer, 500, "<mss 400>", third="<mss 300>")),
        "An MSS in a segment without SYN was heeded.",
    )


@probe("two-mss-options", "O06", "RFC 9293 3.7.1 MUST-16; RFC 9293 3.2", Level.MUST, server=Server.BULK,
       rules="send-mss-respected")  # fmt: skip
def two_mss_options(peer: Peer) -> Script:
    """Of two MSS options in one SYN one is obeyed; which of them, no RFC says.

    The smaller one is on the safe side. Linux takes the last.
    """
    came = yield from flight(peer, 1300, "<mss 1000,mss 700>")
    if 700 < longest(came, 700) <= 1000:
        return note("Of two MSS options the first counts, here the larger.")
    return at_most(peer, came, 1000)


@probe("unaligned-mss-obeyed", "O08", "RFC 9293 3.2 MUST-64", Level.MUST, server=Server.BULK,
       rules="options-unaligned-parsed send-mss-respected")  # fmt: skip
def unaligned_mss_obeyed(peer: Peer) -> Script:
    """An MSS option that does not begin at a multiple of four octets is obeyed.

    Options have no alignment: some senders put NOPs before them, and others behind.
    """
    return at_most(peer, (yield from flight(peer, 1000, "<nop,mss 700,nop,nop,nop>")), 700)


@probe(
    "nothing-behind-end-of-list",
    "O08",
    "RFC 9293 3.2; RFC 9293 3.1 MUST-69",
    Level.SHOULD,
    server=Server.BULK,
)
def nothing_behind_end_of_list(peer: Peer) -> Script:
    """What stands behind the end of the list of options is padding, and not read.

    There must be zeros; who reads on takes rubbish for options.
    """
    octets = bytes.fromhex("02040190 00 0204012c 000000")
    came = yield from flight(peer, 500, octets=octets)
    return cut(came, "An MSS behind the end of the list was heeded.")


@probe("options-behind-unknown-heeded", "O09", "RFC 9293 3.1 MUST-6", Level.MUST, server=Server.BULK,
       rules="unknown-option-ignored send-mss-respected")  # fmt: skip
def options_behind_unknown_heeded(peer: Peer) -> Script:
    """Options behind one that is unknown are still read: the MSS there is obeyed.

    All options but two have a length, so that the unknown ones can be passed over.
    """
    octets = bytes.fromhex("fe06 72617773 020402bc")
    return at_most(peer, (yield from flight(peer, 1000, octets=octets)), 700)


def default(peer: Peer) -> int:
    """Octets of a segment to a peer that has said nothing (RFC 9293 3.7.1, MUST-15)."""
    return 1220 if ":" in peer.here[0] else 536


def glued(one: Arrival) -> bool:
    """Whether hardware on this machine would still cut it: what was captured is not what is sent."""
    return one.segment.checksum is Checksum.UNVERIFIABLE


def at_most(peer: Peer, came: tuple[Arrival, ...], size: int) -> Check | None:
    """Judge that no segment has more octets than ``size``."""
    octets = longest(came, size)
    if octets <= size:
        return None
    return broken(f"It sent {octets} octets in one segment.", field="octets", expected=f"at most {size}",
                  actual=octets)  # fmt: skip


def longest(came: tuple[Arrival, ...], size: int) -> int:
    """Octets of the longest segment; it cannot be told whether that is more than ``size`` where hardware cuts."""
    over = [one for one in came if one.segment.payload_length > size]
    if over and all(map(glued, over)):
        undecided("it leaves the cutting of segments to hardware, behind our capture")
    return max(one.segment.payload_length for one in came if one not in over or not glued(one))


def cut(came: tuple[Arrival, ...], sentence: str) -> Check | None:
    """Judge that an MSS of 300 was not heeded, where 400 was agreed on."""
    largest = max(one.segment.payload_length for one in came)
    if largest > 300:
        return None
    if largest < 300:
        undecided("its segments are shorter than either MSS")
    return warn(sentence, field="octets", expected="400", actual="300")


def flight(
    peer: Peer, window: int, options: str = "", *, third: str = "", octets: bytes | None = None
) -> Generator[Action[Any], Any, tuple[Arrival, ...]]:
    """Open the connection, ``options`` or their ``octets`` in the SYN; gives the data that then comes at first.

    ``window`` is that of our third segment, which has the options ``third``: with room for one full segment, and none
    for two, nothing can be glued together on the way to our capture.
    """
    yield from peer.send(f"S {options}", options=octets)
    yield from peer.expect("S. ack 1")
    yield from peer.send(f". win {window} {third}")
    came = yield from data_of(peer, PROGRAM)
    if not came:
        undecided("its program sent nothing")
    return came


def data_of(peer: Peer, patience: float) -> Generator[Action[Any], Any, tuple[Arrival, ...]]:
    """The segments with data that come within so many seconds, and for a moment after the first."""
    first = yield from peer.next(within=patience)
    while first is not None and not first.segment.payload_length:
        first = yield from peer.next(within=patience)
    if first is None:
        return ()
    more = yield from peer.collect(BURST)
    return (first, *(one for one in more if one.segment.payload_length))
