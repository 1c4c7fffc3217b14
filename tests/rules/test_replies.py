"""What must be answered by an ACK, and how often: each rule next to its near misses."""

from __future__ import annotations

import pytest

from rawshake.rules import select
from tests.rules.play import findings_of, rulings_of

RULES = select(["replies"])
OPEN = "> S 0:0(0) win 65535\n< S. 0:0(0) ack 1 win 65535\n> . 1:1(0) ack 1 win 65535\n"
OLD = "> P. 1:6(5) ack 1 win 65535\n< . 1:1(0) ack 6 win 65535\n"
AGAIN = "+1.1 > P. 1:6(5) ack 1 win 65535\n"
ALIVE = "+2 < P. 1:6(5) ack 6 win 65535\n"
BARE = "> . 1:1(0) ack 1 win 65535\n< . 1:1(0) ack 1 win 65535\n"
BEYOND = "+2 > P. 70001:70006(5) ack 1 win 65535\n"

CASES = {
    "old data, three times without an answer": (
        OLD + AGAIN * 3 + ALIVE,
        ["unacceptable-seq-acked FAIL server 8"],
    ),
    "twice may be loss": (OLD + AGAIN * 2 + ALIVE, []),
    "three at once may fall to a rate limit": (OLD + "> P. 1:6(5) ack 1 win 65535\n" * 3 + ALIVE, []),
    "old, bare ACKs need no answer": (OLD + "+1.1 > . 0:0(0) ack 1 win 65535\n" * 4 + ALIVE, []),
    "an answer in between": (OLD + (AGAIN + "< . 1:1(0) ack 6 win 65535\n") * 4, []),
    "an answer that is late is none": (
        OLD + (AGAIN + "+1.2 < . 1:1(0) ack 6 win 65535\n") * 3,
        ["unacceptable-seq-acked FAIL server 10"],
    ),
    "the server resets in the end": (OLD + AGAIN * 3 + "+2 < R. 1:1(0) ack 6 win 0\n", []),
    "beyond the window firewalls drop it": (
        BEYOND * 3 + "+2 < . 1:1(0) ack 1 win 65535\n",
        ["unacceptable-seq-acked WARN server 6"],
    ),
    "the capture has no ACK without data": (BEYOND * 3 + "+2 < P. 1:6(5) ack 1 win 65535\n", []),
    "a gap, acknowledged late": (
        "> P. 6:11(5) ack 1 win 65535\n+0.3 < . 1:1(0) ack 1 win 65535\n> P. 1:6(5) ack 1 win 65535\n"
        "< . 1:1(0) ack 11 win 65535\n",
        [],
    ),
    "a gap that is filled at once": (
        "> P. 6:11(5) ack 1 win 65535\n> P. 1:6(5) ack 1 win 65535\n+0.3 < . 1:1(0) ack 11 win 65535\n",
        [],
    ),
    "a gap, and what was above it is sent again": (
        "> P. 6:11(5) ack 1 win 65535\n+1 > P. 1:6(5) ack 1 win 65535\n> P. 6:11(5) ack 1 win 65535\n"
        "< . 1:1(0) ack 11 win 65535\n",
        [],
    ),
    "a gap that was not acknowledged": (
        "> P. 6:11(5) ack 1 win 65535\n+0.3 > P. 1:6(5) ack 1 win 65535\n< . 1:1(0) ack 11 win 65535\n",
        ["out-of-order-dup-ack WARN server 6"],
    ),
    "bare ACKs answered": (BARE * 3, ["pure-ack-not-acked FAIL server 9"]),
    "two of them": (BARE * 2, []),
    "keep-alives are answered": (BARE.replace("> . 1:1", "> . 0:0") * 4, []),
    "window updates are no answers": (
        "".join(f"> . 1:1(0) ack 1 win {n}\n< . 1:1(0) ack 1 win {60000 + n}\n" for n in range(1, 5)),
        [],
    ),
    "ACKs once too often": (OLD + OLD[OLD.index("<") :] * 3, ["one-ack-per-segment WARN server 8"]),
    "more than a network makes of two segments and an ACK, doubled": (
        OLD + OLD[OLD.index("<") :] * 10,
        ["one-ack-per-segment FAIL server 8"],
    ),
    "as many as it makes of them": (OLD + OLD[OLD.index("<") :] * 9, ["one-ack-per-segment WARN server 8"]),
    "two too many may be the network's": (OLD + OLD[OLD.index("<") :] * 2, []),
    "a large segment may be several": (
        "> P. 1:3001(3000) ack 1 win 65535\n" + "< . 1:1(0) ack 3001 win 65535\n" * 6,
        [],
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_near_the_end_that_is_judged(text: str, expected: list[str]) -> None:
    assert findings_of(OPEN + text, RULES) == expected


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_elsewhere_nothing_is_said_and_why(text: str, expected: list[str]) -> None:
    far = (OPEN + text).replace("\n", " [ttl 50]\n")
    rulings = rulings_of(far, RULES)
    assert [ruling for ruling in rulings if ruling.is_finding] == []
    if expected:
        assert "the tap was not near the server" in {ruling.sentence for ruling in rulings}


def test_paws_may_refuse_a_bare_ack_with_an_old_timestamp() -> None:
    text = """
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 500 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 500>
    """
    answer = "< . 1:1(0) ack 1 win 65535 <nop,nop,TS val 501 ecr 101>\n"
    # Another window each time: the client itself repeats nothing.
    acks = [f"> . 1:1(0) ack 1 win {n} <nop,nop,TS val 50 ecr 500>\n" + answer for n in range(4)]
    old = "".join(acks)
    assert findings_of(text + old, RULES) == []
    assert findings_of(text + old.replace("val 50 ", "val 102 "), RULES) == [
        "pure-ack-not-acked FAIL server 9"
    ]


def test_keep_alives_of_a_connection_whose_beginning_was_not_seen_may_be_answered() -> None:
    probes = "+2 > . =99:99(0) ack =500 win 65535\n< . =500:500(0) ack =100 win 65535\n" * 5
    assert findings_of(probes, RULES) == []
    bare = probes.replace("=99:99(0)", "=100:100(0)").replace("ack =500 win 65535", "ack =500 win 65500")
    assert "pure-ack-not-acked FAIL server 8" in findings_of(bare, RULES)
