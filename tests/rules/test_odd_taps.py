"""Honest traffic as filters, tunnels and old stacks show it: nobody is charged for what the tap made of it."""

from __future__ import annotations

import pytest

from tests.rules.play import findings_of

#: A client that takes its time to answer; whether its bare ACKs were captured decides.
SLOW = """
    > S 0:0(0) win 65535
    < S. 0:0(0) ack 1 win 65535
    {}
    > P. 1:6(5) ack 1 win 65535
    < P. 1:6(5) ack 6 win 65535
    +0.7 > P. 6:11(5) ack 6 win 65535
    < P. 6:11(5) ack 11 win 65535
    +0.7 > P. 11:16(5) ack 11 win 65535
    < P. 11:16(5) ack 16 win 65535
    +0.7 > P. 16:21(5) ack 16 win 65535
"""
STAMPED = """
    > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 2000100 ecr 0>
    < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 9 ecr 2000100>
    > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 2000101 ecr 9>
    > P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 2000101 ecr 9>
    < . 1:1(0) ack 6 win 65535 <nop,nop,TS val 10 ecr 2000101>
"""
MSS = """
    > S 0:0(0) win 65535 <mss 1400>
    < S. 0:0(0) ack 1 win 65535 <mss 1400>
    > . 1:1(0) ack 1 win 65535
    {}
    > . 1:1(0) ack {} win 65535
"""
EXCHANGES = {
    "slow, without an ACK of its own": (SLOW.format(""), []),
    "slow, with one": (
        SLOW.format("> . 1:1(0) ack 1 win 65535"),
        ["delayed-ack-under-500ms FAIL client 10"],
    ),
    "a keep-alive without timestamps": (
        STAMPED + "+60 > . 5:5(0) ack 1 win 65535",
        ["ts-on-every-segment NOTE client 6"],
    ),
    "an ACK without timestamps": (
        STAMPED + "+60 > . 6:6(0) ack 1 win 65535",
        ["ts-on-every-segment FAIL client 6"],
    ),
    "a SYN,ACK with timestamps of 0": (
        STAMPED.replace("val 9 ecr 2000100", "val 0 ecr 0").replace("ecr 9", "ecr 0"),
        ["ts-echo-rules NOTE server 2"],
    ),
    "a SYN,ACK that echoes 0": (
        STAMPED.replace("val 9 ecr 2000100", "val 9 ecr 0"),
        ["ts-echo-rules FAIL server 2"],
    ),
    "more than Ethernet carries": (
        MSS.format("< P. 1:2801(2800) ack 1 win 65535", 2801),
        ["send-mss-respected WARN server 4"],
    ),
    "more than the MSS": (
        MSS.format("< P. 1:1402(1401) ack 1 win 65535", 1402),
        ["send-mss-respected FAIL server 4"],
    ),
    "ACKs of data that was not captured": (
        "> S 0:0(0) win 65535\n< S. 0:0(0) ack 1 win 65535\n> . 1:1(0) ack 1 win 65535\n"
        + "< . 1:1(0) ack 601 win 65535\n" * 6,
        [],
    ),
    "an ACK above the FIN, of what came before the capture": (
        "< F. 1:1(0) ack 1 win 65535\n> . 1:1(0) ack 1000 win 65535\n" * 2,
        [],
    ),
    "an ACK above the FIN, of who took less before": (
        "< P. 1:6(5) ack 1 win 65535\n> . 1:1(0) ack 6 win 65535\n"
        "< F. 6:6(0) ack 1 win 65535\n> . 1:1(0) ack 1000 win 65535",
        ["fin-acked FAIL server 4"],
    ),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_tap(name: str) -> None:
    text, found = EXCHANGES[name]
    assert findings_of(text) == found
