"""Each segment of ours waits until somebody lets it go on, and nobody is blamed for that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest

from rawshake.judge import Ruling
from rawshake.link import Frame
from rawshake.pace import UNHURRIED, Pace, preview
from rawshake.profile import SECOND, Profile
from rawshake.report import Exchange, Outcome
from rawshake.rules import book
from rawshake.rules.model import Verdict
from rawshake.rules.registry import RULES
from rawshake.session import Session
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Step
from tests.honest import HonestServer
from tests.memory import Answers, MemoryLink, Peer, Reply, packed, silence
from tests.playbook import patient, started


@dataclass
class Onlooker:
    """Lets each segment go on ``after`` so many nanoseconds; remembers what was asked."""

    link: MemoryLink
    after: int
    asked: list[Step] = field(default_factory=list)
    withdrawn: int = 0
    _since: int | None = None

    def ask(self, step: Step) -> None:
        self.asked.append(step)
        if self._since is None:
            self._since = self.link.clock

    def opened(self) -> bool:
        if self._since is None or self.link.clock < self._since + self.after:
            return False
        self._since = None
        return True

    def withdraw(self) -> None:
        self.withdrawn += 1
        self._since = None


def stepping(peer: Peer, after: int, *, profile: Profile | None = None) -> tuple[Session, Onlooker]:
    session, link = started(peer, profile=profile or patient(), rules=book())
    onlooker = Onlooker(link, after)
    session.pace.gate = onlooker
    return session, onlooker


def talk(session: Session) -> Exchange:
    """Open, say something, hear it answered, close."""
    assert session.connect()
    session.send(b"hello", quiet=SECOND)
    assert session.close(deadline=session.link.now() + SECOND)
    return session.exchange(Outcome.CLOSED)


def flags(steps: list[Step]) -> list[str]:
    return [str(step.segment.flags) for step in steps]


@pytest.mark.parametrize("after", [0, 3 * SECOND, 20 * SECOND, 300 * SECOND])
@pytest.mark.parametrize(
    "peer", [HonestServer(says=b"welcome"), HonestServer(says=b"welcome", closes_first=True)]
)
def test_nobody_is_blamed_for_the_waiting(after: int, peer: HonestServer) -> None:
    session, _ = stepping(HonestServer(says=peer.says, closes_first=peer.closes_first), after)
    exchange = talk(session)
    assert [(one.rule, one.end, one.sentence) for one in exchange.findings] == []
    assert exchange.steps[-1].after.client.expected in (State.TIME_WAIT, State.CLOSED)


def test_what_the_peer_sends_again_meanwhile_is_in_the_transcript() -> None:
    patiently = talk(stepping(HonestServer(says=b"welcome"), 20 * SECOND)[0])
    at_once = talk(stepping(HonestServer(says=b"welcome"), 0)[0])

    def again(exchange: Exchange) -> list[str]:
        return flags([step for step in exchange.steps if step.again])

    assert again(patiently).count("S.") >= 4
    assert any("F" in one for one in again(patiently))
    assert again(at_once) == []


def test_each_segment_of_ours_is_asked_for_and_is_then_sent_so() -> None:
    session, onlooker = stepping(HonestServer(says=b"welcome"), SECOND)
    exchange = talk(session)
    ours = [step.segment for step in exchange.steps if step.ours]
    asked = iter(step.segment for step in onlooker.asked)
    assert flags([step for step in exchange.steps if step.ours])[:2] == ["S", "."]
    assert all(any(one == sent for one in asked) for sent in ours)  # in this order


def test_all_that_passed_is_told_before_anything_is_asked() -> None:
    session, onlooker = stepping(HonestServer(), SECOND)
    told: list[int] = []
    asking = onlooker.ask

    def ask(step: Step) -> None:
        told.append(len(session.entries))
        assert not session.untold
        asking(step)

    onlooker.ask = ask  # type: ignore[method-assign]
    assert session.connect()
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] >= 2


def test_patience_does_not_run_while_somebody_thinks() -> None:
    """Ten seconds without an answer are ten seconds of ours: SYNs go out as often as without the waiting."""
    session, onlooker = stepping(Answers(silence), 60 * SECOND)
    assert not session.connect()
    hasty, _ = stepping(Answers(silence), 0)
    assert not hasty.connect()
    assert len(session.entries) == len(hasty.entries) >= 3
    assert flags(onlooker.asked) == ["S"] * len(session.entries)


def test_what_is_no_longer_to_be_sent_is_not_asked_for_any_more() -> None:
    session, onlooker = stepping(HonestServer(), SECOND)
    assert session.connect()
    onlooker.after = 10**6 * SECOND
    session.endpoint.send(b"hello")
    session.run(lambda: onlooker.asked[-1].segment.payload == b"hello")
    assert isinstance(session.link, MemoryLink)
    asked = onlooker.asked[-1].segment
    reset = replace(
        asked, src=asked.dst, sport=asked.dport, dst=asked.src, dport=asked.sport, seq=asked.ack, ack=asked.seq,
        flags=Flags.RST | Flags.ACK, payload=b"", payload_length=0,
    )  # fmt: skip
    session.link.inject(packed(reset), SECOND)
    session.run(lambda: session.over)
    assert session.was_reset
    assert onlooker.withdrawn == 1


def test_once_released_nothing_is_asked() -> None:
    session, onlooker = stepping(HonestServer(), 10**6 * SECOND)
    session.pace.release(session.link.now())
    assert session.connect()
    assert onlooker.asked == []


def test_looking_ahead_decides_nothing() -> None:
    session, _ = stepping(HonestServer(), 0)
    assert session.connect()
    session.endpoint.send(b"hello")
    count = session.tracker.count
    first, second = (preview(session.endpoint, session.now()) for _ in range(2))
    assert first is not None
    assert first.segment.payload == b"hello"
    assert first == second
    assert session.tracker.count == count == first.number - 1


def ruling(rule: str, *, ours: bool) -> Ruling:
    return Ruling(rule, "", 1, End.CLIENT, "time", Verdict.FAIL, "late", ours=ours)


def test_only_what_we_are_charged_with_is_let_pass() -> None:
    session, _ = stepping(HonestServer(), 0)
    assert session.connect()
    late, theirs, other = (
        ruling("delayed-ack-under-500ms", ours=True),
        ruling("delayed-ack-under-500ms", ours=False),
        ruling("ack-never-back", ours=True),
    )
    assert session.pace.fair([late, theirs, other]) == (theirs, other)
    assert Pace().fair([late]) == (late,)


def test_the_rules_that_it_lets_pass_are_in_the_book() -> None:
    book()
    assert RULES.keys() >= UNHURRIED


def test_frames_are_taken_while_somebody_thinks() -> None:
    session, onlooker = stepping(HonestServer(says=b"welcome"), 5 * SECOND)
    seen: list[Frame] = []
    session.on_frame = seen.append
    talk(session)
    assert len(seen) >= len(onlooker.asked)


@dataclass
class Forgetful(HonestServer):
    """As Linux is: what nobody answers for ``memory`` ns is forgotten, and what comes after that is reset."""

    memory: int = 60 * SECOND
    _begun: int | None = None

    def deadline(self) -> int | None:
        ours = super().deadline()
        if self._begun is None:
            return ours
        return self._begun + self.memory if ours is None else min(ours, self._begun + self.memory)

    def woke(self, now: int) -> Iterable[Reply]:
        if self._begun is not None and now >= self._begun + self.memory:
            self._begun = self._at = self._meal = None
            self.state = "CLOSED"
            return
        yield from super().woke(now)

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        yield from super().took(segment, now)
        waits = self.state in ("SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2", "LAST-ACK")
        self._begun = (self._begun or now) if waits else None


@pytest.mark.parametrize("closes_first", [False, True])
def test_a_server_that_loses_patience_is_not_blamed(closes_first: bool) -> None:
    session, onlooker = stepping(Forgetful(says=b"x" * closes_first, closes_first=closes_first), 0)
    if closes_first:
        assert session.connect()
        session.run(lambda: session.peer.fin is not None)
    onlooker.after = 100 * SECOND
    if not closes_first:
        session.connect()
    session.close(deadline=session.link.now() + SECOND)
    session.run(lambda: session.over, deadline=session.link.now() + SECOND)
    exchange = session.exchange(Outcome.RESET)
    assert exchange.steps[-1].segment.rst
    assert [(one.rule, one.end, one.sentence) for one in exchange.findings] == []
