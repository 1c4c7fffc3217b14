"""Handshakes that are split or crossed, seen from the end that dials: RFC 9293 section 3.5, figures 7 and 8."""

from __future__ import annotations

import pytest

from rawshake.report import Outcome
from rawshake.session import Session
from tests.playbook import connect, play


def test_the_server_answers_by_an_ack_and_then_by_a_syn() -> None:
    """Four segments, as some middleboxes have it: the ACK alone opens nothing (3.10.7.3, fifth)."""
    play(
        """
        > S 0:0(0)  # SYN-SENT / SYN-RECEIVED?
        < . 0:0(0) ack 1
        < S 0:0(0) <mss 1460>  # SYN-RECEIVED? / SYN-RECEIVED?
        > S. 0:0(0) ack 1
        < . 1:1(0) ack 1  # ESTABLISHED / ESTABLISHED?
        """,
        connect,
        honest=False,
    )


def test_the_server_answers_by_a_syn() -> None:
    play(
        """
        > S 0:0(0)  # SYN-SENT / SYN-RECEIVED?
        < S 0:0(0) <mss 1460>
        > S. 0:0(0) ack 1
        < . 1:1(0) ack 1
        """,
        connect,
    )


@pytest.mark.parametrize("wrong", ["S. 0:0(0) ack 2", ". 0:0(0) ack 0", ". 0:0(0) ack 77"])
def test_an_ack_of_what_was_never_sent_is_reset(wrong: str) -> None:
    """In SYN-SENT: <SEQ=SEG.ACK><CTL=RST>, and it goes on waiting (3.10.7.3, first)."""

    def act(session: Session) -> None:
        assert session.connect()
        assert session.exchange(Outcome.HELD).steps[2].segment.rst

    acked = wrong.rpartition(" ")[2]
    play(
        f"""
        > S 0:0(0)
        < {wrong}
        > R {acked}:{acked}(0)
        < S. 0:0(0) ack 1 <mss 1460>
        > . 1:1(0) ack 1
        """,
        act,
        honest=False,
    )


@pytest.mark.parametrize(
    ("reset", "refused"), [("R. =0:0(0) ack 1", True), ("R. =0:0(0) ack 2", False), ("R =0:0(0)", False)]
)
def test_a_reset_counts_only_with_an_acceptable_ack(reset: str, refused: bool) -> None:
    text = f"> S 0:0(0)\n< {reset}"
    if refused:
        play(text, lambda session: not session.connect() and session.refused, honest=False)
    else:
        play(f"{text}\n< S. 0:0(0) ack 1 <mss 1460>\n> . 1:1(0) ack 1", connect, honest=False)
