"""Whatever passes, the rules answer: no exchange makes one of them raise, and what they say can be shown."""

from __future__ import annotations

import random

import pytest

from rawshake.judge import Judge, Ruling
from rawshake.rules import book
from rawshake.tcp.notation import CLIENT_ISN, SERVER_ISN, parse_segment
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate, Step

HERE, THERE = ("192.0.2.1", 40000), ("192.0.2.2", 80)
FLAGS = ["S", "S.", ".", ".", ".", "P.", "P.", "F.", "F.", "FP.", "R", "R.", "-", "SF", "SR", "P", "F", "U."]
OPTIONS = ["", "", "<mss 1460>", "<nop,nop,TS val 5 ecr 6>", "<nop,nop,sack 2:4>", "<mss 0,wscale 15>"]


def _number(rnd: random.Random) -> int:
    return rnd.choice([-1, 0, 1, 1, 2, 3, 6, 11, 70000, -(1 << 31), (1 << 31) - 1])


def _segment(rnd: random.Random, end: End) -> Segment:
    flags, seq, octets = rnd.choice(FLAGS), _number(rnd), rnd.choice([0, 0, 0, 1, 5])
    words = [flags, f"{seq}:{seq + octets}({octets})"]
    words += [f"ack {_number(rnd)}"] if "." in flags else []
    words += [f"win {rnd.choice([0, 1, 65535])}", rnd.choice(OPTIONS)]
    words += ["[bad checksum]"] if rnd.random() < 0.05 else []
    src, dst = (HERE, THERE) if end is End.CLIENT else (THERE, HERE)
    isns = (CLIENT_ISN, SERVER_ISN) if end is End.CLIENT else (SERVER_ISN, CLIENT_ISN)
    isn, peer_isn = map(Seq, isns)
    return parse_segment(" ".join(words), src=src, dst=dst, isn=isn, peer_isn=peer_isn)


def _judged(rnd: random.Random, *, live: bool) -> list[Ruling]:
    tracker, judge = Tracker(HERE, THERE), Judge(book(), ours=End.CLIENT if live else None)
    steps: list[Step] = []
    rulings: list[Ruling] = []
    time = 0
    for _ in range(rnd.randrange(1, 25)):
        end = rnd.choice(list(End))
        time += rnd.choice([1_000_000, 1_000_000, 3_000_000_000])
        ours = live and end is End.CLIENT
        fate = Fate.DELIVERED if live and not ours else Fate.PASSED
        segment = _segment(rnd, end)
        meant = _segment(rnd, end) if ours and rnd.random() < 0.1 else None
        if rnd.random() < 0.1:
            fate = Fate.LOST
        steps.append(tracker.apply(segment, time, fate=fate, ours=ours, meant=meant))
        rulings += judge.step(steps[-1])
    return rulings + list(judge.exchange(steps))


@pytest.mark.parametrize("live", [False, True], ids=["tap", "client"])
@pytest.mark.parametrize("seed", range(20))
def test_no_rule_raises_and_each_charges_a_step_that_there_is(seed: int, live: bool) -> None:
    rnd = random.Random(seed)
    for _ in range(25):
        for ruling in _judged(rnd, live=live):
            assert ruling.step >= 1
            assert ruling.field
            assert ruling.sentence
            assert not ruling.is_finding or (ruling.expected and ruling.actual)
