"""What a segment is there for, told from what it really does: not from its flags alone, nor from its place."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from rawshake.tcp.segment import Segment
from rawshake.tcp.state import State
from rawshake.tcp.view import Standing, Step


class Meaning(Enum):
    """What one end says to the other by a segment."""

    COPY = auto()  #: what rawshake held back, or doubled, arrives
    # It opens.
    SYN = auto()
    SYN_AGAIN = auto()
    SYN_ANEW = auto()  #: another connection between the same ports
    SYN_CROSSING = auto()  #: the other end has dialled, too
    SYN_INSIDE = auto()  #: in the middle of a connection
    SYN_ACK = auto()
    SYN_ACK_AGAIN = auto()
    SYN_ACK_CROSSING = auto()  #: answers a SYN that crossed its own
    SYN_ACK_WRONG = auto()  #: acknowledges what was never sent
    ACK_OF_SYN = auto()  #: acknowledges the SYN, and has not sent its own
    THIRD_ACK = auto()
    THIRD_ACK_OF_MORE = auto()  #: of data, too, that came with the SYN,ACK or behind it
    # It carries data.
    DATA = auto()
    DATA_AGAIN = auto()
    DATA_BEYOND_GAP = auto()
    DATA_AFTER_FIN = auto()  #: the other end is done: half-closed
    DATA_ON_THIRD_ACK = auto()
    DATA_WITH_ACK_OF_FIN = auto()
    WINDOW_PROBE = auto()
    # It only acknowledges.
    ACK = auto()
    ACK_AND_FULL = auto()
    ACK_OF_MORE = auto()  #: SACK: what came beyond a gap
    ACK_REPEATED = auto()
    ACK_OVERTAKEN = auto()
    ACK_WRONG = auto()  #: of what was never sent
    ACK_FIRST_SEEN = auto()  #: nothing is known of what came before
    WINDOW_CLOSED = auto()
    WINDOW_OPENED = auto()
    WINDOW_GROWN = auto()
    KEEP_ALIVE = auto()
    # It closes.
    FIN = auto()  #: the first to close
    FIN_AGAIN = auto()
    FIN_CROSSING = auto()  #: has not heard of the other end's FIN
    FIN_AND_ACK = auto()  #: acknowledges the other end's FIN at once
    FIN_SECOND = auto()  #: had acknowledged it before
    FIN_WITH_WRONG_ACK = auto()
    ACK_OF_FIN = auto()  #: goes on for a while
    ACK_OF_CROSSING_FIN = auto()
    LAST_ACK = auto()
    LAST_ACK_AGAIN = auto()
    # It breaks off.
    REFUSAL = auto()
    RESET = auto()
    RESET_OF_STRAY = auto()  #: of what belongs to no connection
    RESET_OF_WRONG_ACK = auto()
    RESET_UNBELIEVED = auto()
    RESET_DOUBTED = auto()
    # It says nothing that can be used.
    MUTE = auto()


_OPENING: Final = frozenset({State.SYN_SENT, State.SYN_RECEIVED})
_GONE: Final = frozenset({None, State.CLOSED, State.LISTEN})


def meaning(step: Step) -> Meaning:
    """What the segment says; of one that is wrong on purpose, what it should have said."""
    if step.copy:
        return Meaning.COPY
    segment = step.segment if step.meant is None else step.meant
    if segment.rst:
        return _reset(step, segment)
    if segment.syn:
        return _syn_ack(step, segment) if segment.has_ack else _syn(step)
    if not segment.has_ack:
        return Meaning.MUTE
    if segment.fin:
        return _fin(step, segment)
    return _data(step, segment) if segment.payload_length else _ack(step, segment)


def _syn(step: Step) -> Meaning:
    if step.standing is Standing.SYN_CHALLENGED and step.meant is None:
        return Meaning.SYN_INSIDE
    if step.again:
        return Meaning.SYN_AGAIN
    if step.peer_was.expected is State.SYN_SENT:
        return Meaning.SYN_CROSSING
    return Meaning.SYN if step.was.iss is None else Meaning.SYN_ANEW


def _syn_ack(step: Step, segment: Segment) -> Meaning:
    if _acknowledges_nothing(step):
        return Meaning.SYN_ACK_WRONG
    if _opens(step):
        return Meaning.SYN_ACK_CROSSING
    return Meaning.SYN_ACK_AGAIN if step.again else Meaning.SYN_ACK


def _acknowledges_nothing(step: Step) -> bool:
    """Whether it acknowledges what was never sent, and not because rawshake was asked to have it so."""
    return step.standing is Standing.BAD_ACK and step.meant is None


def _opens(step: Step) -> bool:
    """Whether its sender, who has sent a SYN, acknowledges for the first time."""
    was = step.was
    return not was.passive and was.offered is not None and was.last_ack is None


def _first_of_fin(step: Step, segment: Segment) -> bool:
    """Whether it is the first to acknowledge the other end's FIN."""
    fin, acked = step.peer_was.fin, step.was.acked
    return fin is not None and segment.ack > fin and (acked is None or acked <= fin)


def _data(step: Step, segment: Segment) -> Meaning:
    was, peer = step.was, step.peer_was
    if _acknowledges_nothing(step):
        return Meaning.DATA
    if _is_keep_alive(step, segment):
        return Meaning.KEEP_ALIVE
    if peer.window == 0 and peer.rcv_nxt is not None and segment.end > peer.rcv_nxt:
        return Meaning.WINDOW_PROBE  # section 3.8.6.1
    if step.again:
        return Meaning.DATA_AGAIN
    if _opens(step):
        return Meaning.DATA_ON_THIRD_ACK
    if _first_of_fin(step, segment):
        return Meaning.DATA_WITH_ACK_OF_FIN
    if peer.rcv_nxt is not None and segment.seq > peer.rcv_nxt:
        return Meaning.DATA_BEYOND_GAP
    heard_fin = peer.fin is not None and was.acked is not None and was.acked > peer.fin
    return Meaning.DATA_AFTER_FIN if heard_fin else Meaning.DATA


def _ack(step: Step, segment: Segment) -> Meaning:
    was, peer = step.was, step.peer_was
    if _acknowledges_nothing(step):
        return Meaning.ACK_WRONG
    if _opens(step):
        plain = peer.iss is None or segment.ack == peer.iss + 1
        return Meaning.THIRD_ACK if plain else Meaning.THIRD_ACK_OF_MORE
    if was.iss is None and peer.expected is State.SYN_SENT:
        return Meaning.ACK_OF_SYN
    if _first_of_fin(step, segment):
        return _ack_of_fin(step)
    if _acknowledges_nothing(step):
        return Meaning.DATA
    if _is_keep_alive(step, segment):
        return Meaning.KEEP_ALIVE
    if peer.window == 0 and was.nxt is not None and segment.seq == was.nxt - 1:
        return Meaning.WINDOW_PROBE  # as Linux has it: without an octet that is new
    if was.acked is None:
        return Meaning.ACK_FIRST_SEEN if was.offered is None else _ack_of_data(step)
    if segment.ack < was.acked:
        return Meaning.ACK_OVERTAKEN
    if segment.ack > was.acked:
        return _ack_of_data(step)
    if was.expected is State.TIME_WAIT:
        return Meaning.LAST_ACK_AGAIN
    return _nothing_new(step, segment)


def _ack_of_fin(step: Step) -> Meaning:
    if step.was.fin is None:
        return Meaning.ACK_OF_FIN
    crossed = step.now.expected is State.CLOSING or step.peer_now.expected in (State.CLOSING, State.TIME_WAIT)
    return Meaning.ACK_OF_CROSSING_FIN if crossed else Meaning.LAST_ACK


def _ack_of_data(step: Step) -> Meaning:
    return Meaning.ACK if step.now.window else Meaning.ACK_AND_FULL


def _nothing_new(step: Step, segment: Segment) -> Meaning:
    """What an acknowledgment is for that says the same as the one before."""
    before, window = step.was.window, step.now.window
    if segment.sack:
        return Meaning.ACK_OF_MORE
    if before is not None and window is not None:
        if not window:
            return Meaning.WINDOW_CLOSED if before else Meaning.ACK_REPEATED
        if window > before:
            return Meaning.WINDOW_GROWN if before else Meaning.WINDOW_OPENED
    return Meaning.ACK_REPEATED


def _is_keep_alive(step: Step, segment: Segment) -> bool:
    """RFC 9293 section 3.8.4: one before SND.NXT, all acknowledged, empty or with an octet that was sent before."""
    was = step.was
    if was.nxt is None or was.acked is None or segment.seq != was.nxt - 1 or was.una != was.nxt:
        return False
    return was.fin is None and segment.payload_length <= 1 and step.peer_was.window != 0


def _fin(step: Step, segment: Segment) -> Meaning:
    fin, acked = step.peer_was.fin, step.was.acked
    if step.again:
        return Meaning.FIN_AGAIN
    if fin is None:
        return Meaning.FIN
    if _acknowledges_nothing(step):
        return Meaning.FIN_WITH_WRONG_ACK
    if segment.ack <= fin:
        return Meaning.FIN_CROSSING
    return Meaning.FIN_SECOND if acked is not None and acked > fin else Meaning.FIN_AND_ACK


def _reset(step: Step, segment: Segment) -> Meaning:
    was, peer = step.was, step.peer_was
    if peer.expected is State.SYN_SENT and step.standing is Standing.NEW:
        return Meaning.REFUSAL
    if was.iss is None or was.expected in _GONE:
        return Meaning.RESET_OF_STRAY
    if step.meant is None and peer.expected not in _GONE:
        if step.standing is Standing.RST_IGNORED:
            return Meaning.RESET_UNBELIEVED
        if step.standing is Standing.RST_CHALLENGED:
            return Meaning.RESET_DOUBTED
    if was.expected in _OPENING and segment.seq == peer.last_ack and segment.seq != was.nxt:
        return Meaning.RESET_OF_WRONG_ACK
    return Meaning.RESET
