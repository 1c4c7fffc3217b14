"""What passed in a rehearsal, a line a segment."""

from __future__ import annotations

from rawshake.play import (
    Mismatch,
    Rehearsed,
)
from rawshake.report import Remark
from rawshake.tcp.segment import Segment
from rawshake.tcp.view import End


def transcript(played: Rehearsed, which: int = 0) -> list[str]:
    """What passed on that connection, without windows; a remark begins with #."""
    exchange = played.exchanges[which]
    lines = []
    isns: dict[End, Segment] = {}
    for entry in exchange.entries:
        if isinstance(entry, Remark):
            lines.append(f"# {entry.text}")
            continue
        step = entry.step
        if step.segment.syn:
            isns.setdefault(step.sender, step.segment)
        arrow = ">" if step.ours else "<"
        peer = isns.get(step.sender.other)
        base = isns[step.sender].seq if step.sender in isns else None
        first = step.segment.seq - base if base is not None else int(step.segment.seq)
        ack = f" ack {step.segment.ack - peer.seq}" if step.segment.has_ack and peer is not None else ""
        lines.append(f"{arrow} {step.segment.flags} {first}({step.segment.payload_length}){ack}")
    return lines


def mismatch(played: Rehearsed) -> Mismatch:
    assert played.result.mismatch is not None, played.result
    return played.result.mismatch
