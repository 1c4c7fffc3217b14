"""The tracker on what is lost, repeated, late and out of order."""

from __future__ import annotations

import pytest

from rawshake.tcp.view import Step
from tests.tcp.playbook import At, check
from tests.tcp.test_tracker import HANDSHAKE


def test_every_segment_of_a_connection_lost_once() -> None:
    check("""
    > S 0:0(0) [lost]           # SYN-SENT / LISTEN?
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?, again
    < S. 0:0(0) ack 1 [lost]    # SYN-SENT / SYN-RECEIVED
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED, old, again
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED, again
    > . 1:1(0) ack 1 [lost]     # ESTABLISHED / SYN-RECEIVED
    < S. 0:0(0) ack 1           # ESTABLISHED / SYN-RECEIVED, old, again
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    > F. 1:1(0) ack 1 [lost]    # FIN-WAIT-1 / ESTABLISHED?
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?, again
    < . 1:1(0) ack 2 [lost]     # FIN-WAIT-1 / CLOSE-WAIT
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT, old, again
    < . 1:1(0) ack 2            # FIN-WAIT-2 / CLOSE-WAIT
    < F. 1:1(0) ack 2 [lost]    # FIN-WAIT-2 / LAST-ACK
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK, again
    > . 2:2(0) ack 2 [lost]     # TIME-WAIT / LAST-ACK
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK, old, again
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    """)  # fmt: skip


def test_a_tap_takes_a_repetition_for_the_news_that_the_ack_was_lost() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED, old, again
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED, again
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    < S. 0:0(0) ack 1           # ESTABLISHED / SYN-RECEIVED, old, again
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 2            # FIN-WAIT-2? / CLOSE-WAIT
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT, old, again
    < . 1:1(0) ack 2            # FIN-WAIT-2? / CLOSE-WAIT
    < F. 1:1(0) ack 2           # TIME-WAIT? / LAST-ACK
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK, old, again
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    """, At.TAP)  # fmt: skip


def test_the_answer_to_a_repeated_fin_crosses_it() -> None:
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?, old, again
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK
    < . 2:2(0) ack 2            # TIME-WAIT / LAST-ACK
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    """)  # fmt: skip


def _numbers(step: Step) -> tuple[int, int]:
    """What the server has next in expectation, and what of it is proven, relative to the client's ISN."""
    server, iss = step.after.server, step.after.client.iss
    assert server.rcv_nxt is not None
    assert server.acked is not None
    assert iss is not None
    return server.rcv_nxt - iss, server.acked - iss


@pytest.mark.parametrize("at", At)
def test_lost_data_leaves_a_gap_until_it_comes_again(at: At) -> None:
    steps = check(HANDSHAKE + """
    > P. 1:6(5) ack 1 [lost]    # ESTABLISHED / ESTABLISHED?
    > P. 6:11(5) ack 1          # ESTABLISHED / ESTABLISHED?
    < . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?, again
    < . 1:1(0) ack 11           # ESTABLISHED / ESTABLISHED
    """, at)  # fmt: skip
    assert [_numbers(step) for step in steps[3:]] == [(1, 1), (1, 1), (1, 1), (11, 1), (11, 11)]


def test_a_gap_is_filled_by_larger_and_overlapping_segments() -> None:
    steps = check(HANDSHAKE + """
    > P. 1:6(5) ack 1 [lost]    # ESTABLISHED / ESTABLISHED?
    > P. 6:11(5) ack 1          # ESTABLISHED / ESTABLISHED?
    > P. 14:19(5) ack 1         # ESTABLISHED / ESTABLISHED?
    > P. 9:15(6) ack 1          # ESTABLISHED / ESTABLISHED?
    > P. 1:7(6) ack 1           # ESTABLISHED / ESTABLISHED?, again
    """)  # fmt: skip
    assert [_numbers(step)[0] for step in steps[3:]] == [1, 1, 1, 1, 19]


@pytest.mark.parametrize("at", At)
def test_a_fin_that_overtakes_data_waits_for_it(at: At) -> None:
    """Out of order is not again: nothing of it had been seen."""
    sure = "" if at is At.CLIENT else "?"
    check(HANDSHAKE + f"""
    < F. 6:6(0) ack 1           # ESTABLISHED / FIN-WAIT-1
    > . 1:1(0) ack 1            # ESTABLISHED / FIN-WAIT-1
    < P. 1:6(5) ack 1           # CLOSE-WAIT{sure} / FIN-WAIT-1
    > . 1:1(0) ack 7            # CLOSE-WAIT / FIN-WAIT-2?
    """, at)  # fmt: skip


def test_a_fin_that_overtakes_its_own_ack() -> None:
    """On two cores a server's FIN can pass its ACK by microseconds."""
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK
    < . 1:1(0) ack 2            # TIME-WAIT / LAST-ACK, old
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    """)  # fmt: skip


def test_an_older_ack_takes_nothing_back() -> None:
    steps = check(HANDSHAKE + """
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    > P. 6:11(5) ack 1          # ESTABLISHED / ESTABLISHED?
    < . 1:1(0) ack 11           # ESTABLISHED / ESTABLISHED
    < . 1:1(0) ack 6            # ESTABLISHED / ESTABLISHED
    """)  # fmt: skip
    assert _numbers(steps[-1]) == (11, 11)
    assert steps[-1].after.client.una == steps[-1].after.client.nxt


def test_a_repeated_syn_ack_takes_back_no_data_that_is_under_way() -> None:
    steps = check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    < S. 0:0(0) ack 1           # ESTABLISHED / SYN-RECEIVED, old, again
    > . 6:6(0) ack 1            # ESTABLISHED / ESTABLISHED?
    > F. 6:6(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 7            # FIN-WAIT-2? / CLOSE-WAIT
    """, At.TAP)  # fmt: skip
    assert [_numbers(step)[0] for step in steps[2:]] == [6, 6, 6, 7, 7]


def test_what_the_capture_missed_is_learned_from_the_ack() -> None:
    """Octets 6 to 10 never passed here; that they were acknowledged says that they arrived."""
    steps = check(HANDSHAKE + """
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    > P. 11:16(5) ack 1         # ESTABLISHED / ESTABLISHED?
    < . 1:1(0) ack 16           # ESTABLISHED / ESTABLISHED
    > F. 16:16(0) ack 1         # FIN-WAIT-1 / CLOSE-WAIT?
    """)  # fmt: skip
    assert [_numbers(step) for step in steps[3:]] == [(6, 1), (6, 1), (16, 16), (17, 16)]


def test_an_ack_that_passed_before_its_data_counts_once_the_data_is_known() -> None:
    steps = check(HANDSHAKE + """
    < . 1:1(0) ack 6            # ESTABLISHED / ESTABLISHED?, bad ack
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    < P. 1:3(2) ack 6           # ESTABLISHED / ESTABLISHED
    """)  # fmt: skip
    assert _numbers(steps[-1]) == (6, 6)
