"""Rules over a whole capture: ISNs beside those of other connections, and how long a SYN is tried; bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.judge import CaptureJudge
from rawshake.rules import select
from rawshake.rules.opening import HOSTS, OF_ONE, TUPLES, Opening, Others
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End
from tests.rules.play import finding_text

SECOND = 1_000_000_000
CLIENT, SERVER = ("192.0.2.1", 40000), ("192.0.2.2", 80)
RULES = select(["isn", "giving_up"])


def opening(
    connection: int,
    isn: int,
    *,
    at: float = 0,
    port: int = 40000,
    end: End = End.SERVER,
    peer_isn: int | None = None,
    complete: bool = True,
    syns: tuple[float, ...] = (0,),
    until: float = 1000,
) -> Opening:
    client = (CLIENT[0], port)
    here, there = (client, SERVER) if end is End.CLIENT else (SERVER, client)
    return Opening(
        connection=connection,
        end=end,
        step=1 if end is End.CLIENT else 2,
        isn=Seq(isn),
        ends=(here, there),
        syns=tuple(int((at + one) * SECOND) for one in syns),
        until=int(until * SECOND),
        complete=complete,
        answered=complete,
        peer_isn=Seq(connection * 7_654_321 if peer_isn is None else peer_isn),
    )


def found(openings: list[Opening]) -> list[str]:
    judge = CaptureJudge(RULES)
    rulings = [ruling for one in openings for ruling in judge.connection([one])]
    return [f"{finding_text(ruling)}" for ruling in rulings if ruling.is_finding]


def run(isns: list[int], *, gap: float = 0.1) -> list[Opening]:
    return [opening(n, isn, at=gap * n, port=40000 + n) for n, isn in enumerate(isns)]


APART = [3_000_000_000, 17, 1_234_567_890, 2_000_000_000, 4_000_000_000, 900_000_000]


@pytest.mark.parametrize(
    ("isns", "fires"),
    [
        ([5] * 4, True),
        ([5] * 3, False),
        ([64_000 * n for n in range(4)], True),
        ([0xFFFFFF00 + 64_000 * n for n in range(4)], True),
        ([6510 + n * n for n in range(8)], True),
        ([6510, 6520, 6521, 6530], False),  # four might be chance
        (APART, False),
        ([*APART[:2], *APART[:2], *APART[:2]], False),
    ],
)
def test_isns_of_one_host(isns: list[int], fires: bool) -> None:
    assert bool(found(run(isns))) is fires


def test_a_host_is_charged_once() -> None:
    assert found(run([5] * 10)) == ["isn-differs-across-tuples WARN server 2"]


def test_what_is_an_hour_apart_tells_nothing() -> None:
    assert found(run([5] * 6, gap=3600)) == []


def test_the_same_connection_before_and_behind_a_nat_is_one() -> None:
    twice = [opening(n, 5, at=n, port=40000 + n, peer_isn=77) for n in range(8)]
    assert found(twice) == []


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (opening(1, 500), opening(2, 700_500, at=2), ""),
        (opening(1, 0xFFFFFFFF), opening(2, 700_500, at=2), ""),
        (opening(1, 500), opening(2, 400, at=2), "NOTE"),
        (opening(1, 500), opening(2, 400, at=120), ""),
        (opening(1, 500), opening(2, 500, at=2), "FAIL"),
        (opening(1, 500, complete=False), opening(2, 500, at=2), ""),
        # Both ends' are the same again: the capture is of something that was played twice.
        (opening(1, 500, peer_isn=9), opening(2, 500, at=2, peer_isn=9), ""),
        # Another port.
        (opening(1, 500), opening(2, 400, at=2, port=40001), ""),
    ],
)
def test_isns_of_one_tuple(first: Opening, second: Opening, verdict: str) -> None:
    expected = [f"isn-clock-same-tuple {verdict} server 2"] if verdict else []
    assert found([first, second]) == expected


def tried(syns: tuple[float, ...], *, until: float = 1000, complete: bool = False) -> Opening:
    return opening(1, 5, end=End.CLIENT, syns=syns, until=until, complete=complete)


@pytest.mark.parametrize(
    ("one", "fires"),
    [
        (tried((0, 1, 3, 7)), True),
        (tried((0, 1, 3, 7), until=16), False),
        (tried((0, 1, 3, 7), complete=True), False),
        (tried((0, 1, 2, 3, 4, 5, 7, 11, 20, 36, 68)), True),
        (tried((0, 3, 9, 21, 45, 93)), False),
        (tried((0, 60, 120, 180)), False),
        (tried((0,)), False),
    ],
)
def test_how_long_a_syn_is_tried(one: Opening, fires: bool) -> None:
    assert found([one]) == (["syn-r2-three-minutes NOTE client 1"] if fires else [])


def test_of_a_host_only_the_last_few_are_kept() -> None:
    others = Others()
    for n in range(3 * OF_ONE):
        others.add(opening(n, n, port=40000 + n))
    last = opening(3 * OF_ONE, 3 * OF_ONE, port=1, at=1)
    assert [one.connection for one in others.run(last)] == list(range(2 * OF_ONE, 3 * OF_ONE + 1))


def opened(connection: int, time: int, *, isn: int, port: int, peer_isn: int = 0) -> Opening:
    return opening(connection, isn, port=port, peer_isn=peer_isn, syns=(time,))


@given(
    st.lists(
        st.builds(
            opened,
            st.just(0),
            st.integers(0, 9),
            isn=st.integers(0, 3),
            port=st.integers(1, 4),
            peer_isn=st.integers(0, 2),
        ),
        min_size=1,
        max_size=3 * OF_ONE,
    )
)
def test_the_run_of_a_host_is_what_was_last_added_of_other_tuples_told_apart_by_time(
    added: list[Opening],
) -> None:
    others = Others()
    kept: list[Opening] = []
    for one in added:
        told_apart = [old for old in kept if (old.isn, old.peer_isn) != (one.isn, one.peer_isn)]
        expected = sorted([old for old in told_apart if old.ends != one.ends], key=lambda old: old.time)
        run = others.run(one)
        assert run.count(one) == 1
        assert [old.time for old in run] == sorted([old.time for old in [*expected, one]])
        assert others.earliest(one) == (len(run), run[0], run[min(1, len(run) - 1)])
        others.add(one)
        kept = [*told_apart, one][-OF_ONE:]


def test_a_flood_of_hosts_is_forgotten() -> None:
    others = Others()
    for n in range(max(HOSTS, TUPLES) + 5):
        host = f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"
        flood = opening(n, n)
        others.add(Opening(n, End.CLIENT, 1, Seq(n), ((host, 1), flood.here), flood.syns, flood.until))
    assert len(others) <= HOSTS + TUPLES


def test_without_such_rules_nothing_is_kept() -> None:
    judge = CaptureJudge(select(["handshake"]))
    assert judge.connection([opening(1, 5)]) == ()
