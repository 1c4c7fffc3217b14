"""Exchanges as they come out of a command: judged by all rules."""

from __future__ import annotations

from dataclasses import replace

from rawshake.judge import Judge
from rawshake.report import Exchange, Judged, Outcome
from rawshake.rules import book
from rawshake.tcp.view import End
from tests.render import exchanges, golden


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
EVERYTHING = golden.everything()
