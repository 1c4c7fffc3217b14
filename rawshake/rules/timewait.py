"""Rules on TIME-WAIT: what comes again is acknowledged again, and a new connection begins above the old one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rawshake.rules.evidence import sound
from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held, undecidable
from rawshake.rules.opening import Opening, Others
from rawshake.rules.registry import rule
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Fate, Step

#: However short TIME-WAIT is set on any stack, it lasts as long as this, in ns.
_SHORTEST: Final = 1_000_000_000


@rule("timewait-reacks", "RFC 9293 3.10.7.4; RFC 9293 3.6.1", Level.PROCEDURE, scope=Scope.EXCHANGE)
def timewait_reacks(steps: Sequence[Step]) -> Iterator[Outcome]:
    """In TIME-WAIT a FIN that comes again is acknowledged again.

    It comes because the last ACK was lost. A RST in answer tells the other end that the connection broke, though
    all data had arrived. Within a second of that ACK it is a warning that there was no TIME-WAIT at all: Linux
    keeps none when its table is full, and some load balancers never. How long TIME-WAIT lasts is another matter,
    and silence proves nothing.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 2 win 65535
        < . 2:2(0) ack 2 win 65535
        +0.3 > F. 1:1(0) ack 2 win 65535
        < R 2:2(0) win 0
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 2 win 65535
        < . 2:2(0) ack 2 win 65535
        +0.3 > F. 1:1(0) ack 2 win 65535
        < . 2:2(0) ack 2 win 65535
    Quiet (it is over):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 2 win 65535
        < . 2:2(0) ack 2 win 65535
        +70 > F. 1:1(0) ack 2 win 65535
        < R 2:2(0) win 0
    """
    for end in End:
        yield from _reacks(end, steps)


def _reacks(end: End, steps: Sequence[Step]) -> Iterator[Outcome]:
    acked: int | None = None  # when it last acknowledged the FIN, in ns
    came: Step | None = None
    for step in steps:
        segment = step.segment
        if not sound(step) or step.fate is Fate.LOST:
            continue
        if segment.syn:
            acked = came = None
        elif step.sender is not end:
            if segment.rst:
                return  # it may end TIME-WAIT, whatever RFC 1337 says
            waits = step.peer_was.expected is State.TIME_WAIT and acked is not None
            came = step if segment.fin and step.again and waits else came
        elif segment.rst:
            if came is not None and acked is not None and _is_answer(step, came):
                yield _refused(step, came, acked)
            return
        elif segment.has_ack and _covers(segment.ack, step.peer_was.fin):
            acked = step.time
            if came is not None:
                ack = segment.ack
                yield held(
                    "ack", f"ack {ack} once more, for the FIN that came again", end=end, step=step.number
                )
            came = None
    if came is not None:
        yield undecidable("ack", "the FIN that came again may have been lost", end=end, step=came.number)


def _covers(ack: Seq, fin: Seq | None) -> bool:
    return fin is not None and ack == fin + 1


def _is_answer(reset: Step, to: Step) -> bool:
    return not reset.segment.has_ack and reset.segment.seq == to.segment.ack


def _refused(step: Step, came: Step, acked: int) -> Outcome:
    end, number, since = step.sender, step.number, came.time - acked
    if since >= _SHORTEST:
        return undecidable("flags", "TIME-WAIT may have been over", end=end, step=number)
    sentence = f"flags {step.segment.flags} to a FIN that came again {since / 1e6:.3g} ms after its ACK: no TIME-WAIT"
    return broken(
        "flags",
        sentence,
        expected="ACK",
        actual=step.segment.flags,
        verdict=Verdict.WARN,
        end=end,
        step=number,
    )


@rule("timewait-syn-reopen", "RFC 9293 3.6.1 MAY-2; RFC 1122 4.2.2.13; RFC 6191 2", Level.MAY,
      scope=Scope.CAPTURE)  # fmt: skip
def timewait_syn_reopen(opening: Opening, others: Others) -> Iterable[Outcome]:
    """A SYN may open a connection out of TIME-WAIT; then the new ISN is above all that the old one used.

    So no segment of the old connection, if it comes late, falls into the new one. Linux takes the old SND.NXT +
    65537. A number below the old ISN is isn-clock-same-tuple's. Stacks that choose their ISNs at random may fall
    between: a note.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:501(500) ack 1 win 65535
        > . 1:1(0) ack 501 win 65535
        < F. 501:501(0) ack 1 win 65535
        > F. 1:1(0) ack 502 win 65535
        < . 502:502(0) ack 2 win 65535

        > S 70000:70000(0) win 65535
        < S. 300:300(0) ack 70001 win 65535
        > . 70001:70001(0) ack 301 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:501(500) ack 1 win 65535
        > . 1:1(0) ack 501 win 65535
        < F. 501:501(0) ack 1 win 65535
        > F. 1:1(0) ack 502 win 65535
        < . 502:502(0) ack 2 win 65535

        > S 70000:70000(0) win 65535
        < S. 66039:66039(0) ack 70001 win 65535
        > . 70001:70001(0) ack 66040 win 65535
    """
    before = others.of_tuple(opening)
    if before is None or before.connection == opening.connection or not before.waits:
        return ()
    return _reopened(before, opening)


def _reopened(before: Opening, opening: Opening) -> Iterator[Outcome]:
    if before.nxt is None:
        return
    isn, old, nxt = opening.isn, before.isn, before.nxt
    if opening.end is not before.end or isn <= old:
        return
    if isn >= nxt:
        yield held("seq", f"ISN {isn} = SND.NXT {nxt} of the connection before + {isn - nxt}")
        return
    sentence = f"ISN {isn} = SND.NXT {nxt} - {nxt - isn} of the connection before, which is in TIME-WAIT"
    yield broken("seq", sentence, expected=f"at least {nxt}", actual=isn)
