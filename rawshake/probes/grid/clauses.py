"""RFC 9293 3.10.7, SEGMENT ARRIVES, clause by clause, for an end seen from outside; CLOSED, LISTEN and SYN-SENT here.

Written from the text, which is quoted, and from nothing else of rawshake: a second opinion on what is right. A choice
is asked about exactly where the text, another standard, or a stack that many people run, leaves the letter.
"""

from __future__ import annotations

from rawshake.probes.grid.answers import Choice, Expectation, Outcome, Reply, Takes, every
from rawshake.probes.grid.block import Arrival, Block
from rawshake.probes.grid.otherwise import otherwise
from rawshake.tcp.segment import Flags
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State


def expectations(block: Block, arrival: Arrival) -> tuple[Expectation, ...]:
    """Every legal outcome where ``arrival`` comes to an end at ``block``; the letter of RFC 9293 first."""
    return every(lambda takes: arrives(block, arrival, takes))


def arrives(block: Block, arrival: Arrival, takes: Takes) -> Outcome:
    """3.10.7 under the choices that ``takes`` makes."""
    if block.state is State.CLOSED:
        return _closed(block, arrival)
    if block.state is State.LISTEN:
        return _listen(block, arrival, takes)
    if block.state is State.SYN_SENT:
        return _syn_sent(block, arrival, takes)
    return otherwise(block, arrival, takes)


def _closed(block: Block, arrival: Arrival) -> Outcome:
    # 3.10.7.1: "An incoming segment containing a RST is discarded."
    if arrival.rst:
        return Outcome(None, State.CLOSED, block.rcv_nxt, "3.10.7.1")
    # "An incoming segment not containing a RST causes a RST to be sent in response."
    # "If the ACK bit is off, sequence number zero is used, <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>"
    # "If the ACK bit is on, <SEQ=SEG.ACK><CTL=RST>"
    if arrival.has_ack:
        reply = Reply(Flags.RST, arrival.ack)
    else:
        reply = Reply(Flags.RST | Flags.ACK, Seq(0), arrival.end)
    return Outcome(reply, State.CLOSED, block.rcv_nxt, "3.10.7.1")


def _listen(block: Block, arrival: Arrival, takes: Takes) -> Outcome:
    # 3.10.7.2. "First, check for a RST: [...] An incoming RST should be ignored. Return."
    if arrival.rst:
        return Outcome(None, State.LISTEN, block.rcv_nxt, "3.10.7.2, first")
    # "Second, check for an ACK: Any acknowledgment is bad if it arrives on a connection still in the LISTEN state.
    # [...] The RST should be formatted as follows: <SEQ=SEG.ACK><CTL=RST>"
    if arrival.has_ack:
        return Outcome(Reply(Flags.RST, arrival.ack), State.LISTEN, block.rcv_nxt, "3.10.7.2, second")
    # "Third, check for a SYN: [...] Set RCV.NXT to SEG.SEQ+1, IRS is set to SEG.SEQ, and any other control or text
    # should be queued for processing later. ISS should be selected and a SYN segment sent of the form:
    # <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> [...] The connection state should be changed to SYN-RECEIVED."
    if arrival.syn:
        if arrival.fin and takes(Choice.SYN_FIN_DROPPED):
            return Outcome(None, State.LISTEN, block.rcv_nxt, "3.10.7.2, third")
        reply = Reply(Flags.SYN | Flags.ACK, None, arrival.seq + 1)
        return Outcome(reply, State.SYN_RECEIVED, arrival.seq + 1, "3.10.7.2, third")
    # "Fourth, other data or control: This should not be reached. Drop the segment and return."
    return Outcome(None, State.LISTEN, block.rcv_nxt, "3.10.7.2, fourth")


def _syn_sent(block: Block, arrival: Arrival, takes: Takes) -> Outcome:
    good_ack = block.una < arrival.ack <= block.nxt
    # 3.10.7.3. "First, check the ACK bit: [...] If SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a reset (unless the RST
    # bit is set, if so drop the segment and return) <SEQ=SEG.ACK><CTL=RST> and discard the segment. Return."
    if arrival.has_ack and not good_ack:
        reply = None if arrival.rst else Reply(Flags.RST, arrival.ack)
        return Outcome(reply, State.SYN_SENT, block.rcv_nxt, "3.10.7.3, first")
    # "Second, check the RST bit: [...] If the ACK was acceptable, then [...] enter CLOSED state, delete TCB, and
    # return. Otherwise (no ACK), drop the segment and return."
    if arrival.rst:
        after = State.CLOSED if arrival.has_ack else State.SYN_SENT
        return Outcome(None, after, block.rcv_nxt, "3.10.7.3, second")
    # "Fourth, check the SYN bit: [...] RCV.NXT is set to SEG.SEQ+1, IRS is set to SEG.SEQ. [...]"
    if arrival.syn:
        if arrival.fin and takes(Choice.SYN_FIN_DROPPED):
            return Outcome(None, State.SYN_SENT, block.rcv_nxt, "3.10.7.3, fourth")
        rcv_nxt = arrival.seq + 1
        # "If SND.UNA > ISS (our SYN has been ACKed), change the connection state to ESTABLISHED, form an ACK segment
        # <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> and send it."
        if arrival.has_ack:
            reply = Reply(Flags.ACK, block.nxt, rcv_nxt)
            return Outcome(reply, State.ESTABLISHED, rcv_nxt, "3.10.7.3, fourth", una=arrival.ack)
        # "Otherwise, enter SYN-RECEIVED, form a SYN,ACK segment <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> and send it. [...]
        # If there are other controls or text in the segment, queue them for processing after the ESTABLISHED state
        # has been reached, return."
        reply = Reply(Flags.SYN | Flags.ACK, block.iss, rcv_nxt)
        return Outcome(reply, State.SYN_RECEIVED, rcv_nxt, "3.10.7.3, fourth")
    # "Fifth, if neither of the SYN or RST bits is set, then drop the segment and return."
    return Outcome(None, State.SYN_SENT, block.rcv_nxt, "3.10.7.3, fifth")
