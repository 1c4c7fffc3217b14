"""What a connection of a capture comes to: how it opened and ended, its numbers, and what was found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from rawshake.judge import Ruling
from rawshake.report import Exchange
from rawshake.tcp.notation import one_line
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate, Standing, Step, View


class Opened(Enum):
    """How the capture shows a connection to begin."""

    COMPLETE = "complete"
    REFUSED = "refused"
    NO_ANSWER = "no answer"
    INCOMPLETE = "incomplete"
    SIMULTANEOUS = "simultaneous"
    MIDSTREAM = "midstream"

    __hash__ = object.__hash__  # there is one of each, and an Enum's own takes five times as long


class Ended(Enum):
    """How the capture shows it to end; ``Connection.ended_by`` names the end that began it."""

    CLOSED = "closed"
    SIMULTANEOUS = "closed by both"
    HALF_CLOSED = "half-closed"
    RESET = "reset"
    OPEN = "open"

    __hash__ = object.__hash__  # there is one of each, and an Enum's own takes five times as long


# Millions of these are made, and named tuples are made much faster than frozen dataclasses.


class EndFacts(NamedTuple):
    """One end: its ISN if seen, the states it was left in, its FIN and resets, the octets that it sent."""

    isn: Seq | None = None
    proven: State | None = None
    expected: State | None = None
    state: str = "?"
    fin_sent: bool = False
    fin_acked: bool = False
    #: numbers of the segments with RST that it sent
    resets: tuple[int, ...] = ()
    #: octets of its stream that it sent, each counted once
    octets: int = 0
    #: segments that it sent, each as often as it was seen
    segments: int = 0


class Retransmissions(NamedTuple):
    """How many segments were sent again, by what they hold; one with data and FIN counts as FIN."""

    syn: int = 0
    syn_ack: int = 0
    fin: int = 0
    data: int = 0


class Facts(NamedTuple):
    """What happened, in short. Times are ns since the epoch.

    ``handshake_complete``: a SYN was seen, and both ends' were acknowledged without loss.
    """

    client: EndFacts = EndFacts()
    server: EndFacts = EndFacts()
    opened: Opened = Opened.MIDSTREAM
    ended: Ended = Ended.OPEN
    ended_by: End | None = None
    handshake_complete: bool = False
    segments: int = 0
    first_time: int | None = None
    last_time: int | None = None
    rtt: int | None = None
    retransmissions: Retransmissions = Retransmissions()


@dataclass(slots=True)
class _EndTally:
    syn_acked: bool = False
    fin_acked: bool = False
    resets: list[int] = field(default_factory=list)
    octets: int = 0
    segments: int = 0
    syns: int = 0
    syn_acks: int = 0


class Tally:
    """Gathers the facts of a connection step by step, in memory that does not grow with its length."""

    def __init__(self) -> None:
        self._ends = {End.CLIENT: _EndTally(), End.SERVER: _EndTally()}
        self._again: Counter[str] = Counter()
        self._last: Step | None = None
        self._first_time: int | None = None
        self._complete = False
        self._syn_seen = False
        self._syn_at: int | None = None
        self._rtt: int | None = None
        self._closer: End | None = None
        self._crossed = False
        self._resetter: End | None = None
        self._crossing_syns = False

    def add(self, step: Step) -> None:
        """Take the next step."""
        segment, sender = step.segment, step.sender
        tally = self._ends[sender]
        if self._last is None:
            self._first_time = step.time
        self._last = step
        tally.segments += 1
        tally.octets += _new_octets(step)
        if segment.rst:
            if len(tally.resets) < 100:
                tally.resets.append(step.number)
            self._resetter = self._resetter or (sender if step.now.proven is State.CLOSED else None)
        elif self._resetter is sender and step.now.proven is not State.CLOSED:
            self._resetter = None  # by hindsight that reset was not its own
        if step.again and not segment.rst and not (segment.syn and segment.has_ack and not tally.syn_acks):
            # When both open at once, the first SYN-ACK repeats a SYN, and is none that is sent again.
            self._again[_kind(step)] += 1
        if segment.syn:
            self._add_syn(step)
        if segment.fin and step.was.fin is None:
            self._add_fin(step)
        for end, view in zip(End, step.after, strict=True):
            if not self._ends[end].fin_acked and _acked(view, view.fin):
                self._ends[end].fin_acked = True
            if not self._complete and _acked(view, view.iss):
                self._ends[end].syn_acked = True
        # The tracker has done with a connection that was reset; an ACK that crossed the reset is one all the same.
        fin = step.peer_was.fin
        if fin is not None and segment.has_ack and segment.ack == fin + 1 and not segment.rst:
            self._ends[sender.other].fin_acked |= segment.checksum is not Checksum.WRONG
        if self._syn_seen and not self._complete:
            self._complete = all(one.syn_acked for one in self._ends.values())

    def _add_syn(self, step: Step) -> None:
        self._syn_seen = True
        self._ends[step.sender].syns += 1
        self._ends[step.sender].syn_acks += step.segment.has_ack
        if step.segment.has_ack:
            taken = step.fate is not Fate.LOST and step.standing is Standing.NEW
            if self._syn_at is not None and self._rtt is None and taken and not step.again:
                self._rtt = step.time - self._syn_at
            if step.again or taken:
                self._syn_at = None
        elif step.sender is End.CLIENT:
            # Karn: a SYN that was repeated times nothing.
            self._syn_at = step.time if self._ends[End.CLIENT].syns == 1 else None
        else:
            self._crossing_syns = True

    def _add_fin(self, step: Step) -> None:
        if self._closer is None:
            self._closer = step.sender
            return
        # They crossed if the second does not acknowledge the first.
        peer = step.peer_was.fin
        self._crossed = peer is not None and step.segment.has_ack and not step.segment.ack > peer

    def facts(self) -> Facts:
        """What is known so far."""
        last = self._last
        if last is None:
            return Facts()
        ended, by = self._ended(last)
        again = self._again
        return Facts(
            client=self._end(End.CLIENT, last.after.client),
            server=self._end(End.SERVER, last.after.server),
            opened=self._opened(last),
            ended=ended,
            ended_by=by,
            handshake_complete=self._complete,
            segments=last.number,
            first_time=self._first_time,
            last_time=last.time,
            rtt=self._rtt,
            retransmissions=Retransmissions(again["syn"], again["syn_ack"], again["fin"], again["data"]),
        )

    def _end(self, end: End, view: View) -> EndFacts:
        tally = self._ends[end]
        return EndFacts(
            isn=view.iss if tally.syns else None,
            proven=view.proven,
            expected=view.expected,
            state=view.state,
            fin_sent=view.fin is not None,
            fin_acked=tally.fin_acked,
            resets=tuple(tally.resets),
            octets=tally.octets,
            segments=tally.segments,
        )

    def _opened(self, last: Step) -> Opened:
        if not self._ends[End.CLIENT].syns:
            return Opened.MIDSTREAM
        if self._complete:
            return Opened.SIMULTANEOUS if self._crossing_syns else Opened.COMPLETE
        if self._resetter is End.SERVER and not self._ends[End.SERVER].syns:
            return Opened.REFUSED
        silent = not self._ends[End.SERVER].syns and last.after.server.nxt is None
        return Opened.NO_ANSWER if silent else Opened.INCOMPLETE

    def _ended(self, last: Step) -> tuple[Ended, End | None]:
        fins = [view.fin is not None for view in last.after]
        if self._resetter is not None and not all(tally.fin_acked for tally in self._ends.values()):
            return Ended.RESET, self._resetter
        if all(fins):
            return (Ended.SIMULTANEOUS, None) if self._crossed else (Ended.CLOSED, self._closer)
        if any(fins):
            return Ended.HALF_CLOSED, self._closer
        return Ended.OPEN, None


def facts(exchange: Exchange) -> Facts:
    """The facts of a whole transcript."""
    tally = Tally()
    for step in exchange.steps:
        tally.add(step)
    return tally.facts()


def _kind(step: Step) -> str:
    segment = step.segment
    if segment.syn:
        return "syn_ack" if segment.has_ack else "syn"
    return "fin" if segment.fin else "data"


def _new_octets(step: Step) -> int:
    """How many octets of payload the segment holds that its sender had not sent before."""
    before, after = step.was.nxt, step.now.nxt
    if after is None:
        return 0
    if before is None:
        return step.segment.payload_length
    if step.segment.end <= before:
        # Late, behind numbers that follow it; what was seen before is nothing new.
        return 0 if step.again or step.segment.rst or step.segment.syn else step.segment.payload_length
    numbers = after - before
    # Of the numbers that are new, SYN and FIN are no octets; a FIN is new but once.
    fin = step.now.fin is not None and step.was.fin is None
    return max(0, min(numbers - fin, step.segment.payload_length))


def _acked(view: View, number: Seq | None) -> bool:
    return number is not None and view.una is not None and view.una > number


def written(segment: Segment | None, tracker: Tracker) -> str:
    """The segment in packetdrill's notation, without its content; empty for none."""
    if segment is None:
        return ""
    if segment.checksum is Checksum.UNVERIFIABLE:
        # Nearly every segment near its sender is so.
        segment = replace(segment, checksum=Checksum.CORRECT)
    sender = tracker.sender_of(segment)
    me, peer = tracker.ends.of(sender), tracker.ends.of(sender.other)
    return one_line(segment, isn=me.iss, peer_isn=peer.iss, from_client=sender is End.CLIENT, content=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A finding and where it stands: the number of the frame in its capture, 0 if it came from none."""

    frame: int
    ruling: Ruling
    #: the segment in packetdrill's notation
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of a capture. ``number`` counts from 1 in the order of first frames.

    ``undecidable`` counts (rule, reason); ``held`` has the rules that were exercised and never broken;
    ``remarks`` say what is missing or was cut short. ``exchange`` is the transcript where it was kept.
    """

    number: int
    client: tuple[str, int]
    server: tuple[str, int]
    facts: Facts
    first_frame: int
    last_frame: int
    findings: tuple[Found, ...] = ()
    held: frozenset[str] = frozenset()
    undecidable: Counter[tuple[str, str]] = field(default_factory=Counter)
    remarks: tuple[str, ...] = ()
    exchange: Exchange | None = None


class Alike(NamedTuple):
    """Connections in which nothing was found, all complete and closed in the same way, counted and not told apart.

    All held the same rules; ``undecidable`` is the sum of all of them.
    """

    connections: int
    ended: Ended
    held: frozenset[str]
    undecidable: Counter[tuple[str, str]]
    first_time: int
    last_time: int
