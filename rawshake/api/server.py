"""``rawshake.listen``: a server played by hand, for tests of what dials it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Final, Self, Unpack

from rawshake.api.asked import Asked, crafted, ns, within
from rawshake.api.serving import Served, parse_behaviour, serving
from rawshake.api.talk import Talk
from rawshake.behaviours import Behaviour, Caller, Serving
from rawshake.clients import Client
from rawshake.connection import Connection, Found
from rawshake.copies import COPY_WAIT
from rawshake.ending import outcome_of
from rawshake.endpoint import Want
from rawshake.errors import Exit, Failure
from rawshake.net.privilege import require_raw
from rawshake.profile import SECOND
from rawshake.report import Exchange, Judged, Remark

#: How long the goodbye to all that are connected at the end may take, ns.
GOODBYE: Final = 2 * SECOND
#: How often each client is looked after, besides whenever something comes from it.
_BEAT: Final = SECOND // 50


def _by_hand(caller: Caller, amount: int) -> Serving:
    """Whoever has accepted the client says what is done."""
    while True:
        yield caller.now + _BEAT


BY_HAND: Final = Behaviour("by hand", "Whoever has accepted the client says what is done.", _by_hand)


class Accepted(Talk):
    """A client that has connected, by the server's end; see ``Talk``. While one is served, so are all others."""

    def __init__(self, server: Server, client: Client, timeout: float) -> None:
        super().__init__(client.conversation, f"listen {server.port}", timeout)
        self._server = server

    def close(self) -> Exchange:
        """Our FIN, and the client's within the timeout, or else a RST; all that passed."""
        self._left = True
        if self._final is None:
            self._conversation.endpoint.want = Want.CLOSE
            self._end(ns(self._timeout))
        return self._final or self._abort()

    def _abort(self) -> Exchange:
        self._conversation.endpoint.want = Want.ABORT
        self._end(COPY_WAIT)
        return self._final or self._so_far()

    def _end(self, patience: int) -> None:
        def gone() -> bool:
            self._take()  # what still comes is taken, so that our window stays open
            return self._final is not None

        self._conversation.flush()
        self._server.run(gone, patience)

    def _so_far(self) -> Exchange:
        talk = self._conversation
        self._server.run(lambda: not talk.untold, COPY_WAIT)
        return self._final or talk.transcript(*outcome_of(talk))

    def _run(self, done: Callable[[], bool], tick: int) -> None:
        self._conversation.flush()
        self._server.run(done)

    def ended(self, exchange: Exchange) -> None:
        """It is over, whoever has ended it: what the listener tells."""
        self._take()
        self._final = exchange


class Clients:
    """Those that have dialled, as the listener tells of them."""

    def __init__(self) -> None:
        self.open: list[Client] = []
        self.waiting: list[Client] = []
        self.accepted: dict[Client, Accepted] = {}
        self.exchanges: list[Exchange] = []
        self.connections: list[Connection] = []

    def opened(self, client: Client) -> None:
        """A SYN has come."""
        self.open.append(client)
        self.waiting.append(client)

    def entry(self, client: Client, entry: Judged | Remark) -> None:
        """A segment was judged."""

    def done(self, client: Client, connection: Connection, exchange: Exchange) -> None:
        """It has gone."""
        self.open.remove(client)
        if client in self.waiting:
            self.waiting.remove(client)
        self.exchanges.append(exchange)
        self.connections.append(connection)
        accepted = self.accepted.pop(client, None)
        if accepted is not None:
            accepted.ended(exchange)


class Server:
    """A port played by hand; as a ``with`` block it says goodbye to all clients at its end.

    That is a FIN, or after an exception a RST. Nothing is answered but while a method runs. Times are in seconds.
    """

    def __init__(
        self, served: Served, sockets: ExitStack, clients: Clients, behaviour: Behaviour, timeout: float
    ) -> None:
        self._listener = served.listener
        self._sockets: ExitStack | None = sockets
        self._clients = clients
        self._behaviour = behaviour
        self._timeout = timeout
        #: where we listen
        self.port = served.port.port

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What passed with each client that has gone."""
        return tuple(self._clients.exchanges)

    @property
    def findings(self) -> tuple[Found, ...]:
        """The breaches, warnings and notes of all clients that have gone."""
        return tuple(found for connection in self._clients.connections for found in connection.findings)

    def accept(self, *, timeout: float | None = None) -> Accepted:
        """The next client that has connected; ``timeout`` is how long to wait for it, the server's unless given.

        Raises Failure: TIMED_OUT where none comes, USAGE where a behaviour serves them all.
        """
        if self._behaviour is not BY_HAND:
            name = self._behaviour.name
            raise Failure(Exit.USAGE, f"{name!r} serves every client.", "Use wait(), or leave behave out.")

        def connected() -> Client | None:
            ready = (client for client in self._clients.waiting if client.conversation.established)
            return next(ready, None)

        patience = self._timeout if timeout is None else timeout
        self.run(lambda: connected() is not None, ns(patience))
        client = connected()
        if client is None:
            raise Failure(Exit.TIMED_OUT, f"No client has connected within {patience:g} s.")
        self._clients.waiting.remove(client)
        accepted = self._clients.accepted[client] = Accepted(self, client, self._timeout)
        return accepted

    def wait(self, count: int = 1, *, timeout: float | None = None) -> tuple[Exchange, ...]:
        """Serve until so many more clients have gone, and return what passed with each.

        ``timeout`` is how long that may take, the server's unless given. Raises Failure: TIMED_OUT.
        """
        gone = self._clients.exchanges
        before = len(gone)
        patience = self._timeout if timeout is None else timeout
        self.run(lambda: len(gone) - before >= count, ns(patience))
        if len(gone) - before < count:
            raise Failure(
                Exit.TIMED_OUT, f"{len(gone) - before} of {count} clients have gone within {patience:g} s."
            )
        return tuple(gone[before:])

    def run(self, done: Callable[[], bool], patience: int | None = None) -> None:
        """Serve until ``done()``, but no longer than ``patience`` ns."""
        if self._sockets is None:
            raise Failure(Exit.USAGE, "The server is closed.", "Use it within its with block.")
        deadline = None if patience is None else self._listener.link.now() + patience
        self._listener.run(done, deadline=deadline)

    def close(self) -> None:
        """Say goodbye to all that are connected, and give the port back."""
        self._goodbye(GOODBYE)

    def abort(self) -> None:
        """The same with resets."""
        for client in self._clients.open:
            client.conversation.endpoint.want = Want.ABORT
        self._goodbye(0)

    def _goodbye(self, patience: int) -> None:
        sockets, self._sockets = self._sockets, None
        if sockets is not None:
            with sockets:
                self._listener.close(patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            with suppress(Failure):  # what went wrong first is what is to be told
                self.abort()


def listen(
    port: int = 0,
    *,
    behave: str | None = None,
    addresses: str | Sequence[str] = (),
    timeout: float = 10.0,
    **asked: Unpack[Asked],
) -> Server:
    """Be the server of a port, 0 for any free one, on these addresses of this machine, or on all.

    ``behave`` names what is done with every client, as ``rawshake listen --behave`` does; else each is accepted, and
    is for the caller to talk to. ``timeout`` is how long to go on without an answer, in seconds. It takes the
    capability CAP_NET_RAW. Raises ``Failure`` where the machine, a name or a number does not allow it.
    """
    within("port", port, 0, 65535)
    crafting = crafted(asked, timeout=timeout)
    named = [addresses] if isinstance(addresses, str) else addresses
    try:
        behaviour, amount = (BY_HAND, 0) if behave is None else parse_behaviour(behave)
    except ValueError as wrong:
        raise Failure(Exit.USAGE, str(wrong)) from None
    require_raw(sys.argv)
    clients = Clients()
    with ExitStack() as stack:
        served = stack.enter_context(serving(port, behaviour, amount, crafting, clients, addresses=named))
        return Server(served, stack.pop_all(), clients, behaviour, timeout)
