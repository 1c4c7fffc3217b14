"""A connection that passed by columns has, where it is asked for, the transcript that the Follower would keep."""

from __future__ import annotations

from rawshake.api.frames import Reading
from rawshake.connection import Connection
from rawshake.follow import Follower
from rawshake.report import Exchange, Judged
from rawshake.rules import book
from rawshake.screen.road import Screen
from tests.screen.roads import chunks, generated, in_order


def kept_by_columns(octets: bytes, *, block: int = 1 << 20) -> tuple[list[Connection], int]:
    done: list[Connection] = []
    screen = Screen(book(), done.append, keep=lambda one: bool(one.number % 3 or one.findings), block=block)
    screen.run(chunks(octets), Reading())
    return in_order(done), screen.passed


def kept_by_the_follower(octets: bytes) -> list[Connection]:
    done: list[Connection] = []
    follower = Follower(book(), done.append, keep=lambda connection: True)
    for frame in Reading().frames(chunks(octets)):
        follower.frame(frame)
    follower.finish()
    return in_order(done)


def test_it_has_the_same_segments_and_states() -> None:
    octets = generated("http", 120, faults=7)
    fast, passed = kept_by_columns(octets, block=40_000)
    assert 80 < passed < 120  # the others are followed
    for one, other in zip(fast, kept_by_the_follower(octets), strict=True):
        if one.exchange is None:
            assert not one.number % 3
            assert not one.findings
            continue
        assert other.exchange is not None
        assert one.exchange.steps == other.exchange.steps
        assert one.exchange.findings == other.exchange.findings
        frames, others = (
            [getattr(entry, "frame", 0) for entry in each.entries] for each in (one.exchange, other.exchange)
        )
        assert frames == others


def test_what_was_found_of_it_is_in_it() -> None:
    fast, passed = kept_by_columns(generated("flights", 40, faults=0))
    assert passed > 35
    noted = [one for one in fast if one.findings]
    assert len(noted) > 20
    for one in noted:
        assert one.exchange is not None
        assert one.exchange.findings == tuple(found.ruling for found in one.findings)


def test_it_is_kept_only_where_it_is_asked_for() -> None:
    done: list[Connection] = []
    Screen(book(), done.append).run(chunks(generated("plain", 20, faults=0)), Reading())
    assert [one.exchange for one in done] == [None] * 20


def _frames(exchange: Exchange) -> list[int]:
    return [entry.frame for entry in exchange.entries if isinstance(entry, Judged)]
