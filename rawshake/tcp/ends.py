"""Both ends of a connection as one key, whichever way a segment goes."""

from __future__ import annotations

from rawshake.tcp.segment import Segment

Key = tuple[str, int, str, int]


def key_of(segment: Segment) -> Key:
    """Both ends of a connection, whichever way the segment goes."""
    return ordered_ends(segment.src, segment.sport, segment.dst, segment.dport)


def ordered_ends(src: str, sport: int, dst: str, dport: int) -> Key:
    """Two ends in an order that does not depend on who is named first."""
    return (src, sport, dst, dport) if (src, sport) <= (dst, dport) else (dst, dport, src, sport)
