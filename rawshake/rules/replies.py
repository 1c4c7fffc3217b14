"""Rules on what must be answered by an ACK, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.rules.evidence import goes_on, shows_bare_acks, sound
from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held
from rawshake.rules.registry import rule
from rawshake.rules.surplus import OFTEN, PATIENCE, surplus
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End, Fate, Standing, Step

#: Stimuli closer to one another than this may fall to a rate limit: Linux answers two in a second.
APART: Final = 600_000_000
#: What is sent above a gap draws an ACK at once; this leaves room for a busy host.
AT_ONCE: Final = 200_000_000


@rule("unacceptable-seq-acked", "RFC 9293 3.10.7.4; RFC 9293 3.5.2", Level.PROCEDURE, scope=Scope.EXCHANGE,
      near=True)  # fmt: skip
def unacceptable_seq_acked(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Data outside the window is dropped, and answered by <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>.

    That ACK is how a sender learns that its data has arrived after all, when the ACK of it was lost. Without an
    answer it sends again until it gives up a connection that is well. One may be lost, so it takes three without
    an answer, by an end that goes on. Every stack answers old data; what lies beyond the window many firewalls
    drop, so that is a warning.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        +3 > P. 1:6(5) ack 1 win 65535
        +6 > P. 1:6(5) ack 1 win 65535
        +2 < P. 1:6(5) ack 6 win 65535
        > . 6:6(0) ack 6 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    Quiet (its host is gone):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        +3 > P. 1:6(5) ack 1 win 65535
        +6 > P. 1:6(5) ack 1 win 65535
    """
    for end in End:
        waiting: Step | None = None
        missed: list[Step] = []
        answered: Step | None = None
        for step in steps:
            if not sound(step) or step.fate is Fate.LOST:
                continue
            if step.sender is end:
                if waiting is not None and step.segment.has_ack:
                    if step.time - waiting.time <= PATIENCE:
                        answered, missed = step, []
                    else:
                        missed.append(waiting)
                    waiting = None
                if len(missed) >= OFTEN and goes_on(step) and shows_bare_acks(steps, end):
                    yield _unanswered(missed, end)
                    answered = None
                    break
                continue
            if waiting is not None and step.time - waiting.time > PATIENCE:
                missed.append(waiting)
                waiting = None
            if waiting is None and _unacceptable(step):
                waiting = step
        if answered is not None:
            yield held(
                "flags", "data outside the window was answered by an ACK", end=end, step=answered.number
            )


def _unacceptable(step: Step) -> bool:
    state = step.peer_was.expected
    if step.standing not in (Standing.OLD, Standing.OUT_OF_WINDOW) or state is None or not state.synchronized:
        return False
    segment = step.segment
    return segment.length > 0 and not segment.syn and not segment.rst and step.peer_was.rcv_wnd > 0


def _unanswered(missed: Sequence[Step], end: End) -> Outcome:
    last = missed[-1]
    old = all(step.standing is Standing.OLD for step in missed)
    where = "before" if old else "outside"
    sentence = (
        f"{len(missed)} segments {where} its window, the last of seq {last.segment.seq}, and no ACK of them"
    )
    verdict = None if old else Verdict.WARN
    return broken(
        "flags", sentence, expected="an ACK", actual="silence", verdict=verdict, end=end, step=last.number
    )


@rule("out-of-order-dup-ack", "RFC 5681 4.2; RFC 5681 3.2; RFC 9293 3.10.7.4 MAY-13", Level.SHOULD,
      scope=Scope.EXCHANGE, near=True)  # fmt: skip
def out_of_order_dup_ack(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Data above a gap is acknowledged at once, with the number where the gap begins.

    Three such ACKs let the sender fill the gap without waiting for its timer. A receiver that delays them, or
    leaves them out, makes every loss cost a timeout. All common stacks answer at once. That the data did arrive
    shows when the gap is filled, for then it is acknowledged without being sent again.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 6:11(5) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 11 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 6:11(5) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        +1 > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 11 win 65535
    """
    for end in End:
        yield from _gaps(end, steps)


@dataclass(slots=True)
class _Gap:
    """Data above a gap at ``first``: the segment, and what came since."""

    step: Step
    first: Seq
    filled: Step | None = None
    again: bool = False

    @property
    def late(self) -> bool:
        return self.filled is not None and self.filled.time - self.step.time > AT_ONCE


def _gaps(end: End, steps: Sequence[Step]) -> Iterator[Outcome]:
    gap: _Gap | None = None
    prompt: Step | None = None
    for step in steps:
        segment = step.segment
        if segment.syn or segment.rst or not sound(step) or step.fate is Fate.LOST:
            gap = None
        elif step.sender is not end:
            nxt = step.peer_was.rcv_nxt
            if gap is not None:
                gap.again = gap.again or (
                    segment.length > 0
                    and segment.seq < gap.step.segment.end
                    and segment.end > gap.step.segment.seq
                )
                if gap.filled is None and segment.seq <= gap.first < segment.end:
                    gap.filled = step
            elif _above(step) and nxt is not None:
                gap = _Gap(step, nxt)
        elif gap is not None and segment.has_ack:
            if gap.filled is None:
                if step.time - gap.step.time <= AT_ONCE:
                    prompt = step
            elif gap.late and not gap.again and segment.ack >= gap.step.segment.end:
                after = (gap.filled.time - gap.step.time) / 1e9
                sentence = f"no ACK for {after:.3g} s of data above a gap at {gap.first}, which did arrive"
                yield broken(
                    "time",
                    sentence,
                    expected=f"ack {gap.first} at once",
                    actual=f"ack {segment.ack}",
                    end=end,
                    step=step.number,
                )
                return
            gap = None
    if prompt is not None:
        yield held("time", "data above a gap was acknowledged at once", end=end, step=prompt.number)


def _above(step: Step) -> bool:
    nxt = step.peer_was.rcv_nxt
    if nxt is None or step.peer_was.offered is None or step.again or step.standing is not Standing.NEW:
        return False
    return step.segment.length > 0 and step.segment.seq > nxt


@rule("pure-ack-not-acked", "RFC 9293 3.5", Level.PROCEDURE, scope=Scope.EXCHANGE, near=True)
def pure_ack_not_acked(steps: Sequence[Step]) -> Iterator[Outcome]:
    """An ACK that takes no sequence space is not acknowledged.

    Otherwise two ends acknowledge one another's ACKs for ever. A window update, a keep-alive or an answer to
    what lies outside the window is another thing; it takes three ACKs that nothing else can have drawn.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65534
        < . 1:1(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65533
        < . 1:1(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65532
        < . 1:1(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
    """
    yield from surplus(steps, "silence", to_bare=True)


@rule("one-ack-per-segment", "RFC 5681 4.2", Level.MUST_NOT, scope=Scope.EXCHANGE, near=True)
def one_ack_per_segment(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A segment is acknowledged at most once.

    Each ACK lets the sender send more, and three alike make it believe that something was lost. Only an ACK
    with another window may follow one that was drawn by a segment. It takes three more than there were segments;
    keep-alives and whatever else draws an ACK count as segments. A network that doubles segments, or their ACKs,
    looks the same: it is a warning up to what such a network can make of what was sent.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 6 win 65535
        < . 1:1(0) ack 6 win 65535
        < . 1:1(0) ack 6 win 65535
        < . 1:1(0) ack 6 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 1000
        > . 1:1(0) ack 1 win 65535
        > P. 6:11(5) ack 1 win 65535
        > P. 11:16(5) ack 1 win 65535
        > P. 16:21(5) ack 1 win 65535
        < . 1:1(0) ack 1 win 1000
        < . 1:1(0) ack 1 win 1000
        < . 1:1(0) ack 1 win 1000
        > P. 1:6(5) ack 1 win 65535
        < . 1:1(0) ack 21 win 980
        < . 1:1(0) ack 21 win 65535
    """
    yield from surplus(steps, "one ACK for a segment", to_bare=False)
