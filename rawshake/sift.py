"""Decides which live packets are followed: a flood is counted, and what comes too fast is left out by connections."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from rawshake.link import Frame

SECOND: Final = 1_000_000_000
#: How long a SYN is kept back for an answer before it is followed without one.
PATIENCE: Final = 2 * SECOND
#: With more SYNs waiting than this nobody looks at each: it is a flood, or a scan.
CROWD: Final = 1024
#: When a SYN in a crowd is forgotten: Linux gives up after 127 s, and waits 64 s of them for the last answer.
FORGOTTEN_AFTER: Final = 75 * SECOND
#: How many destinations of unanswered SYNs are told apart.
DESTINATIONS: Final = 1000
#: How many connections that are no longer followed are remembered, so that what still comes begins none.
REMEMBERED: Final = 1 << 16

_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_TCP, _ICMP, _ICMPV6 = 6, 1, 58
#: IPv4: TCP, no option, no fragment but perhaps the first. Everything else is rare.
_LATER: Final = 0x1FFF

Key = tuple[bytes, bytes]


class Load(Enum):
    """How much waits to be judged, and so what is followed."""

    LIGHT = "everything is followed"
    HEAVY = "no connection that begins is followed"
    FULL = "no connection is followed any further"


@dataclass(slots=True)
class Left:
    """What was not followed. ``unanswered`` counts connections by destination: address and port as octets."""

    packets: int = 0
    connections: int = 0
    late: int = 0
    unanswered: Counter[bytes] = field(default_factory=Counter)
    unanswered_packets: int = 0
    half_open: int = 0


class Sift:
    """Takes frames and passes them on, those of a connection in their order.

    SYN and SYN,ACK wait until a third segment shows that there is a connection, so that a flood costs little:
    where no crowd of them waits they are followed after PATIENCE all the same. At most ``most`` wait; those of a
    crowd that waited longest, or FORGOTTEN_AFTER, are counted and forgotten. What ``load`` asks for is left out by
    connections: of one that is left out nothing more is passed on until its ends begin another.
    """

    def __init__(self, pass_on: Callable[[Frame], None], *, most: int) -> None:
        self._pass_on = pass_on
        self._most = most
        self._waiting: OrderedDict[Key, list[Frame]] = OrderedDict()
        self._passed_over: OrderedDict[Key, int] = OrderedDict()
        self._over: OrderedDict[Key, int] = OrderedDict()
        self._begun: OrderedDict[Key, int] = OrderedDict()
        self.load = Load.LIGHT
        self.left = Left()

    @property
    def waiting(self) -> int:
        """How many connections nobody has answered yet, or completed."""
        return len(self._waiting)

    def frame(self, frame: Frame) -> None:
        """Take the next packet."""
        known = _look(frame.packet)
        if known is None:
            self._other(frame)
            return
        key, flags = known
        kind = flags & (_FIN | _SYN | _RST | _ACK)
        if kind == _SYN:
            self._syn(key, frame)
        elif key in self._passed_over:
            self.left.packets += 1
        elif key in self._over:
            self.left.late += 1
        elif self.load is Load.FULL:
            self._passed_over_from_now(key)
        elif kind == _SYN | _ACK:
            held = self._waiting.get(key)
            if held is None:
                self._pass_on(frame)
            else:
                held.append(frame)
        else:
            self._release(key)
            self._pass_on(frame)

    def _passed_over_from_now(self, key: Key) -> None:
        self._remember(self._passed_over, key, 0)
        self.left.connections += 1
        self.left.packets += 1 + len(self._waiting.pop(key, ()))

    def _syn(self, key: Key, frame: Frame) -> None:
        if self.load is not Load.LIGHT:
            held = self._waiting.pop(key, [])
            again = key in self._passed_over
            self._remember(self._passed_over, key, 0)
            self._over.pop(key, None)
            self.left.connections += not again
            self.left.packets += 1 + len(held)
            return
        self._passed_over.pop(key, None)
        self._over.pop(key, None)
        self._waiting.setdefault(key, []).append(frame)
        if len(self._waiting) > self._most:
            self._forget()

    def _other(self, frame: Frame) -> None:
        """An ICMP error answers the SYN that it quotes; of all else nothing is known here."""
        packet = frame.packet
        if packet[:1] >= b"\x60":
            quoted = packet[48:] if len(packet) > 48 and packet[6] == _ICMPV6 else b""
        else:
            quoted = packet[28:] if len(packet) > 28 and packet[0] == 0x45 and packet[9] == _ICMP else b""
        known = _look(quoted + b"\0" * 14)
        if known is not None:
            self._release(known[0])
        self._pass_on(frame)

    def _release(self, key: Key) -> None:
        if key not in self._waiting:
            return
        self._remember(self._begun, key, self._waiting[key][0].number)
        for held in self._waiting.pop(key, ()):
            self._pass_on(held)

    def over(self, client: bytes, server: bytes, last_frame: int) -> None:
        """A connection is no longer followed: what still comes of it, but a SYN, is counted as late.

        Each end is its address and its port (2 octets) together. ``last_frame`` is the number of its last frame: if
        its ends have begun another one since, that one goes on.
        """
        key = _key(client, server)
        if self._begun.get(key, 0) <= last_frame:
            self._remember(self._over, key, 0)

    @staticmethod
    def _remember(where: OrderedDict[Key, int], key: Key, number: int) -> None:
        where[key] = number
        if len(where) > REMEMBERED:
            where.popitem(last=False)

    def tick(self, now: int) -> None:
        """Let go of what has waited long enough, by the clock of the frames, ns."""
        while self._waiting:
            key, held = next(iter(self._waiting.items()))
            if len(self._waiting) > CROWD:
                if now - held[-1].time < FORGOTTEN_AFTER:
                    break
                self._forget()
            elif now - held[0].time < PATIENCE:
                break
            else:
                self._release(key)

    def finish(self) -> None:
        """Nothing more comes: what waits is followed, or, if it is a crowd, counted."""
        crowd = len(self._waiting) > CROWD
        while self._waiting:
            if crowd:
                self._forget()
            else:
                self._release(next(iter(self._waiting)))

    def _forget(self) -> None:
        key, held = self._waiting.popitem(last=False)
        self._remember(self._over, key, 0)
        left = self.left
        left.unanswered_packets += len(held)
        destination = _destination(held[0].packet)
        if destination not in left.unanswered and len(left.unanswered) >= DESTINATIONS:
            destination = b""
        left.unanswered[destination] += 1
        left.half_open += any(_is_answer(frame.packet) for frame in held)


def _look(packet: bytes) -> tuple[Key, int] | None:
    """Both ends and the flags of a whole TCP segment that stands right behind the IP header."""
    if len(packet) < 34:
        return None
    if packet[0] >> 4 == 4:
        at = 4 * (packet[0] & 15)
        if packet[9] != _TCP or (packet[6] << 8 | packet[7]) & _LATER or len(packet) < at + 14 or at < 20:
            return None
        key = _key(packet[12:16] + packet[at : at + 2], packet[16:20] + packet[at + 2 : at + 4])
        return key, packet[at + 13]
    if len(packet) < 54 or packet[6] != _TCP:
        return None
    return _key(packet[8:24] + packet[40:42], packet[24:40] + packet[42:44]), packet[53]


def _key(one: bytes, other: bytes) -> Key:
    return (one, other) if one <= other else (other, one)


def _destination(packet: bytes) -> bytes:
    """Where the first segment of a connection went: who is called, also if only the answer was seen."""
    if packet[0] >> 4 == 4:
        at = 4 * (packet[0] & 15)
        return packet[16:20] + packet[at + 2 : at + 4]
    return packet[24:40] + packet[42:44]


def _is_answer(packet: bytes) -> bool:
    known = _look(packet)
    return known is not None and known[1] & _ACK != 0
