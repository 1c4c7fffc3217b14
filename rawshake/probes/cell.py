"""How one cell of the grid is run: park the target, send, watch, prove the state, and compare with the clauses."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, Final

from rawshake.play import Action, Peer, ScriptFunction
from rawshake.probes.grid.answers import Expectation
from rawshake.probes.grid.block import Arrival, Block, place
from rawshake.probes.grid.cells import Cell
from rawshake.probes.grid.clauses import expectations
from rawshake.probes.grid.judge import Ruling, rule, text
from rawshake.probes.model import undecided
from rawshake.probes.park import WAYS
from rawshake.probes.prove import ANSWER, Alive, alive, at_once, sent_until, watched
from rawshake.probes.telling import GONE, Proof, in_syn_sent, state_of
from rawshake.tcp.notation import parse_flags
from rawshake.tcp.segment import Segment
from rawshake.tcp.state import State

#: Seconds for what the program behind the port may still have had to say.
_SETTLE: Final = 0.05
_ABOUT: Final = """\
A cell of the grid: the target is brought into the state and sent the segment; its answer is held against what the
clause says for these numbers, and further segments prove in which state that has left it.

Where RFC 5961, 7323, 1337 or a widespread stack has it otherwise, that is a NOTE which names the choice.
'rawshake grid' draws all cells of a report."""


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a cell: where the target stood, what it was sent, what it answered, and what that is worth."""

    cell: Cell
    block: Block
    arrival: Arrival
    replies: tuple[Segment, ...]
    proof: Proof
    expected: tuple[Expectation, ...]
    ruling: Ruling

    @property
    def answer(self) -> str:
        """What came, in the RFC's form."""
        return " ".join(map(text, self.replies)) or "silence"


def script_of(cell: Cell, *, unknown: bool = False) -> ScriptFunction:
    """The script that runs ``cell``, which gives what was ``Played``; its peer is at the port of a fitting server.

    ``unknown`` says that it may be any program: where that has spoken, closed or aborted by itself, nothing that
    differs is the stack's for certain.
    """

    def script(peer: Peer) -> Generator[Action[Any], Any, Played]:
        block = yield from WAYS[cell.state].recipe(peer)
        yield from peer.collect(_SETTLE)
        try:
            arrival = place(cell, block, anywhere=peer.isn)
        except ValueError as impossible:
            undecided(str(impossible))
        ack = f" ack ={arrival.ack}" if arrival.has_ack else ""
        yield from peer.send(f"{_letters(arrival)} ={arrival.seq}:{ack}", data=b"." * arrival.octets)
        fresh, came = yield from watched(peer)
        replies = tuple(one.segment for one in fresh)
        # A SYN,ACK that came again may have been the answer, and not the timer's; so may a FIN that came at once.
        again = tuple(one.segment for one in came if not one.segment.fin or at_once(peer, one))
        nxt = sent_until(peer, block)
        proof = yield from _prove(peer, block, arrival, replies)
        expected = expectations(block, arrival)
        ruling = rule(expected, replies, proof.states, proof.rcv_nxt, nxt)
        if not replies:
            second = rule(expected, again, proof.states, proof.rcv_nxt, nxt)
            replies, ruling = (again, second) if _nearer(second, ruling) else (replies, ruling)
        if unknown and ruling.met is None and _acted(peer, block, arrival, replies):
            undecided("the program behind the port went on by itself")
        return Played(cell, block, arrival, replies, proof, expected, ruling)

    script.__doc__ = f"{cell}.\n\n{_ABOUT}"
    return script


def _nearer(one: Ruling, other: Ruling) -> bool:
    """Whether it is what the text allows by fewer choices."""
    if one.met is None or other.met is None:
        return one.met is not None
    return len(one.met.noted) < len(other.met.noted)


def _acted(peer: Peer, block: Block, arrival: Arrival, replies: tuple[Segment, ...]) -> bool:
    """Whether the program has sent something or closed since ``block``, or aborted when it was given data.

    Without a connection there is none.
    """
    if block.state in GONE:
        return False
    taken = arrival.octets > 0 and any(one.has_ack and one.ack > block.rcv_nxt for one in replies)
    return sent_until(peer, block) != block.nxt or (taken and any(one.rst for one in replies))


def _letters(arrival: Arrival) -> str:
    letters = {letter: parse_flags(letter) for letter in "SFRP."}
    return "".join(letter for letter, flag in letters.items() if flag & arrival.flags) or "-"


def _prove(
    peer: Peer, block: Block, arrival: Arrival, replies: tuple[Segment, ...]
) -> Generator[Action[Any], Any, Proof]:
    opening = [one for one in replies if one.syn and one.has_ack and not one.rst]
    if opening:
        # It says that it has taken a SYN, and is half open.
        iss, rcv_nxt = opening[0].seq, opening[0].ack
        half_open = Block(state=State.SYN_RECEIVED, iss=iss, una=iss, nxt=iss + 1, rcv_nxt=rcv_nxt)
        proof = yield from state_of(peer, half_open)
        if block.state is State.SYN_SENT and proof.states == {State.SYN_RECEIVED}:
            return (yield from _opens(peer, half_open, proof))
        return proof
    if block.state in GONE:
        return (yield from _unconnected(peer, block))
    if block.state is State.SYN_SENT:
        if not any(one.has_ack and not one.rst and one.ack == arrival.end for one in replies):
            return (yield from in_syn_sent(peer, block, arrival.seq))
        # It says that it has taken a SYN.
        block = replace(block, state=State.ESTABLISHED, una=block.nxt, rcv_nxt=arrival.end)
    return (yield from state_of(peer, block))


def _opens(peer: Peer, half_open: Block, proof: Proof) -> Generator[Action[Any], Any, Proof]:
    """SYN-SENT resets a wrong ACK as well; but a right one opens only what is in SYN-RECEIVED."""
    yield from peer.send(f". ={half_open.rcv_nxt}: ack ={half_open.nxt}")
    opened = replace(half_open, state=State.ESTABLISHED, una=half_open.nxt)
    if isinstance((yield from alive(peer, opened)), Alive):
        return proof
    return Proof(frozenset({State.SYN_SENT}), "an ACK of its SYN,ACK did not open it", proof.rcv_nxt)


def _unconnected(peer: Peer, block: Block) -> Generator[Action[Any], Any, Proof]:
    """Whether the port still serves, or still does not: a SYN from elsewhere."""
    other = peer.another()
    yield from other.send("S <mss 1460>")
    came = yield from other.next(within=ANSWER)
    if came is None:
        return Proof(frozenset(), "a SYN from another port was not answered")
    if came.segment.rst:
        return Proof(frozenset({State.CLOSED}), "a SYN from another port was refused", block.rcv_nxt)
    return Proof(frozenset({State.LISTEN}), "a SYN from another port was answered", block.rcv_nxt)
