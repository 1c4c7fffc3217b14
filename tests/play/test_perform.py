"""One loop for many conversations: each gets what is its own, at its time, and nobody waits for another."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from rawshake.link import Seen
from rawshake.play import Conversation, Ending, Peer, Place, Script, handshake, perform
from rawshake.play.perform import Troupe
from rawshake.play.rehearse import START, MemoryLink, Reply
from rawshake.tcp.notation import parse_segment
from rawshake.tcp.segment import Segment
from tests.honest import HonestServer
from tests.play.stacks import Answers, Honest

SECOND = 1_000_000_000


def hosts() -> Answers:
    """A host with an honest server for each port that calls."""
    servers: dict[int, Honest] = {}

    def answer(segment: Segment) -> Iterable[Reply]:
        server = servers.setdefault(segment.sport, Honest(HonestServer(isn=segment.sport)))
        return server.took(segment, START)

    return Answers(answer)


def conversations(count: int, script: Callable[[Peer], Script], *, first: int = 1000) -> list[Conversation]:
    ports, isns = iter(range(first, 60_000)), iter(range(1 << 20))
    place = Place(here="192.0.2.1", there="192.0.2.2", port=80, sports=ports, isns=isns)
    return [Conversation(script, place) for _ in range(count)]


def talk(peer: Peer) -> Script:
    synack = yield from handshake(peer)
    other = peer.another()
    yield from handshake(other)
    yield peer.wait(1)
    yield peer.send("P.", data=b"x")
    yield peer.expect(". ack 2")
    return synack.segment.seq.value


def test_hundreds_at_once_take_as_long_as_one() -> None:
    link = MemoryLink(hosts())
    playing = conversations(300, talk)
    perform(playing, link)
    assert [one.result and one.result.ending for one in playing] == [Ending.PLAYED] * 300
    # Each has spoken to the server of its own port.
    assert [one.result and one.result.value for one in playing] == [one.peers[0].here[1] for one in playing]
    assert link.now() - START < 1.01 * SECOND


def test_one_that_never_ends_its_turn_keeps_nobody_waiting() -> None:
    def flood(peer: Peer) -> Script:
        while True:
            yield peer.send("S")

    link = MemoryLink(hosts())
    (busy,), (calm,) = conversations(1, flood), conversations(1, handshake, first=2000)
    troupe = Troupe(link)
    troupe.add(busy)
    troupe.add(calm)
    troupe.run(until=lambda: calm.done)
    assert calm.result is not None
    assert calm.result.ending is Ending.PLAYED
    assert (troupe.playing, busy.done) == (1, False)
    troupe.stop()
    assert (troupe.playing, busy.done) == (0, True)


def test_further_ones_may_begin_when_one_has_ended() -> None:
    link = MemoryLink(hosts())
    waiting = conversations(10, talk)
    ended: list[Conversation] = []

    def next_one(conversation: Conversation) -> None:
        ended.append(conversation)
        if waiting:
            troupe.add(waiting.pop())

    troupe = Troupe(link, on_done=next_one)
    troupe.add(waiting.pop())
    troupe.run()
    assert len(ended) == 10
    assert link.now() - START > 10 * SECOND


def test_what_is_nobodys_is_told() -> None:
    def stray(segment: Segment) -> Iterable[Reply]:
        for port in (segment.sport, 7):
            yield 0, parse_segment("R =0:0(0)", src=("192.0.2.9", 80), dst=(segment.src, port))

    def script(peer: Peer) -> Script:
        yield peer.send("S")
        yield peer.quiet(0.1)

    strangers: list[Seen] = []
    troupe = Troupe(MemoryLink(Answers(stray)), on_stranger=strangers.append)
    (one,) = conversations(1, script)
    troupe.add(one)
    troupe.run()
    assert one.result is not None
    assert one.result.ending is Ending.PLAYED
    assert [isinstance(seen.what, Segment) and seen.what.dport for seen in strangers] == [1000, 7]


def test_it_can_be_left_at_a_deadline_and_gone_on_with() -> None:
    link = MemoryLink(hosts())
    troupe = Troupe(link)
    (one,) = conversations(1, talk)
    troupe.add(one)
    troupe.run(deadline=START + SECOND // 2)
    assert (link.now(), one.done) == (START + SECOND // 2, False)
    troupe.run()
    assert one.done is True


def test_what_a_checkpoint_raises_ends_the_run_between_two_segments() -> None:
    class StopIt(Exception):
        pass

    def stop() -> None:
        if link.now() > START:
            raise StopIt

    link = MemoryLink(hosts())
    troupe = Troupe(link, checkpoint=stop)
    (one,) = conversations(1, talk)
    troupe.add(one)
    with pytest.raises(StopIt):
        troupe.run()
    troupe.stop()
    assert one.result is not None
    assert one.result.ending is Ending.STOPPED


def test_it_ends_with_the_last_script_and_waits_for_nothing_more() -> None:
    """On a wire where nothing comes any more, whoever waits for the next segment waits for ever."""

    class Wire(MemoryLink):
        def receive(self, deadline: int | None) -> Seen | None:
            assert deadline is not None
            return super().receive(deadline)

    def script(peer: Peer) -> Script:
        yield peer.wait(0.1)

    troupe = Troupe(Wire(hosts()))
    (one,) = conversations(1, script)
    troupe.add(one)
    troupe.run()
    assert one.done


def test_one_can_be_ended_at_once_while_others_go_on() -> None:
    def waits(peer: Peer) -> Script:
        yield from handshake(peer)
        yield peer.wait(60)

    link = MemoryLink(hosts())
    ended: list[int] = []
    troupe = Troupe(link, on_done=lambda one: ended.append(link.now() - START))
    first, second = conversations(2, waits)
    troupe.add(first)
    troupe.add(second)
    troupe.run(deadline=START + SECOND)
    troupe.end(first)
    troupe.run()
    assert first.result is not None
    assert second.result is not None
    assert [first.result.ending, second.result.ending] == [Ending.STOPPED, Ending.PLAYED]
    assert [round(at / SECOND) for at in ended] == [1, 60]
    (exchange,) = first.exchanges()
    assert exchange.steps[-1].segment.rst
