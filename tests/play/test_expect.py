"""Expectations: what fits, what is told where nothing does, silence, and what the script may catch."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rawshake.play import (
    Ending,
    Peer,
    Script,
    Unexpected,
    rehearse,
)
from rawshake.play.rehearse import Reply
from rawshake.tcp.segment import Segment
from tests.play.stacks import Altered, Answers, Honest, changed, says
from tests.play.transcript import mismatch, transcript

SECOND = 1_000_000_000


def test_a_mismatch_names_every_field_and_has_both_segments() -> None:
    stack = Altered(1, changed(window=9, options=()), Honest())

    def script(peer: Peer) -> Script:
        yield peer.send("S")
        yield peer.expect("S. 0: ack 2 win 10 <mss *>", "R.", within=0.25)

    found = mismatch(rehearse(script, stack))
    assert found.expected == "S. 0: ack 2 win 10 <mss *> or R."
    assert found.sent == "S 0:0(0) win 65535"
    assert found.came is not None
    assert found.came.text == "S. 0:0(0) ack 1 win 9"
    # The second expectation differs in fewer fields, and so is the nearer one.
    assert [str(one) for one in found.differences] == ["flags: expected R., got S."]
    assert found.text.splitlines() == [
        f"line {found.line}: what was expected did not come within 0.25 s",
        "  sent      S 0:0(0) win 65535",
        "  expected  S. 0: ack 2 win 10 <mss *> or R.",
        "  came      S. 0:0(0) ack 1 win 9",
        "    flags  expected R., got S.",
    ]
    assert found.line == script.__code__.co_firstlineno + 2


def test_silence_is_told_from_something_else() -> None:
    def script(peer: Peer) -> Script:
        yield peer.send("S")
        yield peer.expect("S.", within=0.5)

    found = mismatch(rehearse(script, Answers(lambda segment: ())))
    assert (found.silence, found.came, found.meanwhile) == (True, None, ())
    assert found.sentence == "expected S. within 0.5 s; nothing came"
    assert not mismatch(rehearse(script, Answers(lambda segment: says("R =0:0(0)", to=segment)))).silence


def test_what_comes_too_late_has_not_come() -> None:
    def late(segment: Segment) -> Iterable[Reply]:
        return [(SECOND, reply) for _, reply in says("S. 0:0(0) ack 1", to=segment) if segment.syn]

    def script(seconds: float) -> Callable[[Peer], Script]:
        def script(peer: Peer) -> Script:
            yield peer.send("S")
            yield peer.expect("S.", within=seconds)

        return script

    assert rehearse(script(0.99), Answers(late)).result.ending is Ending.MISMATCH
    assert rehearse(script(1.1), Answers(late)).result.ending is Ending.PLAYED


def two(segment: Segment) -> Iterable[Reply]:
    return says("S. 0:0(0) ack 1", ". 1:1(0) ack 1", to=segment) if segment.syn else ()


def test_others_are_passed_over_but_not_if_strict() -> None:
    def script(strict: bool) -> Callable[[Peer], Script]:
        def script(peer: Peer) -> Script:
            yield peer.send("S")
            yield peer.expect(".", strict=strict)

        return script

    assert rehearse(script(False), Answers(two)).result.ending is Ending.PLAYED
    found = mismatch(rehearse(script(True), Answers(two)))
    assert [one.text for one in found.meanwhile] == ["S. 0:0(0) ack 1 win 65535"]


def test_quiet_hears_what_is_left_in_the_inbox_and_what_comes() -> None:
    def script(*acts: str, but: str = "") -> Callable[[Peer], Script]:
        def script(peer: Peer) -> Script:
            yield peer.send("S")
            yield peer.expect("S.")
            if "collect" in acts:
                yield peer.collect(0.1)
            yield peer.quiet(0.2, but=[but] if but else [])

        return script

    found = mismatch(rehearse(script(), Answers(two)))
    assert found.sentence == "expected nothing within 0.2 s; . 1:1(0) ack 1 win 65535 came"
    assert found.text.startswith(f"line {found.line}: something came in the 0.2 s in which nothing should\n")
    assert rehearse(script("collect"), Answers(two)).result.ending is Ending.PLAYED
    assert rehearse(script(but=". 1:"), Answers(two)).result.ending is Ending.PLAYED
    assert rehearse(script(but=". 2:"), Answers(two)).result.ending is Ending.MISMATCH


def test_quiet_does_not_hear_what_comes_after_it() -> None:
    def late(segment: Segment) -> Iterable[Reply]:
        return [(SECOND, reply) for _, reply in says("S. 0:0(0) ack 1", to=segment) if segment.syn]

    def script(peer: Peer) -> Script:
        yield peer.send("S")
        yield peer.quiet(1.0)
        return (yield peer.collect(0.1))

    played = rehearse(script, Answers(late))
    assert isinstance(played.result.value, tuple)
    assert [one.text for one in played.result.value] == ["S. 0:0(0) ack 1 win 65535"]


def test_next_gives_whatever_comes_or_none() -> None:
    def script(peer: Peer) -> Script:
        yield peer.send("S")
        yield peer.wait(0.5)
        found = [
            (yield peer.next(within=0.1)),
            (yield peer.next(within=0.1)),
            (yield peer.next(within=0.1)),
        ]
        return [arrival and str(arrival.segment.flags) for arrival in found]

    assert rehearse(script, Answers(two)).result.value == ["S.", ".", None]


def test_the_script_may_catch_what_it_did_not_expect() -> None:
    def script(peer: Peer) -> Script:
        yield peer.send("S")
        try:
            yield peer.expect("R", within=0.2)
        except Unexpected as unexpected:
            came = unexpected.mismatch.came
            yield peer.send("R 1:")
            return came.text if came is not None else ""

    played = rehearse(script, Honest())
    assert played.result.value == "S. 0:0(0) ack 1 win 65535 <mss 1460>"
    assert transcript(played)[2].startswith("# expected R within 0.2 s; S. 0:0(0)")
    assert transcript(played)[3:] == ["> R 1(0)"]


def test_what_is_damaged_is_neither_taken_nor_a_number_to_count_from() -> None:
    def wrong(segment: Segment) -> Iterable[Reply]:
        return says("S. 7:7(0) ack 1 [bad checksum]", "S. 0:0(0) ack 1", to=segment) if segment.syn else ()

    def script(peer: Peer) -> Script:
        yield peer.send("S")
        arrival = yield peer.expect("S. 0:")
        return arrival.text

    assert rehearse(script, Answers(wrong)).result.value == "S. 0:0(0) ack 1 win 65535"
