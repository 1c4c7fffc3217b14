"""The plumbing of held connections: a background process, its abstract Unix socket, who may speak to it."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from rawshake.errors import Exit, Failure
from rawshake.net.privilege import User

_PEERCRED: Final = struct.Struct("3i")  # struct ucred, unix(7)
_LONGEST_LINE: Final = 1 << 26
_MOST_SESSIONS: Final = 1000
#: How long the other end of a channel may be silent, in seconds, before it is taken for dead.
_PATIENCE: Final = 5.0


def _name(user: User, number: int | str) -> str:
    # The abstract namespace belongs to the network namespace, holds no file, and forgets with the process.
    return f"\0rawshake/{user.uid}/{number}"


def listen(user: User) -> Listener:
    """Listen under the first free number, from 1, of those that ``user`` holds."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    for number in range(1, _MOST_SESSIONS + 1):
        try:
            listener.bind(_name(user, number))
        except OSError:
            continue
        listener.listen(8)
        return Listener(listener, number, user)
    listener.close()
    raise Failure(
        Exit.SESSION_GONE, f"{_MOST_SESSIONS} connections are held already.", "Tear some of them down."
    )


def held(user: User) -> list[int]:
    """The numbers of what ``user`` holds in this network namespace, in order."""
    prefix = f"@rawshake/{user.uid}/"
    found = set()
    for line in Path("/proc/net/unix").read_text().splitlines():
        path = line.split()[-1]
        if path.startswith(prefix) and path[len(prefix) :].isdecimal():
            found.add(int(path[len(prefix) :]))
    return sorted(found)


def call(user: User, number: int) -> Channel:
    """A channel to the keeper of that number; Failure with SESSION_GONE where there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        connection.connect(_name(user, number))
    except OSError:
        connection.close()
        raise Failure(
            Exit.SESSION_GONE, f"No connection {number} is held.", "'rawshake sessions' lists those that are."
        ) from None
    channel = Channel(connection)
    if channel.uid not in (user.uid, 0):
        channel.close()
        raise Failure(
            Exit.SESSION_GONE,
            f"What answers for connection {number} belongs to user {channel.uid}, not to {user.uid}.",
            "Do not trust it: nothing was sent there.",
        )
    return channel


class Listener:
    """Where a keeper hears its user; ``number`` is what the connection is called."""

    def __init__(self, listener: socket.socket, number: int, user: User) -> None:
        self._listener = listener
        self._user = user
        self.number = number

    def fileno(self) -> int:
        return self._listener.fileno()

    def accept(self) -> Channel | None:
        """The next caller, if it is the user or root; anyone else is turned away."""
        connection, _ = self._listener.accept()
        channel = Channel(connection)
        if channel.uid in (self._user.uid, 0):
            return channel
        channel.close()
        return None

    def close(self) -> None:
        self._listener.close()


class Channel:
    """Lines of JSON between a command and a keeper; ``uid`` is the other end's user."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.settimeout(_PATIENCE)
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size)
        self._pid, self.uid, _ = _PEERCRED.unpack(credentials)
        self._buffer = bytearray()

    def send(self, message: dict[str, Any]) -> None:
        """Raises OSError once the other end has gone, or takes nothing for some seconds."""
        self._connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other end has gone or says what is none."""
        while b"\n" not in self._buffer:
            fresh = self._connection.recv(1 << 16)
            if not fresh or len(self._buffer) > _LONGEST_LINE:
                return None
            self._buffer += fresh
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = bytearray(rest)
        try:
            message = json.loads(line)
        except ValueError:
            return None
        return message if isinstance(message, dict) else None

    def messages(self) -> Iterator[dict[str, Any]]:
        """All that comes until the other end closes; waits as long as it takes."""
        self._connection.settimeout(None)
        while (message := self.receive()) is not None:
            yield message

    @property
    def gone(self) -> bool:
        """Whether the other end has closed."""
        ready, _, _ = select.select([self._connection], [], [], 0)
        return bool(ready) and not self._connection.recv(1, socket.MSG_PEEK)

    def close(self) -> None:
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
                poll.poll(_PATIENCE * 1000)
            finally:
                os.close(descriptor)


def leave(keep: Collection[int], life: Callable[[Callable[[int], None]], None]) -> int | None:
    """Leave a background process behind that lives ``life`` with only ``keep`` open.

    It is handed a function that tells its number to us, who wait for that; None where it ended without.
    """
    told, tell = socket.socketpair()
    with told:
        if os.fork() == 0:
            status = 1
            try:
                _alone([*keep, tell.fileno()])

                def say(number: int) -> None:
                    tell.sendall(str(number).encode())
                    tell.close()

                life(say)
                status = 0
            finally:  # nobody is left to tell, and the code that called us is another process's
                os._exit(status)
        tell.close()
        answer = told.recv(64)
    return int(answer) if answer else None


def _alone(keep: Collection[int]) -> None:
    """Own session, no terminal; standard streams become /dev/null, for an inherited one keeps a pipe open."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    wanted = {0, 1, 2, *keep}
    listed = [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]
    for descriptor in listed:
        if descriptor not in wanted:
            with suppress(OSError):  # one of them was the listing's own
                os.close(descriptor)
    os.chdir("/")


def drop_to(user: User) -> None:
    """Become ``user`` for good, once all sockets are open; nothing for who is that already."""
    if os.geteuid() != 0 or user.uid == 0:
        return
    os.setgroups([])
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)


def wait(descriptors: Collection[int], deadline: int | None) -> frozenset[int]:
    """Those that can be read, as soon as one can; none once the clock has reached ``deadline`` (ns)."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    left = None if deadline is None else max(0.0, (deadline - time.time_ns()) / 1e6)
    return frozenset(descriptor for descriptor, _ in poll.poll(left))


def is_first_process() -> bool:
    """Whether this is PID 1, as in a container: a background process would die with it."""
    return os.getpid() == 1
