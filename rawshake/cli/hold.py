"""Holding a connection: what a keeper does until it is told to end."""

from __future__ import annotations

import base64
import io
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from rawshake.cli.closing import How, close
from rawshake.cli.live import Live, outcome_of, stoppable
from rawshake.cli.output import Printer, report, status_of
from rawshake.cli.parameters import Output
from rawshake.cli.stops import Stopped
from rawshake.errors import Exit, Failure
from rawshake.net import keeper
from rawshake.net.pcapfile import write
from rawshake.net.privilege import User, invoking_user
from rawshake.profile import SECOND
from rawshake.render.options import Options
from rawshake.report import Exchange, Judged, Outcome, Remark
from rawshake.tcp.view import End

#: How long the goodbye of an expired or terminated keeper may take.
GOODBYE: Final = 2 * SECOND


def in_background(live: Live, hold: int) -> None:
    """Leave a keeper behind and say how to reach it; returns in the process that the user waits for."""
    user = invoking_user()
    number = keeper.leave(live.wire.filenos(), lambda tell: _keep(live, hold, user, tell))
    if number is None:
        raise Failure(Exit.INTERNAL, "The process that was to hold the connection did not start.", "")
    live.printer.say(
        f"held: connection {number}, for {hold // SECOND} s; next: rawshake send TEXT, rawshake teardown"
    )


def _keep(live: Live, hold: int, user: User, tell: Callable[[int], None]) -> None:
    """The background process's whole life."""
    keeper.drop_to(user)
    listener = keeper.listen(user)
    tell(listener.number)
    Keeper(live, listener, live.session.link.now() + hold).serve()


def in_foreground(live: Live, hold: int) -> int:
    """Hold here until Ctrl-C, SIGTERM, an order, or the end of the time; then say goodbye."""
    listener = keeper.listen(invoking_user())
    live.printer.say(f"held here: connection {listener.number}; Ctrl-C closes it")
    exchange = Keeper(live, listener, live.session.link.now() + hold).serve()
    live.printer.foot(exchange)
    return status_of(exchange)


@dataclass(slots=True)
class Keeper:
    """Acknowledges what comes, and obeys its user until ``deadline`` (ns) or the end of the connection."""

    live: Live
    listener: keeper.Listener
    deadline: int
    _ended: Exchange | None = None
    _shown: int = 0

    def serve(self) -> Exchange:
        """Until the connection has ended; how it did."""
        session, wire = self.live.session, self.live.wire
        since = wire.now()
        opened = since
        self._shown = len(session.entries)
        try:
            with stoppable(self.live) as waker:
                watched = [wire.fileno(), self.listener.fileno(), waker]
                while self._ended is None and not session.over and wire.now() < self.deadline:
                    ready = keeper.wait(watched, session.next_deadline(self.deadline))
                    session.checkpoint()
                    session.pump()
                    if self.listener.fileno() in ready:
                        self._obey(opened)
        except Stopped:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.listener.close()
        if self._ended is None:
            self._ended = self._goodbye()
        return self._ended

    def _goodbye(self) -> Exchange:
        session = self.live.session
        if session.over:
            return session.exchange(*outcome_of(session))
        return session.exchange(*close(session, How.FIN, GOODBYE))

    def _obey(self, opened: int) -> None:
        channel = self.listener.accept()
        if channel is None:
            return
        drawing = self.live.session.on_entry
        try:
            order = channel.receive()
            if order is not None:
                self.live.session.cancelled = lambda: channel.gone
                channel.send(self._do(order, channel, opened))
        except Failure as failure:
            with suppress(OSError):
                channel.send({"failure": [failure.problem, failure.next_step], "status": failure.status})
        except (OSError, KeyError, TypeError, ValueError):
            pass  # whoever asked has gone, or speaks something else; the connection stays
        finally:
            self.live.session.cancelled = lambda: False
            self.live.session.on_entry = drawing
            channel.close()
            if self._ended is not None and keeper.is_first_process():
                channel.see_off()

    def _do(self, order: dict[str, Any], channel: keeper.Channel, opened: int) -> dict[str, Any]:
        session = self.live.session
        now = session.link.now()
        if order["order"] == "status":
            return {
                "client": session.tracker.client,
                "server": session.tracker.server,
                "states": [session.client.state, session.server.state],
                "unread": len(session.endpoint.unread),
                "age": now - opened,
                "left": self.deadline - now,
            }
        output = Output(**order["output"])
        options = Options(**order["options"], ours=End.CLIENT)
        printer = Printer(
            output,
            options,
            session.tracker.client,
            session.tracker.server,
            write=lambda text: channel.send({"text": text}),
        )
        if order["order"] == "send":
            return self._send(order, printer)
        if order["order"] == "teardown":
            return self._teardown(order, printer, channel)
        raise Failure(Exit.INTERNAL, f"A keeper has no order {order['order']!r}.", "")

    def _send(self, order: dict[str, Any], printer: Printer) -> dict[str, Any]:
        session = self.live.session
        self._draw_from(printer, self._shown)
        quiet = order["wait"]
        answer = session.send(base64.b64decode(order["data"]), quiet=quiet)
        session.settle()
        self._shown = len(session.entries)
        unsaid = session.endpoint.unacknowledged
        if session.over or unsaid:
            outcome, detail = outcome_of(session)
        else:
            outcome, detail = Outcome.HELD, ""
        exchange = session.exchange(outcome, detail)
        return {
            "status": status_of(exchange),
            "data": base64.b64encode(answer).decode(),
            "json": report("send", exchange) if printer.output.json is not None else "",
            "pcap": "",
        }

    def _teardown(self, order: dict[str, Any], printer: Printer, channel: keeper.Channel) -> dict[str, Any]:
        session = self.live.session
        self._draw_from(printer, 0)
        outcome, detail = close(session, How(order["how"]), order["timeout"])
        if channel.gone:
            raise OSError
        self._ended = session.exchange(outcome, detail)
        printer.foot(self._ended)
        session.linger(order["linger"])
        done: dict[str, Any] = {"status": status_of(self._ended)}
        if printer.output.json is not None:
            done["json"] = report("teardown", session.exchange(outcome, detail))
        if printer.output.pcap is not None:
            file = io.BytesIO()
            write(file, self.live.frames)
            done["pcap"] = base64.b64encode(file.getvalue()).decode()
        return done

    def _draw_from(self, printer: Printer, first: int) -> None:
        """Draw what has passed since entry ``first``, and from now on whatever passes."""
        printer.head()
        for entry in self.live.session.entries[first:]:
            printer.entry(entry)

        def draw(entry: Judged | Remark) -> None:
            printer.entry(entry)

        self.live.session.on_entry = draw
