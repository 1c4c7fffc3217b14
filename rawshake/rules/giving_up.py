"""Rules on how long is tried before an end gives up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rawshake.rules.copies import SECOND, seconds
from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held, undecidable
from rawshake.rules.opening import Opening, Others
from rawshake.rules.registry import rule
from rawshake.tcp.view import End

#: RFC 9293 MUST-23.
R2: Final = 180 * SECOND


@rule("syn-r2-three-minutes", "RFC 9293 3.8.3 MUST-23", Level.MUST, scope=Scope.CAPTURE)
def syn_r2_three_minutes(opening: Opening, others: Others) -> Iterator[Outcome]:
    """A SYN that is not answered is sent again for at least three minutes.

    Unless the application gives up before, which a capture cannot show; and no stack waits so long by itself:
    Linux gives up after two minutes or so, FreeBSD after 75 s, Windows after 21. So it is a note, and
    only where the capture goes on long enough for another SYN to have come.

    Fires:
        > S 0:0(0) win 65535
        +3 > S 0:0(0) win 65535
        +6 > S 0:0(0) win 65535

        # port 40001
        +300 > S 70000000:70000000(0) win 65535
        < S. 0:0(0) ack 70000001 win 65535
        > . 70000001:70000001(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        +3 > S 0:0(0) win 65535
        +6 > S 0:0(0) win 65535

        # port 40001
        +10 > S 70000000:70000000(0) win 65535
        < S. 0:0(0) ack 70000001 win 65535
        > . 70000001:70000001(0) ack 1 win 65535
    """
    if opening.answered or opening.end is not End.CLIENT or len(opening.syns) < 2:
        return
    first, before, last = opening.syns[0], opening.syns[-2], opening.syns[-1]
    due = last + 2 * (last - before)  # by RFC 6298, section 5.5
    if due - first >= R2:
        yield held("time", f"SYN sent again for {seconds(last - first)}")
    elif opening.until - due < last - before:
        yield undecidable("time", "the capture ends before another SYN was due")
    else:
        sentence = (
            f"no SYN after {seconds(last - first)}: the application gave up, or the stack, as Linux does "
            "after 131 s, FreeBSD after 75 s and Windows after 21 s"
        )
        yield broken("time", sentence, expected="180 s", actual=seconds(last - first), verdict=Verdict.NOTE)
