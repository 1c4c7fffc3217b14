"""What each reset of a connection can have been drawn by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from rawshake.rules.evidence import certain, sound
from rawshake.tcp.seq import Seq, later
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Fate, Step

#: After so much silence a reset that follows another at once is its answer.
QUIET: Final = 1_000_000_000


@dataclass(slots=True)
class Reset:
    """A RST of a connection that was seen to open, and what could have led to it."""

    step: Step
    nxt: Seq
    #: one past the highest number that the other end really sent
    top: Seq | None
    #: "abort", "answer" or "refusal" if its number is one that such a RST has, else ""
    explained: str
    answers_reset: bool
    #: its sender had no connection any more, or speaks as if
    closed: bool

    @property
    def seq(self) -> Seq:
        return self.step.segment.seq

    @property
    def flags(self) -> str:
        return str(self.step.segment.flags)

    @property
    def may_follow_lost_data(self) -> bool:
        """Whether data before it may have been lost: no RST without ACK is known to follow data."""
        edge = self.step.peer_was.edge
        return self.step.segment.has_ack and self.seq > self.nxt and edge is not None and self.seq <= edge


@dataclass(slots=True)
class _Heard:
    """What one end sent that a RST may answer."""

    acks: set[Seq] = field(default_factory=set)
    edges: set[Seq] = field(default_factory=set)
    ends_without_ack: set[Seq] = field(default_factory=set)
    top: Seq | None = None
    resets: list[Step] = field(default_factory=list)
    last: int | None = None

    def add(self, step: Step) -> None:
        segment = step.segment
        if segment.rst:
            self.resets.append(step)
            return
        self.last = step.time
        if step.was.iss != step.now.iss:
            self.top = segment.end
        elif step.now.nxt is not None and segment.end <= step.now.nxt:  # not what is far from all else
            self.top = later(self.top, segment.end)
        if not segment.has_ack:
            self.ends_without_ack.add(segment.end)
            return
        self.acks.add(segment.ack)
        if step.now.window is not None:
            self.edges.add(segment.ack + step.now.window)


def resets(steps: Sequence[Step]) -> Iterator[Reset]:
    """Every RST of an end whose SYN was seen."""
    last = max((step.number for step in steps if step.segment.rst), default=0)
    heard = {End.CLIENT: _Heard(), End.SERVER: _Heard()}
    for step in steps:
        if step.number > last:
            return
        if step.fate is Fate.LOST or not sound(step):
            continue
        segment, was = step.segment, step.was
        if segment.syn and not segment.has_ack and was.iss is not None and was.iss != segment.seq:
            heard = {End.CLIENT: _Heard(), End.SERVER: _Heard()}  # another connection, or another attempt
        mine, theirs = heard[step.sender], heard[step.receiver]
        opened = was.iss is not None and was.nxt is not None and was.offered is not None
        if segment.rst and not segment.syn and opened and was.nxt is not None:
            yield Reset(
                step=step,
                nxt=was.nxt,
                top=theirs.top,
                explained=_explanation(step, theirs),
                answers_reset=_answers_reset(step, mine, theirs),
                closed=was.proven is State.CLOSED or was.expected is State.CLOSED or _refuses(step),
            )
        mine.add(step)


def _refuses(step: Step) -> bool:
    return step.segment.seq.value == 0 and step.segment.has_ack


def _explanation(step: Step, theirs: _Heard) -> str:
    segment = step.segment
    if segment.seq == step.was.nxt:
        return "abort"
    if segment.seq in theirs.acks:
        return "answer"
    if _refuses(step) and segment.ack in theirs.ends_without_ack:
        return "refusal"
    # Where the window was moved to the left, Linux keeps to its right edge.
    return "abort" if segment.seq in theirs.edges else ""


def _answers_reset(step: Step, mine: _Heard, theirs: _Heard) -> bool:
    """Whether a RST can only be the answer to an earlier one."""
    if not theirs.resets or not certain(step):
        return False
    segment, other = step.segment, theirs.resets[-1]
    if _refuses(step) and not other.segment.has_ack and segment.ack not in theirs.ends_without_ack:
        return segment.ack == other.segment.end
    before = max(mine.last or 0, theirs.last or 0)
    answer = other.segment.has_ack and segment.seq == other.segment.ack
    return answer and not mine.resets and other.time - before >= QUIET > step.time - other.time
