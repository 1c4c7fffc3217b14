"""From the words of ``verify`` to a run: target, ports, wire, progress, what a signal does, and the reports."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from rawshake.cli import stops
from rawshake.cli.bar import busy, progress_bar
from rawshake.cli.output import render_options, to_stdout, write_text
from rawshake.cli.parameters import Output
from rawshake.cli.pcaps import name_of, save_each
from rawshake.cli.rerun import again
from rawshake.cli.stops import Stopped, at_once
from rawshake.errors import Exit, Failure
from rawshake.link import Frame
from rawshake.net import lab
from rawshake.net.pcapfile import save
from rawshake.net.privilege import check_writable, require_raw
from rawshake.net.route import first_route, resolve
from rawshake.net.shared import SharedWire
from rawshake.permitted import require_permitted
from rawshake.probes import UnknownProbe, catalogue
from rawshake.probes.expected import Change, compare, read
from rawshake.probes.gridprobes import CHAPTER, grid
from rawshake.probes.model import Probe, Server, Target
from rawshake.probes.result import Result
from rawshake.render.ladder import LEGEND, Ladder
from rawshake.render.options import Options
from rawshake.render.text import safe, wrap
from rawshake.render.verified import Run, screen, verdict_line
from rawshake.render.verify_json import dump
from rawshake.render.verify_junit import dump as junit
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End
from rawshake.verify.runner import BACKLOG, Runner

#: The servers of a lab that are of each kind.
IN_LAB: Final = {
    Server.OPEN: "discard",
    Server.ECHO: "echo",
    Server.CLOSES_FIRST: "closes-first",
    Server.CLOSES_ON_EOF: "closes-on-eof",
    Server.BULK: "sends-bulk",
    Server.NO_READ: "does-not-read",
    Server.CLOSED: "closed",
    Server.DIALS: "dials-back",
    Server.AGENT: "agent",
}
#: Any of these is open; the first that was named is taken where no PORT was.
OPEN: Final = (Server.NO_READ, Server.ECHO, Server.CLOSES_ON_EOF, Server.BULK, Server.CLOSES_FIRST)
#: Gentle, and for a lab of one's own.
JOBS, RATE = 16, 50
LAB_JOBS, LAB_RATE = 200, 0
#: Frames kept for ``--pcap``.
MAX_FRAMES: Final = 1_000_000
_GRAVE: Final = {
    "fail": {Verdict.FAIL, Verdict.ERROR},
    "warn": {Verdict.FAIL, Verdict.ERROR, Verdict.WARN},
    "note": {Verdict.FAIL, Verdict.ERROR, Verdict.WARN, Verdict.NOTE},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user asked for; ``ports`` by the names of their options."""

    host: str
    open_port: int | None
    ports: dict[str, int]
    listen: int | None
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    slow: bool
    jobs: int | None
    rate: int | None
    repeat: int
    expect: str | None
    fail_on: str
    show: tuple[str, ...]
    source: str | None
    interface: str | None
    family: Literal[4, 6] | None
    allowed: bool
    verbose: int
    quiet: bool
    ascii: bool
    colour: str
    json: str | None
    junit: str | None
    html: str | None
    pcap: str | None

    @property
    def to_stdout(self) -> bool:
        """Whether a report goes there, in place of the screen."""
        return "-" in (self.json, self.junit, self.html)

    @property
    def output(self) -> Output:
        return Output(
            verbose=self.verbose,
            compact=False,
            quiet=self.quiet,
            ascii=self.ascii,
            colour=self.colour,
            json=self.json,
            pcap=self.pcap,
        )


def verify(asked: Asked, arguments: Sequence[str]) -> int:
    """Run it all; the exit status. Raises ``Failure`` before anything is sent where that cannot be."""
    if (asked.json, asked.junit, asked.html).count("-") > 1:
        raise Failure(Exit.USAGE, "Only one report can go to standard output.", "Name files for the others.")
    ports = named_ports(asked)
    probes = chosen(asked, frozenset(ports))
    known = [*(probe.id for probe in catalogue()), *(probe.id for probe in grid(frozenset()))]
    expected = None if asked.expect is None else read(_text_of(asked.expect), known, name=asked.expect)
    for path in (asked.json, asked.junit, asked.html, asked.pcap):
        if path is not None and path != "-":
            each = path == asked.pcap and Path(path).is_dir()
            check_writable(str(Path(path) / name_of("syn-opens")) if each else path)
    host = _lab_address(asked.family) if asked.host == lab.NAME else asked.host
    targets = resolve(host, family=asked.family)
    require_permitted(host, [one.address for one in targets], "verify", allowed=asked.allowed)
    require_raw(list(arguments))
    there, route = first_route(targets, interface=asked.interface, source=asked.source)
    frames: list[Frame] = []
    keep = frames.append if asked.pcap else _forget
    with SharedWire(
        route.source, there.address, scope=there.scope, interface=asked.interface, on_frame=keep
    ) as wire:
        in_lab = asked.host == lab.NAME
        jobs = asked.jobs or (LAB_JOBS if in_lab else JOBS)
        rate = asked.rate if asked.rate is not None else (LAB_RATE if in_lab else RATE)
        runner = Runner(
            link=wire,
            target=Target(there.address, ports),
            here=route.source,
            sports=wire.ports(),
            isns=_isns(),
            jobs=jobs,
            half_open=jobs if asked.jobs or in_lab else BACKLOG,
            rate=rate,
            repeat=asked.repeat,
            listen=next(wire.ports(asked.listen)) if asked.listen else 0,
            release=wire.release,
        )
        stopped, seconds = _run(runner, wire, probes, quiet=asked.quiet or asked.to_stdout)
    results = tuple(_ordered(runner.results, probes))
    changes: tuple[Change, ...] = ()
    if expected is not None:
        results, changes = compare(results, expected)
    run = Run(
        target=asked.host,
        results=results,
        seconds=seconds,
        again=again(asked, ports, probes),
        jobs=runner.jobs,
        distress=runner.distress,
        interrupted=stopped is not None,
        processor=os.times().user + os.times().system,
    )
    with at_once():
        _report(asked, run, frames, changes)
    if stopped is not None:
        raise stopped
    if expected is not None:
        return Exit.RULE_BROKEN if changes else Exit.OK
    grave = _GRAVE[asked.fail_on]
    return Exit.RULE_BROKEN if any(one.verdict in grave for one in results) else Exit.OK


def named_ports(asked: Asked) -> dict[Server, int]:
    """The port of each kind of server; in a lab all are known."""
    ports: dict[Server, int] = {}
    if asked.host == lab.NAME:
        from rawshake.net.lab.servers import SERVERS

        ports = {kind: SERVERS[name].port for kind, name in IN_LAB.items()}
    ports |= {Server(name): number for name, number in asked.ports.items()}
    if asked.listen:
        ports[Server.DIALS] = asked.listen
    fallback = next((ports[kind] for kind in OPEN if kind in ports), None)
    number = asked.open_port if asked.open_port is not None else ports.get(Server.OPEN, fallback)
    if number is None and asked.listen and not asked.ports:
        return ports
    if number is None:
        raise Failure(Exit.USAGE, "No open port is named.", "Name any port on which something listens.")
    ports[Server.OPEN] = number
    return ports


def chosen(asked: Asked, servers: frozenset[Server]) -> list[Probe]:
    """The probes that were asked for: all, unless some are selected; slow ones only with --slow, or by their id."""
    cells = grid(servers)
    everything = [*catalogue(), *cells]

    def matching(names: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for name in names:
            fits = {
                one.id
                for one in everything
                if name in (one.id, one.chapter, *one.scenarios)
                or (one.chapter == CHAPTER and one.id.lower().startswith(f"{name.lower()}/"))
            }
            if not fits:
                raise Failure(Exit.USAGE, str(_unknown(name)) + ".", "See 'rawshake probes'.")
            found |= fits
        return found

    wanted = matching(asked.select) if asked.select else {one.id for one in everything}
    dropped = matching(asked.ignore)
    matching([name for name in asked.show if name != "failed"])
    return [
        one
        for one in everything
        if one.id in wanted - dropped and (asked.slow or not one.slow or one.id in asked.select)
    ]


def _unknown(name: str) -> UnknownProbe:
    from rawshake.probes import select

    try:
        select([name])
    except UnknownProbe as unknown:
        return unknown
    raise AssertionError(name)


def _lab_address(family: int | None) -> str:
    addresses = os.environ.get(lab.ENVIRONMENT, "").split()
    fitting = [one for one in addresses if family in (None, 6 if ":" in one else 4)]
    if not fitting:
        raise Failure(
            Exit.USAGE,
            "There is no lab here.",
            "Run it inside of one: rawshake lab run -- rawshake verify lab.",
        )
    return fitting[0]


def _run(
    runner: Runner, wire: SharedWire, probes: Sequence[Probe], *, quiet: bool
) -> tuple[Stopped | None, float]:
    """Run until all is done or a signal comes; the target is left clean. What stopped it, and the seconds."""
    began = wire.now()
    stopped = None
    with stops.noted() as waker, progress_bar(len(probes), quiet=quiet) as told:
        runner.on_progress = told
        runner.checkpoint = lambda: stops.check(waker)
        wire.wake_by(waker)
        try:
            runner.run(probes)
        except Stopped as signal:
            stopped = signal
        finally:
            runner.checkpoint = lambda: None
            wire.wake_by(None)
            runner.stop()
    return stopped, (wire.now() - began) / 1e9


def _forget(frame: Frame) -> None:
    """Nobody wants it."""


def _isns() -> Iterator[int]:
    chance = random.SystemRandom()
    while True:
        yield chance.getrandbits(32)


def _ordered(results: Sequence[Result], probes: Sequence[Probe]) -> list[Result]:
    found = {one.probe.id: one for one in results}
    return [found[probe.id] for probe in probes if probe.id in found]


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as refused:
        raise Failure(
            Exit.UNREADABLE, f"{path} cannot be read: {refused}.", "Name another file."
        ) from refused


def _report(asked: Asked, run: Run, frames: Sequence[Frame], changes: Sequence[Change]) -> None:
    options = replace(render_options(asked.output), ours=End.CLIENT)
    report = dump(run) if asked.json is not None or asked.html is not None else ""
    if asked.json is not None:
        write_text(asked.json, report)
    if asked.junit is not None:
        write_text(asked.junit, junit(run, _GRAVE[asked.fail_on]))
    if asked.html is not None:
        from rawshake.html.verify import page
        from rawshake.rules import book

        with busy(f"Making the page {asked.html} …", quiet=asked.quiet or asked.to_stdout):
            text = page(run, report, catalogue(), {rule.id for rule in book()})
        write_text(asked.html, text)
    if asked.pcap is not None:
        if Path(asked.pcap).is_dir():
            save_each(asked.pcap, run.results, frames[:MAX_FRAMES])
        else:
            save(asked.pcap, frames[:MAX_FRAMES])
    if asked.to_stdout:
        return
    if asked.quiet:
        to_stdout(verdict_line(run, options) + "\n")
        return
    alone = len(run.results) == 1  # whoever asks for one probe wants to see it
    for result in run.results:
        grave = result.verdict in (Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.ERROR)
        if alone or result.probe.id in asked.show or ("failed" in asked.show and grave):
            to_stdout(_ladders(result, options))
    to_stdout(screen(run, options))
    for one in changes:
        to_stdout(f"changed: {one.probe} is {one.actual}, not {one.expected or 'PASS'}\n")


def _ladders(result: Result, options: Options) -> str:
    """Its ladders; no rule judges them, for what a probe does on purpose is seldom what a TCP should."""
    found = result.deciding
    title = f"{result.verdict} {result.probe.id}: {result.probe.summary}"
    lines = wrap(safe(title, ascii_only=options.ascii), options.columns, indent=len(result.verdict.value) + 1)
    text = "".join(f"{line}\n" for line in lines) + "\n"
    if found is None:
        return f"{text}{result.reason}\n\n"
    for one in found.exchanges:
        ladder = Ladder(options, one.client, one.server)
        text += ladder.head() + "".join(map(ladder.entry, one.entries)) + "\n"
    return text + "".join(f"{line}\n" for line in wrap(LEGEND, options.columns)) + "\n"
