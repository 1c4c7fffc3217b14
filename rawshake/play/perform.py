"""One loop that drives any number of conversations over one link, each woken only where something is for it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from rawshake.link import Seen, SharedLink
from rawshake.play.conversation import Conversation
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.segment import Segment

#: After so many segments of one conversation the others get their turn, and what has come is taken.
TURN: Final = 64


@dataclass(slots=True)
class Troupe:
    """Conversations under way over ``link``.

    ``on_done`` is told each that has ended, ``on_stranger`` what is nobody's.
    """

    link: SharedLink
    on_done: Callable[[Conversation], None] = lambda conversation: None
    on_stranger: Callable[[Seen], None] = lambda seen: None
    #: called where nothing is half done; what it raises ends the run
    checkpoint: Callable[[], None] = lambda: None
    _owners: dict[int, Conversation] = field(default_factory=dict)
    _known: dict[Conversation, int] = field(default_factory=dict)
    #: when each wants to be polled; what differs from that in the agenda is out of date
    _wakes: dict[Conversation, int] = field(default_factory=dict)
    _agenda: list[tuple[int, int, Conversation]] = field(default_factory=list)
    _count: count[int] = field(default_factory=count)

    @property
    def playing(self) -> int:
        """How many are under way."""
        return len(self._known)

    def add(self, conversation: Conversation) -> None:
        """Begin another one, also while others are under way."""
        self._known[conversation] = 0
        self._own(conversation)
        self._plan(conversation, 0)

    def run(self, until: Callable[[], bool] = lambda: False, deadline: int | None = None) -> None:
        """Go on until all have ended, ``until()`` or ``deadline`` (ns)."""
        while self._known and not until():
            self.checkpoint()
            now = self.link.now()
            if deadline is not None and now >= deadline:
                return
            # All that was captured before now comes before what a script makes of its absence.
            while (seen := self.link.receive(0)) is not None:
                self._take(seen)
            for conversation in self._due(now):
                self._poll(conversation, now)
            if not self._known:
                return  # there may be nothing more to come, and nobody to wait for it
            bounds = [deadline, self._agenda[0][0] if self._agenda else None]
            seen = self.link.receive(min((one for one in bounds if one is not None), default=None))
            if seen is not None:
                self._take(seen)

    def settle(self, patience: int) -> None:
        """Take what still comes, until every segment of ours was captured, but no longer than ``patience`` ns."""
        deadline = self.link.now() + patience
        owners = set(self._owners.values())
        while any(peer.uncaptured for owner in owners for peer in owner.peers):
            seen = self.link.receive(deadline)
            if seen is None:
                return
            self._take(seen)

    def end(self, conversation: Conversation) -> None:
        """End one script where it stands, the next time that segments are sent."""
        conversation.stop(self.link.now())
        self._plan(conversation, 0)

    def stop(self) -> None:
        """End every script where it stands, and leave each peer with a reset."""
        for conversation in list(self._known):
            conversation.stop(self.link.now())
            while conversation in self._known:
                self._poll(conversation, self.link.now())

    def _take(self, seen: Seen) -> None:
        what = seen.what
        if isinstance(what, IcmpError):
            port = what.quoted_sport
        else:
            port = what.sport if seen.ours else what.dport
        owner = self._owners.get(port)
        if owner is None:
            self.on_stranger(seen)
        elif seen.ours:
            if isinstance(what, Segment) and not owner.left(what, seen.time):
                self.on_stranger(seen)
        elif owner.took(what, seen.time):
            self._plan(owner, 0)
        else:
            self.on_stranger(seen)

    def _due(self, now: int) -> list[Conversation]:
        """Those that want to be polled by ``now``, each once."""
        found = {}
        while self._agenda and self._agenda[0][0] <= now:
            wake, _, conversation = heapq.heappop(self._agenda)
            if self._wakes.get(conversation) == wake:
                found[conversation] = True
        return list(found)

    def _poll(self, conversation: Conversation, now: int) -> None:
        for _ in range(TURN):
            outgoing = conversation.poll(now)
            if outgoing is None:
                break
            self._own(conversation)
            self.link.send(outgoing)
        self._own(conversation)
        if conversation.done:
            del self._known[conversation], self._wakes[conversation]
            self.on_done(conversation)
            return
        wake = conversation.deadline()
        if wake is not None:
            self._plan(conversation, wake)

    def _own(self, conversation: Conversation) -> None:
        known = self._known[conversation]
        for peer in conversation.peers[known:]:
            self._owners[peer.here[1]] = conversation
        self._known[conversation] = len(conversation.peers)

    def _plan(self, conversation: Conversation, wake: int) -> None:
        if conversation not in self._known:
            return  # it has ended; what still comes is for its transcript only
        self._wakes[conversation] = wake
        heapq.heappush(self._agenda, (wake, next(self._count), conversation))


def perform(conversations: Iterable[Conversation], link: SharedLink) -> None:
    """Play them all at once, to their ends."""
    troupe = Troupe(link)
    for conversation in conversations:
        troupe.add(conversation)
    troupe.run()
