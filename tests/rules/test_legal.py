"""What looks wrong and is legal: no rule of the book may speak up."""

from __future__ import annotations

import pytest

from rawshake.tcp.view import End
from tests.rules.play import ISNS, V6, findings_of

#: Exchange by what is odd about it.
LEGAL = {
    "data on a SYN, left to be sent again": """
        > S 0:5(5) win 65535 <mss 1460>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    """,
    "data on a SYN, taken": """
        > S 0:5(5) win 65535 <mss 1460>
        < S. 0:0(0) ack 6 win 65535 <mss 1460>
        > . 6:6(0) ack 1 win 65535
        < P. 1:3(2) ack 6 win 65535
    """,
    "data on a SYN, taken in part": """
        > S 0:5(5) win 65535 <mss 1460>
        < S. 0:0(0) ack 3 win 65535 <mss 1460>
        > P. 3:6(3) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    """,
    "data on a SYN, which is then sent without it": """
        > S 0:5(5) win 65535
        +1 > S 0:0(0) win 65535
        < S. 0:0(0) ack 6 win 65535
        > . 6:6(0) ack 1 win 65535
    """,
    "PSH and URG on a SYN": """
        > SPU 0:0(0) win 65535 urg 1
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    """,
    "CWR alone on a SYN, and ECE alone": """
        > SW 0:0(0) win 65535
        +1 > SE 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    """,
    "ECN asked for and granted": """
        > SEW 0:0(0) win 65535
        < S.E 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P.W 1:6(5) ack 1 win 65535
        < .E 1:1(0) ack 6 win 65535
    """,
    "AccECN asked for and granted": """
        > SEWA 0:0(0) win 65535
        < S.W 0:0(0) ack 1 win 65535
        > .A 1:1(0) ack 1 win 65535
        > P.EA 1:6(5) ack 1 win 65535
    """,
    "data on a SYN,ACK, acknowledged": """
        > S 0:0(0) win 65535
        < S. 0:5(5) ack 1 win 65535
        > . 1:1(0) ack 6 win 65535
        < P. 6:8(2) ack 1 win 65535
    """,
    "data on a SYN,ACK, left to be sent again": """
        > S 0:0(0) win 65535
        < S. 0:5(5) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        +1 < P. 1:6(5) ack 1 win 65535
        > . 1:1(0) ack 6 win 65535
    """,
    "an acknowledgment field without ACK, an urgent pointer without URG": """
        > S 0:0(0) (ack 4711) win 65535 urg 77
        < S. 0:0(0) ack 1 win 65535 urg 5
        > . 1:1(0) ack 1 win 65535 urg 9
    """,
    "a RST with payload, an echo and no window": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < R. 1:9(8) ack 1 win 0 <nop,nop,TS val 0 ecr 5>
    """,
    "a RST without ACK": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < R 1:1(0) win 0
    """,
    "a window of 0 on the SYN,ACK, opened later": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 0
        > . 1:1(0) ack 1 win 65535
        +1 < . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    """,
    "a SYN,ACK of a host without options": """
        > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:537(536) ack 1 win 65535
        > . 1:1(0) ack 537 win 65535
    """,
    "an MSS of its own at each end": """
        > S 0:0(0) win 65535 <mss 536>
        < S. 0:0(0) ack 1 win 65535 <mss 8960>
        > . 1:1(0) ack 1 win 65535
        > P. 1:5001(5000) ack 1 win 65535
        < P. 1:537(536) ack 5001 win 65535
        > . 5001:5001(0) ack 537 win 65535
    """,
    "SACK permitted by the server alone": """
        > S 0:0(0) win 65535 <mss 1460>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
    """,
    "options in an odd order, unaligned, unknown, twice, ended": """
        > S 0:0(0) win 65535 <nop,mss 1460,raw fe0401020000>
        < S. 0:0(0) ack 1 win 65535 <mss 1400,mss 1300,eol>
        > . 1:1(0) ack 1 win 65535
    """,
    "a SYN repeated with fewer options": """
        > S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>
        +1 > S 0:0(0) win 65535 <mss 1460>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 9 ecr 1,nop,wscale 7>
        > . 1:1(0) ack 1 win 512
    """,
    "a SYN,ACK repeated, and acknowledged again": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        +1 < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    """,
    "the third segment lost, data in its place": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535 [lost]
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    """,
    "a FIN on the third segment": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 2 win 65535
        > . 2:2(0) ack 2 win 65535
    """,
    "a challenge by a connection of old, reset, and a new start": """
        > S 0:0(0) win 65535
        < . 777:777(0) ack 5000 win 500
        > R 5000:5000(0) win 0
        +1 > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
    """,
    "refused with the data of the SYN counted": """
        > S 0:5(5) win 65535
        < R. =0:0(0) ack 6 win 0
    """,
    "refused, tried again, refused": """
        > S 0:0(0) win 65535
        < R. =0:0(0) ack 1 win 0
        +0.5 > S 0:0(0) win 65535
        < R. =0:0(0) ack 1 win 0
    """,
    "both open at once, and both answer by ACK": """
        > S 0:0(0) win 65535
        < S 0:0(0) win 65535
        > S. 0:0(0) ack 1 win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
    """,
    "timestamps that only the SYN has": """
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        > . 1:1(0) ack 1 win 65535
    """,
    "a window that shrinks with what arrives": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 100
        > . 1:1(0) ack 1 win 65535
        > P. 1:61(60) ack 1 win 65535
        < . 1:1(0) ack 61 win 40
        > P. 61:101(40) ack 1 win 65535
        < . 1:1(0) ack 101 win 0
        +1 > . 100:100(0) ack 1 win 65535
        < . 1:1(0) ack 101 win 0
        +1 < . 1:1(0) ack 101 win 100
        > P. 101:201(100) ack 1 win 65535
    """,
    "a probe of one octet into a closed window": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 10
        > . 1:1(0) ack 1 win 65535
        > P. 1:11(10) ack 1 win 65535
        < . 1:1(0) ack 11 win 0
        +1 > . 11:12(1) ack 1 win 65535
        < . 1:1(0) ack 11 win 0
        +2 > . 11:12(1) ack 1 win 65535
        < . 1:1(0) ack 12 win 500
        > P. 12:42(30) ack 1 win 65535
        < . 1:1(0) ack 42 win 500
    """,
    "no window after the FIN": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 2 win 0
        < F. 1:1(0) ack 2 win 0
        > . 2:2(0) ack 2 win 0
    """,
    "bare ACKs that overtook one another": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:101(100) ack 1 win 65535
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 201 win 65535
        < . 1:1(0) ack 101 win 65000
    """,
    "a window update that overtook the ACK before it": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 200
        > . 1:1(0) ack 1 win 65535
        > P. 1:201(200) ack 1 win 65535
        < . 1:1(0) ack 201 win 200
        < . 1:1(0) ack 201 win 0
    """,
    "sent again with a larger window, overtaking the first copy of what follows": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 1000
        > . 1:101(100) ack 1 win 1000
        +1 > . 1:101(100) ack 1 win 2000
        > P. 101:201(100) ack 1 win 1000
        < . 1:1(0) ack 201 win 65535
    """,
    "segments of a server whose SYN cookie kept neither the small MSS nor the window to the octet": """
        > S 0:0(0) win 65535 <mss 200,sackOK,TS val 1 ecr 0,nop,wscale 7>
        < S. 0:0(0) ack 1 win 19872 <mss 300,sackOK,TS val 9 ecr 1,nop,wscale 0>
        > . 1:1(0) ack 1 win 512 <nop,nop,TS val 2 ecr 9>
        > P. 1:289(288) ack 1 win 512 <nop,nop,TS val 2 ecr 9>
        < . 1:1(0) ack 289 win 19544 <nop,nop,TS val 9 ecr 2>
    """,
    "data into a window that was larger once": """
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 1000
        > . 1:1(0) ack 1 win 65535
        > P. 1:501(500) ack 1 win 65535
        > P. 501:1001(500) ack 1 win 65535
        < . 1:1(0) ack 501 win 500
        < . 1:1(0) ack 1001 win 0
    """,
}


@pytest.mark.parametrize("ours", [None, End.CLIENT], ids=["tap", "client"])
@pytest.mark.parametrize("isns", ISNS, ids=["wrap", "half", "both"])
@pytest.mark.parametrize("text", LEGAL.values(), ids=LEGAL.keys())
def test_no_rule_objects_to_what_is_legal(text: str, isns: tuple[int, int], ours: End | None) -> None:
    assert findings_of(text, isns=isns, ours=ours) == []


@pytest.mark.parametrize("text", LEGAL.values(), ids=LEGAL.keys())
def test_no_rule_objects_to_it_over_ipv6(text: str) -> None:
    assert findings_of(text, addresses=V6) == []
