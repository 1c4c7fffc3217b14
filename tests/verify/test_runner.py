"""Many probes at once in memory: all are run, no more than the target bears, and what fails is tried again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, pairwise

import pytest

from rawshake.errors import Exit, Failure
from rawshake.link import Outgoing
from rawshake.play import Peer, Script, handshake
from rawshake.play.rehearse import CLIENT, MemoryLink, Reply
from rawshake.play.rehearse import Stack as Anyone
from rawshake.probes import catalogue, select
from rawshake.probes.gridprobes import grid
from rawshake.probes.model import Holds, Probe, Server, Target
from rawshake.probes.result import Result
from rawshake.rules.model import Level, Verdict
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.state import State
from rawshake.verify.progress import Progress
from rawshake.verify.runner import Runner
from tests.probes.stack import PORTS, Stack
from tests.probes.twins import TARGET


def isns() -> Iterator[int]:
    return (number * 0x9E3779B1 % (1 << 32) for number in count(1))


def runner(stack: Anyone, link: MemoryLink | None = None, **options: object) -> Runner:
    made = link or MemoryLink(stack)
    return Runner(link=made, target=TARGET, here=CLIENT, sports=count(20_000), isns=isns(), **options)  # type: ignore[arg-type]


def arrive(running: Runner) -> None:
    """Let all that is under way arrive."""
    until = running.link.now() + 1_000_000_000
    while running.link.receive(until) is not None:
        pass


def verdicts(results: Sequence[Result]) -> Counter[Verdict]:
    return Counter(result.verdict for result in results)


def waits(name: str, seconds: float, **options: object) -> Probe:
    """A probe that holds a connection for a while."""

    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        yield peer.wait(seconds)

    return Probe(name, "data", ("D01",), (), Level.MUST, script, **options)  # type: ignore[arg-type]


def test_all_probes_and_cells_pass_against_the_honest() -> None:
    told: list[Result] = []
    stack = Stack()
    running = runner(stack, jobs=100, on_result=told.append)
    probes = [*catalogue(), *grid(frozenset(PORTS))]
    results = running.run([probe for probe in probes if set(probe.servers) <= set(PORTS)])
    assert verdicts(results) == {Verdict.PASS: len(results)}
    assert told == results
    assert len({result.probe.id for result in results}) == len(results) > 820
    assert running.distress == 0


def test_each_connection_is_ended_by_a_reset() -> None:
    stack = Stack()
    running = runner(stack)
    running.run(select(["syn-opens", "data-acked-cumulatively", "rst-in-window-challenged"]))
    arrive(running)
    assert stack.connections == {}


def test_no_more_run_at_once_than_jobs() -> None:
    seen: list[Progress] = []
    probes = [waits(f"p{number}", 0.5) for number in range(30)]
    running = runner(Stack(), jobs=7, on_progress=seen.append)
    assert verdicts(running.run(probes)) == {Verdict.PASS: 30}
    assert max(one.running for one in seen) == 7
    assert (seen[-1].done, seen[-1].running, seen[-1].waiting) == (30, 0, 0)
    assert {name for one in seen for name in one.names} == {probe.id for probe in probes}


def test_no_more_are_half_open_than_a_short_backlog_holds() -> None:
    seen: list[Progress] = []
    half = [waits(f"half{number}", 0.5, holds=Holds.HALF_OPEN) for number in range(12)]
    full = [waits(f"full{number}", 0.5) for number in range(12)]
    running = runner(Stack(), jobs=10, half_open=3, on_progress=seen.append)
    assert verdicts(running.run([*half, *full])) == {Verdict.PASS: 24}
    assert max(sum(name.startswith("half") for name in one.names) for one in seen) == 3
    assert max(one.running for one in seen) == 10


def test_no_more_are_begun_than_the_rate_allows() -> None:
    running = runner(Stack(), jobs=100, rate=20)
    began = running.link.now()
    results = running.run([waits(f"p{number}", 0.01) for number in range(40)])
    assert (running.link.now() - began) / 1e9 >= 39 / 20
    starts = sorted(attempt.began for result in results for attempt in result.attempts)
    assert all(later - sooner >= 50_000_000 for sooner, later in pairwise(starts))


def test_a_probe_without_its_server_is_skipped() -> None:
    running = runner(Stack())
    running.target = Target(TARGET.address, {Server.OPEN: 80})
    (result,) = running.run(select(["closes-after-eof"]))
    assert (result.verdict, result.reason) == (Verdict.SKIPPED, "needs --closes-on-eof")


def test_what_fails_is_tried_again() -> None:
    stack = Stack(alter=lambda one: replace(one, ack=one.ack + 1) if one.rst else one)
    (result,) = runner(stack, repeat=2).run(select(["closed-port-refuses"]))
    assert (result.verdict, len(result.attempts), result.failed) == (Verdict.FAIL, 3, 3)
    (result,) = runner(stack, repeat=0).run(select(["closed-port-refuses"]))
    assert (result.verdict, len(result.attempts)) == (Verdict.FAIL, 1)


def test_a_lost_reply_is_no_fail() -> None:
    lost: list[Segment] = []

    def lose_first_reset(segment: Segment) -> Segment | None:
        if segment.rst and not lost:
            lost.append(segment)
            return None
        return segment

    (result,) = runner(Stack(alter=lose_first_reset)).run(select(["closed-port-refuses"]))
    assert (result.verdict, len(result.attempts), result.failed) == (Verdict.PASS, 2, 1)


def test_who_takes_too_long_is_ended() -> None:
    results = runner(Stack(), repeat=0).run([waits("long", 100, patience=2.0), waits("short", 0.1)])
    found = {result.probe.id: result for result in results}
    assert found["short"].verdict is Verdict.PASS
    assert found["long"].verdict is Verdict.INCONCLUSIVE
    assert found["long"].reason == "It took longer than 2 s."


def test_those_that_want_to_be_alone_are() -> None:
    seen: list[Progress] = []
    probes = [waits("flood", 0.3, alone=True), *(waits(f"p{number}", 0.3) for number in range(5))]
    results = runner(Stack(), jobs=10, on_progress=seen.append).run(probes)
    assert [result.probe.id for result in results][-1] == "flood"
    assert all(one.names == ("flood",) for one in seen if "flood" in one.names)


@dataclass
class Small(Stack):
    """Has room for so many connections; more are not answered."""

    room: int = 5

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        full = len(self.connections) >= self.room
        if full and segment.flags == Flags.SYN and (segment.dport, segment.sport) not in self.connections:
            return
        yield from super().took(segment, now)


def test_a_small_target_is_not_drowned() -> None:
    running = runner(Small(), jobs=32)
    results = running.run([waits(f"p{number}", 3.0) for number in range(40)])
    assert verdicts(results) == {Verdict.PASS: 40}
    assert running.distress > 0
    assert running.jobs <= 4


@dataclass
class Mortal(Stack):
    """Hangs for good when a certain segment comes."""

    deadly: Callable[[Segment], bool] = lambda segment: False
    dead: bool = False

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        self.dead = self.dead or self.deadly(segment)
        return () if self.dead else super().took(segment, now)


def kills(peer: Peer) -> Script:
    yield from handshake(peer)
    yield peer.send("P.", data=b"die")
    yield peer.wait(0.1)


def test_what_kills_the_target_is_named_where_it_ran_alone() -> None:
    killer = Probe("killer", "data", ("D01",), (), Level.MUST, kills, alone=True)
    stack = Mortal(deadly=lambda segment: segment.payload == b"die")
    results = runner(stack).run([waits("p", 0.1), killer])
    found = {result.probe.id: result for result in results}
    assert found["p"].verdict is Verdict.PASS
    assert found["killer"].verdict is Verdict.FAIL
    assert found["killer"].reason == "After this alone the target opens no connection any more."


def test_who_comes_after_what_killed_the_target_is_not_blamed() -> None:
    killer = Probe("killer", "data", ("D01",), (), Level.MUST, kills, alone=True)
    stack = Mortal(deadly=lambda segment: segment.payload == b"die")
    results = runner(stack).run([killer, waits("next", 0.1, alone=True)])
    assert [(result.probe.id, result.verdict, result.reason) for result in results] == [
        ("killer", Verdict.FAIL, "After this alone the target opens no connection any more."),
        ("next", Verdict.INCONCLUSIVE, "The target opened no connection any more, after killer."),
    ]


def test_a_target_that_died_leaves_nothing_but_doubt() -> None:
    killer = Probe("killer", "data", ("D01",), (), Level.MUST, kills)
    stack = Mortal(deadly=lambda segment: segment.payload == b"die")
    results = runner(stack, jobs=4).run([killer, *(waits(f"p{number}", 0.5) for number in range(20))])
    assert verdicts(results) == {Verdict.INCONCLUSIVE: 21}
    assert {result.reason for result in results} == {
        "The target opened no connection any more, after killer, p0, p1, p2."
    }


def test_a_target_that_never_served_is_told() -> None:
    with pytest.raises(Failure, match=r"192.0.2.2 port 80 opens no connection") as raised:
        runner(Mortal(dead=True)).run(select(["syn-opens"]))
    assert raised.value.status is Exit.FILTERED


@dataclass
class Forgetting(Stack):
    """Answers nothing that it has had before."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        block = self.block(segment.dport, segment.sport)
        old = block.state is State.ESTABLISHED and segment.seq < block.rcv_nxt
        return () if old else super().took(segment, now)


def test_who_answers_nothing_old_serves_all_the_same() -> None:
    running = runner(Forgetting())
    assert verdicts(running.run(select(["syn-opens"]))) == {Verdict.PASS: 1}
    assert running.distress == 0


class Walled(MemoryLink):
    """A link whose own firewall lets out no segment with SYN and FIN."""

    def send(self, outgoing: Outgoing) -> None:
        what = outgoing.what
        if isinstance(what, Segment) and what.syn and what.fin:
            raise Failure(Exit.LOCAL_FIREWALL, "This machine's own firewall does not let it out.")
        super().send(outgoing)


def test_what_our_own_firewall_eats_is_no_fault_of_the_target() -> None:
    stack = Stack()
    cells = [probe for probe in grid(frozenset(PORTS)) if probe.id in ("LISTEN/SYN+FIN", "LISTEN/ACK")]
    results = {
        one.probe.id: one for one in runner(stack, Walled(stack), repeat=0).run([*cells, waits("p", 0.2)])
    }
    assert results["LISTEN/ACK"].verdict is Verdict.PASS
    assert results["LISTEN/SYN+FIN"].verdict is Verdict.INCONCLUSIVE
    assert results["LISTEN/SYN+FIN"].reason == "This machine's own firewall does not let it out."


def test_stopped_it_leaves_the_target_clean() -> None:
    class Enough(Exception):
        pass

    def checkpoint() -> None:
        if len(stack.connections) >= 5:
            raise Enough

    stack = Stack()
    running = runner(stack, jobs=10, checkpoint=checkpoint)
    with pytest.raises(Enough):
        running.run([waits(f"p{number}", 5) for number in range(10)])
    running.checkpoint = lambda: None
    running.stop()
    arrive(running)
    assert {one.block.state for one in stack.connections.values()} <= {State.CLOSED}


def test_ports_are_released_after_a_while() -> None:
    released: list[int] = []
    runner(Stack(), jobs=2, release=released.append).run([waits(f"p{number}", 0.5) for number in range(20)])
    assert len(set(released)) == len(released) > 10
