"""Sequence numbers and content: each breach next to the nearest thing that is none, at every wrap."""

from __future__ import annotations

import pytest

from rawshake.tcp.view import End
from tests.rules.play import ISNS, findings_of, rulings_of

OPEN = """
    > S 0:0(0) win 65535
    < S. 0:0(0) ack 1 win 65535
    > . 1:1(0) ack 1 win 65535
"""

#: Seen by rawshake as the client: what follows OPEN, and the findings.
AT_CLIENT = {
    "data at SND.NXT": ("< P. 1:6(5) ack 1", []),
    "data at the ISN": ("< P. 0:5(5) ack 1", ["sequence-contiguous FAIL server 4"]),
    "an octet at the ISN is a keep-alive": ("< . 0:1(1) ack 1", []),
    "two octets are not": ("< . 0:2(2) ack 1", ["sequence-contiguous FAIL server 4"]),
    "a FIN at the ISN": ("< F. 0:0(0) ack 1", ["fin-is-final FAIL server 4"]),
    "one before the ISN": ("< . -1:-1(0) ack 1", ["sequence-contiguous FAIL server 4"]),
    "far before the ISN": ("< P. -70000:-69990(10) ack 1", ["sequence-contiguous FAIL server 4"]),
    "a gap, and no more": ("< P. 6:11(5) ack 1", []),
    "an ACK beyond SND.NXT, and no more": ("< . 6:6(0) ack 1", []),
    "a FIN beyond a gap, and no more": ("< F. 6:6(0) ack 1", []),
    "a FIN at the edge": ("< F. 65536:65536(0) ack 1", []),
    "a FIN beyond the edge": ("< F. 65537:65537(0) ack 1", ["sequence-contiguous FAIL server 4"]),
    "data beyond the edge": ("< P. 65537:65547(10) ack 1", ["sender-within-window FAIL server 4"]),
    "an old number on an ACK of new data": (
        """
        < P. 1:6(5) ack 1
        > P. 1:6(5) ack 6
        < . 1:1(0) ack 6
        """,
        ["sequence-contiguous FAIL server 6"],
    ),
    "an old number on an old ACK may have been overtaken": (
        """
        > P. 1:6(5) ack 1
        < P. 1:6(5) ack 6
        < . 1:1(0) ack 6
        """,
        [],
    ),
    "the gap is filled late": (
        """
        < P. 6:11(5) ack 1
        > . 1:1(0) ack 1
        +6 < P. 6:11(5) ack 1
        < P. 1:6(5) ack 1
        > . 1:1(0) ack 11
        """,
        [],
    ),
    "the gap is filled in part": (
        """
        < P. 6:11(5) ack 1
        > . 1:1(0) ack 1
        +1 < P. 1:3(2) ack 1
        > . 1:1(0) ack 3
        +9 < P. 6:11(5) ack 1
        """,
        [],
    ),
    "the gap is never filled": (
        """
        < P. 6:11(5) ack 1
        > . 1:1(0) ack 1
        +2 < P. 6:11(5) ack 1
        > . 1:1(0) ack 1
        +2 < P. 6:11(5) ack 1
        > . 1:1(0) ack 1
        """,
        ["sequence-gap-filled FAIL server 4"],
    ),
    "the gap is never filled, soon": (
        """
        < P. 6:11(5) ack 1
        +0.2 < P. 6:11(5) ack 1
        +0.2 < P. 6:11(5) ack 1
        +0.2 < P. 6:11(5) ack 1
        """,
        ["sequence-gap-filled FAIL server 4"],
    ),
    "one repeat less is no proof": (
        """
        < P. 6:11(5) ack 1
        +0.2 < P. 6:11(5) ack 1
        +0.2 < P. 6:11(5) ack 1
        """,
        [],
    ),
    "copies made by the network are none": (
        """
        < P. 6:11(5) ack 1
        < P. 6:11(5) ack 1
        < P. 6:11(5) ack 1
        < P. 6:11(5) ack 1
        """,
        [],
    ),
    "an ACK beyond SND.NXT, and data that goes on without it": (
        """
        < . 6:6(0) ack 1
        > P. 1:6(5) ack 1
        +5 < P. 6:11(5) ack 6
        > . 6:6(0) ack 1
        """,
        ["sequence-gap-filled FAIL server 4"],
    ),
    "a segment too large for the path": (
        """
        < F. 1461:1461(0) ack 1
        +2 < F. 1461:1461(0) ack 1
        +2 < F. 1461:1461(0) ack 1
        +2 < F. 1461:1461(0) ack 1
        """,
        [],
    ),
    "other octets at numbers that were acknowledged": (
        """
        < P. 1:6(5) ack 1 "hello"
        > . 1:1(0) ack 6
        < P. 1:6(5) ack 1 "HELLO"
        """,
        ["retransmission-same-bytes FAIL server 6"],
    ),
    "the last octet differs": (
        """
        < P. 1:6(5) ack 1 "hello"
        < P. 5:9(4) ack 1 "Oabc"
        """,
        ["retransmission-same-bytes FAIL server 5"],
    ),
    "new data behind, which the gap hid": (
        """
        < P. 6:11(5) ack 1 "world"
        < P. 1:7(6) ack 1 "helloW"
        """,
        ["retransmission-same-bytes FAIL server 5"],
    ),
    "cut otherwise": (
        """
        < P. 1:6(5) ack 1 "hello"
        < P. 6:11(5) ack 1 "world"
        < P. 1:11(10) ack 1 "helloworld"
        < P. 2:3(1) ack 1 "e"
        < P. 4:13(9) ack 1 "loworldab"
        """,
        [],
    ),
    "the octet of a keep-alive is made up": (
        """
        < P. 1:6(5) ack 1 "hello"
        > . 1:1(0) ack 6
        +9 < . 5:6(1) ack 1 hex 00
        > . 1:1(0) ack 6
        """,
        [],
    ),
    "by rawshake itself, a number too high": ("> P. 2:7(5) ack 1", ["sequence-contiguous FAIL client 4"]),
    "by rawshake itself, a bare ACK": ("> . 2:2(0) ack 1", ["sequence-contiguous FAIL client 4"]),
    "by rawshake itself, a FIN": ("> F. 2:2(0) ack 1", ["sequence-contiguous FAIL client 4"]),
}


@pytest.mark.parametrize("isns", ISNS)
@pytest.mark.parametrize("case", AT_CLIENT)
def test_at_the_client(case: str, isns: tuple[int, int]) -> None:
    text, wanted = AT_CLIENT[case]
    assert findings_of(f"{OPEN}\n{text}", isns=isns, ours=End.CLIENT) == wanted


#: What a tap may have seen of an honest connection, of which it missed something, or came late.
HONEST_AT_TAP = {
    "gaps": "< P. 6:11(5) ack 1\n > . 1:1(0) ack 11\n +9 < P. 21:31(10) ack 1",
    "before the ISN": "< P. -70000:-69990(10) ack 1",
    "a gap that nobody acknowledged": "< P. 6:11(5) ack 1\n +9 < P. 6:11(5) ack 1\n +9 < P. 6:11(5) ack 1",
    "an ACK of new data with an old number": "< P. 1:6(5) ack 1\n > P. 1:6(5) ack 6\n < . 1:1(0) ack 6",
}


@pytest.mark.parametrize("isns", ISNS)
@pytest.mark.parametrize("case", HONEST_AT_TAP)
def test_a_tap_accuses_nobody_of_what_it_may_have_missed(case: str, isns: tuple[int, int]) -> None:
    assert findings_of(f"{OPEN}\n{HONEST_AT_TAP[case]}", isns=isns) == []


def test_a_capture_that_began_late_knows_no_isn() -> None:
    late = "< P. 100:110(10) ack 1\n < P. 90:100(10) ack 1\n > . 1:1(0) ack 110"
    assert findings_of(late) == []


def test_a_probe_of_a_closed_window_may_acknowledge_new_data() -> None:
    closed = """
        > S 0:0(0) win 5
        < S. 0:0(0) ack 1
        > . 1:1(0) ack 1 win 5
        < P. 1:6(5) ack 1
        > P. 1:6(5) ack 6 win 0
        < . 5:5(0) ack 6
    """
    assert findings_of(closed, ours=End.CLIENT) == []


def test_octets_that_the_capture_cut_off_are_not_compared() -> None:
    cut = f'{OPEN}\n< P. 1:11(10) ack 1 [captured 2]\n < P. 1:11(10) ack 1 "bcXXXXXXXX" '
    assert findings_of(cut) == []


def test_the_arithmetic_is_written_out() -> None:
    rulings = rulings_of(f'{OPEN}\n< P. 1:6(5) ack 1\n> . 1:1(0) ack 6\n< P. 1:6(5) ack 1 "hello"')
    said = {(r.rule, r.step): r.sentence for r in rulings}
    assert said["sequence-contiguous", 4] == "seq 2915269998 = ISN 2915269997 + 1: SND.NXT"
    assert said["sequence-contiguous", 6] == "seq 2915269998 = SND.NXT 2915270003 - 5: sent again"
    assert said["retransmission-same-bytes", 6].startswith("octet 2915269998 is 0x68, and was 0x62")
