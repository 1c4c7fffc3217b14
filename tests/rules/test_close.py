"""Closing: each breach next to the nearest thing that is none, and every legal way to close."""

from __future__ import annotations

import pytest

from rawshake.tcp.view import End
from tests.rules.play import ISNS, findings_of, rulings_of

OPEN = """
    > S 0:0(0) win 65535 <mss 1460>
    < S. 0:0(0) ack 1 win 65535 <mss 1460>
    > . 1:1(0) ack 1 win 65535
"""
FINAL = "fin-is-final FAIL server"
ACKED = "fin-acked FAIL server"
NEVER = "fin-never-acked FAIL server"

#: What follows OPEN, and the findings, wherever it is seen.
ANYWHERE = {
    "data after the FIN": ("< F. 1:1(0) ack 1\n > . 1:1(0) ack 2\n < P. 2:7(5) ack 1", [f"{FINAL} 6"]),
    "data in the FIN's place": ("< F. 1:1(0) ack 1\n < P. 1:3(2) ack 1", [f"{FINAL} 5"]),
    "an octet in the FIN's place is a keep-alive": ("< F. 1:1(0) ack 1\n +9 < . 1:2(1) ack 1", []),
    "data after the FIN, again and again": (
        "< F. 1:1(0) ack 1\n < P. 2:7(5) ack 1\n +1 < P. 2:7(5) ack 1\n +2 < P. 7:9(2) ack 1",
        [f"{FINAL} 5"],
    ),
    "a FIN that moves up": ("< F. 1:1(0) ack 1\n +1 < F. 2:2(0) ack 1", [f"{FINAL} 5"]),
    "a FIN that moves down": ("< F. 6:6(0) ack 1\n < P. 1:5(4) ack 1\n < F. 5:5(0) ack 1", [f"{FINAL} 6"]),
    "a FIN that moves with its data": ("< FP. 1:6(5) ack 1\n +1 < FP. 1:8(7) ack 1", [f"{FINAL} 5"]),
    "a FIN among data": ("< P. 1:6(5) ack 1\n < F. 3:3(0) ack 1", [f"{FINAL} 5"]),
    "a FIN right behind data": ("< P. 1:6(5) ack 1\n < F. 6:6(0) ack 1", []),
    "a FIN on the last octet of data": ("< P. 1:6(5) ack 1\n < F. 5:5(0) ack 1", [f"{FINAL} 5"]),
    "a FIN that was lost, and a bare ACK before it comes again": (
        "< P. 1:6(5) ack 1\n > P. 1:6(5) ack 6\n < . 7:7(0) ack 6\n +1 < F. 6:6(0) ack 6",
        [],
    ),
    "data before a FIN that overtook it": ("< F. 6:6(0) ack 1\n < P. 1:6(5) ack 1", []),
    "a FIN sent again with its data": ("< P. 1:6(5) ack 1\n < F. 6:6(0) ack 1\n +1 < FP. 1:6(5) ack 1", []),
    "a bare ACK beyond the FIN": ("< F. 1:1(0) ack 1\n > F. 1:1(0) ack 2\n < . 3:3(0) ack 2", [f"{FINAL} 6"]),
    "a FIN acknowledged by + 2": ("> F. 1:1(0) ack 1\n < . 1:1(0) ack 3", [f"{ACKED} 5"]),
    "a FIN acknowledged by + 2, on everything": (
        "> F. 1:1(0) ack 1\n < . 1:1(0) ack 3\n < P. 1:6(5) ack 3\n < F. 6:6(0) ack 3\n +1 > F. 1:1(0) ack 7",
        [f"{ACKED} 5"],
    ),
    "a FIN acknowledged by + 1000": ("> F. 1:1(0) ack 1\n < F. 1:1(0) ack 1001", [f"{ACKED} 5"]),
    "a FIN with data acknowledged without it, then with it": (
        "> FP. 1:6(5) ack 1\n < . 1:1(0) ack 6\n < . 1:1(0) ack 7",
        [],
    ),
    "a FIN never acknowledged": (
        "> F. 1:1(0) ack 1\n < . 1:1(0) ack 1\n +1 > F. 1:1(0) ack 1\n < . 1:1(0) ack 1",
        [f"{NEVER} 7"],
    ),
    "a FIN with data never acknowledged": (
        """
        > FP. 1:6(5) ack 1
        < . 1:1(0) ack 6
        +1 > F. 6:6(0) ack 1
        < . 1:1(0) ack 6
        +2 > F. 6:6(0) ack 1
        < . 1:1(0) ack 6
        """,
        [f"{NEVER} 9"],
    ),
    "one answer only": ("> F. 1:1(0) ack 1\n < . 1:1(0) ack 1\n +1 > F. 1:1(0) ack 1", []),
    "answers to something else": (
        """
        > F. 1:1(0) ack 1
        > . 2:2(0) ack 1
        < . 1:1(0) ack 1
        +1 > F. 1:1(0) ack 1
        > . 2:2(0) ack 1
        < . 1:1(0) ack 1
        """,
        [],
    ),
    "windows that open": (
        "> F. 1:1(0) ack 1\n < . 1:1(0) ack 1 win 65534\n +1 > F. 1:1(0) ack 1\n < . 1:1(0) ack 1 win 65535",
        [],
    ),
    "keep-alives draw no conclusion": (
        "> F. 1:1(0) ack 1\n < . 0:0(0) ack 1\n +1 > F. 1:1(0) ack 1\n < . 0:0(0) ack 1",
        [],
    ),
    "acknowledged in the end": (
        "> F. 1:1(0) ack 1\n < . 1:1(0) ack 1\n +1 > F. 1:1(0) ack 1\n < . 1:1(0) ack 1\n"
        " +2 > F. 1:1(0) ack 1\n < . 1:1(0) ack 2",
        [],
    ),
    "given up": (
        "> F. 1:1(0) ack 1\n < . 1:1(0) ack 1\n +1 > F. 1:1(0) ack 1\n < R. 1:1(0) ack 1 win 0",
        [],
    ),
    "SYN,ACKs that come again, for all of ours was lost": (
        "> F. 1:1(0) ack 1\n +1 < S. 0:0(0) ack 1 <mss 1460>\n > F. 1:1(0) ack 1\n"
        " +2 < S. 0:0(0) ack 1 <mss 1460>\n > F. 1:1(0) ack 1",
        [],
    ),
}


@pytest.mark.parametrize("ours", [None, End.CLIENT], ids=["tap", "client"])
@pytest.mark.parametrize("isns", ISNS)
@pytest.mark.parametrize("case", ANYWHERE)
def test_wherever_it_is_seen(case: str, isns: tuple[int, int], ours: End | None) -> None:
    text, wanted = ANYWHERE[case]
    assert findings_of(f"{OPEN}\n{text}", isns=isns, ours=ours) == wanted


CLOSED = "> F. 1:1(0) ack 1\n < F. 1:1(0) ack 2\n > . 2:2(0) ack 2"

#: Seen by rawshake as the client.
AT_CLIENT = {
    "a reset after all is closed": (f"{CLOSED}\n < R 2:2(0) win 0", ["passive-close-sequence WARN server 7"]),
    "with ACK": (f"{CLOSED}\n < R. 2:2(0) ack 2 win 0", ["passive-close-sequence FAIL server 7"]),
    "again and again": (
        f"{CLOSED}\n < R 2:2(0) win 0\n +1 < R 2:2(0) win 0",
        ["passive-close-sequence WARN server 7"],
    ),
    "a reset of what came after": (f"{CLOSED}\n +1 > . 2:2(0) ack 2\n < R 2:2(0) win 0", []),
    "a reset of what came late": (
        "> . 1:1(0) ack 1\n > F. 1:1(0) ack 1\n < F. 1:1(0) ack 2\n > . 2:2(0) ack 2\n < R 1:1(0) win 0",
        [],
    ),
    "our last ACK lost": (
        "> F. 1:1(0) ack 1\n < F. 1:1(0) ack 2\n > . 2:2(0) ack 2 [lost]\n < R 2:2(0) win 0",
        [],
    ),
    "a reset in TIME-WAIT": (
        "< F. 1:1(0) ack 1\n > F. 1:1(0) ack 2\n < . 2:2(0) ack 2\n < R. 2:2(0) ack 2 win 0",
        ["active-close-sequence FAIL server 7"],
    ),
    "a reset in place of the last ACK": ("< F. 1:1(0) ack 1\n > F. 1:1(0) ack 2\n < R 2:2(0) win 0", []),
    "our FIN moved": ("> F. 1:1(0) ack 1\n +1 > F. 2:2(0) ack 1", ["fin-is-final FAIL client 5"]),
    "our last ACK one too high": (
        "< F. 1:1(0) ack 1\n > . 1:1(0) ack 3",
        ["fin-acked FAIL client 5"],
    ),
}


@pytest.mark.parametrize("isns", ISNS)
@pytest.mark.parametrize("case", AT_CLIENT)
def test_at_the_client(case: str, isns: tuple[int, int]) -> None:
    text, wanted = AT_CLIENT[case]
    assert findings_of(f"{OPEN}\n{text}", isns=isns, ours=End.CLIENT) == wanted


@pytest.mark.parametrize("case", [name for name in AT_CLIENT if "reset" in name])
def test_a_tap_may_have_missed_what_was_reset(case: str) -> None:
    assert findings_of(f"{OPEN}\n{AT_CLIENT[case][0]}") == []


#: Every way to close that RFC 9293 allows, and how it comes to look on a bad road.
LEGAL = {
    "four segments": "> F. 1:1(0) ack 1\n < . 1:1(0) ack 2\n < F. 1:1(0) ack 2\n > . 2:2(0) ack 2",
    "FIN and ACK in one": CLOSED,
    "the FIN overtakes the ACK": "> F. 1:1(0) ack 1\n < F. 1:1(0) ack 2\n < . 1:1(0) ack 2\n > . 2:2(0) ack 2",
    "the server first": "< F. 1:1(0) ack 1\n > . 1:1(0) ack 2\n > F. 1:1(0) ack 2\n < . 2:2(0) ack 2",
    "both at once": """
        > F. 1:1(0) ack 1
        < F. 1:1(0) ack 1
        > . 2:2(0) ack 2
        < . 2:2(0) ack 2
    """,
    "both at once, and again": """
        > F. 1:1(0) ack 1
        < F. 1:1(0) ack 1
        > F. 1:1(0) ack 2
        < F. 1:1(0) ack 2
        > . 2:2(0) ack 2
        < . 2:2(0) ack 2
    """,
    "both at once, nothing of ours arrives": """
        > F. 1:1(0) ack 1
        < F. 1:1(0) ack 1
        +1 > F. 1:1(0) ack 2
        < F. 1:1(0) ack 1
        +2 > F. 1:1(0) ack 2
        < F. 1:1(0) ack 1
        +4 > F. 1:1(0) ack 2
        < F. 1:1(0) ack 1
    """,
    "half-close, and a long answer": """
        > F. 1:1(0) ack 1
        < . 1:1(0) ack 2
        < . 1:1461(1460) ack 2
        < P. 1461:2001(540) ack 2
        > . 2:2(0) ack 2001
        +5 < P. 2001:2011(10) ack 2
        > . 2:2(0) ack 2011
        < F. 2011:2011(0) ack 2
        > . 2:2(0) ack 2012
    """,
    "half-close by the server": """
        < F. 1:1(0) ack 1
        > . 1:1(0) ack 2
        > P. 1:6(5) ack 2
        < . 2:2(0) ack 6
        +5 > FP. 6:11(5) ack 2
        < . 2:2(0) ack 12
    """,
    "data and FIN in one, and data with the ACK": """
        > FP. 1:6(5) ack 1
        < FP. 1:11(10) ack 7
        > . 7:7(0) ack 12
    """,
    "the last ACK lost": """
        > F. 1:1(0) ack 1
        < F. 1:1(0) ack 2
        > . 2:2(0) ack 2
        +1 < F. 1:1(0) ack 2
        > . 2:2(0) ack 2
    """,
    "the FIN lost twice": """
        > F. 1:1(0) ack 1
        +1 > F. 1:1(0) ack 1
        +2 > F. 1:1(0) ack 1
        < F. 1:1(0) ack 2
        > . 2:2(0) ack 2
    """,
    "a RST in place of a FIN": "> F. 1:1(0) ack 1\n < R. 1:1(0) ack 2 win 0",
    "closed with data unread": "> P. 1:6(5) ack 1\n < . 1:1(0) ack 6\n < R. 1:1(0) ack 6 win 0",
    "data after close": """
        < F. 1:1(0) ack 1
        > . 1:1(0) ack 2
        > P. 1:6(5) ack 2
        < R 2:2(0) win 0
    """,
    "data after close, several segments": """
        < F. 1:1(0) ack 1
        > . 1:1(0) ack 2
        > P. 1:6(5) ack 2
        > P. 6:11(5) ack 2
        < R 2:2(0) win 0
        < R 2:2(0) win 0
    """,
    "data that crosses the FIN": """
        > P. 1:6(5) ack 1
        < F. 1:1(0) ack 1
        > F. 6:6(0) ack 2
        < R 1:1(0) win 0
        < R 2:2(0) win 0
    """,
    "a keep-alive in FIN-WAIT-2": """
        < F. 1:1(0) ack 1
        > . 1:1(0) ack 2
        +9 < . 1:1(0) ack 1
        > . 1:1(0) ack 2
    """,
    "a challenge in the middle": """
        > F. 1:1(0) ack 1
        < . 1:1(0) ack 2
        > . 1:1(0) ack 1
        < . 1:1(0) ack 2
        < F. 1:1(0) ack 2
        > . 2:2(0) ack 2
    """,
    "the same ports once more": f"""
        {CLOSED}
        +9 > S 90000:90000(0) win 65535 <mss 1460>
        < S. 80000:80000(0) ack 90001 win 65535 <mss 1460>
        > . 90001:90001(0) ack 80001
        > F. 90001:90001(0) ack 80001
        < F. 80001:80001(0) ack 90002
        > . 90002:90002(0) ack 80002
    """,
}


@pytest.mark.parametrize("ours", [None, End.CLIENT], ids=["tap", "client"])
@pytest.mark.parametrize("isns", ISNS)
@pytest.mark.parametrize("case", LEGAL)
def test_every_legal_way_to_close(case: str, isns: tuple[int, int], ours: End | None) -> None:
    assert findings_of(f"{OPEN}\n{LEGAL[case]}", isns=isns, ours=ours) == []


def test_the_arithmetic_is_written_out() -> None:
    rulings = rulings_of(f"{OPEN}\n{CLOSED}", ours=End.CLIENT)
    said = {(r.rule, r.step): r.sentence for r in rulings}
    assert said["fin-acked", 5] == "ack 1 = FIN 0 + 1"
    assert said["fin-acked", 6] == "ack 2915269999 = FIN 2915269998 + 1"
    rulings = rulings_of(f"{OPEN}\n> F. 1:1(0) ack 1\n < . 1:1(0) ack 3", ours=End.CLIENT)
    assert [r.sentence for r in rulings if r.is_finding] == ["ack 2 = FIN 0 + 2, not + 1"]
