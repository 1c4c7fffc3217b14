"""An honest host in memory: applications behind ports, any number of connections, and calls that it makes itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from rawshake.play.honest import Habits, Honest, refusal
from rawshake.play.rehearse import CLIENT, PORT, SERVER, START, Reply
from rawshake.profile import SECOND
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

#: Where what listens in a rehearsal, named as the lab's servers are.
HABITS: Final = {
    "echo": Habits(echoes=True),
    "discard": Habits(),
    "closes-first": Habits(says=b"closing\n", closes="first"),
    "banner": Habits(says=b"welcome\n"),
    "sends-bulk": Habits(says=bytes(range(256)) * 781, closes="first"),
    "does-not-read": Habits(reads=False),
    "never-closes": Habits(closes="never"),
}


@dataclass(slots=True)
class Host:
    """A ``Stack`` of honest connections: ``ports`` says what listens where; all others are closed.

    ``calls`` are connections that it opens itself: when (ns after START), from which port, to which port of ours.
    """

    ports: Mapping[int, Habits] = field(default_factory=lambda: {PORT: HABITS["echo"]})
    calls: list[tuple[int, int, int]] = field(default_factory=list)
    address: str = SERVER
    caller: Habits = Habits()
    #: by their port and ours
    connections: dict[tuple[int, int], Honest] = field(default_factory=dict)
    _isn: Seq = Seq(0xFFFFFFF0)

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        yield from self._woken(now)
        if segment.dst != self.address:
            return
        key = segment.dport, segment.sport
        connection = self.connections.get(key)
        if connection is None:
            habits = self.ports.get(segment.dport)
            if habits is None:
                if not segment.rst and segment.checksum is not Checksum.WRONG and not segment.defects:
                    yield 0, refusal(segment)
                return
            here, there = (segment.dst, segment.dport), (segment.src, segment.sport)
            connection = Honest(here, there, self._next_isn(), habits)
        for answer in connection.take(segment, now):
            yield 0, answer
        self._keep(key, connection)

    def told(self, error: IcmpError, now: int) -> Iterable[Reply]:
        return ()

    def deadline(self) -> int | None:
        timers = [one.at for one in self.connections.values() if one.at is not None]
        return min([*timers, *(START + call[0] for call in self.calls)], default=None)

    def woke(self, now: int) -> Iterable[Reply]:
        yield from self._woken(now)

    def _woken(self, now: int) -> Iterator[Reply]:
        for call in [call for call in self.calls if START + call[0] <= now]:
            self.calls.remove(call)
            connection = Honest((self.address, call[1]), (CLIENT, call[2]), self._next_isn(), self.caller)
            self.connections[call[1], call[2]] = connection
            for segment in connection.open(now):
                yield 0, segment
        for key, connection in list(self.connections.items()):
            for segment in connection.woke(now):
                yield 0, segment
            self._keep(key, connection)

    def _keep(self, key: tuple[int, int], connection: Honest) -> None:
        if connection.state in (State.CLOSED, State.LISTEN):
            self.connections.pop(key, None)
        else:
            self.connections[key] = connection

    def _next_isn(self) -> Seq:
        isn = self._isn
        self._isn += 0x9E3779B1
        return isn


def serving(name: str) -> Host:
    """A host with that one of HABITS at the rehearsal's port."""
    return Host({PORT: HABITS[name]})


def calling(sport: int = 5000, dport: int = 40_000, *, after: int = SECOND // 10) -> Host:
    """A host on which nothing listens, and which dials us."""
    return Host({}, [(after, sport, dport)])
