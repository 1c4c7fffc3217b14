"""The known roads of an exchange: what may come next, and what we then send, as sessions have shown it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from rawshake.many.kinds import Result
from rawshake.many.packets import ROW, Column, Shape, Template, number
from rawshake.many.stamps import Echo, Stamps, echo, stamps_at, ties
from rawshake.tcp.decode import decode
from rawshake.tcp.option import Kind
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.vantage import NEAR, RATIO

#: How many packets of each end an exchange of a known form has at most.
PACKETS: Final = 6
#: How many nodes there are at most: a server that answers ever differently is left to sessions.
MOST: Final = 256
#: How many manners ``manner`` tells apart.
MANNERS: Final = 8 << PACKETS
_SPACE: Final = 1 << 32
_SYN: Final = (True, Flags.SYN)
#: How an exchange begins that may have a form: with an answer to our SYN, and our ACK.
_OPENINGS: Final = (
    [_SYN, (False, Flags.SYN | Flags.ACK), (True, Flags.ACK)],
    [_SYN, (False, Flags.RST | Flags.ACK)],
)


@dataclass(frozen=True, slots=True)
class Event:
    """A packet of an exchange, in the order in which they were sent and taken."""

    ours: bool
    packet: bytes
    offloaded: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A packet that we send, its numbers relative to our ISN and to theirs; ``ack`` None is no acknowledgment.

    If it has timestamps, ``echoes`` says of which packet of theirs TSecr is the TSval; None: TSecr is 0.
    """

    template: Template
    seq: int
    ack: int | None
    echoes: int | None = None

    def packets(self, port: Column, iss: Column, irs: Column, tsval: Column, heard: Column) -> Column:
        """One for each port; ``heard`` has the TSvals of each exchange's packets of theirs."""
        ack = np.zeros_like(irs) if self.ack is None else irs + self.ack
        if self.template.stamps is None:
            return self.template.packets(port, iss + self.seq, ack)
        tsecr = np.zeros_like(tsval) if self.echoes is None else heard[:, self.echoes]
        return self.template.packets(port, iss + self.seq, ack, (tsval, tsecr))


@dataclass(frozen=True, slots=True)
class Edge:
    """A packet of theirs that may come next, and the node that it leads to."""

    shape: Shape
    #: what SEQ is beyond their ISN, or what it is if they have none yet; ``opens``: it is their ISN
    seq: int
    opens: bool
    numbered: bool
    #: what ACK is beyond our ISN; None: it has no ACK, and 0 stands there
    ack: int | None
    echo: Echo | None
    replies: tuple[Reply, ...]
    node: int

    def takes(
        self,
        rows: Column,
        lengths: Column,
        offloaded: Column,
        iss: Column,
        irs: Column,
        sent: Column,
        last: Column,
    ) -> Column:
        """Which of the packets, come to exchanges with these ISNs, are the one that is meant here.

        ``sent`` has the TSvals of our packets in each exchange, ``last`` the last one of theirs.
        """
        at = self.shape.tcp
        seq, ack = number(rows, at + 4, 4), number(rows, at + 8, 4)
        taken: Column = self.shape.has(rows, lengths, offloaded) & self.shape.is_sound(rows)
        if self.echo is not None and self.shape.stamps is not None:
            stamps = number(rows, self.shape.stamps, 4), number(rows, self.shape.stamps + 4, 4)
            taken &= self.echo.is_in(*stamps, sent, last)
        if not self.opens:
            taken &= seq == ((irs + self.seq) % _SPACE if self.numbered else self.seq)
        taken &= ack == (0 if self.ack is None else (iss + self.ack) % _SPACE)
        return taken


@dataclass(slots=True)
class Node:
    """Where an exchange stands: how many packets were sent and heard, and what may come next.

    If all may be over there, ``results`` says what an exchange is that came to here, by its manner.
    """

    sent: int
    heard: int
    edges: list[Edge] = field(default_factory=list)
    results: dict[int, Result] = field(default_factory=dict)


class Forms:
    """All roads known; they begin with ``syn``, our SYN as it was built.

    With ``written`` its timestamps are the same in every exchange, and not the clock's.
    """

    def __init__(self, syn: bytes, *, written: bool = False) -> None:
        self.syn = Reply(Template(syn, None if written else stamps_at(syn)), 0, None)
        self.nodes = [Node(1, 0)]
        self.version = 0
        self._count()

    def _count(self) -> None:
        #: how often anything was learned
        self.version += 1
        #: of every node: how many packets were sent and heard, and whether all may be over there
        self.sent = np.array([node.sent for node in self.nodes])
        self.heard = np.array([node.heard for node in self.nodes])
        self.over = np.array([bool(node.results) for node in self.nodes])

    def learn(self, events: Sequence[Event]) -> bool:
        """Remember what we sent in answer to what; False if these packets have no form.

        They must not hold what differs from one exchange to the next beyond ports, SEQ and ACK.
        """
        return self._walk(events) is not None

    def judged(self, events: Sequence[Event], answers: tuple[int, int], result: Result) -> None:
        """Remember that an exchange of these packets, of which more need not come, is judged so.

        ``answers`` are the times that ``manner`` wants.
        """
        node, numbered = self._walk(events), _numbered(events)
        if node is None or numbered is None:
            return
        sent = [-1 if one is None else one[0] for one in numbered.stamps(len(events), ours=True)]
        row = np.array([sent + [-1] * (PACKETS - len(sent))])
        server, client = (np.array([time]) for time in answers)
        way = int(manner(server, client, row)[0])
        if way not in self.nodes[node].results:
            self.nodes[node].results[way] = result
            self._count()

    def _walk(self, events: Sequence[Event]) -> int | None:
        """The node to which these packets lead, on a road that is made where there is none."""
        numbered = _numbered(events)
        if numbered is None or len(self.nodes) + len(events) > MOST:
            return None
        node = 0
        at = 1
        while at < len(events):
            past = at + 1
            while past < len(events) and events[past].ours:
                past += 1
            replies = tuple(numbered.reply(events[one], one) for one in range(at + 1, past))
            node = self._step(node, numbered.edge(events[at], numbered.segments[at], at), replies)
            at = past
        return node

    def _step(self, node: int, found: Edge, replies: tuple[Reply, ...]) -> int:
        for edge in self.nodes[node].edges:
            if _same(edge, found):
                return edge.node
        here = self.nodes[node]
        self.nodes.append(Node(here.sent + len(replies), here.heard + 1))
        last = len(self.nodes) - 1
        here.edges.append(replace(found, replies=replies, node=last))
        self._count()
        return last


def _same(edge: Edge, other: Edge) -> bool:
    mine, its = ((one.seq, one.opens, one.numbered, one.ack, one.echo) for one in (edge, other))
    return edge.shape.is_same(other.shape) and mine == its


@dataclass(frozen=True, slots=True)
class _Numbered:
    """The packets of an exchange as segments, which are ours, and both ISNs; theirs None if they sent no SYN."""

    segments: list[Segment]
    ours: list[bool]
    iss: int
    irs: int | None
    #: the event with their SYN, or past all
    opened: int

    def reply(self, event: Event, at: int) -> Reply:
        segment = self.segments[at]
        seq = int(segment.seq) - self.iss
        ack = int(segment.ack) - (self.irs or 0) if segment.has_ack else None
        echoes = None
        for nth, one in enumerate(self.stamps(at, ours=False)):
            if one is not None and segment.timestamps is not None and one[0] == segment.timestamps[1]:
                echoes = nth
        return Reply(Template(event.packet, stamps_at(event.packet)), seq, ack, echoes)

    def edge(self, event: Event, segment: Segment, at: int) -> Edge:
        numbered = self.irs is not None and at >= self.opened
        seq = (int(segment.seq) - (self.irs or 0)) % _SPACE if numbered else int(segment.seq)
        ack = (int(segment.ack) - self.iss) % _SPACE if segment.has_ack else None
        shape = Shape(event.packet, offloaded=event.offloaded, stamps=stamps_at(event.packet))
        return Edge(shape, seq, at == self.opened, numbered, ack, self.echo(at), (), 0)

    def echo(self, at: int) -> Echo | None:
        stamps = self.segments[at].timestamps
        return (
            None if stamps is None else echo(stamps, self.stamps(at, ours=True), self.stamps(at, ours=False))
        )

    def stamps(self, at: int, *, ours: bool) -> list[Stamps]:
        """Those of the packets of one end before an event."""
        both = zip(self.segments[:at], self.ours, strict=False)
        return [segment.timestamps for segment, mine in both if mine is ours]

    def are_echoes(self, at: int) -> bool:
        """Whether the timestamps of a packet, if any, tell of those before and of nothing else."""
        segment = self.segments[at]
        if segment.timestamps is None:
            return True
        if not self.ours[at]:
            return self.echo(at) is not None
        heard = [one[0] for one in self.stamps(at, ours=False) if one is not None]
        return segment.timestamps[1] in heard if heard else not segment.timestamps[1]


def _numbered(events: Sequence[Event]) -> _Numbered | None:
    """None where numbers other than SEQ and ACK would differ from one exchange to the next, or there is too much."""
    ours = sum(event.ours for event in events)
    if not events or not events[0].ours or max(ours, len(events) - ours) > PACKETS:
        return None
    segments = []
    for event in events:
        segment = decode(event.packet, offloaded=event.offloaded)
        if len(event.packet) > ROW or not isinstance(segment, Segment) or not _plain(event, segment):
            return None
        segments.append(segment)
    opening = [(event.ours, segment.flags) for event, segment in zip(events[:3], segments, strict=False)]
    if opening not in _OPENINGS:
        return None
    iss, irs, opened = int(segments[0].seq), None, len(events)
    for at, (event, segment) in enumerate(zip(events, segments, strict=True)):
        if not event.ours and segment.syn and irs is None:
            irs, opened = int(segment.seq), at
        if event.ours and segment.has_ack and irs is None:
            return None  # it acknowledges what is no known ISN
    found = _Numbered(segments, [event.ours for event in events], iss, irs, opened)
    return found if all(map(found.are_echoes, range(len(segments)))) else None


def _plain(event: Event, segment: Segment) -> bool:
    """Whether columns tell all of it: no payload, no extension, no number in an option, nothing wrong."""
    if segment.payload_length or segment.defects or segment.sack or not _one_at_most(event, segment):
        return False
    if event.packet[0] not in (0x45, *range(0x60, 0x70)) or (int(segment.ack) and not segment.has_ack):
        return False
    row = np.zeros((1, ROW), np.uint8)
    row[0, : len(event.packet)] = np.frombuffer(event.packet, np.uint8)
    shape = Shape(event.packet, offloaded=event.offloaded)
    correct = segment.checksum is Checksum.CORRECT or (not event.ours and event.offloaded)
    return correct and bool(shape.is_sound(row)[0])


def _one_at_most(event: Event, segment: Segment) -> bool:
    """Whether there are no more timestamps than one, and they are where columns can read them."""
    many = [one for one in segment.options if one.kind == Kind.TIMESTAMPS]
    return not many or (len(many) == 1 and stamps_at(event.packet) is not None)


def manner(server: Column, client: Column, sent: Column) -> Column:
    """What of times tells where the tap sat, which decides what some rules may say: see ``vantage.infer``.

    ``server`` is how long the server took for its first packet, ``client`` how long we then took, in ns. And which of
    our TSvals are alike: ``sent`` has PACKETS of them in a row, -1 for none.
    """
    far = server > NEAR
    found: Column = far + 2 * (client * RATIO <= server) + 4 * (server * RATIO <= client) + 8 * ties(sent)
    return found
