"""The known roads of an exchange: what may come next, and what we then send, as sessions have shown it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from rawshake.many.kinds import Result
from rawshake.many.packets import ROW, Column, Shape, Template, number
from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.vantage import NEAR, RATIO

#: How many packets of each end an exchange of a known form has at most.
PACKETS: Final = 6
#: How many nodes there are at most: a server that answers ever differently is left to sessions.
MOST: Final = 256
#: How many manners ``manner`` tells apart.
MANNERS: Final = 8
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
    """A packet that we send, its numbers relative to our ISN and to theirs; ``ack`` None is no acknowledgment."""

    template: Template
    seq: int
    ack: int | None

    def packets(self, port: Column, iss: Column, irs: Column) -> Column:
        """One for each port."""
        ack = np.zeros_like(irs) if self.ack is None else irs + self.ack
        return self.template.packets(port, iss + self.seq, ack)


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
    replies: tuple[Reply, ...]
    node: int

    def takes(self, rows: Column, lengths: Column, offloaded: Column, iss: Column, irs: Column) -> Column:
        """Which of the packets, come to exchanges with these ISNs, are the one that is meant here."""
        at = self.shape.tcp
        seq, ack = number(rows, at + 4, 4), number(rows, at + 8, 4)
        taken: Column = self.shape.has(rows, lengths, offloaded) & self.shape.is_sound(rows)
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
    """All roads known; they begin with ``syn``, our SYN as it was built."""

    def __init__(self, syn: bytes) -> None:
        self.syn = Reply(Template(syn), 0, None)
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

    def judged(self, events: Sequence[Event], manner: int, result: Result) -> None:
        """Remember that an exchange of these packets, of which more need not come, is judged so in that manner."""
        node = self._walk(events)
        if node is not None and manner not in self.nodes[node].results:
            self.nodes[node].results[manner] = result
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
        here.edges.append(Edge(found.shape, found.seq, found.opens, found.numbered, found.ack, replies, last))
        self._count()
        return last


def _same(edge: Edge, other: Edge) -> bool:
    return edge.shape.is_same(other.shape) and (edge.seq, edge.opens, edge.numbered, edge.ack) == (
        other.seq,
        other.opens,
        other.numbered,
        other.ack,
    )


@dataclass(frozen=True, slots=True)
class _Numbered:
    """The packets of an exchange as segments, and both ISNs; theirs None if they sent no SYN."""

    segments: list[Segment]
    iss: int
    irs: int | None
    #: the event with their SYN, or past all
    opened: int

    def reply(self, event: Event, at: int) -> Reply:
        segment = self.segments[at]
        seq = int(segment.seq) - self.iss
        ack = int(segment.ack) - (self.irs or 0) if segment.has_ack else None
        return Reply(Template(event.packet), seq, ack)

    def edge(self, event: Event, segment: Segment, at: int) -> Edge:
        numbered = self.irs is not None and at >= self.opened
        seq = (int(segment.seq) - (self.irs or 0)) % _SPACE if numbered else int(segment.seq)
        ack = (int(segment.ack) - self.iss) % _SPACE if segment.has_ack else None
        shape = Shape(event.packet, offloaded=event.offloaded)
        return Edge(shape, seq, at == self.opened, numbered, ack, (), 0)


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
    return _Numbered(segments, iss, irs, opened)


def _plain(event: Event, segment: Segment) -> bool:
    """Whether columns tell all of it: no payload, no extension, no number in an option, nothing wrong."""
    if segment.payload_length or segment.defects or segment.timestamps is not None or segment.sack:
        return False
    if event.packet[0] not in (0x45, *range(0x60, 0x70)) or (int(segment.ack) and not segment.has_ack):
        return False
    row = np.zeros((1, ROW), np.uint8)
    row[0, : len(event.packet)] = np.frombuffer(event.packet, np.uint8)
    shape = Shape(event.packet, offloaded=event.offloaded)
    correct = segment.checksum is Checksum.CORRECT or (not event.ours and event.offloaded)
    return correct and bool(shape.is_sound(row)[0])


def manner(server: Column, client: Column) -> Column:
    """What of times tells where the tap sat, which decides what some rules may say: see ``vantage.infer``.

    ``server`` is how long the server took for its first packet, ``client`` how long we then took, in ns.
    """
    far = server > NEAR
    found: Column = far + 2 * (client * RATIO <= server) + 4 * (server * RATIO <= client)
    return found
