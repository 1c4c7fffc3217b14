"""What may be remembered: a form's rulings depend neither on its times, if it is quick, nor on its numbers."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rawshake.judge import Judge
from rawshake.many.forms import manner
from rawshake.many.road import QUICK
from rawshake.rules import book
from rawshake.tcp.notation import parse_exchange
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate

OPEN = ["> S 0:0(0) win 100 <mss 1460>", "< S. 0:0(0) ack 1 win 100 <mss 1460>", "> . 1:1(0) ack 1 win 100"]
FIN = "> F. 1:1(0) ack 1 win 100"
FORMS = {
    "closed": [*OPEN, FIN, "< F. 1:1(0) ack 2 win 100", "> . 2:2(0) ack 2 win 100"],
    "closed later": [
        *OPEN, FIN, "< . 1:1(0) ack 2 win 100", "< F. 1:1(0) ack 2 win 100", "> . 2:2(0) ack 2 win 100",
    ],
    "overtaken": [
        *OPEN, FIN, "< F. 1:1(0) ack 2 win 100", "> . 2:2(0) ack 2 win 100", "< . 1:1(0) ack 2 win 100",
        "> . 2:2(0) ack 2 win 100", "< R 2:2(0) win 0",
    ],
    "crossing": [
        *OPEN, FIN, "< F. 1:1(0) ack 1 win 100", "> . 2:2(0) ack 2 win 100", "< . 2:2(0) ack 2 win 100",
    ],
    "closed by them": [
        *OPEN, "< F. 1:1(0) ack 1 win 100", "> F. 1:1(0) ack 2 win 100", "< . 2:2(0) ack 2 win 100",
    ],
    "acknowledged twice": [
        *OPEN, FIN, "< . 1:1(0) ack 2 win 100", "< . 1:1(0) ack 2 win 100", "< F. 1:1(0) ack 2 win 100",
        "> . 2:2(0) ack 2 win 100",
    ],
    "reset": [*OPEN, FIN, "< R 1:1(0) win 0"],
    "refused": [OPEN[0], "< R. 0:0(0) ack 1 win 0"],
    "a wrong FIN": [*OPEN, FIN, "< F. 1:1(0) ack 2 win 100 <mss 1460>", "> . 2:2(0) ack 2 win 100"],
}  # fmt: skip

Said = list[tuple[str, str, str, str, int, bool]]


def said(form: list[str], times: list[int], isns: tuple[int, int]) -> Said:
    theirs = isns[1] if any(line.startswith("< S") for line in form) else 0  # without a SYN, the RST has 0
    lines = parse_exchange("\n".join(form), client_isn=isns[0], server_isn=theirs)
    first = lines[0].segment
    tracker = Tracker((first.src, first.sport), (first.dst, first.dport))
    judge = Judge(book(), ours=End.CLIENT)
    steps = []
    for line, time in zip(lines, times, strict=True):
        ours = tracker.sender_of(line.segment) is End.CLIENT
        fate = Fate.PASSED if ours else Fate.DELIVERED
        steps.append(tracker.apply(line.segment, time, fate=fate, ours=ours))
    rulings = [one for step in steps for one in judge.step(step)] + list(judge.exchange(steps))
    return sorted(
        (one.rule, str(one.verdict), str(one.end), one.field, one.step, one.consequence) for one in rulings
    )


def manner_of(form: list[str], times: list[int]) -> int:
    client = times[2] - times[1] if len(times) > 2 else 0
    return int(manner(np.array([times[1] - times[0]]), np.array([client]))[0])


NUMBERS = st.integers(0, 0xFFFF_FFFF) | st.sampled_from(
    [0, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF]
)


@st.composite
def moments(draw: st.DrawFn, many: int) -> list[int]:
    """Times of so many segments, the last no later than QUICK; gaps of every magnitude."""
    sizes = st.sampled_from([100, 10_000, 1_000_000, 19_000_000, 21_000_000, 100_000_000, QUICK])
    gaps = [0] + [draw(st.integers(0, draw(sizes))) for _ in range(many - 1)]
    times = list(accumulate(gaps))
    return times if times[-1] <= QUICK else [time * QUICK // times[-1] for time in times]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(FORMS)), st.data(), st.tuples(NUMBERS, NUMBERS), st.tuples(NUMBERS, NUMBERS))
def test_neither_times_nor_numbers_count(
    name: str, data: st.DataObject, some: tuple[int, int], others: tuple[int, int]
) -> None:
    form = FORMS[name]
    one, other = (data.draw(moments(len(form))) for _ in range(2))
    if manner_of(form, one) == manner_of(form, other):
        assert said(form, one, some) == said(form, other, others)


def test_what_is_slower_may_be_judged_otherwise() -> None:
    form = FORMS["closed later"]
    quick = list(range(len(form)))
    slow = [*quick[:4], *(600_000_000 + at for at in quick[4:])]
    assert said(form, quick, (1, 2)) != said(form, slow, (1, 2))
