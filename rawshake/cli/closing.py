"""The ways to end a connection, whether it was held or opened just now."""

from __future__ import annotations

from enum import StrEnum

from rawshake.cli.live import concluded, outcome_of
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
    outcome, detail = concluded(session)
    if outcome in (Outcome.HALF_CLOSED, Outcome.HELD):
        # We must not leave it to the server to find out: reset what it will not close.
        me = session.client
        acknowledged = me.fin is not None and me.una is not None and me.una > me.fin
        if me.fin is None:
            missing = "did not close first" if crossing else "left what we sent unacknowledged"
        else:
            missing = "sent no FIN" if acknowledged else "did not acknowledge our FIN"
        detail = f"the server {missing} within {timeout / SECOND:g} s; reset"
        session.remark(detail)
        session.abort()
        outcome = Outcome.HALF_CLOSED if acknowledged else Outcome.TIMED_OUT
    return outcome, detail
