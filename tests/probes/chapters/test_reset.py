"""What probes on resets note, or cannot tell, which no twin shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.grid.answers import Choice
from rawshake.probes.model import Probe, Server
from rawshake.probes.result import Attempt
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.probes.stack import ADDRESS, PORTS, Stack
from tests.probes.twins import attempt

WITH_ACK = "RST,ACK where 3.10.7.1 has <SEQ=SEG.ACK><CTL=RST>: its ACK says nothing, and does no harm."


def the(probe: str) -> Probe:
    (found,) = select([probe])
    return found


def said(found: Attempt) -> str:
    return found.checks[-1].sentence


def test_an_ack_on_a_reset_is_noted() -> None:
    found = attempt(
        the("closed-port-resets-acks"),
        Stack(alter=lambda one: replace(one, flags=one.flags | Flags.ACK, ack=Seq(5))),
    )
    assert (found.verdict, said(found)) == (Verdict.NOTE, WITH_ACK)


@pytest.mark.parametrize("probe", ["closed-port-refuses", "closed-port-counts-seg-len"])
def test_a_closed_port_that_is_silent_throughout_may_be_firewalled(probe: str) -> None:
    found = attempt(the(probe), Stack(alter=lambda one: None))
    assert (found.verdict, said(found)) == (
        Verdict.INCONCLUSIVE,
        "it refuses by silence: a firewall, or a stack that was told to.",
    )


def test_a_closed_port_that_is_silent_to_some_is_at_fault() -> None:
    # The first ISN of a rehearsal is 0xFFFFFFFF: so the FIN is, of which 0 is acknowledged.
    silent = Stack(alter=lambda one: None if one.ack == Seq(0) else one)
    assert attempt(the("closed-port-counts-seg-len"), silent).verdict is Verdict.FAIL


class LikeWindows(Stack):
    """Resets in LISTEN what has neither RST, ACK nor SYN; ``off`` counts its ACK wrong."""

    off = 0

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        yield from super().took(segment, now)
        if segment.dport == PORTS[Server.OPEN] and not segment.flags & (Flags.RST | Flags.ACK | Flags.SYN):
            yield (
                0,
                Segment(
                    src=ADDRESS, dst=segment.src, sport=segment.dport, dport=segment.sport,
                    seq=Seq(0), ack=segment.end + self.off, flags=Flags.RST | Flags.ACK,
                ),
            )  # fmt: skip


def test_a_reset_of_a_fin_in_listen_is_noted_if_it_is_right() -> None:
    found = attempt(the("listen-drops-the-rest"), LikeWindows())
    assert found.verdict is Verdict.NOTE
    assert said(found).startswith("Windows: in LISTEN")
    wrong = LikeWindows()
    wrong.off = 1000
    assert attempt(the("listen-drops-the-rest"), wrong).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("probe", "choice", "words"),
    [
        ("rst-in-window-challenged", Choice.RFC_793_RST, "RFC 793: a RST anywhere in the window resets"),
        ("syn-in-window-challenged", Choice.RFC_793_SYN, "RFC 793: a SYN in the window resets"),
    ],
)
def test_who_follows_rfc_793_is_noted(probe: str, choice: Choice, words: str) -> None:
    found = attempt(the(probe), Stack(takes=frozenset({choice})))
    assert found.verdict is Verdict.NOTE
    assert said(found).startswith(words)


def test_a_reset_of_a_syn_that_ends_nothing_is_a_fault() -> None:
    def reset(one: Segment) -> Segment:
        challenge = one.flags == Flags.ACK and not one.length
        return replace(one, flags=Flags.RST, seq=Seq(0)) if challenge else one

    assert attempt(the("syn-in-window-challenged"), Stack(alter=reset)).verdict is Verdict.FAIL


class Tireless(Stack):
    """Challenges without limit."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        for connection in self.connections.values():
            connection.limits.challenges.clear()
        return super().took(segment, now)


def test_challenges_without_limit_are_noted_and_with_one_are_counted() -> None:
    found = attempt(the("challenge-acks-rationed"), Tireless())
    assert (found.verdict, said(found)) == (
        Verdict.NOTE,
        "Challenge ACKs are not limited: 20 of 20 in 1 s.",
    )
    assert attempt(the("challenge-acks-rationed"), Stack()).checks[-1].actual == "10 of 20"


@dataclass
class Speaking(Stack):
    """Says something by itself at the latest RST or SYN in a connection, so late that none waited for it."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        block = self.block(segment.dport, segment.sport)
        yield from super().took(segment, now)
        if block.state.synchronized and segment.flags & (Flags.RST | Flags.SYN):
            yield (
                1_000_000,
                Segment(
                    src=ADDRESS, dst=segment.src, sport=segment.dport, dport=segment.sport,
                    seq=block.nxt, ack=block.rcv_nxt, flags=Flags.ACK | Flags.PSH, payload=b"220 welcome\r\n",
                ),
            )  # fmt: skip


@pytest.mark.parametrize("probe", ["rst-outside-window-ignored-when-open", "rst-with-text-ends"])
def test_where_the_program_speaks_nothing_is_told(probe: str) -> None:
    found = attempt(the(probe), Speaking())
    assert (found.verdict, said(found)) == (
        Verdict.INCONCLUSIVE,
        "its program has spoken or closed meanwhile.",
    )


def test_linux_answers_a_reset_in_fin_wait_2() -> None:
    found = attempt(
        the("rst-outside-window-ignored-when-closing"), Stack(takes=frozenset({Choice.RST_ANSWERED}))
    )
    assert found.verdict is Verdict.NOTE
    assert said(found).startswith("Linux: FIN-WAIT-2")


def test_an_answer_to_a_reset_in_any_other_state_is_a_fault() -> None:
    class Answers(Stack):
        def took(self, segment: Segment, now: int) -> Iterable[Reply]:
            yield from super().took(segment, now)
            if segment.rst:
                block = self.connections[segment.dport, segment.sport].block
                answer = Segment(
                    src=ADDRESS, dst=segment.src, sport=segment.dport, dport=segment.sport,
                    seq=block.nxt, ack=block.rcv_nxt, flags=Flags.ACK,
                )  # fmt: skip
                yield 0, answer

    assert attempt(the("rst-outside-window-ignored-when-closing"), Answers()).verdict is Verdict.FAIL


def test_rfc_793_in_the_closing_states_is_noted() -> None:
    found = attempt(the("syn-challenged-when-closing"), Stack(takes=frozenset({Choice.RFC_793_SYN})))
    assert found.verdict is Verdict.NOTE
    assert (
        attempt(the("syn-challenged-in-last-ack"), Stack(takes=frozenset({Choice.RFC_793_SYN})))
        .checks[-1]
        .sentence.startswith("RFC 793")
    )
