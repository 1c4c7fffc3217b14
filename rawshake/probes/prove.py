"""How to tell from outside that the target lives, and that it kept silent; used as ``yield from``."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rawshake.play import Action, Arrival, Peer, Unexpected
from rawshake.probes.grid.block import OUTSIDE, Block
from rawshake.probes.model import undecided
from rawshake.profile import SECOND
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq, later
from rawshake.tcp.state import State
from rawshake.tcp.view import Step
from rawshake.tcp.words import distance

#: Seconds: a delayed ACK may take 0.5 (RFC 9293 3.8.6.3), and then it has to arrive.
WATCH: Final = 0.6
#: Seconds for an answer that nothing delays.
ANSWER: Final = 1.0
#: ns beyond a round trip: no timer of a retransmission is so short, and no program need do anything for an ACK.
PROMPT: Final = SECOND // 10
#: ns: the shortest timer of a retransmission, a little early.
TIMER: Final = SECOND * 19 // 100
#: A first retransmission timeout of 3 s was the rule of RFC 1122, and is still that of small stacks.
FIRST_RTO: Final = 3.2
#: Seconds in which a first probe of a closed window comes: BSD waits for 5, the others for their RTO.
FIRST_PROBE: Final = 8.0
#: Seconds: who waits for so long may do so twice before it waits for longer, as BSD does, whose least is 5.
UNHURRIED: Final = 4.0

_HALF_OPEN: Final = State.SYN_RECEIVED


@dataclass(frozen=True, slots=True)
class Alive:
    """It holds the connection, and stands at SND.NXT = ``nxt`` and RCV.NXT = ``rcv_nxt``.

    ``fin_again``: it has told so by its FIN, and by nothing else.
    """

    nxt: Seq
    rcv_nxt: Seq
    fin_again: bool = False


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
    else that is still on its way would be taken for this one's: let it come first. BSD sends each ACK with its FIN, for
    as long as that is not acknowledged.
    """
    ack = yield from _ask(peer, block)
    asked = peer.entries[-1]
    until = (asked.time if isinstance(asked, Step) else 0) + round(within * SECOND)
    with_fin: Alive | None = None
    while True:
        came = yield from peer.next(within=within)
        if came is None or came.time > until:
            return with_fin
        said = came.segment
        if said.rst and not said.syn and said.seq == ack:
            return NO_CONNECTION
        # A probe of our window, or data again, begins before SND.NXT.
        if said.has_ack and not said.rst and not said.syn and not said.length and said.seq >= block.nxt:
            return Alive(said.seq, said.ack)
        if said.fin and said.has_ack and not said.rst and said.end >= block.nxt:
            with_fin = Alive(said.end, said.ack, fin_again=True)


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
        yield from says(peer, f". {seq}: ack {ack}", block, within=within)
    except Unexpected as unexpected:
        came = [one.segment for one in unexpected.mismatch.meanwhile if isinstance(one, Arrival)]
        if all(one.ack == awaited for one in came if one.has_ack):  # a program says nothing about that
            _unless_spoken(peer, block)
        if taken and any(one.rst for one in came):  # what it had read was nothing to its program
            undecided("its program has reset the connection")
        raise


def holds(peer: Peer, block: Block, *, within: float = WATCH) -> Generator[Action[Any], Any, None]:
    """Expect the ACK that says how it stands at ``block``, for what may not move it."""
    yield from says(peer, f". ={block.nxt}: ack ={block.rcv_nxt}", block, within=within)


def says(peer: Peer, text: str, block: Block, *, within: float = WATCH) -> Generator[Action[Any], Any, None]:
    """Expect the ACK ``text``; where its FIN is not acknowledged it may come with that, as in BSD, and begin there."""
    with_fin = []
    if block.fin is not None and block.una <= block.fin:
        with_fin.append(f"F. ={block.fin}: ack{text.partition('ack')[2]}")
    found = yield from peer.expect(text, *with_fin, within=within)
    if found.which and not at_once(peer, found):  # its timer had run out
        yield from peer.expect(text, within=within)


def at_once(peer: Peer, came: Arrival) -> bool:
    """Whether it came as soon after our latest segment as an answer can, where a timer would have taken longer.

    Where a timer may have run out since the same came before, it has to have come on the heels of ours.
    """
    told = (came.segment.seq, came.segment.length)
    steps = [one for one in peer.entries if isinstance(one, Step) and one.sender is not peer.end]
    before = [
        one.time for one in steps if (one.segment.seq, one.segment.length) == told and one.time < came.time
    ]
    timed = bool(before) and came.time - max(before) >= TIMER
    return 0 < came.time - peer.sent_at <= round_trip(peer) + (PROMPT // 20 if timed else PROMPT)


def round_trip(peer: Peer) -> int:
    """How many ns it took until our first segment was answered, or theirs by us."""
    steps = [one for one in peer.entries if isinstance(one, Step)]
    ours = next((one.time for one in steps if one.sender is peer.end), 0)
    theirs = next((one.time for one in steps if one.sender is not peer.end), ours)
    return abs(theirs - ours)


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
