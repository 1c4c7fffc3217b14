"""Captures in memory, followed and judged: connections and their summary, to be drawn and written."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from rawshake.connection import Connection, Ended, EndFacts, Facts, Found, Opened, Retransmissions
from rawshake.follow import Follower
from rawshake.render.summary import Summary
from rawshake.rules import book
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End
from tests.cli.traces import frames
from tests.render.exchanges import addresses, rulings, texts


@dataclass(frozen=True)
class Captured:
    """What became of a capture."""

    connections: list[Connection]
    summary: Summary


def captured(*exchanges: str, file: str = "trace.pcap") -> Captured:
    """Follow written exchanges as ``check`` does, and keep their transcripts."""
    connections: list[Connection] = []
    follower = Follower(book(), connections.append, keep=lambda connection: True)
    for number, frame in enumerate(frames(*exchanges), 1):
        follower.frame(replace(frame, number=number))
    totals = follower.finish()
    connections.sort(key=lambda one: one.number)
    summary = Summary(file, frames=totals.frames, segments=totals.segments, left_out=totals.left_out)
    for connection in connections:
        summary.add(connection)
    return Captured(connections, summary)


def summed(connections: list[Connection], file: str = "trace.pcap") -> Summary:
    """The summary of these."""
    summary = Summary(file, segments=sum(one.facts.segments for one in connections))
    for connection in connections:
        summary.add(connection)
    return summary


def _ends() -> st.SearchStrategy[EndFacts]:
    states = st.none() | st.sampled_from(State)
    return st.builds(
        EndFacts,
        isn=st.none() | st.builds(Seq, st.integers(0, 0xFFFFFFFF)),
        proven=states,
        expected=states,
        state=states.map(lambda state: "?" if state is None else f"{state.value}?"),
        fin_sent=st.booleans(),
        fin_acked=st.booleans(),
        resets=st.lists(st.integers(1, 10**6), max_size=3).map(tuple),
        octets=st.integers(0, 10**12),
        segments=st.integers(0, 10**9),
    )


def connections() -> st.SearchStrategy[Connection]:
    """Any connection, possible or not; without what a report does not keep."""
    times = st.none() | st.integers(0, 2 * 10**18)
    counts = st.integers(0, 10**6)
    facts = st.builds(
        Facts,
        client=_ends(),
        server=_ends(),
        opened=st.sampled_from(Opened),
        ended=st.sampled_from(Ended),
        ended_by=st.none() | st.sampled_from(End),
        handshake_complete=st.booleans(),
        segments=st.integers(0, 10**9),
        first_time=times,
        last_time=times,
        rtt=st.none() | st.integers(0, 10**13),
        retransmissions=st.builds(Retransmissions, counts, counts, counts, counts),
    )
    found = rulings(1, 1).map(lambda some: some[0]._replace(consequence=False, ours=False))
    findings = st.lists(st.builds(Found, st.integers(0, 10**9), found, texts(60)), max_size=4).map(
        lambda some: tuple(one for one in some if one.ruling.is_finding)
    )
    return st.builds(
        Connection,
        number=st.integers(1, 10**9),
        client=st.tuples(addresses(), st.integers(0, 65535)),
        server=st.tuples(addresses(), st.integers(0, 65535)),
        facts=facts,
        first_frame=st.integers(0, 10**9),
        last_frame=st.integers(0, 10**9),
        findings=findings,
        held=st.just(frozenset[str]()),
        remarks=st.lists(texts(60), max_size=2).map(tuple),
    )
