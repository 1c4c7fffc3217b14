"""What a server played by hand does with a client: a generator for each behaviour, asked when something happened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from rawshake.conversation import Conversation
from rawshake.endpoint import Want
from rawshake.profile import SECOND

#: How many octets may wait to be sent, or to be acknowledged, before nothing more is put to them.
BACKLOG: Final = 1 << 18
#: A request whose head is longer is refused.
LONGEST_HEAD: Final = 1 << 16
#: What ``body`` repeats.
_ROW: Final = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.\n"

#: Yields when (ns) it wants to be asked again although nothing has happened, or None.
Serving = Iterator[int | None]


class Caller:
    """One connected client, as a behaviour sees it."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._endpoint = conversation.endpoint

    @property
    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return self._conversation.link.now()

    @property
    def arrived(self) -> int:
        """How many octets can be read."""
        return len(self._endpoint.unread)

    @property
    def ready(self) -> bool:
        """Whether there is room for more to be sent."""
        return self._endpoint.queued < BACKLOG

    @property
    def finished(self) -> bool:
        """Whether their FIN has come, and all before it is read."""
        fin, nxt = self._conversation.peer.fin, self._conversation.me.rcv_nxt
        return not self.arrived and fin is not None and nxt is not None and nxt > fin

    def read(self, most: int | None = None) -> bytes:
        """What has arrived, ``most`` octets of it."""
        return self._conversation.read(most)

    def send(self, octets: bytes) -> None:
        """Queue octets."""
        self._endpoint.send(octets)

    def close(self) -> None:
        """Send our FIN behind all that is queued."""
        if self._endpoint.want is not Want.ABORT:
            self._endpoint.want = Want.CLOSE

    def abort(self) -> None:
        """Send a RST."""
        self._endpoint.want = Want.ABORT


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a server behaves; ``what`` says it in a line.

    ``amount`` is what stands for N where ``NAME:N`` is not given, None for one that has no N, and ``least`` is what N
    must be at least. ``want`` is what becomes
    of a SYN; ``crossing``: it is answered by one of ours, as if both had dialled. ``window`` is our receive window
    where it is not the ordinary one.
    """

    name: str
    what: str
    serve: Callable[[Caller, int], Serving]
    amount: int | None = None
    want: Want = Want.OPEN
    crossing: bool = False
    deaf_to_fin: bool = False
    window: int | None = None
    least: int = 0


BEHAVIOURS: Final[dict[str, Behaviour]] = {}


def _behaviour(
    name: str,
    *,
    amount: int | None = None,
    want: Want = Want.OPEN,
    crossing: bool = False,
    deaf_to_fin: bool = False,
    window: int | None = None,
    least: int = 0,
) -> Callable[[Callable[[Caller, int], Serving]], Callable[[Caller, int], Serving]]:
    def register(serve: Callable[[Caller, int], Serving]) -> Callable[[Caller, int], Serving]:
        what = (serve.__doc__ or "").partition("\n")[0]
        BEHAVIOURS[name] = Behaviour(name, what, serve, amount, want, crossing, deaf_to_fin, window, least)
        return serve

    return register


@_behaviour("echo")
def _echo(caller: Caller, amount: int) -> Serving:
    """Send back what comes; close after the client."""
    while True:
        if caller.ready:
            caller.send(caller.read())
        if caller.finished:
            break
        yield None
    caller.close()


def _drain(caller: Caller) -> Serving:
    """Take all that comes until the client's FIN."""
    while True:
        caller.read()
        if caller.finished:
            return
        yield None


@_behaviour("discard")
def _discard(caller: Caller, amount: int) -> Serving:
    """Take all that comes; close after the client."""
    yield from _drain(caller)
    caller.close()


@_behaviour("http")
def _http(caller: Caller, amount: int) -> Serving:
    """Answer a request: GET / is a page, GET /N is N octets; PUT and POST are swallowed. Close first."""
    head = bytearray()
    while (end := head.find(b"\r\n\r\n")) < 0 and len(head) < LONGEST_HEAD and not caller.finished:
        head += caller.read()
        if b"\r\n\r\n" not in head:
            yield None
    if end < 0:
        caller.send(_response(400, "Bad Request", b"That was no request.\n"))
        caller.close()
        return
    request, rest = bytes(head[:end]), bytes(head[end + 4 :])
    method, path = (*request.split(b" ", 2), b"", b"")[:2]
    length = _length(request)
    if length:
        if re.search(rb"(?im)^expect:\s*100-continue", request):
            caller.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        taken, digest = len(rest), sha256(rest)
        while taken < length and not caller.finished:
            fresh = caller.read()
            taken += len(fresh)
            digest.update(fresh)
            if taken < length:
                yield None
        caller.send(_response(200, "OK", f"{taken} octets, SHA-256 {digest.hexdigest()}\n".encode()))
    elif method not in (b"GET", b"HEAD", b"PUT", b"POST"):
        caller.send(_response(501, "Not Implemented", b"GET, HEAD, PUT and POST are all there is.\n"))
    elif re.fullmatch(rb"/[0-9]{1,12}", path):
        octets = int(path[1:])
        caller.send(_head(200, "OK", octets, "application/octet-stream"))
        at = 0
        while at < octets and method == b"GET":
            if caller.ready:
                caller.send(body(at, min(octets, at + BACKLOG)))
                at = min(octets, at + BACKLOG)
            else:
                yield None
    else:
        page = (
            b"<!doctype html><title>rawshake</title><p>This page came over a TCP connection made by hand.\n"
        )
        caller.send(
            _response(200, "OK", page, "text/html") if method != b"HEAD" else _head(200, "OK", len(page))
        )
    caller.close()
    yield from _drain(caller)


def body(start: int, stop: int) -> bytes:
    """Octets ``start`` to ``stop`` of what ``GET /N`` is answered with."""
    skip = start % len(_ROW)
    rows = (skip + stop - start) // len(_ROW) + 1
    return (_ROW * rows)[skip : skip + stop - start]


def _head(status: int, reason: str, length: int, kind: str = "text/plain") -> bytes:
    fields = f"Content-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close"
    return f"HTTP/1.1 {status} {reason}\r\n{fields}\r\n\r\n".encode()


def _response(status: int, reason: str, content: bytes, kind: str = "text/plain") -> bytes:
    return _head(status, reason, len(content), kind) + content


def _length(request: bytes) -> int:
    found = re.search(rb"(?im)^content-length:\s*([0-9]{1,15})\s*$", request)
    return int(found[1]) if found else 0


@_behaviour("close")
def _close(caller: Caller, amount: int) -> Serving:
    """Close first, both directions: data that still comes is answered by a RST."""
    caller.close()
    while not caller.finished:
        if caller.read():
            caller.abort()
        yield None


@_behaviour("half-close")
def _half_close(caller: Caller, amount: int) -> Serving:
    """Send our FIN first, and take what comes until the client's."""
    caller.close()
    yield from _drain(caller)


@_behaviour("refuse", want=Want.REFUSE)
def _refuse(caller: Caller, amount: int) -> Serving:
    """Answer each SYN with a RST, as a closed port does."""
    yield from ()


@_behaviour("no-synack", want=Want.LISTEN)
def _no_synack(caller: Caller, amount: int) -> Serving:
    """Do not answer a SYN at all."""
    yield from ()


@_behaviour("silent")
def _silent(caller: Caller, amount: int) -> Serving:
    """Acknowledge what comes, and never answer: no data, no FIN."""
    while True:
        caller.read()
        yield None


@_behaviour("no-finack", deaf_to_fin=True)
def _no_finack(caller: Caller, amount: int) -> Serving:
    """Take all that comes, but never the client's FIN, which stays unacknowledged."""
    while True:
        caller.read()
        yield None


@_behaviour("zero-window", window=0)
def _zero_window(caller: Caller, amount: int) -> Serving:
    """Advertise no window from the SYN-ACK on, and acknowledge every probe."""
    while not caller.finished:
        yield None
    caller.close()


@_behaviour("slow", amount=1000, least=1)
def _slow(caller: Caller, amount: int) -> Serving:
    """Read N octets a second, so that our window fills and closes; close after the client."""
    bite = max(1, amount // 10)
    pause = SECOND * bite // amount
    next_meal = caller.now
    while not caller.finished:
        if caller.now >= next_meal:
            caller.read(bite)
            next_meal = caller.now + pause
        if not caller.finished:
            yield next_meal
    caller.close()


@_behaviour("reset", amount=1)
def _reset(caller: Caller, amount: int) -> Serving:
    """Reset the connection once N octets have come; at once if N is 0."""
    taken = 0
    while taken < amount and not caller.finished:
        taken += len(caller.read())
        if taken < amount:
            yield None
    caller.abort()


@_behaviour("split", crossing=True)
def _split(caller: Caller, amount: int) -> Serving:
    """Answer a SYN with a SYN, as if both had dialled; then send back what comes."""
    yield from _echo(caller, amount)
