"""RFC 9293 3.10.7.4, SEGMENT ARRIVES in SYN-RECEIVED and the synchronized states: eight checks in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from rawshake.probes.grid.answers import Choice, Outcome, Reply, Takes
from rawshake.probes.grid.block import Arrival, Block
from rawshake.probes.grid.text import half_duplex, text_and_fin
from rawshake.tcp.segment import Flags
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

#: Of these 3.10.7.4, fifth, does not say "in addition to the processing for the ESTABLISHED state"; and FIN-WAIT-2 of
#: a socket that was closed altogether, which Linux keeps as it keeps TIME-WAIT.
_ACK_UNREAD: Final = frozenset({State.LAST_ACK, State.TIME_WAIT, State.FIN_WAIT_2})

Check = Callable[[Block, Arrival, Takes], "Outcome | Block"]


def otherwise(block: Block, arrival: Arrival, takes: Takes) -> Outcome:
    """3.10.7.4 under the choices that ``takes`` makes."""
    for check in (_before_all, _first_sequence, _second_rst, _fourth_syn, _fifth_ack):
        found = check(block, arrival, takes)
        if isinstance(found, Outcome):
            return found if found.una is not None else replace(found, una=block.una)
        block = found
    return replace(text_and_fin(block, arrival, takes), una=block.una)


def acceptable(block: Block, arrival: Arrival) -> bool:
    """The four cases of 3.4, Table 6."""
    nxt, wnd = block.rcv_nxt, block.rcv_wnd
    if arrival.length == 0:
        return arrival.seq == nxt if wnd == 0 else arrival.seq.within(nxt, wnd)
    if wnd == 0:
        # 3.4: "the special allowance": MUST-66, "[...] process the RST and URG fields of all incoming segments, even
        # when the receive window is zero".
        return arrival.rst and arrival.seq == nxt
    return arrival.seq.within(nxt, wnd) or (arrival.end - 1).within(nxt, wnd)


def challenge(block: Block) -> Reply:
    """<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>."""
    return Reply(Flags.ACK, block.nxt, block.rcv_nxt)


def reset(block: Block, arrival: Arrival, takes: Takes) -> Reply:
    """A reset in answer to a segment: 3.5.2 takes its numbers from the segment, 3.10.5 from the connection."""
    if arrival.ack != block.nxt and takes(Choice.ABORTED):
        return Reply(Flags.RST, block.nxt)
    if arrival.has_ack:
        return Reply(Flags.RST, arrival.ack)
    return Reply(Flags.RST | Flags.ACK, Seq(0), arrival.end)


def _good_ack(block: Block, arrival: Arrival) -> bool:
    return block.una < arrival.ack <= block.nxt


def _stay(block: Block, reply: Reply | None, clause: str) -> Outcome:
    return Outcome(reply, block.state, block.rcv_nxt, f"3.10.7.4, {clause}")


def _before_all(block: Block, arrival: Arrival, takes: Takes) -> Outcome | Block:
    """What is done before the first check by stacks that do not keep the order, and may be."""
    # 3.5.2, group 2: "If the connection is in any non-synchronized state [...] and the incoming segment acknowledges
    # something not yet sent (the segment carries an unacceptable ACK) [...], then a reset is sent."
    half_open = block.state is State.SYN_RECEIVED
    if half_open and arrival.has_ack and not _good_ack(block, arrival):
        if arrival.rst:
            if takes(Choice.RST_BAD_ACK):
                return _stay(block, None, "second")
        elif takes(Choice.GROUP_2):
            return _stay(block, Reply(Flags.RST, arrival.ack), "fifth")
    bare = not (arrival.has_ack or arrival.syn or arrival.rst)
    if bare and not acceptable(block, arrival) and takes(Choice.NO_ACK_FIRST):
        return _stay(block, None, "fifth")
    # Figure 9's old duplicate, and any SYN that comes again because the SYN,ACK was lost.
    again = half_open and arrival.syn and not arrival.has_ack and arrival.seq < block.rcv_nxt
    if again and takes(Choice.SYN_ACK_AGAIN):
        return _stay(block, Reply(Flags.SYN | Flags.ACK, block.iss, block.rcv_nxt), "first")
    return block


def _first_sequence(block: Block, arrival: Arrival, takes: Takes) -> Outcome | Block:
    # 3.6.1: "When a connection is closed actively, it MUST linger in the TIME-WAIT state for a time 2xMSL [...].
    # However, it MAY accept a new SYN from the remote TCP endpoint to reopen the connection directly from the
    # TIME-WAIT state (MAY-2)". First: "Note that for the TIME-WAIT state, there is an improved algorithm [RFC 6191]".
    bare_syn = arrival.syn and not (arrival.has_ack or arrival.rst)
    if (
        block.state is State.TIME_WAIT
        and bare_syn
        and arrival.seq >= block.rcv_nxt
        and takes(Choice.REOPENED)
    ):
        if arrival.fin and takes(Choice.SYN_FIN_DROPPED):
            return Outcome(None, State.LISTEN, block.rcv_nxt, "3.6.1, MAY-2")
        reply = Reply(Flags.SYN | Flags.ACK, None, arrival.seq + 1)
        return Outcome(reply, State.SYN_RECEIVED, arrival.seq + 1, "3.6.1, MAY-2")
    # RFC 6191 2: "Otherwise, silently drop the incoming SYN segment, thus leaving the previous incarnation of the
    # connection in the TIME-WAIT state." Linux and gVisor do not take RCV.NXT itself for "greater than the last".
    if (
        block.state is State.TIME_WAIT
        and bare_syn
        and arrival.seq <= block.rcv_nxt
        and takes(Choice.RFC_6191)
    ):
        return _stay(block, None, "first")
    # Appendix A.2: the SYN,ACK that answers our SYN in a simultaneous open begins before RCV.NXT.
    crossing = block.state is State.SYN_RECEIVED and not block.passive
    if crossing and arrival.syn and arrival.has_ack and arrival.seq == block.rcv_nxt - 1:
        return block
    # "If an incoming segment is not acceptable, an acknowledgment should be sent in reply (unless the RST bit is set,
    # if so drop the segment and return): <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> After sending the acknowledgment, drop
    # the unacceptable segment and return."
    if not acceptable(block, arrival):
        counts = arrival.seq < block.rcv_nxt and arrival.has_ack and not (arrival.rst or arrival.syn)
        if counts and block.state.synchronized and _good_ack(block, arrival) and takes(Choice.OLD_ACK):
            moved = _acknowledged(block, arrival, takes)
            if isinstance(moved, Outcome):
                return moved
            return replace(_stay(moved, challenge(moved), "first"), una=moved.una)
        answered = not arrival.rst or (block.state is State.FIN_WAIT_2 and takes(Choice.RST_ANSWERED))
        return _stay(block, challenge(block) if answered else None, "first")
    return block


def _second_rst(block: Block, arrival: Arrival, takes: Takes) -> Outcome | Block:
    if not arrival.rst:
        return block
    # "2) If the RST bit is set and the sequence number exactly matches the next expected sequence number (RCV.NXT),
    # then TCP endpoints MUST reset the connection in the manner prescribed below according to the connection state."
    # "3) If the RST bit is set and the sequence number does not exactly match the next expected sequence value, yet
    # is within the current receive window, TCP endpoints MUST send an acknowledgment (challenge ACK)".
    if block.state is State.TIME_WAIT and takes(Choice.RFC_1337):
        return _stay(block, None, "second")
    if arrival.seq != block.rcv_nxt and not takes(Choice.RFC_793_RST):
        silent = block.state is State.TIME_WAIT and takes(Choice.TIME_WAIT_RST)
        return _stay(block, None if silent else challenge(block), "second")
    # "SYN-RECEIVED STATE: [...] If this connection was initiated with a passive OPEN (i.e., came from the LISTEN
    # state), then return this connection to LISTEN state and return." All others: "enter the CLOSED state, delete
    # the TCB, and return."
    came_from_listen = block.state is State.SYN_RECEIVED and block.passive
    after = State.LISTEN if came_from_listen else State.CLOSED
    return Outcome(None, after, block.rcv_nxt, "3.10.7.4, second")


def _fourth_syn(block: Block, arrival: Arrival, takes: Takes) -> Outcome | Block:
    if not arrival.syn:
        return block
    if block.state is State.SYN_RECEIVED:
        if not block.passive and arrival.seq == block.rcv_nxt - 1:  # appendix A.2, see above
            return block
        # "SYN-RECEIVED STATE: If the connection was initiated with a passive OPEN, then return this connection to the
        # LISTEN state and return. Otherwise, handle per the directions for synchronized states below."
        if block.passive and not takes(Choice.RFC_5961_SYN):
            reply = reset(block, arrival, takes) if takes(Choice.SYN_RESET) else None
            return Outcome(reply, State.LISTEN, block.rcv_nxt, "3.10.7.4, fourth")
    # "If the SYN is in the window it is an error: send a reset [...] enter the CLOSED state, delete the TCB, and
    # return."
    if block.state is State.TIME_WAIT and takes(Choice.SYN_RESET_STAYS):
        return _stay(block, reset(block, arrival, takes), "fourth")
    if takes(Choice.RFC_793_SYN):
        return Outcome(reset(block, arrival, takes), State.CLOSED, block.rcv_nxt, "3.10.7.4, fourth")
    # "RFC 5961 recommends that in these synchronized states, if the SYN bit is set, irrespective of the sequence
    # number, TCP endpoints MUST send a "challenge ACK" to the remote peer: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>".
    return _stay(block, challenge(block), "fourth")


def _fifth_ack(block: Block, arrival: Arrival, takes: Takes) -> Outcome | Block:
    # "if the ACK bit is off, drop the segment and return"
    if not arrival.has_ack:
        acks = block.state is State.TIME_WAIT and arrival.length > 0 and takes(Choice.TIME_WAIT_ACKS)
        answered = acks or takes(Choice.NO_ACK_ANSWERED)
        return _stay(block, challenge(block) if answered else None, "fifth")
    # First: "In the following it is assumed that the segment is the idealized segment that begins at RCV.NXT and does
    # not exceed the window. [...] Segments with higher beginning sequence numbers SHOULD be held for later processing
    # (SHLD-31)." Their text is held; their ACK field is used at once by every stack.
    if arrival.seq > block.rcv_nxt and not takes(Choice.ACK_AT_ONCE):
        return block
    if block.state is State.SYN_RECEIVED:
        return _ack_in_syn_received(block, arrival, takes)
    unread = block.state in _ACK_UNREAD and not _good_ack(block, arrival) and takes(Choice.ACK_UNREAD)
    if not unread:
        # MAY-12: "the ACK value is acceptable only if it is in the range of ((SND.UNA - MAX.SND.WND) =< SEG.ACK =<
        # SND.NXT). All incoming segments whose ACK value doesn't satisfy the above condition MUST be discarded and an
        # ACK sent back."
        far = arrival.ack < block.una - block.max_wnd
        if arrival.ack < block.una and takes(Choice.RFC_5961_ACK if far else Choice.ACK_FLOOR):
            return _stay(block, challenge(block), "fifth")
        # "If the ACK acks something not yet sent (SEG.ACK > SND.NXT), then send an ACK, drop the segment, and return."
        # 3.5.2, group 3, says so of every synchronized state.
        if arrival.ack > block.nxt:
            return _stay(block, None if takes(Choice.UNSENT_SILENT) else challenge(block), "fifth")
    return _acknowledged(block, arrival, takes)


def _ack_in_syn_received(block: Block, arrival: Arrival, takes: Takes) -> Outcome | Block:
    # "If SND.UNA < SEG.ACK =< SND.NXT, then enter ESTABLISHED state and continue processing"
    if _good_ack(block, arrival):
        return replace(block, state=State.ESTABLISHED, una=arrival.ack)
    # MAY-12 stands before what is said of each state.
    if arrival.ack < block.una - block.max_wnd and takes(Choice.RFC_5961_ACK):
        return _stay(block, challenge(block), "fifth")
    # "If the segment acknowledgment is not acceptable, form a reset segment <SEQ=SEG.ACK><CTL=RST> and send it."
    return _stay(block, Reply(Flags.RST, arrival.ack), "fifth")


def _acknowledged(block: Block, arrival: Arrival, takes: Takes) -> Outcome | Block:
    # "If SND.UNA < SEG.ACK =< SND.NXT, then set SND.UNA <- SEG.ACK. [...] If the ACK is a duplicate (SEG.ACK =<
    # SND.UNA), it can be ignored."
    una = arrival.ack if _good_ack(block, arrival) else block.una
    fin_acked = block.fin is not None and una > block.fin
    block = replace(block, una=una)
    if block.state is State.FIN_WAIT_1 and fin_acked:
        # "if the FIN segment is now acknowledged, then enter FIN-WAIT-2 and continue processing in that state"
        return replace(block, state=State.FIN_WAIT_2)
    if block.state in (State.CLOSING, State.LAST_ACK) and arrival.octets and takes(Choice.HALF_DUPLEX):
        return half_duplex(block, arrival, takes)
    if block.state is State.CLOSING:
        # "if the ACK acknowledges our FIN, then enter the TIME-WAIT state; otherwise, ignore the segment"
        return replace(block, state=State.TIME_WAIT) if fin_acked else _stay(block, None, "fifth")
    if block.state is State.LAST_ACK and fin_acked:
        # "If our FIN is now acknowledged, delete the TCB, enter the CLOSED state, and return."
        return Outcome(None, State.CLOSED, block.rcv_nxt, "3.10.7.4, fifth")
    return block
