"""Figures 6 to 13 of RFC 9293, by their numbers (RFC 793 had them as 7 to 14), and what goes wrong beside them."""

from __future__ import annotations

import pytest

from tests.tcp.playbook import At, check
from tests.tcp.test_tracker import HANDSHAKE


@pytest.mark.parametrize("at", At)
def test_figure_6_basic_handshake(at: At) -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    > . 1:11(10) ack 1          # ESTABLISHED / ESTABLISHED?
    """, at)  # fmt: skip


def test_figure_7_simultaneous_open() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S 0:0(0)                  # SYN-RECEIVED? / SYN-RECEIVED?
    > S. 0:0(0) ack 1           # SYN-RECEIVED / ESTABLISHED?, again
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED, again
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    < P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED
    """)  # fmt: skip


def test_figure_7_at_a_tap_proves_less() -> None:
    """Each ACK may be drawn by the other's SYN,ACK in SYN-RECEIVED: only data shows the end established."""
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S 0:0(0)                  # SYN-RECEIVED? / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED, again
    > S. 0:0(0) ack 1           # SYN-RECEIVED / ESTABLISHED?, again
    < . 1:1(0) ack 1            # ESTABLISHED? / ESTABLISHED?
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    < . 1:1(0) ack 6            # ESTABLISHED / ESTABLISHED
    """, At.TAP)  # fmt: skip


def test_figure_8_old_duplicate_syn_as_the_client_sees_it() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack -9          # SYN-SENT / SYN-RECEIVED, bad ack
    > R -9:-9(0)                # SYN-SENT / LISTEN?
    < S. 100:100(0) ack 1       # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 101          # ESTABLISHED / ESTABLISHED?
    """)  # fmt: skip


def test_figure_8_old_duplicate_syn_as_the_server_sees_it() -> None:
    check("""
    > S -10:-10(0)              # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack -9          # ESTABLISHED? / SYN-RECEIVED
    > R -9:-9(0)                # CLOSED / LISTEN?
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 100:100(0) ack 1       # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 101          # ESTABLISHED / ESTABLISHED?
    """, At.TAP)  # fmt: skip


@pytest.mark.parametrize("at", At)
def test_figure_9_half_open_connection_discovered(at: At) -> None:
    """The client has forgotten all and opens again; the server, still established, speaks of what was."""
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < . 300:300(0) ack -300     # SYN-SENT / SYN-RECEIVED?, bad ack
    > R -300:-300(0)            # SYN-SENT / LISTEN?
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?, again
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    """, at)  # fmt: skip


@pytest.mark.parametrize("at", At)
def test_figure_10_the_active_side_discovers_it(at: At) -> None:
    check("""
    < P. 300:310(10) ack 100    # ? / ESTABLISHED, unknown
    > R 100:100(0)              # CLOSED / CLOSED?
    """, at)  # fmt: skip


def test_figure_11_old_duplicate_syn_between_two_listeners() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > R 1:1(0)                  # CLOSED / LISTEN?
    """, At.TAP)  # fmt: skip


def test_figure_12_normal_close() -> None:
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 2            # FIN-WAIT-2 / CLOSE-WAIT
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    """)  # fmt: skip


def test_figure_13_simultaneous_close() -> None:
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 1           # CLOSING / CLOSING?
    > . 2:2(0) ack 2            # CLOSING / TIME-WAIT?
    < . 2:2(0) ack 2            # TIME-WAIT / TIME-WAIT?
    """)  # fmt: skip


def test_a_split_handshake() -> None:
    """The server answers with an ACK and a SYN apart: to the client that is a simultaneous open."""
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < . 0:0(0) ack 1            # SYN-SENT / SYN-RECEIVED?, dropped
    < S 0:0(0)                  # SYN-RECEIVED? / SYN-RECEIVED?
    > S. 0:0(0) ack 1           # SYN-RECEIVED / ESTABLISHED?, again
    < . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    < P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED
    """)  # fmt: skip


@pytest.mark.parametrize("at", At)
def test_an_ack_that_a_repeated_syn_draws_proves_nothing(at: At) -> None:
    """Where the network repeats a SYN, the server answers it with an ACK in SYN-RECEIVED."""
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    < . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    < . 1:1(0) ack 6            # ESTABLISHED / ESTABLISHED
    """, at)  # fmt: skip


@pytest.mark.parametrize("at", At)
def test_the_port_is_used_again_after_a_reset(at: At) -> None:
    """With other numbers, on either side of the old ones."""
    check(HANDSHAKE + """
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    > R 6:6(0)                  # CLOSED / CLOSED?
    > S -900:-900(0)            # SYN-SENT / CLOSED?, no connection
    < S. -70:-70(0) ack -899    # ESTABLISHED? / SYN-RECEIVED
    > . -899:-899(0) ack -69    # ESTABLISHED / ESTABLISHED?
    < P. -69:-64(5) ack -899    # ESTABLISHED / ESTABLISHED
    > F. -899:-899(0) ack -64   # FIN-WAIT-1 / CLOSE-WAIT?
    < . -64:-64(0) ack -898     # FIN-WAIT-2SURE / CLOSE-WAIT
    """.replace("SURE", "" if at is At.CLIENT else "?"), at)  # fmt: skip


def test_the_port_is_used_again_out_of_the_servers_time_wait() -> None:
    """RFC 9293 MAY-2: the server may take a SYN beyond all that the connection before it used."""
    check(HANDSHAKE + """
    < F. 1:1(0) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    > F. 1:1(0) ack 2           # LAST-ACK / TIME-WAIT?
    < . 2:2(0) ack 2            # CLOSED / TIME-WAIT
    > S 90000:90000(0)          # SYN-SENT / TIME-WAIT, out of window
    < S. 80000:80000(0) ack 90001   # ESTABLISHED? / SYN-RECEIVED
    > . 90001:90001(0) ack 80001    # ESTABLISHED / ESTABLISHED?
    < P. 80001:80006(5) ack 90001   # ESTABLISHED / ESTABLISHED
    """)  # fmt: skip


def test_what_a_listener_answers_after_a_reset_does_not_close_it() -> None:
    """The ACK arrived behind the reset that was sent after it."""
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 5           # SYN-SENT / SYN-RECEIVED, bad ack
    > R 5:5(0)                  # SYN-SENT / LISTEN?
    < R 1:1(0)                  # SYN-SENT / LISTEN, RST ignored
    """)  # fmt: skip


def test_a_reset_overtakes_the_syn_ack_that_was_sent_before_it() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S 0:0(0)                  # SYN-RECEIVED? / SYN-RECEIVED?
    > S. 0:0(0) ack 1           # SYN-RECEIVED / ESTABLISHED?, again
    < R 1:1(0)                  # CLOSED / CLOSED
    < S. 0:0(0) ack 1           # CLOSED / CLOSED, no connection, again
    """)  # fmt: skip
