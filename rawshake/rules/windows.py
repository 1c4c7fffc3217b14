"""Rules on windows: what an end may send into the other's, and how its own may move."""

from __future__ import annotations

from typing import Final

from rawshake.rules.model import Level, Outcome, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.option import Kind
from rawshake.tcp.state import State
from rawshake.tcp.view import UNREADABLE, Fate, Step, View

MAX_SHIFT: Final = 14


@rule("syn-window-unscaled", "RFC 7323 2.2", Level.MUST_NOT)
def syn_window_unscaled(step: Step) -> Outcome | None:
    """The window of a SYN or SYN,ACK is a count of octets, never shifted.

    The shift holds from the first segment after the handshake on. A client that applies it to the window of
    the SYN,ACK as well sends more than the server has room for. With the usual windows of about 64 KB nobody
    notices, since no first flight is that long; with a small one data is lost and sent again. A tap may have
    missed an ACK with a larger window, so only what rawshake itself sees or sends is decided.

    Fires (at the client):
        > S 0:0(0) win 65535 <mss 1460,nop,wscale 7>
        < S. 0:0(0) ack 1 win 500 <mss 1460,nop,wscale 7>
        > . 1:1(0) ack 1 win 512
        > P. 1:601(600) ack 1 win 512
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,wscale 7>
        < S. 0:0(0) ack 1 win 500 <mss 1460,nop,wscale 7>
        > . 1:1(0) ack 1 win 512
        > P. 1:501(500) ack 1 win 512
        < . 1:1(0) ack 501 win 8
        > P. 501:1101(600) ack 1 win 512
    Quiet (a tap may have missed an ACK):
        > S 0:0(0) win 65535 <mss 1460,nop,wscale 7>
        < S. 0:0(0) ack 1 win 500 <mss 1460,nop,wscale 7>
        > . 1:1(0) ack 1 win 512
        > P. 1:601(600) ack 1 win 512
    """
    peer = step.peer_was
    if not peer.shift or peer.proven is not State.SYN_RECEIVED or peer.window is None or not _fills(step):
        return None
    over = _over(step)
    if over is None or over > (peer.window << peer.shift) - peer.window:
        return None  # it would not fit if it were shifted, either: sender-within-window
    if over <= 0:
        return held("seq", f"ends {-over} octets before the edge of the SYN,ACK's window, {peer.window}")
    return _beyond(step, over, f"; the window of a SYN,ACK is not shifted by {peer.shift}")


@rule("wscale-applied", "RFC 7323 2.2; RFC 7323 2.3", Level.MUST)
def wscale_applied(step: Step) -> Outcome | None:
    """Windows are shifted only if both SYNs had the option.

    A client that offered window scale and got a SYN,ACK without it goes back to plain windows, and the server
    takes them so. A server that shifts all the same sends 2**n times as much as there is room for. Linux and
    BSD do this right; a middlebox that strips the option from one SYN brings it about. As with all windows, a
    tap may have missed a larger one.

    Fires (at the client):
        > S 0:0(0) win 400 <mss 1460,nop,wscale 7>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        > . 1:1(0) ack 1 win 400
        < P. 1:501(500) ack 1 win 65535
        > . 1:1(0) ack 501 win 400
    Quiet:
        > S 0:0(0) win 400 <mss 1460,nop,wscale 7>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        > . 1:1(0) ack 1 win 400
        < P. 1:401(400) ack 1 win 65535
        > . 1:1(0) ack 401 win 400
    """
    peer = step.peer_was
    if not peer.wscale or peer.shift or peer.window is None or step.was.offered is None or not _fills(step):
        return None
    shift = min(peer.wscale, MAX_SHIFT)
    over = _over(step)
    if over is None or over > (peer.window << shift) - peer.window:
        return None
    if over <= 0:
        return held("seq", f"ends {-over} octets before the edge of a window of {peer.window}, not shifted")
    return _beyond(step, over, f"; nothing is shifted by {shift}, for only one SYN had window scale")


@rule("sender-within-window", "RFC 9293 3.4; RFC 7323 2.4", Level.MUST)
def sender_within_window(step: Step) -> Outcome | None:
    """New data ends at or before the furthest right edge that the peer has advertised.

    The right edge is the ACK plus the window, shifted. What lies beyond it the receiver need not take: it
    is answered by an ACK and has to be sent again. A single octet is how BSD and Windows probe a closed
    window, and a FIN may stand just beyond the edge. A tap may have missed a larger window, so only what
    rawshake itself sees or sends is decided.

    Fires (at the client):
        > S 0:0(0) win 400
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 400
        < P. 1:501(500) ack 1 win 65535
    Fires (at the client, more after the window was closed):
        > S 0:0(0) win 400
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 400
        < P. 1:401(400) ack 1 win 65535
        > . 1:1(0) ack 401 win 0
        < P. 401:501(100) ack 1 win 65535
        > . 1:1(0) ack 401 win 0
    Quiet:
        > S 0:0(0) win 400
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 400
        < P. 1:401(400) ack 1 win 65535
        > . 1:1(0) ack 401 win 0
        +1 < . 401:402(1) ack 1 win 65535
        > . 1:1(0) ack 401 win 0
        +1 > . 1:1(0) ack 401 win 400
        < FP. 401:801(400) ack 1 win 65535
        > . 1:1(0) ack 802 win 400
    """
    if not _fills(step):
        return None
    if step.peer_was.offered is None or step.was.offered is None:
        return undecidable("seq", "the window's scale is not known without both SYNs")
    over = _over(step)
    if over is None:
        return None
    if over <= 0:
        return held("seq", f"ends {-over} octets before the edge {step.peer_was.edge} of the peer's window")
    return _beyond(step, over)


def _fills(step: Step) -> bool:
    """Whether it brings data for the first time, and more than a probe does."""
    segment = step.segment
    return segment.payload_length > 1 and not step.again and not segment.syn and not segment.rst


def _over(step: Step) -> int | None:
    """How many octets of its data lie beyond the edge: below 0, how much room is left."""
    edge = step.peer_was.edge
    return None if edge is None else step.segment.seq + step.segment.payload_length - edge


def _beyond(step: Step, over: int, why: str = "") -> Outcome:
    edge = step.peer_was.edge
    end = step.segment.seq + step.segment.payload_length
    if not (step.ours or step.fate is Fate.DELIVERED):
        return undecidable("seq", "a larger window may have been missed")
    sentence = f"data ends at {end} = edge {edge} + {over}{why}"
    return broken("seq", sentence, expected=f"at most {edge}", actual=end)


@rule("window-not-shrunk", "RFC 9293 3.8.6 SHLD-14; RFC 7323 2.4", Level.SHOULD_NOT)
def window_not_shrunk(step: Step) -> Outcome | None:
    """The right edge of a window, ACK + window, does not move to the left.

    Data may be under way that fitted when it left, and now must be sent again. With a shift of n the edge is
    known to 2**n - 1 octets only, so that much is rounding; and so is less than an MSS since the SYN,ACK, which
    a server that uses SYN cookies has forgotten. Linux never takes back what it gave, except all of
    it when it runs out of memory for a socket (and, if net.ipv4.tcp_shrink_window is set, at any time); so a
    window closed at once is a note. After the peer's FIN a window means nothing any more, and many stacks write 0.
    MPTCP's window counts from what all subflows together have brought, so one subflow cannot tell.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:101(100) ack 1 win 65535
        < . 1:1(0) ack 101 win 1000
    Fires (closed at once):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:101(100) ack 1 win 65535
        < . 1:1(0) ack 101 win 0
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 300
        > . 1:1(0) ack 1 win 65535
        > P. 1:101(100) ack 1 win 65535
        < . 1:1(0) ack 101 win 200
        > P. 101:301(200) ack 1 win 65535
        < . 1:1(0) ack 301 win 0
        +1 < . 1:1(0) ack 301 win 300
    Quiet (rounding):
        > S 0:0(0) win 65535 <mss 1460,nop,wscale 7>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>
        > . 1:1(0) ack 1 win 512
        > P. 1:101(100) ack 1 win 512
        < . 1:1(0) ack 101 win 511
    """
    segment, was, peer = step.segment, step.was, step.peer_was
    if segment.syn or segment.rst or not segment.has_ack or was.edge is None:
        return None
    if was.offered is None or peer.offered is None:
        return None  # its scale is not known
    if was.nxt is None or was.acked is None or peer.nxt is None:
        return None
    if segment.seq < was.nxt or segment.ack < was.acked or segment.ack > peer.nxt:
        return None  # overtaken by what was sent after it, sent again, or the number itself is wrong
    if peer.fin is not None and segment.ack > peer.fin:
        return None  # nothing more can come, and stacks write what they like
    window = segment.window << was.shift
    edge = segment.ack + window
    lost = was.edge - edge
    if lost < _rounding(was):
        return held("window", f"edge {segment.ack} + {window} = {edge}, {_moved(-lost)}")
    if segment.ack == was.acked and (was.edge_before is None or segment.seq < was.edge_before):
        return undecidable("window", "which of two segments was sent first cannot be told")
    if Kind.MPTCP in was.offered and Kind.MPTCP in peer.offered:
        return undecidable("window", "MPTCP has one window for all subflows (RFC 8684)")
    if _may_be_shifted(was, peer) and lost <= (segment.window << MAX_SHIFT) - window:
        return undecidable("window", "only one SYN had a window scale, or it cannot be read")
    sentence = f"edge {segment.ack} + {window} = {edge}, {lost} octets left of {was.edge} before"
    verdict = Verdict.NOTE if window == 0 else None
    return broken("window", sentence, expected=f"at least {was.edge}", actual=edge, verdict=verdict)


def _rounding(was: View) -> int:
    rounding = 1 << was.shift
    if was.iss is not None and was.edge_before == was.iss + 1:
        return max(rounding, was.mss or 0)  # the edge is that of a SYN,ACK
    return rounding


def _may_be_shifted(was: View, peer: View) -> bool:
    """Whether its windows may be shifted although nothing shows it: its own option is at fault, or unreadable."""
    if was.shift or was.offered is None or peer.offered is None:
        return False
    unasked = was.passive and was.wscale is not None and peer.wscale is None
    return unasked or UNREADABLE in was.offered or UNREADABLE in peer.offered


def _moved(octets: int) -> str:
    if octets < 0:
        return "where it was but for rounding"
    return f"{octets} octets further right" if octets else "where it was"
