"""One process, one thread, all servers: opens their ports and runs their scripts, freely or step by step."""

from __future__ import annotations

import errno
import heapq
import resource
import select
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.net import bpf
from rawshake.net.lab.servers import Manner, Script, Server, Wait

_MANY: Final = 4096
#: Connections accepted at one port before the others have their turn.
_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class Door:
    """A port of one server at one address."""

    server: Server
    socket: socket.socket


def open_doors(
    servers: Iterable[Server], addresses: Sequence[str], *, offset: int = 0, elsewhere: bool = False
) -> tuple[list[Door], dict[str, int]]:
    """Bind each server's port plus ``offset`` at each of the addresses, and say which port each has.

    Where that port is taken, the kernel chooses another if ``elsewhere``. Raises ``OSError``.
    """
    doors: list[Door] = []
    ports: dict[str, int] = {}
    for server in servers:
        try:
            opened = _open(server, addresses, server.port + offset)
        except OSError as refusal:
            if refusal.errno != errno.EADDRINUSE or not elsewhere:
                raise
            opened = _open_anywhere(server, addresses)
        doors += opened
        ports[server.name] = opened[0].socket.getsockname()[1]
    return doors, ports


def _open_anywhere(server: Server, addresses: Sequence[str]) -> list[Door]:
    # The port that the kernel chose for the first address may be taken at the second: then choose again.
    for _attempt in range(100):
        try:
            return _open(server, addresses, 0)
        except OSError as refusal:
            if refusal.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"no port is free at all of {', '.join(addresses)}")


def _open(server: Server, addresses: Sequence[str], port: int) -> list[Door]:
    opened: list[Door] = []
    try:
        for address in addresses:
            door = Door(server, _bind(server, address, port))
            opened.append(door)
            port = door.socket.getsockname()[1]
    except OSError:
        for door in opened:
            door.socket.close()
        raise
    return opened


def _bind(server: Server, address: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        if bound.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if server.receive_buffer is not None:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, server.receive_buffer)
        if server.manner is not Manner.CLOSED:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        if server.manner is Manner.FILTERED:
            bpf.attach(bound, bpf.NOTHING)
        if server.manner is not Manner.CLOSED:
            bound.listen(_MANY)
    except OSError:
        bound.close()
        raise
    return bound


class Loop:
    """The servers behind ``doors``. While ``held`` they act only in ``step``."""

    def __init__(self, doors: Iterable[Door], *, held: bool = False) -> None:
        self.held = held
        self._epoll: Final = select.epoll()
        self._doors: Final[dict[int, Door]] = {}
        self._kept: Final[list[Door]] = []
        self._talks: Final[dict[int, tuple[socket.socket, Script]]] = {}
        self._armed: Final[dict[int, int]] = {}
        self._pauses: Final[list[tuple[int, int]]] = []
        for door in doors:
            if door.server.manner is Manner.SERVED:
                self._doors[door.socket.fileno()] = door
                self._epoll.register(door.socket, select.EPOLLIN)
            else:
                self._kept.append(door)
        _allow_many_files()

    def close(self) -> None:
        """Close every port and every connection."""
        for talking in list(self._talks):
            self._finish(talking)
        for door in (*self._doors.values(), *self._kept):
            door.socket.close()
        self._epoll.close()

    def run(self, control: socket.socket | None, answer: Callable[[Loop, socket.socket], bool]) -> None:
        """Serve for ever. What comes on ``control`` is left to ``answer``, which returns False at its end."""
        poll = select.poll()
        watching = False
        if control is not None:
            poll.register(control, select.POLLIN)
        while True:
            if watching == self.held:
                watching = not self.held
                if watching:
                    poll.register(self._epoll.fileno(), select.POLLIN)
                else:
                    poll.unregister(self._epoll.fileno())
            ready = {descriptor for descriptor, _events in poll.poll(self._milliseconds())}
            if control is not None and control.fileno() in ready and not answer(self, control):
                return
            if not self.held:
                self._act(0)

    def step(self, within: int) -> int:
        """Wait up to ``within`` nanoseconds for a server to have something to do; let each such act once.

        Returns how many acted: a connection accepted, data read, data written and the like count one
        each. Pauses are over at once.
        """
        return self._act(within, impatient=True)

    def _milliseconds(self) -> int | None:
        if self.held or not self._pauses:
            return None
        return max(0, -(-(self._pauses[0][0] - time.monotonic_ns()) // 1_000_000))

    def _act(self, within: int, *, impatient: bool = False) -> int:
        due = self._due(impatient=impatient)
        ready = self._epoll.poll(0 if due else within / 1e9, _MANY)
        acted = len(due)
        for descriptor in due:
            self._resume(descriptor)
        for descriptor, _events in ready:
            if descriptor in self._doors:
                acted += self._accept(self._doors[descriptor], 1 if self.held else _BATCH)
            elif descriptor in self._talks:
                acted += 1
                self._resume(descriptor)
        return acted

    def _due(self, *, impatient: bool) -> list[int]:
        now = time.monotonic_ns()
        due = []
        while self._pauses and (impatient or self._pauses[0][0] <= now):
            due.append(heapq.heappop(self._pauses)[1])
        return due

    def _accept(self, door: Door, most: int) -> int:
        for accepted in range(most):
            try:
                peer, _address = door.socket.accept()
            except BlockingIOError:
                return accepted
            except OSError as refusal:
                if refusal.errno not in (errno.EMFILE, errno.ENFILE) or not self._talks:
                    return accepted
                # No descriptor is left: whoever has been here longest makes room.
                self._finish(next(iter(self._talks)))
                continue
            peer.setblocking(False)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._talks[peer.fileno()] = (peer, door.server.script(peer))
            self._resume(peer.fileno())
        return most

    def _resume(self, descriptor: int) -> None:
        _peer, script = self._talks[descriptor]
        try:
            wait = next(script)
        except (StopIteration, OSError):  # OSError: the peer has reset the connection, or is gone
            self._finish(descriptor)
        else:
            self._arm(descriptor, wait)

    def _arm(self, descriptor: int, wait: Wait) -> None:
        armed = self._armed.get(descriptor)
        if wait.pause:
            # epoll tells of a hang-up whether asked or not: out with it until the pause is over.
            if armed is not None:
                self._epoll.unregister(descriptor)
                del self._armed[descriptor]
            heapq.heappush(self._pauses, (time.monotonic_ns() + wait.pause, descriptor))
        elif armed is None:
            self._epoll.register(descriptor, wait.events)
            self._armed[descriptor] = wait.events
        elif armed != wait.events:
            self._epoll.modify(descriptor, wait.events)
            self._armed[descriptor] = wait.events

    def _finish(self, descriptor: int) -> None:
        peer, script = self._talks.pop(descriptor)
        script.close()
        if self._armed.pop(descriptor, None) is None:
            self._pauses[:] = [pause for pause in self._pauses if pause[1] != descriptor]
            heapq.heapify(self._pauses)
        else:
            self._epoll.unregister(descriptor)
        peer.close()


def _allow_many_files() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(
    servers: Iterable[Server],
    addresses: Sequence[str],
    *,
    offset: int = 0,
    ready: Callable[[Mapping[str, int]], None],
) -> None:
    """Run servers in the present namespace until interrupted (``KeyboardInterrupt``).

    ``addresses`` are those to listen at, such as "0.0.0.0" and "::"; each server's port is its own plus
    ``offset``. ``ready`` is called with the port of each once all are open. Raises ``OSError`` where a port
    cannot be had.
    """
    doors, ports = open_doors(servers, addresses, offset=offset)
    loop = Loop(doors)
    try:
        ready(ports)
        loop.run(None, lambda _loop, _control: True)
    finally:
        loop.close()
