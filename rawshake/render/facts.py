"""What happened in an exchange, in the few facts that a program asks for: opened, closed, reset, repeated."""

from __future__ import annotations

from dataclasses import dataclass

from rawshake.report import Exchange
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Step, View


@dataclass(frozen=True, slots=True)
class EndFacts:
    """One end: its ISN if seen, the two states it was left in, its FIN and its resets, octets it sent."""

    isn: Seq | None
    proven: State | None
    expected: State | None
    fin_sent: bool
    fin_acked: bool
    #: numbers of the segments with RST that it sent
    resets: tuple[int, ...]
    #: octets of its stream that it sent, each counted once
    octets: int


@dataclass(frozen=True, slots=True)
class Retransmissions:
    """How many segments were sent again, by what they hold; one with data and FIN counts as FIN."""

    syn: int
    syn_ack: int
    fin: int
    data: int


@dataclass(frozen=True, slots=True)
class Facts:
    """One exchange. ``handshake_complete``: a SYN was seen, and both ends' were acknowledged without loss."""

    client: EndFacts
    server: EndFacts
    handshake_complete: bool
    first_time: int | None
    last_time: int | None
    retransmissions: Retransmissions


def facts(exchange: Exchange) -> Facts:
    """The facts of an exchange; times in ns since the epoch, None where there is no segment."""
    steps = exchange.steps
    again = [step.segment for step in steps if step.again]
    bare = [segment for segment in again if not segment.syn]
    return Facts(
        client=_end(steps, End.CLIENT),
        server=_end(steps, End.SERVER),
        handshake_complete=any(step.segment.syn for step in steps)
        and any(all(_acked(end, end.iss) for end in step.after) for step in steps),
        first_time=steps[0].time if steps else None,
        last_time=steps[-1].time if steps else None,
        retransmissions=Retransmissions(
            syn=sum(segment.syn and not segment.has_ack for segment in again),
            syn_ack=sum(segment.syn and segment.has_ack for segment in again),
            fin=sum(segment.fin for segment in bare),
            data=sum(not segment.fin for segment in bare),
        ),
    )


def _end(steps: tuple[Step, ...], end: End) -> EndFacts:
    if not steps:
        return EndFacts(None, None, None, False, False, (), 0)
    view = steps[-1].after.of(end)
    views = [step.after.of(end) for step in steps]
    return EndFacts(
        isn=view.iss,
        proven=view.proven,
        expected=view.expected,
        fin_sent=view.fin is not None,
        # It may send its FIN again although an acknowledgment is under way: once acknowledged is enough.
        fin_acked=any(_acked(seen, seen.fin) for seen in views),
        resets=tuple(step.number for step in steps if step.sender is end and step.segment.rst),
        octets=sum(map(_new_octets, (step for step in steps if step.sender is end))),
    )


def _new_octets(step: Step) -> int:
    """How many octets of payload the segment holds that its sender had not sent before."""
    before, after = step.was.nxt, step.now.nxt
    if after is None:
        return 0
    if before is None:
        return step.segment.payload_length
    numbers = after - before
    # Of the numbers that are new, SYN and FIN are no octets; a FIN is new but once.
    fin = step.now.fin is not None and step.was.fin is None
    return max(0, min(numbers - fin, step.segment.payload_length))


def _acked(view: View, number: Seq | None) -> bool:
    return number is not None and view.una is not None and view.una > number
