"""Rules on a window that is closed: it opens by more than a little, and whoever waits for it asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.rules.evidence import sound
from rawshake.rules.model import Level, Outcome, Scope, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.view import End, Fate, Step

SECOND: Final = 1_000_000_000
#: The first probe comes after about one RTO, which is at most so long (RFC 6298 section 2.5).
LONGEST: Final = 60 * SECOND
#: Data that is sent so soon after the window opened had been waiting for it.
AT_ONCE: Final = 50_000_000
#: What happens once may be memory that ran short; so many times it is a habit.
OFTEN: Final = 3


@rule("receiver-sws-avoided", "RFC 9293 3.8.6.2.2 MUST-39; RFC 1122 4.2.3.3", Level.MUST,
      scope=Scope.EXCHANGE)  # fmt: skip
def receiver_sws_avoided(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A window that was closed opens by a whole segment, or by half of what the receiver has room for.

    A receiver that announces each octet as soon as it is read gets its data in tiny segments from then on, which
    is the silly window syndrome. Linux, BSD, Windows and lwIP all wait. The step is measured against the
    largest segment that was sent, and half the largest window; it takes three openings that are less.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 400
        > P. 1:201(200) ack 1 win 65535
        > P. 201:401(200) ack 1 win 65535
        < . 1:1(0) ack 401 win 0
        +1 < . 1:1(0) ack 401 win 5
        > P. 401:406(5) ack 1 win 65535
        < . 1:1(0) ack 406 win 0
        +1 < . 1:1(0) ack 406 win 5
        > P. 406:411(5) ack 1 win 65535
        < . 1:1(0) ack 411 win 0
        +1 < . 1:1(0) ack 411 win 5
        > P. 411:416(5) ack 1 win 65535
        < . 1:1(0) ack 416 win 0
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 400
        > P. 1:201(200) ack 1 win 65535
        > P. 201:401(200) ack 1 win 65535
        < . 1:1(0) ack 401 win 0
        +1 < . 1:1(0) ack 401 win 200
        > P. 401:601(200) ack 1 win 65535
        < . 1:1(0) ack 601 win 400
    """
    for end in End:
        largest = widest = 0  # segment that it was sent, window that it advertised
        silly: list[tuple[Step, int, int]] = []
        wide: Step | None = None
        for step in steps:
            segment, was = step.segment, step.was
            if segment.rst or not sound(step):
                continue
            if step.sender is not end:
                largest = max(largest, segment.payload_length)
                continue
            if segment.syn or was.edge is None or was.offered is None or step.peer_was.offered is None:
                widest = max(widest, step.now.window or 0)
                continue
            window = step.now.window or 0
            opened = (segment.ack + window) - was.edge
            if was.window == 0 and window and segment.has_ack and opened > 0 and step.peer_was.fin is None:
                enough = min(largest, was.mss or largest, widest // 2) - (1 << was.shift)
                # Where segments have overtaken one another the edge had moved before.
                if max(opened, window) < enough:
                    silly.append((step, opened, enough))
                else:
                    wide = step
            widest = max(widest, window)
        if len(silly) >= OFTEN:
            step, opened, enough = silly[OFTEN - 1]
            sentence = f"a closed window opens by {opened} octets, {len(silly)} times by less than {enough}"
            yield broken(
                "window", sentence, expected=f"at least {enough}", actual=opened, end=end, step=step.number
            )
        elif silly:
            reason = "a small opening once or twice may be memory that ran short"
            yield undecidable("window", reason, end=end, step=silly[-1][0].number)
        elif wide is not None:
            yield held("window", "the closed window opened by enough", end=end, step=wide.number)


@rule("zero-window-probed", "RFC 9293 3.8.6.1 MUST-36; RFC 9293 3.8.6.1 MUST-35; RFC 9293 3.8.6.1 MUST-37",
      Level.MUST, scope=Scope.EXCHANGE, near=True)  # fmt: skip
def zero_window_probed(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Whoever has data for a closed window asks from time to time whether it is open.

    The ACK that opens it is not sent again if it is lost, and both ends would wait for ever. The first
    probe comes after about one RTO, the others ever more slowly. Linux probes with an empty segment one
    before SND.UNA, BSD and Windows with an octet of data. That there was data shows when the window opens and it
    is sent at once; a minute of silence before that is a breach.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 200
        > P. 1:201(200) ack 1 win 65535
        < . 1:1(0) ack 201 win 0
        +90 < . 1:1(0) ack 201 win 200
        > P. 201:401(200) ack 1 win 65535
        < . 1:1(0) ack 401 win 200
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 200
        > P. 1:201(200) ack 1 win 65535
        < . 1:1(0) ack 201 win 0
        +0.4 > . 200:200(0) ack 1 win 65535
        < . 1:1(0) ack 201 win 0
        +1 > . 200:200(0) ack 1 win 65535
        < . 1:1(0) ack 201 win 200
        > P. 201:401(200) ack 1 win 65535
        < . 1:1(0) ack 401 win 200
    Quiet (it had nothing more to send then):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 200
        > P. 1:201(200) ack 1 win 65535
        < . 1:1(0) ack 201 win 0
        +90 < . 1:1(0) ack 201 win 200
        +1 > P. 201:401(200) ack 1 win 65535
        < . 1:1(0) ack 401 win 200
    """
    for end in End:
        shut: Step | None = None
        opened: Step | None = None
        probed: Step | None = None
        for step in steps:
            segment = step.segment
            if segment.syn or not sound(step) or step.fate is Fate.LOST:
                continue
            if segment.rst:
                break
            if step.sender is end:
                if opened is not None and shut is not None:
                    waited = opened.time - shut.time
                    at_once = step.time - opened.time <= AT_ONCE
                    if probed is None and waited > LONGEST and at_once and _brings_more(step):
                        sentence = f"no probe in the {waited / SECOND:.0f} s for which the window was closed"
                        yield broken(
                            "time",
                            sentence,
                            expected="a probe",
                            actual="silence",
                            end=end,
                            step=step.number,
                        )
                elif shut is not None and _asks(step):
                    probed = step
                shut = opened = None  # it speaks, and so hears how the window stands
            elif segment.has_ack and step.now.window == 0 and step.was.offered is not None:
                shut = shut if shut is not None and opened is None else step
                opened = None
            elif shut is not None and segment.has_ack:
                opened = opened or step
        if probed is not None:
            yield held("time", "the closed window was probed", end=end, step=probed.number)


def _brings_more(step: Step) -> bool:
    return step.segment.payload_length > 1 and not step.again


def _asks(step: Step) -> bool:
    """Whether it is a probe: an ACK before SND.NXT, or data that there is no room for."""
    segment, nxt = step.segment, step.was.nxt
    return nxt is not None and (segment.seq < nxt or segment.length > 0)
