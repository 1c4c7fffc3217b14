"""From a command's arguments to a live session: addresses, options, and how its ending is named."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from rawshake.cli import stops
from rawshake.cli.output import Printer, check_files, render_options, status_of, write_files
from rawshake.cli.parameters import Crafting, Output
from rawshake.cli.stops import Stopped
from rawshake.errors import Exit, Failure
from rawshake.link import Frame
from rawshake.net.privilege import require_raw
from rawshake.net.route import first_route, largest_segment, resolve
from rawshake.net.wire import Wire
from rawshake.profile import Drops, Profile
from rawshake.report import Judged, Outcome, Remark
from rawshake.rules import book
from rawshake.session import Session
from rawshake.tcp import option
from rawshake.tcp.option import Option
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker

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

    def __post_init__(self) -> None:
        self.session.on_entry = self.printer.entry
        self.session.on_frame = self._keep

    def _keep(self, frame: Frame) -> None:
        if len(self.frames) < MAX_FRAMES:
            self.frames.append(frame)


def check(crafting: Crafting) -> None:
    """Refuse options that contradict each other."""
    singles = {
        "--mss": crafting.mss is not None,
        "--wscale": crafting.wscale is not None,
        "--timestamps": crafting.timestamps,
        "--sack": crafting.sack,
    }
    given = [name for name, present in singles.items() if present]
    if crafting.options is not None and given:
        raise Failure(
            Exit.USAGE,
            f"--options says what all options are, and {' and '.join(given)} asks for one more.",
            "Write it into --options, or leave --options out.",
        )


def syn_options(crafting: Crafting, *, mss: int, now: int) -> tuple[Option, ...]:
    """The options of our SYN, in the order in which Linux has them; ``now`` in ns gives the TSval."""
    if crafting.options is not None:
        return crafting.options
    found = [option.mss(crafting.mss if crafting.mss is not None else mss)]
    if crafting.timestamps:
        lead = [option.SACK_PERMITTED] if crafting.sack else [option.NOP, option.NOP]
        found += [*lead, option.timestamps(option.timestamp_clock(now), 0)]
    elif crafting.sack:
        found += [option.NOP, option.NOP, option.SACK_PERMITTED]
    if crafting.wscale is not None:
        found += [option.NOP, option.wscale(crafting.wscale)]
    return tuple(found)


@contextmanager
def opened(command: str, host: str, port: int, crafting: Crafting, output: Output) -> Iterator[Live]:
    """Guard a port, open the capture, and say whom we are about to call; closes all that again.

    Raises Failure before anything is sent where the machine, the address or the options do not allow it.
    """
    check(crafting)
    require_raw(sys.argv)
    check_files(output)
    targets = resolve(host, family=crafting.family)
    target, route = first_route(targets, interface=crafting.interface, source=crafting.source)
    v6 = ":" in target.address
    wire = Wire(
        route.source, crafting.sport, target.address, port, scope=target.scope, interface=crafting.interface
    )
    with wire:
        mss = largest_segment(route.mtu, v6=v6)
        profile = Profile(
            isn=Seq(crafting.isn if crafting.isn is not None else random_number()),
            window=crafting.window,
            options=syn_options(crafting, mss=mss, now=wire.now()),
            mss=mss,
            ttl=crafting.ttl,
            ecn=crafting.ecn,
            deviations=crafting.bad,
            timeout=crafting.timeout,
            retries=crafting.retries,
        )
        client, server = (wire.source, wire.sport), (target.address, port)
        printer = Printer(output, render_options(output), client, server)
        drops = Drops([one for group in crafting.drop for one in group])
        session = Session(wire, Tracker(client, server), profile, book(), drops=drops)
        printer.head(*_preface(host, target.address, len(targets)))
        yield Live(f"{command} {host} {port}", session, wire, printer)


def random_number() -> int:
    """Thirty-two random bits: RFC 9293 section 3.4.1 wants an ISN that nobody can guess."""
    import secrets

    return secrets.randbits(32)


def _preface(host: str, address: str, count: int) -> list[str]:
    if count < 2:
        return []
    return [f"{host} has {count} addresses; {address} was taken."]


def outcome_of(session: Session) -> tuple[Outcome, str]:
    """How a session that has ended, or stopped, is to be called, and the detail to add."""
    if session.unreachable:
        return Outcome.UNREACHABLE, session.unreachable
    if session.unresolved and not session.established:
        return Outcome.UNREACHABLE, session.unresolved
    if session.firewalled and not session.closed:
        return Outcome.LOCAL_FIREWALL, session.firewalled
    if session.refused:
        return Outcome.REFUSED, ""
    if session.closed:
        return Outcome.CLOSED, ""
    if session.was_reset:
        return Outcome.RESET, ""
    if session.endpoint.gave_up:
        return (Outcome.TIMED_OUT if session.established else Outcome.FILTERED), ""
    if session.client.fin is not None:
        return Outcome.HALF_CLOSED, "the server has not sent its FIN"
    return (Outcome.HELD if session.established else Outcome.OPEN), ""


def concluded(session: Session) -> tuple[Outcome, str]:
    """The outcome; a connection on which we have given up is reset first, so that no server is left hanging."""
    outcome, detail = outcome_of(session)
    if session.endpoint.gave_up and session.established and not session.closed:
        session.remark("no answer any more: resetting the connection")
        session.abort()
    return outcome, detail


@contextmanager
def stoppable(live: Live) -> Iterator[int]:
    """Signals raise Stopped only where the session has nothing half done.

    Gives a descriptor that becomes readable then.
    """
    with stops.noted() as waker:
        live.wire.wake_by(waker)
        live.session.checkpoint = lambda: stops.check(waker)
        try:
            yield waker
        finally:
            live.session.checkpoint = lambda: None
            live.wire.wake_by(None)


@contextmanager
def reset_if_interrupted(live: Live) -> Iterator[None]:
    """Whatever ends us early, signals too, sends a RST first, so that no server is left hanging."""
    try:
        with stoppable(live):
            yield
    except Stopped:
        _reset_and_draw(live)
        exchange = live.session.exchange(Outcome.INTERRUPTED)
        live.printer.foot(exchange)
        write_files(live.printer.output, live.command, exchange, live.frames)
        raise
    except Exception:
        reset(live)
        raise


def _reset_and_draw(live: Live) -> None:
    """The RST leaves before anything more is drawn: whoever should read that may have stopped reading."""
    session, undrawn = live.session, list[Judged | Remark]()
    session.on_entry = undrawn.append
    session.remark("interrupted: resetting the connection")
    session.abort()
    session.on_entry = live.printer.entry
    for entry in undrawn:
        live.printer.entry(entry)


def reset(live: Live) -> None:
    """Send a RST after whatever went wrong, if that can still be done."""
    live.session.on_entry = lambda entry: None  # it may be the drawing that failed
    with suppress(Exception):
        live.session.abort()


def finish(live: Live, outcome: Outcome, detail: str, *, linger: int) -> int:
    """Print the verdict, write the files, then hold TIME-WAIT for ``linger`` ns; the exit status.

    What comes meanwhile counts too: files are written anew, and standard output gets its report at the end.
    """
    session, printer = live.session, live.printer
    exchange = session.exchange(outcome, detail)
    printer.foot(exchange)
    late = printer.output.json == "-"
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
