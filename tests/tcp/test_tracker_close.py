"""The tracker on every way to close."""

from __future__ import annotations

import pytest

from tests.tcp.playbook import At, check
from tests.tcp.test_tracker import HANDSHAKE

CROSSING = {
    "client first, client acks first": """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 1           # CLOSING? / CLOSING?
    > . 2:2(0) ack 2            # CLOSING / TIME-WAIT?
    < . 2:2(0) ack 2            # TIME-WAIT? / TIME-WAIT?
    """,
    "client first, server acks first": """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 1           # CLOSING? / CLOSING?
    < . 2:2(0) ack 2            # TIME-WAIT? / CLOSING
    > . 2:2(0) ack 2            # TIME-WAIT? / TIME-WAIT?
    """,
    "server first, client acks first": """
    < F. 1:1(0) ack 1           # CLOSE-WAIT? / FIN-WAIT-1
    > F. 1:1(0) ack 1           # CLOSING? / CLOSING?
    > . 2:2(0) ack 2            # CLOSING / TIME-WAIT?
    < . 2:2(0) ack 2            # TIME-WAIT? / TIME-WAIT?
    """,
    "server first, server acks first": """
    < F. 1:1(0) ack 1           # CLOSE-WAIT? / FIN-WAIT-1
    > F. 1:1(0) ack 1           # CLOSING? / CLOSING?
    < . 2:2(0) ack 2            # TIME-WAIT? / CLOSING
    > . 2:2(0) ack 2            # TIME-WAIT? / TIME-WAIT?
    """,
}  # fmt: skip


@pytest.mark.parametrize("order", CROSSING)
def test_fins_that_cross_at_a_tap(order: str) -> None:
    check(HANDSHAKE + CROSSING[order], At.TAP)


def test_fins_that_cross_seen_by_the_client() -> None:
    """What was sent after the other's FIN came, and does not acknowledge it, says that they crossed."""
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 1           # CLOSING / CLOSING?
    > . 2:2(0) ack 2            # CLOSING / TIME-WAIT?
    < . 2:2(0) ack 2            # TIME-WAIT / TIME-WAIT?
    """)  # fmt: skip
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 1           # CLOSING / CLOSING?
    < . 2:2(0) ack 2            # TIME-WAIT / CLOSING
    > . 2:2(0) ack 2            # TIME-WAIT / TIME-WAIT?
    """)  # fmt: skip


def test_a_fin_that_we_pretend_has_crossed() -> None:
    check(HANDSHAKE + """
    < F. 1:1(0) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    > F. 1:1(0) ack 1           # LAST-ACK / CLOSING?
    < . 2:2(0) ack 2            # CLOSED / CLOSING
    """)  # fmt: skip


def test_crossing_fins_of_which_one_is_lost() -> None:
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 1 [lost]    # FIN-WAIT-1 / CLOSING?
    < . 2:2(0) ack 2            # FIN-WAIT-2 / CLOSING
    < F. 1:1(0) ack 2           # TIME-WAIT / CLOSING, again
    > . 2:2(0) ack 2            # TIME-WAIT / TIME-WAIT?
    """)  # fmt: skip


def test_crossing_fins_with_data() -> None:
    check(HANDSHAKE + """
    > FP. 1:6(5) ack 1          # FIN-WAIT-1 / CLOSE-WAIT?
    < FP. 1:11(10) ack 1        # CLOSING / CLOSING?
    > . 7:7(0) ack 12           # CLOSING / TIME-WAIT?
    < . 12:12(0) ack 7          # TIME-WAIT / TIME-WAIT?
    """)  # fmt: skip


def test_a_close_before_the_handshake_is_done() -> None:
    """The server's FIN leaves while our ACK is on its way, or lost."""
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 1 [lost]     # ESTABLISHED / SYN-RECEIVED
    < F. 1:1(0) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    > . 1:1(0) ack 2            # CLOSE-WAIT / FIN-WAIT-2?
    """)  # fmt: skip


def test_what_follows_a_fin_is_not_received() -> None:
    steps = check(HANDSHAKE + """
    < F. 1:1(0) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    < P. 2:7(5) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    > . 1:1(0) ack 2            # CLOSE-WAIT / FIN-WAIT-2?
    """)  # fmt: skip
    client, server = steps[-1].after
    assert server.fin is not None
    assert client.rcv_nxt == server.fin + 1


def test_a_second_fin_elsewhere_is_not_the_fin() -> None:
    check(HANDSHAKE + """
    < F. 1:1(0) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    < F. 4:4(0) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    > . 1:1(0) ack 2            # CLOSE-WAIT / FIN-WAIT-2?
    """)  # fmt: skip


def test_an_ack_beyond_the_fin_acknowledges_nothing() -> None:
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 3            # FIN-WAIT-1 / CLOSE-WAIT?, bad ack
    < . 1:1(0) ack 2            # FIN-WAIT-2 / CLOSE-WAIT
    """)  # fmt: skip


def test_a_fin_that_is_never_acknowledged() -> None:
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?, old, again
    < P. 1:6(5) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    """)  # fmt: skip


def test_fins_in_time_wait() -> None:
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK, old, again
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK, old, again
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    < R 2:2(0)                  # CLOSED / CLOSED
    """)  # fmt: skip
