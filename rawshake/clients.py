"""What is known of the clients of a port that is played by hand, and how much of it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rawshake.account import Account
from rawshake.behaviours import Serving
from rawshake.connection import Connection
from rawshake.conversation import Conversation
from rawshake.link import Direction, Frame
from rawshake.profile import SECOND
from rawshake.report import Exchange, Judged, Remark
from rawshake.tcp.segment import Segment

Address = tuple[str, int]
#: Address and port of the far end and address of ours, as they stand in a packet.
Key = bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is kept at the most: connections half open, open, in TIME-WAIT; segments of one transcript, and of all;
    octets that a client sent.

    ``linger`` is how long TIME-WAIT is held, ns.
    """

    half_open: int = 256
    open: int = 1024
    time_wait: int = 1024
    steps: int = 20_000
    all_steps: int = 60_000
    data: int = 1 << 16
    linger: int = SECOND


@dataclass(slots=True)
class Counts:
    """What had no connection: SYNs passed over in a flood, half-open ones forgotten, resets of what came to LISTEN."""

    clients: int = 0
    passed_over: int = 0
    forgotten: int = 0
    refused: int = 0


@dataclass(slots=True, eq=False)
class Client:
    """One client. ``number`` counts from 1; ``since`` is when it came, ns."""

    number: int
    key: Key
    conversation: Conversation
    account: Account
    since: int
    serving: Serving | None = None
    #: when its behaviour wants to be asked again
    wake: int | None = None
    #: in vain after that
    patience: int | None = None
    scheduled: int | None = None
    #: how much of its transcript is kept
    kept: int = 0
    gone: bool = False


class Watcher(Protocol):
    """Is told of clients as they come and go."""

    def opened(self, client: Client) -> None:
        """A SYN has come."""
        ...

    def entry(self, client: Client, entry: Judged | Remark) -> None:
        """A segment of it was judged."""
        ...

    def done(self, client: Client, connection: Connection, exchange: Exchange) -> None:
        """It has ended; the exchange has all of its transcript that was kept."""
        ...


def key_of(frame: Frame) -> tuple[Key, int]:
    """Which client a frame is from or for, and its flags; empty where it is no plain TCP."""
    packet = frame.packet
    if packet[:1] < b"\x60":
        if len(packet) < 40 or packet[9] != 6 or packet[6] & 0x3F or packet[7]:
            return b"", 0
        at, near, far = 4 * (packet[0] & 15), packet[16:20], packet[12:16]
    else:
        if len(packet) < 60 or packet[6] != 6:
            return b"", 0
        at, near, far = 40, packet[24:40], packet[8:24]
    if len(packet) < at + 14:
        return b"", 0
    if frame.direction is Direction.OUT:
        return near + packet[at + 2 : at + 4] + far, packet[at + 13]
    return far + packet[at : at + 2] + near, packet[at + 13]


def reopens(client: Client, segment: Segment) -> bool:
    """Whether a SYN may open a connection out of TIME-WAIT: RFC 9293 MAY-2, RFC 6191 section 2."""
    if not client.gone or not segment.syn or segment.has_ack or segment.rst:
        return False
    nxt = client.conversation.me.rcv_nxt
    return nxt is None or segment.seq >= nxt
