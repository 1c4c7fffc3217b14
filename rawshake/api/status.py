"""The exit status that goes with each way that a live connection can end."""

from __future__ import annotations

from typing import Final

from rawshake.errors import Exit
from rawshake.report import Exchange, Outcome

STATUS: Final[dict[Outcome, Exit]] = {
    Outcome.CLOSED: Exit.OK,
    Outcome.HELD: Exit.OK,
    Outcome.OPEN: Exit.OK,
    Outcome.RESET_BY_US: Exit.OK,
    Outcome.HALF_CLOSED: Exit.TIMED_OUT,
    Outcome.RESET: Exit.RESET,
    Outcome.REFUSED: Exit.REFUSED,
    Outcome.FILTERED: Exit.FILTERED,
    Outcome.UNREACHABLE: Exit.UNREACHABLE,
    Outcome.LOCAL_FIREWALL: Exit.LOCAL_FIREWALL,
    Outcome.TIMED_OUT: Exit.TIMED_OUT,
    Outcome.INTERRUPTED: Exit.INTERRUPTED,
}


def status_of(exchange: Exchange) -> Exit:
    """The exit status that an exchange asks for: a rule that the peer broke counts most."""
    return Exit.RULE_BROKEN if exchange.broken_by_peer else STATUS[exchange.outcome]
