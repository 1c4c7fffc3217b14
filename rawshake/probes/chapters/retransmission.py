"""Probes on sending again: how soon, how often, which octets, and how much at a time."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import pairwise
from typing import Any, Final

from rawshake.play import Action, Arrival, Peer, Script, handshake
from rawshake.probes.model import Server, broken, note, skipped, undecided, warn
from rawshake.probes.park import PROGRAM, block
from rawshake.probes.prove import FIRST_RTO, WATCH, gone, round_trip
from rawshake.probes.registry import probe
from rawshake.profile import SECOND
from rawshake.rules.model import Level
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import Step

#: Octets of a segment of bulk, so that a first flight has several; seconds until all of it has come.
MSS: Final = 1000
BURST: Final = 0.05
#: No retransmission timer runs out so soon: Linux's takes 0.2 s, of which watching the flight has used a quarter.
SOONER: Final = 0.08
#: ns after which a timer may have sent again.
TIMER: Final = SECOND // 5
#: After so many acknowledged flights a congestion window of one segment has grown to more than four.
ROUNDS: Final = 4


@probe(
    "data-again-ever-slower", "X01", "RFC 9293 3.8.1; RFC 6298 5.5; RFC 9293 3.8.3 MUST-20", Level.MUST,
    server=Server.ECHO, rules="data-rto-backoff retransmission-same-bytes",
)  # fmt: skip
def data_again_ever_slower(peer: Peer) -> Script:
    """Data that is not acknowledged comes again with the same octets, and each wait is longer than the one before.

    Who sends again at a steady pace keeps a crowded road crowded.
    """
    first = yield from _echo(peer)
    again = yield from _again(peer, first, 7.5)
    gaps = _gaps([first, *again])
    shown = _shown(gaps)
    if not again:
        return broken("Data that is not acknowledged did not come again.", field="answer", expected="again within 7 s",
                      actual="nothing")  # fmt: skip
    for one in again:
        if one.segment.payload[:5] != first.segment.payload:
            return broken("Other octets came the second time.", field="payload", expected=first.segment.payload,
                          actual=one.segment.payload)  # fmt: skip
    if len(gaps) > 2 and gaps[-1] < 1.3 * gaps[0]:
        return broken(f"Data came again after {shown}: not ever more slowly.", field="time",
                      expected="each wait twice the one before", actual=shown)  # fmt: skip
    return None


@probe(
    "first-timeout-in-bounds", "X02", "RFC 6298 2.4; RFC 6298 2.1", Level.SHOULD, server=Server.ECHO,
    rules="rto-at-least-1s no-early-retransmit",
)  # fmt: skip
def first_timeout_in_bounds(peer: Peer) -> Script:
    """Data is not sent again before a second has passed, or as today's stacks have it, a fifth of one.

    An ACK may be delayed by half a second; who sends again before that sends everything twice. Linux waits 0.2 s, since
    its ACKs are delayed by 40 ms at most; FreeBSD 0.23 s, Windows 0.3 s. That is a note, and less a warning.
    """
    first = yield from _echo(peer)
    again = yield from _again(peer, first, 4)
    if not again:
        undecided("it did not send again within 4 s")
    wait = _gaps([first, *again])[0]
    if wait >= 0.9:
        return None
    if wait >= 0.15:
        return note(
            f"First sent again after {wait:.2f} s: less than the second of RFC 6298 2.4, as in Linux."
        )
    sentence = f"First sent again after {wait:.3f} s."
    return warn(sentence, field="time", expected="at least 1 s, or 0.2 s", actual=f"{wait:.3f} s")


@probe(
    "back-off-outlives-ambiguous-ack", "X03", "RFC 6298 3; RFC 9293 3.8.1 MUST-18", Level.SHOULD, server=Server.ECHO,
    rules="data-rto-backoff",
)  # fmt: skip
def back_off_outlives_ambiguous_ack(peer: Peer) -> Script:
    """After data was sent twice and then acknowledged, the longer timeout stays until there is a new measurement.

    Which of the copies was acknowledged cannot be told, so that nothing was learned (Karn). Without it, a road that is
    slower than the timeout is sent everything several times, for ever.
    """
    first = yield from _echo(peer)
    again: list[Arrival] = []
    while len(again) < 2:
        came = yield from peer.next(within=8)
        if came is None:
            undecided("it did not send twice again within 8 s")
        if came.segment.seq == first.segment.seq and came.segment.payload_length:
            again.append(came)
    before = _gaps([first, *again])[0]
    yield peer.send("P.", data=b"world")
    second = yield from peer.next(within=PROGRAM)
    while second is not None and (
        second.segment.seq != first.segment.end or not second.segment.payload_length
    ):
        second = yield from peer.next(within=PROGRAM)
    if second is None:
        undecided("it did not echo a second time")
    more = yield from _again(peer, second, 8)
    if not more:
        return None
    wait = _gaps([second, *more])[0]
    if wait < 1.3 * before:
        sentence = f"After {before:.2f} s at first, and backing off, the next wait was {wait:.2f} s."
        return warn(sentence, field="time", expected=f"about {4 * before:.2f} s", actual=f"{wait:.2f} s")
    return None


@probe(
    "waits-never-shrink", "X04", "RFC 6298 5.5; RFC 6298 2.5", Level.MUST, server=Server.ECHO,
    rules="data-rto-backoff", slow=True, patience=200.0,
)  # fmt: skip
def waits_never_shrink(peer: Peer) -> Script:
    """The waits grow up to a minute or more, and from there on stay as they are.

    The longest wait may be bounded, by no less than 60 s.
    """
    first = yield from _echo(peer)
    again = yield from _again(peer, first, 150)
    gaps = _gaps([first, *again])
    for before, after in pairwise(gaps[1:]):
        if after < 0.7 * before or (after < 1.3 * before < 40):
            shown = _shown(gaps)
            return broken(f"The waits were {shown}.", field="time", expected="twice the one before, up to 60 s",
                          actual=shown)  # fmt: skip
    return None


@probe(
    "third-duplicate-sends-again",
    "X05",
    "RFC 5681 3.2",
    Level.SHOULD,
    server=Server.BULK,
    rules="fast-retransmit",
)
def third_duplicate_sends_again(peer: Peer) -> Script:
    """Three ACKs that repeat the one before bring back what they ask for at once, ahead of its timer.

    A loss then costs one round trip in place of a timeout. It is not the first flight that is lost here: to the letter
    of RFC 6582 3.2, as in gVisor, ACKs that cover no more than the SYN bring nothing back.
    """
    una = yield from _under_way(peer)
    for _ in range(4):
        yield peer.send(f". ack {una}")
    if (yield from _comes_again(peer, una, SOONER)):
        return None
    return warn("Three repeated ACKs brought nothing back before the timer did.", field="answer",
                expected=f". {una}:", actual="nothing")  # fmt: skip


@probe(
    "window-updates-are-no-duplicates", "X06", "RFC 5681 2; RFC 5681 3.2", Level.SHOULD, server=Server.BULK,
    rules="fast-retransmit",
)  # fmt: skip
def window_updates_are_no_duplicates(peer: Peer) -> Script:
    """ACKs of the same number that open the window tell of no loss: nothing is sent again for them.

    A receiver whose program reads in small bites sends many of these.
    """
    peer.window = 40_000
    una = yield from _under_way(peer)
    for count in range(1, 5):
        yield peer.send(f". ack {una} win {peer.window + 1000 * count}")
    if not (yield from _comes_again(peer, una, SOONER)):
        return None
    return warn("ACKs that only moved the window made it send again.", field="answer", expected="nothing again",
                actual=f". {una}:")  # fmt: skip


@probe(
    "only-holes-sent-again",
    "X07",
    "RFC 2018 5; RFC 6675 5",
    Level.SHOULD,
    server=Server.BULK,
    rules="sack-blocks-sane",
)
def only_holes_sent_again(peer: Peer) -> Script:
    """Of a flight whose second to fourth segments are reported by SACK, only the first is sent again.

    What SACK has reported should not be retransmitted before a timeout.
    """
    una = yield from _under_way(peer, f"<mss {MSS},sackOK>")
    for count in (2, 3, 4):
        yield peer.send(f". ack {una} <nop,nop,sack {una + MSS}:{una + count * MSS}>")
    came = yield from peer.collect(SOONER + round_trip(peer) / SECOND)
    first = (peer.their_isn or Seq(0)) + una
    for one in came:
        if one.segment.payload_length and first < one.segment.seq < first + 4 * MSS - MSS:
            return warn(
                "What SACK had reported was sent again.", field="seq", expected=f"{una}:", actual=one.text
            )
    if not any(one.segment.seq == first and one.segment.payload_length for one in came):
        return warn("The hole that SACK shows was not filled before the timer did it.", field="answer",
                    expected=f". {una}:", actual="nothing")  # fmt: skip
    return None


@probe("tail-loss-probed", "X08", "RFC 8985 7", Level.MAY, server=Server.ECHO)
def tail_loss_probed(peer: Peer) -> Script:
    """Whether the last segment of a flight is sent again as a probe, ahead of its timer: a note where it is.

    RACK-TLP finds a loss at the end of a flight, where no later segment could draw a repeated ACK. Linux does it where
    SACK is used.
    """
    first = yield from _echo(peer, "<mss 1460,sackOK>")
    again = yield from _again(peer, first, FIRST_RTO)
    gaps = _gaps([first, *again])
    if len(gaps) > 1 and gaps[0] < 0.7 * gaps[1] and gaps[0] < 0.19:
        return note(f"A tail loss probe (RFC 8985) came after {gaps[0]:.2f} s.")
    return None


@probe(
    "first-flight-bounded", "X09", "RFC 5681 3.1; RFC 9293 3.8.2 MUST-19; RFC 6928 2", Level.MUST,
    server=Server.BULK, rules="initial-window-bounded",
)  # fmt: skip
def first_flight_bounded(peer: Peer) -> Script:
    """Before anything is acknowledged, at most four segments are sent, or ten, as RFC 6928 has it.

    Ten is an experiment by the letter, and the rule in practice, hence a note; more is a warning.
    """
    octets = yield from _flight(peer)
    segments = -(-octets // MSS)
    if segments <= 4:
        return None
    if segments <= 10:
        return note(f"A first flight of {segments} segments: RFC 6928 allows 10, RFC 5681 allows 4.")
    return warn(f"A first flight of {segments} segments of {MSS}.", field="octets",
                expected=f"at most {10 * MSS}", actual=str(octets))  # fmt: skip


@probe(
    "one-segment-after-timeout",
    "X10",
    "RFC 5681 3.1",
    Level.MUST,
    server=Server.BULK,
    rules="data-rto-backoff",
)
def one_segment_after_timeout(peer: Peer) -> Script:
    """When the timer runs out, one segment is sent again, and no more before it is acknowledged.

    The congestion window is one segment then: a whole flight into a road that has just lost one is what collapsed the
    early internet.
    """
    yield from _flight(peer, least=2)
    came = yield from peer.next(within=FIRST_RTO)
    first = (peer.their_isn or Seq(0)) + 1
    if came is None or came.segment.seq != first:
        undecided("it did not send again from the first octet on")
    more = [one for one in (yield from peer.collect(0.1)) if one.segment.payload_length]
    if more:
        return broken("More than one segment was sent after a timeout.", field="octets", expected="one segment",
                      actual=", ".join(one.text for one in (came, *more)))  # fmt: skip
    return None


@probe(
    "ack-of-all-after-timeout", "X11", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE, server=Server.BULK,
    rules="sequence-contiguous",
)  # fmt: skip
def ack_of_all_after_timeout(peer: Peer) -> Script:
    """An ACK of what was sent again and of all behind it ends the sending again: new data follows.

    The ACKs, not the data, may have been late. Whoever goes back to the second segment then sends all of it in vain.
    """
    yield from _flight(peer, least=2)
    came = yield from peer.next(within=FIRST_RTO)
    if came is None:
        undecided("it did not send again")
    top = peer.their.top
    yield peer.send(f". ack {top}")
    yield peer.expect(f".F? {top}:", within=WATCH)


@probe(
    "again-with-todays-ack", "X12", "RFC 9293 3.10.2; RFC 9293 3.8.1", Level.SHOULD, server=Server.ECHO,
    rules="ack-never-recedes",
)  # fmt: skip
def again_with_todays_ack(peer: Peer) -> Script:
    """What is sent again acknowledges what has come since.

    An ACK never goes back; an old copy that is sent as it was tells the other end less than it knows.
    """
    yield from _echo(peer)
    yield peer.send("P. 6: ack 1", data=b"more")
    yield peer.expect(". 1: ack 10", within=2 * FIRST_RTO)


@probe(
    "gives-up-in-the-end", "X13", "RFC 9293 3.8.3 SHLD-11; RFC 9293 3.8.3 MUST-20", Level.SHOULD, server=Server.ECHO,
    rules="data-rto-backoff", slow=True, patience=1500.0,
)  # fmt: skip
def gives_up_in_the_end(peer: Peer) -> Script:
    """Who is never answered gives up, after 100 s at least, and then knows of no connection.

    A short outage of the road must not end connections; a peer that is gone must not be kept for ever. Linux takes 15
    tries, a quarter of an hour.
    """
    here = yield from _echo(peer)
    last = here
    while (came := (yield from peer.next(within=200))) is not None:
        last = came
    took = (last.time - here.time) / SECOND
    yield from gone(peer, block(peer, State.ESTABLISHED))
    if took < 100:
        return warn(
            f"It gave up after {took:.0f} s.", field="time", expected="at least 100 s", actual=f"{took:.0f} s"
        )
    return None


def _echo(peer: Peer, options: str = "<mss 1460>") -> Generator[Action[Any], Any, Arrival]:
    """Open, and have five octets echoed, which are not acknowledged; gives the segment that has them."""
    yield from handshake(peer, options)
    yield from peer.send("P.", data=b"hello")
    came = yield from peer.next(within=PROGRAM)
    while came is not None and not came.segment.payload_length:
        came = yield from peer.next(within=PROGRAM)
    if came is None:
        undecided("it echoed nothing")
    return came


def _again(peer: Peer, first: Arrival, for_: float) -> Generator[Action[Any], Any, list[Arrival]]:
    """What comes with that number again within so many seconds."""
    came = yield from peer.collect(for_)
    return [one for one in came if one.segment.seq == first.segment.seq and one.segment.payload_length]


def _gaps(arrivals: Sequence[Arrival]) -> list[float]:
    """Seconds from each to the next."""
    return [(after.time - before.time) / SECOND for before, after in pairwise(arrivals)]


def _shown(gaps: Sequence[float]) -> str:
    return ", ".join(f"{gap:.2f} s" for gap in gaps)


def _flight(peer: Peer, *, least: int = 1, options: str = f"<mss {MSS}>") -> Generator[Action[Any], Any, int]:
    """Open, and let a first flight of bulk come without acknowledging it; gives how many octets it has.

    Undecided where it has fewer than ``least`` segments.
    """
    yield from handshake(peer, options)
    first = yield from peer.next(within=PROGRAM)
    while first is not None and not first.segment.payload_length:
        first = yield from peer.next(within=PROGRAM)
    yield from peer.collect(BURST)
    octets = peer.their.top - 1
    if first is None or octets < (least - 1) * MSS + 1:
        undecided(f"it has not sent {least} segments at first")
    return octets


def _under_way(peer: Peer, options: str = f"<mss {MSS}>") -> Generator[Action[Any], Any, int]:
    """Open, and acknowledge bulk until four segments are on their way that are not; gives the number of the first.

    Undecided where that does not come about: its first flights may have fewer.
    """
    yield from _flight(peer, options=options)
    if "sackOK" in options and not peer.their.view.sack_permitted:
        skipped("it does not take up SACK")
    for _ in range(ROUNDS):
        una = peer.their.top
        yield from peer.send(f". ack {una}")
        yield from peer.next(within=WATCH)
        yield from peer.collect(BURST)
        if peer.their.top > una + 3 * MSS:
            return una
    undecided("it has not sent four segments at once")


def _comes_again(peer: Peer, number: int, for_: float) -> Generator[Action[Any], Any, bool]:
    """Whether the octet of that number comes again within so many seconds, and sooner than a timer brings it."""
    sent = max(one.time for one in peer.entries if isinstance(one, Step) and one.sender is not peer.end)
    came = yield from peer.collect(for_ + round_trip(peer) / SECOND)
    first = (peer.their_isn or Seq(0)) + number
    again = [one for one in came if one.segment.seq == first and one.segment.payload_length]
    return any(one.time < sent + round_trip(peer) + TIMER for one in again)
