"""How to tell from outside that the target lives, that it kept silent, and which state it is in; as ``yield from``."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rawshake.play import Action, Arrival, Peer, Unexpected
from rawshake.probes.grid.block import OUTSIDE, UNSENT, Block
from rawshake.probes.model import Check, broken, undecided
from rawshake.profile import SECOND
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq, later
from rawshake.tcp.state import State
from rawshake.tcp.view import Step
from rawshake.tcp.words import distance

#: Seconds: a delayed ACK may take 0.5 (RFC 9293 3.8.6.3), and then it has to arrive.
WATCH: Final = 0.6
#: Seconds for an answer that nothing delays.
ANSWER: Final = 1.0
#: A first retransmission timeout of 3 s was the rule of RFC 1122, and is still that of small stacks.
FIRST_RTO: Final = 3.2

_HALF_OPEN: Final = State.SYN_RECEIVED
#: States in which it has sent a FIN; states in which it has got ours.
SENT_FIN: Final = frozenset(
    {State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSING, State.LAST_ACK, State.TIME_WAIT}
)
GOT_FIN: Final = frozenset({State.CLOSE_WAIT, State.CLOSING, State.LAST_ACK, State.TIME_WAIT})
GONE: Final = frozenset({State.CLOSED, State.LISTEN})


@dataclass(frozen=True, slots=True)
class Alive:
    """It holds the connection, and stands at SND.NXT = ``nxt`` and RCV.NXT = ``rcv_nxt``."""

    nxt: Seq
    rcv_nxt: Seq


class Gone:
    """It has no connection: it answered by a reset."""


#: What ``alive`` gives where there is no connection.
NO_CONNECTION: Final = Gone()


def alive(
    peer: Peer, block: Block, *, within: float = ANSWER
) -> Generator[Action[Any], Any, Alive | Gone | None]:
    """Ask by one octet before RCV.NXT; gives how it stands, ``NO_CONNECTION``, or None where nothing came.

    "If an incoming segment is not acceptable, an acknowledgment should be sent in reply" (RFC 9293 3.10.7.4, first).
    The octet matters: Linux limits the rate of its answers to segments that have none. What it acknowledges is
    nothing new, so that no state moves by it; in SYN-RECEIVED it has to acknowledge the SYN. An answer to something
    else that is still on its way would be taken for this one's: let it come first.
    """
    ack = yield from _ask(peer, block)
    asked = peer.entries[-1]
    until = (asked.time if isinstance(asked, Step) else 0) + round(within * SECOND)
    while True:
        came = yield from peer.next(within=within)
        if came is None or came.time > until:
            return None
        said = came.segment
        if said.rst and not said.syn and said.seq == ack:
            return NO_CONNECTION
        # A probe of our window, or data again, begins before SND.NXT.
        if said.has_ack and not said.rst and not said.syn and not said.length and said.seq >= block.nxt:
            return Alive(said.seq, said.ack)


def lives(peer: Peer, block: Block, taken: int = 0) -> Generator[Action[Any], Any, None]:
    """Expect that it still holds the connection, and has taken ``taken`` numbers more than at ``block``."""
    yield from _ask(peer, block)
    try:
        yield from answers(peer, block, taken, within=ANSWER)
    except Unexpected as unexpected:
        # One may get lost, and smoltcp answers no more than one such in a second.
        if any(isinstance(one, Arrival) and not one.segment.length for one in unexpected.mismatch.meanwhile):
            raise
        yield from _ask(peer, block)
        yield from answers(peer, block, taken, within=ANSWER)


def answers(
    peer: Peer, block: Block, taken: int = 0, *, within: float = WATCH
) -> Generator[Action[Any], Any, None]:
    """Expect <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, ``taken`` numbers more having been taken than at ``block``."""
    awaited = block.rcv_nxt + taken
    try:
        seq, ack = _relative(sent_until(peer, block), peer.their_isn), _relative(awaited, peer.isn)
        yield from peer.expect(f". {seq}: ack {ack}", within=within)
    except Unexpected as unexpected:
        came = [one.segment for one in unexpected.mismatch.meanwhile if isinstance(one, Arrival)]
        if all(one.ack == awaited for one in came if one.has_ack):  # a program says nothing about that
            _unless_spoken(peer, block)
        if taken and any(one.rst for one in came):  # what it had read was nothing to its program
            undecided("its program has reset the connection")
        raise


def _relative(number: Seq, isn: Seq | None) -> str:
    return f"={number}" if isn is None else str(distance(number, isn))


def gone(peer: Peer, block: Block) -> Generator[Action[Any], Any, None]:
    """Expect that it holds no connection any more: "<SEQ=SEG.ACK><CTL=RST>" (3.10.7.1). An ACK bit does no harm."""
    ack = yield from _ask(peer, block)
    yield from peer.expect(f"R.? ={ack}:", within=ANSWER)


def _ask(peer: Peer, block: Block) -> Generator[Action[Any], Any, Seq]:
    """Send an octet before RCV.NXT; gives what it acknowledges: nothing new, but the SYN in SYN-RECEIVED.

    There it must lie well before: Linux takes what ends at RCV.NXT for acceptable, and would use its ACK.
    """
    half_open = block.state is _HALF_OPEN
    ack = block.nxt if half_open else block.una
    yield from peer.collect(0)
    yield from peer.send(f"P. ={block.rcv_nxt - (OUTSIDE if half_open else 1)}: ack ={ack}", data=b"?")
    return ack


def hushed(
    peer: Peer, block: Block, for_: float = WATCH, *, but: Sequence[str] = ()
) -> Generator[Action[Any], Any, None]:
    """Demand silence for so many seconds, as ``peer.quiet``; a program that speaks by itself gives no answer."""
    try:
        yield from peer.quiet(for_, but=but)
    except Unexpected:
        _unless_spoken(peer, block)
        raise


def _unless_spoken(peer: Peer, block: Block) -> None:
    if sent_until(peer, block) != block.nxt:
        undecided("its program has spoken or closed meanwhile")


def heard(peer: Peer, *texts: str, within: float = WATCH) -> Generator[Action[Any], Any, Arrival]:
    """Expect what its TCP says, as ``peer.expect``; where its program has ended the connection, that cannot be told."""
    try:
        return (yield from peer.expect(*texts, within=within))
    except Unexpected:
        yield from unless_aborted(peer)
        raise


def unless_aborted(peer: Peer) -> Generator[Action[Any], Any, None]:
    """As ``unless_closed``; and where a reset has come, see whether its program answers any octets by one."""
    unless_closed(peer)
    if not any(one.rst for one in _said(peer)):
        return
    control = peer.another()
    yield from control.send("S <mss 1460>")
    came = yield from control.next(within=ANSWER)
    if came is None or not came.segment.syn:
        return
    yield from control.send(".")
    yield from control.send("P.", data=b"hello")
    while came is not None and not came.segment.rst:
        came = yield from control.next(within=WATCH)
    if came is not None:
        undecided("its program resets whoever sends it octets")


def unless_closed(peer: Peer) -> None:
    """Raise ``Undecided`` where its program has closed: by a FIN, or by a reset after it had answered our data."""
    steps = [one for one in peer.entries if isinstance(one, Step)]
    told = [at for at, one in enumerate(steps) if one.sender is peer.end and one.segment.payload_length]
    since = [one.segment for one in steps[min(told, default=0) :] if one.sender is not peer.end]
    answered = any(one.payload_length for one in since) and any(one.rst for one in since)
    if peer.their.view.fin is not None or answered:
        undecided("its program has closed by itself")


def quiet(peer: Peer, for_: float = WATCH) -> Generator[Action[Any], Any, tuple[Arrival, ...]]:
    """Watch so many seconds; gives what came and is not a repetition of what came before."""
    fresh, _ = yield from watched(peer, for_)
    return fresh


def watched(
    peer: Peer, for_: float = WATCH
) -> Generator[Action[Any], Any, tuple[tuple[Arrival, ...], tuple[Arrival, ...]]]:
    """The same, and all that came: a repetition can be an answer, too."""
    heard = _said(peer)
    came = yield from peer.collect(for_)
    return tuple(one for one in came if not repeats(one.segment, heard)), came


def repeats(segment: Segment, heard: list[Segment]) -> bool:
    """Whether a segment is sent again, or asks about our window: nothing that we sent caused it."""
    if segment.rst:
        return False
    told = (segment.seq, segment.length, segment.syn, segment.has_ack)
    same = [one for one in heard if (one.seq, one.length, one.syn, one.has_ack) == told]
    if segment.length:
        return bool(same)
    top: Seq | None = None
    for one in heard:
        top = later(top, one.end)
    return top is not None and segment.seq == top - 1


def _said(peer: Peer) -> list[Segment]:
    """All that the target has said and was taken from the inbox, or lies in it."""
    ours = peer.end
    return [entry.segment for entry in peer.entries if isinstance(entry, Step) and entry.sender is not ours]


def sent_until(peer: Peer, block: Block) -> Seq:
    """Its SND.NXT by what it has sent: its program may have gone on since it stood at ``block``."""
    nxt = block.nxt
    for segment in _said(peer):
        if segment.length and not segment.rst and segment.end > nxt:
            nxt = segment.end
    return nxt


def silent(
    peer: Peer, block: Block, stimulus: str, *, data: bytes | None = None, watch: float = WATCH
) -> Generator[Action[Any], Any, tuple[Arrival, ...]]:
    """Prove silence: it lives, is sent ``stimulus``, is watched, and still lives. Gives what came all the same.

    Raises ``Undecided`` where it does not live before or after: then silence proves nothing.
    """
    before = yield from alive(peer, block)
    if not isinstance(before, Alive):
        undecided("it did not answer before the stimulus")
    yield from peer.send(stimulus, data=data)
    came = yield from quiet(peer, watch)
    after = yield from alive(peer, block)
    if after is None:
        undecided("it did not answer after the stimulus")
    return came


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
    is not acknowledged; and CLOSING becomes TIME-WAIT by an ACK where LAST-ACK is gone.
    """
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
        return Proof(frozenset(), "it answers nothing")
    got_fin = block.state in GOT_FIN or _took_fin(peer, found)
    fin = peer.their.view.fin
    if fin is None:
        state = State.CLOSE_WAIT if got_fin else State.ESTABLISHED
        why = "it has sent no FIN, and has taken ours" if got_fin else "it has sent no FIN, and taken none"
        return Proof(frozenset({state}), why, found.rcv_nxt)
    again = yield from _fin_again(peer, fin)
    if not got_fin:
        state = State.FIN_WAIT_1 if again else State.FIN_WAIT_2
        why = "it sends its FIN again" if again else "it does not send its FIN again"
        return Proof(frozenset({state}), f"{why}, and has not taken ours", found.rcv_nxt)
    if not again:
        return Proof(
            frozenset({State.TIME_WAIT}), "it does not send its FIN again, and has taken ours", found.rcv_nxt
        )
    yield from peer.send(f". ={found.rcv_nxt}: ack ={fin + 1}")
    after = yield from alive(peer, block)
    if isinstance(after, Alive):
        return Proof(frozenset({State.CLOSING}), "an ACK of its FIN made it TIME-WAIT", found.rcv_nxt)
    if after is None:
        return Proof(frozenset({State.CLOSING, State.LAST_ACK}), "it sends its FIN again", found.rcv_nxt)
    return Proof(frozenset({State.LAST_ACK}), "an ACK of its FIN was the last of it", found.rcv_nxt)


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
