"""Faulty servers as the client sees them: each fault is one finding, and the rest of the exchange is none."""

from __future__ import annotations

import pytest

from rawshake.tcp.view import End
from tests.rules.play import ISNS, V6, findings_of

SYN = "> S 0:0(0) win 65535 <mss 1460>\n"
OPEN = SYN + "< S. 0:0(0) ack 1 win 65535 <mss 1460>\n> . 1:1(0) ack 1 win 65535\n"
CLOSE = "> F. 1:1(0) ack 1 win 65535\n< F. 1:1(0) ack 2 win 65535\n> . 2:2(0) ack 2 win 65535\n"

#: What is wrong: the exchange, and the finding that names it.
FAULTS = {
    "ack is the ISN": (
        SYN + "< S. 0:0(0) ack 0 win 65535 <mss 1460>\n> R 0:0(0) win 0",
        "synack-ack-is-isn-plus-1 FAIL server 2",
    ),
    "ack is ISN + 2, each time": (
        SYN + "< S. 0:0(0) ack 2 win 65535\n> R 2:2(0) win 0\n+1 " + SYN + "< S. 0:0(0) ack 2 win 65535\n",
        "synack-ack-is-isn-plus-1 FAIL server 2",
    ),
    "ack is of another connection": (
        SYN + "< S. 0:0(0) ack =12345 win 65535\n> R =12345:12345(0) win 0",
        "synack-ack-is-isn-plus-1 FAIL server 2",
    ),
    "SYN with the right ack field and no ACK": (
        "> S =5000:5000(0) win 65535\n< S 0:0(0) (ack =5001) win 65535",
        "synack-form FAIL server 2",
    ),
    "ACK with the right number and no SYN": (SYN + "< . 1:1(0) ack 1 win 65535", "synack-form NOTE server 2"),
    "SYN, ACK and RST": (SYN + "< SR. 0:0(0) ack 1 win 65535", "syn-form FAIL server 2"),
    "wrong checksum": (
        SYN
        + "< S. 0:0(0) ack 1 win 65535 [bad checksum]\n+1 "
        + SYN
        + "< S. 0:0(0) ack 1 win 65535 [bad checksum]",
        "checksum-sent-valid FAIL server 2",
    ),
    "another ISN on the second SYN,ACK": (
        SYN + "< S. 0:0(0) ack 1 win 65535\n< S. 70000:70000(0) ack 1 win 65535",
        "synrcvd-another-syn FAIL server 3",
    ),
    "window scale that nobody offered": (
        SYN + "< S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>\n> . 1:1(0) ack 1 win 65535\n" + CLOSE,
        "synack-wscale-ts-only-if-offered FAIL server 2",
    ),
    "timestamps that nobody offered": (
        SYN
        + "< S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 9 ecr 0>\n> . 1:1(0) ack 1 win 65535\n"
        + CLOSE,
        "synack-wscale-ts-only-if-offered FAIL server 2",
    ),
    "window scale of 15": (
        "> S 0:0(0) win 65535 <mss 1460,nop,wscale 7>\n"
        "< S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 15>\n> . 1:1(0) ack 1 win 512",
        "wscale-capped-at-14 FAIL server 2",
    ),
    "an option that runs past the header": (
        SYN + "< S. 0:0(0) ack 1 win 65535 <mss 1460,raw 0a100000>\n> . 1:1(0) ack 1 win 65535",
        "option-layout-wellformed FAIL server 2",
    ),
    "reserved bits": (
        SYN + "< S.3 0:0(0) ack 1 win 65535 <mss 1460>\n> . 1:1(0) ack 1 win 65535\n" + CLOSE,
        "reserved-bits-sent-zero FAIL server 2",
    ),
    "the options of the SYN on every segment": (
        OPEN
        + "> P. 1:6(5) ack 1 win 65535\n"
        + "< . 1:1(0) ack 6 win 65535 <mss 1460>\n"
        + "< P. 1:6(5) ack 6 win 65535 <mss 1460>\n"
        + "> . 6:6(0) ack 6 win 65535",
        "mss-option-only-on-syn FAIL server 5",
    ),
    "segments larger than the MSS": (
        OPEN + "< . 1:1462(1461) ack 1 win 65535\n> . 1:1(0) ack 1462 win 65535\n",
        "send-mss-respected FAIL server 4",
    ),
    "data without ACK": (
        OPEN + "< P 1:6(5) win 65535\n+1 < P. 1:6(5) ack 1 win 65535\n> . 1:1(0) ack 6 win 65535",
        "ack-bit-after-handshake FAIL server 4",
    ),
    "refusal of another number": (
        SYN + "< R. =0:0(0) ack 2 win 0\n+1 " + SYN + "< R. =0:0(0) ack 2 win 0",
        "closed-noack-rst FAIL server 2",
    ),
    "refusal without ACK": (SYN + "< R =0:0(0) win 0", "closed-noack-rst FAIL server 2"),
    "a window that shrinks": (
        OPEN + "> P. 1:101(100) ack 1 win 65535\n< . 1:1(0) ack 101 win 500\n"
        "> P. 101:201(100) ack 1 win 65535\n< . 1:1(0) ack 201 win 300\n",
        "window-not-shrunk WARN server 5",
    ),
    "a window that shrinks before anything came": (
        OPEN + "< . 1:1(0) ack 1 win 5000\n> P. 1:101(100) ack 1 win 65535\n< . 1:1(0) ack 101 win 5000",
        "window-not-shrunk WARN server 4",
    ),
    "data beyond the window": (
        "> S 0:0(0) win 500 <mss 1460>\n< S. 0:0(0) ack 1 win 65535 <mss 1460>\n> . 1:1(0) ack 1 win 500\n"
        "< P. 1:601(600) ack 1 win 65535\n> . 1:1(0) ack 501 win 0\n",
        "sender-within-window FAIL server 4",
    ),
}


@pytest.mark.parametrize("isns", ISNS, ids=["wrap", "half", "both"])
@pytest.mark.parametrize(("text", "finding"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_named_by_one_finding(text: str, finding: str, isns: tuple[int, int]) -> None:
    assert findings_of(text, isns=isns, ours=End.CLIENT) == [finding]


@pytest.mark.parametrize(("text", "finding"), FAULTS.values(), ids=FAULTS.keys())
def test_it_is_named_over_ipv6_too(text: str, finding: str) -> None:
    assert findings_of(text, addresses=V6, ours=End.CLIENT) == [finding]
