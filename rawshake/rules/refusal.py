"""Rules on refusal: who answers a SYN by RST, and whom either end refuses while a connection opens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rawshake.rules.model import Level, Outcome, Scope, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.segment import Checksum
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Fate, Standing, Step


@rule("closed-noack-rst", "RFC 9293 3.10.7.1; RFC 9293 3.5.2", Level.PROCEDURE)
def closed_noack_rst(step: Step) -> Outcome | None:
    """A SYN is refused with <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>.

    The acknowledgment proves that the refusal answers this SYN. Without it, or with another number, a client
    must not believe it, and tries on until it times out. Linux, BSD, Windows and lwIP, and firewalls that
    reject, do this right. A reset with a number of its own may come from an earlier connection of the same
    ports, and is left alone.

    Fires:
        > S 0:0(0) win 65535
        < R. =0:0(0) ack 0 win 0
    Fires (no ACK):
        > S 0:0(0) win 65535
        < R =0:0(0) win 0
    Fires (a sequence number out of nowhere):
        > S 0:0(0) win 65535
        < R. 77:77(0) ack 1 win 0
    Quiet:
        > S 0:0(0) win 65535
        < R. =0:0(0) ack 1 win 0
    """
    segment, peer = step.segment, step.peer_was
    if not segment.rst or segment.syn or step.was.iss is not None or peer.expected is not State.SYN_SENT:
        return None
    if peer.iss is None or peer.nxt is None or peer.last_ack is not None:
        return None  # a SYN that came with an ACK is refused by <SEQ=SEG.ACK><CTL=RST>
    bare = segment.seq.value == 0
    if not segment.has_ack:
        if not bare:
            return undecidable("ack", "a reset without ACK may be of an earlier connection")
        sentence = "RST without ACK: the client cannot believe it"
        return broken("flags", sentence, expected="R.", actual=segment.flags)
    right = (peer.nxt,) if peer.fast_open else (peer.iss + 1, peer.nxt)
    if segment.ack not in right:
        if not bare or peer.renumbered:
            return undecidable("ack", "a reset of other numbers may be of an earlier connection")
        sentence = f"ack {segment.ack}, not ISN {peer.iss} + {peer.nxt - peer.iss} = {peer.nxt}"
        return broken("ack", sentence, expected=peer.nxt, actual=segment.ack)
    if not bare:
        return broken("seq", f"seq {segment.seq}, not 0", expected=0, actual=segment.seq)
    return held("ack", f"seq 0, ack {segment.ack} = ISN {peer.iss} + {segment.ack - peer.iss}: refused")


@rule("synsent-bad-ack-rst", "RFC 9293 3.10.7.3; RFC 9293 3.5.2", Level.PROCEDURE, scope=Scope.EXCHANGE)
def synsent_bad_ack_rst(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A client that waits for a SYN,ACK resets an acknowledgment of what it never sent.

    The answer is <SEQ=SEG.ACK><CTL=RST>, and the client goes on waiting. That is how a half-open connection is
    cleared away when one end has lost its memory. A client that takes the bad number for good has a connection
    that the other end does not have. Silence proves nothing: the segment may have been lost behind the tap.

    Fires:
        > S 0:0(0) win 65535
        < . 500:500(0) ack =777 win 65535
        > . 1:1(0) ack 500 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < . 500:500(0) ack =777 win 65535
        > R =777:777(0) win 0
        +1 > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
    """
    return _answers(steps, State.SYN_SENT)


@rule("synrcvd-bad-ack-rst", "RFC 9293 3.10.7.4; RFC 9293 3.5.2", Level.PROCEDURE, scope=Scope.EXCHANGE)
def synrcvd_bad_ack_rst(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A server that waits for the third segment resets an acknowledgment of what it never sent.

    The answer is <SEQ=SEG.ACK><CTL=RST>, and the half-open connection stays: a good ACK may still come. Who
    takes a wrong number for good lets anybody open connections in the name of others, without sight of the
    ISN. Linux, BSD and lwIP do this right. Silence proves nothing, and a tap may have missed the good ACK that
    came after.

    Fires (at the client, it is taken for good; also handshake-third-ack):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 101 win 65535
        < . 1:1(0) ack 6 win 65535
    Fires (at the client, reset by another number; also handshake-third-ack):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 101 win 65535
        < R 50:50(0) win 0
    Quiet (a tap may have missed the good ACK):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 2 win 65535
        < P. 1:6(5) ack 1 win 65535
    """
    return _answers(steps, State.SYN_RECEIVED)


def _answers(steps: Sequence[Step], state: State) -> Iterator[Outcome]:
    for index, step in enumerate(steps):
        if (
            step.standing is Standing.BAD_ACK
            and step.peer_was.expected is state
            and step.fate is not Fate.LOST
            and step.segment.checksum is not Checksum.WRONG
        ):
            yield from _answer(step, steps[index + 1 :])


def _answer(bad: Step, following: Sequence[Step]) -> Iterator[Outcome]:
    """How the receiver of an acknowledgment of what it never sent answers, if that can be told."""
    waiting: End = bad.receiver
    right = bad.segment.ack
    refused = {right}
    for step in following:
        segment = step.segment
        if step.sender is not waiting:
            if step.standing is not Standing.BAD_ACK:
                return
            refused.add(segment.ack)
        elif segment.rst:
            yield _by_reset(step, right, refused)
            return
        elif not segment.syn:
            # A client cannot know that number but from the segment that it had to refuse.
            client = bad.peer_was.expected is State.SYN_SENT
            believed = client and segment.has_ack and segment.ack == bad.segment.end
            if not believed and not _certain(step):
                return
            beyond = step.was.nxt is not None and segment.seq > step.was.nxt
            if beyond and not bad.segment.syn and not _certain(step):
                yield undecidable("ack", "it may have sent what was missed", end=waiting, step=step.number)
                return
            sentence = f"{segment.flags} in place of RST: ack {right} was of what it never sent"
            yield broken("ack", sentence, expected="R", actual=segment.flags, end=waiting, step=step.number)
            return


def _by_reset(step: Step, right: object, refused: set[Seq]) -> Outcome:
    seq, end = step.segment.seq, step.sender
    if seq in refused:
        return held("seq", f"RST, seq {seq} = the ack refused", end=end, step=step.number)
    if not _certain(step):
        return undecidable("seq", "this reset may answer what was not seen", end=end, step=step.number)
    sentence = f"RST, seq {seq}, not the ack {right} that it refuses"
    return broken("seq", sentence, expected=right, actual=seq, end=end, step=step.number)


def _certain(step: Step) -> bool:
    """Whether rawshake sent or received it, so that nothing before it was missed."""
    return step.ours or step.fate is Fate.DELIVERED
