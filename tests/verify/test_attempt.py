"""What a probe's script ends with becomes checks and a verdict; no exception of a script is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rawshake.play import Conversation, Peer, Script, handshake, perform
from rawshake.play.rehearse import MemoryLink, place
from rawshake.probes.cell import script_of
from rawshake.probes.grid.cells import parse
from rawshake.probes.model import Probe, Server, note, undecided, warn
from rawshake.probes.result import Attempt
from rawshake.rules.model import Level, Verdict
from rawshake.tcp.segment import Segment
from rawshake.verify.attempt import Trial
from tests.probes.stack import PORTS, Stack
from tests.probes.twins import TARGET

Alter = Callable[[Segment], "Segment | None"]


def tried(
    script: Callable[[Peer], Script], *, level: Level = Level.MUST, alter: Alter = lambda s: s
) -> Attempt:
    probe = Probe("tried", "reset", ("E01",), (), level, script, Server.ECHO)
    trial = Trial(probe, TARGET)
    conversation = Conversation(trial.script, place(port=PORTS[Server.ECHO]))
    perform([conversation], MemoryLink(Stack(alter=alter)))
    return trial.attempt(conversation, 0)


def opens(peer: Peer) -> Script:
    yield peer.send("S <mss 1460>")
    yield peer.expect("S. ack 1")


def wants(text: str) -> Callable[[Peer], Script]:
    def script(peer: Peer) -> Script:
        yield from handshake(peer)
        yield peer.send("P.", data=b"x")
        yield peer.expect(text)

    return script


def test_what_was_expected_and_came_is_told() -> None:
    found = tried(opens)
    assert found.verdict is Verdict.PASS
    (check,) = found.checks
    assert (check.what, check.expected) == ("S. ack 1", "S. ack 1")
    assert check.actual.startswith("S. 0:0(0) ack 1 ")
    assert len(found.exchanges) == 1


def test_a_mismatch_is_told_field_by_field() -> None:
    found = tried(wants("P. 1:2(1) ack 3"))
    assert (found.verdict, found.silent) == (Verdict.FAIL, False)
    wrong = [check for check in found.checks if check.verdict is not Verdict.PASS]
    assert [(one.field, one.expected, one.actual) for one in wrong] == [("ack", "3", "2")]
    assert "expected P. 1:2(1) ack 3 within 1 s" in wrong[0].sentence


@pytest.mark.parametrize(
    ("level", "verdict"),
    [(Level.PROCEDURE, Verdict.FAIL), (Level.SHOULD, Verdict.WARN), (Level.MAY, Verdict.NOTE)],
)
def test_the_level_says_how_grave_it_is(level: Level, verdict: Verdict) -> None:
    assert tried(wants("S"), level=level).verdict is verdict


def test_silence_is_told_apart() -> None:
    found = tried(opens, alter=lambda segment: None)
    assert (found.verdict, found.silent) == (Verdict.FAIL, True)
    (check,) = found.checks
    assert (check.field, check.expected, check.actual) == ("answer", "S. ack 1", "nothing came")


def test_what_the_script_says_counts() -> None:
    def says(peer: Peer) -> Script:
        yield peer.wait(0)
        return note("RFC 793."), warn("It waits.")

    found = tried(says)
    assert found.verdict is Verdict.WARN
    assert [check.verdict for check in found.checks] == [Verdict.NOTE, Verdict.WARN]


def test_an_expectation_that_the_script_caught_is_its_own_affair() -> None:
    def catches(peer: Peer) -> Script:
        try:
            yield from wants("S")(peer)
        except Exception:  # noqa: BLE001  # as a probe may
            return note("It came otherwise.")

    assert tried(catches).verdict is Verdict.NOTE


def test_who_cannot_tell_says_why() -> None:
    def cannot(peer: Peer) -> Script:
        yield peer.wait(0)
        undecided("its SYN was not seen")

    found = tried(cannot)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.checks[0].sentence == "its SYN was not seen."


def test_a_wrong_script_is_an_error() -> None:
    def wrong(peer: Peer) -> Script:
        yield peer.send("XYZ")

    found = tried(wrong)
    assert found.verdict is Verdict.ERROR
    assert found.checks[0].sentence.startswith("The probe itself is wrong: ")


def test_a_cell_comes_to_checks() -> None:
    found = tried(script_of(parse("ESTABLISHED/RST/inside")))
    assert found.verdict is Verdict.PASS
    assert found.played is not None
    assert [one.what for one in found.checks if one.expected.endswith("ESTABLISHED")] == [
        "ESTABLISHED: RST inside the window"
    ]


def test_who_answers_nothing_afterwards_is_in_no_wrong_state() -> None:
    opened: list[Segment] = []

    def deaf(segment: Segment) -> Segment | None:
        opened.append(segment)
        return segment if len(opened) == 1 else None

    found = tried(script_of(parse("ESTABLISHED/ACK/at/in-range")), alter=deaf)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.checks[-1].sentence == "silence; it answers nothing afterwards."
    wrong = tried(script_of(parse("ESTABLISHED/SYN/at")), alter=lambda s: s if s.syn else None)
    assert [one.field for one in wrong.checks if one.verdict is Verdict.FAIL] == ["answer"]
