"""How a receiver must take a segment, by RFC 9293 3.10.7 with the mitigations of RFC 5961."""

from __future__ import annotations

from rawshake.tcp.segment import Segment
from rawshake.tcp.state import State
from rawshake.tcp.view import Standing, View


def standing(receiver: View, segment: Segment) -> Standing:
    """The standing of ``segment`` to ``receiver`` in its expected state, before it is applied."""
    state = receiver.expected
    if state is None:
        return Standing.UNKNOWN
    if state is State.CLOSED:
        # 3.10.7.1
        return Standing.RST_IGNORED if segment.rst else Standing.NO_CONNECTION
    if state is State.LISTEN:
        return _in_listen(segment)
    if state is State.SYN_SENT:
        return _in_syn_sent(receiver, segment)
    return _otherwise(receiver, segment, state)


def _in_listen(segment: Segment) -> Standing:
    # 3.10.7.2: a reset first, then any acknowledgment, then SYN.
    if segment.rst:
        return Standing.RST_IGNORED
    if segment.has_ack:
        return Standing.NO_CONNECTION
    return Standing.NEW if segment.syn else Standing.DROPPED


def _in_syn_sent(receiver: View, segment: Segment) -> Standing:
    # 3.10.7.3
    if receiver.iss is None or receiver.nxt is None:
        return Standing.UNKNOWN
    if segment.has_ack and not receiver.iss < segment.ack <= receiver.nxt:
        return Standing.RST_IGNORED if segment.rst else Standing.BAD_ACK
    if segment.rst:
        return Standing.NEW if segment.has_ack else Standing.RST_IGNORED
    return Standing.NEW if segment.syn else Standing.DROPPED


def _otherwise(receiver: View, segment: Segment, state: State) -> Standing:
    # 3.10.7.4
    nxt = receiver.rcv_nxt
    if segment.rst and (nxt is not None or segment.seq == receiver.last_ack):
        return _reset(receiver, segment)
    if nxt is None:
        return Standing.UNKNOWN
    if receiver.nxt is None or receiver.window is None:
        return Standing.UNKNOWN
    if state is State.SYN_RECEIVED and _completes_simultaneous_open(receiver, segment):
        return Standing.NEW
    if not acceptable(receiver, segment):
        return Standing.OLD if segment.seq < nxt else Standing.OUT_OF_WINDOW
    if segment.syn:
        return Standing.SYN_CHALLENGED
    if not segment.has_ack:
        return Standing.NO_ACK
    if segment.ack > receiver.nxt:
        return Standing.BAD_ACK
    # "If SND.UNA < SEG.ACK =< SND.NXT, then enter ESTABLISHED"; otherwise a reset.
    if state is State.SYN_RECEIVED and receiver.una is not None and segment.ack <= receiver.una:
        return Standing.BAD_ACK
    return Standing.NEW


def _completes_simultaneous_open(receiver: View, segment: Segment) -> bool:
    # RFC 9293 appendix A.2: the SYN,ACK that answers our SYN begins before RCV.NXT, and has to be taken.
    una, nxt, rcv_nxt = receiver.una, receiver.nxt, receiver.rcv_nxt
    if receiver.passive or una is None or nxt is None or rcv_nxt is None:
        return False
    return segment.syn and segment.has_ack and segment.seq == rcv_nxt - 1 and una < segment.ack <= nxt


def _reset(receiver: View, segment: Segment) -> Standing:
    # RFC 5961 section 3.2: exact resets, inside the window is challenged, anything else is ignored.
    nxt = receiver.rcv_nxt
    if nxt is not None and segment.seq == nxt:
        return Standing.NEW
    # An end that says it expects another number than it was sent believes a reset at that number.
    if segment.seq == receiver.last_ack:
        return Standing.NEW
    if nxt is not None and segment.seq.within(nxt, receiver.rcv_wnd):
        return Standing.RST_CHALLENGED
    return Standing.RST_IGNORED


def acceptable(receiver: View, segment: Segment) -> bool:
    """The acceptability test of RFC 9293 section 3.4, tables 5 and 6."""
    nxt, window = receiver.rcv_nxt, receiver.rcv_wnd
    if nxt is None:
        return False
    if segment.length == 0:
        return segment.seq == nxt if window == 0 else segment.seq.within(nxt, window)
    if window == 0:
        # By the letter never; but Linux takes a bare FIN at RCV.NXT, which fills no buffer.
        return segment.fin and segment.length == 1 and segment.seq == nxt
    return segment.seq.within(nxt, window) or (segment.end - 1).within(nxt, window)
