"""How a conversation that has ended, or stopped, is to be called."""

from __future__ import annotations

from typing import Final

from rawshake.conversation import Conversation
from rawshake.endpoint import Want
from rawshake.report import Outcome

#: What is our own doing.
_BY_US: Final = {
    Want.REFUSE: (Outcome.REFUSED, "by us"),
    Want.LISTEN: (Outcome.FILTERED, "from us"),
    Want.ABORT: (Outcome.RESET_BY_US, ""),
}


def outcome_of(conversation: Conversation) -> tuple[Outcome, str]:
    """Its outcome, and the detail to add."""
    ended = _failed(conversation) or _ended(conversation)
    if ended is not None:
        return ended
    if conversation.me.fin is not None:
        return Outcome.HALF_CLOSED, f"the {conversation.ours.other} has not sent its FIN"
    return (Outcome.HELD if conversation.established else Outcome.OPEN), ""


def _failed(conversation: Conversation) -> tuple[Outcome, str] | None:
    if conversation.unreachable:
        return Outcome.UNREACHABLE, conversation.unreachable
    if conversation.unresolved and not conversation.established:
        return Outcome.UNREACHABLE, conversation.unresolved
    if conversation.firewalled and not conversation.closed:
        return Outcome.LOCAL_FIREWALL, conversation.firewalled
    return None


def _ended(conversation: Conversation) -> tuple[Outcome, str] | None:
    if conversation.refused:
        return Outcome.REFUSED, ""
    if conversation.closed:
        return Outcome.CLOSED, ""
    if conversation.was_reset:
        return Outcome.RESET, ""
    if conversation.endpoint.gave_up:
        return (Outcome.TIMED_OUT if conversation.established else Outcome.FILTERED), ""
    return _BY_US.get(conversation.endpoint.want)
