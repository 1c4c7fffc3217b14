"""Where an end stands in each state: numbers written out, next to the wrap, for tests of the grid."""

from __future__ import annotations

from typing import Final

from rawshake.probes.grid.block import Block
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

#: SND.UNA where all but a FIN is acknowledged, RCV.NXT, and the windows of both ends.
UNA: Final = Seq(0xFFFFFFFE)
RCV_NXT: Final = Seq(0xFFFFFF00)
RCV_WND: Final = 1024
MAX_WND: Final = 5000


def block(state: State, *, passive: bool = True) -> Block:
    """An end in that state; what it has sent and is not acknowledged is its SYN, or its FIN."""
    outstanding = state in {
        State.SYN_SENT, State.SYN_RECEIVED, State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK,
    }  # fmt: skip
    fin = {
        State.FIN_WAIT_1: UNA, State.CLOSING: UNA, State.LAST_ACK: UNA,
        State.FIN_WAIT_2: UNA - 1, State.TIME_WAIT: UNA - 1,
    }  # fmt: skip
    half_open = state in {State.SYN_SENT, State.SYN_RECEIVED}
    return Block(
        state=state,
        passive=passive and state is not State.SYN_SENT,
        iss=UNA if half_open else UNA - 500,
        una=UNA,
        nxt=UNA + int(outstanding),
        max_wnd=MAX_WND,
        fin=fin.get(state),
        rcv_nxt=RCV_NXT,
        rcv_wnd=0 if state is State.SYN_SENT else RCV_WND,
    )
