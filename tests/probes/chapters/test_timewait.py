"""What probes on TIME-WAIT note, find broken, or cannot tell, which no twin shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.grid.answers import Choice
from rawshake.probes.model import Probe
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.state import State
from tests.probes.stack import SECOND, Stack
from tests.probes.twins import attempt


def the(probe: str) -> Probe:
    (found,) = select([probe])
    return found


def said(found: Attempt) -> str:
    return found.checks[-1].sentence


def test_who_ignores_a_reset_is_noted() -> None:
    found = attempt(the("rst-in-time-wait"), Stack(takes=frozenset({Choice.RFC_1337})))
    assert (found.verdict, said(found)) == (Verdict.NOTE, "RFC 1337 F1: TIME-WAIT ignores a RST.")


def test_who_opens_anew_is_noted_and_must_choose_a_higher_isn() -> None:
    found = attempt(the("syn-above-time-wait"), Stack(takes=frozenset({Choice.REOPENED})))
    assert found.verdict is Verdict.NOTE
    assert said(found).endswith("65537 above the old SND.NXT.")

    def lower(one: Segment) -> Segment:
        again = one.syn and one.seq.value > 1_000_000
        return replace(one, seq=one.seq - 200_000) if again else one

    found = attempt(the("syn-above-time-wait"), Stack(takes=frozenset({Choice.REOPENED}), alter=lower))
    assert found.verdict is Verdict.FAIL
    assert said(found).startswith("It opens a new connection below")


def test_a_client_below_the_old_numbers_waits_where_a_reset_is_ignored() -> None:
    found = attempt(the("syn-below-time-wait"), Stack(takes=frozenset({Choice.RFC_1337})))
    assert found.verdict is Verdict.NOTE
    assert said(found).startswith("RFC 1337: TIME-WAIT ignores the RST")


class Answering(Stack):
    """Answers a SYN to a connection by ``flags``, or in silence where there are none."""

    flags = Flags(0)

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        known = (segment.dport, segment.sport) in self.connections
        for after, reply in super().took(segment, now):
            if not (known and segment.syn):
                yield after, reply
            elif self.flags and isinstance(reply, Segment):
                yield after, replace(reply, flags=self.flags)


def test_silence_to_a_stale_syn_is_noted_and_a_connection_is_a_fault() -> None:
    found = attempt(the("syn-below-time-wait"), Answering())
    assert found.verdict is Verdict.NOTE
    assert said(found).startswith("RFC 6191")
    for flags in (Flags.SYN | Flags.ACK, Flags.RST | Flags.ACK):
        stack = Answering()
        stack.flags = flags
        assert attempt(the("syn-below-time-wait"), stack).verdict is Verdict.FAIL


def test_an_answer_with_other_numbers_to_a_stale_syn_is_a_fault() -> None:
    class Confused(Stack):
        def took(self, segment: Segment, now: int) -> Iterable[Reply]:
            for after, reply in super().took(segment, now):
                if isinstance(reply, Segment) and segment.syn and not reply.syn:
                    yield after, replace(reply, ack=segment.end)
                else:
                    yield after, reply

    assert attempt(the("syn-below-time-wait"), Confused()).verdict is Verdict.FAIL


class Lasting(Stack):
    """Its TIME-WAIT lasts so many seconds, and is restarted by FINs or not."""

    seconds = 60
    restarts = True

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        found = self.connections.get((segment.dport, segment.sport))
        since = found.limits.since if found else None
        if found is not None:
            found.limits.two_msl = self.seconds * SECOND
        yield from super().took(segment, now)
        if found is not None and since is not None and not self.restarts:
            found.limits.since = since


def lasting(seconds: int, *, restarts: bool = True) -> Stack:
    stack = Lasting()
    stack.seconds, stack.restarts = seconds, restarts
    return stack


def test_how_long_time_wait_lasts_is_told() -> None:
    for seconds, between in ((30, "20 to 55"), (60, "55 to 115"), (120, "115 to 235")):
        found = attempt(the("time-wait-lasts"), lasting(seconds))
        assert found.verdict is Verdict.NOTE
        assert said(found) == f"TIME-WAIT lasts for {between} s; 2 MSL are 240 s by the letter."
    found = attempt(the("time-wait-lasts"), lasting(10))
    assert (found.verdict, found.checks[-1].actual) == (Verdict.WARN, "less than 20 s")


def test_a_timer_that_no_fin_restarts_is_a_warning() -> None:
    assert attempt(the("fins-restart-time-wait"), lasting(60)).verdict is Verdict.PASS
    found = attempt(the("fins-restart-time-wait"), lasting(50, restarts=False))
    assert (found.verdict, found.checks[-1].actual) == (Verdict.WARN, "60 s")
    assert attempt(the("fins-restart-time-wait"), lasting(10)).verdict is Verdict.INCONCLUSIVE


def test_a_syn_of_a_later_time_that_is_not_served_is_a_warning_and_a_lower_isn_a_fault() -> None:
    class Strict(Stack):
        def took(self, segment: Segment, now: int) -> Iterable[Reply]:
            for connection in self.connections.values():
                if connection.block.state is State.TIME_WAIT:
                    connection.terms.recent = 1 << 30
            return super().took(segment, now)

    assert attempt(the("newer-timestamp-reopens-time-wait"), Strict()).verdict is Verdict.WARN

    def lower(one: Segment) -> Segment:
        return replace(one, seq=one.seq - 1_500_000) if one.syn and one.seq.value > 1_000_000 else one

    found = attempt(the("newer-timestamp-reopens-time-wait"), Stack(alter=lower))
    assert (found.verdict, found.checks[-1].field) == (Verdict.FAIL, "seq")


def test_a_syn_of_an_earlier_time_may_be_dropped_and_not_be_served() -> None:
    found = attempt(the("older-timestamp-refused-in-time-wait"), Answering())
    assert found.verdict is Verdict.NOTE
    assert said(found).startswith("RFC 6191")
    stack = Answering()
    stack.flags = Flags.SYN | Flags.ACK
    assert attempt(the("older-timestamp-refused-in-time-wait"), stack).verdict is Verdict.WARN


def test_a_stack_without_timestamps_is_not_asked_about_them() -> None:
    plain = Stack(alter=lambda one: replace(one, options=()))
    assert attempt(the("newer-timestamp-reopens-time-wait"), plain).verdict is Verdict.SKIPPED
