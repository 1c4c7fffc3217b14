"""The reset with which an end answers what comes where it has no connection."""

from __future__ import annotations

from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq


def refusal(segment: Segment) -> tuple[Flags, Seq, Seq | None]:
    """Flags, SEQ and ACK of the reset that answers ``segment``, itself no reset: RFC 9293 3.10.7.1."""
    if segment.has_ack:
        return Flags.RST, segment.ack, None
    return Flags.RST, Seq(0), segment.end
