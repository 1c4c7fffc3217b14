"""For every expectation of a probe a twin: the honest stack with one field of that answer changed, or one too many."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import GeneratorType
from typing import Any, Final

from rawshake.play import Action, Arrival, Conversation, Peer, perform, rehearse
from rawshake.play.actions import Expect, Quiet, Send
from rawshake.play.rehearse import CLIENT, MemoryLink, Reply, place
from rawshake.probes import park
from rawshake.probes.model import Probe, Server, Target
from rawshake.probes.result import Attempt
from rawshake.tcp import option
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import Step
from rawshake.verify.attempt import Trial
from tests.probes.stack import ADDRESS, PORTS, Stack

TARGET: Final = Target(ADDRESS, PORTS)

#: How a field of an answer is changed; what a sketch does not speak of is not changed.
CHANGES: Final[dict[str, Callable[[Segment], Segment]]] = {
    "flags": lambda s: replace(s, flags=s.flags ^ (Flags.FIN if s.rst else Flags.RST)),
    "seq": lambda s: replace(s, seq=s.seq + 1),
    "ack": lambda s: replace(s, ack=s.ack + 1),
    "octets": lambda s: replace(s, payload=s.payload + b"!", payload_length=s.payload_length + 1),
    "payload": lambda s: replace(s, payload=bytes(octet ^ 1 for octet in s.payload)),
    "window": lambda s: replace(s, window=s.window ^ 1),
    "urgent": lambda s: replace(s, urgent=s.urgent + 1),
    "options": lambda s: replace(s, options=(*s.options, option.make(254, b"xx"))),
    "ttl": lambda s: replace(s, ttl=s.ttl - 1),
    "ecn": lambda s: replace(s, ecn=s.ecn ^ 1),
}


@dataclass(frozen=True)
class Made:
    """An expectation that was met, in the order in which they were. ``arrival`` is None for silence.

    ``fields`` are those that its text speaks of; ``sent`` counts the segments that were sent before it, ``like``
    those like it that came before it.
    """

    text: str
    arrival: Segment | None
    fields: tuple[str, ...]
    sent: int
    like: int = 0
    #: of silence: their port and ours
    ports: tuple[int, int] = (0, 0)


@dataclass
class Watching:
    """A probe's script, with what it expects and gets written down."""

    probe: Probe
    made: list[Made] = field(default_factory=list)
    sent: int = 0

    def script(self, peer: Peer) -> Generator[Action[Any], Any, object]:
        acts = self.probe.play(peer, TARGET)
        value: object = None
        thrown: BaseException | None = None
        while True:
            try:
                action = acts.send(value) if thrown is None else acts.throw(thrown)
            except StopIteration as end:
                return end.value
            thrown = None
            try:
                value = yield action
            except Exception as error:  # noqa: BLE001  # handed on to the script
                thrown = error
                continue
            if isinstance(action, Send) or not _parking(acts):
                self._note(action, value)

    def _note(self, action: Action[Any], value: object) -> None:
        if isinstance(action, Send):
            self.sent += 1
        elif isinstance(action, Expect) and isinstance(value, Arrival):
            sketch = action.sketches[value.which]
            named = {
                "flags": True, "seq": sketch.seq, "ack": sketch.ack, "octets": sketch.octets,
                "payload": sketch.payload, "window": sketch.window, "urgent": sketch.urgent,
                "options": sketch.options if "..." not in (sketch.options or ()) else None,
                "ttl": sketch.ttl, "ecn": sketch.ecn,
            }  # fmt: skip
            fields = tuple(name for name, said in named.items() if said is not None)
            before = action.peer.entries[: action.peer.entries.index(value.step)]
            like = sum(isinstance(one, Step) and _alike(one.segment, value.segment) for one in before)
            self.made.append(Made(sketch.text, value.segment, fields, self.sent, like))
        elif isinstance(action, Quiet):
            ports = action.peer.there[1], action.peer.here[1]
            self.made.append(Made(str(action), None, (), self.sent, ports=ports))


def _parking(acts: object) -> bool:
    """Whether a recipe of ``park`` is at work: what that awaits is what a probe needs, not what it is about."""
    while isinstance(acts, GeneratorType):
        if acts.gi_code.co_filename == park.__file__:
            return True
        acts = acts.gi_yieldfrom
    return False


def _alike(one: Segment, other: Segment) -> bool:
    return all(
        getattr(one, name) == getattr(other, name) for name in ("flags", "seq", "ack", "length", "dport")
    )


@dataclass
class Twin(Stack):
    """The honest stack, of whose segments all like ``which`` are changed; or that says one thing more."""

    which: Segment | None = None
    #: how many of them are left as they are
    spared: int = 0
    change: Callable[[Segment], Segment | None] = lambda segment: segment
    #: after so many segments of ours an ACK that nothing called for, between these ports
    extra_after: int = 0
    ports: tuple[int, int] = (0, 0)
    _arrived: int = 0

    def __post_init__(self) -> None:
        self.alter = self._altered

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        yield from super().took(segment, now)
        self._arrived += 1
        if self._arrived == self.extra_after:
            yield 1_000_000, Segment(
                src=ADDRESS, dst=CLIENT, sport=self.ports[0], dport=self.ports[1],
                seq=Seq(77), ack=Seq(77), flags=Flags.ACK, window=1,
            )  # fmt: skip

    def _altered(self, segment: Segment) -> Segment | None:
        if self.which is None or not _alike(segment, self.which):
            return segment
        self.spared -= 1
        return segment if self.spared >= 0 else self.change(segment)


def port(probe: Probe, stack: Stack) -> int:
    """Where the probe finds ``stack``; a probe that waits to be dialled is, by whichever port."""
    stack.dials = probe.server is Server.DIALS
    return 0 if stack.dials else PORTS[probe.server]


def attempt(probe: Probe, stack: Stack) -> Attempt:
    """What the probe makes of ``stack``."""
    trial = Trial(probe, TARGET)
    conversation = Conversation(trial.script, place(port=port(probe, stack)))
    perform([conversation], MemoryLink(stack))
    return trial.attempt(conversation, 0)


def watched(probe: Probe, stack: Stack) -> list[Made]:
    """The expectations that the probe has of ``stack``, as they were met."""
    watching = Watching(probe)
    rehearse(watching.script, stack, port=port(probe, stack))
    return watching.made


def twins(probe: Probe, made: list[Made]) -> Iterator[tuple[str, Twin]]:
    """The twins of all expectations, and what is wrong with each."""
    for one in made:
        if one.arrival is None:
            yield f"{one.text}: something came", Twin(extra_after=one.sent, ports=one.ports)
            continue
        lost = Twin(which=one.arrival, spared=one.like, change=lambda segment: None)
        yield f"{one.text}: nothing came", lost
        for name in one.fields:
            yield f"{one.text}: {name}", Twin(which=one.arrival, spared=one.like, change=CHANGES[name])
