"""One wire for many connections to one host: guarded ports, one capture of all of them, one sender."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self

from rawshake.errors import Exit, Failure
from rawshake.link import Frame, IcmpMessage, Outgoing, Seen
from rawshake.net import craft
from rawshake.net.capture import Capture
from rawshake.net.guard import Guard
from rawshake.net.readiness import Readiness
from rawshake.net.send import Sender
from rawshake.tcp.decode import IcmpError, decode
from rawshake.tcp.segment import Segment

#: How often the kernel may offer a port that was used before, until it is taken all the same.
_TRIES: Final = 8


class SharedWire:
    """A ``link.SharedLink`` over raw sockets, from ``source`` to ``target``, addresses without zone.

    ``ports`` gives ports of ours, each guarded from then on until ``release``, and none that was given before as
    long as there are others. ``scope`` and ``interface`` are as for ``Wire``; ``on_frame`` is told every frame of
    guarded ports as it was captured. Raises ``Failure``: FOREIGN_SOURCE, NO_PRIVILEGE, INTERFACE_DOWN.
    """

    def __init__(
        self,
        source: str,
        target: str,
        *,
        scope: int = 0,
        interface: str | None = None,
        on_frame: Callable[[Frame], None] = lambda frame: None,
    ) -> None:
        self.source = source
        self.target = target
        self.on_frame = on_frame
        self._scope = scope
        self._guards: dict[int, Guard] = {}
        #: taken from the capture and not yet given
        self._early: deque[Seen] = deque()
        self._used: set[int] = set()
        self._capture = Capture(source, self._guards.keys(), target, None)
        try:
            self._sender = Sender(source, scope=scope, interface=interface)
            craft.warm_up(v6=":" in source)
        except BaseException:
            self._capture.close()
            raise
        self._readiness = Readiness(self._capture)

    def ports(self, first: int = 0) -> Iterator[int]:
        """Ports of ours for as long as they are asked for, ``first`` before all, unless it is 0.

        Raises ``Failure`` with PORT_TAKEN, as a ``Guard`` does.
        """
        if first:
            yield self._guard(first)
        while True:
            yield self._fresh()

    def release(self, port: int) -> None:
        """Give a port back: from now on the kernel answers what comes to it with RST."""
        guard = self._guards.pop(port, None)
        if guard is not None:
            guard.close()

    def now(self) -> int:
        return time.time_ns()

    def send(self, outgoing: Outgoing) -> None:
        """Send it. Raises ``Failure``: LOCAL_FIREWALL, NO_ROUTE, INTERFACE_DOWN, USAGE for one that is too long."""
        what = outgoing.what
        if isinstance(what, IcmpMessage):
            self._sender.send(craft.build_icmp(what), self.target)
        else:
            packet = craft.build(what, malformed=outgoing.malformed)
            octets = outgoing.malformed.fragment if outgoing.malformed is not None else None
            for piece in (packet,) if octets is None else craft.fragments(packet, octets):
                self._sender.send(piece, what.dst.partition("%")[0])

    def wake_by(self, descriptor: int | None) -> None:
        """Have ``receive`` return early, with None, while that can be read; None for no such thing."""
        self._readiness.wake_by(descriptor)

    def receive(self, deadline: int | None) -> Seen | None:
        """The next of guarded ports that passes, either way; None once ``now() >= deadline``."""
        while True:
            seen = self._early.popleft() if self._early else self._take()
            if seen is not None:
                return seen
            if not self._readiness.wait(deadline):
                return None

    @property
    def lost(self) -> int:
        """How many frames the capture had no room for."""
        return self._capture.lost

    def obstacle(self) -> str:
        """Who does not answer on the first hop, in words; empty if nobody is missing there."""
        from rawshake.net.neighbour import obstacle

        return obstacle(self.target)

    def close(self) -> None:
        """Close all, the guards last: from then on the kernel answers the peer with RST."""
        self._sender.close()
        self._capture.close()
        for port in list(self._guards):
            self.release(port)

    def _take(self) -> Seen | None:
        """The next of guarded ports that was captured already."""
        while (frame := self._capture.receive()) is not None:
            seen = self._seen(frame)
            if seen is not None:
                self.on_frame(frame)
                return seen
        return None

    def _seen(self, frame: Frame) -> Seen | None:
        what = decode(frame.packet, offloaded=frame.offloaded)
        if isinstance(what, Segment):
            if what.src == self.source and what.sport in self._guards:
                return Seen(what, frame.time, ours=True)
            if what.dst == self.source and what.dport in self._guards:
                return Seen(what, frame.time)
        elif isinstance(what, IcmpError) and what.quoted_sport in self._guards:
            return Seen(what, frame.time)
        return None

    def _guard(self, port: int) -> int:
        return self._keep(Guard(self.source, port, scope=self._scope))

    def _keep(self, guard: Guard) -> int:
        # What was captured of that port until now, the kernel has answered.
        while (seen := self._take()) is not None:
            self._early.append(seen)
        self._guards[guard.port] = guard
        self._used.add(guard.port)
        return guard.port

    def _fresh(self) -> int:
        """A port that was not used before, as far as the kernel has any: it may still be in TIME-WAIT there."""
        passed: list[Guard] = []
        try:
            for _ in range(_TRIES):
                guard = Guard(self.source, scope=self._scope)
                if guard.port not in self._used or len(passed) == _TRIES - 1:
                    return self._keep(guard)
                passed.append(guard)
        finally:
            for guard in passed:
                guard.close()
        raise Failure(Exit.PORT_TAKEN, f"No local port is free on {self.source}.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
