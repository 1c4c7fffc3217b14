"""Plays a script against a peer in memory, by a clock of its own: nothing sleeps, and nothing differs by chance."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from rawshake.link import IcmpMessage, Malformed, Outgoing, Seen
from rawshake.play.conversation import Conversation, Place, Result, ScriptFunction
from rawshake.play.perform import perform
from rawshake.report import Exchange
from rawshake.rules.model import Rule
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import SPACE

CLIENT: Final = "192.0.2.1"
SERVER: Final = "192.0.2.2"
PORT: Final = 80
#: The time that a packet takes, one way, in ns.
DELAY: Final = 500_000
START: Final = 1_700_000_000 * 1_000_000_000

#: After how many nanoseconds, and what.
Reply = tuple[int, "Segment | IcmpError"]


class Stack(Protocol):
    """Whoever is at the other end, of any number of connections; times are ns on the clock of the rehearsal.

    It is given all that a wire would bring: also segments whose checksum is WRONG, and those that have ``defects``,
    which an honest stack drops.
    """

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        """What it answers to a segment that has arrived."""
        ...

    def told(self, error: IcmpError, now: int) -> Iterable[Reply]:
        """What it answers to an ICMP error that has arrived."""
        ...

    def deadline(self) -> int | None:
        """When it wants to be woken although nothing arrives."""
        ...

    def woke(self, now: int) -> Iterable[Reply]:
        """What it sends at its deadline."""
        ...


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How the script ended, and the transcripts of its connections."""

    result: Result
    exchanges: tuple[Exchange, ...]


def rehearse(
    script: ScriptFunction,
    stack: Stack,
    *,
    rules: Sequence[Rule] = (),
    isn: int = 0xFFFFFFFF,
    port: int = PORT,
    delay: int = DELAY,
) -> Rehearsed:
    """Play ``script`` against ``stack`` to its end; all is judged by ``rules``.

    ``isn`` is the first of ours, next to the wrap unless given. ``port`` 0 is for a stack that dials out. ``delay``
    is how many ns a packet takes each way.
    """
    conversation = Conversation(script, place(isn=isn, port=port), rules)
    perform([conversation], MemoryLink(stack, delay=delay))
    assert conversation.result is not None
    return Rehearsed(conversation.result, conversation.exchanges())


def place(*, isn: int = 0xFFFFFFFF, port: int = PORT) -> Place:
    """Addresses for documentation, our ports from 40000 on, and ISNs that are always the same."""
    return Place(here=CLIENT, there=SERVER, port=port, sports=iter(range(40_000, 60_000)), isns=_isns(isn))


def _isns(first: int) -> Iterator[int]:
    while True:
        yield first % SPACE
        first += 0x9E3779B1  # prime, and far from 0: no two are near


@dataclass(slots=True)
class MemoryLink:
    """A ``link.SharedLink`` to ``stack``: what is sent arrives there ``delay`` ns later, and so do its answers."""

    stack: Stack
    delay: int = DELAY
    #: ns that it takes to send a packet: a script that only sends cannot hold the clock
    effort: int = 1_000
    clock: int = START
    #: when, in which order, and what: it shows to us, or it reaches the stack
    _events: list[tuple[int, int, Seen, bool]] = field(default_factory=list)
    _count: int = 0

    def now(self) -> int:
        return self.clock

    def send(self, outgoing: Outgoing) -> None:
        self.clock += self.effort
        if isinstance(outgoing.what, IcmpMessage):
            self._at(self.clock + self.delay, _error(outgoing.what), arrives=True)
            return
        segment, malformed = outgoing.what, outgoing.malformed or Malformed()
        if malformed.fragment is None:  # no capture puts fragments together
            self._at(self.clock, segment, ours=True)
        if malformed.breaks_header:
            segment = replace(segment, defects=(str(malformed),))
        self._at(self.clock + self.delay, segment, arrives=True)

    def receive(self, deadline: int | None) -> Seen | None:
        while True:
            due = self._events[0][0] if self._events else None
            timer = self.stack.deadline()
            nearest = min((at for at in (due, timer, deadline) if at is not None), default=None)
            if nearest is None:
                return None
            self.clock = max(self.clock, nearest)
            if due is not None and due <= self.clock:
                _, _, seen, arrives = heapq.heappop(self._events)
                if not arrives:
                    return seen
                if isinstance(seen.what, Segment):
                    self._replies(self.stack.took(seen.what, self.clock))
                else:
                    self._replies(self.stack.told(seen.what, self.clock))
            elif timer is not None and timer <= self.clock:
                self._replies(self.stack.woke(self.clock))
            else:
                return None

    def _replies(self, replies: Iterable[Reply]) -> None:
        for after, what in replies:
            self._at(self.clock + self.delay + after, what)

    def _at(self, time: int, what: Segment | IcmpError, *, ours: bool = False, arrives: bool = False) -> None:
        self._count += 1
        heapq.heappush(self._events, (time, self._count, Seen(what, time, ours), arrives))


def _error(message: IcmpMessage) -> IcmpError:
    about = message.about
    return IcmpError(
        src=about.dst,
        dst=about.src,
        type=message.type,
        code=message.code,
        v6=about.v6,
        mtu=message.mtu or None,
        quoted_src=about.src,
        quoted_dst=about.dst,
        quoted_sport=about.sport,
        quoted_dport=about.dport,
        quoted_seq=about.seq,
    )
