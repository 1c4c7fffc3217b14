"""What a probe is: what it cites, what it needs and holds at the target, and what its script may say at its end."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NoReturn

from rawshake.play import Peer, Script
from rawshake.probes.scenarios import SCENARIOS, Mode
from rawshake.rules.model import Citation, Level, Verdict


class Server(Enum):
    """The kinds of port that probes need; the value is the option that names one."""

    OPEN = "open"  #: any port on which something listens
    ECHO = "echo"  #: sends back what it reads
    CLOSES_FIRST = "closes-first"  #: says something and closes, before its client does
    CLOSES_ON_EOF = "closes-on-eof"  #: closes at end of file, and only then
    BULK = "bulk"  #: sends much more than a window
    NO_READ = "no-read"  #: does not read for a while, so that its window closes
    CLOSED = "closed"  #: nothing listens
    DIALS = "dials"  #: connects to us, at the port that it is told as a line of text
    AGENT = "agent"  #: makes calls in the server's process on command

    def __str__(self) -> str:
        return self.value


class Holds(Enum):
    """What a probe takes up at the target while it runs, of which a small stack has few."""

    NOTHING = "nothing"
    HALF_OPEN = "half-open"  #: a place in the backlog
    ACCEPTED = "accepted"  #: a connection
    TIME_WAIT = "TIME-WAIT"  #: a connection that stays on for two MSL

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Target:
    """What is looked at: ``address`` in canonical text form, and the port of each kind of server that there is."""

    address: str
    ports: Mapping[Server, int]

    def port(self, server: Server) -> int:
        """The port of that kind. Raises ``Undecided`` with SKIPPED where none was named."""
        if server not in self.ports:
            raise Undecided(f"needs a server for --{server}", Verdict.SKIPPED)
        return self.ports[server]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was expected. ``what`` is the expectation as it was written; ``field`` what differs in it.

    ``expected`` and ``actual`` are in packetdrill's notation, or words; ``sentence`` says the whole, or what a
    choice is called.
    """

    what: str
    verdict: Verdict = Verdict.PASS
    field: str = ""
    expected: str = ""
    actual: str = ""
    sentence: str = ""


class Undecided(Exception):
    """Raised by a probe that cannot tell: ``reason`` is a sentence without its full stop."""

    def __init__(self, reason: str, verdict: Verdict = Verdict.INCONCLUSIVE) -> None:
        super().__init__(reason)
        self.reason = reason
        self.verdict = verdict


def undecided(reason: str) -> NoReturn:
    """End a probe that cannot tell."""
    raise Undecided(reason)


def skipped(reason: str) -> NoReturn:
    """End a probe about what the target need not have, and has not."""
    raise Undecided(reason, Verdict.SKIPPED)


def note(sentence: str, *, what: str = "") -> Check:
    """For a probe to return: it held, by a choice that is worth telling, which ``sentence`` names."""
    return Check(what or "which choice", Verdict.NOTE, sentence=sentence)


def warn(sentence: str, *, what: str = "", expected: str = "", actual: str = "", field: str = "") -> Check:
    """For a probe to return: a SHOULD that was not kept."""
    return Check(what or sentence, Verdict.WARN, field, expected, actual, sentence)


def broken(sentence: str, *, field: str, expected: object, actual: object, what: str = "") -> Check:
    """For a probe to return: broken in a way that no ``expect`` can say."""
    return Check(what or sentence, Verdict.FAIL, field, str(expected), str(actual), sentence)


ProbeFunction = Callable[..., Script]


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of the catalogue.

    ``script`` takes the Peer, a connection to the port of ``server`` not yet opened, and, if it has a second
    parameter, the Target. What it returns is None, a Check, or several: what an uncaught expectation does not say.
    ``also`` are further kinds of server that it needs. ``rules`` are ids of requirements that it tests. ``slow``:
    waits for minutes; ``alone``: runs while nothing else does.
    """

    id: str
    chapter: str
    scenarios: tuple[str, ...]
    citations: tuple[Citation, ...]
    level: Level
    script: ProbeFunction
    server: Server = Server.OPEN
    also: tuple[Server, ...] = ()
    rules: tuple[str, ...] = ()
    holds: Holds = Holds.ACCEPTED
    slow: bool = False
    alone: bool = False
    patience: float = field(default=30.0)

    @property
    def mode(self) -> Mode:
        """What its scenario needs; a cell of the grid, which has none, needs a port."""
        return SCENARIOS[self.scenarios[0]].mode if self.scenarios else Mode.WIRE

    @property
    def servers(self) -> tuple[Server, ...]:
        """All kinds of server that it needs."""
        return (self.server, *self.also)

    @property
    def page(self) -> str:
        """The docstring: what is done, why it matters, what known stacks do."""
        return inspect.getdoc(self.script) or ""

    @property
    def summary(self) -> str:
        """The first line of its page."""
        return self.page.partition("\n")[0]

    @property
    def cite(self) -> str:
        """All clauses as text."""
        return "; ".join(map(str, self.citations))

    def play(self, peer: Peer, target: Target) -> Script:
        """Begin its script."""
        wanted = len(inspect.signature(self.script).parameters)
        script: Script = self.script(peer, target) if wanted > 1 else self.script(peer)
        return script


#: From the best to the gravest: what a probe with several checks comes to.
_GRAVITY = (
    Verdict.PASS,
    Verdict.KNOWN,
    Verdict.NOTE,
    Verdict.WARN,
    Verdict.SKIPPED,
    Verdict.INCONCLUSIVE,
    Verdict.FAIL,
    Verdict.ERROR,
)


def gravest(*verdicts: Verdict) -> Verdict:
    """The gravest of them; PASS of none."""
    return max(verdicts, key=_GRAVITY.index, default=Verdict.PASS)
