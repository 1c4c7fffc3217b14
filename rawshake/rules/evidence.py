"""What a step proves, whichever rule asks: who saw it, and what it can only have been an answer to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.view import End, Fate, Step

#: An honest sender that hears nothing has sent its data again after so long: RFC 6298's RTO is at most 3 s at first.
PATIENCE: Final = 4_000_000_000
#: More octets than Ethernet carries in one segment may be several that offload, or a tunnel, has merged.
ETHERNET_MSS: Final = 1460


def certain(step: Step) -> bool:
    """Whether all that went before it is known: rawshake sent it, or received it."""
    return step.ours or step.fate is Fate.DELIVERED


def live(steps: Sequence[Step]) -> bool:
    """Whether rawshake is one end: then nothing is missed of what that end sent and received."""
    return any(step.ours for step in steps)


def sound(step: Step) -> bool:
    """Whether its checksum lets the numbers be judged (RFC 9293 MUST-3)."""
    return step.segment.checksum is not Checksum.WRONG


def plain_ack(segment: Segment) -> bool:
    """Whether it is an acknowledgment and nothing else."""
    return segment.has_ack and not segment.length and not segment.rst


def goes_on(step: Step) -> bool:
    """Whether it shows an end that goes on: neither SYN nor RST."""
    return not step.segment.syn and not step.segment.rst


def shows_bare_acks(steps: Sequence[Step], end: End) -> bool:
    """Whether an ACK of that end was seen that came for its own sake.

    A capture that was filtered by length has none, and then no ACK's absence, and no delay of one, tells anything.
    """
    return any(step.sender is end and plain_ack(step.segment) for step in steps)


def missed_some(steps: Sequence[Step], end: End) -> bool:
    """Whether the tap missed what was sent to that end, who has acknowledged more than was seen."""
    return any(
        step.sender is end
        and step.segment.has_ack
        and not step.segment.rst
        and sound(step)
        and step.peer_was.nxt is not None
        and step.segment.ack > step.peer_was.nxt
        for step in steps
    )


def shows_nxt(step: Step) -> bool:
    """Whether its sequence number is its sender's SND.NXT: it occupies nothing, and is no keep-alive or probe.

    Those go out one before SND.NXT or SND.UNA, so before what was seen of the sender.
    """
    return plain_ack(step.segment) and step.segment.seq == step.was.nxt


def overshot(step: Step) -> bool:
    """Whether its sender's SND.NXT counts numbers that nobody had room for: one stray segment, already named."""
    nxt, edge = step.was.nxt, step.peer_was.edge
    return nxt is not None and edge is not None and nxt > edge + 1


def duplicate_ack(step: Step) -> bool:
    """Whether it tells nothing new, so that only something that arrived can have drawn it."""
    segment, was = step.segment, step.was
    same_window = segment.window << was.shift == was.window
    return shows_nxt(step) and segment.ack == was.last_ack and same_window and segment.window > 0
