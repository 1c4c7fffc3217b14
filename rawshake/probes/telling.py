"""How to tell from outside which state the target is in; used as ``yield from``."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

from rawshake.play import Action, Peer
from rawshake.probes.grid.block import UNSENT, Block
from rawshake.probes.model import Check, broken, undecided
from rawshake.probes.prove import ANSWER, FIRST_RTO, WATCH, Alive, Gone, alive
from rawshake.profile import SECOND
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import Step

_HALF_OPEN: Final = State.SYN_RECEIVED
#: States in which it has got our FIN; and in which there is no connection.
GOT_FIN: Final = frozenset({State.CLOSE_WAIT, State.CLOSING, State.LAST_ACK, State.TIME_WAIT})
GONE: Final = frozenset({State.CLOSED, State.LISTEN})


@dataclass(frozen=True, slots=True)
class Proof:
    """Which states it can be in, by its answers; ``rcv_nxt`` is its RCV.NXT, None where there is no connection.

    ``why`` says by what it was told.
    """

    states: frozenset[State]
    why: str
    rcv_nxt: Seq | None = None


def state_of(peer: Peer, block: Block) -> Generator[Action[Any], Any, Proof]:
    """Tell the state of a target that stood at ``block``, whatever was sent to it since; it is spent by that.

    Its answer to an old octet tells whether there is a connection, how much it has sent (SND.NXT: was there a FIN?)
    and taken (RCV.NXT: our FIN?); an unacceptable ACK tells SYN-RECEIVED, which resets it; a FIN that is sent again
    is not acknowledged; and CLOSING becomes TIME-WAIT by an ACK where LAST-ACK is gone. Where LAST-ACK is likely, its
    end is all the proof that it needs.
    """
    began = len(peer.entries)
    # Before the old octet, whose ACK is good: a stack that looks at SEG.ACK first would be moved by it.
    refused = block.state is _HALF_OPEN and (yield from _refuses(peer, block))
    found = yield from alive(peer, block)
    if found is None:  # one segment may get lost
        found = yield from alive(peer, block)
    if isinstance(found, Gone):
        return Proof(GONE, "an old octet was reset")
    if refused:
        return Proof(frozenset({_HALF_OPEN}), "an ACK of what was never sent was reset", block.rcv_nxt)
    if found is None:
        # No other state has a SYN to send again.
        syns = [one for one in _since(peer, began) if one.syn and one.has_ack]
        if syns:
            return Proof(frozenset({_HALF_OPEN}), "it sends its SYN,ACK again", syns[-1].ack)
        return Proof(frozenset(), "it answers nothing")
    got_fin = block.state in GOT_FIN or _took_fin(peer, found)
    fin = peer.their.view.fin
    if fin is None:
        state = State.CLOSE_WAIT if got_fin else State.ESTABLISHED
        why = "it has sent no FIN, and has taken ours" if got_fin else "it has sent no FIN, and taken none"
        return Proof(frozenset({state}), why, found.rcv_nxt)
    if got_fin and block.state is State.LAST_ACK:
        return (yield from _ended_by_ack(peer, block, found.rcv_nxt, fin, {State.CLOSING, State.TIME_WAIT}))
    again = found.fin_again or (yield from _fin_again(peer, fin))
    if not got_fin:
        state = State.FIN_WAIT_1 if again else State.FIN_WAIT_2
        why = "it sends its FIN again" if again else "it does not send its FIN again"
        return Proof(frozenset({state}), f"{why}, and has not taken ours", found.rcv_nxt)
    if not again:
        return Proof(
            frozenset({State.TIME_WAIT}), "it does not send its FIN again, and has taken ours", found.rcv_nxt
        )
    return (yield from _ended_by_ack(peer, block, found.rcv_nxt, fin, {State.CLOSING}))


def _ended_by_ack(
    peer: Peer, block: Block, rcv_nxt: Seq, fin: Seq, else_: set[State]
) -> Generator[Action[Any], Any, Proof]:
    """Whether an ACK of its FIN is the end of it, as in LAST-ACK, or it is in one of ``else_``."""
    after: Alive | Gone | None = None
    for _ in range(2):  # one segment may get lost
        yield from peer.send(f". ={rcv_nxt}: ack ={fin + 1}")
        after = yield from alive(peer, block)
        if isinstance(after, Gone):
            return Proof(frozenset({State.LAST_ACK}), "an ACK of its FIN was the last of it", rcv_nxt)
    if after is None:
        return Proof(
            frozenset({State.LAST_ACK, *else_}), "it answers nothing after an ACK of its FIN", rcv_nxt
        )
    return Proof(frozenset(else_), "an ACK of its FIN did not end it", rcv_nxt)


def stays(peer: Peer, block: Block) -> Generator[Action[Any], Any, Check | None]:
    """Whether it still stands where it stood at ``block``: its state, and what it has taken; it is spent by that.

    For a probe to return. Raises ``Undecided`` where that cannot be told.
    """
    proof = yield from state_of(peer, block)
    if not proof.states:
        undecided(f"which state it is in could not be told afterwards: {proof.why}")
    what = f"it stays in {block.state}"
    if block.state not in proof.states:
        states = " or ".join(sorted(map(str, proof.states)))
        return broken(
            f"It left {block.state}: {proof.why}.",
            what=what,
            field="state",
            expected=block.state,
            actual=states,
        )
    if proof.rcv_nxt != block.rcv_nxt:
        taken = 0 if proof.rcv_nxt is None else proof.rcv_nxt - block.rcv_nxt
        return broken(f"It moved RCV.NXT by {taken}.", what=what, field="RCV.NXT", expected=0, actual=taken)
    return Check(what, expected=str(block.state), actual=proof.why)


def in_syn_sent(peer: Peer, block: Block, isn: Seq) -> Generator[Action[Any], Any, Proof]:
    """Whether a target that was in SYN-SENT still is: it takes a SYN,ACK whose SYN has the number ``isn``.

    "If SND.UNA > ISS (our SYN has been ACKed), change the connection state to ESTABLISHED, form an ACK segment" (RFC
    9293 3.10.7.3, fourth). Where it is ESTABLISHED already it challenges that (3.10.7.4, fourth), and has told so.
    """
    yield from peer.collect(0)
    yield from peer.send(f"S. ={isn}: ack ={block.nxt} <mss 1460>")
    while True:
        came = yield from peer.next(within=ANSWER)
        if came is None:
            return Proof(frozenset(), "a SYN,ACK was not answered")
        if came.segment.rst:
            return Proof(GONE, "a SYN,ACK was reset")
        if came.segment.has_ack and not came.segment.syn and came.segment.ack == isn + 1:
            return Proof(frozenset({State.SYN_SENT}), "a SYN,ACK was taken", block.rcv_nxt)


def _refuses(peer: Peer, block: Block) -> Generator[Action[Any], Any, bool]:
    """Whether it resets an ACK of what was never sent, and so is no further than SYN-RECEIVED.

    "If the segment acknowledgment is not acceptable, form a reset segment" (RFC 9293 3.10.7.4, fifth). So does LISTEN.
    """
    ack = block.nxt + UNSENT
    yield from peer.collect(0)
    yield from peer.send(f". ={block.rcv_nxt}: ack ={ack}")
    while True:
        came = yield from peer.next(within=WATCH)
        if came is None:
            return False
        if came.segment.rst:
            return came.segment.seq == ack
        if came.segment.flags == Flags.ACK and came.segment.seq >= block.nxt:
            return False


def _since(peer: Peer, began: int) -> list[Segment]:
    """What the target has sent since there were so many entries."""
    ours = peer.end
    steps = [one for one in peer.entries[began:] if isinstance(one, Step)]
    return [one.segment for one in steps if one.sender is not ours]


def _took_fin(peer: Peer, found: Alive) -> bool:
    """Whether RCV.NXT lies behind a FIN of ours."""
    for entry in peer.entries:
        if isinstance(entry, Step) and entry.sender is peer.end:
            fin = entry.segment.fin_seq
            if fin is not None and not entry.segment.rst and found.rcv_nxt == fin + 1:
                return True
    return False


def _fin_again(peer: Peer, fin: Seq) -> Generator[Action[Any], Any, bool]:
    """Whether it goes on sending its FIN: it is watched for twice as long as it last waited."""
    times = [
        entry.time
        for entry in peer.entries
        if isinstance(entry, Step) and entry.sender is not peer.end and entry.segment.fin_seq == fin
    ]
    waited = (times[-1] - times[-2]) / SECOND if len(times) > 1 else FIRST_RTO / 2
    seen = len(times)
    yield from peer.collect(0)
    remaining = 2.2 * max(waited, 0.1) + 0.2
    while remaining > 0:
        began = _latest(peer)
        came = yield from peer.next(within=remaining)
        if came is None:
            return False
        # Data that was acknowledged long ago says the same: it heeds no ACK.
        if came.segment.length and not came.segment.rst:
            return True
        remaining -= max(came.time - began, 0) / SECOND
    return seen == 0


def _latest(peer: Peer) -> int:
    return max((entry.time for entry in peer.entries if isinstance(entry, Step)), default=0)
