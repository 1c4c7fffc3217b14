"""One connection's link to the world: what it takes to send its segments and to see both ends'."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rawshake.link import Frame
from rawshake.net import craft, patch
from rawshake.net.capture import Capture
from rawshake.net.guard import Guard
from rawshake.net.readiness import Readiness
from rawshake.net.send import Sender
from rawshake.tcp.segment import Segment


class Wire:
    """A ``link.Link`` over raw sockets: the guard, the capture and the sender of one connection.

    When it is there, all is ready: the port is guarded, the capture runs, and Scapy is imported, so
    that the first segment may leave and nothing is slow after it. ``source`` and ``target`` are
    addresses without zone, ``scope`` the interface index where they are link-local, ``sport`` 0 lets
    the kernel choose. ``interface`` sends over that device whatever the routes say. Clock and
    timestamps are CLOCK_REALTIME's.

    Raises ``Failure``: PORT_TAKEN, FOREIGN_SOURCE, NO_PRIVILEGE, INTERFACE_DOWN.
    """

    def __init__(
        self,
        source: str,
        sport: int,
        target: str,
        dport: int,
        *,
        scope: int = 0,
        interface: str | None = None,
    ) -> None:
        opened: list[Guard | Capture | Sender] = []
        try:
            # The guard first: it knows the port. Then the capture, before anything can be sent.
            self._guard = Guard(source, sport, scope=scope, peer=(target, dport))
            opened.append(self._guard)
            self._capture = Capture(source, self._guard.port, target, dport)
            opened.append(self._capture)
            self._sender = Sender(source, scope=scope, interface=interface)
            opened.append(self._sender)
            craft.warm_up(v6=":" in source)
        except BaseException:
            for part in reversed(opened):
                part.close()
            raise
        self.source = source
        self.sport = self._guard.port
        self.target = target
        self.dport = dport
        self._readiness = Readiness(self._capture)

    def now(self) -> int:
        return time.time_ns()

    def send(self, segment: Segment, *, checksum: Callable[[int], int] | None = None) -> bytes:
        """Send a segment to the target and return the packet: octet for octet what the capture will show.

        ``checksum`` maps the right checksum to the one to write, 0 to 65535. Raises ``Failure``: LOCAL_FIREWALL,
        NO_ROUTE, INTERFACE_DOWN, USAGE for one that is too long.
        """
        packet = patch.packet(segment, checksum=checksum)
        self._sender.send(packet, self.target)
        return packet

    def wake_by(self, *descriptors: int) -> None:
        """Have ``receive`` return early, with None, while one of these can be read, and no other."""
        self._readiness.wake_by(*descriptors)

    def receive(self, deadline: int | None) -> Frame | None:
        """The next frame of either end; None once ``now() >= deadline``. A deadline of 0 does not wait."""
        while True:
            frame = self._capture.receive()
            if frame is not None:
                return frame
            if not self._readiness.wait(deadline):
                return None

    def obstacle(self) -> str:
        """Who does not answer on the first hop, in words; empty if nobody is missing there."""
        from rawshake.net.neighbour import obstacle

        return obstacle(self.target)

    @property
    def lost(self) -> int:
        """How many frames the capture had no room for."""
        return self._capture.lost

    def fileno(self) -> int:
        """Readable when ``receive`` may have a frame; for a selector."""
        return self._capture.fileno()

    def filenos(self) -> tuple[int, ...]:
        """Every descriptor that must stay open where this lives on, in a forked process for instance."""
        return self._guard.fileno(), self._capture.fileno(), self._sender.fileno()

    def close(self) -> None:
        """Close all three, the guard last: from then on the kernel answers the peer with RST."""
        self._sender.close()
        self._capture.close()
        self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
