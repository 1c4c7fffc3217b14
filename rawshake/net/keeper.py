"""The plumbing of held connections: a background process, its abstract Unix socket, who may speak to it."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from rawshake.errors import Exit, Failure
from rawshake.net.channel import PATIENCE, Channel, Reception
from rawshake.net.privilege import User

_MOST_SESSIONS: Final = 1000
#: What a process may have open unless somebody raises it: getrlimit(2), RLIMIT_NOFILE.
_MOST_DESCRIPTORS: Final = 1024


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
    try:
        paths = [line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines()]
    except OSError:  # proc(5) is not mounted
        return [number for number in range(1, _MOST_SESSIONS + 1) if _answers(user, number)]
    numbers = {path.removeprefix(prefix) for path in paths if path.startswith(prefix)}
    return sorted(int(number) for number in numbers if number.isdecimal())


def _answers(user: User, number: int) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        return not connection.connect_ex(_name(user, number))


def call(user: User, number: int) -> Channel:
    """A channel to the keeper of that number; Failure with SESSION_GONE where there is none, or it is deaf."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    # Where too many call already a non-blocking connect would fail at once, a blocking one never.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(PATIENCE), 0))
    try:
        connection.connect(_name(user, number))
    except BlockingIOError:
        connection.close()
        raise deaf(number) from None
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


def deaf(number: int) -> Failure:
    """The keeper is there and does not answer."""
    return Failure(
        Exit.SESSION_GONE,
        f"The keeper of connection {number} does not answer.",
        "It may have been stopped: look for it with ps, and send it SIGCONT.",
    )


class Listener(Reception):
    """Where a keeper hears its user, and root; ``number`` is what the connection is called."""

    def __init__(self, listener: socket.socket, number: int, user: User) -> None:
        super().__init__(listener, frozenset({user.uid, 0}))
        self.number = number


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
    listed: Iterable[int] = range(_MOST_DESCRIPTORS)
    with suppress(OSError):  # proc(5) is not mounted
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
