"""Probes on what a target makes of our window: never beyond it, asking while it is 0, sending on once it opens."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from typing import Any, Final

from rawshake.play import Action, Arrival, Peer, Script, handshake
from rawshake.probes.model import Check, Server, broken, note, undecided, warn
from rawshake.probes.park import PROGRAM
from rawshake.probes.prove import FIRST_PROBE, FIRST_RTO, UNHURRIED, WATCH
from rawshake.probes.registry import probe
from rawshake.profile import SECOND
from rawshake.rules.model import Level
from rawshake.tcp.words import distance

#: Octets of a segment of bulk, so that a window has several; seconds until all that may come at once has come.
MSS: Final = 1000
BURST: Final = 0.1
#: Seconds for an ACK that may be delayed by half of one, over any road.
ACKED: Final = 0.9
#: Seconds for which a window stays closed: longer than R2 has to be (RFC 9293 SHLD-11).
LONG: Final = 200.0


@probe(
    "never-beyond-window", "W01", "RFC 9293 3.4; RFC 9293 3.8.6", Level.MUST, server=Server.BULK,
    rules="sender-within-window",
)  # fmt: skip
def never_beyond_window(peer: Peer) -> Script:
    """A server with much to say stays within the window that we advertise, at first and each time that it moves on.

    What lies beyond has no place to go at the receiver. One octet more is let pass, since a window may be probed by it.
    """
    peer.window = 3 * MSS + MSS // 2
    yield from handshake(peer, f"<mss {MSS}>")
    edge, full = 1 + peer.window, False
    for _ in range(6):
        if (yield from _data(peer, PROGRAM)) is None:
            break
        yield from peer.collect(BURST)
        if peer.their.top > edge + 1:
            return broken("It sent beyond the window.", field="octets", expected=f"nothing from {edge} on",
                          actual=f"up to {peer.their.top}")  # fmt: skip
        full = full or peer.their.top > edge - MSS
        yield peer.send(".")
        edge = peer.our.rcv_nxt + peer.window
    if not full:
        undecided("it never had enough to say, or never dared to, to fill our window")
    return None


@probe(
    "window-above-32767-used", "W02", "RFC 9293 3.1 MUST-1", Level.MUST, server=Server.BULK,
    rules="window-treated-unsigned",
)  # fmt: skip
def window_above_32767_used(peer: Peer) -> Script:
    """A window of 36,864 octets, which as a signed number would be negative, lets data come.

    "The window size MUST be treated as an unsigned number, or else large window sizes will appear like negative windows
    and TCP will not work."
    """
    peer.window = 0x9000
    yield from handshake(peer)
    if (yield from _data(peer, PROGRAM)) is not None:
        return None
    other = peer.another()
    other.window = 0x7000
    yield from handshake(other)
    if (yield from _data(other, PROGRAM)) is None:
        undecided("it sends nothing, whatever the window is")
    return broken("A window of 36864 lets nothing come, and one of 28672 does.", field="answer", expected=". 1:",
                  actual="nothing")  # fmt: skip


@probe(
    "shrunken-window-survived", "W03", "RFC 9293 3.8.6 MUST-34; RFC 9293 3.8.6 SHLD-15; RFC 9293 3.8.6 SHLD-16",
    Level.MUST, server=Server.BULK, rules="sender-survives-shrink window-update-rule",
)  # fmt: skip
def shrunken_window_survived(peer: Peer) -> Script:
    """A window that shrinks below what is under way draws nothing new, and once it opens, data goes on.

    A receiver should not do that, but some run out of memory; what a sender may use becomes negative then, and large
    where it is unsigned. What still lies inside should be sent again. Linux and lwIP take a smaller window only from a
    segment with a higher number, so that octets carry it here.
    """
    yield from handshake(peer, f"<mss {MSS}>")
    first = yield from _data(peer, PROGRAM)
    yield from peer.collect(BURST)
    top = peer.their.top
    if first is None or top - 1 <= 2 * MSS:
        undecided("it has not sent three segments at first")
    yield peer.send("P. ack 1", data=b"a")
    peer.window = MSS
    yield peer.send("P. ack 1", data=b"b")
    came = yield from peer.collect(FIRST_RTO)
    found: list[Check] = []
    # What acknowledges both octets left after the window had shrunk.
    heeding = [one for one in came if distance(one.segment.ack, peer.isn) > 2]
    beyond = [one for one in heeding if one.segment.length and _number(peer, one) + one.segment.length > top]
    if beyond:
        found.append(warn("It sent new data beyond a window that had shrunk.", field="octets",
                          expected=f"nothing from {top} on", actual=beyond[0].text))  # fmt: skip
    if not any(_number(peer, one) == 1 and one.segment.payload_length for one in came):
        found.append(warn("What still lay inside a window that had shrunk was not sent again.", field="answer",
                          expected=". 1:", actual="nothing"))  # fmt: skip
    if peer.their.view.fin is not None:
        undecided("it has said all, so that nothing more could come")
    peer.window = 65535
    top = peer.their.top
    yield peer.send(f". ack {top}")
    yield peer.expect(f".F? {top}:", within=WATCH)
    return tuple(found)


@probe(
    "closed-window-heeded-and-probed", "W04",
    "RFC 9293 3.8.6.1 MUST-36; RFC 9293 3.8.6.1 SHLD-29; RFC 9293 3.8.6 MUST-35", Level.MUST, server=Server.ECHO,
    rules="zero-window-probed sender-within-window",
)  # fmt: skip
def closed_window_heeded_and_probed(peer: Peer) -> Script:
    """While our window is 0 no data comes, and after about a retransmission timeout it is asked about.

    The ACK that opens a window can get lost; without asking, both ends would then wait for ever. Linux asks by an empty
    segment with a number that is acknowledged, BSD, lwIP and Windows by the next octet: either draws an answer. BSD
    waits for 5 s before.
    """
    acked = yield from _stuck(peer)
    began = peer.sent_at
    # A probe may carry the ACK that was delayed until then.
    asks = acked
    if not acked.segment.payload_length:
        asks = yield from peer.expect(". 0:", ". 1:2(1)", ". 1:6(5)", within=FIRST_PROBE)
    wait = (asks.time - began) / SECOND
    if asks.segment.payload_length > 1 and wait < BURST:
        return broken("Data came into a window of 0 at once.", field="octets", expected="none",
                      actual=asks.text)  # fmt: skip
    if asks.segment.payload_length > 1:
        return note("It asks about a closed window by all that it has to say, in place of an octet.")
    if wait > FIRST_RTO + 1:
        return note(f"It first asked about a closed window after {wait:.1f} s: 5 s in BSD, an RTO elsewhere.")
    return None


@probe(
    "closed-window-probed-ever-slower", "W05", "RFC 9293 3.8.6.1 SHLD-30", Level.SHOULD, server=Server.ECHO,
    rules="zero-window-probed",
)  # fmt: skip
def closed_window_probed_ever_slower(peer: Peer) -> Script:
    """Probes of a closed window come at growing intervals, although each is answered.

    A printer out of paper keeps its window closed for hours, and many clients may be waiting for it.
    """
    yield from _stuck(peer)
    times = [peer.sent_at]
    while (left := FIRST_PROBE * (1 + (len(times) < 3)) - (times[-1] - times[0]) / SECOND) > 0:
        came = yield from peer.next(within=left)
        if came is None:
            break
        times.append(came.time)
        yield peer.send(".")
    gaps = [(after - before) / SECOND for before, after in pairwise(times)]
    if len(gaps) < 2:
        undecided(f"it did not ask twice within {2 * FIRST_PROBE:.0f} s")
    # The first wait has the time in it that its program took.
    steady = gaps[1:] if len(gaps) > 2 else gaps
    if steady[-1] < 1.3 * steady[0] < 1.3 * UNHURRIED:
        shown = ", ".join(f"{gap:.2f} s" for gap in gaps)
        return warn(f"A closed window was probed after {shown}.", field="time",
                    expected="growing intervals", actual=shown)  # fmt: skip
    return None


@probe(
    "closed-window-outlasted", "W06", "RFC 9293 3.8.6.1 MUST-37", Level.MUST, server=Server.ECHO,
    rules="zero-window-probed", slow=True, patience=300.0,
)  # fmt: skip
def closed_window_outlasted(peer: Peer) -> Script:
    """A connection whose window stays closed for 200 s, and whose probes are answered, goes on once it opens.

    A window may "remain closed indefinitely"; whoever counts probes as if they were unanswered gives up. Some servers
    do it on purpose, since clients have tied them down that way (RFC 6429), or their programs do: hence a warning where
    it is told.
    """
    acked = yield from _stuck(peer)
    now = acked.time
    while (left := LONG - (now - acked.time) / SECOND) > 0:
        came = yield from peer.next(within=left)
        if came is None:
            break
        if came.segment.rst or came.segment.fin:
            took = (came.time - acked.time) / SECOND
            return warn(f"It ended a connection after {took:.0f} s of a closed window.", field="flags",
                        expected=".", actual=came.text)  # fmt: skip
        now = came.time
        yield peer.send(".")
    yield from _opened(peer, PROGRAM)
    return None


@probe(
    "opened-window-used-at-once", "W07", "RFC 9293 3.10.7.4; RFC 9293 3.8.6.1", Level.PROCEDURE, server=Server.ECHO,
    rules="window-update-rule",
)  # fmt: skip
def opened_window_used_at_once(peer: Peer) -> Script:
    """As soon as an ACK opens a window that was 0, what had to wait comes, and no probe is waited for.

    "the send window should be updated": whoever waits for the next probe stands still for minutes, since they come ever
    more slowly.
    """
    yield from _stuck(peer)
    yield peer.next(within=1.0)  # a probe: its program has said what it has to say
    yield from _opened(peer, WATCH)


def _stuck(peer: Peer) -> Generator[Action[Any], Any, Arrival]:
    """Open with a window of 0, and send a server that echoes what it cannot send back; gives its ACK."""
    yield from peer.send("S <mss 1460>")
    yield from peer.expect("S. ack 1")
    peer.window = 0
    yield from peer.send(".")
    yield from peer.send("P.", data=b"hello")
    acked: Arrival = yield from peer.expect(". ack 6", within=ACKED)
    return acked


def _opened(peer: Peer, within: float) -> Generator[Action[Any], Any, None]:
    """Open our window, and expect what was stuck, of which a probe may have had the first octet."""
    yield from peer.collect(0)
    peer.window = 65535
    yield from peer.send(". ack 1")
    yield from peer.expect(". 1:6(5)", ". 2:6(4)", within=within)


def _data(peer: Peer, within: float) -> Generator[Action[Any], Any, Arrival | None]:
    """The next that comes with data; None where nothing comes for so many seconds."""
    came = yield from peer.next(within=within)
    while came is not None and not came.segment.payload_length:
        came = yield from peer.next(within=within)
    return came


def _number(peer: Peer, arrival: Arrival) -> int:
    return distance(arrival.segment.seq, peer.their_isn or arrival.segment.seq)
