"""Probes on what both SYNs agree on: options that are answered only if offered, window scale, fast open."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from rawshake.play import Action, Arrival, Peer, Script
from rawshake.probes.chapters.options import data_of
from rawshake.probes.model import Check, Holds, Server, broken, note, skipped, undecided
from rawshake.probes.park import GREETING, PATIENCE
from rawshake.probes.prove import heard
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.option import Kind
from rawshake.tcp.segment import Segment

STAMPS: Final = "nop,nop,TS val 1000 ecr 0"
#: What a shift count of 14 makes of a window of 1: the most that is ever to be used.
HIGHEST_SHIFT: Final = 1 << 14
COOKIE: Final = bytes(range(1, 9))


@probe("agreed-only-if-offered", "O11", "RFC 7323 2.2; RFC 7323 3.2; RFC 2018 2", Level.MUST_NOT,
       rules="synack-wscale-ts-only-if-offered", holds=Holds.HALF_OPEN)  # fmt: skip
def agreed_only_if_offered(peer: Peer) -> Script:
    """The SYN,ACK carries window scale, or timestamps, only if the SYN did.

    A client that did not offer window scale reads windows as they are written, and would be shown a wrong one for the
    rest of the connection. SACK-permitted that was not asked for harms nobody (a note).
    """
    found: list[Check] = []
    offers = ("", f",{STAMPS}", ",nop,wscale 7")
    for one, offer in zip((peer, peer.another(), peer.another()), offers, strict=True):
        sent = yield from one.send(f"S <mss 1460{offer}>")
        came = yield from one.expect("S. ack 1")
        for kind, name in ((Kind.WSCALE, "window scale"), (Kind.TIMESTAMPS, "timestamps")):
            if came.segment.option(kind) and not sent.option(kind):
                found.append(broken(f"Its SYN,ACK has {name}, and the SYN had none.", field="options",
                                    expected=f"no {name}", actual=came.text))  # fmt: skip
        if came.segment.sack_permitted and not found:
            found.append(note("Its SYN,ACK permits SACK unasked."))
    return tuple(found)


@probe("window-scaled-as-agreed", "O12", "RFC 7323 2.3; RFC 7323 2.2", Level.MUST, server=Server.BULK,
       rules="wscale-applied")  # fmt: skip
def window_scaled_as_agreed(peer: Peer) -> Script:
    """Once both SYNs had window scale, our window of 10 is 1280 octets, by our shift count of 7: no more, no less.

    Less makes a fast line slow, and more overruns the receiver.
    """
    yield peer.send("S <mss 536,nop,wscale 7>")
    came = yield from peer.expect("S. ack 1")
    if came.segment.wscale is None:
        skipped("it does not take up window scale")
    octets = yield from _within(peer, ". win 10")
    if octets > 1280:
        return broken(
            "It sent more than the scaled window.", field="octets", expected="at most 1280", actual=octets
        )
    if octets <= 10:
        return broken("It did not scale our window.", field="octets", expected="up to 1280", actual=octets)
    return None


@probe("shift-above-14-used-as-14", "O12", "RFC 7323 2.3", Level.MUST, server=Server.BULK,
       rules="wscale-capped-at-14")  # fmt: skip
def shift_above_14_used_as_14(peer: Peer) -> Script:
    """A shift count of 15 is used as 14: a window of 1 lets 16,384 octets be under way, and no more.

    Windows of 2**30 octets and more would make old and new numbers look alike.
    """
    yield peer.send("S <mss 1460,nop,wscale 15>")
    came = yield from peer.expect("S. ack 1")
    if came.segment.wscale is None:
        return note("With a shift count of 15 it takes up no window scale.")
    most = 0
    for _ in range(6):
        yield peer.send(". win 1")
        before = peer.our.rcv_nxt
        yield from data_of(peer, PATIENCE)
        most = max(most, peer.our.rcv_nxt - before)
        if most > HIGHEST_SHIFT - 1460 or peer.their.view.fin is not None:
            break
    if most > HIGHEST_SHIFT:
        return broken("It took a shift count of 15 by its word.", field="octets", expected=f"at most {HIGHEST_SHIFT}",
                      actual=most)  # fmt: skip
    if most <= HIGHEST_SHIFT - 1460:
        skipped("it never has so much under way that a shift count of 15 would show")
    return None


@probe("late-wscale-ignored", "O12", "RFC 7323 2.2", Level.MUST, server=Server.BULK, rules="wscale-syn-only")
def late_wscale_ignored(peer: Peer) -> Script:
    """Window scale in a segment without SYN is ignored: our window of 600 stays 600 octets.

    "A Window Scale option in a segment without a SYN bit MUST be ignored."
    """
    yield peer.send("S <mss 536>")
    yield peer.expect("S. ack 1")
    octets = yield from _within(peer, ". win 600 <nop,wscale 14>")
    if octets <= 600:
        return None
    return broken("Window scale was heeded in a segment without SYN.", field="octets", expected="at most 600",
                  actual=octets)  # fmt: skip


@probe("syn-ack-window-unscaled", "O12", "RFC 7323 2.2", Level.MUST_NOT, rules="syn-window-unscaled")
def syn_ack_window_unscaled(peer: Peer) -> Script:
    """The window in the SYN,ACK is a count of octets, and only those after it are scaled.

    From outside that can only be guessed: a note where the field stays the same, so that the real window would have
    grown by its shift count at once. Linux writes 64240 or so, and then 502 for the same.
    """
    synack = yield from opened(peer, "<mss 1460,nop,wscale 7>")
    shift, first = synack.segment.wscale, synack.segment.window
    if shift is None:
        skipped("it does not take up window scale")
    yield peer.send("P.", data=b"X")
    came = yield from heard(peer, ". ack 2")
    window = came.segment.window
    if shift > 1 and first < 65535 and abs(first - window) <= max(1, first // 16):
        return note(
            f"A window of {first} in its SYN,ACK, and then of {window}, scaled by {shift}: was the first, too?"
        )
    return None


@probe("syn-with-and-without-timestamps", "O17", "RFC 7323 3.2; RFC 9293 3.10.7.4", Level.PROCEDURE)
def syn_with_and_without_timestamps(peer: Peer) -> Script:
    """A SYN that comes twice, once with timestamps and once without, opens a connection that works.

    Clients drop options from a SYN that is sent again, lest a firewall has eaten it for them. What the last SYN,ACK
    has is then agreed.
    """
    for one, offers in ((peer, (f",{STAMPS}", "")), (peer.another(), ("", f",{STAMPS}"))):
        yield one.send(f"S <mss 1460{offers[0]}>")
        synack = (yield from one.expect("S. ack 1")).segment
        yield one.send(f"S 0: <mss 1460{offers[1]}>")
        for again in (yield from one.collect(0.1)):
            synack = again.segment if again.segment.syn else synack
        stamps = stamped(synack, 1001)
        yield one.send(f". 1: ack 1 {stamps}")
        yield one.send(f"P. 1: ack 1 {stamps}", data=b"HELLO")
        yield from heard(one, ". ack 6")


@probe("fast-open-cookies", "O19", "RFC 7413 4.1.1; RFC 7413 4.2.1; RFC 7413 4.2.2", Level.MUST,
       rules="tfo-ignored-when-off tfo-cookie-granted tfo-cookie-decides-ack", holds=Holds.HALF_OPEN)  # fmt: skip
def fast_open_cookies(peer: Peer) -> Script:
    """A request for a fast open cookie is granted by 4 to 16 octets, or ignored; data is taken by a valid one only.

    Data without a valid cookie may come from anybody: a server that acts on it serves forged addresses. Linux grants
    cookies of 8 octets if told so, and ignores the option by default.
    """
    yield peer.send("S", options=bytes.fromhex("020405b4 2202 0101"))
    came = yield from peer.expect("S. ack 1")
    cookie = came.segment.option(Kind.FAST_OPEN)
    if cookie is None:
        second = peer.another()
        yield second.send(f"S <mss 1460,FO {COOKIE.hex()},nop,nop>", data=b"cookies")
        yield second.expect("S. ack 1", "S. ack 8")
        return None
    if not 4 <= len(cookie.data) <= 16 or len(cookie.data) % 2:
        return broken("It granted a cookie of an impossible length.", field="options",
                      expected="4 to 16 octets, an even number", actual=f"{len(cookie.data)} octets")  # fmt: skip
    second, third, fourth = peer.another(), peer.another(), peer.another()
    yield second.send(f"S <mss 1460,FO {cookie.data.hex()}>", data=b"cookies")
    yield second.expect("S. ack 8", "S. ack 1")
    yield third.send(f"S <mss 1460,FO {bytes(len(cookie.data)).hex()}>", data=b"cookies")
    yield third.expect("S. ack 1")
    yield fourth.send(f"S <mss 1460,FO {cookie.data[:3].hex()}>", data=b"cookies")
    yield fourth.expect("S. ack 1")
    return None


def opened(peer: Peer, options: str, *, syn: str = "S") -> Generator[Action[Any], Any, Arrival]:
    """Open the connection; what its program says by itself is heard, and acknowledged. Gives the SYN,ACK."""
    yield from peer.send(f"{syn} {options}")
    synack = yield from peer.expect("S.E? ack 1" if "E" in syn else "S. ack 1")
    yield from peer.send(".")
    said = yield from peer.collect(GREETING)
    if any(one.segment.length for one in said):
        yield from peer.send(".")
    if peer.their.view.fin is not None:
        undecided("its program closed by itself")
    return synack


def stamped(came: Segment, value: int) -> str:
    """The option that answers ``came`` with TSval ``value``, or none if that has none."""
    if came.timestamps is None:
        return "<>"
    return f"<nop,nop,TS val {value} ecr {came.timestamps[0]}>"


def _within(peer: Peer, third: str) -> Generator[Action[Any], Any, int]:
    """How many octets come within the window of our third segment, none of them being acknowledged."""
    yield from peer.send(third)
    yield from data_of(peer, PATIENCE)
    octets = peer.our.rcv_nxt - 1
    if not octets:
        undecided("its program sent nothing")
    return octets
