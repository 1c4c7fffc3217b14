"""How a script is played, live or in memory, drawn as it goes, and what it comes to."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from rawshake.cli import stops
from rawshake.cli.output import Printer, check_files, render_options, to_stdout, write_reports
from rawshake.cli.parameters import Output
from rawshake.cli.scripts import CALLER, Found
from rawshake.cli.stops import Stopped
from rawshake.errors import Exit, Failure
from rawshake.judge import Judge
from rawshake.link import Frame, Seen, SharedLink
from rawshake.permitted import require_permitted
from rawshake.play import Conversation, Ending, Peer, Place
from rawshake.play.host import HABITS, Host, calling, serving
from rawshake.play.perform import Troupe
from rawshake.play.rehearse import MemoryLink, place
from rawshake.profile import SECOND
from rawshake.report import Exchange, Judged, Remark, Report
from rawshake.rules import book
from rawshake.tcp.segment import Segment
from rawshake.tcp.view import Step

#: How many frames are remembered for ``--pcap``.
MAX_FRAMES: Final = 100_000
#: How long the captured copy of a segment may take; after that a local firewall is to blame.
COPY_WAIT: Final = SECOND // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whom to play against, and from where; None and 0 stand for the ordinary."""

    host: str
    port: int
    sport: int
    source: str | None
    interface: str | None
    family: Literal[4, 6] | None
    allowed: bool


@dataclass(slots=True)
class Stage:
    """One script under way over ``link``, and how it is drawn."""

    found: Found
    conversation: Conversation
    link: SharedLink
    output: Output
    command: str
    frames: list[Frame] = field(default_factory=list)
    strangers: list[Seen] = field(default_factory=list)
    _drawn: dict[Peer, _Drawing] = field(default_factory=dict)

    def play(self) -> int:
        """Play it to its end, or to a signal, draw it, write the files; the exit status."""
        troupe = Troupe(self.link, on_stranger=self.strangers.append)
        troupe.add(self.conversation)
        try:
            with stops.noted() as waker:
                wake_by = getattr(self.link, "wake_by", None)
                if wake_by is not None:
                    wake_by(waker)

                def checkpoint() -> None:
                    stops.check(waker)
                    self._draw(self.conversation.peers[0])

                troupe.checkpoint = checkpoint
                try:
                    troupe.run()
                finally:
                    if wake_by is not None:
                        wake_by(None)
                    troupe.stop()  # whatever ended it, no server is left hanging
                    troupe.settle(COPY_WAIT)
        except Stopped:
            self._conclude()
            raise
        return self._conclude()

    def keep(self, frame: Frame) -> None:
        """Remember a frame for ``--pcap``."""
        if len(self.frames) < MAX_FRAMES:
            self.frames.append(frame)

    # How it is drawn.

    def _draw(self, peer: Peer, *, rest: bool = False) -> None:
        """What has passed on that connection and is not drawn yet, up to the first whose copy may still come."""
        if not peer.entries:
            return
        drawing = self._drawn.get(peer)
        if drawing is None:
            drawing = self._drawn[peer] = _Drawing(peer, self.output)
        drawing.go_on(rest=rest)

    def _conclude(self) -> int:
        conversation = self.conversation
        exchanges = conversation.exchanges()
        for peer, exchange in zip(
            (peer for peer in conversation.peers if peer.entries), exchanges, strict=True
        ):
            self._draw(peer, rest=True)
            self._drawn[peer].printer.foot(exchange)
        self._write(exchanges)
        result = conversation.result
        assert result is not None
        if result.mistake is not None:
            raise self.found.mistaken(result.mistake) from result.cause
        if not self.output.silent:
            for line in self._verdict():
                to_stdout(f"# {line}\n" if self.output.compact else f"{line}\n")
        self._blame_the_machine()
        if result.ending is Ending.MISMATCH:
            return Exit.MISMATCH
        return Exit.RULE_BROKEN if any(exchange.broken_by_peer for exchange in exchanges) else Exit.OK

    def _verdict(self) -> Iterator[str]:
        result, name = self.conversation.result, self.found.name
        assert result is not None
        if result.mismatch is not None:
            text = result.mismatch.sentence if self.output.quiet else result.mismatch.text
            first, *others = text.splitlines()
            yield f"{name}: {first}" if self.output.quiet else f"{name}, {first}"
            yield from others
        elif result.ending is Ending.PLAYED:
            yield f"{name}: played to its end{'' if result.value is None else f': {result.value}'}"
        else:
            yield f"{name}: stopped"

    def _blame_the_machine(self) -> None:
        """Raise where our own machine answered in our name, or did not let out what we sent."""
        for seen in self.strangers:
            if seen.ours and isinstance(seen.what, Segment):
                raise Failure(
                    Exit.LOCAL_FIREWALL,
                    f"This machine sent {seen.what.flags} in our name: what came back may be the answer to that.",
                    "Look at the output rules: nft list ruleset, or iptables -S.",
                )
        missing = [peer for peer in self.conversation.peers if peer.uncaptured]
        if missing:
            obstacle = getattr(self.link, "obstacle", None)
            why = obstacle() if obstacle is not None else ""
            if why:
                raise Failure(
                    Exit.UNREACHABLE,
                    f"What was sent from port {missing[0].here[1]} waits in this machine: {why}.",
                    "See that the address is right and that the host is up.",
                )
            raise Failure(
                Exit.LOCAL_FIREWALL,
                f"{len(missing[0].uncaptured)} segments from port {missing[0].here[1]} never left this machine.",
                "Look at the output rules: nft list ruleset, or iptables -S OUTPUT.",
            )

    def _write(self, exchanges: Sequence[Exchange]) -> None:
        with stops.at_once():
            rules = tuple(rule.id for rule in book())
            result = self.conversation.result
            script = None if result is None else result.stored(self.found.name)
            made = Report(self.command, tuple(exchanges), rules, script=script)
            write_reports(self.output, made, ours=self.conversation.peers[0].end)
            if self.output.pcap is not None:
                from rawshake.net.pcapfile import save

                save(self.output.pcap, self.frames)


class _Drawing:
    """One connection, drawn segment by segment."""

    def __init__(self, peer: Peer, output: Output) -> None:
        assert peer.entries
        self._peer = peer
        self._judge = Judge(book(), ours=peer.end)
        self._next = 0
        client, server = (
            (peer.here, peer.there) if peer.tracker is None else (peer.tracker.client, peer.tracker.server)
        )
        options = replace(render_options(output), ours=peer.end)
        self.printer = Printer(output, options, client, server)
        self.printer.head()

    def go_on(self, *, rest: bool) -> None:
        peer = self._peer
        while self._next < len(peer.entries):
            if self._next in peer.uncaptured and not rest:
                return
            entry = peer.entries[self._next]
            judged: Judged | Remark = (
                Judged(entry, self._judge.step(entry)) if isinstance(entry, Step) else entry
            )
            self.printer.entry(judged)
            self._next += 1


def rehearsed(found: Found, server: str | None, output: Output) -> int:
    """Play it in memory, against that kind of server, or the kind that it says it is for."""
    check_files(output)
    if output.pcap is not None:
        raise Failure(Exit.USAGE, "In memory there are no frames for --pcap.", "Leave it out.")
    kind = server or found.peer or "echo"
    port = 0 if kind == CALLER else 80
    conversation = Conversation(found.function, place(port=port), book(), around=stops.at_once)
    link = MemoryLink(_host(kind))
    return Stage(found, conversation, link, output, f"play {found.name} --rehearse").play()


def _host(kind: str) -> Host:
    if kind == CALLER:
        return calling()
    if kind == "closed":
        return Host({})
    if kind not in HABITS:
        kinds = ", ".join((*HABITS, "closed", CALLER))
        raise Failure(Exit.USAGE, f"There is no server {kind!r} to rehearse with.", f"There are: {kinds}.")
    return serving(kind)


def live(found: Found, wanted: Wanted, output: Output) -> int:
    """Play it against a host, which must be one that may be tested."""
    from rawshake.api.live import random_number
    from rawshake.net.privilege import require_raw
    from rawshake.net.route import first_route, resolve
    from rawshake.net.shared import SharedWire

    targets = resolve(wanted.host, family=wanted.family)
    addresses = [target.address for target in targets]
    require_permitted(wanted.host, addresses, "play", allowed=wanted.allowed)
    require_raw(sys.argv)
    check_files(output)
    target, route = first_route(targets, interface=wanted.interface, source=wanted.source)

    def isns() -> Iterator[int]:
        while True:
            yield random_number()

    waits = found.peer == CALLER
    with SharedWire(route.source, target.address, scope=target.scope, interface=wanted.interface) as link:
        where = Place(
            here=link.source,
            there=target.address,
            port=0 if waits else wanted.port,
            sports=link.ports(wanted.port if waits else wanted.sport),
            isns=isns(),
        )
        conversation = Conversation(found.function, where, book(), around=stops.at_once)
        stage = Stage(found, conversation, link, output, f"play {found.name} {wanted.host} {wanted.port}")
        link.on_frame = stage.keep
        return stage.play()
