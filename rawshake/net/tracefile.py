"""Opens a capture, from a file, standard input or a pipe that still grows, compressed or not, as chunks of octets."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from rawshake.errors import Exit, Failure
from rawshake.trace.model import Damage, Foreign
from rawshake.trace.read import LOOK, is_capture, seems

_CHUNK: Final = 1 << 20
#: Compressed octets that are unpacked at once: of zstd's, four may become 128 KiB.
_PIECE: Final = 1 << 8
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


@contextmanager
def opened(path: str) -> Iterator[Iterator[bytes]]:
    """The octets of the capture ``path`` as they come; ``-`` is standard input.

    Raises ``Failure`` with UNREADABLE where it cannot be opened; the chunks raise ``Damage`` where it cannot be
    decompressed further.
    """
    if path == "-":
        if sys.stdin is None:
            raise Failure(Exit.UNREADABLE, "Standard input is closed.", "Name a file, or pipe a capture in.")
        yield _plain(_chunks(sys.stdin.fileno()))
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as refused:
        raise Failure(
            Exit.UNREADABLE,
            f"The capture '{path}' cannot be read: {refused.strerror}.",
            "Name a file in the format pcap or pcapng, or - for standard input.",
        ) from refused
    try:
        if Path(path).is_dir():
            raise Failure(
                Exit.UNREADABLE, f"'{path}' is a directory.", "Name the captures in it, as in traces/*.pcap."
            )
        yield _plain(_chunks(descriptor))
    finally:
        os.close(descriptor)


def _chunks(descriptor: int) -> Iterator[bytes]:
    # A pipe gives what it has at once, so that what is complete can be judged while more is to come.
    read = 0
    while True:
        try:
            chunk = os.read(descriptor, _CHUNK)
        except OSError as refused:
            raise Damage(read, f"It cannot be read: {refused.strerror}") from refused
        if not chunk:
            return
        read += len(chunk)
        yield chunk


def _plain(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The octets without compression, if there is any that is known; nothing is read before it is asked for."""
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= len(_ZSTD):
            break
    if start[:2] == _GZIP:
        yield from _looked_at("gzip", _gunzipped(start, chunks))
    elif start[:4] == _ZSTD:
        yield from _looked_at("zstd", _unzstandard(start, chunks))
    else:
        yield from _after(start, chunks)


def _looked_at(compression: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The octets, if they are a capture or a report; otherwise what was compressed is named."""
    start = b""
    for chunk in chunks:
        start += chunk
        if is_capture(start) or start.lstrip()[:1] == b"{":
            break
        if len(start) >= LOOK:
            raise Foreign(f"The {compression} data seem to be {seems(start)}, not a capture")
    else:
        what = seems(start) if start else "nothing at all"
        raise Foreign(f"The {compression} data seem to be {what}, not a capture")
    yield from _after(start, chunks)


def _after(start: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if start:
        yield start
    yield from chunks


def _gunzipped(start: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """RFC 1952: one member after the other."""
    member = zlib.decompressobj(31)
    read = 0
    for chunk in _after(start, chunks):
        rest = chunk
        while rest:
            if member.eof:
                if not rest.strip(b"\0"):
                    break  # padding, as of a tape
                member = zlib.decompressobj(31)
            try:
                plain = member.decompress(rest, _CHUNK)
            except zlib.error as broken:
                raise Damage(read, f"The gzip data cannot be read: {broken}") from broken
            read += len(plain)
            if plain:
                yield plain
            rest = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise Damage(read, "The gzip data ends too early")


class _Decompressor(Protocol):
    def decompress(self, data: bytes) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


def _unzstandard(start: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """RFC 8878: one frame after the other."""
    import zstandard

    def fresh() -> _Decompressor:
        made: _Decompressor = zstandard.ZstdDecompressor().decompressobj()
        return made

    frame = fresh()
    read = 0
    for chunk in _after(start, chunks):
        for at in range(0, len(chunk), _PIECE):
            rest = chunk[at : at + _PIECE]
            while rest:
                if frame.eof:
                    frame = fresh()
                try:
                    plain = frame.decompress(rest)
                except zstandard.ZstdError as broken:
                    raise Damage(read, f"The zstd data cannot be read: {broken}") from broken
                read += len(plain)
                if plain:
                    yield plain
                rest = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise Damage(read, "The zstd data ends too early")
