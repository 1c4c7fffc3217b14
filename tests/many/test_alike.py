"""What may be remembered: a form's rulings depend neither on its times, if it is quick, nor on its numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rawshake.judge import Judge
from rawshake.many.forms import PACKETS, manner
from rawshake.many.road import QUICK
from rawshake.many.stamps import Echo, Stamps, echo
from rawshake.rules import book
from rawshake.tcp import option
from rawshake.tcp.notation import parse_exchange
from rawshake.tcp.segment import Segment
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

MILLISECOND = 1_000_000
Said = list[tuple[str, str, str, str, int, bool]]


@dataclass(frozen=True)
class Played:
    """An exchange of a form, at these times (ns), with these ISNs, and with timestamps if both ends' first is given."""

    form: list[str]
    times: list[int]
    isns: tuple[int, int]
    stamps: tuple[int, int] | None = None

    def segments(self) -> list[Segment]:
        theirs = (
            self.isns[1] if any(line.startswith("< S") for line in self.form) else 0
        )  # a refusal's RST has 0
        lines = parse_exchange("\n".join(self.form), client_isn=self.isns[0], server_isn=theirs)
        found = [line.segment for line in lines]
        if self.stamps is None:
            return found
        heard = {found[0].src: 0, found[0].dst: 0}
        for at, (segment, time) in enumerate(zip(found, self.times, strict=True)):
            value = (self.stamps[segment.src != found[0].src] + time // MILLISECOND) % 2**32
            stamp = option.timestamps(value, heard[segment.src])
            if not segment.rst:
                found[at] = replace(segment, options=(*segment.options, option.NOP, option.NOP, stamp))
                heard[segment.dst] = value
        return found

    def said(self) -> Said:
        segments = self.segments()
        first = segments[0]
        tracker = Tracker((first.src, first.sport), (first.dst, first.dport))
        judge = Judge(book(), ours=End.CLIENT)
        steps = []
        for segment, time in zip(segments, self.times, strict=True):
            ours = segment.src == first.src
            fate = Fate.PASSED if ours else Fate.DELIVERED
            steps.append(tracker.apply(segment, time, fate=fate, ours=ours))
        rulings = [one for step in steps for one in judge.step(step)] + list(judge.exchange(steps))
        return sorted(
            (one.rule, str(one.verdict), str(one.end), one.field, one.step, one.consequence)
            for one in rulings
        )

    def way(self) -> tuple[int, list[Echo | None]]:
        """What must be the same in both for one to be judged as the other: the manner, and what theirs echo."""
        segments, times = self.segments(), self.times
        ours, theirs, echoes = list[Stamps](), list[Stamps](), list[Echo | None]()
        for segment in segments:
            if segment.src == segments[0].src:
                ours.append(segment.timestamps)
                continue
            echoes.append(segment.timestamps and echo(segment.timestamps, ours, theirs))
            theirs.append(segment.timestamps)
        client = times[2] - times[1] if len(times) > 2 else 0
        sent = [-1 if one is None else one[0] for one in ours]
        row = np.array([sent + [-1] * (PACKETS - len(sent))])
        return int(manner(np.array([times[1] - times[0]]), np.array([client]), row)[0]), echoes


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


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(FORMS)),
    st.data(),
    st.tuples(NUMBERS, NUMBERS),
    st.tuples(NUMBERS, NUMBERS),
    st.none() | st.tuples(NUMBERS, NUMBERS),
)
def test_neither_times_nor_numbers_count(
    name: str,
    data: st.DataObject,
    some: tuple[int, int],
    others: tuple[int, int],
    stamps: tuple[int, int] | None,
) -> None:
    form = FORMS[name]
    more = None if stamps is None else data.draw(st.tuples(NUMBERS, NUMBERS))
    one = Played(form, data.draw(moments(len(form))), some, stamps)
    other = Played(form, data.draw(moments(len(form))), others, more)
    if one.way() == other.way():
        assert one.said() == other.said()


def test_what_is_slower_may_be_judged_otherwise() -> None:
    form = FORMS["closed later"]
    quick = list(range(len(form)))
    slow = [*quick[:4], *(600_000_000 + at for at in quick[4:])]
    assert Played(form, quick, (1, 2)).said() != Played(form, slow, (1, 2)).said()


def test_a_timestamp_that_falls_back_is_another_way() -> None:
    form = FORMS["closed later"]
    one = Played(form, [0, 1, 2, 3, 4, 5, 6], (1, 2), (7, 2**32 - 1))
    other = Played(form, [0, 1, 2, 3, 4, 5 * MILLISECOND, 6 * MILLISECOND], (1, 2), (7, 2**32 - 1))
    assert one.way() != other.way()
    assert one.way() == replace(one, stamps=(2**32 - 1, 7)).way()
