"""Probes on segments that are not acceptable once a FIN was sent or received: they are answered, and move nothing."""

from __future__ import annotations

from typing import Final

from rawshake.play import Peer, Script, Unexpected
from rawshake.probes.grid.answers import Choice
from rawshake.probes.grid.block import BEYOND, UNSENT
from rawshake.probes.model import ProbeFunction, Server, note
from rawshake.probes.park import WAYS
from rawshake.probes.prove import answers, hushed
from rawshake.probes.registry import probe
from rawshake.probes.telling import stays
from rawshake.rules.model import Level
from rawshake.tcp.state import State

#: Where the target has closed first.
_CLOSED_FIRST: Final = (State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSING)
_CITES: Final = "RFC 9293 3.10.7.4; RFC 9293 3.5.2"


def outside_window(state: State) -> ProbeFunction:
    """The script that sends an octet beyond the window in ``state``."""

    def script(peer: Peer) -> Script:
        here = yield from WAYS[state].recipe(peer)
        yield peer.send(f"P. ={here.rcv_nxt + here.rcv_wnd + BEYOND}:", data=b"x")
        yield from answers(peer, here)
        return (yield from stays(peer, here))

    script.__doc__ = f"""In {state} an octet beyond the window draws an ACK of what is awaited, and {state} stays.

    The octet comes with an ACK that would be good: of what is dropped that does not count, either. lwIP heeds it,
    so that anybody's guess of one number ends the wait for the other end.
    """
    return script


def ack_of_unsent(state: State) -> ProbeFunction:
    """The script that acknowledges in ``state`` what lies behind the FIN."""

    def script(peer: Peer) -> Script:
        here = yield from WAYS[state].recipe(peer)
        yield peer.send(f". ack ={here.nxt + UNSENT}")
        silent = False
        try:
            yield from answers(peer, here)
        except Unexpected as unexpected:
            silent = not any(one.text.startswith((".", "R")) for one in unexpected.mismatch.meanwhile)
            if not silent:
                raise
        stayed = yield from stays(peer, here)
        choice = Choice.ACK_UNREAD if state is State.FIN_WAIT_2 else Choice.UNSENT_SILENT
        return (stayed, note(str(choice))) if silent else stayed

    script.__doc__ = f"""In {state} an ACK of what was never sent draws an ACK, acknowledges no FIN, and {state} stays.

    Who takes any number above its FIN for an acknowledgment of it closes while the other end knows nothing of it.
    Silence is told as a note: Linux answered nothing until 2026, and in FIN-WAIT-2 does not look at the number.
    """
    return script


def only_urg(state: State) -> ProbeFunction:
    """The script that sends URG and nothing else in ``state``."""

    def script(peer: Peer) -> Script:
        here = yield from WAYS[state].recipe(peer)
        yield peer.collect(0)
        yield peer.send(f"U ={here.rcv_nxt}: urg 1")
        replied = False
        try:
            yield from hushed(peer, here, but=[f"F. ={here.nxt - 1}:"])
        except Unexpected as unexpected:
            replied = True
            if any(one.text.startswith("R") for one in unexpected.mismatch.meanwhile):
                raise
        stayed = yield from stays(peer, here)
        return (stayed, note(str(Choice.NO_ACK_ANSWERED))) if replied else stayed

    script.__doc__ = f"""In {state} a segment with URG alone is dropped, and {state} stays.

    "If the ACK bit is off, drop the segment": an urgent pointer to nothing is no reason to do anything. An answer is
    told as a note.
    """
    return script


for _state in _CLOSED_FIRST:
    _name = str(_state).lower()
    probe(
        f"outside-window-in-{_name}-answered", "S10", _CITES, Level.PROCEDURE,
        rules="unacceptable-seq-acked no-rst-while-synchronized", server=Server.CLOSES_FIRST,
    )(outside_window(_state))  # fmt: skip
    probe(
        f"ack-of-unsent-in-{_name}-answered", "S11", _CITES, Level.PROCEDURE,
        rules="unsent-ack-answered no-rst-while-synchronized", server=Server.CLOSES_FIRST,
    )(ack_of_unsent(_state))  # fmt: skip
    probe(f"urg-in-{_name}-ignored", "S18", "RFC 9293 3.10.7.4", Level.PROCEDURE, server=Server.CLOSES_FIRST)(
        only_urg(_state)
    )

for _state, _server in ((State.CLOSE_WAIT, Server.BULK), (State.LAST_ACK, Server.CLOSES_ON_EOF)):
    probe(
        f"outside-window-in-{str(_state).lower()}-answered", "S12", _CITES, Level.PROCEDURE,
        rules="unacceptable-seq-acked no-rst-while-synchronized", server=_server,
    )(outside_window(_state))  # fmt: skip
