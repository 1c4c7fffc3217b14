"""What SYNs offer: their options, read by columns, and packed into one number."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rawshake.tcp.option import FIXED_LENGTH, Kind

Column = NDArray[Any]

#: Its options are well formed, known, each there once, and a timestamp echoes nothing (on a SYN).
GOOD: Final = 1
HAS_MSS: Final = 2
HAS_WSCALE: Final = 4
HAS_SACK: Final = 8
HAS_TIMESTAMPS: Final = 16
#: The timestamps echo something.
ECHOES: Final = 32
WSCALE_AT: Final = 8
MSS_AT: Final = 16

_BITS: Final = {
    Kind.MSS: HAS_MSS,
    Kind.WSCALE: HAS_WSCALE,
    Kind.SACK_PERMITTED: HAS_SACK,
    Kind.TIMESTAMPS: HAS_TIMESTAMPS,
}
_BIT: Final = np.zeros(256, np.int64)
_LENGTH: Final = np.zeros(256, np.int64)
for _kind, _bit in _BITS.items():
    _BIT[_kind], _LENGTH[_kind] = _bit, FIXED_LENGTH[_kind]


def offers(octets: Column, begin: Column, length: Column) -> tuple[Column, Column]:
    """Read options of ``length`` octets at each ``begin``, and where their timestamps are.

    Without GOOD nothing else is to be relied on.
    """
    found = np.full(len(begin), GOOD, np.int64)
    stamps = begin.copy()
    at, end = begin.copy(), begin + length
    rows = np.flatnonzero(at < end)
    while len(rows):
        here = at[rows]
        kind = octets[here]
        over = kind == Kind.EOL
        if over.any():
            found[rows[over]] &= ~np.where(_zeros(octets, here[over], end[rows[over]]), 0, GOOD)
        steps = np.where(kind == Kind.NOP, 1, _LENGTH[kind])
        bit = _BIT[kind]
        bad = (kind > 1) & ((bit == 0) | (octets[here + 1] != steps) | (here + steps > end[rows]))
        bad |= found[rows] & bit != 0
        found[rows[bad]] &= ~GOOD
        found[rows] |= bit
        is_mss, is_wscale, is_stamps = kind == Kind.MSS, kind == Kind.WSCALE, kind == Kind.TIMESTAMPS
        value = octets[here + 2].astype(np.int64) << 8 | octets[here + 3]
        found[rows[is_mss]] |= value[is_mss] << MSS_AT
        found[rows[is_wscale]] |= octets[here[is_wscale] + 2].astype(np.int64) << WSCALE_AT
        echo = octets[here + 6] | octets[here + 7] | octets[here + 8] | octets[here + 9]
        found[rows[is_stamps & (echo != 0)]] |= ECHOES
        stamps[rows[is_stamps]] = here[is_stamps] + 2
        at[rows] = here + steps
        rows = rows[~over & ~bad & (at[rows] < end[rows])]
    return found, stamps


def _zeros(octets: Column, begin: Column, end: Column) -> Column:
    """Whether all octets from each ``begin`` to before its ``end`` are 0; at most 40 are looked at."""
    zeros = np.ones(len(begin), bool)
    for off in range(40):
        zeros &= (octets[begin + off] == 0) | (begin + off >= end)
    return zeros
