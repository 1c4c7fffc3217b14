"""How a connection of a script is to be called when the script has ended."""

from __future__ import annotations

from rawshake.play.peer import Peer
from rawshake.report import Outcome
from rawshake.tcp.state import State
from rawshake.tcp.view import Standing, Step, View


def outcome_of(peer: Peer) -> Outcome:
    """What became of it, by what was seen; OPEN where it was left as it is."""
    steps = [entry for entry in peer.entries if isinstance(entry, Step)]
    our, their = peer.our.view, peer.their.view
    if not steps or (our.fin is None and all(step.ours for step in steps)):
        return Outcome.FILTERED if any(step.segment.syn for step in steps) else Outcome.OPEN
    if _acknowledged(our, their) and _acknowledged(their, our):
        return Outcome.CLOSED
    last = [step for step in steps if step.segment.rst and step.standing is Standing.NEW][-1:]
    if last and not last[0].ours:
        return Outcome.REFUSED if last[0].before.of(peer.end).expected is State.SYN_SENT else Outcome.RESET
    if last and steps[-1].ours and steps[-1].segment.rst:
        return Outcome.RESET_BY_US
    return Outcome.OPEN if our.fin is None and their.fin is None else Outcome.HALF_CLOSED


def _acknowledged(sender: View, receiver: View) -> bool:
    """Whether the sender's FIN is."""
    return sender.fin is not None and receiver.last_ack is not None and receiver.last_ack > sender.fin
