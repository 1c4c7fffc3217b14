"""What the lab's servers do: ordinary programs over kernel sockets, one function each, chosen by port."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from rawshake.errors import Exit, Failure
from rawshake.net.lab.agent import serve


@dataclass(frozen=True, slots=True)
class Wait:
    """What a server waits for before it acts again: epoll events of its socket, or a pause in nanoseconds."""

    events: int = 0
    pause: int = 0


#: What a server does with one connection: it acts, yields what it waits for, acts again. Its return closes.
Script = Generator[Wait, None, None]

READABLE: Final = Wait(select.EPOLLIN)
WRITABLE: Final = Wait(select.EPOLLOUT)
#: The peer's FIN has arrived, whatever lies unread before it.
PEER_CLOSED: Final = Wait(select.EPOLLRDHUP)


class Manner(Enum):
    """How a port is kept."""

    SERVED = "each connection is accepted and given to the server's script"
    UNACCEPTED = "the kernel completes handshakes, nobody accepts"
    CLOSED = "nothing listens"
    FILTERED = "segments are dropped in silence"


@dataclass(frozen=True, slots=True)
class Server:
    """One kind of server: its name and port, one line for people, and what it does."""

    name: str
    port: int
    summary: str
    manner: Manner
    script: Callable[[socket.socket], Script]
    receive_buffer: int | None = None


#: Every server by name, in the order of this file.
SERVERS: Final[dict[str, Server]] = {}


def server(
    port: int, *, manner: Manner = Manner.SERVED, receive_buffer: int | None = None
) -> Callable[[Callable[[socket.socket], Script]], Callable[[socket.socket], Script]]:
    """Register a server: the function's name is its name, the docstring's first line its summary.

    ``receive_buffer`` is SO_RCVBUF in octets, where the kernel's own is not wanted.
    """

    def register(script: Callable[[socket.socket], Script]) -> Callable[[socket.socket], Script]:
        name = script.__name__.replace("_", "-")
        summary = (script.__doc__ or "").strip().partition("\n")[0]
        SERVERS[name] = Server(name, port, summary, manner, script, receive_buffer)
        return script

    return register


def select_servers(names: Iterable[str] | None = None) -> tuple[Server, ...]:
    """The servers of these names, all where None. Raises ``Failure`` with USAGE for an unknown one."""
    if names is None:
        return tuple(SERVERS.values())
    found = []
    for name in names:
        if name not in SERVERS:
            raise Failure(
                Exit.USAGE, f"There is no lab server {name!r}.", f"Choose of: {', '.join(SERVERS)}."
            )
        found.append(SERVERS[name])
    return tuple(found)


_CHUNK: Final = 65536


def receive(peer: socket.socket) -> Generator[Wait, None, bytes]:
    """Wait for data and read it; b"" at end of file."""
    yield READABLE
    while True:
        try:
            return peer.recv(_CHUNK)
        except BlockingIOError:
            yield READABLE


def send(peer: socket.socket, data: bytes) -> Script:
    """Write all of ``data``, waiting before each write until the socket takes some."""
    left = memoryview(data)
    while left:
        yield WRITABLE
        try:
            left = left[peer.send(left) :]
        except BlockingIOError:
            continue


def read_to_end(peer: socket.socket) -> Script:
    """Read and forget, until end of file."""
    while (yield from receive(peer)):
        pass


def drain(peer: socket.socket) -> None:
    """Read what is there: closing with data unread would send RST in place of FIN (RFC 2525 2.17)."""
    try:
        while peer.recv(_CHUNK):
            pass
    except BlockingIOError:
        pass


def abort(peer: socket.socket) -> None:
    """Have the coming close send RST (SO_LINGER with time 0, socket(7))."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@server(7)
def echo(peer: socket.socket) -> Script:
    """sends back what it reads; closes at end of file"""
    while data := (yield from receive(peer)):
        yield from send(peer, data)


@server(9)
def discard(peer: socket.socket) -> Script:
    """reads everything, says nothing; closes at end of file"""
    yield from read_to_end(peer)


@server(13)
def closes_first(peer: socket.socket) -> Script:
    """sends a line and closes at once, before its client does"""
    yield from send(peer, b"That was all.\r\n")
    drain(peer)


BULK: Final = bytes(ord("a") + at % 26 for at in range(200_000))


@server(19)
def sends_bulk(peer: socket.socket) -> Script:
    """sends 200,000 octets, then closes"""
    yield from send(peer, BULK)
    drain(peer)


@server(25)
def banner(peer: socket.socket) -> Script:
    """sends a greeting, then waits: reads in silence, closes at end of file"""
    yield from send(peer, b"220 lab ready\r\n")
    yield from read_to_end(peer)


_PAGE: Final = b"a handshake made this\n"
_ANSWER: Final = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_PAGE),
    _PAGE,
)


@server(80)
def closes_on_eof(peer: socket.socket) -> Script:
    """answers each HTTP request (at its empty line); closes at end of file, and only then"""
    asked = b""
    while data := (yield from receive(peer)):
        asked += data
        while (end := asked.find(b"\r\n\r\n")) >= 0:
            asked = asked[end + 4 :]
            yield from send(peer, _ANSWER)
        asked = asked[-_CHUNK:]
    if asked:
        yield from send(peer, _ANSWER)


@server(1001)
def half_closes(peer: socket.socket) -> Script:
    """sends a line and its FIN, then reads on until the client's FIN"""
    yield from send(peer, b"I have said all; go on.\r\n")
    peer.shutdown(socket.SHUT_WR)
    yield from read_to_end(peer)


#: What ``answers_after_eof`` sends: so many times so much, with a pause before each in nanoseconds.
PARTS: Final = 8
PART: Final = b"still talking\r\n" * 200
PAUSE: Final = 20_000_000


@server(1002)
def answers_after_eof(peer: socket.socket) -> Script:
    """reads until the client's FIN, then sends 24,000 octets at leisure, then closes"""
    yield from read_to_end(peer)
    for _part in range(PARTS):
        yield Wait(pause=PAUSE)
        yield from send(peer, PART)


@server(1003, receive_buffer=4096)
def does_not_read(peer: socket.socket) -> Script:
    """reads nothing, so that its window closes; at the client's FIN reads all and closes"""
    yield PEER_CLOSED
    drain(peer)


@server(1004)
def resets(peer: socket.socket) -> Script:
    """resets the connection at the first data; closes if the client's FIN comes before any"""
    if (yield from receive(peer)):
        abort(peer)


@server(1005)
def resets_on_accept(peer: socket.socket) -> Script:
    """resets each connection as soon as it is established"""
    abort(peer)
    yield from ()


#: How often ``dials_back`` looks at the connection that it made, in nanoseconds.
GLANCE: Final = 20_000_000


@server(1007)
def dials_back(peer: socket.socket) -> Script:
    """reads a port, as a line; connects to it at the client's address, and echoes there to the end"""
    line = b""
    while b"\n" not in line and (data := (yield from receive(peer))):
        line += data
    number = line.strip()
    if not (number.isdigit() and 0 < int(number) < 65536):
        return
    host, _, *scope = peer.getpeername()
    with socket.socket(peer.family, socket.SOCK_STREAM) as dialled:
        dialled.setblocking(False)
        dialled.connect_ex((host, int(number), *scope))
        unsent = bytearray()
        while not _ended(dialled, unsent):
            yield Wait(pause=GLANCE)


def _ended(dialled: socket.socket, unsent: bytearray) -> bool:
    """Whether a connection has failed, or has been read to its end; what it gets goes back, through ``unsent``."""
    try:
        while True:
            while unsent:
                del unsent[: dialled.send(unsent)]
            data = dialled.recv(_CHUNK)
            if not data:
                return True
            unsent += data
    except BlockingIOError:
        return False
    except OSError:
        return True


@server(1008)
def agent(peer: socket.socket) -> Script:
    """makes socket calls as it is told, line by line: see 'rawshake lab agent'"""
    for pause in serve(peer):
        yield Wait(pause=round(pause * 1e9)) if pause else READABLE


def _nothing(peer: socket.socket) -> Script:
    yield from ()


@server(1006, manner=Manner.UNACCEPTED)
def never_accepts(peer: socket.socket) -> Script:
    """listens and never accepts: the kernel alone shakes hands and acknowledges"""
    return _nothing(peer)


@server(1, manner=Manner.CLOSED)
def closed(peer: socket.socket) -> Script:
    """nothing listens: every segment is answered by RST"""
    return _nothing(peer)


@server(2, manner=Manner.FILTERED)
def filtered(peer: socket.socket) -> Script:
    """nothing answers: every segment is dropped in silence"""
    return _nothing(peer)
