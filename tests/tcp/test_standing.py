"""`standing` against its literal table, and against the words of RFC 9293 3.10.7."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import pytest

from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import HALF, Seq
from rawshake.tcp.standing import standing
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Standing, View
from tests.tcp.standing_table import ACROSS, RCV_NXT, RING, ROWS, SND_UNA, Case, allowed, matching

Judge = Callable[[View, Segment], Standing]

#: every payload of 0 to 3 octets that begins up to 6 before RCV.NXT or 6 after it, and three straight across
SEQS = [*((RCV_NXT + i) % RING for i in range(-6, 7)), ACROSS - 1, ACROSS, ACROSS + 1]
UNSYNCHRONIZED = {State.CLOSED, State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED}
#: states whose own FIN has been sent, states that have got the peer's
SENT_FIN = {State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSING, State.LAST_ACK, State.TIME_WAIT}
GOT_FIN = {State.CLOSE_WAIT, State.CLOSING, State.LAST_ACK, State.TIME_WAIT}


@dataclass(frozen=True)
class Place32:
    """Where RCV.NXT and SND.UNA of the ring lie among the 32-bit numbers."""

    rcv_nxt: int
    snd_una: int

    def seq(self, number: int) -> Seq:
        return _spread(number, RCV_NXT, self.rcv_nxt)

    def ack(self, number: int) -> Seq:
        return _spread(number, SND_UNA, self.snd_una)


def _spread(number: int, origin: int, onto: int) -> Seq:
    """Keep the neighbourhood of the origin and that of the number straight across; the gap between grows."""
    offset = (number - origin) % RING
    if offset < 8:
        return Seq(onto + offset)
    return Seq(onto + offset - RING if offset >= 24 else onto + HALF + offset - RING // 2)


AT_THE_WRAP = Place32(0xFFFFFFFE, 0xFFFFFFFF)
AT_HALF = Place32(0x7FFFFFFE, 0x80000000 - 2)


def _acks(sent: int) -> list[int]:
    """Below SND.UNA, at it, in range, at SND.NXT, above, and half the space away."""
    near = [-3, -1, 0, *range(1, sent + 1), sent + 1, sent + 3]
    return sorted({(SND_UNA + i) % RING for i in [*near, 16, 16 + sent]})


def _receivers(state: State) -> Iterator[tuple[bool, int, int]]:
    """(passive, window, sent): what the outcome may hang on in that state."""
    if state in {State.CLOSED, State.LISTEN}:
        yield (state is State.LISTEN, 0, 0)
        return
    passives = (False, True) if state is State.SYN_RECEIVED else (False,)
    windows = (4,) if state is State.SYN_SENT else range(5)
    yield from product(passives, windows, (1, 3) if state in UNSYNCHRONIZED else (0, 2))


def _flag_sets(sent: int) -> Iterator[tuple[bool, bool, bool, bool, int]]:
    """(syn, has_ack, rst, fin, ack); without the ACK bit the field means nothing, whatever stands in it."""
    for syn, has_ack, rst, fin in product((False, True), repeat=4):
        for ack in _acks(sent) if has_ack else ((SND_UNA + sent) % RING, (SND_UNA + sent + 1) % RING):
            yield syn, has_ack, rst, fin, ack


def _view(state: State, passive: bool, window: int, sent: int, where: Place32) -> View:
    view = View(End.SERVER if passive else End.CLIENT, passive=passive, proven=state, expected=state)
    if state in {State.CLOSED, State.LISTEN}:
        return view
    view.window = window
    view.una = view.una_proven = where.ack(SND_UNA)
    view.nxt = view.una + sent
    view.iss = view.una if state in UNSYNCHRONIZED else view.una - 7
    view.fin = view.nxt - 1 if state in SENT_FIN else None
    if state is not State.SYN_SENT:
        view.rcv_nxt = view.acked = view.last_ack = where.seq(RCV_NXT)
        view.edge = view.rcv_nxt + window
        view.got_syn, view.got_fin = True, state in GOT_FIN
    return view


def _segment(case: Case, where: Place32, payload: bytes) -> Segment:
    pairs = ((case.syn, Flags.SYN), (case.has_ack, Flags.ACK), (case.rst, Flags.RST), (case.fin, Flags.FIN))
    return Segment(
        src="192.0.2.1", dst="192.0.2.2", sport=1, dport=2,
        seq=where.seq(case.seq), ack=where.ack(case.ack), payload=payload,
        flags=Flags(sum(flag for wanted, flag in pairs if wanted)),
    )  # fmt: skip


def _cases(state: State, where: Place32) -> Iterator[tuple[Case, View, Segment]]:
    segments: dict[tuple[object, ...], Segment] = {}
    for passive, window, sent in _receivers(state):
        view = _view(state, passive, window, sent, where)
        for flags, seq, payload in product(_flag_sets(sent), SEQS, range(4)):
            syn, has_ack, rst, fin, ack = flags
            case = Case(state, passive, window, sent, syn, has_ack, rst, fin, seq, payload, ack)
            key = (*flags, seq, payload)
            if key not in segments:
                segments[key] = _segment(case, where, b"x" * payload)
            yield case, view, segments[key]


def _disagreements(judge: Judge, state: State, where: Place32) -> Iterator[tuple[str, Case]]:
    for case, view, segment in _cases(state, where):
        said = judge(view, segment)
        if said not in allowed(case):
            yield f"{said}, but {' / '.join(row.clause for row in matching(case))}", case


@pytest.mark.parametrize("state", list(State), ids=str)
def test_every_outcome_is_one_that_the_text_allows(state: State) -> None:
    assert dict(_disagreements(standing, state, AT_THE_WRAP)) == {}


@pytest.mark.parametrize("state", [State.SYN_SENT, State.SYN_RECEIVED, State.ESTABLISHED], ids=str)
def test_numbers_next_to_half_the_space_are_no_different(state: State) -> None:
    assert dict(_disagreements(standing, state, AT_HALF)) == {}


def test_every_row_speaks_of_some_case_and_none_is_left_without() -> None:
    used = set()
    for state in State:
        for case, _, _ in _cases(state, AT_THE_WRAP):
            rows = list(matching(case))
            assert not rows[-1].or_else
            used.update(rows)
    assert {row.clause for row in ROWS} == {row.clause for row in used}


def _with_view(**changes: Callable[[View], object]) -> Judge:
    """The real function, misled about its receiver."""

    def judge(receiver: View, segment: Segment) -> Standing:
        view = receiver.copy()
        for name, change in changes.items():
            setattr(view, name, change(receiver))
        return standing(view, segment)

    return judge


def _says(outcome: Standing, instead_of: Standing, *states: State) -> Judge:
    """The real function, with one outcome mistaken for another in those states, or in all."""

    def judge(receiver: View, segment: Segment) -> Standing:
        said = standing(receiver, segment)
        wrong = said is instead_of and (not states or receiver.expected in states)
        return outcome if wrong else said

    return judge


def _shift(name: str, by: int) -> Callable[[View], object]:
    def shifted(view: View) -> object:
        number: Seq | None = getattr(view, name)
        return None if number is None else number + by

    return shifted


def _with_segment(change: Callable[[Segment], Segment]) -> Judge:
    return lambda receiver, segment: standing(receiver, change(segment))


def _raw_comparison(receiver: View, segment: Segment) -> Standing:
    """Compares 32-bit numbers as if they were integers."""
    if receiver.expected is State.ESTABLISHED and receiver.rcv_nxt is not None and not segment.rst:
        return Standing.OLD if segment.seq.value < receiver.rcv_nxt.value else standing(receiver, segment)
    return standing(receiver, segment)


WRONG: dict[str, tuple[Judge, State]] = {
    "window one octet wide of the edge": (_with_view(edge=_shift("edge", 1)), State.ESTABLISHED),
    "window one octet short": (_with_view(edge=_shift("edge", -1)), State.FIN_WAIT_2),
    "RCV.NXT off by one": (_with_view(rcv_nxt=_shift("rcv_nxt", -1)), State.CLOSE_WAIT),
    "SND.NXT off by one": (_with_view(nxt=_shift("nxt", 1)), State.SYN_SENT),
    "SND.NXT short by one": (_with_view(nxt=_shift("nxt", -1)), State.SYN_RECEIVED),
    "ack of the ISN taken": (_with_view(iss=_shift("iss", -1)), State.SYN_SENT),
    "ack at SND.UNA taken in SYN-RECEIVED": (_with_view(una=_shift("una", -1)), State.SYN_RECEIVED),
    "SYN and FIN occupy nothing": (
        _with_segment(lambda s: s if s.rst else replace(s, flags=s.flags & ~Flags.FIN)), State.ESTABLISHED),
    "numbers compared as integers": (_raw_comparison, State.ESTABLISHED),
    "any reset in the window resets": (_says(Standing.NEW, Standing.RST_CHALLENGED), State.ESTABLISHED),
    "resets outside are challenged": (_says(Standing.RST_CHALLENGED, Standing.RST_IGNORED), State.LAST_ACK),
    "a SYN in the window resets": (_says(Standing.NEW, Standing.SYN_CHALLENGED), State.ESTABLISHED),
    "what needs no ACK bit": (_says(Standing.NEW, Standing.NO_ACK), State.CLOSING),
    "acks of the unsent are taken": (_says(Standing.NEW, Standing.BAD_ACK), State.TIME_WAIT),
    "a bare ACK opens": (_says(Standing.NEW, Standing.DROPPED), State.SYN_SENT),
    "old is new": (_says(Standing.NEW, Standing.OLD), State.TIME_WAIT),
    "beyond the window is old": (_says(Standing.OLD, Standing.OUT_OF_WINDOW), State.FIN_WAIT_1),
    "a listener takes acks": (_says(Standing.NEW, Standing.NO_CONNECTION), State.LISTEN),
    "a listener drops a SYN": (_says(Standing.DROPPED, Standing.NEW), State.LISTEN),
    "nobody resets": (_says(Standing.DROPPED, Standing.NO_CONNECTION), State.CLOSED),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_the_table_catches_a_wrong_function(fault: str) -> None:
    judge, state = WRONG[fault]
    assert next(_disagreements(judge, state, AT_THE_WRAP), None) is not None


def test_what_was_not_seen_is_unknown() -> None:
    case = Case(State.ESTABLISHED, False, 4, 0, False, True, False, False, RCV_NXT, 1, SND_UNA)
    segment = _segment(case, AT_THE_WRAP, b"x")
    assert standing(View(End.SERVER), segment) is Standing.UNKNOWN
    for field in ("rcv_nxt", "window", "nxt"):
        view = _view(State.ESTABLISHED, False, 4, 0, AT_THE_WRAP)
        assert standing(view, segment) is Standing.NEW
        setattr(view, field, None)
        assert standing(view, segment) is Standing.UNKNOWN, field


def test_a_reset_is_believed_where_its_receiver_said_it_expects_it() -> None:
    """An end that acknowledges less than it was sent expects that number, not ours."""
    view = _view(State.ESTABLISHED, False, 4, 0, AT_THE_WRAP)
    view.last_ack = AT_THE_WRAP.seq(RCV_NXT - 3)
    reset = Case(State.ESTABLISHED, False, 4, 0, False, False, True, False, RCV_NXT - 3, 0, SND_UNA)
    assert standing(view, _segment(reset, AT_THE_WRAP, b"")) is Standing.NEW
    assert standing(view, _segment(replace(reset, seq=RCV_NXT - 2), AT_THE_WRAP, b"")) is Standing.RST_IGNORED
