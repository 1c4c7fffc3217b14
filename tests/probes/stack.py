"""A TCP in memory made of the grid's clauses: any number of connections, ordinary programs, choices, and faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Final

from rawshake.play.rehearse import CLIENT, SERVER, Reply
from rawshake.probes.grid.answers import Choice
from rawshake.probes.grid.block import Arrival, Block
from rawshake.probes.grid.clauses import arrives
from rawshake.probes.grid.otherwise import acceptable
from rawshake.probes.model import Server
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from tests.probes.stack_agent import Calls
from tests.probes.stack_limits import Limits
from tests.probes.stack_options import Terms

ADDRESS: Final = "192.0.2.2"
SECOND: Final = 1_000_000_000
RTO: Final = SECOND
WINDOW: Final = 8192
GREETING: Final = b"hello\r\n"
PORTS: Final = {
    Server.OPEN: 80, Server.ECHO: 7, Server.CLOSES_FIRST: 13, Server.CLOSES_ON_EOF: 25, Server.BULK: 19,
    Server.NO_READ: 9, Server.CLOSED: 1, Server.AGENT: 1008,
}  # fmt: skip
BULK: Final = bytes(range(256)) * 200
#: Octets that are queued to be sent, from which on an echo reads no more.
SEND_BUFFER: Final = 4096

#: Changes a segment of the stack on its way out; None loses it.
Alter = Callable[[Segment], "Segment | None"]


@dataclass
class Connection:
    """One connection: its block, the client's side of it, and what its program has queued, first octet at ``first``."""

    block: Block
    server: Server
    here: tuple[str, int]
    there: tuple[str, int]
    queue: bytes = b""
    closing: bool = False
    first: Seq = Seq(0)
    window: int = 0
    mss: int = 536
    timer: int | None = None
    rto: int = RTO
    spoken: bool = False
    limits: Limits = field(default_factory=Limits)
    terms: Terms = field(default_factory=Terms)
    #: octets that may be under way: RFC 5681
    cwnd: int = 0
    #: ACKs that repeat the one before; timeouts in a row; whether anything was sent again since una moved
    duplicates: int = 0
    tries: int = 0
    resent: bool = False
    #: what was taken and not read by the program: the window is so much smaller
    unread: bytes = b""
    urgent: bytes = b""


@dataclass
class Stack:
    """Listens on ``PORTS``. ``takes`` are the choices that it makes; ``moves`` may spoil where a segment brings it."""

    takes: frozenset[Choice] = frozenset({Choice.RFC_5961_ACK})
    alter: Alter = lambda segment: segment
    moves: Callable[[Block, Block], Block] = lambda before, after: after
    #: whether it sends again what is not acknowledged, first after how many ns, and then how many times as late
    repeats: bool = True
    timeout: int = RTO
    backs_off: float = 2.0
    #: timeouts until it gives up, repeated ACKs until it sends again, segments of a first flight
    tries: int = 7
    third: int = 3
    flight: int = 4
    connections: dict[tuple[int, int], Connection] = field(default_factory=dict)
    #: whether the program that should not read does
    consumes: bool = False
    #: whether it connects to the client's first port as soon as it can
    dials: bool = False
    calls: Calls = field(default_factory=Calls)
    #: the time of the latest arrival, in ns
    now: int = 0
    _isn: int = 0xFFFFFFF0
    #: the last of each pair of ports
    _isns: dict[tuple[int, int], Seq] = field(default_factory=dict)

    # A play's side.

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        source = ip_address(segment.src)
        possible = segment.dst == ADDRESS != segment.src and not (source.is_multicast or source.is_reserved)
        if segment.checksum is not Checksum.WRONG and not segment.defects and possible:
            for reply in (*self._in_order(segment, now), *self.calls.resume(self, now)):
                altered = self.alter(reply)
                if altered is not None:
                    yield 0, altered

    def told(self, error: IcmpError, now: int) -> Iterable[Reply]:
        self.calls.told(self, error)
        return ()

    def deadline(self) -> int | None:
        if self.dials:
            return 0
        timers = (self.calls.deadline(), *(one.timer for one in self.connections.values()))
        return min((one for one in timers if one is not None), default=None)

    def woke(self, now: int) -> Iterable[Reply]:
        if self.dials:
            self.dials = False
            for reply in self._dial(now):
                altered = self.alter(reply)
                if altered is not None:
                    yield 0, altered
        for connection in list(self.connections.values()):
            if connection.timer is not None and connection.timer <= now:
                connection.rto = round(self.backs_off * connection.rto)
                connection.tries += 1
                connection.resent, connection.cwnd = True, connection.mss
                if connection.tries > self.tries or self.calls.impatient(connection):
                    del self.connections[connection.here[1], connection.there[1]]
                    self.calls.lost(connection, "ETIMEDOUT")
                    continue
                connection.timer = now + connection.rto
                for reply in self._again(connection) if self.repeats else ():
                    altered = self.alter(reply)
                    if altered is not None:
                        yield 0, altered
        for reply in self.calls.resume(self, now):
            altered = self.alter(reply)
            if altered is not None:
                yield 0, altered

    def block(self, port: int, sport: int) -> Block:
        """Where the connection of its ``port`` with the client's ``sport`` stands: what inet_diag would say."""
        found = self.connections.get((port, sport))
        return Block(state=State.CLOSED) if found is None else found.block

    def _dial(self, now: int) -> Iterator[Segment]:
        dialled = self.open((SERVER, 50_000), (CLIENT, 40_000), now, Server.DIALS)
        yield self._segment(dialled, Flags.SYN, dialled.block.iss)

    def open(
        self, here: tuple[str, int], there: tuple[str, int], now: int, server: Server = Server.NO_READ
    ) -> Connection:
        """An active OPEN; its SYN is yet to be sent."""
        isn = Seq(self._isn)
        block = Block(state=State.SYN_SENT, passive=False, iss=isn, una=isn, nxt=isn + 1, rcv_wnd=WINDOW)
        opened = Connection(
            block, server, here, there, first=isn + 1, timer=now + RTO, cwnd=self.flight * 536
        )
        self.connections[here[1], there[1]] = opened
        return opened

    # What arrives.

    def _in_order(self, segment: Segment, now: int) -> list[Segment]:
        """Take it, and then what it had to wait for; all is acknowledged at once."""
        connection = self.connections.get((segment.dport, segment.sport))
        if connection is not None and connection.terms.renewed(segment, connection.block.state):
            del self.connections[segment.dport, segment.sport]
            connection = None
        if connection is not None and not self._heeds(connection, segment, now):
            stale = connection.terms.stale(segment)
            return [self._segment(connection, Flags.ACK, connection.block.nxt)] if stale else []
        replies = list(self._took(segment, now))
        connection = self.connections.get((segment.dport, segment.sport))
        while connection is not None and connection.block.state not in (State.SYN_SENT, State.SYN_RECEIVED):
            here = connection.block.rcv_nxt
            reached = [one for one in connection.terms.held if one.seq <= here]
            if not reached:
                break
            connection.terms.held.remove(reached[0])
            if reached[0].end > here:
                replies = [one for one in replies if one.length or one.rst]
                replies += self._took(reached[0], now)
        return replies

    def _heeds(self, connection: Connection, segment: Segment, now: int) -> bool:
        """Whether it goes on with the segment by its options; what lies above a gap is kept from here on."""
        block, terms = connection.block, connection.terms
        if terms.refuses(segment) or terms.stale(segment):
            return False
        arrival = Arrival(segment.flags, segment.seq, segment.ack, segment.payload_length)
        unsent = arrival.has_ack and block.nxt < arrival.ack
        if (acceptable(block, arrival) or segment.seq < block.rcv_nxt) and not unsent:
            terms.heed(segment, block, now)
        usual = block.state is not State.SYN_SENT and segment.has_ack and not (segment.syn or segment.rst)
        if usual and segment.length and block.rcv_nxt < segment.seq and acceptable(block, arrival):
            connection.terms.held.append(segment)
        return True

    def _took(self, segment: Segment, now: int) -> Iterator[Segment]:
        self.now = now
        key = (segment.dport, segment.sport)
        segment = self._cut(segment)
        arrival = Arrival(segment.flags, segment.seq, segment.ack, segment.payload_length)
        connection = self.connections.get(key)
        if connection is not None and connection.limits.expired(now):
            connection = None
            del self.connections[key]
        if connection is None:
            yield from self._unconnected(segment, arrival, now)
            return
        before = connection.block
        if before.state is State.SYN_SENT and segment.syn:
            connection.mss = Terms.offered(segment, now).payload
            connection.cwnd = self.flight * connection.mss
        outcome = arrives(before, arrival, lambda choice: choice in self.takes)
        una = before.una if outcome.una is None else outcome.una
        current = arrival.has_ack and before.una <= arrival.ack <= before.nxt
        if current and not (arrival.rst or arrival.syn) and acceptable(before, arrival):
            window = connection.terms.window(segment)
            same = window == connection.window and segment.ack == before.una != before.nxt
            connection.duplicates = connection.duplicates + 1 if same and not segment.length else 0
            connection.window, connection.tries = window, 0
        if before.state is State.SYN_SENT and arrival.syn:
            connection.window = segment.window
        after = replace(before, state=outcome.state, rcv_nxt=outcome.rcv_nxt, una=una)
        if before.state is State.TIME_WAIT and after.state is State.SYN_RECEIVED:
            isn = before.nxt + 65537
            after = replace(after, iss=isn, una=isn, nxt=isn + 1, fin=None)
            connection.first, connection.queue, connection.closing = isn + 1, b"", False
        connection.block = self.moves(before, after)
        una, state = connection.block.una, connection.block.state
        text = segment.payload[before.rcv_nxt - segment.seq : max(0, outcome.rcv_nxt - segment.seq)]
        self.calls.came(connection, segment, text, now)
        if una != before.una:
            # Karn: what was sent twice measures nothing, and the longer timeout stays.
            connection.rto = connection.rto if connection.resent else self.timeout
            connection.timer, connection.resent = now + connection.rto, False
            connection.cwnd += una - before.una if before.state is not State.SYN_RECEIVED else 0
        if state in (State.CLOSED, State.LISTEN):
            del self.connections[key]
            self.calls.lost(connection, "ECONNREFUSED" if before.state is State.SYN_SENT else "ECONNRESET")
        program = list(self._program(connection, before.state, text)) if key in self.connections else []
        connection.limits.came_to(before.state, state, arrival, now)
        reply = None if connection.limits.withholds(arrival, outcome.reply, now) else outcome.reply
        if reply is not None and not (program and reply.flags == Flags.ACK):
            seq = connection.block.iss if reply.flags & Flags.SYN else reply.seq or connection.block.nxt
            yield self._segment(connection, reply.flags, seq, reply.ack)
        yield from program
        if connection.duplicates == self.third:
            connection.resent = True
            yield from self._again(connection)
        waits = connection.queue and state is not State.TIME_WAIT
        outstanding = connection.block.una != connection.block.nxt or waits
        if key in self.connections and not outstanding:
            connection.timer = None
        elif connection.timer is None:
            connection.timer = now + connection.rto

    def _cut(self, segment: Segment) -> Segment:
        """3.10.7.4, first: "trim off any portions that lie outside the window (including SYN and FIN)"."""
        block = self.block(segment.dport, segment.sport)
        edge = block.rcv_nxt + block.rcv_wnd
        if block.state is not State.ESTABLISHED or not (segment.seq < edge < segment.end) or segment.rst:
            return segment
        octets = edge - segment.data_seq
        return replace(
            segment, flags=segment.flags & ~Flags.FIN, payload=segment.payload[:octets], payload_length=octets
        )

    def _unconnected(self, segment: Segment, arrival: Arrival, now: int) -> Iterator[Segment]:
        server = next((one for one, port in PORTS.items() if port == segment.dport), Server.CLOSED)
        server = Server.NO_READ if self.calls.serves(segment.dport) else server
        listening = State.CLOSED if server is Server.CLOSED else State.LISTEN
        outcome = arrives(Block(state=listening), arrival, lambda choice: choice in self.takes)
        here, there = (segment.dst, segment.dport), (segment.src, segment.sport)
        reply = outcome.reply
        if reply is None:
            return
        if outcome.state is State.SYN_RECEIVED:
            isn = self._isns.get((segment.dport, segment.sport), Seq(self._isn)) + 1_000_000
            self._isns[segment.dport, segment.sport] = isn
            self._isn += 0x9E3779B1
            block = Block(
                state=State.SYN_RECEIVED, iss=isn, una=isn, nxt=isn + 1, max_wnd=segment.window,
                rcv_nxt=outcome.rcv_nxt, rcv_wnd=WINDOW,
            )  # fmt: skip
            terms = Terms.offered(segment, now)
            mss = terms.payload
            opened = Connection(
                block, server, here, there, first=isn + 1, window=segment.window, mss=mss, terms=terms
            )
            opened.timer, opened.rto, opened.cwnd = now + self.timeout, self.timeout, self.flight * mss
            self.connections[segment.dport, segment.sport] = opened
            yield self._segment(opened, reply.flags, isn, reply.ack)
            return
        nobody = Connection(Block(state=listening, rcv_wnd=0), server, here, there)
        yield self._segment(nobody, reply.flags, reply.seq or Seq(0), reply.ack)

    # The program behind the port.

    def _program(self, connection: Connection, before: State, text: bytes) -> Iterator[Segment]:
        read = self._read(connection, text)
        block, server = connection.block, connection.server
        fresh = before is State.SYN_RECEIVED and block.state in (State.ESTABLISHED, State.CLOSE_WAIT)
        if fresh and server in (Server.CLOSES_FIRST, Server.BULK):
            connection.queue += GREETING if server is Server.CLOSES_FIRST else BULK
            connection.closing = True
        if server in (Server.ECHO, Server.DIALS):
            connection.queue += read
        elif server is Server.AGENT:
            self.calls.ordered(connection, text, self.now)
        if block.state is State.CLOSE_WAIT and server not in (Server.BULK, Server.NO_READ):
            connection.closing = True
        yield from self._push(connection)

    def _read(self, connection: Connection, text: bytes) -> bytes:
        """What the program reads now; what it leaves makes the window smaller. An echo reads if it can write."""
        block = connection.block
        queued = len(connection.queue) - (block.una - connection.first)
        stuck = connection.server is Server.ECHO and queued >= SEND_BUFFER
        read = connection.unread + text
        unread = stuck or (connection.server is Server.NO_READ and not self.consumes)
        connection.unread = read if unread else b""
        connection.block = replace(block, rcv_wnd=max(0, WINDOW - len(connection.unread)))
        return read if not connection.unread else b""

    def _push(self, connection: Connection) -> Iterator[Segment]:
        """Send what the window lets, and the FIN behind it."""
        block = connection.block
        if block.state not in (State.ESTABLISHED, State.CLOSE_WAIT):
            return
        while True:
            sent = block.nxt - connection.first
            room = min(connection.window, connection.cwnd) - (block.nxt - block.una)
            octets = connection.queue[sent : sent + max(0, min(room, connection.mss))]
            if not octets or self.calls.delays(connection, len(octets)):
                break
            last = sent + len(octets) == len(connection.queue)
            seq = block.nxt
            block = connection.block = replace(block, nxt=seq + len(octets))
            yield self._segment(
                connection, Flags.ACK | (Flags.PSH if last else Flags(0)), seq, payload=octets
            )
        if connection.closing and sent == len(connection.queue) and room > 0:
            after = State.FIN_WAIT_1 if block.state is State.ESTABLISHED else State.LAST_ACK
            connection.block = replace(block, state=after, fin=block.nxt, nxt=block.nxt + 1)
            yield self._segment(connection, Flags.FIN | Flags.ACK, block.nxt)

    def _again(self, connection: Connection) -> Iterator[Segment]:
        """Send again from SND.UNA, or ask about a closed window."""
        block = connection.block
        if block.state is State.SYN_SENT:
            yield self._segment(connection, Flags.SYN, block.iss)
        elif block.state is State.SYN_RECEIVED:
            yield self._segment(connection, Flags.SYN | Flags.ACK, block.iss)
        elif block.una == block.fin:
            yield self._segment(connection, Flags.FIN | Flags.ACK, block.una)
        elif block.una != block.nxt:
            sent = block.una - connection.first
            octets = connection.queue[sent : sent + connection.mss]
            fin = Flags.FIN if block.fin is not None and block.una + len(octets) == block.fin else Flags(0)
            yield self._segment(connection, Flags.ACK | fin, block.una, payload=octets)
        else:
            yield self._segment(connection, Flags.ACK, block.una - 1)

    def _segment(
        self,
        connection: Connection,
        flags: Flags,
        seq: Seq,
        ack: Seq | None = None,
        *,
        payload: bytes = b"",
    ) -> Segment:
        acks, terms = bool(flags & Flags.ACK), connection.terms
        flags, ecn = terms.flags(flags, seq, len(payload))
        return Segment(
            src=connection.here[0],
            dst=connection.there[0],
            sport=connection.here[1],
            dport=connection.there[1],
            seq=seq,
            ack=(connection.block.rcv_nxt if ack is None else ack) if acks else Seq(0),
            flags=flags,
            window=terms.field(flags, connection.block.rcv_wnd),
            options=terms.options(flags),
            payload=payload,
            ecn=ecn,
        )
