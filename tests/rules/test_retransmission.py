"""Sending again: each rule next to its near misses, and what excuses it."""

from __future__ import annotations

import pytest

from rawshake.judge import Judge
from rawshake.rules import select
from tests.rules.play import findings_of, steps_of

RULES = select(["retransmission"])
SYN = "> S 0:0(0) win 65535 <mss 1460>\n"
OPEN = SYN + "< S. 0:0(0) ack 1 win 65535 <mss 1460>\n> . 1:1(0) ack 1 win 65535\n"
FAR = SYN + "+0.1 < S. 0:0(0) ack 1 win 65535 <mss 1460> [ttl 50]\n> . 1:1(0) ack 1 win 65535\n"
DATA = "> P. 1:6(5) ack 1 win 65535\n"
TWO = "> . 1:11(10) ack 1 win 65535\n> . 11:21(10) ack 1 win 65535\n"


def again(gaps: list[float], line: str) -> str:
    """``line``, and again after each of those seconds."""
    return line + "".join(f"+{gap} {line}" for gap in gaps)


ANSWER = "< S. 0:0(0) ack 1 win 65535 <mss 1460>\n> . 1:1(0) ack 1 win 65535\n"
CASES = {
    "SYN, doubling": (again([1, 2, 4, 8], SYN) + ANSWER, []),
    "SYN, Linux's gaps": (again([1, 1, 1, 1, 1, 2, 4], SYN), ["syn-backoff NOTE client 6"]),
    "SYN, seven gaps alike": (again([1] * 7, SYN), ["syn-backoff FAIL client 8"]),
    "SYN, six": (again([1] * 6, SYN), ["syn-backoff NOTE client 7"]),
    "SYN, two gaps alike": (again([1, 1, 2, 4], SYN), []),
    "SYN, at the cap": (again([60] * 8, SYN), []),
    "SYN, too soon": (again([0.5, 1], SYN), ["rto-at-least-1s WARN client 2"]),
    "SYN, copied by the network": (again([0.005], SYN), []),
    "SYN, again because of a wrong answer": (
        SYN + "< S. 0:0(0) ack 77 win 65535\n> R 77:77(0) win 0\n" + again([1], SYN),
        [],
    ),
    "SYN,ACK, seven gaps alike": (
        SYN + again([1] * 7, "< S. 0:0(0) ack 1 win 65535 <mss 1460>\n"),
        ["syn-backoff FAIL server 9"],
    ),
    "data, doubling after a probe": (OPEN + again([0.01, 1, 2, 4], DATA), []),
    "data, eight gaps alike": (OPEN + again([1] * 8, DATA), ["data-rto-backoff FAIL client 12"]),
    "data, seven": (OPEN + again([1] * 7, DATA), ["data-rto-backoff NOTE client 11"]),
    "data, four": (OPEN + again([1] * 4, DATA), []),
    "a FIN, eight gaps alike": (
        OPEN + again([1] * 8, "> F. 1:1(0) ack 1 win 65535\n"),
        ["data-rto-backoff FAIL client 12"],
    ),
    "an octet for a closed window": (
        OPEN + "< . 1:1(0) ack 1 win 0\n" + again([5] * 9, "> . 1:2(1) ack 1 win 65535\n"),
        [],
    ),
    "data in the middle, after 200 ms": (
        OPEN + TWO + "+0.2 > . 1:11(10) ack 1 win 65535\n",
        ["rto-at-least-1s NOTE client 6"],
    ),
    "a hole, after 200 ms": (
        OPEN + TWO + "< . 1:1(0) ack 1 win 65535\n" + again([0.2], "> . 1:11(10) ack 1 win 65535\n"),
        ["rto-at-least-1s NOTE client 8"],
    ),
    "a hole that SACK told of, after 200 ms": (
        OPEN
        + TWO
        + "< . 1:1(0) ack 1 win 65535 <nop,nop,sack 11:21>\n"
        + again([0.2], "> . 1:11(10) ack 1 win 65535\n"),
        [],
    ),
    "data in the middle, after a second": (OPEN + TWO + "+1 > . 1:11(10) ack 1 win 65535\n", []),
    "the last data, which may be a probe": (OPEN + TWO + "+0.2 > . 11:21(10) ack 1 win 65535\n", []),
    "sooner than an answer, three times": (
        FAR
        + TWO
        + "+0.05 > . 1:11(10) ack 1 win 65535\n" * 3
        + "+0.1 < . 1:1(0) ack 21 win 65535 [ttl 50]\n",
        ["rto-at-least-1s NOTE client 6", "no-early-retransmit FAIL client 8"],
    ),
    "twice": (
        FAR
        + TWO
        + "+0.05 > . 1:11(10) ack 1 win 65535\n" * 2
        + "+0.1 < . 1:1(0) ack 21 win 65535 [ttl 50]\n",
        ["rto-at-least-1s NOTE client 6"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_near_the_end_that_is_judged(text: str, expected: list[str]) -> None:
    assert sorted(findings_of(text, RULES)) == sorted(expected)


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_elsewhere_nothing_is_said(text: str, expected: list[str]) -> None:
    far = "\n".join(line.replace(" [ttl 50]", "") + " [ttl 50]" for line in text.splitlines())
    assert findings_of(far, RULES) == []


@pytest.mark.parametrize("text", [again([1] * 7, SYN), OPEN + again([1] * 8, DATA)], ids=["SYN", "data"])
def test_an_icmp_error_excuses_it(text: str) -> None:
    steps = steps_of(text)
    calm, disturbed = Judge(RULES).exchange(steps), Judge(RULES).exchange(steps, disturbed=True)
    assert [ruling.verdict.value for ruling in calm if ruling.is_finding] == ["FAIL"]
    assert [ruling for ruling in disturbed if ruling.is_finding] == []
    assert "ICMP errors may have led to it" in {ruling.sentence for ruling in disturbed}


def lossy(prompt: str) -> str:
    """Three gaps, each asked for by three ACKs and filled after so many seconds."""
    lines = []
    for at in (1, 41, 81):
        lines += [f"> . {at + 10 * n}:{at + 10 * n + 10}(10) ack 1 win 65535" for n in range(4)]
        lines += [f"< . 1:1(0) ack {at} win 65535"] * 4
        lines += [f"+{prompt} > . {at}:{at + 10}(10) ack 1 win 65535", f"< . 1:1(0) ack {at + 40} win 65535"]
    return OPEN + "\n".join(lines)


@pytest.mark.parametrize(
    ("prompt", "expected"), [("0.01", []), ("0.14", []), ("1", ["fast-retransmit WARN client 32"])]
)
def test_three_acks_alike_ask_for_what_is_missing(prompt: str, expected: list[str]) -> None:
    rules = select(["fast-retransmit"])
    assert findings_of(lossy(prompt), rules) == expected


def test_a_sender_that_has_filled_one_at_once_knows_how() -> None:
    text = lossy("1").replace("+1 > . 41:51", "+0.01 > . 41:51")
    assert findings_of(text, select(["fast-retransmit"])) == []
