"""Where a target dies for good, those are named that sent something then; what was wrong before stays wrong."""

from __future__ import annotations

from collections import Counter

from rawshake.play import Peer, Script, handshake
from rawshake.probes import select
from rawshake.probes.model import Probe
from rawshake.rules.model import Level, Verdict
from rawshake.verify.suspects import named
from tests.probes.stack import Stack
from tests.probes.twins import attempt
from tests.verify.test_runner import Mortal, kills, runner, waits

KILLER = Probe("killer", "data", ("D01",), (), Level.MUST, kills)


def dies() -> Mortal:
    return Mortal(deadly=lambda segment: segment.payload == b"die")


def test_who_sent_something_when_it_fell_silent_is_named() -> None:
    probes = [
        waits("before", 3.0),
        waits("too", 3.0),
        KILLER,
        *(waits(f"p{number}", 1.0) for number in range(9)),
    ]
    results = runner(dies(), jobs=16, rate=5).run(probes)
    assert Counter(result.verdict for result in results) == {Verdict.INCONCLUSIVE: 12}
    assert {result.reason for result in results} == {
        "The target opened no connection any more, after killer, p0."
    }


def test_what_it_answered_wrongly_before_is_not_undone() -> None:
    def wrong(peer: Peer) -> Script:
        yield from handshake(peer)
        yield peer.send("P.", data=b"x")
        yield peer.expect(". ack 77", within=0.2)

    probes = [
        Probe("wrong", "data", ("D01",), (), Level.MUST, wrong),
        *(waits(f"p{n}", 0.1) for n in range(9)),
    ]
    results = runner(dies(), jobs=1, repeat=1).run([*probes, KILLER])
    found = {result.probe.id: result.verdict for result in results}
    assert found["wrong"] is Verdict.FAIL
    assert found["p0"] is Verdict.PASS


def test_nobody_is_named_of_none_and_no_more_than_a_few_of_many() -> None:
    (probe,) = select(["syn-opens"])
    found = attempt(probe, Stack())
    assert named([]) == ""
    assert named([("a", found)]) == "a"
    assert named([(name, found) for name in "abcdef"]) == "a, b, c, d and others"
