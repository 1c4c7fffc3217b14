"""Rules on half a close: what an end that has sent its FIN still takes, and what its application throws away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.rules.evidence import duplicate_ack, sound
from rawshake.rules.model import Level, Outcome, Scope, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Fate, Standing, Step

#: In these states an end has sent its FIN and not got the other's.
_HALF: Final = frozenset({State.FIN_WAIT_1, State.FIN_WAIT_2})
#: A window that stays closed for so long has no reader, in ns.
_FORSAKEN: Final = 60_000_000_000
_COPIES: Final = 2
#: No sender that hears nothing sends again sooner, in ns.
_AGAIN: Final = 200_000_000
_PROBES: Final = 3


@rule("half-close-supported", "RFC 9293 3.6.1 MAY-1", Level.MAY, scope=Scope.EXCHANGE)
def half_close_supported(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Who has sent a FIN goes on acknowledging data, unless its application closed the other direction, too.

    A client that says it has no more to ask must still get the answer. One that neither takes the data nor
    resets the connection leaves the other end to send it again and again. A RST is the right answer where
    nobody will read. It shows where copies of data draw an ACK that stops short of it, twice, and
    none ever covers it, with the window open.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 2 win 65535
        < P. 1:6(5) ack 2 win 65535
        > . 2:2(0) ack 1 win 65535
        +1 < P. 1:6(5) ack 2 win 65535
        > . 2:2(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 2 win 65535
        < P. 1:6(5) ack 2 win 65535
        > . 2:2(0) ack 6 win 65535
        < F. 6:6(0) ack 2 win 65535
        > . 2:2(0) ack 7 win 65535
    Quiet (closed altogether):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 2 win 65535
        < P. 1:6(5) ack 2 win 65535
        > R 2:2(0) win 0
    """
    for end in End:
        yield from _takes(end, steps)


def _takes(end: End, steps: Sequence[Step]) -> Iterator[Outcome]:
    came: Step | None = None
    short: list[Step] = []  # ACKs that stop short of what drew them, and of all that they ever covered
    since = 0
    for step in steps:
        segment = step.segment
        if not sound(step) or step.fate is Fate.LOST:
            continue
        if step.sender is not end:
            half = step.peer_was.expected in _HALF and not segment.syn and not segment.rst
            came = step if segment.payload_length and half else None
            continue
        if segment.rst:
            return
        if came is not None and segment.has_ack and step.was.fin is not None:
            data, ack, drew = came.segment, segment.ack, came.time
            if ack >= data.end:
                short = []
                yield held("ack", f"ack {ack}: data is taken after the FIN", end=end, step=step.number)
            elif duplicate_ack(step) and ack == data.seq and (not short or drew - since >= _AGAIN):
                short.append(step)
                since = drew
            elif short and ack > short[0].segment.ack:
                short = []
        came = None
    if len(short) >= _COPIES:
        ack, number = short[-1].segment.ack, short[-1].number
        sentence = f"ack {ack}, {len(short)} times: what follows is neither taken after the FIN nor reset"
        yield broken("ack", sentence, expected=f"more than {ack}", actual=ack, end=end, step=number)


@rule("half-duplex-close-rst", "RFC 9293 3.6.1 SHLD-3; RFC 2525 2.16", Level.SHOULD, scope=Scope.EXCHANGE)
def half_duplex_close_rst(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Data that comes to a socket that was closed altogether draws a RST.

    Nobody will read it, and the sender should know. A stack that takes it all the same fills its buffer, closes
    its window, and both ends wait for ever. That an application closed both directions does not show; but a
    window that closes after the FIN and stays closed through a minute of probes has no reader left. One that
    only pauses looks the same: a warning.

    Fires:
        > S 0:0(0) win 500
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 500
        > F. 1:1(0) ack 1 win 500
        < . 1:1(0) ack 2 win 65535
        < P. 1:501(500) ack 2 win 65535
        > . 2:2(0) ack 501 win 0
        +20 < . 501:502(1) ack 2 win 65535
        > . 2:2(0) ack 501 win 0
        +20 < . 501:502(1) ack 2 win 65535
        > . 2:2(0) ack 501 win 0
        +30 < . 501:502(1) ack 2 win 65535
        > . 2:2(0) ack 501 win 0
    Quiet:
        > S 0:0(0) win 500
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 500
        > F. 1:1(0) ack 1 win 500
        < . 1:1(0) ack 2 win 65535
        < P. 1:501(500) ack 2 win 65535
        > R 2:2(0) win 0
    """
    for end in End:
        yield from _forsaken(end, steps)


def _forsaken(end: End, steps: Sequence[Step]) -> Iterator[Outcome]:
    came: Step | None = None
    closed: Step | None = None
    probes = 0
    for step in steps:
        segment, number = step.segment, step.number
        if not sound(step) or step.fate is Fate.LOST:
            continue
        if step.sender is not end:
            half = step.peer_was.expected in _HALF and not segment.syn and not segment.rst
            came = step if half and (segment.payload_length or step.standing is Standing.OLD) else None
            continue
        if segment.rst:
            fresh = came is not None and came.segment.payload_length and not segment.has_ack
            if fresh and came is not None and segment.seq == came.segment.ack:
                yield held("flags", "a RST to data after the FIN", end=end, step=number)
            return
        if segment.syn or step.was.fin is None or not segment.has_ack:
            continue
        if segment.window:
            closed, probes = None, 0
            continue
        if closed is None and came is not None and segment.ack > came.segment.seq:
            closed = step
        elif closed is not None and came is not None:
            probes += 1
            waited = step.time - closed.time
            if probes >= _PROBES and waited >= _FORSAKEN:
                sentence = f"window 0 for {waited // 1_000_000_000} s after the FIN: nobody reads, and no RST says so"
                yield broken("window", sentence, expected="RST", actual=0, end=end, step=number)
                return
        came = None


@rule(
    "close-with-unread-data-rst", "RFC 9293 3.6.1 SHLD-3; RFC 2525 2.17", Level.SHOULD, scope=Scope.EXCHANGE
)
def close_with_unread_data_rst(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Who closes with data unread sends a RST in place of a FIN.

    A FIN says that all is well, and the other end never learns that what it sent was thrown away. What is
    unread does not show; but a window of 0 means a full buffer. If the FIN goes out behind it, the window never
    opens, and a later segment draws a RST in the form of an answer, then nobody has read that data and the
    socket was closed all the while. An application that closed its sending side first, and the rest at
    that very moment, looks the same: a warning.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 500
        > . 1:1(0) ack 1 win 65535
        > P. 1:501(500) ack 1 win 65535
        < . 1:1(0) ack 501 win 0
        < F. 1:1(0) ack 501 win 0
        > . 501:501(0) ack 2 win 65535
        +1 > . 501:502(1) ack 2 win 65535
        < R 2:2(0) win 0
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 500
        > . 1:1(0) ack 1 win 65535
        > P. 1:501(500) ack 1 win 65535
        < . 1:1(0) ack 501 win 0
        < R. 1:1(0) ack 501 win 0
    """
    for end in End:
        outcome = _unread(end, steps)
        if outcome is not None:
            yield outcome


def _unread(end: End, steps: Sequence[Step]) -> Outcome | None:
    full = False  # the buffer was full when the FIN went out, and is since
    came: Step | None = None
    for step in steps:
        segment = step.segment
        if not sound(step) or step.fate is Fate.LOST:
            continue
        if step.sender is not end:
            came = step if segment.payload_length and not segment.rst and full else None
            continue
        if segment.rst:
            if came is None or segment.has_ack or segment.seq != came.segment.ack:
                return None
            if step.was.acked is None or came.segment.seq < step.was.acked:
                return undecidable("flags", "a keep-alive found no connection", end=end, step=step.number)
            sentence = "a FIN with a full buffer, and a RST to what came next: what was unread is lost"
            return broken("flags", sentence, expected="RST", actual="FIN", end=end, step=step.number)
        if segment.syn or not segment.has_ack:
            continue
        if segment.window:
            full = False
        elif segment.fin and step.was.fin is None:
            full = step.was.window == 0 and step.was.edge == segment.ack
    return None
