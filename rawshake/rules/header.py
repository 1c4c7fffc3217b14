"""Rules on the header: checksum, reserved bits, the ACK bit, the urgent pointer."""

from __future__ import annotations

from typing import Final

from rawshake.rules.evidence import ETHERNET_MSS
from rawshake.rules.model import Level, Outcome, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.segment import Checksum, Flags
from rawshake.tcp.view import Step

_RESERVED: Final = Flags.R1 | Flags.R2 | Flags.R3
#: As plain numbers: ``&`` of two Flags takes twenty times as long, and every segment is asked.
_RESERVED_OR_AE: Final = int(_RESERVED | Flags.AE)
_URG: Final = int(Flags.URG)


@rule("checksum-sent-valid", "RFC 9293 3.1 MUST-2", Level.MUST, corrupt=True)
def checksum_sent_valid(step: Step) -> Outcome | None:
    """Every segment carries a correct checksum over pseudo-header, header and data.

    A receiver drops what fails it, without a word: the connection stalls. On the host that sends, a capture
    shows checksums that the hardware has yet to fill in; those are told apart by what stands in the field, and
    are neither right nor wrong. So are segments larger than the receiver takes at once, which the hardware has
    merged from several.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535 [bad checksum]
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
    Quiet (left to the hardware):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535 [checksum unverifiable]
    """
    segment = step.segment
    if segment.checksum is Checksum.UNVERIFIABLE:
        return None
    if segment.checksum is Checksum.CORRECT:
        return held("checksum", "the checksum is right")
    if segment.payload_length > (step.peer_was.mss or ETHERNET_MSS):
        return undecidable("checksum", "segments merged by the hardware keep no checksum")
    sentence = "the checksum is wrong: a receiver drops the segment"
    return broken("checksum", sentence, expected="correct", actual="wrong")


@rule("reserved-bits-sent-zero", "RFC 9293 3.1; RFC 9768 3.1.1", Level.PROCEDURE)
def reserved_bits_sent_zero(step: Step) -> Outcome | None:
    """The reserved bits of the header are sent as 0.

    They are for those who come later: a stack that sets or reflects them makes new meanings impossible. The
    fourth, once NS, is AE of AccECN: on a SYN it comes with CWR and ECE, and later only if the client's SYN
    offered that. Where plain ECN was agreed it may be the nonce of RFC 3540, which is historic: a note.

    Fires:
        > S1 0:0(0) win 65535
    Fires (reflected by the server):
        > SEWA 0:0(0) win 65535
        < S.EWA3 0:0(0) ack 1 win 65535
    Fires (AE that nobody offered):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > .A 1:1(0) ack 1 win 65535
    Quiet:
        > SEWA 0:0(0) win 65535
        < S.E 0:0(0) ack 1 win 65535
        > .A 1:1(0) ack 1 win 65535
    """
    segment, was, peer = step.segment, step.was, step.peer_was
    if not int(segment.flags) & _RESERVED_OR_AE:
        return held("reserved", "the reserved bits are 0")
    bits = segment.flags & _RESERVED
    if bits:
        sentence = f"flags {segment.flags}: reserved bits are set"
        return broken("reserved", sentence, expected="0", actual=bits)
    sentence = f"flags {segment.flags}: AE without AccECN"
    if segment.syn and not segment.has_ack:
        if segment.flags & Flags.CWR and segment.flags & Flags.ECE:
            return held("reserved", "AE, CWR and ECE: the SYN offers AccECN")
        return broken("reserved", sentence, expected="0", actual="AE")
    if was.accecn or peer.accecn:
        return held("reserved", "AE, as AccECN was offered")
    if peer.offered is None or (was.offered is None and not segment.syn):
        return undecidable("reserved", "whether AccECN was offered was not seen")
    nonce = was.ecn_setup and peer.ecn_setup
    verdict = Verdict.NOTE if nonce else None
    return broken("reserved", sentence, expected="0", actual="AE", verdict=verdict)


@rule("ack-bit-after-handshake", "RFC 9293 3.8; RFC 9293 3.1", Level.PROCEDURE)
def ack_bit_after_handshake(step: Step) -> Outcome | None:
    """Every segment but the first SYN and a RST has the ACK bit set.

    Without it a receiver drops the segment, data and FIN with it, though lwIP takes them. Every mainstream
    stack sets it; a segment without SYN, RST and ACK is a scanner's or a mistake.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P 1:6(5) win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
    """
    segment = step.segment
    if segment.syn or segment.rst:
        return None
    if segment.has_ack:
        return held("flags", f"flags {segment.flags}: ACK is set")
    sentence = f"flags {segment.flags}: ACK is missing"
    return broken("flags", sentence, expected="ACK", actual=segment.flags)


@rule("urgent-pointer-semantics", "RFC 9293 3.8.5 MUST-62; RFC 6093 2.1; RFC 1122 4.2.2.4", Level.MUST)
def urgent_pointer_semantics(step: Step) -> Outcome | None:
    """The urgent pointer names the octet after the urgent data.

    So it is at least 1 past the sequence number. RFC 1122 had it name the last urgent octet, by which 0 is
    possible; RFC 6093 and 9293 went back to what stacks do. A pointer of 0 is therefore a note. Which octets
    the application meant as urgent does not show on the wire.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > PU. 1:2(1) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > PU. 1:2(1) ack 1 win 65535 urg 1
    """
    segment = step.segment
    if not int(segment.flags) & _URG or segment.rst:
        return None
    if segment.urgent:
        end = segment.seq + segment.urgent
        return held("urgent", f"urgent data ends before {segment.seq} + {segment.urgent} = {end}")
    sentence = "urgent pointer 0: the count of RFC 1122, which RFC 6093 gave up"
    return broken("urgent", sentence, expected="at least 1", actual=0, verdict=Verdict.NOTE)
