"""What an agent tells is judged like what the wire shows; without one that answers nothing can be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import catalogue, select
from rawshake.probes.model import Server
from rawshake.rules.model import Verdict
from rawshake.tcp import option
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from tests.probes.stack import PORTS, Connection, Stack
from tests.probes.stack_agent import Calls
from tests.probes.twins import attempt

CONTROL = PORTS[Server.AGENT]
#: What a clock of timestamps has shown some seconds before all that is played in memory.
EARLIER = option.timestamp_clock(1_699_999_990_000_000_000)


def lying(**lies: str) -> Stack:
    """An agent that gives other answers to some orders."""
    return Stack(calls=Calls(lies=lies))


def verdict(name: str, stack: Stack) -> Verdict:
    (probe,) = select([name])
    return attempt(probe, stack).verdict


@pytest.mark.parametrize(
    ("name", "order", "answer"),
    [
        ("send-in-syn-sent-goes-out", "send", "error ENOTCONN"),
        ("refusal-told-to-program", "error", "ok 0"),
        ("port-unreachable-ends-attempt", "error", "ok 0"),
        ("half-closed-takes-data", "recv", "ok 6f6e65"),
        ("half-closed-takes-data", "recv", "ok eof"),
        ("linger-waits-for-ack-of-fin", "close", "error EIO"),
        ("reset-told-to-program", "recv", "ok eof"),
        ("user-timeout-obeyed", "error", "ok 0"),
        ("user-timeout-ends-asking", "error", "ok 0"),
        ("keep-alive-asks-and-gives-up", "error", "ok 0"),
        ("urgent-octet-out-of-band", "urgent", "ok 64"),
        ("received-in-order", "recv", "ok 6162"),
        ("calls-fail-by-state", "send", "ok 1"),
        ("calls-fail-by-state", "recv", "ok 00"),
        ("calls-fail-by-state", "connect", "ok"),
    ],
)
def test_what_the_program_is_told_counts(name: str, order: str, answer: str) -> None:
    assert verdict(name, lying(**{order: answer})) not in (Verdict.PASS, Verdict.NOTE)


AGENT = [probe.id for probe in catalogue() if probe.server is Server.AGENT]


@pytest.mark.parametrize("name", AGENT)
@pytest.mark.parametrize("answer", ["ok something-else 1", "error EINVAL", "", "ok"])
def test_what_is_no_agent_leaves_it_undecided(name: str, answer: str) -> None:
    assert verdict(name, lying(hello=answer)) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("name", AGENT)
def test_an_agent_that_goes_leaves_it_undecided(name: str) -> None:
    def leaves(segment: Segment) -> Segment | None:
        return None if segment.sport == CONTROL and segment.payload.startswith(b"ok rawshake") else segment

    assert verdict(name, Stack(alter=leaves)) is Verdict.INCONCLUSIVE


@dataclass
class Lossy(Stack):
    """Loses every third segment of the control connection, both ways; what it has sent it sends again."""

    timeout: int = 200_000_000
    count: int = 0
    lost: list[Seq] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.alter = lambda segment: None if segment.sport == CONTROL and self._loses(segment) else segment

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if segment.dport == CONTROL and self._loses(segment):
            return ()
        return list(super().took(segment, now))

    def _loses(self, segment: Segment) -> bool:
        if not segment.payload_length or segment.seq in self.lost:
            return False
        self.count += 1
        if self.count % 3:
            return False
        self.lost.append(segment.seq)
        return True


@pytest.mark.parametrize("name", ["calls-fail-by-state", "half-closed-takes-data", "linger-zero-resets"])
def test_orders_and_answers_may_get_lost(name: str) -> None:
    stack = Lossy()
    assert verdict(name, stack) is Verdict.PASS
    assert len(stack.lost) > 1


@pytest.mark.parametrize(
    "name", ["user-timeout-obeyed", "user-timeout-ends-asking", "keep-alive-asks-and-gives-up"]
)
def test_what_its_sockets_lack_is_not_judged(name: str) -> None:
    assert verdict(name, lying(set="error ENOPROTOOPT")) is Verdict.INCONCLUSIVE


@dataclass
class Aborting(Calls):
    """An ABORT resets whatever there is, or deletes it in silence."""

    resets: bool = True

    def resume(self, stack: Stack, now: int) -> Iterator[Segment]:
        closing = (State.CLOSING, State.TIME_WAIT)
        there = [one for one in stack.connections.values() if one.block.state in closing]
        if self.letting_go:
            for one in there:
                del stack.connections[one.here[1], one.there[1]]
                if self.resets:
                    yield stack._segment(one, Flags.RST, one.block.nxt)
        yield from super().resume(stack, now)


@pytest.mark.parametrize(
    ("name", "resets", "expected"),
    [
        ("abort-in-closing-is-silent", True, Verdict.WARN),
        ("abort-in-time-wait-is-silent", True, Verdict.FAIL),
        ("abort-in-time-wait-is-silent", False, Verdict.NOTE),
        ("close-in-time-wait-is-silent", False, Verdict.FAIL),
    ],
)
def test_the_last_states_end_in_silence(name: str, resets: bool, expected: Verdict) -> None:
    assert verdict(name, Stack(calls=Aborting(resets=resets))) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("small-segments-wait", Verdict.WARN), ("small-segments-leave-if-told", Verdict.FAIL)],
)
def test_small_segments_wait_just_if_they_should(name: str, expected: Verdict) -> None:
    class Contrary(Calls):
        """Takes TCP_NODELAY for its opposite."""

        def delays(self, connection: Connection, octets: int) -> bool:
            return connection.block.una != connection.block.nxt and not super().delays(connection, octets)

    assert verdict(name, Stack(calls=Contrary())) is expected


@dataclass
class Softened(Stack):
    """Gives up at soft errors, too."""

    def told(self, error: IcmpError, now: int) -> Iterable[Reply]:
        for key, one in list(self.connections.items()):
            if one.block.state is State.SYN_SENT:
                del self.connections[key]
                self.calls.lost(one, "EHOSTUNREACH")
        return ()


def test_a_soft_error_that_ends_an_attempt_is_noted() -> None:
    assert verdict("host-unreachable-survived", Softened()) is Verdict.NOTE


@dataclass
class Deaf(Stack):
    """Heeds no ICMP."""

    def told(self, error: IcmpError, now: int) -> Iterable[Reply]:
        return ()


def test_a_hard_error_that_ends_nothing_is_a_warning() -> None:
    assert verdict("port-unreachable-ends-attempt", Deaf()) is Verdict.WARN


def test_a_close_that_does_not_linger_is_noted() -> None:
    class Hasty(Calls):
        """Lets nothing linger."""

        def resume(self, stack: Stack, now: int) -> Iterator[Segment]:
            for one in self.sockets.values():
                one.options.pop("linger", None)
            return super().resume(stack, now)

    assert verdict("linger-waits-for-ack-of-fin", Stack(calls=Hasty())) is Verdict.NOTE


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda one: (), "The reset has no timestamp."),
        (lambda one: (option.timestamps(EARLIER, 1),), "The timestamp of the reset goes back."),
    ],
)
def test_a_reset_that_has_no_timestamp_or_an_old_one_is_a_warning(
    change: Callable[[Segment], tuple[option.Option, ...]], sentence: str
) -> None:
    stack = Stack(alter=lambda one: replace(one, options=change(one)) if one.rst else one)
    (probe,) = select(["abort-carries-timestamps"])
    found = attempt(probe, stack)
    assert (found.verdict, found.checks[-1].sentence) == (Verdict.WARN, sentence)
