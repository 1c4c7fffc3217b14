"""The tracker on resets: believed, challenged, ignored, and what comes after them."""

from __future__ import annotations

import pytest

from tests.tcp.playbook import At, check
from tests.tcp.test_tracker import HANDSHAKE


def test_refused() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < R. =0:0(0) ack 1          # CLOSED / CLOSED
    """)  # fmt: skip
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < R. =0:0(0) ack 1          # CLOSED? / CLOSED
    """, At.TAP)  # fmt: skip


def test_refused_until_somebody_listens() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < R. =0:0(0) ack 1 [lost]   # SYN-SENT / CLOSED
    > S 0:0(0)                  # SYN-SENT / CLOSED, no connection, again
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    """)  # fmt: skip


@pytest.mark.parametrize("line", ["< R =0:0(0)", "< R. =0:0(0) ack 0", "< R. =0:0(0) ack 2"])
def test_a_reset_that_does_not_acknowledge_the_syn_refuses_nothing(line: str) -> None:
    check(f"""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    {line}                      # SYN-SENT / CLOSED, RST ignored
    > S 0:0(0)                  # SYN-SENT / CLOSED, no connection, again
    """)  # fmt: skip


TO_ESTABLISHED_AND_ON = {
    "SYN-SENT": "",
    "ESTABLISHED": """
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    """,
    "FIN-WAIT-1": """
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    """,
    "FIN-WAIT-2": """
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < . 1:1(0) ack 2            # FIN-WAIT-2 / CLOSE-WAIT
    """,
    "CLOSE-WAIT": """
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    < F. 1:1(0) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    > . 1:1(0) ack 2            # CLOSE-WAIT / FIN-WAIT-2?
    """,
    "CLOSING": """
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 1           # CLOSING / CLOSING?
    """,
    "LAST-ACK": """
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    < F. 1:1(0) ack 1           # CLOSE-WAIT / FIN-WAIT-1
    > F. 1:1(0) ack 2           # LAST-ACK / TIME-WAIT?
    """,
    "TIME-WAIT": """
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 2           # TIME-WAIT / LAST-ACK
    """,
}  # fmt: skip
SYN = "> S 0:0(0)               # SYN-SENT / SYN-RECEIVED?"


@pytest.mark.parametrize("state", sorted(TO_ESTABLISHED_AND_ON.keys() - {"SYN-SENT"}))
@pytest.mark.parametrize("flags", ["R", "R.", "RP."])
def test_the_servers_exact_reset_ends_every_state(state: str, flags: str) -> None:
    """Exact is RCV.NXT, past the FIN where there was one; what it acknowledges does not matter."""
    exact = 2 if state in {"CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"} else 1
    ack = " ack 4000" if "." in flags else ""
    check(SYN + TO_ESTABLISHED_AND_ON[state] + f"""
    < {flags} {exact}:{exact}(0){ack}   # CLOSED / CLOSED
    """)  # fmt: skip


@pytest.mark.parametrize("state", TO_ESTABLISHED_AND_ON)
def test_our_abort_ends_every_state(state: str) -> None:
    """The server must believe it at the number it expects: past our FIN where there was one."""
    exact = 2 if state in {"FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK", "TIME-WAIT"} else 1
    lost = "LISTEN?" if state == "SYN-SENT" else "CLOSED?"
    check(SYN + TO_ESTABLISHED_AND_ON[state] + f"""
    > R {exact}:{exact}(0)      # CLOSED / {lost}
    """)  # fmt: skip


def test_an_abort_of_the_handshake_returns_the_server_to_listen() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > R 1:1(0)                  # CLOSED / LISTEN?
    """)  # fmt: skip


def test_resets_that_the_client_must_not_believe() -> None:
    check(HANDSHAKE + """
    < R 2:2(0)                  # ESTABLISHED / CLOSED, RST challenged
    > . 1:1(0) ack 1            # ESTABLISHED / CLOSED, no connection
    < R 1:1(0)                  # CLOSED / CLOSED
    """)  # fmt: skip
    check(HANDSHAKE + """
    < R 0:0(0)                  # ESTABLISHED / CLOSED, RST ignored
    """)  # fmt: skip
    check(HANDSHAKE + """
    < R 70000:70000(0)          # ESTABLISHED / CLOSED, RST ignored
    """)  # fmt: skip


def test_our_reset_inside_the_window_is_challenged() -> None:
    check(HANDSHAKE + """
    > R 3:3(0)                  # CLOSED / ESTABLISHED?, RST challenged
    < . 1:1(0) ack 1            # CLOSED / ESTABLISHED?, no connection
    > R 1:1(0)                  # CLOSED / CLOSED?
    """)  # fmt: skip


def test_what_crosses_a_reset_does_not_revive() -> None:
    """The server's data left before our reset came; it is no sign that the reset was not believed."""
    check(HANDSHAKE + """
    < P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED
    > R 1:1(0)                  # CLOSED / CLOSED?
    < P. 6:11(5) ack 1          # CLOSED / CLOSED?, no connection
    > R 1:1(0)                  # CLOSED / CLOSED?, RST ignored
    """)  # fmt: skip


def test_who_repeats_itself_has_not_got_the_reset() -> None:
    check(HANDSHAKE + """
    < P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED
    > R 1:1(0)                  # CLOSED / CLOSED?
    < P. 1:6(5) ack 1           # CLOSED / ESTABLISHED, no connection, again
    > R 1:1(0)                  # CLOSED / CLOSED?
    """)  # fmt: skip


def test_a_lost_reset() -> None:
    check(HANDSHAKE + """
    < P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED
    > R 1:1(0) [lost]           # CLOSED / ESTABLISHED
    < P. 1:6(5) ack 1           # CLOSED / ESTABLISHED, no connection, again
    > R 1:1(0)                  # CLOSED / CLOSED?
    """)  # fmt: skip


def test_a_server_that_forgot_resets_what_comes() -> None:
    """The reset's number is our ACK field: what we expect."""
    check(HANDSHAKE + """
    > P. 1:6(5) ack 1           # ESTABLISHED / ESTABLISHED?
    < R 1:1(0)                  # CLOSED / CLOSED
    """)  # fmt: skip


@pytest.mark.parametrize("bad", [0, 2, -7, 100_000])
def test_a_bad_syn_ack_is_answered_by_a_reset_and_the_next_may_be_good(bad: int) -> None:
    """RFC 9293 3.10.7.3, first; the server goes back to LISTEN and may choose another ISN."""
    check(f"""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack {bad}       # SYN-SENT / SYN-RECEIVED, bad ack
    > R {bad}:{bad}(0)          # SYN-SENT / LISTEN?
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?, again
    < S. 7000:7000(0) ack 1     # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 7001         # ESTABLISHED / ESTABLISHED?
    < P. 7001:7006(5) ack 1     # ESTABLISHED / ESTABLISHED
    > F. 1:1(0) ack 7006        # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 7006:7006(0) ack 2     # TIME-WAIT / LAST-ACK
    > . 2:2(0) ack 7007         # TIME-WAIT / CLOSED?
    """)  # fmt: skip


def test_after_a_new_isn_a_tap_still_sees_what_is_proven() -> None:
    """What was in flight from the old ISN must not stand in the way."""
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 7000:7000(0) ack 2     # SYN-SENT / SYN-RECEIVED, bad ack
    > R 2:2(0)                  # SYN-SENT / LISTEN?
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?, again
    < S. 0:0(0) ack 1           # ESTABLISHED? / SYN-RECEIVED
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    > F. 1:1(0) ack 1           # FIN-WAIT-1 / CLOSE-WAIT?
    < F. 1:1(0) ack 2           # TIME-WAIT? / LAST-ACK
    > . 2:2(0) ack 2            # TIME-WAIT / CLOSED?
    """, At.TAP)  # fmt: skip


def test_a_bad_syn_ack_that_comes_again() -> None:
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 2           # SYN-SENT / SYN-RECEIVED, bad ack
    > R 2:2(0)                  # SYN-SENT / LISTEN?
    < S. 0:0(0) ack 2           # SYN-SENT / SYN-RECEIVED, bad ack, again
    """)  # fmt: skip


def test_a_client_that_takes_a_bad_syn_ack_says_so_itself() -> None:
    """Its words about itself count; what the server holds does not change by them."""
    check("""
    > S 0:0(0)                  # SYN-SENT / SYN-RECEIVED?
    < S. 0:0(0) ack 2           # SYN-SENT / SYN-RECEIVED, bad ack
    > . 1:1(0) ack 1            # ESTABLISHED / ESTABLISHED?
    """)  # fmt: skip
