"""A line in memory with a clock of its own, and servers of a few words at its other end."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from rawshake.ending import outcome_of
from rawshake.link import Direction, Frame
from rawshake.many.line import Frames
from rawshake.many.packets import Column
from rawshake.many.run import Order, Run
from rawshake.profile import Profile
from rawshake.rules import book
from rawshake.tcp import option
from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.memory import MILLISECOND, START, packed

HERE, THERE, PORT = "192.0.2.1", "192.0.2.2", 80
MSS: Final = option.mss(1460)
STAMPED: Final = (MSS, option.NOP, option.NOP, option.timestamps(5, 0))
#: What a server answers: after how many ns, and what. ``isn`` is its own.
Answer = Iterable[tuple[int, Segment]]
Server = Callable[[Segment, Seq], Answer]
SOON: Final = MILLISECOND // 10


def reply(to: Segment, flags: Flags, seq: Seq, ack: Seq | None = None, **more: object) -> Segment:
    """A segment to who sent that one, which acknowledges all of it unless told otherwise."""
    found = Segment(
        src=to.dst,
        dst=to.src,
        sport=to.dport,
        dport=to.sport,
        seq=seq,
        ack=to.end if ack is None else ack,
        flags=flags | Flags.ACK,
        window=65160,
    )
    return replace(found, **more)  # type: ignore[arg-type]


def opens(segment: Segment, isn: Seq) -> Answer:
    if segment.syn:
        yield SOON, reply(segment, Flags.SYN, isn, options=(MSS,))


def closes(segment: Segment, isn: Seq) -> Answer:
    """FIN and acknowledgment in one."""
    yield from opens(segment, isn)
    if segment.fin:
        yield SOON, reply(segment, Flags.FIN, isn + 1)


def closes_later(segment: Segment, isn: Seq) -> Answer:
    yield from opens(segment, isn)
    if segment.fin:
        yield SOON, reply(segment, Flags(0), isn + 1)
        yield 3 * SOON, reply(segment, Flags.FIN, isn + 1)


def refuses(segment: Segment, isn: Seq) -> Answer:
    if segment.syn:
        yield SOON, reply(segment, Flags.RST, Seq(0), window=0)


def resets(segment: Segment, isn: Seq) -> Answer:
    yield from opens(segment, isn)
    if segment.fin:
        yield SOON, replace(reply(segment, Flags.RST, isn + 1), flags=Flags.RST, ack=Seq(0), window=0)


def says_hello(segment: Segment, isn: Seq) -> Answer:
    """Data before anything is asked: no form has that."""
    yield from opens(segment, isn)
    if segment.fin:
        yield SOON, reply(segment, Flags.PSH, isn + 1, payload=b"hello", payload_length=5)
        yield 2 * SOON, reply(segment, Flags.FIN, isn + 6)


def acks_wrong(segment: Segment, isn: Seq) -> Answer:
    """The SYN,ACK acknowledges one too little."""
    if segment.syn:
        yield SOON, reply(segment, Flags.SYN, isn, segment.seq, options=(MSS,))


def widens_window(segment: Segment, isn: Seq) -> Answer:
    """An MSS option where none may stand: broken, and yet it closes."""
    yield from opens(segment, isn)
    if segment.fin:
        yield SOON, reply(segment, Flags.FIN, isn + 1, options=(MSS,))


def stamped(segment: Segment, isn: Seq) -> Answer:
    """As ``closes``, with timestamps of a clock that begins anywhere and counts milliseconds."""
    mine = segment.timestamps
    assert mine is not None
    for delay, answer in closes(segment, isn):
        value = (isn.value + mine[0] + delay // MILLISECOND) % 2**32
        stamp = option.timestamps(value, mine[0])
        yield delay, replace(answer, options=(*answer.options, option.NOP, option.NOP, stamp))


def silent(segment: Segment, isn: Seq) -> Answer:
    return ()


def half_deaf(segment: Segment, isn: Seq) -> Answer:
    """Opens, and never answers again."""
    yield from opens(segment, isn)


def repeats_fin(segment: Segment, isn: Seq) -> Answer:
    yield from closes(segment, isn)
    if segment.fin:
        yield 300 * MILLISECOND, reply(segment, Flags.FIN, isn + 1)


@dataclass
class World:
    """A ``Line``: ``server`` says by our port and by how often that was used which server answers there."""

    server: Callable[[int, int], Server]
    ports: tuple[int, ...] = tuple(range(40_000, 40_016))
    source: str = HERE
    target: str = THERE
    dport: int = PORT
    offloaded: bool = False
    lost: int = 0
    #: how many packets are given at once
    most: int = 7
    #: how long a look at the clock takes, ns
    tick: int = 1000
    #: what of ours leaves no copy and reaches nobody
    eats: Callable[[Segment], bool] = lambda segment: False
    #: what of ours leaves no copy, since the capture has no room, and reaches whom it should
    unseen: Callable[[Segment], bool] = lambda segment: False
    sent: list[tuple[int, Segment]] = field(default_factory=list)
    clock: int = START
    _events: list[tuple[int, int, Frame]] = field(default_factory=list)
    _count: int = 0
    _uses: dict[int, int] = field(default_factory=dict)

    def now(self) -> int:
        self.clock += self.tick
        return self.clock

    def send(self, rows: Column) -> None:
        for row in rows:
            self._leave(row.tobytes())

    def transmit(self, segment: Segment, checksum: Callable[[int], int] | None = None) -> bytes:
        packet = packed(segment, checksum)
        self._leave(packet)
        return packet

    def _leave(self, packet: bytes) -> None:
        segment = decode(packet)
        assert isinstance(segment, Segment)
        self.sent.append((self.clock, segment))
        if self.eats(segment):
            return
        if self.unseen(segment):
            self.lost += 1
        else:
            self._later(0, Frame(self.clock, packet, Direction.OUT))
        port = segment.sport
        if segment.syn:
            self._uses[port] = self._uses.get(port, 0) + 1
        use = self._uses.get(port, 0)
        isn = Seq((port * 2_654_435_761 + use * 70_000_000) % 2**32)
        for delay, answer in self.server(port, use)(segment, isn):
            came = self.clock + delay
            self._later(delay, Frame(came, packed(answer), Direction.IN, self.offloaded))

    def _later(self, delay: int, frame: Frame) -> None:
        self._count += 1
        heapq.heappush(
            self._events, (self.clock + delay, self._count, replace(frame, time=self.clock + delay))
        )

    def receive(self) -> Frames | None:
        frames: list[Frame] = []
        while self._events and self._events[0][0] <= self.clock and len(frames) < self.most:
            frames.append(heapq.heappop(self._events)[2])
        return Frames(frames) if frames else None

    def wait(self, deadline: int) -> None:
        coming = [self._events[0][0]] if self._events else []
        self.clock = max(self.clock, min([deadline, *coming]))

    def obstacle(self) -> str:
        return ""

    def of(self, port: int) -> list[str]:
        """What we sent from that port, in short, for comparing."""
        return [f"{one.flags} {one.seq} {one.ack} {one.window}" for _, one in self.sent if one.sport == port]


def profile(**more: object) -> Profile:
    return replace(Profile(isn=Seq(0), options=(MSS,), mss=1460), **more)  # type: ignore[arg-type]


def running(
    world: World, count: int, *, jobs: int = 4, rate: float = 0, linger: int = 0, **more: object
) -> Run:
    """A run over the world that has not begun."""
    wanted = profile(**more)
    segment = Segment(
        src=HERE,
        dst=THERE,
        sport=1,
        dport=PORT,
        seq=Seq(0),
        flags=Flags.SYN,
        window=64240,
        options=wanted.options,
    )
    order = Order(count=count, jobs=jobs, rate=rate, linger=linger)
    keys = np.array([port * 40_503_000 % 2**32 for port in world.ports], np.int64)
    return Run(world, order, wanted, book(), syn=packed(segment), keys=keys, name=outcome_of)


def ran(world: World, count: int, *, jobs: int = 4, rate: float = 0, linger: int = 0, **more: object) -> Run:
    """A run that has ended."""
    run = running(world, count, jobs=jobs, rate=rate, linger=linger, **more)
    run.go()
    return run


def one_of(servers: Sequence[Server]) -> Callable[[int, int], Server]:
    """By our port and its use, so that it is the same in every run."""
    return lambda port, use: servers[(port + 3 * use) % len(servers)]
