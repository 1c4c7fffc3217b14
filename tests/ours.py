"""Our own end as the peer at the far side of a link in memory: two of rawshake's against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rawshake.conversation import Conversation
from rawshake.link import Direction, Frame
from rawshake.tcp.segment import Segment
from tests.memory import START, Reply, packed


@dataclass
class Outbox:
    """A ``link.Link`` without a wire: what is sent waits to be fetched."""

    clock: int = START
    lost: int = 0
    packets: list[bytes] = field(default_factory=list)

    def now(self) -> int:
        return self.clock

    def send(self, segment: Segment, *, checksum: Callable[[int], int] | None = None) -> bytes:
        packet = packed(segment, checksum)
        self.packets.append(packet)
        return packet

    def receive(self, deadline: int | None) -> Frame | None:
        raise AssertionError("a conversation does not wait")

    def obstacle(self) -> str:
        return ""


@dataclass
class Ours:
    """A ``memory.Peer`` that is a conversation of rawshake's; ``serve`` is asked after each that it took."""

    conversation: Conversation
    serve: Callable[[Conversation], None] = lambda conversation: None

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        self._link.clock = now
        self.conversation.take(Frame(now, packed(segment), Direction.IN))
        return self.woke(now)

    def deadline(self) -> int | None:
        return self.conversation.next_deadline()

    def woke(self, now: int) -> Iterable[Reply]:
        self._link.clock = now
        self.conversation.caught_up = now
        self.serve(self.conversation)
        self.conversation.flush()
        sent, self._link.packets = self._link.packets, []
        for packet in sent:
            self.conversation.take(Frame(now, packet, Direction.OUT))
        self.conversation.judge()
        return [(0, packet) for packet in sent]

    @property
    def _link(self) -> Outbox:
        assert isinstance(self.conversation.link, Outbox)
        return self.conversation.link
