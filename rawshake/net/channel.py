"""Lines of JSON over a Unix socket: between a command and a keeper, who hears several callers at once."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final

_PEERCRED: Final = struct.Struct("3i")  # struct ucred, unix(7)
#: The longest message, in octets: a caller who never ends a line does not fill the memory.
LONGEST: Final = 1 << 26
#: How long the other end of a channel may be silent, in seconds, before it is taken for dead.
PATIENCE: Final = 5.0

Message = dict[str, Any]


class Garbage(OSError):
    """The other end has said what is no message."""


class Channel:
    """One end of a conversation; ``uid`` is the other end's user."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.settimeout(PATIENCE)
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size)
        self._pid, self.uid, _ = _PEERCRED.unpack(credentials)
        self._buffer = bytearray()
        #: when something arrived last, time.monotonic()
        self.heard = time.monotonic()

    def fileno(self) -> int:
        return self._connection.fileno()

    def send(self, message: Message) -> None:
        """Raises OSError once the other end has gone, or takes nothing for some seconds."""
        self._connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> Message | None:
        """The next message; None when the other end has gone. Raises OSError where it says what is none."""
        while True:
            message = self._next()
            if message is not None:
                return message
            if not self._read():
                return None

    def take(self) -> Message | None:
        """The next message, if it is there as a whole; raises OSError when the other end has gone."""
        self._connection.setblocking(False)
        try:
            while (message := self._next()) is None:
                if not self._read():
                    raise ConnectionResetError
            return message
        except BlockingIOError:
            return None
        finally:
            self._connection.settimeout(PATIENCE)

    def _read(self) -> bool:
        fresh = self._connection.recv(1 << 16)
        self._buffer += fresh
        self.heard = time.monotonic()
        if len(self._buffer) > LONGEST:
            raise Garbage
        return bool(fresh)

    def _next(self) -> Message | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            return None
        line = self._buffer[:end]
        del self._buffer[: end + 1]
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            raise Garbage from None
        if not isinstance(message, dict):
            raise Garbage
        return message

    def messages(self) -> Iterator[Message]:
        """All that comes until the other end closes; waits as long as it takes.

        It is read at once, however slowly it is used: the other end has a connection to care for.
        """
        self._connection.settimeout(None)
        arrived: SimpleQueue[Message | None] = SimpleQueue()

        def read() -> None:
            message: Message | None = {}
            while message is not None:
                try:
                    message = self.receive()
                except OSError:
                    message = None
                arrived.put(message)

        threading.Thread(target=read, daemon=True).start()
        while (message := arrived.get()) is not None:
            yield message

    @property
    def gone(self) -> bool:
        """Whether the other end has closed."""
        ready, _, _ = select.select([self._connection], [], [], 0)
        return bool(ready) and not self._connection.recv(1, socket.MSG_PEEK)

    def close(self) -> None:
        with suppress(OSError):  # it is told at once, even while a thread of ours still listens
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def see_off(self) -> None:
        """Wait until the process at the other end has ended, some seconds at most; for a first process.

        What is left of a container dies with its first process: ``docker exec`` would report that it was
        killed, before it has printed everything (pid_namespaces(7)).
        """
        if not self._pid:
            return  # it is in another container, and lives on
        with suppress(OSError):  # it has ended already, or this kernel has no pidfd_open(2)
            descriptor = os.pidfd_open(self._pid)
            try:
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                poll.poll(PATIENCE * 1000)
            finally:
                os.close(descriptor)


class Reception:
    """Whoever calls: none of them, slow or silent, keeps the others waiting, or the keeper."""

    def __init__(self, listener: socket.socket, users: frozenset[int]) -> None:
        """``users`` may call; anyone else is turned away."""
        self._listener = listener
        self._listener.setblocking(False)
        self._users = users
        self._callers: list[Channel] = []

    def filenos(self) -> tuple[int, ...]:
        """Readable where somebody calls, or has said more."""
        return self._listener.fileno(), *(caller.fileno() for caller in self._callers)

    def take(self) -> Iterator[tuple[Channel, Message]]:
        """Each whole message that is there, with the channel to answer on; waits for nothing."""
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                caller = Channel(connection)
                self._callers.append(caller)
                if caller.uid not in self._users:
                    self._dismiss(caller)
        for caller in list(self._callers):
            try:
                message = caller.take()
            except OSError:
                self._dismiss(caller)
                continue
            if message is not None:
                self._callers.remove(caller)
                yield caller, message
            elif time.monotonic() - caller.heard > PATIENCE:
                self._dismiss(caller)

    def _dismiss(self, caller: Channel) -> None:
        self._callers.remove(caller)
        caller.close()

    def close(self) -> None:
        self._listener.close()
        for caller in list(self._callers):
            self._dismiss(caller)
