"""The ways to end a connection, whether it was held or opened just now."""

from __future__ import annotations

from enum import StrEnum

from rawshake.cli.live import outcome_of
from rawshake.profile import SECOND
from rawshake.report import Outcome
from rawshake.session import Session


class How(StrEnum):
    """What ``--how`` may be."""

    FIN = "fin"
    HALF = "half"
    SIMULTANEOUS = "simultaneous"
    RST = "rst"


def close(session: Session, how: How, timeout: int) -> tuple[Outcome, str]:
    """End the connection that way; ``timeout`` (ns) bounds the wait for the server's FIN, unless ``half``."""
    if how is How.RST:
        session.abort()
        return (Outcome.RESET_BY_US, "") if not session.firewalled else outcome_of(session)
    deadline = None if how is How.HALF else session.link.now() + timeout
    crossing = how is How.SIMULTANEOUS
    session.close(crossing=crossing, deadline=deadline)
    outcome, detail = outcome_of(session)
    if outcome in (Outcome.HALF_CLOSED, Outcome.HELD):
        # We must not leave it to the server to find out: reset what it will not close.
        missing = "did not close first" if crossing else "sent no FIN"
        detail = f"the server {missing} within {timeout / SECOND:g} s; reset"
        session.remark(detail)
        session.abort()
        outcome = Outcome.TIMED_OUT if session.client.fin is None else Outcome.HALF_CLOSED
    return outcome, detail
