"""Whether what came, and the state that was proved, is an outcome that the clauses allow; and under which choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rawshake.probes.grid.answers import Expectation, Reply
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State

#: The flags that make one answer another; FIN and PSH may ride on an ACK when the program has something to say.
_TELLING: Final = Flags.SYN | Flags.RST | Flags.ACK
#: Where a program may have gone on by itself meanwhile: it closes.
_GOES_ON: Final = {State.ESTABLISHED: State.FIN_WAIT_1, State.CLOSE_WAIT: State.LAST_ACK}
_GONE: Final = frozenset({State.CLOSED, State.LISTEN})


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as it should be, in absolute numbers or words."""

    field: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """``met`` is the expectation that was met, or None; then ``differences`` are those to the one that is nearest.

    ``aside`` is a sentence about what is harmless and worth telling.
    """

    met: Expectation | None
    nearest: Expectation
    differences: tuple[Difference, ...] = ()
    aside: str = ""


def rule(
    expected: Sequence[Expectation],
    replies: Sequence[Segment],
    states: frozenset[State],
    rcv_nxt: Seq | None,
    nxt: Seq,
) -> Ruling:
    """Compare with every expectation, the letter first.

    ``replies`` are what the segment drew, ``states`` those that the target can be in by its proof, with its RCV.NXT
    where there is a connection; ``nxt`` is one past the last number that it had sent by then, where the program has
    gone on sending.
    """
    found = [_differences(one, replies, states, rcv_nxt, nxt) for one in expected]
    for one, differences in zip(expected, found, strict=True):
        if not differences:
            return Ruling(one, one, aside=_aside(one.outcome.reply, replies))
    fewest = min(range(len(found)), key=lambda at: len(found[at]))
    return Ruling(None, expected[fewest], found[fewest])


def _differences(
    one: Expectation,
    replies: Sequence[Segment],
    states: frozenset[State],
    rcv_nxt: Seq | None,
    nxt: Seq,
) -> tuple[Difference, ...]:
    outcome = one.outcome
    # What a program says by itself acknowledges nothing new, and is no answer.
    spoken = [one for one in replies if _speaks(one) and one.ack == outcome.rcv_nxt]
    answers = [one for one in replies if one not in spoken]
    found = _reply(outcome.reply, answers if outcome.reply is None else replies, nxt)
    allowed = _GONE if outcome.state in _GONE else {outcome.state, _GOES_ON.get(outcome.state, outcome.state)}
    if not states & allowed:
        actual = " or ".join(sorted(map(str, states))) or "no answer"
        if states == _GONE:
            actual = "no connection"
        wanted = "no connection" if outcome.state in _GONE else str(outcome.state)
        found.append(Difference("state", wanted, actual))
    elif rcv_nxt is not None and rcv_nxt != outcome.rcv_nxt:
        found.append(Difference("RCV.NXT", str(outcome.rcv_nxt), str(rcv_nxt)))
    return tuple(found)


def _speaks(segment: Segment) -> bool:
    return segment.length > 0 and segment.has_ack and not (segment.syn or segment.rst)


def _reply(reply: Reply | None, replies: Sequence[Segment], nxt: Seq) -> list[Difference]:
    if reply is None:
        return [Difference("answer", "silence", text(replies[0]))] if replies else []
    if not replies:
        return [Difference("answer", str(reply), "silence")]
    # The first tells; others are what the program has to say, or the same again.
    nearest = min((_fields(reply, segment, nxt) for segment in replies), key=len)
    resets = [one for one in replies if one.rst]
    if not nearest and resets and not reply.flags & Flags.RST:
        return [Difference("answer", str(reply), text(resets[0]))]
    return nearest


def _fields(reply: Reply, segment: Segment, nxt: Seq) -> list[Difference]:
    found = []
    telling = segment.flags & _TELLING
    # An ACK on a reset in answer to an ACK adds nothing, and is not asked for.
    spare = bool(reply.flags & Flags.RST) and telling == reply.flags | Flags.ACK
    if telling != reply.flags and not spare:
        found.append(Difference("flags", _names(reply.flags), _names(telling)))
    seqs = {reply.seq, nxt} if reply.flags == Flags.ACK else {reply.seq}
    # BSD sends its FIN with each ACK, for as long as that is not acknowledged: what ends at SND.NXT.
    with_fin = reply.flags == Flags.ACK and segment.fin and segment.end in seqs
    if reply.seq is not None and segment.seq not in seqs and not with_fin:
        found.append(Difference("seq", str(reply.seq), str(segment.seq)))
    if reply.flags & Flags.ACK and reply.ack is not None and segment.ack != reply.ack:
        found.append(Difference("ack", str(reply.ack), str(segment.ack)))
    return found


def _aside(reply: Reply | None, replies: Sequence[Segment]) -> str:
    spare = any(one.rst and one.has_ack for one in replies)
    if spare and reply is not None and reply.flags == Flags.RST:
        return "Its reset in answer to an ACK has the ACK bit, too."
    return ""


def _names(flags: Flags) -> str:
    return (
        ",".join(flag.name for flag in (Flags.SYN, Flags.RST, Flags.ACK) if flag & flags and flag.name)
        or "none"
    )


def text(segment: Segment) -> str:
    """A segment in the RFC's own form."""
    numbers = f"<SEQ={segment.seq}>" + (f"<ACK={segment.ack}>" if segment.has_ack else "")
    names = ",".join(flag.name for flag in Flags if flag & segment.flags and flag.name)
    octets = f"[{segment.payload_length} octets]" if segment.payload_length else ""
    return f"{numbers}<CTL={names}>{octets}"
