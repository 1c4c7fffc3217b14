"""Opening: SYN, SYN-ACK, third ACK, and all that may come in their place."""

from __future__ import annotations

import pytest

from rawshake.endpoint import Want
from rawshake.profile import SECOND
from rawshake.session import Session
from tests.memory import Answers, MemoryLink, silence
from tests.playbook import HANDSHAKE, connect, connect_and_look_on, connect_in_vain, patient, play, started


def test_both_ends_after_each_segment_of_a_handshake() -> None:
    play(
        """
        > S 0:0(0)  # SYN-SENT / SYN-RECEIVED?
        < S. 0:0(0) ack 1 <mss 1460>  # ESTABLISHED? / SYN-RECEIVED
        > . 1:1(0) ack 1  # ESTABLISHED / ESTABLISHED?
        """,
        connect,
    )


@pytest.mark.parametrize("isn", [0, 1, 0x7FFFFFFF, 0x80000000, 4294967290, 4294967295])
@pytest.mark.parametrize("server_isn", [0, 0xFFFFFFFF])
def test_any_number_may_be_the_isn(isn: int, server_isn: int) -> None:
    play(HANDSHAKE, connect, profile=patient(isn), server_isn=server_isn)


def test_the_syn_goes_out_again_after_one_second_then_two_then_four() -> None:
    session = play(
        """
        > S 0:0(0)  # SYN-SENT / SYN-RECEIVED?
        +1 > S 0:0(0)  # SYN-SENT / SYN-RECEIVED?
        +2 > S 0:0(0)  # SYN-SENT / SYN-RECEIVED?
        +4 > S 0:0(0)  # SYN-SENT / SYN-RECEIVED?
        +8 > S 0:0(0)  # SYN-SENT / SYN-RECEIVED?
        """,
        connect_in_vain,
        profile=patient(timeout=20),
    )
    assert session.endpoint.gave_up
    assert session.link.now() - session.entries[0].step.time >= 20 * SECOND  # type: ignore[union-attr]


def test_it_gives_up_after_so_many_retries_and_one_more_wait() -> None:
    session = play("> S 0:0(0)\n+1 > S 0:0(0)\n+2 > S 0:0(0)", connect_in_vain, profile=patient(retries=2))
    waited = session.link.now() - session.entries[-1].step.time  # type: ignore[union-attr]
    assert waited // SECOND == 4


def test_no_retries_mean_one_syn() -> None:
    play("> S 0:0(0)", connect_in_vain, profile=patient(retries=0))


def test_the_timeout_cuts_a_wait_short() -> None:
    session = play("> S 0:0(0)\n+1 > S 0:0(0)", connect_in_vain, profile=patient(timeout=2))
    waited = session.link.now() - session.entries[0].step.time  # type: ignore[union-attr]
    assert waited == 2 * SECOND


def test_an_answer_to_the_second_syn_is_as_good() -> None:
    play(f"> S 0:0(0) [lost]\n+1 {HANDSHAKE.strip()}", connect, drops="syn:1")


def test_after_a_lost_syn_the_timeout_is_three_seconds() -> None:
    """RFC 6298 (5.7)."""

    def act(session: Session) -> None:
        assert session.connect()
        session.send(b"bcdef", quiet=SECOND)

    play(
        """
        > S 0:0(0) [lost]
        +1 > S 0:0(0)
        < S. 0:0(0) ack 1 <mss 1460>
        > . 1:1(0) ack 1
        > P. 1:6(5) ack 1 [lost]
        +3 > P. 1:6(5) ack 1
        < . 1:1(0) ack 6
        """,
        act,
        drops="syn:1,data:1",
    )


def test_a_lost_syn_ack_is_drawn_out_by_the_next_syn() -> None:
    play(
        """
        > S 0:0(0)  # SYN-SENT / SYN-RECEIVED?
        < S. 0:0(0) ack 1 <mss 1460> [lost]  # SYN-SENT / SYN-RECEIVED
        +0.999 > S 0:0(0)  # SYN-SENT / SYN-RECEIVED
        < S. 0:0(0) ack 1 <mss 1460>  # ESTABLISHED? / SYN-RECEIVED
        > . 1:1(0) ack 1  # ESTABLISHED / ESTABLISHED?
        """,
        connect,
        drops="synack:1",
    )


def test_a_syn_ack_that_comes_again_is_acknowledged_again() -> None:
    play(
        HANDSHAKE
        + """
        +1 < S. 0:0(0) ack 1 <mss 1460>  # ESTABLISHED / SYN-RECEIVED
        > . 1:1(0) ack 1  # ESTABLISHED / ESTABLISHED?
        +2 < S. 0:0(0) ack 1 <mss 1460>
        > . 1:1(0) ack 1
        """,
        connect_and_look_on,
    )


def test_a_lost_third_ack_is_sent_again_when_the_syn_ack_comes_again() -> None:
    play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 1 <mss 1460>
        > . 1:1(0) ack 1 [lost]  # ESTABLISHED / SYN-RECEIVED
        +1 < S. 0:0(0) ack 1 <mss 1460>  # ESTABLISHED / SYN-RECEIVED
        > . 1:1(0) ack 1  # ESTABLISHED / ESTABLISHED?
        """,
        connect_and_look_on,
        drops="ack:1",
    )


@pytest.mark.parametrize("ack", [0, 2, 100, -1, 0x80000000])
def test_a_syn_ack_that_acknowledges_something_else_is_reset_and_the_syn_goes_on(ack: int) -> None:
    """RFC 9293 section 3.10.7.3, first: <SEQ=SEG.ACK><CTL=RST>."""
    play(
        f"""
        > S 0:0(0)
        < S. 0:0(0) ack {ack} <mss 1460>  # SYN-SENT / SYN-RECEIVED
        > R {ack}:{ack}(0)
        +0.999 > S 0:0(0)
        < S. 0:0(0) ack 1 <mss 1460>
        > . 1:1(0) ack 1  # ESTABLISHED / ESTABLISHED?
        """,
        connect,
        honest=False,
    )


def test_bad_syn_acks_to_the_end() -> None:
    """Each is answered; the SYN goes on until the timeout."""
    session = play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 2
        > R 2:2(0)
        +0.999 > S 0:0(0)
        < S. 0:0(0) ack 2
        > R 2:2(0)
        +1.999 > S 0:0(0)
        """,
        connect_in_vain,
        profile=patient(timeout=5),
        honest=False,
    )
    assert session.endpoint.gave_up
    assert not session.refused


def test_a_syn_ack_with_a_wrong_checksum_is_as_good_as_none() -> None:
    play(
        """
        > S 0:0(0)
        < S. 0:0(0) ack 1 [bad checksum]
        +0.999 > S 0:0(0)
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1
        """,
        connect,
        honest=False,
    )


@pytest.mark.parametrize(
    "nothing", [". 1:1(0) ack 1", "F. 1:1(0) ack 1", "P. 1:4(3) ack 1", "- 1:1(0)", "F 1:1(0)"]
)
def test_what_has_neither_syn_nor_rst_opens_nothing(nothing: str) -> None:
    """RFC 9293 section 3.10.7.3, fifth."""
    play(
        f"""
        > S 0:0(0)
        < {nothing}  # SYN-SENT / SYN-RECEIVED?
        +0.999 > S 0:0(0)
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1
        """,
        connect,
        honest=False,
    )


def test_a_challenge_from_an_older_connection_is_reset() -> None:
    """RFC 9293 section 3.5.1, Figure 9: the server still holds a connection of these ports."""
    play(
        """
        > S 0:0(0)
        < . 5000:5000(0) ack 7000
        > R 7000:7000(0)
        +0.999 > S 0:0(0)
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1
        """,
        connect,
    )


def test_a_second_syn_ack_of_another_isn_is_challenged() -> None:
    play(
        HANDSHAKE
        + """
        < S. 50:50(0) ack 1
        > . 1:1(0) ack 1  # ESTABLISHED / ESTABLISHED?
        """,
        connect_and_look_on,
        honest=False,
    )


@pytest.mark.parametrize("delay", [0, 500])
def test_simultaneous_open(delay: int) -> None:
    play(
        """
        > S 0:0(0)  # SYN-SENT / SYN-RECEIVED?
        < S 0:0(0) <mss 1460>  # SYN-RECEIVED? / SYN-RECEIVED?
        > S. 0:0(0) ack 1  # SYN-RECEIVED / ESTABLISHED?
        < S. 0:0(0) ack 1 <mss 1460>  # ESTABLISHED? / SYN-RECEIVED
        > . 1:1(0) ack 1  # ESTABLISHED / ESTABLISHED?
        """,
        connect,
        link=lambda peer: MemoryLink(peer, copy_delay=delay),
    )


def test_a_lost_syn_ack_of_ours_is_repeated_as_such() -> None:
    play(
        """
        > S 0:0(0)
        < S 0:0(0)
        > S. 0:0(0) ack 1 [lost]
        +0.999 > S. 0:0(0) ack 1
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1
        """,
        connect,
        drops="synack:1",
    )


@pytest.mark.parametrize("reset", ["R. 0:0(0) ack 1", "R. =0:0(0) ack 1"])
def test_a_refusal(reset: str) -> None:
    session = play(
        f"> S 0:0(0)\n< {reset}  # CLOSED / CLOSED", connect_in_vain, honest=reset.startswith("R. =0")
    )
    assert (session.refused, session.was_reset) == (True, False)


@pytest.mark.parametrize("reset", ["R 0:0(0)", "R 1:1(0)", "R. 0:0(0) ack 2", "R. 0:0(0) ack 0"])
def test_a_reset_that_does_not_acknowledge_our_syn_is_not_believed(reset: str) -> None:
    session = play(
        f"""
        > S 0:0(0)
        < {reset}
        +0.999 > S 0:0(0)
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1
        """,
        connect,
        honest=False,
    )
    assert not session.refused


def test_whoever_wants_nothing_sends_nothing() -> None:
    session, link = started(Answers(silence))
    session.run(lambda: False, deadline=link.now() + SECOND)
    assert (session.endpoint.want, link.sent) == (Want.LISTEN, [])
