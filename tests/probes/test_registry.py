"""Probes enter the register by a decorator that refuses what is no id, no scenario, no clause; and are found again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rawshake.play import Peer, Script, rehearse
from rawshake.probes import registry
from rawshake.probes.model import (
    Check,
    Holds,
    Probe,
    Server,
    Target,
    Undecided,
    broken,
    gravest,
    note,
    undecided,
    warn,
)
from rawshake.probes.registry import probe
from rawshake.probes.scenarios import Mode
from rawshake.rules.model import Level, Verdict
from tests.probes.stack import PORTS, Stack


@pytest.fixture(autouse=True)
def _no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test enters is gone after it."""
    monkeypatch.setattr(registry, "PROBES", {})


def opens(peer: Peer) -> Script:
    """A SYN is answered.

    More of it.
    """
    yield peer.send("S <mss 1460>")
    yield peer.expect("S. ack 1")


def entered() -> Probe:
    probe(
        "opens", "E01 T09", "RFC 9293 3.7.1 MUST-14; RFC 6691 2", Level.MUST,
        rules="synack-form fin-acked", server=Server.ECHO, holds=Holds.HALF_OPEN,
    )(opens)  # fmt: skip
    return registry.PROBES["opens"]


def test_a_probe_has_what_it_was_given() -> None:
    one = entered()
    assert (one.id, one.chapter, one.scenarios, one.rules) == (
        "opens", "test", ("E01", "T09"), ("synack-form", "fin-acked"),
    )  # fmt: skip
    assert (one.cite, one.level) == ("RFC 9293 3.7.1 MUST-14; RFC 6691 2", Level.MUST)
    assert (one.server, one.servers, one.holds) == (Server.ECHO, (Server.ECHO,), Holds.HALF_OPEN)
    assert (one.slow, one.alone, one.mode) == (False, False, Mode.WIRE)
    assert (one.summary, one.page) == ("A SYN is answered.", "A SYN is answered.\n\nMore of it.")


def test_its_script_plays() -> None:
    one, target = entered(), Target("192.0.2.2", PORTS)
    played = rehearse(lambda peer: one.play(peer, target), Stack(), port=target.port(one.server))
    assert (played.result.mismatch, played.result.mistake) == (None, None)


def test_a_script_that_wants_the_target_gets_it() -> None:
    seen: list[int] = []

    def looks(peer: Peer, target: Target) -> Iterator[object]:
        """Looks."""
        seen.append(target.port(Server.CLOSED))
        yield peer.wait(0)

    probe("looks", "R01", "RFC 9293 3.10.7.1", Level.PROCEDURE)(looks)  # type: ignore[type-var]
    one = registry.PROBES["looks"]
    rehearse(lambda peer: one.play(peer, Target("192.0.2.2", PORTS)), Stack())
    assert seen == [1]


@pytest.mark.parametrize(
    ("name", "scenarios", "cites", "why"),
    [
        ("Opens", "E01", "RFC 9293 3.5", "not an id: 'Opens'"),
        ("opens", "E99", "RFC 9293 3.5", "not a scenario: 'E99'"),
        ("opens", "", "RFC 9293 3.5", "opens cites no scenario"),
        ("opens", "E01", "9293", "not a citation: '9293'"),
    ],
)
def test_what_is_wrong_is_refused(name: str, scenarios: str, cites: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        probe(name, scenarios, cites, Level.MUST)


def test_two_of_one_name_are_refused() -> None:
    entered()
    with pytest.raises(ValueError, match="two probes are called opens"):
        entered()


def test_a_server_that_was_not_named_is_a_reason_to_skip() -> None:
    with pytest.raises(Undecided, match="needs a server for --bulk") as raised:
        Target("192.0.2.2", {Server.ECHO: 7}).port(Server.BULK)
    assert raised.value.verdict is Verdict.SKIPPED


def test_what_a_probe_may_say() -> None:
    assert note("RFC 793: it resets.").verdict is Verdict.NOTE
    assert warn("It waits.", expected="1 s", actual="2 s").verdict is Verdict.WARN
    found = broken("It acks too much.", field="ack", expected=1, actual=2)
    assert found == Check("It acks too much.", Verdict.FAIL, "ack", "1", "2", "It acks too much.")
    with pytest.raises(Undecided) as raised:
        undecided("no answer")
    assert (raised.value.reason, raised.value.verdict) == ("no answer", Verdict.INCONCLUSIVE)


def test_the_gravest_verdict_counts() -> None:
    assert gravest() is Verdict.PASS
    assert gravest(Verdict.NOTE, Verdict.PASS) is Verdict.NOTE
    assert gravest(Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.WARN) is Verdict.FAIL
    assert {gravest(one, Verdict.PASS) for one in Verdict} == set(Verdict)
