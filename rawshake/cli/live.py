"""From a command's arguments to a live session, its printer, and what a signal does to both."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rawshake.api.crafting import Crafting, check
from rawshake.api.live import call
from rawshake.api.status import status_of
from rawshake.cli import stops
from rawshake.cli.output import Printer, check_files, render_options, write_files
from rawshake.cli.parameters import Output
from rawshake.cli.stops import Stopped
from rawshake.errors import Exit, Failure
from rawshake.link import Frame
from rawshake.net.privilege import require_raw
from rawshake.net.wire import Wire
from rawshake.report import Judged, Outcome, Remark
from rawshake.session import Session

if TYPE_CHECKING:
    from rawshake.cli.stepping import Stepper

#: How many frames are remembered for ``--pcap``.
MAX_FRAMES: Final = 100_000


@dataclass(slots=True)
class Live:
    """A session on real sockets, the printer that draws it, and the command that asked for it.

    ``frames`` are those that passed, the first MAX_FRAMES of them.
    """

    command: str
    session: Session
    wire: Wire
    printer: Printer
    frames: list[Frame] = field(default_factory=list)
    stepper: Stepper | None = None
    #: what becomes readable when a signal has come
    waker: int | None = None

    def __post_init__(self) -> None:
        if self.stepper is not None:
            self.session.pace.gate = self.stepper
            self.stepper.on_change = self.watch
        self.session.on_entry = self._draw
        self.session.on_frame = self._keep

    def _draw(self, entry: Judged | Remark) -> None:
        if self.stepper is not None:
            self.stepper.give_way()
        self.printer.entry(entry)

    def watch(self) -> None:
        """Be woken by what there is to be woken by."""
        signals = () if self.waker is None else (self.waker,)
        self.wire.wake_by(*signals, *(self.stepper.wakers if self.stepper else ()))

    def hurry(self) -> None:
        """Send at once whatever is left to be sent."""
        self.session.pace.release(self.wire.now())

    def _keep(self, frame: Frame) -> None:
        if len(self.frames) < MAX_FRAMES:
            self.frames.append(frame)


@contextmanager
def opened(
    command: str, host: str, port: int, crafting: Crafting, output: Output, *, step: bool = False
) -> Iterator[Live]:
    """Guard a port, open the capture, and say whom we are about to call; closes all that again.

    Raises Failure before anything is sent where the machine, the address or the options do not allow it.
    """
    check(crafting, dashes="--")
    require_raw(sys.argv)
    check_files(output)
    stepper = _stepper(output) if step else None
    with call(host, port, crafting) as made:
        session, tracker = made.session, made.session.tracker
        printer = Printer(output, render_options(output), tracker.client, tracker.server)
        printer.head(*_preface(host, made.wire.target, made.addresses))
        yield Live(f"{command} {host} {port}", session, made.wire, printer, stepper=stepper)


def _stepper(output: Output) -> Stepper:
    from rawshake.cli.stepping import Stepper

    return Stepper(output)


def _preface(host: str, address: str, count: int) -> list[str]:
    if count < 2:
        return []
    return [f"{host} has {count} addresses; {address} was taken."]


@contextmanager
def stoppable(live: Live) -> Iterator[int]:
    """Signals raise Stopped only where the session has nothing half done.

    Gives a descriptor that becomes readable then.
    """
    with stops.noted() as waker:
        live.waker = waker
        live.watch()
        live.session.checkpoint = lambda: stops.check(waker)
        try:
            yield waker
        finally:
            live.session.checkpoint = lambda: None
            live.waker = None
            live.watch()


@contextmanager
def reset_if_interrupted(live: Live) -> Iterator[None]:
    """Whatever ends us early, signals too, sends a RST first, so that no server is left hanging."""
    try:
        with stoppable(live):
            yield
    except Stopped:
        _end_early(live, "interrupted", Outcome.INTERRUPTED)
        raise
    except Failure as refused:
        if refused.status is Exit.LOCAL_FIREWALL and live.session.client.iss is not None:
            _end_early(live, "the local firewall keeps a segment back", Outcome.LOCAL_FIREWALL)
        else:
            reset(live)
        raise
    except Exception:
        reset(live)
        raise


def _end_early(live: Live, why: str, outcome: Outcome) -> None:
    """Reset, draw all of it, and write the files.

    The RST leaves before anything more is drawn: whoever should read that may have stopped reading.
    """
    session, undrawn = live.session, list[Judged | Remark]()
    live.hurry()
    session.on_entry = undrawn.append
    session.remark(f"{why}: resetting the connection")
    with suppress(Failure):  # that, too, may be kept back
        session.abort()
    session.on_entry = live.printer.entry
    for entry in undrawn:
        live.printer.entry(entry)
    exchange = session.exchange(outcome)
    live.printer.foot(exchange)
    write_files(live.printer.output, live.command, exchange, live.frames)


def reset(live: Live) -> None:
    """Send a RST after whatever went wrong, if that can still be done."""
    live.session.on_entry = lambda entry: None  # it may be the drawing that failed
    with suppress(Exception):
        live.hurry()
        live.session.abort()


def finish(live: Live, outcome: Outcome, detail: str, *, linger: int) -> int:
    """Print the verdict, write the files, then hold TIME-WAIT for ``linger`` ns; the exit status.

    What comes meanwhile counts too: files are written anew, and standard output gets its report at the end.
    """
    session, printer = live.session, live.printer
    live.hurry()
    exchange = session.exchange(outcome, detail)
    printer.foot(exchange)
    late = printer.output.silent
    if not late:
        write_files(printer.output, live.command, exchange, live.frames)
    count = len(session.entries)
    try:
        with stoppable(live):
            session.linger(linger)
    except Stopped:
        printer.say("TIME-WAIT cut short.")
    if len(session.entries) > count:
        exchange, late = session.exchange(outcome, detail), True
    if late:
        write_files(printer.output, live.command, exchange, live.frames)
    return status_of(exchange)
