"""What later segments tell of a reset: whether who seemed to send it did, and whether who got it believed it."""

from __future__ import annotations

from typing import NamedTuple

from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, View


class Reset(NamedTuple):
    """Where an end stood when it seemed to send a reset at ``seq``, and how far both ends had sent then."""

    proven: State
    seq: Seq
    nxt: Seq | None
    peer_nxt: Seq | None

    def contradicted_by(self, segment: Segment) -> bool:
        """Whether the end that sent the reset cannot have sent this before it."""
        if segment.has_ack and self.peer_nxt is not None and segment.ack > self.peer_nxt:
            return True
        # What follows all that was sent; but behind a gap in the capture, up to the reset's number, it may be late.
        return bool(
            segment.length
            and self.nxt is not None
            and segment.seq >= self.nxt
            and (segment.end > self.seq or segment.seq == self.nxt)
        )


def outlive(resets: dict[End, Reset], me: View, peer: View, segment: Segment) -> None:
    """By hindsight: an end that goes on has not sent that reset itself, or has not believed it (RFC 5961 section 3).

    What it sent before the reset may only come late. So it must send numbers that it had not sent then, or
    acknowledge what was sent after the reset. ``me`` sent ``segment``.
    """
    if segment.rst or segment.syn:
        return
    own, theirs = resets.get(me.end), resets.get(peer.end)
    if own is not None and own.contradicted_by(segment):
        me.proven = own.proven
        peer.got_rst = False
        del resets[me.end]
    elif theirs is not None and me.got_rst and segment.has_ack and theirs.nxt is not None:
        me.got_rst = not segment.ack > theirs.nxt
