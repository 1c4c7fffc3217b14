"""Exchanges as they come out of a command: judged by all rules."""

from __future__ import annotations

from dataclasses import replace

from rawshake.judge import Judge
from rawshake.report import Exchange, Judged, Outcome
from rawshake.rules import book
from rawshake.tcp.view import End
from tests.render import exchanges
from tests.render.golden import everything


def judged(written: Exchange) -> Exchange:
    """By all rules, as rawshake judges where it is the client."""
    judge = Judge(book(), ours=End.CLIENT)
    entries = [
        replace(entry, rulings=judge.step(entry.step)) if isinstance(entry, Judged) else entry
        for entry in written.entries
    ]
    return replace(written, entries=tuple(entries), closing=judge.exchange(written.steps))


WHOLE = judged(exchanges.exchange(exchanges.WHOLE))
FAULTY = judged(exchanges.exchange(exchanges.FAULTY, outcome=Outcome.REFUSED))
LOSSES = judged(exchanges.exchange(exchanges.LOSSES, outcome=Outcome.HELD))
#: Every kind of entry and of ruling, of rules that there are not, with hostile words.
EVERYTHING = everything()
#: Long addresses, one of each end.
SIX = judged(
    exchanges.exchange(
        exchanges.FAULTY, client=exchanges.SIX[0], server=exchanges.SIX[1], outcome=Outcome.REFUSED
    )
)
#: A thousand segments, most of them microseconds apart, with pauses of minutes between.
LONG = judged(
    exchanges.exchange(
        """
        > S 0:0(0) win 64240 <mss 1460>
        +0.000042 < S. 0:0(0) ack 1 win 65160 <mss 1460>
        +0.000020 > . 1:1(0) ack 1 win 64240
        """
        + "".join(
            f"""
            +{"90" if number % 100 == 0 else "0.000003"} > P. {number}:{number + 1}(1) ack 1 win 64240
            +0.000001 < . 1:1(0) ack {number + 1} win 65160
            """
            for number in range(1, 500)
        ),
        outcome=Outcome.OPEN,
    )
)
