"""RFC 9293 3.10.7.4, seventh and eighth: the text of a segment, and its FIN."""

from __future__ import annotations

from typing import Final

from rawshake.probes.grid.answers import Choice, Outcome, Reply, Takes
from rawshake.probes.grid.block import Arrival, Block
from rawshake.tcp.segment import Flags
from rawshake.tcp.state import State

#: Whose application may have closed for good, so that what comes cannot be delivered.
_MAY_BE_CLOSED: Final = frozenset({State.FIN_WAIT_1, State.FIN_WAIT_2})
_GOT_FIN: Final = frozenset({State.CLOSE_WAIT, State.CLOSING, State.LAST_ACK, State.TIME_WAIT})
_AFTER_FIN: Final = {
    # "SYN-RECEIVED STATE, ESTABLISHED STATE: Enter the CLOSE-WAIT state."
    State.ESTABLISHED: State.CLOSE_WAIT,
    # "FIN-WAIT-1 STATE: If our FIN has been ACKed (perhaps in this segment), then enter TIME-WAIT [...]; otherwise,
    # enter the CLOSING state." The first has become FIN-WAIT-2 in the fifth check.
    State.FIN_WAIT_1: State.CLOSING,
    # "FIN-WAIT-2 STATE: Enter the TIME-WAIT state."
    State.FIN_WAIT_2: State.TIME_WAIT,
}


def text_and_fin(block: Block, arrival: Arrival, takes: Takes) -> Outcome:
    """The seventh and eighth check, for an acceptable segment whose ACK has been dealt with."""
    if block.state in _GOT_FIN:
        return _after_their_fin(block, arrival, takes)
    gap = arrival.seq > block.rcv_nxt
    # 3.6.1: "If such a host issues a CLOSE call while received data is still pending in the TCP connection, or if new
    # data is received after CLOSE is called, its TCP implementation SHOULD send a RST to show that data was lost
    # (SHLD-3)." A FIN above a gap says that there is such data.
    more = arrival.octets > 0 or (gap and arrival.fin)
    if block.state in _MAY_BE_CLOSED and more and takes(Choice.HALF_DUPLEX):
        return half_duplex(block, arrival, takes)
    if gap:
        return _above_a_gap(block, arrival, takes)
    rcv_nxt, state = block.rcv_nxt, block.state
    if arrival.length == 0:
        # 3.5: "Note that the sequence number of the segment in line 5 is the same as in line 4 because the ACK does
        # not occupy sequence number space (if it did, we would wind up ACKing ACKs!)."
        return Outcome(None, state, rcv_nxt, "3.10.7.4, fifth")
    # "Once the TCP endpoint takes responsibility for the data, it advances RCV.NXT over the data accepted [...].
    # Send an acknowledgment of the form: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>"
    clause = "3.10.7.4, seventh"
    if arrival.fin:
        # "advance RCV.NXT over the FIN, and send an acknowledgment for the FIN"
        state, clause = _AFTER_FIN[state], "3.10.7.4, eighth"
    rcv_nxt = arrival.end
    return Outcome(Reply(Flags.ACK, block.nxt, rcv_nxt), state, rcv_nxt, clause)


def half_duplex(block: Block, arrival: Arrival, takes: Takes) -> Outcome:
    """The reset that shows that data was lost, by which the connection ends."""
    seq = block.nxt if arrival.ack != block.nxt and takes(Choice.ABORTED) else arrival.ack
    return Outcome(Reply(Flags.RST, seq), State.CLOSED, block.rcv_nxt, "3.6.1, SHLD-3")


def _above_a_gap(block: Block, arrival: Arrival, takes: Takes) -> Outcome:
    # RFC 5681 4.2: "Out-of-order data segments SHOULD be acknowledged immediately". First: "A TCP implementation MAY
    # send an ACK segment acknowledging RCV.NXT when a valid segment arrives that is in the window but not at the left
    # window edge (MAY-13)."
    if arrival.length == 0:
        answered = takes(Choice.GAP_ANSWERED)
    else:
        answered = not takes(Choice.GAP_SILENT)
    reply = Reply(Flags.ACK, block.nxt, block.rcv_nxt) if answered else None
    return Outcome(reply, block.state, block.rcv_nxt, "3.10.7.4, first")


def _after_their_fin(block: Block, arrival: Arrival, takes: Takes) -> Outcome:
    here = Reply(Flags.ACK, block.nxt, block.rcv_nxt)
    # BSD and gVisor take SHLD-3 to the letter even of text behind a FIN.
    if arrival.octets > 0 and takes(Choice.HALF_DUPLEX):
        return half_duplex(block, arrival, takes)
    if block.state is State.TIME_WAIT and arrival.length > 0 and takes(Choice.TIME_WAIT_ACKS):
        # "TIME-WAIT STATE: The only thing that can arrive in this state is a retransmission of the remote FIN.
        # Acknowledge it, and restart the 2 MSL timeout."
        return Outcome(here, block.state, block.rcv_nxt, "3.10.7.4, fifth")
    if arrival.fin:
        # "CLOSE-WAIT STATE: Remain in the CLOSE-WAIT state." And so on. By the letter RCV.NXT moves over a second FIN,
        # which no TCP sends; above a gap it could not.
        if takes(Choice.SECOND_FIN_ANSWERED):
            return Outcome(here, block.state, block.rcv_nxt, "3.10.7.4, eighth")
        if arrival.seq != block.rcv_nxt or takes(Choice.SECOND_FIN):
            return Outcome(None, block.state, block.rcv_nxt, "3.10.7.4, eighth")
        reply = Reply(Flags.ACK, block.nxt, arrival.end)
        return Outcome(reply, block.state, arrival.end, "3.10.7.4, eighth")
    # "CLOSE-WAIT STATE, CLOSING STATE, LAST-ACK STATE, TIME-WAIT STATE: This should not occur since a FIN has been
    # received from the remote side. Ignore the segment text."
    gap = arrival.seq > block.rcv_nxt
    answered = takes(Choice.TEXT_ANSWERED) if arrival.octets else gap and takes(Choice.GAP_ANSWERED)
    clause = "3.10.7.4, seventh" if arrival.octets else "3.10.7.4, fifth"
    return Outcome(here if answered else None, block.state, block.rcv_nxt, clause)
