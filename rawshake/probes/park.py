"""How to bring the target into a state and leave it there, from our side alone; used as ``yield from``."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final

from rawshake.play import Action, Arrival, Peer, Unexpected
from rawshake.play.actions import Expect
from rawshake.probes.grid.block import Block
from rawshake.probes.model import Holds, Server, skipped, undecided
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

Recipe = Callable[[Peer], Generator[Action[Any], Any, Block]]
Acts = Generator[Action[Any], Any, Block]

#: Seconds for each answer on the way there; a stack may delay an ACK by half a second.
PATIENCE: Final = 2.0
#: Seconds for what the server's program has to do first.
PROGRAM: Final = 5.0
#: Seconds in which a program that speaks first does so, if nothing holds it up.
GREETING: Final = 0.3


def syn_received(peer: Peer) -> Acts:
    """SYN-RECEIVED: the third ACK is withheld."""
    yield from peer.send("S <mss 1460>")
    yield from _must(peer.expect("S. ack 1", within=PATIENCE), "SYN-RECEIVED")
    return block(peer, State.SYN_RECEIVED)


def established(peer: Peer) -> Acts:
    """ESTABLISHED: the handshake is finished."""
    yield from syn_received(peer)
    yield from peer.send(".")
    return block(peer, State.ESTABLISHED)


def greeted(peer: Peer) -> Acts:
    """ESTABLISHED at whatever listens: what its program says by itself is heard, and acknowledged."""
    yield from established(peer)
    came = yield from peer.collect(GREETING)
    if any(one.segment.length for one in came):
        yield from peer.send(".")
    if peer.their.view.fin is not None:
        undecided("its program closed by itself")
    return block(peer, State.ESTABLISHED)


def close_wait(peer: Peer) -> Acts:
    """CLOSE-WAIT: a server with more to say than our window, which is 0, lets it; then our FIN."""
    yield from syn_received(peer)
    peer.window = 0
    yield from peer.send(".")
    fin = peer.our.nxt
    yield from peer.send("F.")
    # What it has queued behind our closed window it may ask about meanwhile: an octet, or an empty segment.
    yield from _must(peer.expect(f". ack {fin + 1}", within=PATIENCE), "CLOSE-WAIT")
    return block(peer, State.CLOSE_WAIT)


def last_ack(peer: Peer) -> Acts:
    """LAST-ACK: a server that closes on end of file is sent our FIN; its own is not acknowledged."""
    yield from established(peer)
    fin = peer.our.nxt
    yield from peer.send("F.")
    yield from _must(peer.expect(f"F. ack {fin + 1}", within=PROGRAM), "LAST-ACK")
    return block(peer, State.LAST_ACK)


def fin_wait_1(peer: Peer) -> Acts:
    """FIN-WAIT-1: a server that closes first; its data is acknowledged, its FIN is not."""
    yield from established(peer)
    fin = yield from their_fin(peer)
    yield from peer.send(f". ack ={fin}")
    return block(peer, State.FIN_WAIT_1)


def fin_wait_2(peer: Peer) -> Acts:
    """FIN-WAIT-2: its FIN is acknowledged, and we send none."""
    yield from established(peer)
    fin = yield from their_fin(peer)
    yield from peer.send(f". ack ={fin + 1}")
    return block(peer, State.FIN_WAIT_2)


def closing(peer: Peer) -> Acts:
    """CLOSING: our FIN does not acknowledge its FIN."""
    yield from established(peer)
    fin = yield from their_fin(peer)
    ours = peer.our.nxt
    yield from peer.send(f"F. ack ={fin}")
    yield from _must(peer.expect(f".F? ack {ours + 1}", within=PATIENCE), "CLOSING")
    return block(peer, State.CLOSING)


def time_wait(peer: Peer) -> Acts:
    """TIME-WAIT, through FIN-WAIT-2."""
    yield from fin_wait_2(peer)
    ours = peer.our.nxt
    yield from peer.send("F.")
    yield from _must(peer.expect(f". ack {ours + 1}", within=PATIENCE), "TIME-WAIT")
    return block(peer, State.TIME_WAIT)


def time_wait_with_timestamps(peer: Peer) -> Acts:
    """TIME-WAIT of a connection that has agreed on timestamps."""
    yield from peer.send("S <mss 1460,TS val 100000 ecr 0>")
    synack = yield from _must(peer.expect("S. ack 1", within=PATIENCE), "SYN-RECEIVED")
    if synack.segment.timestamps is None:
        skipped("it does not take up timestamps")
    yield from peer.send(".")
    yield from their_fin(peer)
    ours = peer.our.nxt
    yield from peer.send("F.")
    yield from _must(peer.expect(f". ack {ours + 1}", within=PATIENCE), "TIME-WAIT")
    return block(peer, State.TIME_WAIT)


def time_wait_through_closing(peer: Peer) -> Acts:
    """TIME-WAIT, through CLOSING."""
    yield from closing(peer)
    yield from peer.send(".")
    return block(peer, State.TIME_WAIT)


def unopened(peer: Peer) -> Acts:
    """LISTEN, or CLOSED at a closed port: nothing is sent."""
    yield from ()
    return Block(state=State.LISTEN)


def closed(peer: Peer) -> Acts:
    """CLOSED: a port where nothing listens."""
    yield from ()
    return Block(state=State.CLOSED)


def syn_sent(peer: Peer) -> Acts:
    """SYN-SENT: the target has dialled out to us; it may have asked for ECN."""
    yield from _must(peer.expect("SE?W?A?", within=PROGRAM), "SYN-SENT")
    return block(peer, State.SYN_SENT)


def dialled(peer: Peer) -> Generator[Action[Any], Any, Arrival]:
    """What a target begins with that dials out to us, for those who ask about its SYN."""
    first = yield from peer.next(within=PROGRAM)
    if first is None:
        undecided("it has not dialled")
    return first


@dataclass(frozen=True, slots=True)
class Way:
    """How to get to a state: by which recipe, at which kinds of server (any of them will do), holding what there."""

    recipe: Recipe
    servers: tuple[Server, ...]
    holds: Holds = Holds.ACCEPTED


#: Any server that neither speaks nor closes by itself would do for some; the first that was named is taken.
WAYS: Final[dict[State, Way]] = {
    State.CLOSED: Way(closed, (Server.CLOSED,), Holds.NOTHING),
    State.LISTEN: Way(unopened, (Server.OPEN,), Holds.HALF_OPEN),  # by a SYN
    State.SYN_SENT: Way(syn_sent, (Server.DIALS,)),
    State.SYN_RECEIVED: Way(syn_received, (Server.OPEN,), Holds.HALF_OPEN),
    State.ESTABLISHED: Way(established, (Server.NO_READ, Server.ECHO, Server.CLOSES_ON_EOF, Server.OPEN)),
    State.FIN_WAIT_1: Way(fin_wait_1, (Server.CLOSES_FIRST,)),
    State.FIN_WAIT_2: Way(fin_wait_2, (Server.CLOSES_FIRST,)),
    State.CLOSE_WAIT: Way(close_wait, (Server.BULK,)),
    State.CLOSING: Way(closing, (Server.CLOSES_FIRST,)),
    State.LAST_ACK: Way(last_ack, (Server.CLOSES_ON_EOF, Server.ECHO)),
    State.TIME_WAIT: Way(time_wait, (Server.CLOSES_FIRST,), Holds.TIME_WAIT),
}


def block(peer: Peer, state: State) -> Block:
    """What is known of the target's numbers, if it is in ``state`` and all that was sent has arrived."""
    view = peer.their.view
    iss = view.iss
    if iss is None:
        undecided("its SYN was not seen")
    rcv_nxt = view.rcv_nxt or Seq(0)
    return Block(
        state=state,
        passive=view.passive,
        iss=iss,
        una=view.una if view.una is not None else iss,
        nxt=view.nxt or iss + 1,
        max_wnd=65535,
        fin=view.fin,
        rcv_nxt=rcv_nxt,
        rcv_wnd=view.rcv_wnd,
    )


def their_fin(peer: Peer) -> Generator[Action[Any], Any, Seq]:
    """Await its FIN, acknowledging the data before it; gives the number of the FIN."""
    while True:
        came = yield from _must(peer.expect(".F?", within=PROGRAM), "FIN-WAIT-1")
        view = peer.their.view
        if view.fin is not None:
            yield from peer.collect(0)  # it may have come behind what was expected
            return view.fin
        if came.segment.payload_length:
            yield from peer.send(".")


def _must(expect: Expect, state: str) -> Generator[Action[Any], Any, Arrival]:
    """What a recipe needs is not what its probe is about: without it nothing can be told."""
    try:
        found: Arrival = yield from expect
    except Unexpected as unexpected:
        undecided(f"it could not be brought to {state}: {unexpected.mismatch.sentence}")
    return found
