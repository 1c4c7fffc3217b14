"""Many exchanges: each told by its kind, judged as one by itself would be, reset where cut short, forgotten at last."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from rawshake.many import forms
from rawshake.many.run import Run
from rawshake.profile import SECOND
from rawshake.report import Outcome, Remark
from rawshake.tcp.segment import Checksum, Flags
from tests.many.world import (
    STAMPED,
    Server,
    World,
    acks_wrong,
    closes,
    closes_later,
    half_deaf,
    one_of,
    ran,
    refuses,
    repeats_fin,
    resets,
    running,
    says_hello,
    silent,
    stamped,
    widens_window,
)
from tests.memory import MILLISECOND

ALL = [
    closes,
    closes_later,
    refuses,
    resets,
    says_hello,
    acks_wrong,
    widens_window,
    silent,
    half_deaf,
    repeats_fin,
]


def kinds(run: Run) -> dict[str, int]:
    return {str(one.kind): one.count for one in run.tally.kinds.values()}


def findings(run: Run) -> dict[tuple[str, str, str], int]:
    return {
        (one.ruling.rule, str(one.ruling.verdict), str(one.ruling.end)): one.count
        for one in run.tally.findings.values()
    }


def test_the_usual() -> None:
    run = ran(World(one_of([closes])), 100)
    assert kinds(run) == {"closed: > S, < S., > ., > F., < F., > .": 100}
    assert (run.begun, run.finished, run.tally.count) == (100, 100, 100)
    assert run.tally.by_session == 1  # the others went the road that the first has shown
    assert run.tally.handshake.count == run.tally.teardown.count == 100
    assert not run.tally.findings


@pytest.mark.parametrize("server", ALL, ids=lambda server: server.__name__)
@pytest.mark.parametrize("offloaded", [False, True], ids=["verified", "offloaded"])
def test_on_the_road_and_by_itself_it_is_the_same(
    server: Server, offloaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 24
    by_road, by_lanes = (World(one_of([server]), offloaded=offloaded) for _ in range(2))
    fast = ran(by_road, count, timeout=3 * SECOND)
    monkeypatch.setattr(forms, "MOST", 0)
    slow = ran(by_lanes, count, timeout=3 * SECOND)
    assert slow.tally.by_session == count
    assert kinds(fast) == kinds(slow)
    assert findings(fast) == findings(slow)
    assert fast.tally.held == slow.tally.held
    assert fast.tally.broken == slow.tally.broken
    assert fast.tally.outcomes == slow.tally.outcomes
    assert fast.tally.handshake.count == slow.tally.handshake.count


def test_timestamps_go_the_road(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = ran(World(one_of([stamped])), 60, options=STAMPED)
    assert kinds(fast) == {"closed: > S, < S., > ., > F., < F., > .": 60}
    assert fast.tally.by_session < 20  # one for each way in which milliseconds pass meanwhile
    monkeypatch.setattr(forms, "MOST", 0)
    slow = ran(World(one_of([stamped])), 60, options=STAMPED)
    assert (kinds(fast), findings(fast), fast.tally.held) == (kinds(slow), findings(slow), slow.tally.held)


def test_our_timestamps_tell_the_time_and_echo_theirs() -> None:
    world = World(one_of([stamped]))
    ran(world, 60, options=STAMPED)
    for time, segment in world.sent:
        assert segment.timestamps is not None
        assert (time // MILLISECOND - segment.timestamps[0]) % 2**32 <= 1
        assert bool(segment.timestamps[1]) is segment.has_ack
        assert segment.checksum is Checksum.CORRECT


def test_no_more_are_begun_than_can_be_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "MOST", 0)
    run = running(World(one_of([closes_later]), tick=2 * MILLISECOND), 60, jobs=16)
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, run.under_way)

    run.checkpoint = look
    run.go()
    assert most <= 8
    assert run.tally.outcomes == Counter({Outcome.CLOSED: 60})


def test_a_mixture_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = ran(World(one_of(ALL)), 60, timeout=2 * SECOND)
    monkeypatch.setattr(forms, "MOST", 0)
    slow = ran(World(one_of(ALL)), 60, timeout=2 * SECOND)
    # Which server an exchange meets depends on the order in which ports come free.
    assert kinds(fast).keys() == kinds(slow).keys()
    assert fast.tally.by_session < slow.tally.by_session == 60


def test_the_same_octets_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    worlds = [World(one_of([closes, closes_later, resets])) for _ in range(2)]
    ran(worlds[0], 16)
    monkeypatch.setattr(forms, "MOST", 0)
    ran(worlds[1], 16)
    for port in worlds[0].ports:
        fast, slow = (world.of(port) for world in worlds)
        assert [line.split()[0] for line in fast] == [line.split()[0] for line in slow]
        assert len({line.split()[1] for line in fast}) == len({line.split()[1] for line in slow})


def test_a_finding_is_counted_in_every_exchange() -> None:
    run = ran(World(one_of([widens_window])), 50)
    assert findings(run) == {("mss-option-only-on-syn", "FAIL", "server"): 50}
    assert run.tally.broken == 50
    assert run.tally.by_session == 1
    (found,) = run.tally.findings.values()
    assert found.first == 1


def test_nobody_there() -> None:
    run = ran(World(one_of([silent])), 5, timeout=2 * SECOND)
    assert run.tally.outcomes == Counter({Outcome.FILTERED: 5})


def test_refused() -> None:
    run = ran(World(one_of([refuses])), 50)
    assert kinds(run) == {"refused: > S, < R.": 50}
    assert run.tally.by_session == 1
    assert run.tally.handshake.count == 0


def test_a_fin_that_comes_again_is_acknowledged_again() -> None:
    world = World(one_of([repeats_fin]))
    run = ran(world, 3, linger=SECOND)
    assert kinds(run) == {"closed: > S, < S., > ., > F., < F., > ., < F. again, > .": 3}
    assert len([one for _, one in world.sent if one.flags == Flags.ACK]) == 9


def test_each_port_is_used_in_its_turn() -> None:
    world = World(one_of([closes]))
    ran(world, 3 * len(world.ports))
    ports = [one.sport for _, one in world.sent if one.syn]
    assert set(ports[: len(world.ports)]) == set(world.ports)
    for at, port in enumerate(ports):
        # A few are under way, and a few are not yet seen to have left.
        assert port not in ports[at + 1 : at + len(world.ports) - 8]


def test_isns_of_a_port_go_up() -> None:
    world = World(one_of([closes]))
    ran(world, 3 * len(world.ports))
    for port in world.ports:
        numbers = [one.seq for _, one in world.sent if one.syn and one.sport == port]
        assert all(before < after for before, after in pairwise(numbers))
        assert len(set(numbers)) == len(numbers) >= 2


def test_no_more_at_a_time_than_wanted() -> None:
    world = World(one_of([closes_later]))
    run = running(world, 40, jobs=3)
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, run.under_way)

    run.checkpoint = look
    run.go()
    assert most == 3


def test_no_faster_than_wanted() -> None:
    world = World(one_of([closes]))
    run = ran(world, 21, rate=10)
    assert 1.9 <= (run.until - run.since) / SECOND <= 2.2
    times = [time for time, one in world.sent if one.syn]
    assert min(after - before for before, after in pairwise(times)) > SECOND // 20


def test_what_was_missed_is_not_made_up_for() -> None:
    world = World(one_of([closes]))
    run = running(world, 21, rate=10)

    def stall() -> None:
        if run.begun == 10:
            world.clock += SECOND

    run.checkpoint = stall
    run.go()
    times = [time for time, one in world.sent if one.syn]
    assert min(after - before for before, after in pairwise(times)) > SECOND // 25


class Enough(Exception):
    """Stands for Ctrl-C."""


def test_cut_short_what_is_open_is_reset_exactly() -> None:
    world = World(one_of([half_deaf]))
    run = running(world, 8, jobs=4)

    def stop() -> None:
        if len([one for _, one in world.sent if one.fin]) == 4:
            raise Enough

    run.checkpoint = stop
    with pytest.raises(Enough):
        run.go()
    run.checkpoint = lambda: None
    run.interrupt()
    assert run.tally.outcomes == Counter({Outcome.INTERRUPTED: 4})
    for port in {one.sport for _, one in world.sent}:
        *_, fin, reset = (one for _, one in world.sent if one.sport == port)
        assert fin.fin
        assert (reset.flags, reset.seq) == (Flags.RST | Flags.ACK, fin.end)


def test_what_never_leaves_is_blamed_on_this_machine() -> None:
    world = World(one_of([closes]), eats=lambda segment: segment.fin)
    run = ran(world, 4, timeout=2 * SECOND)
    assert run.tally.outcomes == Counter({Outcome.LOCAL_FIREWALL: 4})


def test_what_the_capture_has_lost_accuses_nobody() -> None:
    world = World(one_of([closes_later]), unseen=lambda segment: segment.fin and segment.sport % 2 == 0)
    run = ran(world, 16)
    assert run.tally.outcomes == Counter({Outcome.CLOSED: 16})
    assert not run.tally.findings
    told = [kind.result.exchange for kind in run.tally.kinds.values() if "a remark" in kind.kind.segments]
    assert told
    for exchange in told:
        texts = [entry.text for entry in exchange.entries if isinstance(entry, Remark)]
        assert any(text.startswith("the capture lost") for text in texts)
        assert not any("left" in step.note for step in exchange.steps)


def test_what_it_remembers_does_not_grow() -> None:
    world = World(one_of(ALL))
    run = ran(world, 400, jobs=16, timeout=SECOND)
    assert run.tally.count == 400
    assert len(run.tally.kinds) < 40
    assert not run.lanes
