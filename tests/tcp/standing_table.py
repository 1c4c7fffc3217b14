"""RFC 9293 section 3.10.7 as literal rows over 32 numbers: which outcomes the text allows for a segment.

Written from the RFC's text (with RFC 5961 sections 3.2 and 4.2) and from nothing else, so that it can
stand witness against ``rawshake.tcp.standing``. It has numbers of its own: a ring of 32, on which
"before" and "after" are sets that are written out, and the number straight across belongs to neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final, NamedTuple

from rawshake.tcp.state import State
from rawshake.tcp.view import Standing

RING: Final = 32
#: RCV.NXT of the receiver, SND.UNA (and, before the handshake is over, ISS) of the receiver
RCV_NXT: Final = 30
SND_UNA: Final = 31

BEFORE: Final = frozenset((RCV_NXT - i) % RING for i in range(1, 16))
ACROSS: Final = (RCV_NXT + 16) % RING
FROM: Final = frozenset((RCV_NXT + i) % RING for i in range(16))


@dataclass(frozen=True, slots=True)
class Case:
    """One segment and its receiver; ``seq`` and ``ack`` on the ring, ``sent`` is SND.NXT - SND.UNA."""

    state: State
    passive: bool
    window: int
    sent: int
    syn: bool
    has_ack: bool
    rst: bool
    fin: bool
    seq: int
    payload: int
    ack: int

    @property
    def length(self) -> int:
        """SEG.LEN."""
        return self.payload + int(self.syn) + int(self.fin)


class Place(Enum):
    """Where a segment lies, by the four rows of RFC 9293 section 3.4 (Tables 5 and 6)."""

    ACCEPTABLE = "acceptable"
    LEFT = "not acceptable, all of it before RCV.NXT"
    RIGHT = "not acceptable, all of it at or after the right edge"
    AROUND = "not acceptable as written: it covers the whole window and both its ends lie outside"
    AROUND_NOTHING = "not acceptable: it runs from before RCV.NXT past it, and the window is zero"
    ACROSS = "not acceptable, and half the space away, where before and after mean nothing"


@cache
def window_numbers(window: int) -> frozenset[int]:
    """RCV.NXT =< number < RCV.NXT + RCV.WND."""
    return frozenset((RCV_NXT + i) % RING for i in range(window))


@cache
def place(seq: int, length: int, window: int) -> Place:
    """Tables 5 and 6 of RFC 9293 section 3.4."""
    numbers = [(seq + i) % RING for i in range(length)] or [seq]
    inside = window_numbers(window)
    if length == 0 and window == 0:
        acceptable = seq == RCV_NXT
    elif length == 0:
        acceptable = seq in inside
    elif window == 0:
        acceptable = False
    else:
        acceptable = seq in inside or numbers[-1] in inside
    if acceptable:
        return Place.ACCEPTABLE
    if ACROSS in numbers:
        return Place.ACROSS
    if all(number in BEFORE for number in numbers):
        return Place.LEFT
    if all(number in FROM for number in numbers):
        return Place.RIGHT
    return Place.AROUND if window else Place.AROUND_NOTHING


def placed(case: Case) -> Place:
    """Where the case's segment lies."""
    return place(case.seq, case.length, case.window)


@cache
def fresh_acks(sent: int) -> frozenset[int]:
    """SND.UNA < SEG.ACK =< SND.NXT."""
    return frozenset((SND_UNA + i) % RING for i in range(1, sent + 1))


@cache
def unsent_acks(sent: int) -> frozenset[int]:
    """SEG.ACK > SND.NXT."""
    return frozenset((SND_UNA + sent + i) % RING for i in range(1, 16))


@cache
def undecided_acks(sent: int) -> frozenset[int]:
    """Half the space from SND.NXT or from SND.UNA, or between the two: no order is defined."""
    return frozenset((SND_UNA + 16 + i) % RING for i in range(sent + 1))


def bare_fin_at_zero_window(case: Case) -> bool:
    """A FIN, nothing else that has a length, exactly at RCV.NXT, and no window to take it."""
    return case.fin and case.length == 1 and case.window == 0 and case.seq == RCV_NXT


class Row(NamedTuple):
    """The first row that fits decides; with ``or_else`` what later rows say is allowed as well."""

    clause: str
    states: frozenset[State]
    fits: Callable[[Case], bool]
    allowed: frozenset[Standing]
    or_else: bool = False


_S = State
_CLOSED, _LISTEN, _SYN_SENT = frozenset({_S.CLOSED}), frozenset({_S.LISTEN}), frozenset({_S.SYN_SENT})
_SYN_RECEIVED, _TIME_WAIT = frozenset({_S.SYN_RECEIVED}), frozenset({_S.TIME_WAIT})
_SYNCHRONIZED = frozenset(_S) - _CLOSED - _LISTEN - _SYN_SENT - _SYN_RECEIVED
_OTHERWISE = _SYNCHRONIZED | _SYN_RECEIVED


def _(*outcomes: Standing) -> frozenset[Standing]:
    return frozenset(outcomes)


NEW, OLD, OUT_OF_WINDOW = Standing.NEW, Standing.OLD, Standing.OUT_OF_WINDOW
BAD_ACK, NO_ACK, UNKNOWN = Standing.BAD_ACK, Standing.NO_ACK, Standing.UNKNOWN
SYN_CHALLENGED, RST_CHALLENGED = Standing.SYN_CHALLENGED, Standing.RST_CHALLENGED
RST_IGNORED, NO_CONNECTION, DROPPED = Standing.RST_IGNORED, Standing.NO_CONNECTION, Standing.DROPPED

ROWS: Final[tuple[Row, ...]] = (
    # CLOSED.
    Row("3.10.7.1: a RST is discarded", _CLOSED, lambda c: c.rst, _(RST_IGNORED)),
    Row("3.10.7.1: anything else causes a RST", _CLOSED, lambda c: True, _(NO_CONNECTION)),
    # LISTEN. A bad ack to nobody's connection: either name stands for the same answer, a RST.
    Row("3.10.7.2, 1: an incoming RST is ignored", _LISTEN, lambda c: c.rst, _(RST_IGNORED)),
    Row("3.10.7.2, 2: any acknowledgment is bad", _LISTEN, lambda c: c.has_ack,
        _(BAD_ACK, NO_CONNECTION)),
    Row("3.10.7.2, 3: a SYN opens", _LISTEN, lambda c: c.syn, _(NEW)),
    Row("3.10.7.2, 4: what has neither is dropped", _LISTEN, lambda c: True, _(DROPPED)),
    # SYN-SENT. SEG.SEQ cannot be checked: RCV.NXT is not known yet.
    Row("3.10.7.3, 1: SEG.ACK =< ISS or > SND.NXT, with RST: dropped", _SYN_SENT,
        lambda c: c.has_ack and c.ack not in fresh_acks(c.sent) and c.rst, _(RST_IGNORED)),
    Row("3.10.7.3, 1: SEG.ACK =< ISS or > SND.NXT: answered by a RST", _SYN_SENT,
        lambda c: c.has_ack and c.ack not in fresh_acks(c.sent), _(BAD_ACK)),
    Row("3.10.7.3, 2: RST with an acceptable ACK: refused", _SYN_SENT, lambda c: c.rst and c.has_ack, _(NEW)),
    Row("3.10.7.3, 2: RST without ACK: dropped", _SYN_SENT, lambda c: c.rst, _(RST_IGNORED)),
    Row("3.10.7.3, 4: SYN, and the ACK is good or absent", _SYN_SENT, lambda c: c.syn, _(NEW)),
    Row("3.10.7.3, 5: neither SYN nor RST: dropped", _SYN_SENT, lambda c: True, _(DROPPED)),
    # Otherwise. RST stands before the table of acceptability: outside it is dropped either way, and MUST-66
    # has it processed at a zero window, where the table calls nothing with a length acceptable.
    Row("3.10.7.4, 2: RST at RCV.NXT", _OTHERWISE, lambda c: c.rst and c.seq == RCV_NXT, _(NEW)),
    Row("3.10.7.4, 2, RFC 5961 3.2: RST elsewhere in the window", _OTHERWISE,
        lambda c: c.rst and c.seq in window_numbers(c.window), _(RST_CHALLENGED)),
    Row("3.10.7.4, 2, RFC 5961 3.2: RST outside the window", _OTHERWISE, lambda c: c.rst, _(RST_IGNORED)),
    # MAY-2, RFC 6191: a SYN beyond all that the old incarnation sent may open the next one.
    Row("3.6.1, MAY-2: a SYN may reopen out of TIME-WAIT", _TIME_WAIT,
        lambda c: c.syn and not c.has_ack and c.seq in FROM, _(NEW), or_else=True),
    # Step 1 answers what is not acceptable with the same ACK as the challenge: two names for one thing.
    Row("3.10.7.4, 4, RFC 5961 4.2: SYN, irrespective of the sequence number", _SYNCHRONIZED,
        lambda c: c.syn and placed(c) is not Place.ACCEPTABLE, _(SYN_CHALLENGED), or_else=True),
    # Step 1 by its letter would refuse the crossing SYN-ACK; Figure 7 and MUST-10 want it taken.
    Row("3.5, Figure 7, appendix A.2: the SYN-ACK of a simultaneous open, at IRS", _SYN_RECEIVED,
        lambda c: c.syn and c.has_ack and not c.passive and c.seq == RCV_NXT - 1
        and c.ack in fresh_acks(c.sent), _(NEW)),
    # Ambiguities of the acceptability test.
    Row("3.4: covers the whole window, both ends outside: other readings trim it", _OTHERWISE,
        lambda c: placed(c) is Place.AROUND, _(OLD, OUT_OF_WINDOW, UNKNOWN), or_else=True),
    Row("3.4: runs past RCV.NXT at a zero window: dropped, on whichever side", _OTHERWISE,
        lambda c: placed(c) is Place.AROUND_NOTHING, _(OLD, OUT_OF_WINDOW)),
    Row("3.4: half the space away: dropped, on neither side", _OTHERWISE,
        lambda c: placed(c) is Place.ACROSS, _(OLD, OUT_OF_WINDOW, UNKNOWN)),
    Row("3.4, Table 6: a bare FIN at a zero window, which Linux takes", _OTHERWISE,
        bare_fin_at_zero_window, _(OUT_OF_WINDOW), or_else=True),
    # The acceptability test.
    Row("3.10.7.4, 1: before the window", _OTHERWISE,
        lambda c: placed(c) is Place.LEFT, _(OLD)),
    Row("3.10.7.4, 1: after the window", _OTHERWISE,
        lambda c: placed(c) is Place.RIGHT and not bare_fin_at_zero_window(c),
        _(OUT_OF_WINDOW)),
    # The idealized segment begins at RCV.NXT: an old SYN is trimmed away and what follows it counts. Stacks
    # rather take it for the old SYN again, or for a SYN.
    Row("3.10.7.4, 1: an old SYN before octets in the window", _SYN_RECEIVED,
        lambda c: c.syn and c.seq in BEFORE, _(OLD, SYN_CHALLENGED, DROPPED), or_else=True),
    # Back to LISTEN without a word; Linux resets, RFC 5961 would challenge. No standing says "returns".
    Row("3.10.7.4, 4: another SYN in the window, passive", _SYN_RECEIVED,
        lambda c: c.syn and c.seq not in BEFORE and c.passive, _(DROPPED, SYN_CHALLENGED)),
    Row("3.10.7.4, 4: another SYN in the window, active: as in synchronized states", _SYN_RECEIVED,
        lambda c: c.syn and c.seq not in BEFORE, _(SYN_CHALLENGED)),
    Row("3.10.7.4, 4, RFC 5961 4.2: any other SYN", _SYNCHRONIZED, lambda c: c.syn, _(SYN_CHALLENGED)),
    Row("3.10.7.4, 5: the ACK bit is off", _OTHERWISE, lambda c: not c.has_ack, _(NO_ACK)),
    Row("3.10.7.4, 5: SND.UNA < SEG.ACK =< SND.NXT", _SYN_RECEIVED,
        lambda c: c.ack in fresh_acks(c.sent), _(NEW)),
    Row("3.10.7.4, 5: not acceptable: answered by a RST", _SYN_RECEIVED, lambda c: True, _(BAD_ACK)),
    Row("3.4: SEG.ACK half the space away from what is outstanding", _SYNCHRONIZED,
        lambda c: c.ack in undecided_acks(c.sent), _(NEW, BAD_ACK, UNKNOWN)),
    # LAST-ACK and TIME-WAIT speak of one expected segment only; what the ACK is worth is the same there.
    Row("3.10.7.4, 5: SEG.ACK > SND.NXT", _SYNCHRONIZED, lambda c: c.ack in unsent_acks(c.sent), _(BAD_ACK)),
    Row("3.10.7.4, 5: new or duplicate", _SYNCHRONIZED, lambda c: True, _(NEW)),
)  # fmt: skip


_BY_STATE: Final = {state: tuple(row for row in ROWS if state in row.states) for state in State}


def matching(case: Case) -> Iterator[Row]:
    """The rows that speak of the case: one, after any ambiguous ones."""
    for row in _BY_STATE[case.state]:
        if row.fits(case):
            yield row
            if not row.or_else:
                return


def allowed(case: Case) -> frozenset[Standing]:
    """Every outcome that the text leaves open: one, save where a row says why there are more."""
    return frozenset[Standing]().union(*(row.allowed for row in matching(case)))
