"""Rules on establishment: the three segments of a handshake, in whatever order they cross."""

from __future__ import annotations

from typing import Final

from rawshake.rules.model import Level, Outcome, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import Fate, Step, View

#: Old Windows gives a half-open connection up after two resends, FreeBSD after 15 s, Linux after 63 s.
FORGOTTEN_AFTER: Final = 10_000_000_000
#: How far the ISN of a SYN cookie moves when its counter steps: Linux adds 2**24 and a fresh 24-bit hash, RFC
#: 4987 appendix A has the counter in the top five bits, above 3 + 24 that are hashed afresh.
COOKIE_STEPS: Final = (range(1 << 20, 1 << 25), range((1 << 27) - (1 << 24), (1 << 27) + (1 << 24)))


@rule("synack-form", "RFC 9293 3.10.7.2; RFC 9293 3.5", Level.PROCEDURE)
def synack_form(step: Step) -> Outcome | None:
    """A SYN is answered by SYN and ACK in one segment.

    A listener answers with <SEQ=ISS><ACK=IRS+1><CTL=SYN,ACK>. A SYN without the ACK bit is another thing: the
    sender's own attempt to open, which crossed ours, and its acknowledgment field means nothing. One whose
    field holds exactly our ISN + 1 has seen our SYN and forgot the bit; a simultaneous open, where the field
    is 0 in every stack, stays unsuspected. By the letter that field is nobody's business, so in a capture it is
    a note. An ACK without SYN that acknowledges ISN + 1 is noted where nothing was missed: either the SYN is
    forgotten, or the server holds a connection of those very numbers, and challenges (RFC 5961 section 4). A
    client drops it and sends its SYN again.

    Fires (at the client):
        > S =1000:1000(0) win 65535
        < S 0:0(0) (ack =1001) win 65535
    Fires (a note in a capture):
        > S =1000:1000(0) win 65535
        < S 0:0(0) (ack =1001) win 65535
    Fires (at the client, an ACK for the SYN and no SYN):
        > S 0:0(0) win 65535
        < . 0:0(0) ack 1 win 65535
        +1 > S 0:0(0) win 65535
        < . 0:0(0) ack 1 win 65535
    Quiet (an ACK for the SYN, seen by a tap):
        > S 0:0(0) win 65535
        < . 0:0(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
    Quiet (simultaneous open):
        > S 0:0(0) win 65535
        < S 0:0(0) win 65535
        > S. 0:0(0) ack 1 win 65535
        < S. 0:0(0) ack 1 win 65535
    """
    segment, peer = step.segment, step.peer_was
    if segment.rst or peer.offered is None or peer.iss is None:
        return None
    if not segment.syn:
        return _acknowledged_only(step, peer.iss)
    if segment.has_ack:
        return held("flags", f"flags {segment.flags}: SYN and ACK in one segment")
    if not _forgot_ack(segment.ack, peer.iss):
        return None
    sentence = f"SYN without ACK, yet its ack field is ISN {peer.iss} + 1 = {segment.ack}"
    verdict = None if step.fate is Fate.DELIVERED else Verdict.NOTE
    return broken("flags", sentence, expected="S.", actual=segment.flags, verdict=verdict)


def _acknowledged_only(step: Step, iss: Seq) -> Outcome | None:
    segment = step.segment
    if step.was.offered is not None or step.peer_was.expected is not State.SYN_SENT:
        return None
    if step.fate is not Fate.DELIVERED or not segment.has_ack or segment.ack != iss + 1:
        return None
    if segment.length:
        return None  # data or FIN may have overtaken the SYN,ACK
    sentence = f"ack {segment.ack} = ISN {iss} + 1, without SYN: forgotten, or a connection of old"
    return broken("flags", sentence, expected="S.", actual=segment.flags, verdict=Verdict.NOTE)


def _forgot_ack(field: Seq, iss: Seq) -> bool:
    return field == iss + 1 and field.value != 0


@rule("syn-form", "RFC 9293 3.10.1; RFC 9293 3.10.8; RFC 7323 3.2", Level.PROCEDURE)
def syn_form(step: Step) -> Outcome | None:
    """A connection is opened by SYN alone, without RST or FIN.

    SYN with RST contradicts itself, and a listener drops it. SYN with FIN was T/TCP's, now historic; scanners
    send it to slip past filters, Linux drops it, FreeBSD answers unless told not to. The echo in a timestamps
    option should be 0, for nothing came to be echoed yet: Linux, when it reuses a port out of TIME-WAIT, fills
    in the old connection's value, so that is a note. A repeated SYN keeps its number; whether another number
    is a new attempt from the same port cannot be told from outside.

    Fires:
        > SF 0:0(0) win 65535
    Fires (with RST):
        > SR 0:0(0) win 65535
    Fires (an echo of nothing):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 90>
    Quiet:
        > S 0:0(0) win 65535
        +1 > S 0:0(0) win 65535
    """
    segment = step.segment
    if not segment.syn:
        return None
    if segment.rst:
        sentence = f"flags {segment.flags}: SYN and RST contradict each other"
        return broken("flags", sentence, expected="no RST with SYN", actual=segment.flags)
    if segment.has_ack:
        if step.meant is None or step.meant.has_ack:
            return None  # to a SYN that was seen, or may have been missed
        sentence = f"flags {segment.flags}: the SYN that opens comes without ACK"
        return broken("flags", sentence, expected="S", actual=segment.flags)
    iss = step.peer_was.iss
    if iss is not None and _forgot_ack(segment.ack, iss):
        return None  # meant as an answer: synack-form
    if segment.fin:
        sentence = f"flags {segment.flags}: the SYN that opens comes without FIN"
        return broken("flags", sentence, expected="S", actual=segment.flags)
    stamps = segment.timestamps
    if stamps is not None and stamps[1]:
        sentence = f"TSecr {stamps[1]}, not 0; Linux does so on a port reused after TIME-WAIT"
        return broken("options", sentence, expected="0", actual=stamps[1], verdict=Verdict.NOTE)
    was = step.was
    if was.iss is not None and was.iss != segment.seq and was.expected is State.SYN_SENT:
        return undecidable("seq", "a SYN of another ISN may be a new attempt from the same port")
    return held("flags", f"flags {segment.flags}: SYN without ACK, RST or FIN")


@rule("syn-data-ack-bounds", "RFC 9293 3.5; RFC 9293 3.10.7.2; RFC 7413 2", Level.PROCEDURE)
def syn_data_ack_bounds(step: Step) -> Outcome | None:
    """The answer to a SYN with n octets of data acknowledges from ISN + 1 to ISN + 1 + n.

    A server may take the data that came with a SYN or leave it to be sent again; both are right. Linux, BSD's
    SYN cache and all SYN cookies leave it unless TCP Fast Open is on. Anything below does not acknowledge the
    SYN, anything above acknowledges what was never sent.

    Fires:
        > S 0:10(10) win 65535
        < S. 0:0(0) ack 12 win 65535
    Quiet (left to be sent again):
        > S 0:10(10) win 65535
        < S. 0:0(0) ack 1 win 65535
    Quiet (taken):
        > S 0:10(10) win 65535
        < S. 0:0(0) ack 11 win 65535
    """
    data = _data_on_syn(step.peer_was)
    segment, iss = step.segment, step.peer_was.iss
    if not _is_synack(step) or not data or iss is None:
        return None
    if segment.ack.within(iss + 1, data + 1):
        return held("ack", f"ack {segment.ack} = ISN {iss} + 1 + {segment.ack - iss - 1} of {data} octets")
    if step.peer_was.renumbered:
        return undecidable("ack", "the client sent SYNs of more than one ISN")
    sentence = f"ack {segment.ack}, not ISN {iss} + 1 to + {data + 1}: {iss + 1} to {iss + 1 + data}"
    return broken("ack", sentence, expected=f"{iss + 1} to {iss + 1 + data}", actual=segment.ack)


@rule("synack-ack-is-isn-plus-1", "RFC 9293 3.10.7.2; RFC 9293 3.5", Level.PROCEDURE)
def synack_ack_is_isn_plus_1(step: Step) -> Outcome | None:
    """A SYN,ACK acknowledges exactly the SYN that it answers.

    The SYN takes one number, so the acknowledgment is ISN + 1, modulo 2**32: 0 where the ISN is 4294967295.
    Any other is not to be believed by the client, which resets it and goes on trying: no connection comes of
    it. Scanners and many hand-made clients never look, and so call such a server open.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 0 win 65535
    Fires (one too many, and again after the client's RST):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 2 win 65535
        > R 2:2(0) win 0
        +1 > S 0:0(0) win 65535
        < S. 0:0(0) ack 2 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
    """
    segment, peer = step.segment, step.peer_was
    if not _is_synack(step) or peer.iss is None or peer.nxt is None or _data_on_syn(peer):
        return None
    right = peer.iss + 1
    if segment.ack == right:
        return held("ack", f"ack {segment.ack} = ISN {peer.iss} + 1")
    if right < segment.ack <= peer.nxt:
        return None  # data was sent: with an earlier copy of the SYN, or since the first SYN,ACK
    if peer.renumbered:
        return undecidable("ack", "the client sent SYNs of more than one ISN")
    sentence = f"ack {segment.ack}, not ISN {peer.iss} + 1 = {right}"
    return broken("ack", sentence, expected=right, actual=segment.ack)


def _is_synack(step: Step) -> bool:
    """Whether it is a SYN,ACK to a peer whose SYN was seen."""
    segment = step.segment
    return segment.syn and segment.has_ack and not segment.rst and step.peer_was.offered is not None


def _data_on_syn(client: View) -> int:
    """How many octets came with its SYN, at most."""
    if not client.fast_open or client.iss is None or client.nxt is None:
        return 0
    return client.nxt - client.iss - 1


@rule("syn-only-opens", "RFC 9293 3.4; RFC 9293 3.10.7.4", Level.PROCEDURE)
def syn_only_opens(step: Step) -> Outcome | None:
    """A SYN stands at the start of a connection, and on no segment that goes on with it.

    It takes a number, so that everything behind it would move by one; a receiver takes it for a sign that the
    other end began anew, answers by a challenge and drops the rest (RFC 5961). No stack sends it on purpose. A
    SYN of a new connection has numbers of its own: this is said only where those of the old one go on exactly.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > SP. 1:6(5) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        +1 < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    Quiet (another connection):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > S 5000000:5000000(0) win 65535
        < . 1:1(0) ack 1 win 65535
    """
    segment, was, peer = step.segment, step.was, step.peer_was
    if not segment.syn or segment.rst or was.offered is None or was.iss is None or was.nxt is None:
        return None
    if segment.seq == was.iss:
        return held("seq", f"SYN at {segment.seq}, where it stood before") if step.again else None
    if not segment.has_ack or peer.iss is None or peer.nxt is None or segment.seq != was.nxt:
        return None
    if not peer.iss < segment.ack <= peer.nxt or was.renumbered:
        return None
    if not was.passive and not peer.passive:
        return None  # simultaneous-open
    sentence = f"SYN at {segment.seq} = ISN {was.iss} + {segment.seq - was.iss}, inside the connection"
    return broken("seq", sentence, expected="no SYN", actual=segment.flags)


@rule("synrcvd-another-syn", "RFC 9293 3.10.7.4; RFC 4987 3.6", Level.PROCEDURE)
def synrcvd_another_syn(step: Step) -> Outcome | None:
    """A SYN,ACK that comes again has the same ISN.

    In SYN-RECEIVED the ISN is chosen. A second one for the same SYN leaves the client with a connection that
    the server does not have. It is no breach once a reset has ended the first attempt. A server that keeps no
    state but SYN cookies makes its ISN anew for a SYN that comes again, and its counter may have stepped in
    between: where the difference looks like that, it is a note. Two backends behind one address that do not
    know of each other break the rule in earnest.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        < S. 5000:5000(0) ack 1 win 65535
    Fires (as a SYN cookie may):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        +1 > S 0:0(0) win 65535
        < S. 20000000:20000000(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        +1 < S. 0:0(0) ack 1 win 65535
    Quiet (after a reset):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > R 1:1(0) win 65535
        +1 > S 0:0(0) win 65535
        < S. 5000:5000(0) ack 1 win 65535
    """
    was, peer, seq = step.was, step.peer_was, step.segment.seq
    if not _is_synack(step) or was.offered is None or was.iss is None or not was.passive:
        return None
    if seq == was.iss:
        return held("seq", f"seq {seq}: the ISN of the SYN,ACK before")
    over = was.reopened or was.expected not in (State.SYN_RECEIVED, State.ESTABLISHED)
    if over or was.last_ack != step.segment.ack:
        return None  # the first attempt is over, or this answers another SYN
    if was.syn_at is None or step.time - was.syn_at >= FORGOTTEN_AFTER:
        return undecidable("seq", "so late, the server may have given the first SYN up")
    asked = peer.syn_at is not None and peer.syn_at > was.syn_at
    if asked and any((seq - was.iss) & 0xFFFFFFFF in span for span in COOKIE_STEPS):
        sentence = f"seq {seq}, not {was.iss} as before: a SYN cookie may do so"
        return broken("seq", sentence, expected=was.iss, actual=seq, verdict=Verdict.NOTE)
    sentence = f"seq {seq}, not the ISN {was.iss} of the SYN,ACK before"
    return broken("seq", sentence, expected=was.iss, actual=seq)


@rule("simultaneous-open", "RFC 9293 3.5 MUST-10; RFC 9293 3.10.7.3", Level.MUST)
def simultaneous_open(step: Step) -> Outcome | None:
    """Who has sent a SYN answers a crossing SYN with the ISN that it already used.

    Two SYNs that cross make one connection: each end sends <SEQ=ISS><ACK=IRS+1><CTL=SYN,ACK>. With a fresh ISN
    there would be two. Linux and BSD do this right; lwIP has no branch for it and drops the crossing SYN.

    Fires:
        > S 0:0(0) win 65535
        < S 0:0(0) win 65535
        > S. 1:1(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S 0:0(0) win 65535
        > S. 0:0(0) ack 1 win 65535
        < S. 0:0(0) ack 1 win 65535
    """
    was, seq = step.was, step.segment.seq
    if not _is_synack(step) or was.passive or was.offered is None or was.iss is None or step.peer_was.passive:
        return None
    if seq == was.iss:
        return held("seq", f"seq {seq}: the ISN of its own SYN")
    sentence = f"seq {seq}, not the ISN {was.iss} of its own SYN"
    return broken("seq", sentence, expected=was.iss, actual=seq)


@rule("handshake-third-ack", "RFC 9293 3.10.7.3; RFC 9293 3.5", Level.PROCEDURE)
def handshake_third_ack(step: Step) -> Outcome | None:
    """The client answers a good SYN,ACK with <SEQ=ISN+1><ACK=the server's ISN+1><CTL=ACK>.

    Until that arrives the server stays in SYN-RECEIVED. Data or FIN may ride on it, and if it is lost, a later
    segment that carries the same numbers stands in for it. Numbers beyond what was seen may come of a gap in
    the capture, so they are held against rawshake alone, of which nothing is missed.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 0 win 65535
    Fires (its own number):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 0:0(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    Quiet (with data):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
    """
    segment, was, peer = step.segment, step.was, step.peer_was
    if segment.syn or segment.rst or not segment.has_ack or was.acked is not None:
        return None
    if was.passive or was.offered is None or was.iss is None or was.una is None or was.nxt is None:
        return None
    if was.una == was.iss or peer.offered is None or peer.iss is None or peer.nxt is None:
        return None  # no SYN,ACK that it had to believe
    if peer.renumbered or not peer.passive:
        return None
    right = peer.iss + 1
    if segment.ack < right or (segment.ack > peer.nxt and step.ours):
        sentence = f"ack {segment.ack}, not ISN {peer.iss} + 1 = {right}"
        return broken("ack", sentence, expected=right, actual=segment.ack)
    begin = was.iss + 1
    if segment.seq < begin or (segment.seq > was.nxt and step.ours):
        sentence = f"seq {segment.seq}, not ISN {was.iss} + 1 = {begin}"
        return broken("seq", sentence, expected=begin, actual=segment.seq)
    if segment.ack > peer.nxt or segment.seq > was.nxt:
        return undecidable("ack", "its numbers are beyond what was seen: a gap in the capture?")
    sentence = (
        f"ack {segment.ack} = ISN {peer.iss} + {segment.ack - peer.iss}, "
        f"seq {segment.seq} = ISN {was.iss} + {segment.seq - was.iss}"
    )
    return held("ack", sentence)
