"""Probes on when a target acknowledges: soon enough, often enough, and together with what it has to say."""

from __future__ import annotations

from typing import Final

from rawshake.play import Peer, Script, handshake
from rawshake.probes.model import Server, broken, note, undecided, warn
from rawshake.probes.park import PROGRAM
from rawshake.probes.prove import heard
from rawshake.probes.registry import probe
from rawshake.profile import SECOND
from rawshake.rules.model import Level
from rawshake.tcp.words import distance

#: Seconds: RFC 9293 MUST-40, and what a busy host may add.
DELAY: Final = 0.5
SLACK: Final = 0.1
#: Octets of a segment that fits through every road, where IPv6 may be on it.
FITS: Final = 1220


@probe(
    "acks-under-half-a-second", "W12", "RFC 9293 3.8.6.3 MUST-40; RFC 5681 4.2", Level.MUST,
    rules="delayed-ack-under-500ms",
)  # fmt: skip
def acks_under_half_a_second(peer: Peer) -> Script:
    """Single octets, one after another, are each acknowledged within half a second, also once ACKs are delayed.

    Linux acknowledges up to 16 segments at once before it begins to delay, by 40 ms; lwIP has a tick of 250 ms, BSD and
    Windows of 200 ms at most. A delay beyond half a second makes the sender's timer run out.
    """
    synack = yield from handshake(peer)
    road = (synack.time - peer.entries[0].time) / SECOND
    delayed = 0
    for number in range(1, 20):
        yield peer.send("P.", data=b"x")
        came = yield from heard(peer, f".F? ack {number + 1}", within=DELAY + road + SLACK)
        delayed += (came.time - peer.sent_at) / SECOND > road + 0.02
        if delayed == 3:
            break


@probe(
    "every-second-segment-acked", "W13", "RFC 9293 3.8.6.3 SHLD-19; RFC 5681 4.2", Level.SHOULD, server=Server.ECHO,
    rules="ack-every-second-segment",
)  # fmt: skip
def every_second_segment_acked(peer: Peer) -> Script:
    """Of a stream of large segments, at least every second is acknowledged by an ACK of its own.

    A sender's window opens by ACKs, so that few of them make it slow, and bursty. An echo is asked since it reads, and
    keeps its window open; what it sends back acknowledges, too. Hardware that joins segments before TCP sees them, and
    links that thin ACKs out, make fewer of them on purpose.
    """
    synack = yield from handshake(peer)
    mss = synack.segment.mss or (FITS if synack.segment.v6 else 536)
    size = min(mss, FITS)
    count = min(12, peer.their.window // size)
    wanted = count * size // (2 * mss)
    if wanted < 2:
        undecided("its window has no room for four of its segments")
    for _ in range(count):
        yield peer.send(".", data=bytes(size))
    came = yield from peer.collect(DELAY + SLACK)
    if any(one.segment.rst for one in came):
        undecided("its program has ended the connection")
    acks = {one.segment.ack for one in came if distance(one.segment.ack, peer.isn) > 1}
    if peer.our.una <= count * size:
        undecided("not all of it was acknowledged")
    if len(acks) < max(2, wanted - 1):  # one may get lost
        return warn(f"{count} segments at once were acknowledged by {len(acks)}.", field="answer",
                    expected=f"{wanted} ACKs or more", actual=f"{len(acks)}")  # fmt: skip
    return None


@probe(
    "ack-rides-on-data", "W14", "RFC 9293 3.10.7.4; RFC 9293 3.10.2", Level.PROCEDURE, server=Server.ECHO,
    rules="ack-is-cumulative",
)  # fmt: skip
def ack_rides_on_data(peer: Peer) -> Script:
    """What an echo answers acknowledges what it echoes, and no ACK of its own comes before it, at the latest next time.

    "This acknowledgment should be piggybacked on a segment being transmitted if possible without incurring undue
    delay": half the packets for the same talk. That it does not is a note, since the program may just be slow. Linux
    sends such ACKs only at the beginning.
    """
    yield from handshake(peer)
    for turn in range(1, 6):
        yield peer.send("P.", data=b"hello")
        alone = False
        while (came := (yield from peer.next(within=PROGRAM))) is not None:
            if came.segment.payload_length:
                break
            alone = True
        if came is None:
            undecided("it echoed nothing")
        if distance(came.segment.ack, peer.isn) != 5 * turn + 1:
            return broken("Data did not acknowledge what it answers.", field="ack", expected=5 * turn + 1,
                          actual=distance(came.segment.ack, peer.isn))  # fmt: skip
        yield peer.send(".")
        if not alone:
            return None
    return note("It acknowledges each time before it answers, by a segment of its own.")
