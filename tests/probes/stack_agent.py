"""The agent of the stack in memory: the calls of RFC 9293 3.10 as it is told, with the errnos of ordinary sockets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from rawshake.play.rehearse import CLIENT, SERVER
from rawshake.probes.grid.block import Block
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.state import State

if TYPE_CHECKING:
    from tests.probes.stack import Connection, Stack

SECOND: Final = 1_000_000_000
#: Where it listens and connects from when it is told to.
FIRST_PORT: Final = 50_001
OPENING: Final = (State.SYN_SENT, State.SYN_RECEIVED)
#: RFC 9293 3.10.5: in these an ABORT sends RST.
RESET: Final = frozenset(
    {State.SYN_RECEIVED, State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSE_WAIT}
)
#: ICMP errors that RFC 1122 4.2.3.9 calls hard: protocol and port unreachable, over IPv4.
HARD: Final = frozenset({(3, 2), (3, 3)})
_LETTERS: Final = b"abcdefghijklmnopqrstuvwxyz"


@dataclass
class Socket:
    """One socket: a port that is listened at, a connection, or nothing yet."""

    port: int = 0
    #: our ports of those that it accepted
    accepted: set[int] = field(default_factory=set)
    connection: Connection | None = None
    options: dict[str, int] = field(default_factory=dict)
    error: str = ""
    #: CLOSE, or SHUTDOWN of its sending side, was called
    shut: bool = False
    #: when a keep-alive is due, and how many were not answered
    due: int | None = None
    unanswered: int = 0


class Blocked(Exception):
    """The call would have to wait."""


class Refused(Exception):
    """The call fails; its argument is the errno."""


@dataclass
class Calls:
    """All that the agents of one stack do. ``lies`` are answers that it gives in place of true ones, by their order."""

    lies: dict[str, str] = field(default_factory=dict)
    sockets: dict[str, Socket] = field(default_factory=dict)
    made: int = 0
    ports: int = FIRST_PORT
    #: of each control connection, by the client's port: what has come of a line; and the order that waits, the
    #: connection, its words, and when it must be answered
    _heard: dict[int, bytes] = field(default_factory=dict)
    _waiting: dict[int, tuple[Connection, list[str], int]] = field(default_factory=dict)

    def serves(self, port: int) -> bool:
        """Whether a socket listens there."""
        return any(one.port == port and one.connection is None for one in self.sockets.values())

    def ordered(self, control: Connection, text: bytes, now: int) -> None:
        """Text has come over a control connection."""
        port = control.there[1]
        line, ended, rest = (self._heard.get(port, b"") + text).partition(b"\n")
        self._heard[port] = rest if ended else line
        if ended:
            words = line.decode().split()
            usual = 3 if words[0] in ("send", "recv") else 2
            waits = words[0] in ("accept", "send", "recv", "urgent", "error", "close") and len(words) > usual
            self._waiting[port] = control, words, now + round(float(words[-1]) * SECOND if waits else 0)

    def came(self, connection: Connection, segment: Segment, text: bytes, now: int) -> None:
        """A segment was taken, and brought ``text``: what is urgent in it is marked."""
        if segment.flags & Flags.URG and text:
            connection.urgent = text[max(0, segment.urgent - 1) :][:1]
        for one in self._sockets_of(connection):
            one.unanswered = 0
            self._wind(one, now)

    def lost(self, connection: Connection, errno: str) -> None:
        """A connection is gone, and its program is to be told why."""
        connection.block = Block(state=State.CLOSED)
        for one in self._sockets_of(connection):
            one.error = "" if one.shut else errno

    @property
    def letting_go(self) -> bool:
        """Whether the order under way is a close or an abort."""
        return any(words[0] in ("close", "abort") for _, words, _ in self._waiting.values())

    def deadline(self) -> int | None:
        """When something is to be done although nothing comes."""
        times = [one.due for one in self.sockets.values() if one.due is not None]
        return min([*times, *(until for _, _, until in self._waiting.values())], default=None)

    def resume(self, stack: Stack, now: int) -> Iterator[Segment]:
        """Go on with what waits, and with what is due."""
        leaving = list(self._times_out(stack, now))
        for port, (control, words, until) in list(self._waiting.items()):
            call = Call(self, stack, now, last=until <= now)
            try:
                answer = " ".join(("ok", *call.obey(words)))
            except Blocked:
                answer = "error EAGAIN" if until <= now else ""
            except Refused as refused:
                answer = f"error {refused}"
            leaving += call.leaving
            if answer:
                del self._waiting[port]
                control.queue += f"{self.lies.get(words[0], answer)}\n".encode()
                leaving += stack._push(control)
        yield from leaving

    def told(self, stack: Stack, error: IcmpError) -> None:
        """RFC 1122 4.2.3.9: a hard error ends the attempt, a soft one does not."""
        for connection in list(stack.connections.values()):
            ours = connection.there[1] == error.quoted_dport and connection.here[1] == error.quoted_sport
            if ours and connection.block.state is State.SYN_SENT and (error.type, error.code) in HARD:
                del stack.connections[connection.here[1], connection.there[1]]
                self.lost(connection, "ECONNREFUSED")

    def impatient(self, connection: Connection) -> bool:
        """Whether its user timeout is over: asked whenever it would send again, once it has waited twice as long."""
        asked = [one.options.get("user-timeout", 0) for one in self._sockets_of(connection)]
        return any(0 < one * 1_000_000 < connection.rto // 2 for one in asked)

    def delays(self, connection: Connection, octets: int) -> bool:
        """Whether so few octets have to wait (RFC 9293 3.7.4)."""
        for one in self._sockets_of(connection):
            small = octets < connection.mss and not connection.closing
            nagle = not one.options.get("nodelay") and connection.block.una != connection.block.nxt
            return small and (nagle or bool(one.options.get("cork")))
        return False

    def _sockets_of(self, connection: Connection) -> list[Socket]:
        return [one for one in self.sockets.values() if one.connection is connection]

    def _wind(self, one: Socket, now: int) -> None:
        """Nothing has been heard from here on."""
        one.due = now + one.options.get("keepidle", 7200) * SECOND if one.options.get("keepalive") else None

    def _times_out(self, stack: Stack, now: int) -> Iterator[Segment]:
        for one in self.sockets.values():
            connection = one.connection
            if one.due is None or one.due > now or connection is None:
                continue
            if one.unanswered >= one.options.get("keepcnt", 9):
                one.due = None
                yield stack._segment(connection, Flags.RST | Flags.ACK, connection.block.nxt)
                stack.connections.pop((connection.here[1], connection.there[1]), None)
                self.lost(connection, "ETIMEDOUT")
                continue
            one.unanswered += 1
            one.due = now + one.options.get("keepintvl", 75) * SECOND
            yield stack._segment(connection, Flags.ACK, connection.block.nxt - 1)


@dataclass
class Call:
    """One call, tried at ``now``, for the ``last`` time or not; ``leaving`` is what it sends."""

    calls: Calls
    stack: Stack
    now: int
    last: bool
    leaving: list[Segment] = field(default_factory=list)

    def obey(self, words: list[str]) -> tuple[str, ...]:
        """The words of the answer. Raises ``Blocked`` and ``Refused``."""
        order, *rest = words
        if order == "hello":
            return ("rawshake-agent", "1")
        if order in ("socket", "listen"):
            one = Socket(port=self._port() if order == "listen" else 0)
            return (self._keep(one), *([str(one.port)] if one.port else []))
        if rest[0] not in self.calls.sockets:
            raise Refused("EBADF")
        one = self.calls.sockets[rest[0]]
        match order:
            case "accept":
                return (self._accept(one),)
            case "connect":
                self._connect(one, int(rest[1]))
            case "send":
                return (self._send(one, int(rest[1])),)
            case "recv":
                return (self._receive(one),)
            case "urgent":
                return (self._urgent(one),)
            case "error":
                return (self._error(one),)
            case "set":
                one.options[rest[1]] = int(rest[2])
                self.calls._wind(one, self.now)
            case "shutdown":
                if rest[1] != "rd":
                    self._shut(one, self._connected(one))
            case _:
                self._close(one, rest[0], abort=order == "abort")
        return ()

    def _keep(self, one: Socket) -> str:
        self.calls.made += 1
        self.calls.sockets[str(self.calls.made)] = one
        return str(self.calls.made)

    def _port(self) -> int:
        self.calls.ports += 1
        return self.calls.ports

    def _accept(self, listener: Socket) -> str:
        for connection in self.stack.connections.values():
            ready = connection.here[1] == listener.port and connection.block.state not in OPENING
            if ready and connection.there[1] not in listener.accepted:
                listener.accepted.add(connection.there[1])
                return self._keep(Socket(connection=connection))
        raise Blocked

    def _connect(self, one: Socket, port: int) -> None:
        if one.connection is not None:
            raise Refused("EISCONN")
        one.connection = self.stack.open((SERVER, self._port()), (CLIENT, port), self.now)
        self.leaving.append(self.stack._segment(one.connection, Flags.SYN, one.connection.block.iss))

    def _send(self, one: Socket, octets: int) -> str:
        connection = self._connected(one)
        if one.shut:
            raise Refused("EPIPE")
        if connection.block.state in OPENING:
            raise Blocked
        connection.queue += (_LETTERS * (octets // 26 + 1))[:octets]
        self._push(connection)
        return str(octets)

    def _receive(self, one: Socket) -> str:
        connection = self._connected(one)
        block = connection.block
        if connection.unread:
            text, connection.unread = connection.unread, b""
            connection.block = replace(block, rcv_wnd=block.rcv_wnd + len(text))
            if block.rcv_wnd < connection.mss:
                self.leaving.append(self.stack._segment(connection, Flags.ACK, block.nxt))
            return text.hex()
        if block.state in (State.CLOSE_WAIT, State.LAST_ACK, State.CLOSING, State.TIME_WAIT):
            return "eof"
        raise Blocked

    def _urgent(self, one: Socket) -> str:
        found = self._connected(one).urgent
        if not found:
            raise Blocked
        return found.hex()

    def _error(self, one: Socket) -> str:
        if not one.error and not self.last:
            raise Blocked
        error, one.error = one.error or "0", ""
        return error

    def _connected(self, one: Socket) -> Connection:
        if one.error:
            error, one.error = one.error, ""
            raise Refused(error)
        if one.connection is None:
            raise Refused("ENOTCONN")
        return one.connection

    def _push(self, connection: Connection) -> None:
        self.leaving += self.stack._push(connection)
        if connection.timer is None:
            connection.timer = self.now + connection.rto

    def _shut(self, one: Socket, connection: Connection) -> None:
        """CLOSE of 3.10.4, which others call SHUTDOWN of the sending side."""
        one.shut = connection.closing = True
        block = connection.block
        if block.state is State.SYN_RECEIVED:
            connection.block = replace(block, state=State.FIN_WAIT_1, fin=block.nxt, nxt=block.nxt + 1)
            self.leaving.append(self.stack._segment(connection, Flags.FIN | Flags.ACK, block.nxt))
        self._push(connection)

    def _close(self, one: Socket, name: str, *, abort: bool) -> None:
        """What the network sees of a close: a FIN, or an ABORT where data would be lost."""
        connection = one.connection
        if connection is None:
            for waiting in list(self.stack.connections.values()):
                if waiting.here[1] == one.port and waiting.there[1] not in one.accepted:
                    self._abort(waiting)
        elif abort or one.options.get("linger") == 0 or connection.unread:
            self._abort(connection)
        elif connection.block.state is State.SYN_SENT:
            self._delete(connection)
        else:
            if not one.shut:
                self._shut(one, connection)
            unsent = connection.block.una != connection.block.nxt
            if unsent and one.options.get("linger", -1) > 0:
                raise Blocked
        del self.calls.sockets[name]

    def _abort(self, connection: Connection) -> None:
        """ABORT of 3.10.5; in TIME-WAIT all goes on."""
        block = connection.block
        if block.state in RESET:
            self.leaving.append(self.stack._segment(connection, Flags.RST | Flags.ACK, block.nxt))
        if block.state is not State.TIME_WAIT:
            self._delete(connection)

    def _delete(self, connection: Connection) -> None:
        self.stack.connections.pop((connection.here[1], connection.there[1]), None)
        connection.block = Block(state=State.CLOSED)
