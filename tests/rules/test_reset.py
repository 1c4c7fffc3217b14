"""Resets: each breach next to the nearest thing that is none, and every legal reset."""

from __future__ import annotations

import pytest

from rawshake.tcp.view import End
from tests.rules.play import ISNS, findings_of, rulings_of

OPEN = """
    > S 0:0(0) win 1000 <mss 1460>
    < S. 0:0(0) ack 1 win 65535 <mss 1460>
    > . 1:1(0) ack 1 win 1000
"""
ABORT = "abort-rst-seq FAIL server"
CLOSED = "closed-ack-rst FAIL server"

#: Seen by rawshake as the client: what follows OPEN, and the findings.
AT_CLIENT = {
    "at SND.NXT": ("> P. 1:6(5) ack 1 win 1000\n < R. 1:1(0) ack 6 win 0", []),
    "at SND.NXT without ACK": ("> P. 1:6(5) ack 1 win 1000\n < R 1:1(0) win 0", []),
    "at SND.NXT, behind data that is not acknowledged": (
        "< P. 1:11(10) ack 1\n < R. 11:11(0) ack 1 win 0",
        [],
    ),
    "at the ack of an older segment": (
        """
        > P. 1:6(5) ack 1 win 1000
        < P. 1:11(10) ack 6
        > . 6:6(0) ack 11 win 1000
        < R 1:1(0) win 0
        """,
        [],
    ),
    "before SND.NXT, at nothing": (
        "< P. 1:11(10) ack 1\n > . 1:1(0) ack 11 win 1000\n < R. 10:10(0) ack 1 win 0",
        [f"{ABORT} 6"],
    ),
    "at the ISN": ("> P. 1:6(5) ack 1 win 1000\n < R. 0:0(0) ack 6 win 0", [f"{ABORT} 5"]),
    "at the edge of the window": ("< R. 1001:1001(0) ack 1 win 0", []),
    "beyond the window": ("< R. 1002:1002(0) ack 1 win 0", [f"{ABORT} 4"]),
    "beyond the window, without ACK": ("< R 70000:70000(0) win 0", [f"{ABORT} 4"]),
    "within the window, without ACK": ("< R 2:2(0) win 0", [f"{ABORT} 4"]),
    "within the window, with ACK": ("< R. 3:3(0) ack 1 win 0", ["abort-rst-seq WARN server 4"]),
    "within the window, and exact after the challenge": (
        "< R. 3:3(0) ack 1 win 0\n > . 1:1(0) ack 1 win 1000\n < R 1:1(0) win 0",
        ["abort-rst-seq WARN server 4"],
    ),
    "within the window, and wrong again": (
        "< R. 3:3(0) ack 1 win 0\n > . 1:1(0) ack 1 win 1000\n < R 4:4(0) win 0",
        [f"{ABORT} 4"],
    ),
    "within the window, and its sender goes on from below": (
        """
        < R. 3:3(0) ack 1 win 0
        > . 1:1(0) ack 1 win 1000
        > P. 1:6(5) ack 1 win 1000
        < . 1:1(0) ack 6
        """,
        [f"{ABORT} 4"],
    ),
    "of number 0, with ACK": ("> P. 1:6(5) ack 1 win 1000\n < R. =0:0(0) ack 6 win 0", [f"{CLOSED} 5"]),
    "of number 0, for a SYN that came again": (
        "> P. 1:6(5) ack 1 win 1000\n < R. =0:0(0) ack 1 win 0",
        [],
    ),
    "wrong after a good one": (
        "> P. 1:6(5) ack 1 win 1000\n < R 1:1(0) win 0\n < R 5:5(0) win 0",
        [f"{CLOSED} 6"],
    ),
    "acknowledges too much": (
        "> P. 1:6(5) ack 1 win 1000\n < R. 1:1(0) ack 7 win 0",
        ["rst-ack-in-bounds FAIL server 5"],
    ),
    "acknowledges less": ("> P. 1:6(5) ack 1 win 1000\n < . 1:1(0) ack 6\n < R. 1:1(0) ack 1 win 0", []),
    "acknowledges the ISN": ("< R. 1:1(0) ack 0 win 0", ["rst-ack-in-bounds FAIL server 4"]),
    "payload, urgent pointer and a window": ('< RU. 1:5(4) ack 1 win 77 urg 9 "oops"', []),
    "in answer to a RST, in the form for segments without ACK": (
        "> P. 1:6(5) ack 1 win 1000\n < . 1:1(0) ack 6\n > R 6:6(0) win 0\n < R. =0:0(0) ack 6 win 0",
        ["rst-never-answered FAIL server 7"],
    ),
    "in answer to a RST, after a silence": (
        "+2 > R. 1:1(0) ack 1 win 0\n < R 1:1(0) win 0",
        ["rst-never-answered FAIL server 5"],
    ),
    "crossing a RST": ("> R. 1:1(0) ack 1 win 0\n < R. 1:1(0) ack 1 win 0", []),
    "in answer to data that a RST overtook": (
        "+2 > P. 1:6(5) ack 1 win 1000\n > R. 6:6(0) ack 1 win 0\n < R 1:1(0) win 0",
        [],
    ),
    "and goes on": (
        """
        > P. 1:6(5) ack 1 win 1000
        < . 1:1(0) ack 6
        < R. 1:1(0) ack 6 win 0
        > P. 6:11(5) ack 1 win 1000
        < . 1:1(0) ack 11
        """,
        ["no-rst-while-synchronized FAIL server 6"],
    ),
    "overtakes data": ("< R. 6:6(0) ack 1 win 0\n < P. 1:6(5) ack 1", ["abort-rst-seq WARN server 4"]),
    "three challenges of exact resets": (
        """
        > R. 1:1(0) ack 1 win 0
        < . 1:1(0) ack 1
        > R 1:1(0) win 0
        < . 1:1(0) ack 1
        > R 1:1(0) win 0
        < . 1:1(0) ack 1
        > R 1:1(0) win 0
        < . 1:1(0) ack 1
        """,
        ["rst-exact-resets FAIL server 9"],
    ),
    "two challenges may have crossed": (
        """
        > R. 1:1(0) ack 1 win 0
        < . 1:1(0) ack 1
        > R 1:1(0) win 0
        < . 1:1(0) ack 1
        > R 1:1(0) win 0
        """,
        [],
    ),
    "resets that are lost, and data that comes again": (
        """
        < P. 1:6(5) ack 1
        > R. 1:1(0) ack 6 win 0
        +1 < P. 1:6(5) ack 1
        > R 1:1(0) win 0
        +2 < P. 1:6(5) ack 1
        > R 1:1(0) win 0
        +4 < P. 1:6(5) ack 1
        > R 1:1(0) win 0
        """,
        [],
    ),
    "challenges of resets within the window": (
        """
        > R. 9:9(0) ack 1 win 0
        < . 1:1(0) ack 1
        > R 9:9(0) win 0
        < . 1:1(0) ack 1
        > R 9:9(0) win 0
        < . 1:1(0) ack 1
        """,
        [],
    ),
}


@pytest.mark.parametrize("isns", ISNS)
@pytest.mark.parametrize("case", AT_CLIENT)
def test_at_the_client(case: str, isns: tuple[int, int]) -> None:
    text, wanted = AT_CLIENT[case]
    found = findings_of(f"{OPEN}\n{text}", isns=isns, ours=End.CLIENT)
    assert [one for one in found if " client " not in one] == wanted


@pytest.mark.parametrize("isns", ISNS)
@pytest.mark.parametrize("case", [name for name in AT_CLIENT if name != "three challenges of exact resets"])
def test_a_tap_may_have_missed_what_was_reset(case: str, isns: tuple[int, int]) -> None:
    found = findings_of(f"{OPEN}\n{AT_CLIENT[case][0]}", isns=isns)
    assert [one for one in found if " client " not in one] == []


def test_a_bad_ack_in_syn_received_is_reset_and_the_connection_opens_yet() -> None:
    text = """
        > S 0:0(0) win 1000
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 501 win 1000
        < R 501:501(0) win 0
        > . 1:1(0) ack 1 win 1000
        > P. 1:6(5) ack 1 win 1000
        < . 1:1(0) ack 6
    """
    assert findings_of(text, ours=End.CLIENT) == ["handshake-third-ack FAIL client 3"]


def test_a_reset_of_an_earlier_attempt_answers_what_that_sent() -> None:
    text = """
        > S 0:0(0) win 1000
        < . 5000:5000(0) ack -90000
        > R -90000:-90000(0) win 0
        +1 > S 0:0(0) win 1000
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1 win 1000
        < R 1:1(0) win 0
    """
    assert findings_of(text, ours=End.CLIENT) == []


def test_the_arithmetic_is_written_out() -> None:
    rulings = rulings_of(f"{OPEN}\n< R. 70000:70000(0) ack 1 win 0", ours=End.CLIENT)
    said = {r.rule: r.sentence for r in rulings if r.step == 4}
    assert said["abort-rst-seq"] == "RST of seq 2915339997 = SND.NXT 2915269998 + 69999"
    assert said["rst-ack-in-bounds"] == "ack 0 = ISN 4294967295 + 1"
    rulings = rulings_of(f"{OPEN}\n< R. 1:1(0) ack 1 win 0", ours=End.CLIENT)
    assert "seq 2915269998 = SND.NXT" in [r.sentence for r in rulings if r.rule == "abort-rst-seq"]
