"""Where a tap sat, told from what it saw: handshake times, initial TTLs, checksums left to the hardware."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.rules.model import Vantage
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.view import End, Fate, Step

#: What a host writes into a packet: Linux, BSD and macOS 64, Windows 128, routers and Solaris 255.
INITIAL_TTLS: Final = (64, 128, 255)
#: An end that answers later than this, in ns, is not near, however its packets look.
NEAR: Final = 20_000_000
#: An end that answers so many times faster than the other is the near one.
RATIO: Final = 10
#: From one that is near so few routers are possible: a virtual bridge, a container's host.
ROUTERS: Final = 2


def infer(steps: Sequence[Step]) -> Vantage:
    """Where the tap sat that saw these steps of one connection; UNKNOWN where the signs are too few or disagree.

    Rawshake is near the end that it plays. A checksum left to the hardware was seen on the sender's own host. A
    TTL as hosts write it has passed no router, and an end that answers the handshake ten times faster
    than the other is the near one.
    """
    signs = {end: _Signs(end) for end in End}
    for step in steps:
        signs[step.sender].add(step)
    _time_handshake(steps, signs)
    client, server = signs[End.CLIENT], signs[End.SERVER]
    near = client.near(server), server.near(client)
    if all(near):
        return Vantage.NEAR_BOTH
    if any(near):
        return Vantage.NEAR_CLIENT if near[0] else Vantage.NEAR_SERVER
    if client.far or server.far:
        return Vantage.BETWEEN if client.far and server.far else Vantage.UNKNOWN
    return Vantage.UNKNOWN


@dataclass(slots=True)
class _Signs:
    """What speaks for or against a tap near one end."""

    end: End
    #: rawshake plays it
    ours: bool = False
    #: it left checksums to the hardware, and never filled one in itself
    offloaded: bool | None = None
    #: routers that its packets had passed
    routers: int | None = None
    #: how long it took to answer in the handshake, in ns, as seen by the tap
    answer: int | None = None

    def add(self, step: Step) -> None:
        segment = step.segment
        self.ours = self.ours or step.ours
        if len(segment.payload) == segment.payload_length:
            if segment.checksum is Checksum.CORRECT:
                self.offloaded = False
            elif segment.checksum is Checksum.UNVERIFIABLE and self.offloaded is None:
                self.offloaded = True
        if self.routers is None and not segment.rst:
            self.routers = min(ttl - segment.ttl for ttl in INITIAL_TTLS if ttl >= segment.ttl)

    @property
    def certain(self) -> bool:
        return self.ours or self.offloaded is True

    @property
    def far(self) -> bool:
        """Whether there is something between it and the tap."""
        return bool(self.routers) or (self.answer is not None and self.answer > NEAR)

    def near(self, other: _Signs) -> bool:
        if self.certain:
            return True
        if self.answer is None:
            return self.routers == 0
        if self.answer > NEAR:
            return False
        if self.routers == 0:
            other_is_nearer = other.answer is not None and other.answer * RATIO <= self.answer
            return not (other_is_nearer and other.routers)
        faster = other.answer is not None and self.answer * RATIO <= other.answer
        return faster and self.routers is not None and self.routers <= ROUTERS


def _time_handshake(steps: Sequence[Step], signs: dict[End, _Signs]) -> None:
    """How long the server took for its SYN,ACK, and the client for its ACK; nothing of it if one was repeated."""
    syn: Step | None = None
    answer: Step | None = None
    for step in steps:
        segment = step.segment
        if step.fate is Fate.LOST or segment.rst:
            return
        if segment.syn and not segment.has_ack:
            if syn is not None or step.sender is not End.CLIENT:
                return
            syn = step
        elif segment.syn:
            if syn is None or answer is not None or step.sender is not End.SERVER:
                return
            answer = step
            signs[End.SERVER].answer = step.time - syn.time
        elif answer is not None and step.sender is End.CLIENT and _answers(segment, answer.segment):
            signs[End.CLIENT].answer = step.time - answer.time
            return


def _answers(segment: Segment, syn_ack: Segment) -> bool:
    return segment.has_ack and segment.ack == syn_ack.seq + 1
