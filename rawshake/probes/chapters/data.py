"""Probes on data: acknowledged, put in order, given to the program as it was sent."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Peer, Script, Unexpected, handshake
from rawshake.probes.echo import echoed
from rawshake.probes.model import Check, Server, broken, undecided, warn
from rawshake.probes.park import PROGRAM
from rawshake.probes.prove import WATCH, heard, unless_aborted
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.segment import Flags
from rawshake.tcp.words import distance


@probe(
    "data-acked-cumulatively", "D01", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE,
    rules="ack-is-cumulative delayed-ack-under-500ms",
)  # fmt: skip
def data_acked_cumulatively(peer: Peer) -> Script:
    """Data in order is acknowledged by the number after its last octet, within half a second each time.

    An acknowledgment of less has it sent again; one of more loses what was never received.
    """
    yield from handshake(peer)
    yield peer.send("P.", data=b"first")
    yield from heard(peer, ". ack 6")
    yield peer.send("P.", data=b"second")
    yield from heard(peer, ". ack 12")


#: What is sent to servers that echo, in pieces.
STREAM: Final = b"abcdefghijklmnopqrst"


@probe(
    "echo-equals-what-was-sent", "D02", "RFC 9293 3.10.4; RFC 9293 3.8", Level.PROCEDURE, server=Server.ECHO
)  # fmt: skip
def echo_equals_what_was_sent(peer: Peer) -> Script:
    """What a server that echoes got comes back octet for octet, from its ISN + 1 on.

    A stream that loses, doubles or changes an octet is none, however right its numbers are.
    """
    yield from handshake(peer)
    yield peer.send("P.", data=STREAM)
    return (yield from echoed(peer, STREAM))


@probe(
    "gap-acked-and-filled", "D03", "RFC 9293 3.10.7.4; RFC 9293 3.4; RFC 5681 4.2", Level.PROCEDURE,
    rules="ack-is-cumulative out-of-order-dup-ack early-fin-waits",
)  # fmt: skip
def gap_acked_and_filled(peer: Peer) -> Script:
    """Data above a gap draws an ACK of where the gap begins; when it is filled, one ACK covers all.

    The repeated ACK is how the sender learns of a loss without waiting for its timer (a SHOULD). Whoever throws away
    what came above the gap (SHLD-31: should keep it) has it sent again, every time.
    """
    yield from handshake(peer)
    yield peer.send("P. 6:", data=b"later")
    found: list[Check] = []
    try:
        yield from heard(peer, ". ack 1")
    except Unexpected as unexpected:
        yield from unless_aborted(peer)
        if not unexpected.mismatch.silence:
            raise
        what = "data above a gap is acknowledged at once"
        found.append(warn("Data above a gap drew no ACK.", what=what, expected=". ack 1", actual="silence"))
    yield peer.send("P. 1:", data=b"first")
    came = yield from heard(peer, ". ack 11", ". ack 6")
    if came.which and not (yield from _acked(peer, 11)):
        yield peer.send("P. 6:", data=b"later")
        yield from heard(peer, ". ack 11")
        what = "data above a gap is kept"
        found.append(warn("Data above a gap was thrown away.", what=what, expected="ack 11", actual="ack 6"))
    return tuple(found)


def _acked(peer: Peer, number: int) -> Generator[Action[Any], Any, bool]:
    """Whether what comes next acknowledges that much, too."""
    came = yield from peer.collect(WATCH)
    return any(f"ack {number} " in f"{one.text} " for one in came)


@probe(
    "overlaps-put-together", "D04", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE, server=Server.ECHO,
    rules="ack-is-cumulative retransmission-same-bytes",
)  # fmt: skip
def overlaps_put_together(peer: Peer) -> Script:
    """Segments that overlap in every way, ahead of a gap and behind it, give the stream that was sent.

    One within another, across both ends, the same twice, touching: code for this has been wrong in most stacks once,
    and attackers hide from filters behind what each makes of it. All copies of an octet are the same here.
    """
    yield from handshake(peer)
    for first, end in ((4, 8), (6, 12), (3, 5), (9, 10), (2, 13), (9, 10), (16, 18), (15, 19), (14, 21)):
        yield peer.send(f"P. {first}:", data=STREAM[first - 1 : end - 1])
    yield peer.collect(0.1)
    yield peer.send("P. 1:", data=STREAM[:3])
    yield from _sent_until_taken(peer)
    return (yield from echoed(peer, STREAM))


@probe(
    "old-and-new-octets-taken", "D05 S07", "RFC 9293 3.10.7.4", Level.PROCEDURE, server=Server.ECHO,
    rules="ack-is-cumulative",
)  # fmt: skip
def old_and_new_octets_taken(peer: Peer) -> Script:
    """Of a segment whose first half came before, the second half is taken, and the first not again.

    "Trim off any portions that lie outside the window": senders that gather small segments when they send again rely
    on it.
    """
    yield from handshake(peer)
    yield peer.send("P.", data=STREAM[:10])
    yield from heard(peer, ". ack 11")
    yield peer.send("P. 1:", data=STREAM)
    yield from heard(peer, ". ack 21")
    return (yield from echoed(peer, STREAM))


@probe(
    "push-on-last", "D06", "RFC 9293 3.9.1.2 MUST-61", Level.MUST, server=Server.ECHO,
    rules="psh-on-last-segment",
)  # fmt: skip
def push_on_last(peer: Peer) -> Script:
    """The segment that empties the queue of what was to be sent carries PSH.

    Some receivers wait with what has no PSH for more to come, 200 ms or so; most have stopped looking at it.
    """
    yield from handshake(peer)
    yield peer.send("P.", data=b"hello")
    while True:
        came = yield from peer.expect(". ack 6", within=PROGRAM)
        if came.segment.payload_length:
            break
    if came.segment.payload != b"hello":
        undecided("the echo came in pieces, so that what was its queue cannot be told")
    if not came.segment.flags & Flags.PSH:
        return broken("No PSH on the last of what was sent.", field="flags", expected="P.", actual=".")
    return None


@probe(
    "urgent-data-acked", "D07", "RFC 9293 3.8.5; RFC 9293 3.10.7.4", Level.PROCEDURE,
    rules="urgent-pointer-semantics",
)  # fmt: skip
def urgent_data_acked(peer: Peer) -> Script:
    """Data with an urgent pointer, inside the segment, at nothing, or far beyond it, is acknowledged like any other.

    The pointer says where to look, not what was received. Early stacks crashed at pointers beyond the data, and at
    the oldest of these tricks, urgent data to a port that awaits none.
    """
    yield from handshake(peer)
    for count, pointer in enumerate((3, 0, 65535), 1):
        yield peer.send(f"PU. urg {pointer}", data=b"urgent")
        yield from heard(peer, f". ack {6 * count + 1}")


@probe(
    "many-small-segments-taken", "D09", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE,
    rules="ack-is-cumulative", alone=True,
)  # fmt: skip
def many_small_segments_taken(peer: Peer) -> Script:
    """Three hundred segments of one octet each, at once, are all taken in the end.

    What is kept for each segment is far more than its octet: buffers run out. What is dropped then is sent again, as
    any sender would; the connection must not stand still for good.
    """
    yield from handshake(peer)
    many = 300
    for number in range(1, many + 1):
        yield peer.send(f"P. {number}:", data=b"x")
    for _ in range(6):
        came = yield from peer.collect(0.3)
        taken = max((distance(one.segment.ack, peer.isn) for one in came if one.segment.has_ack), default=1)
        taken = max(taken, peer.our.una)
        if taken > many:
            break
        yield peer.send(f"P. {taken}:", data=b"x" * (many + 1 - taken))
    yield peer.send("P.", data=b"y")
    yield from heard(peer, f". ack {many + 2}")


def _sent_until_taken(peer: Peer) -> Generator[Action[Any], Any, None]:
    """Expect that all of ``STREAM`` is acknowledged, sending again from where the target stands, as a sender would."""
    end = len(STREAM) + 1
    for _ in range(4):
        waits = True
        while waits and peer.our.una < end:
            waits = (yield from peer.next(within=WATCH)) is not None
        if peer.our.una >= end:
            return
        yield from peer.send(f"P. {peer.our.una}:", data=STREAM[peer.our.una - 1 :])
    yield from heard(peer, f". ack {end}")
