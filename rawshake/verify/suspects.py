"""Whom to suspect where a target has fallen silent for good, and many probes were under way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.probes.result import Attempt
from rawshake.profile import SECOND
from rawshake.tcp.view import Step

#: ns that a target may take for its last answers, and that captures may be late.
SLACK: Final = SECOND // 50
#: So many are named.
FEW: Final = 4


def named(suspects: Sequence[tuple[str, Attempt]]) -> str:
    """The likely ones among attempts of the probes of these names, for a sentence; empty where there are none."""
    likely = _likely(suspects)
    names = list(dict.fromkeys(name for name, attempt in suspects if attempt in likely))
    return ", ".join(names[:FEW]) + (" and others" if len(names) > FEW else "")


def _likely(suspects: Sequence[tuple[str, Attempt]]) -> list[Attempt]:
    """Those that sent something after its last answer and before a SYN that it must have answered if it lived."""
    attempts = [attempt for _, attempt in suspects]
    heard = [one.time for attempt in attempts for one in _steps(attempt) if not one.ours]
    if not heard:
        return attempts
    last = max(heard)
    syns = [
        one.time
        for attempt in attempts
        for one in _steps(attempt)
        if one.ours and one.segment.syn and not one.segment.has_ack and one.time > last
    ]
    first = min(syns, default=last) + SLACK
    found = [
        attempt
        for attempt in attempts
        if any(one.ours and last - SLACK <= one.time <= first for one in _steps(attempt))
    ]
    return found or attempts


def _steps(attempt: Attempt) -> Iterator[Step]:
    for exchange in attempt.exchanges:
        yield from exchange.steps
