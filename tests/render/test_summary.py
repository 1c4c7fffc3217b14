"""Several captures summed up together are what one capture of all would be."""

from __future__ import annotations

from rawshake.render.summary import Summary, merged
from tests.cli.traces import CLEAN, FAULTY, MIDSTREAM, REFUSED
from tests.render.captured import captured


def test_together_they_count_what_each_counts() -> None:
    one, two = captured(CLEAN, FAULTY, MIDSTREAM), captured(REFUSED, FAULTY)
    whole = Summary("", frames=one.summary.frames + two.summary.frames)
    for each in (one, two):
        whole.segments += each.summary.segments
        for connection in each.connections:
            whole.add(connection)
    found = merged([one.summary, two.summary])
    assert found.rules == whole.rules
    assert (found.opened, found.ended) == (whole.opened, whole.ended)
    assert (found.frames, found.segments, found.connections) == (whole.frames, whole.segments, 5)
    assert (found.first_time, found.last_time) == (whole.first_time, whole.last_time)
    assert (found.held, found.undecided) == (whole.held, whole.undecided)
    # What is summed up is not changed by it.
    assert one.summary.connections == 3
    assert merged([one.summary]).rules != found.rules


def test_nothing_together_is_nothing() -> None:
    assert merged([]) == Summary("")
