"""Probes on opening a connection, where the target is the server."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from typing import Any, Final

from rawshake.play import Action, Peer, Script, Unexpected, handshake
from rawshake.probes.grid.answers import Choice
from rawshake.probes.model import Holds, Server, broken, note, undecided, warn
from rawshake.probes.park import PROGRAM, block, syn_received
from rawshake.probes.prove import WATCH, heard, hushed, quiet, unless_aborted
from rawshake.probes.registry import probe
from rawshake.profile import SECOND
from rawshake.rules.model import Level
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

#: ISNs by chance lie so near each other in one of a million times.
NEAR: Final = 1 << 24


@probe(
    "syn-opens", "E01", "RFC 9293 3.10.7.2; RFC 9293 3.5", Level.PROCEDURE,
    rules="synack-ack-is-isn-plus-1 synack-form", holds=Holds.HALF_OPEN,
)  # fmt: skip
def syn_opens(peer: Peer) -> Script:
    """A SYN to an open port is answered by SYN and ACK, acknowledging the SYN and nothing else.

    Without this nothing opens. Stacks with SYN cookies answer the same way; what they forget shows later.
    """
    yield peer.send("S <mss 1460>")
    yield peer.expect("S. (0) ack 1")


@probe(
    "third-ack-opens", "E02", "RFC 9293 3.10.7.4; RFC 9293 3.5", Level.PROCEDURE, rules="handshake-third-ack"
)
def third_ack_opens(peer: Peer) -> Script:
    """The third segment opens the connection: data is acknowledged, and the SYN,ACK is not sent again.

    A stack that goes on sending it has not noticed; its program never hears of the client.
    """
    yield from handshake(peer)
    here = block(peer, State.ESTABLISHED)
    yield peer.send("P.", data=b"hello")
    yield from heard(peer, ". ack 6")
    try:
        yield from hushed(peer, here, 1.3)
    except Unexpected:
        yield from unless_aborted(peer)
        raise


@probe(
    "syn-number-wraps",
    "E03",
    "RFC 9293 3.4; RFC 9293 3.10.7.2",
    Level.PROCEDURE,
    rules="synack-ack-is-isn-plus-1",
)
def syn_number_wraps(peer: Peer) -> Script:
    """SYNs with the ISN 4294967295 and 0 are acknowledged by 0 and 1, and data behind them is numbered on.

    Whoever compares numbers as plain integers fails here, once in as many connections as there are numbers.
    """
    second = peer.another()
    for one, isn in ((peer, 0xFFFFFFFF), (second, 0)):
        one.restart(isn)
        yield from handshake(one)
        yield one.send("P.", data=b"hello")
        yield from heard(one, ". ack 6")


@probe(
    "unacceptable-third-ack-reset", "E04", "RFC 9293 3.10.7.4; RFC 9293 3.5.2", Level.PROCEDURE,
    rules="synrcvd-bad-ack-rst",
)  # fmt: skip
def unacceptable_third_ack_reset(peer: Peer) -> Script:
    """In SYN-RECEIVED, an ACK of too little or too much draws <SEQ=SEG.ACK><CTL=RST>, and the half-open one stays.

    The reset tells whoever answers an old SYN,ACK that there is nothing; the right third segment opens all the same.
    """
    second = peer.another()
    for one, ack in ((peer, 0), (second, 1001)):
        yield from syn_received(one)
        yield one.send(f". ack {ack}")
        yield one.expect(f"R.? {ack}:", within=WATCH)
        yield one.send("P.", data=b"hello")
        yield from heard(one, ". ack 6")


@probe(
    "syn-again-answered-again", "E05", "RFC 9293 3.10.7.4; RFC 4987 3.6", Level.PROCEDURE,
    rules="synrcvd-another-syn", holds=Holds.HALF_OPEN,
)  # fmt: skip
def syn_again_answered_again(peer: Peer) -> Script:
    """The same SYN again, in SYN-RECEIVED, draws the same SYN,ACK, or by the letter the ACK of what is old.

    The client's SYN comes again when the SYN,ACK was lost: a second ISN would make two connections of one. The ACK of
    the letter does not help that client, so that every stack sends its SYN,ACK.
    """
    yield from syn_received(peer)
    yield peer.send("S 0: <mss 1460>")
    yield peer.expect("S. 0: ack 1", ". 1: ack 1", within=WATCH)


@probe(
    "other-syn-in-syn-received", "E06", "RFC 9293 3.10.7.4; RFC 5961 4.2; RFC 1122 4.2.2.20", Level.PROCEDURE,
    rules="synrcvd-another-syn",
)  # fmt: skip
def other_syn_in_syn_received(peer: Peer) -> Script:
    """Another SYN within the window, in SYN-RECEIVED, is never taken into the connection; the port goes on to serve.

    The letter has the server return to LISTEN without a word; RFC 5961 would have the SYN challenged; Linux resets and
    returns. Each is a choice, and named.
    """
    yield from syn_received(peer)
    yield peer.send("S 101: <mss 1460>")
    came = yield from quiet(peer)
    yield from _serves(peer.another())
    if not came:
        return None
    said = came[0].segment
    if said.rst:
        return note("Another SYN in SYN-RECEIVED is reset, and the server returns to LISTEN.")
    if said.syn and said.ack == peer.isn + 102:
        return note("Another SYN in SYN-RECEIVED begins anew: back to LISTEN, and from there.")
    if not said.syn and said.ack == peer.isn + 1:
        return note(str(Choice.RFC_5961_SYN))
    what = "another SYN in SYN-RECEIVED: silence, a reset, or a challenge"
    return broken(
        "Another SYN was taken into the connection.",
        field="ack",
        expected="ack 1",
        actual=came[0].text,
        what=what,
    )


@probe(
    "old-syn-reset-and-new-one-served", "E07", "RFC 9293 3.5; RFC 9293 3.10.7.4", Level.PROCEDURE,
    rules="rst-exact-resets",
)  # fmt: skip
def old_syn_reset_and_new_one_served(peer: Peer) -> Script:
    """An old SYN is answered, its SYN,ACK reset, and the new SYN from the same port opens a connection.

    This is how TCP survives SYNs that the network kept back: the client resets what it did not ask for.
    """
    yield from syn_received(peer)
    yield peer.send("R 1:")
    peer.restart((int(peer.isn) + 1_000_000) % 2**32)
    yield from handshake(peer)
    yield peer.send("P.", data=b"hello")
    yield from heard(peer, ". ack 6")


@probe(
    "rst-returns-to-listen",
    "E08",
    "RFC 9293 3.10.7.4; RFC 9293 3.5.3; RFC 9293 3.5 MUST-11",
    Level.PROCEDURE,
    rules="rst-exact-resets synrcvd-rst-returns-to-listen",
)
def rst_returns_to_listen(peer: Peer) -> Script:
    """A RST at RCV.NXT ends the half-open connection without a word: no SYN,ACK again, and the place is free.

    Who goes on sends SYN,ACKs to a host that has said no, and its backlog fills with the dead.
    """
    yield from syn_received(peer)
    yield peer.send("R 1:")
    yield peer.quiet(1.6)
    yield from _serves(peer.another())


@probe(
    "rst-outside-ignored-half-open", "E09", "RFC 9293 3.10.7.4; RFC 5961 3.2", Level.PROCEDURE,
    rules="rst-exact-resets",
)  # fmt: skip
def rst_outside_ignored_half_open(peer: Peer) -> Script:
    """A RST outside the window does nothing to a half-open connection: the third segment opens it.

    Otherwise anybody who sees no packet could keep clients out.
    """
    yield from syn_received(peer)
    yield peer.send("R 100001:")
    yield peer.quiet(0.2)
    yield peer.send(".")
    yield peer.send("P.", data=b"hello")
    yield from heard(peer, ". ack 6")


@probe("fin-on-third-segment", "E10", "RFC 9293 3.10.7.4", Level.PROCEDURE, rules="fin-acked")
def fin_on_third_segment(peer: Peer) -> Script:
    """A FIN that rides on the third segment is taken: its ACK opens, and its FIN is acknowledged (CLOSE-WAIT).

    "Continue processing in ESTABLISHED state" is easy to leave out; then the client waits until its FIN comes again.
    """
    yield from syn_received(peer)
    yield peer.send("F.")
    yield from heard(peer, ".F? ack 2")


@probe("data-in-place-of-third-ack", "E11", "RFC 9293 3.10.7.4; RFC 9293 3.5", Level.PROCEDURE)
def data_in_place_of_third_ack(peer: Peer) -> Script:
    """Where the third ACK is lost, the data behind it opens the connection, and is acknowledged.

    Every segment carries the ACK. Who insists on a bare one loses the data, until the client sends it again.
    """
    yield from syn_received(peer)
    yield peer.send("P.", data=b"hello")
    yield from heard(peer, ". ack 6")


@probe("data-on-syn", "E12", "RFC 9293 3.10.7.2; RFC 7413 2", Level.PROCEDURE, rules="syn-data-ack-bounds")
def data_on_syn(peer: Peer) -> Script:
    """The answer to a SYN with data acknowledges the SYN, and at most the data; what it left out is taken later.

    Data on a SYN is as old as TCP, though hardly any server takes it without Fast Open; the client sends it again.
    """
    yield peer.send("S <mss 1460>", data=b"hello")
    came = yield from peer.expect("S. ack 1", "S. ack 6")
    yield peer.send(f"P. {6 if came.which else 1}:", data=b"again" if came.which else b"hello")
    yield from heard(peer, f". ack {11 if came.which else 6}")
    if came.which:
        return note("Data that comes with the SYN is taken.")
    return None


@probe(
    "synack-again-ever-slower", "E13", "RFC 6298 5.5; RFC 9293 3.8.1 MUST-20; RFC 6298 2.1", Level.MUST,
    rules="syn-backoff rto-at-least-1s", holds=Holds.HALF_OPEN,
)  # fmt: skip
def synack_again_ever_slower(peer: Peer) -> Script:
    """A SYN,ACK that is not answered is sent again, first after a second or so, then after ever longer times.

    Who does not slow down is a weapon: forged SYNs make it flood somebody else. lwIP takes 2.5 s, then 6.
    """
    yield peer.send("S <mss 1460>")
    came = yield from peer.expect("S. ack 1")
    later = yield from peer.collect(8)
    again = [one.time for one in later if one.segment.syn and one.segment.seq == came.segment.seq]
    times = [came.time, *again]
    gaps = [(after - before) / SECOND for before, after in pairwise(times)]
    shown = ", ".join(f"{gap:.1f} s" for gap in gaps)
    if not gaps:
        return note("The SYN,ACK is not sent again within 8 s: its client must send its SYN again.")
    if len(gaps) > 2 and all(gap < 1.3 * gaps[0] for gap in gaps[1:]):
        sentence = f"The SYN,ACK came again after {shown}: not ever more slowly."
        return broken(sentence, field="time", expected="each twice the one before", actual=shown)
    if gaps[0] < 0.7:
        sentence = f"The SYN,ACK came again after {gaps[0]:.1f} s."
        return warn(sentence, field="time", expected="at least 1 s", actual=shown)
    return None


@probe(
    "clients-do-not-disturb-each-other", "E14", "RFC 9293 3.9.1.1 MUST-42; RFC 9293 3.3.1; RFC 9293 3.10.7.2",
    Level.PROCEDURE, rules="listen-serves-while-half-open",
)  # fmt: skip
def clients_do_not_disturb_each_other(peer: Peer) -> Script:
    """Three clients at one port, their segments interleaved, have three connections.

    A stack with one control block for a listener serves one and confuses the rest.
    """
    clients = (peer, peer.another(), peer.another())
    for one in clients:
        yield one.send("S <mss 1460>")
    for one in clients:
        yield one.expect("S. ack 1")
    for one in clients:
        yield one.send(".")
    for count, one in enumerate(clients, 1):
        yield one.send("P.", data=b"x" * count)
    for count, one in enumerate(clients, 1):
        yield from heard(one, f". ack {1 + count}")


@probe(
    "syn-with-fin", "E15", "RFC 9293 3.10.7.2", Level.PROCEDURE, rules="synack-form", holds=Holds.HALF_OPEN
)
def syn_with_fin(peer: Peer) -> Script:
    """A SYN with FIN is answered as any SYN is, or dropped; the port goes on to serve.

    By the letter the FIN waits until the connection is open. Linux drops such a SYN, since only scanners send it, and
    BSD can be told to; lwIP takes it for a SYN.
    """
    yield peer.send("SF <mss 1460>")
    came = yield from peer.collect(WATCH)
    yield from _serves(peer.another())
    if not came:
        return note(str(Choice.SYN_FIN_DROPPED))
    said = came[0].segment
    if (said.syn and said.has_ack and said.ack in (peer.isn + 1, peer.isn + 2)) and not (
        said.fin or said.rst
    ):
        return None
    return broken(
        "A SYN with FIN was answered oddly.", field="flags", expected="S. ack 1", actual=came[0].text
    )


@probe(
    "isn-moves-on",
    "E16",
    "RFC 9293 3.4.1 MUST-8",
    Level.MUST,
    rules="isn-clock-same-tuple",
    holds=Holds.HALF_OPEN,
)
def isn_moves_on(peer: Peer) -> Script:
    """The ISN of the same addresses and ports is another each time, and lies ahead of the one before.

    Segments of the old connection that come late must not fit into the new one. ISNs by chance alone, as some systems
    have them, do without the clock of the RFC, and are noted.
    """
    isns = []
    for count in range(4):
        peer.restart((int(peer.isn) + 100_000 * count) % 2**32)
        yield peer.send("S <mss 1460>")
        came = yield from peer.expect("S. ack 1")
        isns.append(came.segment.seq)
        yield peer.send("R 1:")
        yield peer.wait(0.05)
    steps = [after - before for before, after in pairwise(isns)]
    shown = ", ".join(map(str, isns))
    if 0 in steps:
        sentence = f"The same ISN again: {shown}."
        return broken(sentence, field="seq", expected="another ISN each time", actual=shown)
    if min(steps) < 0:
        return note(f"The ISN of the same addresses and ports goes back as well, as if by chance: {shown}.")
    return None


@probe(
    "isns-unrelated", "E16", "RFC 9293 3.4.1 SHLD-1; RFC 6528 3", Level.SHOULD, rules="isn-differs-across-tuples",
    holds=Holds.HALF_OPEN,
)  # fmt: skip
def isns_unrelated(peer: Peer) -> Script:
    """The ISNs of eight connections from different ports lie far apart.

    From one's own ISN another's can be guessed otherwise, and with it segments that fit into another's connection.
    lwIP begins at nearly the same number every time.
    """
    isns = []
    for one in (peer, *(peer.another() for _ in range(7))):
        yield one.send("S <mss 1460>")
        came = yield from one.expect("S. ack 1")
        isns.append(came.segment.seq)
        yield one.send("R 1:")  # eight at once are more than many a backlog holds
    spread = max(abs(one - other) for one in isns for other in isns)
    shown = ", ".join(map(str, isns))
    if spread < NEAR:
        sentence = f"ISNs of eight connections lie within {spread}: {shown}."
        return warn(sentence, field="seq", expected="unrelated numbers", actual=shown)
    return None


@probe(
    "window-of-third-segment-counts", "E17", "RFC 9293 3.10.7.4; RFC 9293 3.8.6", Level.PROCEDURE, server=Server.BULK,
    rules="sender-within-window",
)  # fmt: skip
def window_of_third_segment_counts(peer: Peer) -> Script:
    """A SYN with window 0, a third segment with 1000: the server then sends, and no more than that.

    The window of the SYN is a start only. A stack that does not update it in SYN-RECEIVED waits for its persist timer.
    """
    yield peer.send("S win 0 <mss 1460>")
    yield peer.expect("S. ack 1")
    yield peer.send(". win 1000")
    octets = 0
    while True:
        came = yield from peer.next(within=WATCH if octets else PROGRAM)
        if came is None:
            break
        octets = max(octets, came.segment.end - ((peer.their_isn or Seq(0)) + 1))
    if not octets:
        undecided("the server sent nothing")
    if octets > 1000:
        return broken(
            "More was sent than the window.", field="octets", expected="at most 1000", actual=octets
        )
    return None


def _serves(peer: Peer) -> Generator[Action[Any], Any, None]:
    """Expect that a new connection opens and takes data."""
    yield from handshake(peer)
    yield from peer.send("P.", data=b"hello")
    yield from heard(peer, ". ack 6")
