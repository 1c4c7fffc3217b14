"""Walks through Figure 5: a script of ours on one end, a socket that the script also holds on the other."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from rawshake.net.lab.namespaces import Lab, Side
from rawshake.net.shared import SharedWire
from rawshake.play import Conversation, Peer, Place, Script
from rawshake.play.perform import Troupe
from rawshake.report import Exchange
from rawshake.rules import book
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.state import Event, State, Transition, transition
from rawshake.tcp.view import Fate, Step
from rawshake.tcp.walk import Leg, Walk, walk

SECOND: Final = 1_000_000_000
#: How long the kernel may take to get where it is on its way to, in ns.
PATIENCE: Final = 5 * SECOND


@dataclass(slots=True)
class Kernel:
    """The other end: sockets at ``address`` and one ``port``, and what inet_diag says of its connection with us.

    ``seen`` collects both ends' states, ours and the kernel's, wherever they were looked at; ``steps`` is what had
    passed when they were looked at last.
    """

    lab: Lab
    address: str
    stack: ExitStack
    port: int = 0
    patience: int = PATIENCE
    seen: list[tuple[State, State]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    _held: socket.socket = field(init=False)
    _talk: socket.socket | None = None
    _door: socket.socket | None = None

    def __post_init__(self) -> None:
        # Holds the port for the others.
        self._held = self._bound()
        self.port = self._held.getsockname()[1]

    def _bound(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with self.lab.entered(Side.SERVER):
            made = self.stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.settimeout(PATIENCE / SECOND)
        made.bind((self.address, self.port))
        return made

    # What its program does.

    def listen(self) -> None:
        self._door = self._bound()
        self._door.listen()

    def accept(self) -> None:
        assert self._door is not None
        self._talk, _ = self._door.accept()
        self.stack.enter_context(self._talk)

    def dial(self, peer: Peer, *, acknowledge: bool = True) -> None:
        """Connect to us. Without ``acknowledge`` it sends no ACK for its own sake soon, in the handshake neither."""
        self._talk = self._bound()
        self._talk.setblocking(False)
        if not acknowledge:
            self._talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        self._talk.connect_ex(peer.here)

    def await_connected(self) -> None:
        select.select([], [self.talk], [], self.patience / SECOND)

    def shutdown(self) -> None:
        self.talk.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.talk.close()

    def abort(self) -> None:
        self.talk.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.talk.close()

    @property
    def talk(self) -> socket.socket:
        assert self._talk is not None
        return self._talk

    # Where both ends are.

    def at(self, peer: Peer, ours: State, theirs: State, *, expected: State | None = None) -> Script:
        """Both ends are there: ours as rawshake has it, and the kernel's as inet_diag and rawshake have it.

        What the kernel has answered meanwhile is not taken before that. ``expected`` is where rawshake must think
        the kernel is, where it cannot know better.
        """
        yield peer.wait(0)  # a script goes on before what it sends has left
        assert (peer.our.state, peer.their.state) == (ours, expected or theirs)
        here = (self.address, self.port)
        # Before and after a connection the kernel has no socket that would be in a state, but for a listener.
        wanted = State.CLOSED if theirs is State.LISTEN else theirs
        found = self.lab.control.await_state(here, peer.here, wanted, within=self.patience)
        assert found.state is wanted
        if theirs is State.LISTEN:
            assert self.lab.control.listener(here).state is State.LISTEN
        self.seen.append((ours, theirs))
        self.steps = [entry for entry in peer.entries if isinstance(entry, Step)]


def lose(peer: Peer, flags: Flags) -> None:
    """Have our end send a segment that gets lost on the way."""
    assert peer.tracker is not None
    our = peer.our.view
    assert our.nxt is not None
    assert our.rcv_nxt is not None
    segment = Segment(
        src=peer.here[0],
        dst=peer.there[0],
        sport=peer.here[1],
        dport=peer.there[1],
        seq=our.nxt,
        ack=our.rcv_nxt,
        flags=flags,
        window=peer.window,
    )
    peer.entries.append(peer.tracker.apply(segment, time.time_ns(), fate=Fate.LOST, ours=True))


WalkScript = Callable[[Peer, Kernel], Script]

#: The walk of each row of the table, by the end that is ours.
WALKS: Final[dict[Transition, WalkScript]] = {}


def walks(before: State, event: Event, *, passive: bool = False) -> Callable[[WalkScript], WalkScript]:
    """Register the script in which our end goes through that row, last of all."""
    row = transition(before, event, passive=passive)
    assert row is not None

    def register(script: WalkScript) -> WalkScript:
        assert row not in WALKS
        WALKS[row] = script
        return script

    return register


@dataclass(frozen=True)
class Walked:
    """What became of it: all that passed, both ways until the last look at both ends, and their states at each."""

    exchange: Exchange
    ours: Walk
    theirs: Walk
    seen: list[tuple[State, State]]


def play(lab: Lab, address: str, script: WalkScript) -> Walked:
    """Let our end play the script. The thread is on the client's side of ``lab``."""
    source = "2001:db8::1" if ":" in address else "192.0.2.1"
    with ExitStack() as stack:
        kernel = Kernel(lab, address, stack)
        link = stack.enter_context(SharedWire(source, address))
        place = Place(here=source, there=address, port=kernel.port, sports=link.ports(), isns=_numbers())
        conversation = Conversation(lambda peer: script(peer, kernel), place, book())
        troupe = Troupe(link)
        troupe.add(conversation)
        troupe.run(deadline=link.now() + 30 * SECOND)
        troupe.settle(SECOND)
    result = conversation.result
    assert result is not None, "it has not ended"
    if result.cause is not None:
        raise result.cause
    assert result.mismatch is None, result.mismatch
    (peer,) = conversation.peers
    (exchange,) = conversation.exchanges()
    ours, theirs = walk(kernel.steps, peer.end), walk(kernel.steps, peer.end.other)
    return Walked(exchange, ours, theirs, kernel.seen)


def _numbers() -> Iterator[int]:
    while True:
        yield int.from_bytes(os.urandom(4), "big")


def leads_through(way: Walk, row: Transition) -> bool:
    """Whether it went through that row, or was led from its state by its event to where it leads.

    The second is for a FIN in SYN-RECEIVED: a FIN has an ACK, which counts first.
    """
    state = way.start
    for leg in way.legs:
        if row in leg.moves or (state is row.before and leg.state is row.after and _last(leg) is row.event):
            return True
        state = leg.state
    return False


def _last(leg: Leg) -> Event | None:
    return leg.moves[-1].event if leg.moves else None
