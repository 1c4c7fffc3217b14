"""``rawshake.connect``: a connection made by hand, for scripts and tests, that always says goodbye."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Literal, Unpack

from rawshake.api.asked import Asked, crafted, ns, within
from rawshake.api.closing import How, close
from rawshake.api.live import call
from rawshake.api.talk import Broken, Talk
from rawshake.ending import outcome_of
from rawshake.errors import Exit, Failure
from rawshake.net.privilege import require_raw
from rawshake.report import Exchange
from rawshake.session import Session


class Client(Talk):
    """An open connection of which we are the client; see ``Talk``."""

    def __init__(self, session: Session, sockets: ExitStack, command: str, timeout: float) -> None:
        super().__init__(session, command, timeout)
        self._session = session
        self._sockets = sockets

    def close(
        self, how: Literal["fin", "half", "simultaneous", "rst"] = "fin", *, linger: float = 0.0
    ) -> Exchange:
        """End the connection as ``rawshake teardown --how`` does, and return all that passed.

        ``linger`` is how long to hold TIME-WAIT. Raises nothing for how it ended: see ``Exchange.outcome``.
        """
        self._left = True
        if self._final is None:
            try:
                outcome, detail = close(self._session, How(how), ns(self._timeout))
                self._take()
                self._session.linger(ns(linger))
                self._final = self._session.exchange(outcome, detail)
            finally:
                self._sockets.close()
        return self._final

    def _abort(self) -> Exchange:
        return self.close("rst")

    def _so_far(self) -> Exchange:
        return self._session.exchange(*outcome_of(self._session))

    def _run(self, done: Callable[[], bool], tick: int) -> None:
        self._session.run(done, tick=tick)


def connect(
    host: str,
    port: int,
    *,
    timeout: float = 10.0,
    sport: int = 0,
    source: str | None = None,
    **asked: Unpack[Asked],
) -> Client:
    """Open a connection by hand, and return it ESTABLISHED. What is asked of it is as on the command line.

    ``timeout`` is how long to go on without an answer, in seconds; ``sport`` and ``source`` are our port and address,
    chosen unless given. It takes the capability CAP_NET_RAW.

    Raises ``Failure`` before anything is sent where the machine, the address or a number does not allow it, and
    ``Broken`` where the server does not answer as it should.
    """
    crafting = crafted(asked, timeout=timeout, sport=sport, source=source)
    if port == 0:
        raise Failure(Exit.PORT_ZERO, "Nothing can listen on port 0.", "Name the server's port, 1 to 65535.")
    within("port", port, 1, 65535)
    require_raw(sys.argv)
    with ExitStack() as stack:
        session = stack.enter_context(call(host, port, crafting)).session
        try:
            if not session.connect():
                raise Broken(session.exchange(*outcome_of(session)), session.tracker.server)
        except Broken:
            raise
        except BaseException:
            session.abort()
            raise
        return Client(session, stack.pop_all(), f"connect {host} {port}", timeout)
