"""Rules on acknowledgment numbers: they cover what arrived, all before it, and never less than before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.rules.evidence import certain, shows_nxt, sound
from rawshake.rules.model import Level, Outcome, Scope, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.seq import HALF
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Standing, Step

_TSVALS: Final = 1 << 32


@rule("ack-never-exceeds-received", "RFC 9293 3.4; RFC 9293 3.10.7.4", Level.PROCEDURE)
def ack_never_exceeds_received(step: Step) -> Outcome | None:
    """An acknowledgment covers only what the other end has sent.

    It says that all before it has arrived, from ISN + 1 on. A receiver answers one above SND.NXT by an ACK and
    drops the segment with its data, so the connection goes no further; one below the ISN is out of this
    world. The number after a FIN is fin-acked's. A tap may have missed what is acknowledged.

    Fires (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 7 win 65535
        > . 6:6(0) ack 1 win 65535
    Fires (at the client, with data):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:6(5) ack 1001 win 65535
        > . 1:1(0) ack 1 win 65535
    Fires (at the client, before the ISN):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack -1000 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    Quiet (a gap in the capture):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        > P. 6:11(5) ack 1 win 65535
    """
    segment, was, peer = step.segment, step.was, step.peer_was
    if segment.rst or segment.syn or not segment.has_ack or was.acked is None:
        return None  # the first acknowledgments are the handshake's
    if peer.iss is None or peer.nxt is None or peer.offered is None or peer.expected is State.SYN_SENT:
        return None
    ack, seen = segment.ack, peer.nxt
    if step.meant is not None and step.meant.ack != ack and ack < seen:
        sentence = f"ack {ack}, not RCV.NXT {step.meant.ack}"
        return broken("ack", sentence, expected=step.meant.ack, actual=ack)
    if peer.iss < ack <= seen:
        more = ack - was.acked
        if more < 0:
            return None  # overtaken, or ack-never-recedes
        news = f"{more} octets more" if more > 0 else "nothing new"
        return held("ack", f"ack {ack} = ISN {peer.iss} + {ack - peer.iss}: {news}")
    if was.rcv_nxt is not None and ack <= was.rcv_nxt and ack > seen:
        return None  # what stood elsewhere on purpose has come to be in order
    if peer.fin is not None and ack > seen:
        return None  # fin-acked
    if not certain(step) or peer.renumbered:
        return undecidable("ack", "it acknowledges what was not seen: a gap in the capture?")
    if ack > seen:
        sentence = f"ack {ack} = SND.NXT {seen} + {ack - seen}: that was never sent"
    else:
        sentence = f"ack {ack} = ISN {peer.iss} - {peer.iss - ack}: before anything of this connection"
    return broken("ack", sentence, expected=f"at most {seen}", actual=ack)


@rule("ack-never-recedes", "RFC 9293 3.4; RFC 9293 3.10.7.4", Level.PROCEDURE, scope=Scope.EXCHANGE)
def ack_never_recedes(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Whoever has acknowledged a number never acknowledges less.

    An acknowledgment is a promise: the sender has let go of what it covers. Lower ones are ignored, but they
    show a receiver that has lost count. The network may turn two segments round, so it is a breach only where
    the lower one was certainly sent later: it occupies numbers that the higher one stood before, or has a
    later timestamp. Of captures this is undecidable.

    Fires (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        < P. 1:6(5) ack 1 win 65535
        > . 6:6(0) ack 6 win 65535
    Fires (at the client, by its timestamps):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 1 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 500 ecr 1>
        > P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 2 ecr 500>
        < . 1:1(0) ack 6 win 65535 <nop,nop,TS val 501 ecr 2>
        < . 1:1(0) ack 1 win 65535 <nop,nop,TS val 502 ecr 2>
    Quiet (at the client, overtaken):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 6:6(0) ack 6 win 65535
        < P. 1:6(5) ack 1 win 65535
        > . 6:6(0) ack 6 win 65535
    """
    for end in End:
        yield from _recedes([s for s in steps if s.sender is end and sound(s)])


def _recedes(steps: Sequence[Step]) -> Iterator[Outcome]:
    best: Step | None = None  # the highest acknowledgment
    bare: Step | None = None  # and the highest on a bare ACK, which tells SND.NXT
    for step in steps:
        segment, peer = step.segment, step.peer_was
        if segment.rst or segment.syn or not segment.has_ack or peer.nxt is None:
            if segment.syn:
                best = bare = None
            continue
        if segment.ack > peer.nxt or peer.iss is None or segment.ack <= peer.iss:
            continue  # ack-never-exceeds-received
        if step.standing is Standing.NO_CONNECTION:
            continue  # after a reset a server of SYN cookies may begin anew, with the same numbers
        if best is not None and segment.ack < best.segment.ack:
            number = step.number
            if not certain(step):
                reason = "in a capture, the lower acknowledgment may have been overtaken"
                yield undecidable("ack", reason, end=step.sender, step=number)
            elif step.ours or _sent_after(step, best) or (bare is not None and _past(step, bare)):
                before = bare if bare is not None and _past(step, bare) else best
                highest = before.segment.ack
                sentence = f"ack {segment.ack} = {highest} - {highest - segment.ack}, acknowledged before"
                yield broken(
                    "ack", sentence, expected=highest, actual=segment.ack, end=step.sender, step=number
                )
            else:
                yield undecidable("ack", "it may have been overtaken", end=step.sender, step=number)
            continue
        best = step
        if shows_nxt(step):
            bare = step


def _past(step: Step, bare: Step) -> bool:
    """Whether it has numbers that had not been sent when ``bare`` was, and acknowledges less."""
    return step.segment.ack < bare.segment.ack and step.segment.end > bare.segment.seq


def _sent_after(step: Step, other: Step) -> bool:
    mine, theirs = step.segment.timestamps, other.segment.timestamps
    if mine is None or theirs is None:
        return False
    return 0 < (mine[0] - theirs[0]) % _TSVALS < HALF
