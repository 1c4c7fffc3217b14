"""The ways to end a connection, whether it was held or opened just now."""

from __future__ import annotations

from enum import StrEnum

from rawshake.api.live import concluded
from rawshake.ending import outcome_of
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
    """End the connection that way; ``timeout`` (ns) bounds the wait for the server's FIN.

    With ``half`` only until our FIN is acknowledged: from then on the server may take as long as it likes.
    What was asked of segments that were never met is remarked upon: a user could take that for a result.
    """
    ended = _end(session, how, timeout)
    done, wrong = session.impairments, session.profile.deviations
    idle = [f"--bad {one.step}.{one.field}" for one in wrong if not done.met(one.step)]
    for asked in (*idle, *(f"--{one}" for one in done.missed())):
        session.remark(f"{asked} was not used: there was no such segment")
    return ended


def _end(session: Session, how: How, timeout: int) -> tuple[Outcome, str]:
    if how is How.RST:
        session.abort()
        return (Outcome.RESET_BY_US, "") if not session.firewalled else outcome_of(session)
    crossing = how is How.SIMULTANEOUS
    session.close(crossing=crossing, deadline=session.link.now() + timeout)
    if how is How.HALF and session.half_closed:
        session.close()
    outcome, detail = concluded(session)
    if outcome in (Outcome.HALF_CLOSED, Outcome.HELD):
        # We must not leave it to the server to find out: reset what it will not close.
        if session.client.fin is None:
            missing = "did not close first" if crossing else "left what we sent unacknowledged"
        else:
            missing = "sent no FIN" if session.half_closed else "did not acknowledge our FIN"
        detail = f"the server {missing} within {timeout / SECOND:g} s; reset"
        session.remark(detail)
        session.abort()
        outcome = Outcome.HALF_CLOSED if session.half_closed else Outcome.TIMED_OUT
    return outcome, detail
