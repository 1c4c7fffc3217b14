"""``rawshake.connect``: a connection made by hand, for scripts and tests, that always says goodbye."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Final, Literal, Self

from rawshake.api.closing import How, close
from rawshake.api.crafting import Crafting, check
from rawshake.api.live import call
from rawshake.api.status import STATUS
from rawshake.ending import outcome_of
from rawshake.errors import Exit, Failure
from rawshake.impair import Harm, Impairment, parse
from rawshake.judge import Ruling
from rawshake.net.privilege import require_raw
from rawshake.profile import SECOND, Deviation
from rawshake.render.words import endpoint_text
from rawshake.report import Exchange, Outcome, Report
from rawshake.rules import book
from rawshake.session import Session
from rawshake.tcp.notation import parse_options
from rawshake.tcp.state import State

#: What is asked of a number, and the largest that fits.
_LARGEST: Final = {
    "isn": (1 << 32) - 1, "sport": 65535, "window": 65535 << 14, "mss": 65535, "wscale": 255, "retries": 100,
}  # fmt: skip

#: What to say of an ending, and what to try next.
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

    def __init__(self, exchange: Exchange, *, silent: int | None = None) -> None:
        outcome = exchange.outcome
        status, (words, next_step) = STATUS[outcome], _WORDS.get(outcome, ("has ended the connection", ""))
        if silent is not None:
            status, words, next_step = Exit.TIMED_OUT, f"sent nothing for {silent / SECOND:g} s", ""
        elif exchange.detail:
            words += f": {exchange.detail}"
        if status is Exit.OK:
            status = Exit.RESET
        super().__init__(status, f"{endpoint_text(exchange.server)} {words}.", next_step)
        self.exchange = exchange


class Client:
    """An open connection of which we are the client. As a ``with`` block it says goodbye at its end.

    That is a FIN, and waiting for the server's, or after an exception a RST. All methods block, and raise
    ``Broken`` where the connection ends before they have done what they are for. Times are in seconds.
    """

    def __init__(self, session: Session, sockets: ExitStack, command: str, timeout: float) -> None:
        self._session = session
        self._sockets = sockets
        self._command = command
        self._timeout = timeout
        self._received = bytearray()
        self._final: Exchange | None = None

    # What happened.

    @property
    def exchange(self) -> Exchange:
        """All that has passed until now, each segment judged; after ``close`` or ``abort`` the whole."""
        return self._final or self._session.exchange(*outcome_of(self._session))

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
        from rawshake.tcp.view import End

        exchange = self.exchange
        ladder = Ladder(Options(width=width, ours=End.CLIENT), exchange.client, exchange.server)
        return ladder.head() + "".join(map(ladder.entry, exchange.entries)) + ladder.foot(exchange)

    @property
    def client(self) -> tuple[str, int]:
        """Our address and port."""
        return self._session.tracker.client

    @property
    def server(self) -> tuple[str, int]:
        """The server's address and port."""
        return self._session.tracker.server

    @property
    def state(self) -> State:
        """Our state."""
        return self._session.client.expected or State.CLOSED

    @property
    def server_state(self) -> State:
        """The server's, if everything sent so far arrives."""
        return self._session.server.expected or State.CLOSED

    # What to do.

    def send(self, data: bytes) -> None:
        """Send, and wait until all of it is acknowledged; what comes meanwhile is kept for ``receive``."""
        self._must_be_open()
        if self._session.client.fin is not None:
            raise Failure(Exit.USAGE, "Nothing can be sent after our FIN.", "Send before shutdown().")
        self._session.endpoint.send(data)
        self._until(lambda: not self._session.endpoint.unacknowledged, None)

    def receive(self, count: int | None = None, *, timeout: float | None = None) -> bytes:
        """What has come, at least one octet; with ``count`` exactly so many. Less only at the server's FIN.

        ``timeout`` is how long nothing may come, the connection's unless given.
        """
        if self._final is None:
            least = 1 if count is None else count
            self._until(lambda: len(self._received) >= least or self._at_end(), timeout)
        taken = bytes(self._received[:count])
        del self._received[: len(taken)]
        return taken

    def receive_all(self, *, timeout: float | None = None) -> bytes:
        """All that comes until the server's FIN; ``timeout`` as for ``receive``."""
        if self._final is None:
            self._until(self._at_end, timeout)
        taken = bytes(self._received)
        self._received.clear()
        return taken

    def shutdown(self) -> None:
        """Send our FIN and wait until it is acknowledged; what the server still sends can be received."""
        self._must_be_open()
        from rawshake.endpoint import Want

        self._session.endpoint.want = Want.CLOSE
        self._until(lambda: self._session.half_closed, None)

    def close(
        self, how: Literal["fin", "half", "simultaneous", "rst"] = "fin", *, linger: float = 0.0
    ) -> Exchange:
        """End the connection as ``rawshake teardown --how`` does, and return all that passed.

        ``linger`` is how long to hold TIME-WAIT. Raises nothing for how it ended: see ``Exchange.outcome``.
        """
        if self._final is None:
            try:
                outcome, detail = close(self._session, How(how), _ns(self._timeout))
                self._received += self._session.read()
                self._session.linger(_ns(linger))
                self._final = self._session.exchange(outcome, detail)
            finally:
                self._sockets.close()
        return self._final

    def abort(self) -> Exchange:
        """Send a RST."""
        return self.close("rst")

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

    # Waiting.

    def _at_end(self) -> bool:
        me, fin = self._session.client, self._session.server.fin
        return fin is not None and me.rcv_nxt is not None and me.rcv_nxt > fin

    def _must_be_open(self) -> None:
        if self._final is not None:
            raise Failure(Exit.USAGE, "The connection is closed.", "Use it within its with block.")

    def _until(self, done: Callable[[], bool], timeout: float | None) -> None:
        """Go on until ``done()``; raises Broken where that cannot be any more, or nothing comes for so long."""
        session = self._session
        patience = _ns(self._timeout if timeout is None else timeout)
        session.endpoint.give(session.link.now())
        heard = session.link.now()
        late = False

        def enough() -> bool:
            nonlocal heard, late
            now, fresh = session.link.now(), session.read()
            self._received.extend(fresh)
            if fresh or session.endpoint.unacknowledged:
                heard = now  # while we wait for an acknowledgment, the endpoint's own patience counts
            late = now - heard >= patience
            return done() or session.over or late

        session.run(enough, tick=min(patience, SECOND // 20))
        if not done():
            silent = None if session.over else patience
            raise Broken(session.exchange(*outcome_of(session)), silent=silent)


def connect(
    host: str,
    port: int,
    *,
    timeout: float = 10.0,
    retries: int = 6,
    isn: int | None = None,
    sport: int = 0,
    source: str | None = None,
    interface: str | None = None,
    family: Literal[4, 6] | None = None,
    ttl: int = 64,
    window: int = 64240,
    mss: int | None = None,
    wscale: int | None = None,
    timestamps: bool = False,
    sack: bool = False,
    ecn: bool = False,
    options: str | None = None,
    bad: Sequence[Deviation] = (),
    drop: str = "",
    duplicate: str = "",
    reorder: str = "",
    delay: str = "",
    corrupt: str = "",
    seed: int = 0,
    delayed_ack: float = 0.0,
) -> Client:
    """Open a connection by hand, and return it ESTABLISHED. What is asked of it is as on the command line.

    ``timeout`` and ``delayed_ack`` are in seconds, ``options`` all of the SYN's in packetdrill's notation, and
    ``drop`` to ``corrupt`` say what to do to segments on our own side: ``drop="synack:1,5%"``. It takes the
    capability CAP_NET_RAW.

    Raises ``Failure`` before anything is sent where the machine, the address or a number does not allow it, and
    ``Broken`` where the server does not answer as it should.
    """
    given = {"isn": isn, "sport": sport, "window": window, "mss": mss, "wscale": wscale, "retries": retries}
    for name, number in given.items():
        _within(name, number, 0, _LARGEST[name])
    _within("ttl", ttl, 1, 255)
    if port == 0:
        raise Failure(Exit.PORT_ZERO, "Nothing can listen on port 0.", "Name the server's port, 1 to 65535.")
    _within("port", port, 1, 65535)
    try:
        parsed = None if options is None else parse_options(options)
    except ValueError as wrong:
        raise Failure(Exit.USAGE, f"The options {options!r} cannot be read: {wrong}") from None
    crafting = Crafting(
        isn=isn,
        sport=sport,
        source=source,
        interface=interface,
        ttl=ttl,
        window=window,
        mss=mss,
        wscale=wscale,
        timestamps=timestamps,
        sack=sack,
        ecn=ecn,
        options=parsed,
        family=family,
        timeout=_ns(timeout),
        retries=retries,
        bad=tuple(bad),
        drop=_harms(Harm.DROP, drop),
        duplicate=_harms(Harm.DUPLICATE, duplicate),
        reorder=_harms(Harm.REORDER, reorder),
        delay=_harms(Harm.DELAY, delay),
        corrupt=_harms(Harm.CORRUPT, corrupt),
        seed=seed,
        delayed_ack=_ns(delayed_ack),
    )
    if not 0 <= delayed_ack <= 0.5:  # RFC 9293 MUST-40
        raise Failure(Exit.USAGE, f"delayed_ack is {delayed_ack}, which is not between 0 and 0.5 s.")
    check(crafting)
    require_raw(sys.argv)
    with ExitStack() as stack:
        session = stack.enter_context(call(host, port, crafting)).session
        try:
            if not session.connect():
                raise Broken(session.exchange(*outcome_of(session)))
        except Broken:
            raise
        except BaseException:
            session.abort()
            raise
        return Client(session, stack.pop_all(), f"connect {host} {port}", timeout)


def _harms(harm: Harm, text: str) -> tuple[Impairment, ...]:
    try:
        return parse(harm, text) if text else ()
    except ValueError as wrong:
        raise Failure(Exit.USAGE, str(wrong)) from None


def _within(name: str, number: int | None, least: int, most: int) -> None:
    if number is not None and not least <= number <= most:
        raise Failure(Exit.USAGE, f"{name} is {number}, which is not between {least} and {most}.")


def _ns(seconds: float) -> int:
    return round(seconds * SECOND)
