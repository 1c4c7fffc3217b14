"""A script that is wrong is told so in one sentence, with the line."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from rawshake.play import (
    Ending,
    Peer,
    Script,
    rehearse,
)
from rawshake.play.rehearse import Reply
from rawshake.tcp.segment import Segment
from tests.play.stacks import Answers

SECOND = 1_000_000_000


def silent(segment: Segment) -> Iterable[Reply]:
    return ()


def stray(peer: Peer) -> Script:
    yield "S"  # type: ignore[misc]


def forgotten(peer: Peer) -> Script:
    peer.send("S")
    yield peer.expect("S.")


def forgotten_last(peer: Peer) -> Script:
    yield peer.send("S")
    peer.expect("S.")


def yielded_twice(peer: Peer) -> Script:
    act = peer.send("S")
    yield act
    yield act


def misspelt(peer: Peer) -> Script:
    yield peer.send("S")
    yield peer.expect("Q.")


def too_early(peer: Peer) -> Script:
    yield peer.send(f". ack {peer.our.rcv_nxt}")


def relative_to_nothing(peer: Peer) -> Script:
    yield peer.send(". ack 1")


def for_ever(peer: Peer) -> Script:
    yield peer.wait(float("inf"))


def divides(peer: Peer) -> Script:
    yield peer.wait(1 / 0)


def leaves(peer: Peer) -> Script:
    yield peer.send("S 0:0(0)")
    raise SystemExit(0)


def no_generator(peer: Peer) -> object:
    return peer.send("S")


@pytest.mark.parametrize(
    ("script", "line", "problem"),
    [
        (stray, 1, "'S' was yielded; yield what peer.send, peer.expect and the like make."),
        (forgotten, 2, "What peer.send(...) makes was not yielded."),
        (forgotten_last, 1, "What peer.expect(...) makes was not yielded."),
        (yielded_twice, 3, "What peer.send(...) makes was yielded twice."),
        (misspelt, 2, '"Q" in "Q." is not a flag; the flags are S F R P . U E W A 1 2 3, or - for none.'),
        (too_early, 1, "RCV.NXT of the client is not known yet."),
        (
            relative_to_nothing,
            1,
            '"ack 1" is relative to an ISN that was not seen; make it absolute, as in =7.',
        ),
        (for_ever, 1, "inf is not a number of seconds from 0 to a day."),
        (divides, 1, "ZeroDivisionError: division by zero"),
        (leaves, 2, "SystemExit: 0"),
        (no_generator, 0, "script(peer) yields nothing; write yield before what it makes of peer."),
    ],
)
def test_mistakes_of_the_script_are_told_by_their_line(
    script: Callable[[Peer], Script], line: int, problem: str
) -> None:
    result = rehearse(script, Answers(silent)).result
    assert (result.ending, result.mismatch) == (Ending.MISTAKE, None)
    assert result.mistake is not None
    assert result.mistake.problem == problem
    first = script.__code__.co_firstlineno
    assert result.mistake.line == (first + line if line else 0)
