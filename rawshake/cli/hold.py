"""Holding a connection: what a keeper does until it is told to end."""

from __future__ import annotations

import base64
import io
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from rawshake.api.closing import How, close
from rawshake.api.languages import load
from rawshake.api.status import status_of
from rawshake.cli.live import Live, reset, stoppable
from rawshake.cli.output import Printer, report
from rawshake.cli.parameters import Output
from rawshake.cli.stops import Stopped
from rawshake.ending import outcome_of
from rawshake.errors import Exit, Failure
from rawshake.net import keeper
from rawshake.net.channel import Channel, Message
from rawshake.net.pcapfile import write
from rawshake.net.privilege import User, invoking_user
from rawshake.profile import SECOND
from rawshake.render.json import dump
from rawshake.render.options import Options
from rawshake.report import Exchange, Judged, Outcome, Remark
from rawshake.tcp.view import End

#: How long the goodbye of an expired or terminated keeper may take.
GOODBYE: Final = 2 * SECOND
#: How many segments are kept: one who floods us shall not fill the memory. It is goodbye then.
MOST_ENTRIES: Final = 200_000
#: How many octets go into one message.
PIECE: Final = 1 << 20


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
    try:
        Keeper(live, listener, live.session.link.now() + hold).serve()
    except Exception:
        reset(live)
        raise


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
    opened: int = 0
    _ended: Exchange | None = None
    #: how many entries have been drawn
    _shown: int = 0
    _orders: deque[tuple[Channel, Message]] = field(default_factory=deque)
    _stop: Callable[[], None] = lambda: None

    def serve(self) -> Exchange:
        """Until the connection has ended; how it did."""
        session, wire = self.live.session, self.live.wire
        self.opened = wire.now()
        self._shown = len(session.entries)
        try:
            with stoppable(self.live) as waker:
                self._stop = session.checkpoint
                session.checkpoint = self._checkpoint
                while self._ended is None and not self._over():
                    watched = [wire.fileno(), waker, *self.listener.filenos()]
                    if not self._orders:  # one that came while another ran has waited already
                        keeper.wait(watched, session.next_deadline(self.deadline))
                    session.checkpoint()
                    session.pump()
                    if self._orders:
                        self._obey(*self._orders.popleft())
        except Stopped:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.listener.close()
        self._turn_away()
        if self._ended is None:
            self._ended = self._goodbye()
        return self._ended

    def _over(self) -> bool:
        session = self.live.session
        ended = session.over or session.closed or len(session.entries) >= MOST_ENTRIES
        return ended or session.link.now() >= self.deadline

    def _checkpoint(self) -> None:
        """Hear whoever calls, also while an order runs: tell at once how it stands, keep other orders for later."""
        self._stop()
        for channel, order in self.listener.take():
            if order.get("order") == "status":
                with suppress(OSError):
                    channel.send(self._status())
                channel.close()
            else:
                self._orders.append((channel, order))

    def _turn_away(self) -> None:
        """Tell those whose orders came too late."""
        gone = f"Connection {self.listener.number} has just ended."
        for channel, _ in self._orders:
            with suppress(OSError):
                channel.send({"failure": [gone], "status": Exit.SESSION_GONE})
            channel.close()
        self._orders.clear()

    def _goodbye(self) -> Exchange:
        session = self.live.session
        if session.over or session.closed:
            return session.exchange(*outcome_of(session))
        return session.exchange(*close(session, How.FIN, GOODBYE))

    def _obey(self, channel: Channel, order: Message) -> None:
        session = self.live.session
        drawing = session.on_entry
        try:
            session.cancelled = lambda: channel.gone
            channel.send(self._do(order, channel))
        except Failure as failure:
            with suppress(OSError):
                channel.send({"failure": [failure.problem, failure.next_step], "status": failure.status})
        except (OSError, KeyError, TypeError, ValueError):
            pass  # whoever asked has gone, or speaks something else; the connection stays
        finally:
            session.cancelled = lambda: False
            session.on_entry = drawing
            channel.close()
            if self._ended is not None and keeper.is_first_process():
                channel.see_off()

    def _status(self) -> Message:
        session = self.live.session
        now = session.link.now()
        return {
            "client": session.tracker.client,
            "server": session.tracker.server,
            "states": [session.client.state, session.server.state],
            "unread": len(session.endpoint.unread),
            "age": now - self.opened,
            "left": self.deadline - now,
        }

    def _do(self, order: Message, channel: Channel) -> Message:
        session = self.live.session
        output = Output(**order["output"])
        words = None if output.lang is None else load(output.lang)
        options = Options(**order["options"], ours=End.CLIENT, words=words)
        printer = Printer(
            output,
            options,
            session.tracker.client,
            session.tracker.server,
            write=lambda text: channel.send({"text": text}),
        )
        if order["order"] == "send":
            return self._send(order, printer, channel)
        if order["order"] == "teardown":
            return self._teardown(order, printer, channel)
        raise Failure(Exit.INTERNAL, f"A keeper has no order {order['order']!r}.", "")

    def _send(self, order: Message, printer: Printer, channel: Channel) -> Message:
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
        if session.over and not printer.output.quiet:
            printer.foot(exchange)
        _hand_over(channel, "data", answer)
        if printer.output.json is not None:
            _hand_over(channel, "json", dump(report("send", exchange)).encode())
        if printer.output.pcap is not None:
            _hand_over(channel, "pcap", self._frames())
        return {"status": status_of(exchange)}

    def _teardown(self, order: Message, printer: Printer, channel: Channel) -> Message:
        session = self.live.session
        self._draw_from(printer, 0)
        outcome, detail = close(session, How(order["how"]), order["timeout"])
        if channel.gone:
            raise OSError
        self._ended = session.exchange(outcome, detail)
        printer.foot(self._ended)
        session.linger(order["linger"])
        if printer.output.json is not None:
            document = dump(report("teardown", session.exchange(outcome, detail)))
            _hand_over(channel, "json", document.encode())
        if printer.output.pcap is not None:
            _hand_over(channel, "pcap", self._frames())
        return {"status": status_of(self._ended)}

    def _frames(self) -> bytes:
        file = io.BytesIO()
        write(file, self.live.frames)
        return file.getvalue()

    def _draw_from(self, printer: Printer, first: int) -> None:
        """Draw what has passed since entry ``first``, and from now on whatever passes."""
        printer.head()
        for entry in self.live.session.entries[first:]:
            printer.entry(entry)

        def draw(entry: Judged | Remark) -> None:
            printer.entry(entry)

        self.live.session.on_entry = draw


def _hand_over(channel: Channel, name: str, octets: bytes) -> None:
    """In pieces, so that none is longer than a message may be."""
    for at in range(0, len(octets), PIECE):
        channel.send({name: base64.b64encode(octets[at : at + PIECE]).decode()})
