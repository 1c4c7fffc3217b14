"""Timestamps, SACK and ECN: each breach next to the nearest thing that is none."""

from __future__ import annotations

import pytest

from rawshake.tcp.view import End
from tests.rules.play import ISNS, findings_of

STAMPED = """
    > S 0:0(0) <mss 1460,sackOK,TS val 1000 ecr 0>
    < S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 5000 ecr 1000>
    > . 1:1(0) ack 1 <nop,nop,TS val 1001 ecr 5000>
"""
SACKED = """
    > S 0:0(0) <mss 1460,nop,nop,sackOK>
    < S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>
    > . 1:1(0) ack 1
"""
MARKED = """
    > SEW 0:0(0) <mss 1460>
    < S.E 0:0(0) ack 1 <mss 1460>
    > . 1:1(0) ack 1
"""

#: What begins it, what follows, and the findings of a tap.
CASES = {
    "an echo of what was seen": (STAMPED, "< P. 1:6(5) ack 1 <nop,nop,TS val 5002 ecr 1001>", []),
    "an echo of what a tap may have missed": (
        STAMPED,
        "< P. 1:6(5) ack 1 <nop,nop,TS val 5002 ecr 1500>",
        [],
    ),
    "an echo far from all that was seen": (
        STAMPED,
        "< P. 1:6(5) ack 1 <nop,nop,TS val 5002 ecr 9001001>",
        ["ts-echo-rules FAIL server 4"],
    ),
    "an echo of 0": (
        STAMPED.replace("1000", "90001000").replace("1001", "90001001"),
        "< P. 1:6(5) ack 1 <nop,nop,TS val 5002 ecr 0>",
        ["ts-echo-rules FAIL server 4"],
    ),
    "an echo on a RST may be anything": (STAMPED, "< R. 1:1(0) ack 1 <nop,nop,TS val 0 ecr 77000000>", []),
    "an echo of data above a gap that may have come twice": (
        STAMPED,
        """
        > . 101:201(100) ack 1 <nop,nop,TS val 1010 ecr 5000>
        +1 > . 101:201(100) ack 1 <nop,nop,TS val 2010 ecr 5000>
        < . 1:1(0) ack 1 <nop,nop,TS val 5019 ecr 2010,nop,nop,sack 101:201>
        """,
        [],
    ),
    "a TSval that stands still": (
        STAMPED,
        "> P. 1:6(5) ack 1 <nop,nop,TS val 1001 ecr 5000>\n< . 1:1(0) ack 6 <nop,nop,TS val 5000 ecr 1001>",
        [],
    ),
    "a lower TSval of a segment that may have been overtaken": (
        STAMPED,
        "> P. 6:11(5) ack 1 <nop,nop,TS val 1009 ecr 5000>\n> P. 1:6(5) ack 1 <nop,nop,TS val 1008 ecr 5000>",
        [],
    ),
    "a lower TSval on what echoes more": (
        STAMPED,
        """
        < P. 1:6(5) ack 1 <nop,nop,TS val 5009 ecr 1001>
        > . 1:1(0) ack 6 <nop,nop,TS val 1009 ecr 5009>
        < P. 6:11(5) ack 1 <nop,nop,TS val 5011 ecr 1009>
        > . 1:1(0) ack 6 <nop,nop,TS val 1008 ecr 5011>
        """,
        ["ts-value-monotonic FAIL client 7"],
    ),
    "a SYN cookie's TSval is a little ahead": (
        STAMPED,
        "> P. 1:6(5) ack 1 <nop,nop,TS val 1009 ecr 5000>\n< . 1:1(0) ack 6 <nop,nop,TS val 4960 ecr 1009>",
        [],
    ),
    "after its RST an end knows nothing of its clock": (
        STAMPED,
        """
        < R. 1:1(0) ack 1 <nop,nop,TS val 5004 ecr 1001>
        > P. 1:6(5) ack 1 <nop,nop,TS val 1009 ecr 5000>
        < . 1:1(0) ack 6 <nop,nop,TS val 7 ecr 1009>
        """,
        [],
    ),
    "an abort without timestamps": (
        STAMPED,
        "> R. 1:1(0) ack 1 win 0",
        ["rst-carries-timestamp NOTE client 4"],
    ),
    "an answer without timestamps": (
        STAMPED,
        "< P. 1:6(5) ack 1 <nop,nop,TS val 5002 ecr 1001>\n> R 1:1(0) win 0",
        [],
    ),
    "a block above the ACK": (SACKED, "> P. 101:201(100) ack 1\n< . 1:1(0) ack 1 <nop,nop,sack 101:201>", []),
    "an empty block": (
        SACKED,
        "> P. 101:201(100) ack 1\n< . 1:1(0) ack 1 <nop,nop,sack 101:101>",
        ["sack-blocks-sane FAIL server 5"],
    ),
    "a block that begins at the ACK": (
        SACKED,
        "> P. 1:201(200) ack 1\n< . 1:1(0) ack 101 <nop,nop,sack 101:201>",
        ["sack-blocks-sane FAIL server 5"],
    ),
    "the first block below the ACK is a D-SACK": (
        SACKED,
        "> P. 1:201(200) ack 1\n< . 1:1(0) ack 201 <nop,nop,sack 1:101>",
        [],
    ),
    "the second block below the ACK": (
        SACKED,
        """
        > P. 1:201(200) ack 1
        > P. 301:401(100) ack 1
        < . 1:1(0) ack 201 <nop,nop,sack 301:401 1:101>
        """,
        ["sack-blocks-sane FAIL server 6"],
    ),
    "blocks that overlap": (
        SACKED,
        "> P. 101:401(300) ack 1\n< . 1:1(0) ack 1 <nop,nop,sack 201:401 101:301>",
        ["sack-blocks-sane FAIL server 5"],
    ),
    "a block of what a tap may have missed": (SACKED, "< . 1:1(0) ack 1 <nop,nop,sack 501:601>", []),
    "stale blocks behind the ACK of a FIN, as Linux has them": (
        SACKED,
        """
        > P. 101:201(100) ack 1
        < . 1:1(0) ack 1 <nop,nop,sack 101:201>
        > F. 301:301(0) ack 1
        > . 1:101(100) ack 1
        > . 201:301(100) ack 1
        < . 1:1(0) ack 302 <nop,nop,sack 301:302 101:201>
        """,
        ["sack-blocks-sane NOTE server 9"],
    ),
    "no SACK where a copy may have drawn the ACK": (
        SACKED,
        """
        > P. 1:101(100) ack 1
        < . 1:1(0) ack 101
        > P. 1:101(100) ack 1
        > P. 201:301(100) ack 1
        < . 1:1(0) ack 101 <nop,nop,sack 1:101>
        """,
        [],
    ),
    "no SACK from who reports at other times": (
        SACKED,
        """
        > P. 101:201(100) ack 1
        < . 1:1(0) ack 1 <nop,nop,sack 101:201>
        > P. 301:401(100) ack 1
        < . 1:1(0) ack 1
        """,
        [],
    ),
    "no SACK where only one end permits it": (
        SACKED.replace("< S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>", "< S. 0:0(0) ack 1 <mss 1460>"),
        "> P. 101:201(100) ack 1\n< . 1:1(0) ack 1",
        [],
    ),
    "a copy may have moved the first block": (
        SACKED,
        """
        > P. 101:201(100) ack 1
        < . 1:1(0) ack 1 <nop,nop,sack 101:201>
        > P. 301:401(100) ack 1
        > P. 101:201(100) ack 1
        < . 1:1(0) ack 1 <nop,nop,sack 101:201 301:401>
        """,
        [],
    ),
    "the new block second": (
        SACKED,
        """
        > P. 101:201(100) ack 1
        < . 1:1(0) ack 1 <nop,nop,sack 101:201>
        > P. 301:401(100) ack 1
        < . 1:1(0) ack 1 <nop,nop,sack 101:201 301:401>
        """,
        ["sack-block-order WARN server 7"],
    ),
    "no ECE, and no CWR was seen where some data was not": (
        MARKED,
        "> P. 1:6(5) ack 1 [ecn 3]\n< .E 1:1(0) ack 6\n> P. 11:16(5) ack 1 [ecn 2]\n< . 1:1(0) ack 16",
        [],
    ),
    "no ECE for what was seen": (
        MARKED,
        "> P. 1:6(5) ack 1 [ecn 3]\n< .E 1:1(0) ack 6\n> P. 6:11(5) ack 1 [ecn 2]\n< . 1:1(0) ack 11",
        ["ecn-ece-latched WARN server 7"],
    ),
    "ECT on data": (MARKED, "> P. 1:6(5) ack 1 [ecn 1]\n< . 1:1(0) ack 6", []),
    "ECT on a bare ACK, as DCTCP whose SYN was marked": (
        MARKED.replace("> SEW 0:0(0) <mss 1460>", "> SEW 0:0(0) <mss 1460> [ecn 2]"),
        "> . 1:1(0) ack 1 [ecn 2]",
        ["ecn-no-ect-before-negotiation NOTE client 1"],
    ),
    "ECT on data that the network may have doubled": (
        MARKED,
        "> P. 1:6(5) ack 1 [ecn 2]\n> P. 1:6(5) ack 1 [ecn 2]\n< . 1:1(0) ack 6",
        [],
    ),
    "ECT on data that is sent again": (
        MARKED,
        "> P. 1:6(5) ack 1 [ecn 2]\n+0.5 > P. 1:6(5) ack 1 [ecn 2]\n< . 1:1(0) ack 6",
        ["ecn-no-ect-on-ack-rexmit-probe FAIL client 5"],
    ),
    "CE without an agreement is a router's": (
        MARKED.replace("S.E", "S."),
        "> P. 1:6(5) ack 1 [ecn 3]\n< . 1:1(0) ack 6",
        [],
    ),
    "CE on a copy that need not have come": (
        MARKED,
        "> P. 1:6(5) ack 1 [ecn 3]\n+0.5 > P. 1:6(5) ack 1\n< . 1:1(0) ack 6",
        [],
    ),
    "CWR ends the echo": (
        MARKED,
        """
        > P. 1:6(5) ack 1 [ecn 3]
        < .E 1:1(0) ack 6
        > P.W 6:11(5) ack 1 [ecn 2]
        < . 1:1(0) ack 11
        """,
        [],
    ),
    "new data that may have crossed the echo": (
        MARKED,
        "> P. 1:6(5) ack 1 [ecn 3]\n< .E 1:1(0) ack 6\n> P. 6:11(5) ack 1 [ecn 2]\n< .E 1:1(0) ack 11",
        [],
    ),
    "new data long after the echo": (
        MARKED,
        "> P. 1:6(5) ack 1 [ecn 3]\n< .E 1:1(0) ack 6\n+5 > P. 6:11(5) ack 1 [ecn 2]\n< .E 1:1(0) ack 11",
        ["ecn-cwr-on-new-data WARN client 6"],
    ),
}


@pytest.mark.parametrize("isns", ISNS, ids=["wrap", "half", "both"])
@pytest.mark.parametrize("case", CASES)
def test_at_a_tap(case: str, isns: tuple[int, int]) -> None:
    begin, text, wanted = CASES[case]
    assert findings_of(f"{begin}\n{text}", isns=isns) == wanted


def test_of_what_rawshake_itself_sent_nothing_is_missed() -> None:
    text = STAMPED + "< P. 1:6(5) ack 1 <nop,nop,TS val 5002 ecr 1002>"
    assert findings_of(text, ours=End.CLIENT) == ["ts-echo-rules FAIL server 4"]
    text = SACKED + "< . 1:1(0) ack 1 <nop,nop,sack 501:601>"
    assert findings_of(text, ours=End.CLIENT) == ["sack-blocks-sane FAIL server 4"]
