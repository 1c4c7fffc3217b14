"""Packs texts as they come, for a page whose texts together would be too much to hold."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode

from rawshake.html.shell import BATCH, Packed


class Packer:
    """Takes texts one by one and compresses each batch as soon as it is full."""

    def __init__(self, name: str, *, size: int = BATCH) -> None:
        self._name = name
        self._size = size
        self._waiting: list[str] = []
        self._batches: list[str] = []
        self.count = 0

    def add(self, text: str) -> int:
        """Take a text; its number, from 0."""
        self._waiting.append(text)
        self.count += 1
        if len(self._waiting) == self._size:
            self._compress()
        return self.count - 1

    def packed(self) -> Packed:
        """All that was taken."""
        if self._waiting:
            self._compress()
        return Packed(self._name, self._size, tuple(self._batches))

    def _compress(self) -> None:
        self._batches.append(b64encode(zlib.compress(json.dumps(self._waiting).encode())).decode())
        self._waiting = []


class Document:
    """One text that is written piece by piece and held compressed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stream = zlib.compressobj()
        self._octets = bytearray(self._stream.compress(b'["'))

    def write(self, piece: str) -> None:
        """Add to it."""
        self._octets += self._stream.compress(json.dumps(piece)[1:-1].encode())

    def packed(self) -> Packed:
        """The whole; nothing is written after it."""
        self._octets += self._stream.compress(b'"]') + self._stream.flush()
        return Packed(self._name, 1, (b64encode(self._octets).decode(),))
