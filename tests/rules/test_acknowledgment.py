"""Acknowledgment numbers: each breach next to the nearest thing that is none, at every wrap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rawshake.rules.acknowledgment import ack_never_exceeds_received
from rawshake.tcp.notation import parse_exchange
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate
from tests.rules.play import ISNS, findings_of, rulings_of

OPEN = """
    > S 0:0(0) win 65535 <mss 1460>
    < S. 0:0(0) ack 1 win 65535 <mss 1460>
    > . 1:1(0) ack 1 win 65535
"""
EXCEEDS = "ack-never-exceeds-received FAIL server"
RECEDES = "ack-never-recedes FAIL server"

#: Seen by rawshake as the client: what follows OPEN, and the findings.
AT_CLIENT = {
    "all that was sent": ("> P. 1:6(5) ack 1\n < . 1:1(0) ack 6", []),
    "part of it": ("> P. 1:6(5) ack 1\n < . 1:1(0) ack 3", []),
    "one more": ("> P. 1:6(5) ack 1\n < . 1:1(0) ack 7", [f"{EXCEEDS} 5"]),
    "one more, with data, and again": (
        "> P. 1:6(5) ack 1\n < P. 1:6(5) ack 7\n +1 < P. 1:6(5) ack 7",
        [f"{EXCEEDS} 5"],
    ),
    "wrong, right, and wrong again are two": (
        "> P. 1:6(5) ack 1\n < . 1:1(0) ack 7\n < . 1:1(0) ack 6\n < . 1:1(0) ack 8",
        [f"{EXCEEDS} 5", f"{EXCEEDS} 7"],
    ),
    "the ISN": ("< . 1:1(0) ack 0", [f"{EXCEEDS} 4"]),
    "half the space away": ("< . 1:1(0) ack -2147483647", [f"{EXCEEDS} 4"]),
    "nothing before the third segment": ("< . 1:1(0) ack 1", []),
    "a RST is judged by its own rules": ("> P. 1:6(5) ack 1\n < R. 1:1(0) ack 6 win 0", []),
    "repeated without need": (
        "> P. 1:6(5) ack 1\n < . 1:1(0) ack 6\n < . 1:1(0) ack 6\n < . 1:1(0) ack 6",
        [],
    ),
    "back, and new data on it": (
        "> P. 1:6(5) ack 1\n < . 1:1(0) ack 6\n < P. 1:6(5) ack 1",
        [f"{RECEDES} 6"],
    ),
    "back, and a FIN on it": ("> P. 1:6(5) ack 1\n < . 1:1(0) ack 6\n < F. 1:1(0) ack 1", [f"{RECEDES} 6"]),
    "back, on a bare ACK that stands further on": (
        "> P. 1:6(5) ack 1\n < . 1:1(0) ack 6\n < P. 1:6(5) ack 6\n < . 6:6(0) ack 1",
        [f"{RECEDES} 7"],
    ),
    "back for good is one": (
        "> P. 1:6(5) ack 1\n < . 1:1(0) ack 6\n < P. 1:6(5) ack 1\n < P. 6:11(5) ack 1",
        [f"{RECEDES} 6"],
    ),
    "a bare ACK may be overtaken": ("> P. 1:6(5) ack 1\n < . 1:1(0) ack 6\n < . 1:1(0) ack 1", []),
    "so may data": ("> P. 1:6(5) ack 1\n < P. 6:11(5) ack 6\n < P. 1:6(5) ack 1", []),
    "data that is sent again, its first copy lost": (
        """
        > P. 1:6(5) ack 1
        < P. 6:11(5) ack 1
        > . 6:6(0) ack 1
        +1 < P. 1:6(5) ack 6
        > . 6:6(0) ack 11
        < P. 11:16(5) ack 1
        """,
        [],
    ),
    "a later timestamp": (
        """
        > P. 1:6(5) ack 1
        < . 1:1(0) ack 6 <nop,nop,TS val 4294967295 ecr 2>
        < . 1:1(0) ack 1 <nop,nop,TS val 3 ecr 2>
        """,
        [f"{RECEDES} 6"],
    ),
    "an earlier timestamp": (
        """
        > P. 1:6(5) ack 1
        < . 1:1(0) ack 6 <nop,nop,TS val 3 ecr 2>
        < . 1:1(0) ack 1 <nop,nop,TS val 4294967295 ecr 2>
        """,
        [],
    ),
    "the same timestamp": (
        """
        > P. 1:6(5) ack 1
        < . 1:1(0) ack 6 <nop,nop,TS val 3 ecr 2>
        < . 1:1(0) ack 1 <nop,nop,TS val 3 ecr 2>
        """,
        [],
    ),
    "a SYN,ACK that comes again": ("> P. 1:6(5) ack 1\n < . 1:1(0) ack 6\n < S. 0:0(0) ack 1 <mss 1460>", []),
    "by rawshake itself, too high": ("> P. 1:6(5) ack 2", ["ack-never-exceeds-received FAIL client 4"]),
    "by rawshake itself, back": (
        "< P. 1:6(5) ack 1\n > . 1:1(0) ack 6\n > . 1:1(0) ack 5",
        ["ack-never-recedes FAIL client 6"],
    ),
}


@pytest.mark.parametrize("isns", ISNS)
@pytest.mark.parametrize("case", AT_CLIENT)
def test_at_the_client(case: str, isns: tuple[int, int]) -> None:
    text, wanted = AT_CLIENT[case]
    assert findings_of(f"{OPEN}\n{text}", isns=isns, ours=End.CLIENT) == wanted


@pytest.mark.parametrize("case", [name for name in AT_CLIENT if "timestamp" not in name])
def test_a_tap_accuses_nobody_of_what_it_may_have_missed(case: str) -> None:
    assert findings_of(f"{OPEN}\n{AT_CLIENT[case][0]}") == []


def test_an_answer_of_an_older_connection_is_none_of_this_one() -> None:
    half_open = """
        > S 0:0(0) win 65535
        < . 5000:5000(0) ack -90000
        > R -90000:-90000(0)
    """
    assert findings_of(half_open) == []


def test_a_number_too_low_on_purpose_is_named_as_ours() -> None:
    lines = parse_exchange(f"{OPEN}\n< F. 1:1(0) ack 1\n> . 1:1(0) ack 1")
    tracker = Tracker(("192.0.2.1", 40000), ("192.0.2.2", 80))
    *steps, last = lines
    for line in steps:
        fate = Fate.PASSED if line.from_client else Fate.DELIVERED
        tracker.apply(line.segment, line.time, fate=fate, ours=line.from_client)
    meant = replace(last.segment, ack=last.segment.ack + 1)
    step = tracker.apply(last.segment, last.time, ours=True, meant=meant)
    outcome = ack_never_exceeds_received(step)
    assert outcome is not None
    assert (outcome.sentence, outcome.verdict) == ("ack 2915269998, not RCV.NXT 2915269999", None)


def test_the_arithmetic_is_written_out() -> None:
    rulings = rulings_of(f"{OPEN}\n> P. 1:6(5) ack 1\n< . 1:1(0) ack 6\n< . 1:1(0) ack 9", ours=End.CLIENT)
    said = [r.sentence for r in rulings if r.rule == "ack-never-exceeds-received" and r.end is End.SERVER]
    assert said == [
        "ack 5 = ISN 4294967295 + 6: 5 octets more",
        "ack 8 = SND.NXT 5 + 3: that was never sent",
    ]
