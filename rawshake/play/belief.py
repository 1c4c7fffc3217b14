"""What our end is to believe that it sent where a script sends what must be refused: then it stays where it is."""

from __future__ import annotations

from dataclasses import replace

from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.standing import standing
from rawshake.tcp.state import State
from rawshake.tcp.tracker import TAKEN
from rawshake.tcp.view import View


def believed(our: View, their: View, segment: Segment) -> Segment | None:
    """A bare ACK in place of a ``segment`` of ours that the other end must not take; None if it is meant.

    So a script may send a reset, a SYN, a FIN or data that is to be refused, and neither the numbers that it counts
    by nor the rules take it in earnest.
    """
    if our.nxt is None or our.rcv_nxt is None or their.rcv_nxt is None:
        return None
    if their.expected in (State.CLOSED, State.LISTEN):
        return None  # nothing there that could refuse: whatever comes begins anew
    if their.expected is State.TIME_WAIT and segment.syn:
        return None  # MAY-2: it may open another connection
    corrupt = segment.checksum is Checksum.WRONG
    probe = their.rcv_wnd == 0 and segment.seq == their.rcv_nxt
    if not corrupt and (probe or standing(their, segment) in TAKEN):
        return None
    if segment.length and _sent_before(our, segment):
        return None
    return replace(
        segment,
        seq=their.rcv_nxt,
        ack=our.rcv_nxt,
        flags=Flags.ACK,
        payload=b"",
        payload_length=0,
        checksum=Checksum.CORRECT,
    )


def _sent_before(our: View, segment: Segment) -> bool:
    """Whether all that takes a number in it was sent before, and so it is a retransmission."""
    if our.iss is None or our.nxt is None or segment.rst:
        return False
    if not our.iss <= segment.seq <= segment.end <= our.nxt:
        return False
    return segment.syn is (segment.seq == our.iss) and segment.fin is (segment.end - 1 == our.fin)
