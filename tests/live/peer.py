"""A server of a few lines that crafts each segment by hand, in a lab, so that a test may alter it on its way out."""

from __future__ import annotations

import heapq
import os
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Final

from rawshake.api.status import STATUS
from rawshake.errors import Exit
from rawshake.net import craft
from rawshake.net.capture import Capture
from rawshake.net.guard import Guard
from rawshake.net.lab.namespaces import Lab, Side
from rawshake.net.send import Sender
from rawshake.render.json import load
from rawshake.report import Exchange
from rawshake.rules.model import Verdict
from rawshake.tcp import option
from rawshake.tcp.decode import decode
from rawshake.tcp.notation import one_line
from rawshake.tcp.option import Option
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End
from tests.command import LONG, environment

SECOND: Final = 1_000_000_000
SYN, ACK, FIN, RST, PSH = Flags.SYN, Flags.ACK, Flags.FIN, Flags.RST, Flags.PSH
#: Options of the command where nothing more is to come.
SOON: Final = ("--timeout", "0.2")
_ECN_SETUP: Final = Flags.ECE | Flags.CWR

#: Gets the server and one segment that it is right to send, and yields what is sent in its place.
Alter = Callable[["Peer", Segment], Iterable["Segment | bytes"]]


def unaltered(peer: Peer, right: Segment) -> Iterator[Segment]:
    """What an ordinary server does."""
    yield right


@dataclass(kw_only=True)
class Peer:
    """The server's end of one connection: it takes what is next in order, and sends nothing again by itself.

    Connected, it sends ``says``, and its FIN behind that if ``closes``, else once the client's FIN has come. All
    that it sends has a name: synack, data, ack (of data), finack, fin, again (the answer to what is not next),
    refusal (of a wrong third ACK). ``alter`` is asked about those whose name is among ``names``, and if "reset" is,
    about the RST that it must not answer a RST with.
    """

    alter: Alter = unaltered
    names: frozenset[str] = frozenset()
    isn: Seq = Seq(2915269997)
    window: int = 65535
    mss: int = 1460
    says: bytes = b""
    closes: bool = False
    #: whether it looks what the third ACK acknowledges
    careful: bool = True
    #: whether it answers the options of the SYN
    answers: bool = True
    #: the first of its timestamps, which count milliseconds
    ticks: int = 1000
    #: how often it was about to send something of that name, the present one included
    count: Counter[str] = field(default_factory=Counter)
    #: SND.NXT and RCV.NXT, as an ordinary server would have them
    nxt: Seq = Seq(0)
    rcv: Seq = Seq(0)
    #: the client's SYN
    syn: Segment | None = None
    #: what it answers
    heard: Segment | None = None
    connected: bool = False
    #: the client has sent its FIN
    finished: bool = False
    #: its own has been sent, or need not be
    closed: bool = False
    #: what its timestamps echo
    echo: int = 0
    _born: int = 0
    _agenda: list[tuple[int, int, Callable[[], Segment]]] = field(default_factory=list)

    def segment(
        self, flags: Flags, *, payload: bytes = b"", seq: Seq | None = None, ack: Seq | None = None
    ) -> Segment:
        """An ordinary segment from here, at SND.NXT and with RCV.NXT unless told otherwise."""
        assert self.syn is not None
        syn = bool(flags & SYN)
        return Segment(
            src=self.syn.dst,
            dst=self.syn.src,
            sport=self.syn.dport,
            dport=self.syn.sport,
            seq=self.nxt if seq is None else seq,
            ack=self.rcv if ack is None else ack,
            flags=flags,
            window=self.window if syn else self.window >> self.shift,
            options=self._syn_options() if syn else () if flags & RST else self._stamps(),
            payload=payload,
        )

    def say(self, octets: bytes, more: Flags = PSH) -> Segment:
        """Data of its own, with ``more`` flags; what follows goes behind it."""
        data = self.segment(ACK | more, payload=octets)
        self.nxt = data.end
        return data

    @property
    def offered(self) -> tuple[Option, ...]:
        """The options of the client's SYN, if it answers any."""
        return self.syn.options if self.answers and self.syn is not None else ()

    @property
    def shift(self) -> int:
        """What its windows are shifted by, once connected."""
        return 7 if self.answers and self.syn is not None and self.syn.wscale is not None else 0

    def stamp(self) -> Option:
        """Its timestamps now: milliseconds, and the latest value of the client's."""
        passed = (time.time_ns() - self._born) // 1_000_000
        return option.timestamps((self.ticks + passed) % (1 << 32), self.echo)

    def later(self, seconds: float, make: Callable[[], Segment]) -> None:
        """Send what ``make`` makes that much later, whatever happens until then."""
        at = time.time_ns() + round(seconds * SECOND)
        heapq.heappush(self._agenda, (at, len(self._agenda), make))

    # What it does.

    def take(self, segment: Segment) -> Iterator[Segment | bytes]:
        """What it sends in answer to a segment of the client's."""
        self.heard = segment
        if segment.timestamps is not None:
            self.echo = segment.timestamps[0]
        if segment.rst:
            if "reset" in self.names:
                yield from self._send("reset", self.segment(RST | ACK, seq=Seq(0), ack=segment.end))
        elif segment.syn:
            self.syn, self.rcv, self.nxt = segment, segment.seq + 1, self.isn
            self._born = self._born or time.time_ns()
            ecn = Flags.ECE if segment.flags & _ECN_SETUP == _ECN_SETUP else Flags(0)
            yield from self._send("synack", self.segment(SYN | ACK | ecn))
        elif self.syn is not None:
            yield from self._synchronized(segment)

    def _synchronized(self, segment: Segment) -> Iterator[Segment | bytes]:
        opens = not self.connected and segment.has_ack
        if opens and self.careful and not self.isn < segment.ack <= self.nxt:
            yield from self._send("refusal", self.segment(RST, seq=segment.ack, ack=Seq(0)))
            return
        self.connected = self.connected or opens
        if segment.length and segment.seq == self.rcv and self.connected:
            self.rcv, self.finished = segment.end, segment.fin
            if segment.payload:
                yield from self._send("ack", self.segment(ACK))
            if segment.fin:
                yield from self._send("finack", self.segment(ACK))
        elif segment.length:
            yield from self._send("again", self.segment(ACK))
        if opens and self.says:
            yield from self._send("data", self.segment(ACK | PSH, payload=self.says))
        if (self.closes or self.finished) and self.connected and not self.closed:
            self.closed = True
            yield from self._send("fin", self.segment(ACK | FIN))

    def _send(self, name: str, right: Segment) -> Iterator[Segment | bytes]:
        if not right.rst:
            self.nxt = right.end
        self.count[name] += 1
        yield from self.alter(self, right) if name in self.names else (right,)

    def _syn_options(self) -> tuple[Option, ...]:
        """Those of an ordinary Linux server: an MSS, and what the client's SYN has offered."""
        assert self.syn is not None
        if not self.answers:
            return ()
        found = [option.mss(self.mss)]
        if self.syn.sack_permitted:
            found += [option.NOP, option.NOP, option.SACK_PERMITTED]
        if self.syn.wscale is not None:
            found += [option.NOP, option.wscale(7)]
        return (*found, *self._stamps())

    def _stamps(self) -> tuple[Option, ...]:
        agreed = self.answers and self.syn is not None and self.syn.timestamps is not None
        return (option.NOP, option.NOP, self.stamp()) if agreed else ()

    # When it does it.

    def due(self, now: int) -> Iterator[Segment]:
        """What was to be sent by ``now`` (ns since the epoch)."""
        while self._agenda and self._agenda[0][0] <= now:
            yield heapq.heappop(self._agenda)[2]()

    def patience(self, now: int) -> float:
        """How many milliseconds there are until more is due."""
        return max(0, self._agenda[0][0] - now) / 1e6 if self._agenda else inf


@dataclass(frozen=True)
class Met:
    """What became of a command that met such a server."""

    exchange: Exchange
    status: Exit
    #: for whoever has to understand a failure
    drawn: str

    @property
    def findings(self) -> list[str]:
        """The rules that the server is charged with having broken, each as often as it is."""
        return [found.rule for found in self.exchange.findings if found.end is End.SERVER]

    @property
    def ours(self) -> list[str]:
        """And those that rawshake is."""
        return [found.rule for found in self.exchange.findings if found.end is End.CLIENT]

    @property
    def segments(self) -> list[str]:
        """The exchange in packetdrill's notation."""
        isn, peer_isn = (
            next((s.segment.seq for s in self.exchange.steps if s.segment.syn and s.sender is end), None)
            for end in End
        )
        return [
            one_line(step.segment, isn=isn, peer_isn=peer_isn, from_client=True)
            if step.sender is End.CLIENT
            else one_line(step.segment, isn=peer_isn, peer_isn=isn, from_client=False)
            for step in self.exchange.steps
        ]


def meet(lab: Lab, peer: Peer, scratch: Path, *arguments: str, address: str = "") -> Met:
    """Run ``teardown`` with these ``arguments`` against ``peer``, which answers until the command has ended.

    The thread is on the client's side of ``lab``; ``scratch`` is a directory for the files of the command.
    """
    report, drawn = scratch / "report.json", scratch / "drawn"

    def command(address: str, port: int) -> list[str]:
        rawshake = [sys.executable, "-m", "rawshake", "teardown", address, str(port), "--compact"]
        return [*rawshake, "--linger", "0", "--json", str(report), *arguments]

    status = run(lab, peer, drawn, command, address=address)
    text = drawn.read_text(encoding="utf-8")
    assert report.exists(), text
    (exchange,) = load(report.read_text(encoding="utf-8")).exchanges
    return Met(exchange, Exit(status), text)


def run(
    lab: Lab, peer: Peer, drawn: Path, command: Callable[[str, int], list[str]], *, address: str = ""
) -> int:
    """Run the command that calls ``peer`` at that address and port; its exit status. ``drawn`` gets its output."""
    address = address or lab.address4
    with ExitStack() as stack:
        with lab.entered(Side.SERVER):
            guard = stack.enter_context(Guard(address))
            capture = stack.enter_context(Capture(address, guard.port, None, None))
            sender = stack.enter_context(Sender(address))
        craft.warm_up(v6=":" in address)
        output = stack.enter_context(drawn.open("wb"))
        process = stack.enter_context(
            subprocess.Popen(
                command(address, guard.port),
                env=environment({}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        )
        stack.callback(process.kill)
        ended = os.pidfd_open(process.pid)
        stack.callback(os.close, ended)
        _answer(peer, (address, guard.port), capture, sender, ended)
        return process.wait(LONG)


def _answer(peer: Peer, here: tuple[str, int], capture: Capture, sender: Sender, ended: int) -> None:
    """Play ``peer`` at the address and port ``here`` until the descriptor ``ended`` is readable."""
    deadline = time.time_ns() + round(LONG * SECOND)
    poll = select.poll()
    poll.register(capture, select.POLLIN)
    poll.register(ended, select.POLLIN)
    while (now := time.time_ns()) < deadline:
        for one in peer.due(now):
            _put(one, sender, peer)
        frame = capture.receive()
        if frame is None:
            patience = min((deadline - now) / 1e6, peer.patience(now))
            if any(descriptor == ended for descriptor, _ in poll.poll(patience)):
                return
            continue
        seen = decode(frame.packet)
        if isinstance(seen, Segment) and (seen.dst, seen.dport) == here:
            for answer in peer.take(seen):
                _put(answer, sender, peer)
    raise TimeoutError("the command does not end")


def _put(one: Segment | bytes, sender: Sender, peer: Peer) -> None:
    assert peer.syn is not None
    sender.send(craft.build(one) if isinstance(one, Segment) else one, peer.syn.src)


@dataclass(frozen=True)
class Case:
    """One kind of server: how it alters the segments called ``names``, and what the command then finds.

    ``expected`` is the rule that it breaks, or how it ends where it breaks none; ``options`` are the command's,
    and ``settings`` the Peer's.
    """

    name: str
    expected: str
    alter: Alter
    names: frozenset[str]
    options: tuple[str, ...]
    settings: Mapping[str, Any]

    def __str__(self) -> str:
        return self.name

    def meet(self, lab: Lab, scratch: Path, *options: str, address: str = "") -> Met:
        """Let the command meet such a server, with ``options`` besides its own."""
        peer = Peer(alter=self.alter, names=self.names, **self.settings)
        return meet(lab, peer, scratch, *self.options, *options, address=address)


class Cases(list[Case]):
    """Collects cases: ``@cases(EXPECTED, NAMES, *OPTIONS, **SETTINGS)`` above a function that alters.

    Names stand apart by spaces.
    """

    def __call__(self, expected: str, names: str, *options: str, **settings: Any) -> Callable[[Alter], Alter]:
        def register(alter: Alter) -> Alter:
            name = alter.__name__.replace("_", "-")
            self.append(Case(name, expected, alter, frozenset(names.split()), options, settings))
            return alter

        return register


def meet_all(
    lab: Lab, cases: Iterable[Case], scratch: Path, *options: str, address: str = ""
) -> Iterator[tuple[Case, Met]]:
    """What became of the command in all of these at once: they wait for timers, and so together."""

    def one(case: Case) -> tuple[Case, Met]:
        directory = scratch / case.name
        directory.mkdir()
        with lab.entered():  # each thread by itself
            return case, case.meet(lab, directory, *options, address=address)

    craft.warm_up(v6=":" in address)  # no two threads import at once
    with ThreadPoolExecutor(max_workers=32) as pool:
        yield from pool.map(one, cases)


def check(case: Case, met: Met) -> None:
    """Assert that the server is charged with the one breach, and rawshake with none that it was not asked for."""
    assert met.findings == [case.expected], met.drawn
    assert met.status == Exit.RULE_BROKEN, met.drawn
    assert met.ours == [] or "--bad" in case.options, met.drawn


def mentioned(case: Case, met: Met, verdict: Verdict, status: Exit | None = None) -> None:
    """Assert that there is that one finding, which is no breach; ``status`` is the outcome's unless given."""
    found = [(one.rule, one.end, one.verdict) for one in met.exchange.findings]
    assert found == [(case.expected, End.SERVER, verdict)], met.drawn
    assert met.status == (STATUS[met.exchange.outcome] if status is None else status), met.drawn
