"""Where the IP packet begins in each record: link-layer headers of the common kinds, by columns."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rawshake.trace.links import RAW
from rawshake.trace.model import LinkType

Column = NDArray[Any]

_ETHERTYPES: Final = (0x0800, 0x86DD)
_TAGS: Final = (0x8100, 0x88A8, 0x9100, 0x9200)
_AT: Final = {LinkType.ETHERNET: 12, LinkType.LINUX_SLL: 14}
#: Kinds of links that are read by columns.
LINKS: Final = RAW | set(_AT)
#: What may be a fragment, or be in a tunnel, needs more than columns.
_TCP: Final = 6


def packets(buffer: bytes, link_type: int, begin: Column, captured: Column) -> Column:
    """Where each record's packet begins; -1 where ``links.ip`` or fragments have to be asked.

    ``buffer`` goes on for at least 64 octets behind the last record.
    """
    one = np.frombuffer(buffer, np.uint8)
    two = np.ndarray((len(buffer) - 1,), ">u2", buffer, strides=(1,))
    if link_type in RAW:
        ip = begin.copy()
        known = captured > 0
    elif link_type in _AT:
        at = begin + _AT[LinkType(link_type)]
        end = begin + captured
        kind = two[at]
        tagged = np.isin(kind, _TAGS) & (at + 6 <= end)
        while tagged.any():
            at = np.where(tagged, at + 4, at)
            kind = two[at]
            tagged &= np.isin(kind, _TAGS) & (at + 6 <= end)
        ip = at + 2
        known = np.isin(kind, _ETHERTYPES) & (ip < end)
    else:
        return np.full(len(begin), -1)
    left = begin + captured - ip
    ip = np.where(known, ip, 0)
    version = one[ip] >> 4
    v4 = known & (version == 4) & (left >= 20)
    v6 = known & (version == 6) & (left >= 40)
    whole4 = v4 & (two[ip + 6] & 0x3FFF == 0) & (one[ip + 9] == _TCP)
    whole6 = v6 & (one[ip + 6] == _TCP)
    return np.where(whole4 | whole6, ip, -1)
