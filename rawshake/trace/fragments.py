"""Puts fragments of IPv4 and IPv6 together again (RFC 791 section 3.2, RFC 8200 section 4.5)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

#: How many datagrams may be incomplete at a time, and for how long, in ns (RFC 8200: 60 seconds).
MOST: Final = 1024
WITHIN: Final = 60_000_000_000
#: What no datagram exceeds, in octets, and how much may be held of all that are incomplete.
LARGEST: Final = 65_535 + 40
HELD: Final = 1 << 24

_FRAGMENT: Final = 44
#: IPv6 headers that may stand before the fragment header: hop-by-hop, routing, destination options.
_BEFORE: Final = frozenset({0, 43, 60})
_MAY_BE: Final = _BEFORE | {_FRAGMENT}


@dataclass(slots=True)
class _Parts:
    """The fragments of one datagram: offset in octets and content; ``end`` once the last one has come.

    ``size`` is how many octets they have together.
    """

    time: int
    first: bytes = b""
    end: int | None = None
    size: int = 0
    parts: dict[int, bytes] = field(default_factory=dict)


class Reassembly:
    """Takes fragments, gives whole packets; ``dropped`` counts fragments whose datagram never became whole.

    Fragments that overlap with other content make a datagram unusable (RFC 5722), so that none is made of it.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[bytes, _Parts] = OrderedDict()
        self._held = 0
        self.dropped = 0

    def add(self, packet: bytes, time: int) -> bytes | None:
        """The whole packet that this fragment completes; None while parts are missing.

        A packet that is no fragment comes back as it is.
        """
        # Most packets are whole; to see that must cost little.
        if len(packet) < 20 or (
            not (packet[6] & 0x3F or packet[7]) if packet[0] >> 4 == 4 else packet[6] not in _MAY_BE
        ):
            return packet
        found = _fragment(packet)
        if found is None:
            return packet
        key, head, offset, last, content = found
        while self._open and next(iter(self._open.values())).time < time - WITHIN:
            self._drop()
        parts = self._open.get(key)
        if parts is None:
            if len(self._open) >= MOST:
                self._drop()
            parts = self._open[key] = _Parts(time)
        known = parts.parts.get(offset)
        if known is None:
            parts.parts[offset] = content
            parts.size += len(content)
            self._held += len(content)
        if offset == 0:
            parts.first = head
        end = offset + len(content)
        if last and parts.end is None:
            parts.end = end
        beyond = end > LARGEST or (parts.end is not None and max(end, parts.size) > parts.end)
        if beyond or parts.size > LARGEST or (known is not None and known != content):
            self.dropped += known is not None and known != content
            self._forget(key)
            return None
        while self._held > HELD:
            self._drop()
        if parts.size != parts.end:
            return None
        self._held -= parts.size
        del self._open[key]
        whole = _joined(parts)
        if whole is None:
            self.dropped += len(parts.parts)
        return whole

    def finish(self) -> int:
        """Give up on all that is incomplete; how many fragments were never put together."""
        while self._open:
            self._drop()
        return self.dropped

    def _drop(self) -> None:
        self._forget(next(iter(self._open)))

    def _forget(self, key: bytes) -> None:
        parts = self._open.pop(key)
        self._held -= parts.size
        self.dropped += len(parts.parts)


def _fragment(packet: bytes) -> tuple[bytes, bytes, int, bool, bytes] | None:
    """Key of its datagram, header for the whole, offset, whether it is the last, and what it carries."""
    if len(packet) >= 20 and packet[0] >> 4 == 4:
        return _fragment4(packet)
    if len(packet) >= 48 and packet[0] >> 4 == 6:
        return _fragment6(packet)
    return None


def _fragment4(packet: bytes) -> tuple[bytes, bytes, int, bool, bytes] | None:
    word = int.from_bytes(packet[6:8], "big")
    if not word & 0x3FFF:
        return None
    start = (packet[0] & 15) * 4
    total = int.from_bytes(packet[2:4], "big")
    if start < 20 or len(packet) < total or total <= start:
        return None  # cut by the capture: there is nothing to join
    key = packet[4:6] + packet[9:10] + packet[12:20]
    return key, packet[:start], (word & 0x1FFF) * 8, not word & 0x2000, packet[start:total]


def _fragment6(packet: bytes) -> tuple[bytes, bytes, int, bool, bytes] | None:
    kind, at, before = packet[6], 40, 6
    while kind in _BEFORE and at + 8 <= len(packet):
        kind, before, at = packet[at], at, at + 8 + packet[at + 1] * 8
    total = 40 + int.from_bytes(packet[4:6], "big")
    if kind != _FRAGMENT or at + 8 >= total or len(packet) < total:
        return None
    word = int.from_bytes(packet[at + 2 : at + 4], "big")
    # The header before points past the fragment header, which the whole has no more.
    head = packet[:before] + packet[at : at + 1] + packet[before + 1 : at]
    key = packet[at + 4 : at + 8] + packet[8:40]
    return key, head, word & 0xFFF8, not word & 1, packet[at + 8 : total]


def _joined(parts: _Parts) -> bytes | None:
    if parts.end is None or not parts.first:
        return None
    body = bytearray()
    while len(body) < parts.end:
        piece = parts.parts.get(len(body))
        if not piece:
            return None
        body += piece
    head = bytearray(parts.first)
    if head[0] >> 4 == 4:
        if len(head) + len(body) > 65_535:
            return None
        head[2:4] = (len(head) + len(body)).to_bytes(2, "big")
        head[6:8] = bytes([head[6] & 0x40, 0])
    else:
        length = len(head) - 40 + len(body)
        if length > 65_535:
            return None
        head[4:6] = length.to_bytes(2, "big")
    return bytes(head + body)
