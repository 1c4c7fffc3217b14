"""The tracker on handshakes and data: states of both ends, proven and expected, after every segment."""

from __future__ import annotations

import pytest

from rawshake.tcp.view import End
from tests.tcp.playbook import At, check

HANDSHAKE = """
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
"""


def test_handshake_and_a_close_by_the_client() -> None:
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 2            # FIN-WAIT-2 / CLOSE-WAIT
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    """)  # fmt: skip


def test_the_same_seen_by_a_tap_is_proven_later() -> None:
    """What passes to the client is not known to arrive until the client says so."""
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 2            # FIN-WAIT-2? / CLOSE-WAIT
    < F. 1:1(0) ack 2           # TIME-WAIT? / LAST-ACK
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    """, At.TAP)  # fmt: skip


def test_data_both_ways() -> None:
    steps = check(HANDSHAKE + """
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    < . 1:1(0) ack 6            # ESTABLISHED / ESTABLISHED
    < P. 1:11(10) ack 6         # ESTABLISHED / ESTABLISHED
    > . 6:6(0) ack 11           # ESTABLISHED / ESTABLISHED
    """)  # fmt: skip
    client, server = steps[-1].after
    assert client.iss is not None
    assert server.iss is not None
    assert client.nxt == client.una == server.rcv_nxt == server.acked == client.iss + 6
    assert server.nxt == server.una == client.rcv_nxt == client.acked == server.iss + 11
    assert client.una_proven == client.una
    assert server.una_proven == server.iss + 1  # nothing that it sent shows that the last ACK arrived


def test_the_servers_first_word_proves_it_established() -> None:
    check(HANDSHAKE + """
    < P. 1:4(3) ack 1           # ESTABLISHED / ESTABLISHED
    """)  # fmt: skip


def test_fin_and_ack_in_one_segment() -> None:
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    """)  # fmt: skip


def test_the_server_closes_first() -> None:
    check(HANDSHAKE + """
    < F. 1:1(0) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    > . 1:1(0) ack 2            # CLOSE-WAIT / FIN-WAIT-2?
    > F. 1:1(0) ack 2           # LAST-ACK / TIME-WAIT?
    < . 2:2(0) ack 2            # CLOSED / TIME-WAIT
    """)  # fmt: skip


def test_the_server_closes_first_and_the_client_answers_in_one() -> None:
    check(HANDSHAKE + """
    < F. 1:1(0) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    > F. 1:1(0) ack 2           # LAST-ACK / TIME-WAIT?
    < . 2:2(0) ack 2            # CLOSED / TIME-WAIT
    """)  # fmt: skip


def test_half_close_with_data_from_the_server() -> None:
    check(HANDSHAKE + """
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 2            # FIN-WAIT-2 / CLOSE-WAIT
    < P. 1:101(100) ack 2       # FIN-WAIT-2 / CLOSE-WAIT
    > . 2:2(0) ack 101          # FIN-WAIT-2 / CLOSE-WAIT
    < FP. 101:151(50) ack 2     # TIME-WAIT / LAST-ACK
    > . 2:2(0) ack 152          # TIME-WAIT / CLOSED?
    """)  # fmt: skip


def test_half_close_by_the_server_and_data_from_the_client() -> None:
    check(HANDSHAKE + """
    < F. 1:1(0) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    > . 1:1(0) ack 2            # CLOSE-WAIT / FIN-WAIT-2?
    > P. 1:6(5) ack 2           # CLOSE-WAIT / FIN-WAIT-2?
    < . 2:2(0) ack 6            # CLOSE-WAIT / FIN-WAIT-2
    > F. 6:6(0) ack 2           # LAST-ACK / TIME-WAIT?
    < . 2:2(0) ack 7            # CLOSED / TIME-WAIT
    """)  # fmt: skip


def test_fin_with_data_before_anything_is_acknowledged() -> None:
    check(HANDSHAKE + """
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    > FP. 6:11(5) ack 1         # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 6            # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 12           # FIN-WAIT-2 / CLOSE-WAIT
    """)  # fmt: skip


def test_data_on_the_third_ack() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    < . 1:1(0) ack 6            # ESTABLISHED / ESTABLISHED
    """)  # fmt: skip


def test_fin_on_the_third_ack() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 2            # FIN-WAIT-2 / CLOSE-WAIT
    """)  # fmt: skip


@pytest.mark.parametrize("at", At)
def test_data_on_the_syn_that_the_server_leaves_aside(at: At) -> None:
    steps = check("""
    > S 0:5(5)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > . 6:6(0) ack 1            # ESTABLISHED / ESTABLISHED?
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?, again
    < . 1:1(0) ack 6            # ESTABLISHED / ESTABLISHED
    """, at)  # fmt: skip
    assert steps[0].after.server.rcv_nxt == steps[0].segment.seq + 6
    assert steps[1].after.server.rcv_nxt == steps[0].segment.seq + 1
    assert steps[3].after.server.rcv_nxt == steps[0].segment.seq + 6


def test_data_on_the_syn_that_the_server_takes_and_answers_early() -> None:
    """Fast Open: what the server says before the third ACK does not prove that it got one."""
    check("""
    > S 0:5(5)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 6           # ESTABLISHED? / SYN-RECEIVED
    < P. 1:8(7) ack 6           # ESTABLISHED / SYN-RECEIVED
    > . 6:6(0) ack 8            # ESTABLISHED / ESTABLISHED?
    """)  # fmt: skip


def test_data_on_the_syn_ack() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:4(4) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 5            # ESTABLISHED / ESTABLISHED?
    """)  # fmt: skip


def test_zero_window_and_its_probe() -> None:
    steps = check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1 win 5     # ESTABLISHED? / SYN-RECEIVED
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    < . 1:1(0) ack 6 win 0      # ESTABLISHED / ESTABLISHED
    > . 6:7(1) ack 1            # ESTABLISHED / ESTABLISHED, out of window
    < . 1:1(0) ack 6 win 0      # ESTABLISHED / ESTABLISHED
    > . 6:7(1) ack 1            # ESTABLISHED / ESTABLISHED, out of window, again
    < . 1:1(0) ack 7 win 9      # ESTABLISHED / ESTABLISHED
    > P. 7:11(4) ack 1          # ESTABLISHED / ESTABLISHED
    """)  # fmt: skip
    server, client = steps[-1].after.server, steps[-1].after.client
    assert server.rcv_nxt == client.nxt
    assert server.rcv_wnd == 5


def test_a_bare_fin_is_taken_at_a_zero_window() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1 win 0     # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 2            # FIN-WAIT-2 / CLOSE-WAIT
    """)  # fmt: skip


@pytest.mark.parametrize("at", At)
def test_keep_alive(at: At) -> None:
    """An octet before RCV.NXT, or nothing there, draws an ACK and takes back nothing."""
    steps = check(HANDSHAKE + """
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    < . 1:1(0) ack 6            # ESTABLISHED / ESTABLISHED
    > . 5:5(0) ack 1            # ESTABLISHED / ESTABLISHED, old
    < . 1:1(0) ack 6            # ESTABLISHED / ESTABLISHED
    > . 5:6(1) ack 1            # ESTABLISHED / ESTABLISHED, old, again
    < . 1:1(0) ack 6            # ESTABLISHED / ESTABLISHED
    """, at)  # fmt: skip
    assert all(step.after.client.una == step.after.client.nxt for step in steps[4:])


def test_scaled_windows() -> None:
    steps = check("""
    > S 0:0(0) win 100 <mss 1460,nop,wscale 2>      # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1 win 200 <mss 1400,nop,wscale 15>  # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 1 win 100                        # ESTABLISHED / ESTABLISHED?
    < . 1:1(0) ack 1 win 3                          # ESTABLISHED / ESTABLISHED?
    """)  # fmt: skip
    assert [step.now.window for step in steps] == [100, 200, 400, 3 << 14]
    client, server = steps[-1].after
    assert (client.mss, client.wscale, server.mss, server.wscale) == (1460, 2, 1400, 15)
    assert server.edge is not None
    assert client.nxt is not None
    assert server.edge == client.nxt + (3 << 14)


def test_a_window_is_not_scaled_by_one_end_alone() -> None:
    steps = check("""
    > S 0:0(0) <mss 1460,nop,wscale 7>  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1                   # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 1 win 100            # ESTABLISHED / ESTABLISHED?
    """)  # fmt: skip
    assert steps[-1].now.window == 100


def test_steps_keep_what_was() -> None:
    steps = check(HANDSHAKE)
    assert [step.number for step in steps] == [1, 2, 3]
    assert [step.sender for step in steps] == [End.CLIENT, End.SERVER, End.CLIENT]
    assert steps[1].was is steps[0].after.server
    assert steps[1].peer_was is steps[0].after.client
    assert steps[1].was.nxt is None
    assert steps[1].now.nxt == steps[1].segment.seq + 1
    assert steps[1].peer_now.rcv_nxt == steps[1].now.nxt


@pytest.mark.parametrize("ours", [False, True])
def test_a_wrong_checksum_has_no_effect(ours: bool) -> None:
    """What the peer sends so may say anything; of ours it is known what was meant."""
    at = At.CLIENT if ours else At.TAP
    check(HANDSHAKE + f"""
    > P. 1:6(5) ack 1 [bad checksum] # ESTABLISHED / ESTABLISHED?, dropped
    > P. 1:6(5) ack 1               # ESTABLISHED / ESTABLISHED?{', again' * ours}
    < F. 1:1(0) ack 6 [bad checksum] # ESTABLISHED / ESTABLISHED?, dropped
    < . 1:1(0) ack 6                # ESTABLISHED / ESTABLISHED
    """, at)  # fmt: skip
