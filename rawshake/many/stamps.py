"""Timestamps of RFC 7323 in exchanges of one form: whose is echoed, and which are alike, not what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rawshake.many.packets import Column, tcp_at
from rawshake.tcp.option import Kind

_SPACE: Final = 1 << 32

#: TSval and TSecr of a packet, or None if it has none.
Stamps = tuple[int, int] | None


def stamps_at(packet: bytes) -> int | None:
    """Where TSval stands in a packet; None if nowhere, or across two words of the checksum."""
    at = tcp_at(packet)
    end = at + 4 * (packet[at + 12] >> 4)
    at += 20
    while at < end and packet[at] != Kind.EOL:
        if packet[at] == Kind.NOP:
            at += 1
            continue
        length = packet[at + 1] if at + 1 < end else 0
        if packet[at] == Kind.TIMESTAMPS and length == 10 and at + 10 <= end:
            return None if at % 2 else at + 2
        at += max(2, length)
    return None


@dataclass(frozen=True, slots=True)
class Echo:
    """What the timestamps of a packet of theirs are to those before.

    ``of`` are all our packets that had the TSval which it echoes, and ``rise`` says whether its own TSval is less than
    their last one (-1), the same (0) or more (1); None if it is the first.
    """

    of: frozenset[int]
    rise: int | None

    def is_in(self, tsval: Column, tsecr: Column, sent: Column, last: Column) -> Column:
        """Which packets echo so; ``sent`` has our TSvals of each exchange, ``last`` their last one."""
        found = np.ones(len(tsval), bool)
        for nth in range(sent.shape[1]):
            found &= (sent[:, nth] == tsecr) == (nth in self.of)
        if self.rise is not None:
            found &= rise(tsval - last) == self.rise
        return found


def echo(stamps: tuple[int, int], ours: Sequence[Stamps], theirs: Sequence[Stamps]) -> Echo | None:
    """What these are after those of our packets and of theirs; None if they echo none of ours."""
    of = frozenset(nth for nth, one in enumerate(ours) if one is not None and one[0] == stamps[1])
    before = [one[0] for one in theirs if one is not None]
    return Echo(of, int(rise(stamps[0] - before[-1])) if before else None) if of else None


def rise(change: Column | int) -> Column:
    """The sign of a change of TSval, by the shorter way round."""
    round_ = (np.asarray(change) + _SPACE // 2) % _SPACE - _SPACE // 2
    found: Column = np.sign(round_)
    return found


def ties(sent: Column) -> Column:
    """Which of our TSvals, a row for each exchange, are the same as the one before, as a number."""
    same = sent[:, 1:] == sent[:, :-1]
    found: Column = (same << np.arange(same.shape[1])).sum(axis=1)
    return found
