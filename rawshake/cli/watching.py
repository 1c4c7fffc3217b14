"""What ``sniff`` does: a tap stores what passes, and its packets are followed, judged and reported after it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from rawshake.cli import stops
from rawshake.cli.displays import Display
from rawshake.cli.reporters import Asked, Html, Reporter
from rawshake.cli.stops import Stopped
from rawshake.connection import Connection
from rawshake.follow import Limits
from rawshake.link import Frame
from rawshake.net.pcapfile import HEADER, record
from rawshake.render.summary import Summary, at_least
from rawshake.render.text import plural
from rawshake.render.words import endpoint_text
from rawshake.report import Judged, Remark
from rawshake.screen.live import LiveScreen
from rawshake.sift import Left, Load, Sift
from rawshake.tcp.decode import address_text
from rawshake.trace.expression import Filter
from rawshake.trace.fragments import Reassembly

if TYPE_CHECKING:
    from rawshake.net.tap import Tap
    from rawshake.tcp.tracker import Tracker

SECOND: Final = 1_000_000_000
#: How long a connection that has ended is kept for what may still come, before it is shown; ns.
SETTLE: Final = SECOND
#: How often whoever waits looks at the clock, ns.
TICK: Final = SECOND // 10
#: With the store fuller than the first nothing is followed any further, fuller than the second no connection that
#: begins, until it is emptier than the third.
FULL, HIGH, LOW = 0.75, 0.5, 0.25
#: How many packets are taken between two looks at signals and at the store, and how many are judged at a time.
ROUND, BATCH = 256, 8192
#: How long what was seen waits for more when there is nothing else to do, ns.
PAUSE: Final = SECOND // 5
#: What is kept of transcripts, in segments: of one connection, and of all. A segment takes some 5 KB.
STEPS, ALL_STEPS = 2_000, 60_000
#: How many connections that have ended are kept for SETTLE at the most.
ENDED: Final = 2048

DROPPED: Final = "found the kernel's buffer full and was lost before it could be stored"
OVERFLOWED: Final = "came faster than it could be stored or judged"
PASSED_OVER: Final = "is of a connection that was left out, since more came than can be judged"
FLOOD: Final = "is of one of too many connections that nobody completed"
LATE: Final = "came after its connection had ended and was told"
UNREAD: Final = "was not judged, since a second signal came"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the user asked of a capture: 0 packets, 0 ns and no file stand for no such wish."""

    interface: str
    wanted: Filter
    count: int
    duration: int
    connections: int
    pcap: BinaryIO | None


class Watching:
    """One capture from its beginning to its end; ``run`` gives the summary."""

    def __init__(
        self,
        tap: Tap,
        watch: Watch,
        asked: Asked,
        reporters: list[Reporter],
        *,
        draws: Callable[[], bool],
        live: Callable[[int, Tracker, Judged | Remark], None] | None = None,
    ) -> None:
        self._tap = tap
        self._watch = watch
        self._asked = asked
        self._reporters = reporters
        self._displays = [one for one in reporters if isinstance(one, Display)]
        self._number = 0
        self._skipped = 0
        self._last: int | None = None
        self._batch: list[Frame] = []
        self._judged_to = self._paused = 0
        self._fragments = Reassembly()
        self._unwanted = 0
        self.found = False
        self.summary = Summary(watch.interface)
        self._passed: list[Frame] = []
        pages = [one for one in reporters if isinstance(one, Html)]
        self.screen = LiveScreen(
            asked.rules,
            self._done,
            limits=Limits(connections=watch.connections, ended=ENDED, steps=STEPS, all_steps=ALL_STEPS),
            keep=lambda connection: draws() or any(page.keeps(connection) for page in pages),
            told=draws,
            live=live,
        )
        self.sift = Sift(self._passed.append, most=watch.connections)

    def run(self, ready: str) -> Summary:
        """Follow until the end that was asked for, and then what is stored; a second signal cuts that short.

        ``ready`` is said as soon as a signal ends it well: whoever starts it from a script waits for that line.
        """
        with suppress(Stopped), stops.noted() as waker:
            with suppress(Stopped):
                click.echo(ready, err=True)
                if self._watch.pcap is not None:
                    self._watch.pcap.write(HEADER)
                for reporter in self._reporters:
                    reporter.begin(self._watch.interface)
                self._capture(waker)
            self._tap.stop()
            self._rest(waker)
        self._skip()
        if self._tap.ended:
            click.echo(self._tap.ended, err=True)
        if self._watch.pcap is not None:
            self._watch.pcap.flush()
        self.sift.finish()
        self._pass_on(flush=True)
        self.screen.finish()
        self._sum_up()
        for reporter in self._reporters:
            reporter.end(self.summary)
        return self.summary

    def _capture(self, waker: int) -> None:
        """Follow what comes until it is time to end; what is stamped after ``_last`` does not count."""
        tap, watch = self._tap, self._watch
        end = tap.now() + watch.duration if watch.duration else None
        try:
            while self._last is None and not any(one.gone for one in self._displays):
                stops.check(waker)
                frames = self._round()
                now = tap.now()
                if frames is not None:
                    self._judge(frames)
                elif tap.ended:
                    return
                else:
                    self._pause(now)
                    tap.wait(now + TICK if end is None else min(end, now + TICK), waker)
                if end is not None and now >= end:
                    self._last = end
        finally:
            if self._last is None:
                self._last = tap.now()

    def _rest(self, waker: int) -> None:
        """Judge what is stored still; if that is much, it is said."""
        told = self._tap.fill < 0.01 or self._asked.output.quiet
        while (frames := self._round()) is not None:
            if not told:
                click.echo("The capture has ended; judging what is stored. Ctrl-C leaves it out.", err=True)
                told = True
            self._judge(frames)
            stops.check(waker)

    def _skip(self) -> None:
        """What is stored still, after a second signal."""
        while (frames := self._round()) is not None:
            for frame in frames:
                if self._is_asked_for(frame):
                    self._store(frame)
                    self._skipped += 1

    def _round(self) -> list[Frame] | None:
        """Some of the frames that are stored; None where there are none."""
        if not self._batch:
            self._batch = self._tap.frames() or []
        frames, self._batch = self._batch[:ROUND], self._batch[ROUND:]
        return frames or None

    def _judge(self, frames: list[Frame]) -> None:
        self.sift.load = _load(self._tap.fill, self.sift.load)
        for frame in frames:
            if self._is_asked_for(frame):
                self._take(self._store(frame))
        self._judged_to = frames[-1].time
        if len(self._passed) >= BATCH:
            self._pass_on()
            self._tick(self._judged_to)

    def _pause(self, now: int) -> None:
        """Nothing is stored: now and then what waits for more is judged as far as it goes."""
        if now - self._paused >= PAUSE:
            self._paused = now
            self._pass_on(flush=True)
            self._tick(now)
            if self._watch.pcap is not None:
                self._watch.pcap.flush()

    def _pass_on(self, *, flush: bool = False) -> None:
        """Have judged what was sifted."""
        if self._passed:
            self.screen.take(self._passed)
            self._passed.clear()
        if flush:
            self.screen.flush()

    def _is_asked_for(self, frame: Frame) -> bool:
        if self._watch.count and self._number >= self._watch.count:
            self._last = -1
        return self._last is None or frame.time <= self._last

    def _store(self, frame: Frame) -> Frame:
        """Number it, and write it where it is to be written."""
        self._number += 1
        if self._watch.pcap is not None:
            self._watch.pcap.write(record(frame))
        return Frame(frame.time, frame.packet, frame.direction, frame.offloaded, self._number)

    def _take(self, frame: Frame) -> None:
        if _is_fragment(frame.packet):
            whole = self._fragments.add(frame.packet, frame.time)
            if whole is None:
                return
            if not self._watch.wanted.matches(whole):
                self._unwanted += 1
                return
            frame = Frame(frame.time, whole, frame.direction, frame.offloaded, frame.number)
        self.sift.frame(frame)

    def _tick(self, now: int) -> None:
        self.sift.tick(now)
        self.screen.settle(now - SETTLE)
        for display in self._displays:
            display.tick(now)

    def _done(self, connection: Connection) -> None:
        self.sift.over(_octets(connection.client), _octets(connection.server), connection.last_frame)
        self.summary.add(connection)
        self.found |= any(at_least(one.ruling.verdict, self._asked.floor) for one in connection.findings)
        for reporter in self._reporters:
            reporter.connection(connection)

    def _sum_up(self) -> None:
        summary, totals, left, tap = self.summary, self.screen.totals, self.sift.left, self._tap
        summary.frames = self._number
        summary.segments = totals.segments
        summary.copies = totals.copies + tap.copies
        summary.icmp = totals.icmp
        summary.evicted = totals.evicted
        summary.cut = tap.cut
        summary.left_out = totals.left_out.copy()
        for reason, count in {
            DROPPED: tap.dropped,
            OVERFLOWED: tap.overflowed,
            PASSED_OVER: left.packets,
            FLOOD: left.unanswered_packets,
            LATE: left.late,
            UNREAD: self._skipped,
            "fragment": self._fragments.finish(),
        }.items():
            if count:
                summary.left_out[reason] += count
        if tap.ended:
            summary.damage = tap.ended


def _load(fill: float, before: Load) -> Load:
    if fill > FULL:
        return Load.FULL
    if fill > HIGH or (fill > LOW and before is not Load.LIGHT):
        return Load.HEAVY
    return Load.LIGHT


def flood_text(left: Left, *, shown: int = 5) -> str:
    """Which connections were counted and not followed, by destination; empty if none were."""
    if not left.unanswered:
        return ""
    several = left.unanswered.most_common(shown)
    places = [f"{count} to {_end_text(octets)}" for octets, count in several]
    others = sum(left.unanswered.values()) - sum(count for _, count in several)
    if others:
        places.append(f"{others} to others")
    counts = plural(sum(left.unanswered.values()), "connection")
    half = f" ({left.half_open} of them answered by the server)" if left.half_open else ""
    return f"{counts} begun and never completed{half}, counted and forgotten: {', '.join(places)}."


def _end_text(octets: bytes) -> str:
    if not octets:
        return "others"
    return endpoint_text((address_text(octets[:-2]), int.from_bytes(octets[-2:], "big")))


def _octets(end: tuple[str, int]) -> bytes:
    address, port = end
    return ip_address(address).packed + port.to_bytes(2, "big")


def _is_fragment(packet: bytes) -> bool:
    if packet[:1] < b"\x60":
        return len(packet) > 7 and bool(packet[6] & 0x3F or packet[7])
    return len(packet) > 6 and packet[6] in (0, 43, 44, 60)
