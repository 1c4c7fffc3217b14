"""What probes on closing note, find broken, or cannot tell, which no twin shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.grid.answers import Choice
from rawshake.probes.model import Probe
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.state import State
from tests.probes.stack import ADDRESS, SECOND, WINDOW, Alter, Connection, Stack
from tests.probes.twins import attempt


def the(probe: str) -> Probe:
    (found,) = select([probe])
    return found


def said(found: Attempt) -> str:
    return found.checks[-1].sentence


def answer(stack: Stack, segment: Segment, flags: Flags, *, ahead: int = 0, payload: bytes = b"") -> Segment:
    """A segment of a connection of ``stack`` at its SND.NXT + ``ahead``."""
    block = stack.block(segment.dport, segment.sport)
    return Segment(
        src=ADDRESS, dst=segment.src, sport=segment.dport, dport=segment.sport,
        seq=block.nxt + ahead, ack=block.rcv_nxt, flags=flags, window=WINDOW, payload=payload,
    )  # fmt: skip


class Forgetful(Stack):
    """Throws away what lies above a gap."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        yield from super().took(segment, now)
        for connection in self.connections.values():
            connection.terms.held.clear()


def test_a_fin_above_a_gap_that_is_thrown_away_is_noted() -> None:
    found = attempt(the("early-fin-awaits-the-data"), Forgetful())
    assert (found.verdict, said(found)) == (Verdict.NOTE, "SHLD-31: a FIN above a gap is thrown away.")


class OneWay(Stack):
    """Resets a connection whose client has closed its side."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if segment.fin:
            del self.connections[segment.dport, segment.sport]
            reset = Segment(
                src=ADDRESS, dst=segment.src, sport=segment.dport, dport=segment.sport,
                seq=segment.ack, flags=Flags.RST,
            )  # fmt: skip
            return [(0, reset)]
        return super().took(segment, now)


class Talkative(Stack):
    """Goes on with octets after its FIN."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        for after, reply in super().took(segment, now):
            yield after, reply
            if isinstance(reply, Segment) and reply.fin:
                yield after, answer(self, segment, Flags.ACK, payload=b"and more")


@pytest.mark.parametrize(
    ("stack", "verdict", "words"),
    [
        (OneWay(), Verdict.NOTE, "MAY-1: no half-close"),
        (Talkative(), Verdict.FAIL, "It sent more after its FIN."),
        (Stack(repeats=False, alter=lambda one: None if one.payload_length else one), Verdict.INCONCLUSIVE,
         "it stopped sending before its FIN."),
    ],
)  # fmt: skip
def test_a_half_close(stack: Stack, verdict: Verdict, words: str) -> None:
    found = attempt(the("half-close-leaves-the-other-way-open"), stack)
    assert found.verdict is verdict
    assert said(found).startswith(words)


class Brief(Stack):
    """Its server of bulk has little to say."""

    def _program(self, connection: Connection, before: State, text: bytes) -> Iterator[Segment]:
        if before is State.SYN_RECEIVED:
            connection.queue, connection.closing = b"that is all", True
        return super()._push(connection)


def test_a_half_close_of_a_server_that_has_said_all_tells_nothing() -> None:
    found = attempt(the("half-close-leaves-the-other-way-open"), Brief())
    assert (found.verdict, said(found)) == (Verdict.INCONCLUSIVE, "it had said all before our FIN came.")


def test_a_fin_that_is_taken_at_window_0_is_noted() -> None:
    class Takes(Stack):
        def took(self, segment: Segment, now: int) -> Iterable[Reply]:
            found = self.connections.get((segment.dport, segment.sport))
            if segment.fin and found is not None and found.block.rcv_wnd == 0:
                found.block = replace(found.block, rcv_wnd=1)
            return super().took(segment, now)

    found = attempt(the("fin-into-closed-window-answered"), Takes())
    assert (found.verdict, said(found)) == (Verdict.NOTE, "Linux: a FIN is taken although the window is 0.")


def test_a_window_that_does_not_close_tells_nothing() -> None:
    class Reads(Stack):
        def took(self, segment: Segment, now: int) -> Iterable[Reply]:
            for connection in self.connections.values():
                connection.block = replace(connection.block, rcv_wnd=WINDOW)
            return super().took(segment, now)

    found = attempt(
        the("fin-into-closed-window-answered"), Reads(alter=lambda one: replace(one, window=WINDOW))
    )
    assert found.verdict is Verdict.INCONCLUSIVE


def test_a_server_that_closed_for_good_may_reset_what_comes() -> None:
    probe = the("data-after-full-close-reset")
    assert attempt(probe, Stack(takes=frozenset({Choice.HALF_DUPLEX}))).verdict is Verdict.PASS
    # The client's ISN is 0xFFFFFFFF: 12 octets are acknowledged by 12.
    silent = Stack(alter=lambda one: None if one.ack.value == 13 else one)
    assert attempt(probe, silent).verdict is Verdict.WARN


class Misplaced(Stack):
    """Its FIN leaves a hole, or is a reset, or never comes."""

    def __init__(self, change: Alter) -> None:
        super().__init__(alter=lambda one: change(one) if one.fin else one)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: replace(one, seq=one.seq + 1), "It sent no FIN that follows its last octet."),
        (lambda one: None, "It sent no FIN that follows its last octet."),
        (lambda one: replace(one, flags=Flags.RST), "It reset where it should close."),
    ],
    ids=["hole", "none", "reset"],
)
@pytest.mark.parametrize("probe", ["closes-first-by-one-fin", "fin-waits-for-the-window"])
def test_a_fin_that_does_not_follow_the_data_is_a_fault(probe: str, change: Alter, words: str) -> None:
    found = attempt(the(probe), Misplaced(change))
    assert (found.verdict, said(found)) == (Verdict.FAIL, words)


def test_a_fin_that_comes_again_with_another_number_is_a_fault() -> None:
    seen: list[Segment] = []

    def moves(one: Segment) -> Segment:
        if one.fin:
            seen.append(one)
        return replace(one, seq=one.seq - 1) if one.fin and len(seen) > 2 else one

    found = attempt(the("own-fin-again-until-acked"), Stack(alter=moves))
    assert (found.verdict, said(found)) == (Verdict.FAIL, "Its FIN came again with another number.")


def test_a_fin_at_a_steady_pace_is_a_fault() -> None:
    found = attempt(the("last-ack-fin-ever-slower"), Stack(backs_off=1.0))
    assert found.verdict is Verdict.FAIL
    assert said(found).startswith("The FIN came again after 1.00, 1.00")


def test_questions_about_the_window_at_a_steady_pace_are_a_warning() -> None:
    found = attempt(the("fin-waits-for-the-window"), Stack(backs_off=1.0))
    assert (found.verdict, found.checks[-1].actual) == (Verdict.WARN, "1.00 s and 1.00 s")


class Impatient(Stack):
    """Ends what waits for more than ``patience`` ns for a segment."""

    patience = 60 * SECOND

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if now - self.now > self.patience:
            self.connections.clear()
        return super().took(segment, now)


def test_a_fin_wait_2_with_a_timer_is_noted_and_one_that_ends_at_once_is_a_fault() -> None:
    found = attempt(the("fin-wait-2-timed"), Impatient())
    assert (found.verdict, said(found)) == (
        Verdict.NOTE,
        "FIN-WAIT-2 ends by itself within 150 s; RFC 9293 has no such timer.",
    )
    hasty = Impatient()
    hasty.patience = SECOND
    assert attempt(the("fin-wait-2-timed"), hasty).verdict is Verdict.FAIL


@pytest.mark.parametrize("probe", ["fin-with-data-acked", "early-fin-awaits-the-data"])
def test_a_program_that_aborts_accuses_nobody(probe: str) -> None:
    class Aborts(Stack):
        ahead = 0

        def took(self, segment: Segment, now: int) -> Iterable[Reply]:
            if segment.payload_length:
                return [(0, answer(self, segment, Flags.RST | Flags.ACK, ahead=self.ahead))]
            return super().took(segment, now)

    found = attempt(the(probe), Aborts())
    assert (found.verdict, said(found)) == (Verdict.INCONCLUSIVE, "its program reset the connection.")
    wrong = Aborts()
    wrong.ahead = 1
    assert attempt(the(probe), wrong).verdict is Verdict.FAIL


class StartsAnew(Stack):
    """As gVisor once did it takes a FIN that it sends again for its first: after that, ours is awaited."""

    def woke(self, now: int) -> Iterable[Reply]:
        for one in self.connections.values():
            if one.block.state is State.LAST_ACK:
                one.block = replace(one.block, state=State.FIN_WAIT_1)
        return super().woke(now)


def test_last_ack_that_no_late_ack_ends_is_named() -> None:
    found = attempt(the("last-ack-ends-it-late-too"), StartsAnew())
    assert found.verdict is Verdict.FAIL
    assert ("flags", "R.?", ".") in [(one.field, one.expected, one.actual) for one in found.checks]
    assert attempt(the("last-ack-ends-it"), StartsAnew()).verdict is Verdict.PASS
