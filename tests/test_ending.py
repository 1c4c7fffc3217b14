"""What the ending of a conversation is called, from either end."""

from __future__ import annotations

import pytest

from rawshake.ending import outcome_of
from rawshake.endpoint import Want
from rawshake.profile import SECOND
from rawshake.report import Outcome
from rawshake.session import Session
from tests.memory import Answers, silence
from tests.playbook import HANDSHAKE, Script, patient, started


def after(text: str, *, retries: int = 0, act: Want | None = None) -> tuple[Outcome, str]:
    session, _ = started(Script(text) if text else Answers(silence), profile=patient(retries=retries))
    session.connect()
    if act is not None:
        session.endpoint.want = act
        session.run(lambda: session.closed or session.over, deadline=session.link.now() + SECOND)
    return outcome_of(session)


@pytest.mark.parametrize(
    ("text", "act", "outcome"),
    [
        ("", None, Outcome.FILTERED),
        ("> S 0:0(0)\n< R. =0:0(0) ack 1", None, Outcome.REFUSED),
        (HANDSHAKE, None, Outcome.HELD),
        (HANDSHAKE + "< R. 1:1(0) ack 1", Want.CLOSE, Outcome.RESET),
        (HANDSHAKE + "> F. 1:1(0) ack 1\n< F. 1:1(0) ack 2\n> . 2:2(0) ack 2", Want.CLOSE, Outcome.CLOSED),
        (HANDSHAKE, Want.ABORT, Outcome.RESET_BY_US),
    ],
)
def test_what_it_is_called(text: str, act: Want | None, outcome: Outcome) -> None:
    assert after(text, act=act)[0] is outcome


def test_whose_fin_is_missing_is_told() -> None:
    text = HANDSHAKE + "> F. 1:1(0) ack 1\n< . 1:1(0) ack 2"
    assert after(text, retries=3, act=Want.CLOSE) == (Outcome.HALF_CLOSED, "the server has not sent its FIN")


@pytest.mark.parametrize(
    ("attribute", "outcome"), [("unreachable", Outcome.UNREACHABLE), ("firewalled", Outcome.LOCAL_FIREWALL)]
)
def test_what_kept_it_from_getting_anywhere_comes_first(attribute: str, outcome: Outcome) -> None:
    session: Session = started(Script(HANDSHAKE), profile=patient())[0]
    session.connect()
    setattr(session, attribute, "why")
    assert outcome_of(session) == (outcome, "why")
