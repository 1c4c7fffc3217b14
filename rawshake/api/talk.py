"""What can be done and asked on a connection of ours, whichever end we are: calls that block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from rawshake.api.asked import ns
from rawshake.api.status import STATUS
from rawshake.conversation import Conversation
from rawshake.endpoint import Want
from rawshake.errors import Exit, Failure
from rawshake.judge import Ruling
from rawshake.profile import SECOND
from rawshake.render.words import endpoint_text
from rawshake.report import Exchange, Outcome, Report
from rawshake.rules import book
from rawshake.tcp.state import State
from rawshake.tcp.view import End

#: What to say of the other end, and what to try next.
_WORDS: Final = {
    Outcome.REFUSED: ("refused the connection", "See that the server listens there."),
    Outcome.FILTERED: ("did not answer", "See that the address is right and that no firewall is between."),
    Outcome.UNREACHABLE: ("cannot be reached", "See that the address is right and that the host is up."),
    Outcome.LOCAL_FIREWALL: ("is kept from us by this machine's firewall", "See its rules."),
    Outcome.RESET: ("reset the connection", ""),
    Outcome.TIMED_OUT: ("does not answer any more", ""),
}


class Broken(Failure):
    """A connection could not be opened, or ended before its time; ``exchange`` is what passed, judged."""

    def __init__(self, exchange: Exchange, other: tuple[str, int], *, silent: int | None = None) -> None:
        outcome = exchange.outcome
        status, (words, next_step) = STATUS[outcome], _WORDS.get(outcome, ("has ended the connection", ""))
        if silent is not None:
            status, words, next_step = Exit.TIMED_OUT, f"sent nothing for {silent / SECOND:g} s", ""
        elif exchange.detail:
            words += f": {exchange.detail}"
        if status is Exit.OK:
            status = Exit.RESET
        super().__init__(status, f"{endpoint_text(other)} {words}.", next_step)
        self.exchange = exchange


class Talk(ABC):
    """An open connection. As a ``with`` block it says goodbye at its end: FIN, or after an exception RST.

    All methods block, and raise ``Broken`` where the connection ends before they have done what they are for.
    Times are in seconds.
    """

    def __init__(self, conversation: Conversation, command: str, timeout: float) -> None:
        self._conversation = conversation
        self._command = command
        self._timeout = timeout
        self._received = bytearray()
        #: all that passed, once it is over; and whether we have ended it
        self._final: Exchange | None = None
        self._left = False

    # What happened.

    @property
    def exchange(self) -> Exchange:
        """All that has passed until now, each segment judged; once the connection has ended, the whole."""
        return self._final or self._so_far()

    @property
    def findings(self) -> tuple[Ruling, ...]:
        """The breaches, warnings and notes of ``exchange``: of either end, told apart by ``ours``."""
        return self.exchange.findings

    @property
    def report(self) -> Report:
        """``exchange`` as ``rawshake.render`` takes it; ``rawshake.render.json.dump`` makes JSON of it."""
        return Report(self._command, (self.exchange,), tuple(rule.id for rule in book()))

    def ladder(self, width: int = 80) -> str:
        """``exchange`` drawn for people, in so many columns, as the command line draws it."""
        from rawshake.render.ladder import Ladder
        from rawshake.render.options import Options

        exchange = self.exchange
        options = Options(width=width, ours=self._conversation.ours)
        ladder = Ladder(options, exchange.client, exchange.server)
        return ladder.head() + "".join(map(ladder.entry, exchange.entries)) + ladder.foot(exchange)

    @property
    def client(self) -> tuple[str, int]:
        """Address and port of the end that dialled."""
        return self._conversation.tracker.client

    @property
    def server(self) -> tuple[str, int]:
        """Address and port of the other."""
        return self._conversation.tracker.server

    @property
    def state(self) -> State:
        """Our state."""
        return self._conversation.me.expected or State.CLOSED

    @property
    def peer_state(self) -> State:
        """The other end's, if everything sent so far arrives."""
        return self._conversation.peer.expected or State.CLOSED

    # What to do.

    def send(self, data: bytes) -> None:
        """Send, and wait until all of it is acknowledged; what comes meanwhile is kept for ``receive``."""
        self._must_be_open()
        if self._conversation.me.fin is not None:
            raise Failure(Exit.USAGE, "Nothing can be sent after our FIN.", "Send before shutdown().")
        self._conversation.endpoint.send(data)
        self._until(lambda: not self._conversation.endpoint.unacknowledged, None)

    def receive(self, count: int | None = None, *, timeout: float | None = None) -> bytes:
        """What has come, at least one octet; with ``count`` exactly so many. Less only at the other end's FIN.

        ``timeout`` is how long nothing may come, the connection's unless given. After ``close`` or ``abort`` it is
        what had come until then.
        """
        if not self._left:
            least = 1 if count is None else count
            self._until(lambda: len(self._received) >= least or self._at_end(), timeout)
        taken = bytes(self._received[:count])
        del self._received[: len(taken)]
        return taken

    def receive_all(self, *, timeout: float | None = None) -> bytes:
        """All that comes until the other end's FIN; ``timeout`` as for ``receive``."""
        if not self._left:
            self._until(self._at_end, timeout)
        taken = bytes(self._received)
        self._received.clear()
        return taken

    def shutdown(self) -> None:
        """Send our FIN and wait until it is acknowledged; what the other end still sends can be received."""
        self._must_be_open()
        self._conversation.endpoint.want = Want.CLOSE
        self._until(lambda: self._conversation.half_closed, None)

    def abort(self) -> Exchange:
        """Send a RST."""
        self._left = True
        if self._final is None:
            self._final = self._abort()
        return self._final

    @abstractmethod
    def close(self) -> Exchange:
        """End the connection: our FIN, then theirs. Raises nothing for how it ended: see ``Exchange.outcome``."""

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

    # What differs between the two ends.

    @abstractmethod
    def _so_far(self) -> Exchange:
        """The transcript until now."""

    @abstractmethod
    def _abort(self) -> Exchange:
        """Send a RST; all that passed."""

    @abstractmethod
    def _run(self, done: Callable[[], bool], tick: int) -> None:
        """Send what is queued, and go on until ``done()``, which is asked every ``tick`` ns at least."""

    # Waiting.

    def _at_end(self) -> bool:
        rcv_nxt, fin = self._conversation.me.rcv_nxt, self._conversation.peer.fin
        return fin is not None and rcv_nxt is not None and rcv_nxt > fin

    def _must_be_open(self) -> None:
        if self._left:
            raise Failure(Exit.USAGE, "The connection is closed.", "Use it within its with block.")
        if self._final is not None:
            raise Broken(self._final, self._other)

    def _take(self) -> bytes:
        fresh = self._conversation.read()
        self._received += fresh
        return fresh

    def _until(self, done: Callable[[], bool], timeout: float | None) -> None:
        """Go on until ``done()``; raises Broken where that cannot be any more, or nothing comes for so long."""
        talk = self._conversation
        patience = ns(self._timeout if timeout is None else timeout)
        talk.endpoint.give(talk.link.now())
        heard = talk.link.now()
        late = False

        def enough() -> bool:
            nonlocal heard, late
            now, fresh = talk.link.now(), self._take()
            if fresh or talk.endpoint.unacknowledged:
                heard = now  # while we wait for an acknowledgment, the endpoint's own patience counts
            late = now - heard >= patience
            return done() or talk.ended or late

        if self._final is None:
            self._run(enough, min(patience, SECOND // 20))
            self._take()
        if not done():
            silent = None if talk.ended else patience
            raise Broken(self.exchange, self._other, silent=silent)

    @property
    def _other(self) -> tuple[str, int]:
        return self.server if self._conversation.ours is End.CLIENT else self.client
