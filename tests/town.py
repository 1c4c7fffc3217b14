"""Many clients in memory around one listener, all of them rawshake's own, by one clock that nobody waits for."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from rawshake.behaviours import BEHAVIOURS
from rawshake.clients import Address, Client, Limits
from rawshake.connection import Connection
from rawshake.conversation import Conversation
from rawshake.endpoint import Want
from rawshake.link import Direction, Frame
from rawshake.listener import Listener
from rawshake.profile import SECOND, Profile
from rawshake.report import Exchange, Judged, Remark
from rawshake.rules import book
from rawshake.rules.model import Rule
from rawshake.tcp.decode import decode
from rawshake.tcp.notation import parse_options
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker
from tests.memory import MILLISECOND, START, packed
from tests.ours import Outbox

HERE: Address = ("192.0.2.2", 80)
DELAY = MILLISECOND // 2


@dataclass(eq=False)
class Resident:
    """One who dials the listener: ``says`` is sent once connected, and a FIN behind it where it ``closes``.

    Where it ``waits`` it does so after the listener's.
    """

    conversation: Conversation
    says: bytes = b""
    closes: bool = True
    waits: bool = False
    heard: bytearray = field(default_factory=bytearray)
    said: bool = False

    def live(self, now: int) -> list[bytes]:
        """All that it sends now."""
        end = self.conversation
        assert isinstance(end.link, Outbox)
        end.link.clock = end.caught_up = now
        end.endpoint.want = end.endpoint.want if end.endpoint.want is not Want.LISTEN else Want.OPEN
        if end.established:
            if not self.said:
                end.endpoint.send(self.says)
                self.said = True
            self.heard += end.read()
            if self.closes and (not self.waits or end.peer.fin) and end.endpoint.want is Want.OPEN:
                end.endpoint.want = Want.CLOSE
        end.flush()
        sent, end.link.packets = end.link.packets, []
        for packet in sent:
            end.take(Frame(now, packet, Direction.OUT))
        end.judge()
        return sent


@dataclass
class Town:
    """The ``link.Link`` of a listener; ``lost`` frames and all else as in ``memory.MemoryLink``."""

    clock: int = START
    lost: int = 0
    residents: dict[Address, Resident] = field(default_factory=dict)
    #: what the listener sent to those who do not live here
    strays: list[Segment] = field(default_factory=list)
    _events: list[tuple[int, int, Frame | bytes]] = field(default_factory=list)
    _count: int = 0

    def now(self) -> int:
        return self.clock

    def obstacle(self) -> str:
        return ""

    def dial(
        self,
        address: Address,
        says: bytes = b"",
        *,
        closes: bool = True,
        waits: bool = False,
        isn: int = 0xFFFFFFFF,
        options: str = "",
        rules: tuple[Rule, ...] = (),
    ) -> Resident:
        """Somebody new at that address and port, whose SYN leaves at once."""
        profile = Profile(isn=Seq(isn), options=parse_options(options))
        end = Conversation(Outbox(self.clock), Tracker(address, HERE), profile, rules)
        resident = self.residents[address] = Resident(end, says, closes, waits)
        self.live(resident)
        return resident

    def send(self, segment: Segment, *, checksum: Callable[[int], int] | None = None) -> bytes:
        packet = packed(segment, checksum)
        self._at(0, Frame(self.clock, packet, Direction.OUT))
        self._at(DELAY, packet)
        return packet

    def inject(self, segment: Segment, after: int = 0) -> None:
        """A segment to the listener from anybody."""
        self._at(after, Frame(self.clock + after, packed(segment), Direction.IN))

    def receive(self, deadline: int | None) -> Frame | None:
        while True:
            due = self._events[0][0] if self._events else None
            timers = [
                (at, id(one), one) for one in self.residents.values() if (at := _deadline(one)) is not None
            ]
            timer = min(timers, default=None)
            nearest = min(at for at in (due, timer and timer[0], deadline) if at is not None)
            self.clock = max(self.clock, nearest)
            if due is not None and due <= self.clock:
                event = heapq.heappop(self._events)[2]
                if isinstance(event, Frame):
                    return event
                self._deliver(event)
            elif timer is not None and timer[0] <= self.clock:
                self.live(timer[2])
            else:
                return None

    def _deliver(self, packet: bytes) -> None:
        seen = decode(packet)
        assert isinstance(seen, Segment)
        resident = self.residents.get((seen.dst, seen.dport))
        if resident is None:
            self.strays.append(seen)
        elif seen.checksum is not Checksum.WRONG:
            resident.conversation.take(Frame(self.clock, packet, Direction.IN), seen)
            self.live(resident)

    def live(self, resident: Resident) -> None:
        while sent := resident.live(self.clock):
            for packet in sent:
                self._at(DELAY, Frame(self.clock + DELAY, packet, Direction.IN))

    def _at(self, after: int, event: Frame | bytes) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.clock + after, self._count, event))


def _deadline(resident: Resident) -> int | None:
    return resident.conversation.next_deadline()


@dataclass
class Register:
    """A ``clients.Watcher`` that writes everything down."""

    opened_: list[int] = field(default_factory=list)
    entries: int = 0
    exchanges: list[Exchange] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)

    def opened(self, client: Client) -> None:
        self.opened_.append(client.number)

    def entry(self, client: Client, entry: Judged | Remark) -> None:
        self.entries += 1

    def done(self, client: Client, connection: Connection, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self.connections.append(connection)


def listening(
    behave: str = "echo",
    amount: int = 0,
    *,
    profile: Profile | None = None,
    limits: Limits | None = None,
    rules: tuple[Rule, ...] | None = None,
) -> tuple[Listener, Town, Register]:
    """A listener at HERE in a town where nobody lives yet; each client finds another ISN."""
    town, register = Town(), Register()
    isn = 2915269997
    behaviour = BEHAVIOURS[behave]
    ordinary = profile or Profile(isn=Seq(isn), options=parse_options("<mss 1460>"))
    if behaviour.window is not None:
        ordinary = replace(ordinary, window=behaviour.window)

    def made(there: Address, here: Address) -> Profile:
        nonlocal isn
        isn = (isn * 1103515245 + 12345) % (1 << 32)
        return replace(ordinary, isn=Seq(isn))

    listener = Listener(
        town,
        HERE[1],
        tuple(book()) if rules is None else rules,
        behaviour,
        made,
        register,
        amount or behaviour.amount or 0,
        limits or Limits(),
    )
    return listener, town, register


def run(listener: Listener, done: Callable[[], bool], *, within: int = 60 * SECOND) -> None:
    """Serve until it is done, which has to be so within that time."""
    listener.run(done, deadline=listener.link.now() + within)
    assert done()
