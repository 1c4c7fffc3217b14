"""A port of this machine played by hand: on each of its addresses a guard, a capture and a sender."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from rawshake.errors import Exit, Failure
from rawshake.link import Frame
from rawshake.net import craft, patch
from rawshake.net.capture import Capture
from rawshake.net.guard import Guard
from rawshake.net.readiness import Readiness
from rawshake.net.route import Target
from rawshake.net.send import Sender
from rawshake.tcp.segment import Segment

#: How many octets of frames may wait to be taken, for each address: a flood takes a while to be passed over.
QUEUE: Final = 1 << 24


class Port:
    """A ``link.Link`` for all clients of one ``port`` at ``addresses``; frames of all of them come in one row.

    ``port`` 0 lets the kernel choose. Segments leave over ``interface``, if one is named, whatever the routes say.
    Raises ``Failure``: PORT_TAKEN, FOREIGN_SOURCE, NO_PRIVILEGE, INTERFACE_DOWN.
    """

    def __init__(self, addresses: Sequence[Target], port: int, *, interface: str | None = None) -> None:
        self._captures: list[Capture] = []
        self._senders: dict[str, Sender] = {}
        self._ready: deque[Capture] = deque()
        self._readiness = Readiness()
        self.port = port
        self.addresses = tuple(addresses)
        with ExitStack() as stack:
            for address, scope in addresses:
                guard = stack.enter_context(Guard(address, self.port, scope=scope, serves=True))
                self.port = guard.port
                capture = stack.enter_context(Capture(address, self.port, None, None, buffer=QUEUE))
                sender = stack.enter_context(Sender(address, scope=scope, interface=interface))
                self._captures.append(capture)
                self._senders[address] = sender
                self._readiness.watch(capture)
            for v6 in {":" in address for address, _ in addresses}:
                craft.warm_up(v6=v6)
            self._by_descriptor = {capture.fileno(): capture for capture in self._captures}
            # Closed in turn, the guard of each address after its capture.
            self._stack = stack.pop_all()

    def now(self) -> int:
        return time.time_ns()

    def send(self, segment: Segment, *, checksum: Callable[[int], int] | None = None) -> bytes:
        """Send a segment from the address that is its source; see ``wire.Wire.send``."""
        packet = patch.packet(segment, checksum=checksum)
        sender = self._senders.get(segment.src)
        if sender is None:
            raise Failure(Exit.FOREIGN_SOURCE, f"Nothing is sent from {segment.src} here.")
        sender.send(packet, segment.dst)
        return packet

    def wake_by(self, descriptor: int | None) -> None:
        """Have ``receive`` return early, with None, while that can be read; None for no such thing."""
        self._readiness.wake_by(descriptor)

    def receive(self, deadline: int | None) -> Frame | None:
        """The next frame, of whichever address; None once ``now() >= deadline``. A deadline of 0 does not wait."""
        while True:
            while self._ready:
                frame = self._ready[0].receive()
                if frame is not None:
                    return frame
                self._ready.popleft()
            ready = self._readiness.wait(deadline)
            if not ready:
                return None
            self._ready.extend(self._by_descriptor[one] for one in ready)

    def obstacle(self) -> str:
        """Clients have many ways to us: which of them is to blame is not known."""
        return ""

    @property
    def lost(self) -> int:
        """How many frames the captures had no room for."""
        return sum(capture.lost for capture in self._captures)

    def close(self) -> None:
        """Close all: from then on the kernel answers with RST."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
