"""Recognises a capture's format by what it begins with, and reads it; says what something else seems to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rawshake.trace import pcap, pcapng
from rawshake.trace.model import Foreign, Record, Source

#: How many octets of a file are looked at to say what it is.
LOOK: Final = 512

#: Captures by other programs, by what they begin with; each can be converted.
_CAPTURES: Final = {
    b"snoop\0\0\0": "snoop",
    b"TRSNIFF data    \x1a": "Sniffer",
    b"RTSS": "Network Monitor 1",
    b"GMBU": "Network Monitor 2",
    b"XCP\0": "NetXRay",
    b"iptrace 2.0": "iptrace",
    b"\x54\x52\x00\x64\x00": "nettl",
    b"ObserverPktBufferVersion=": "Observer",
    b"\x05VNF": "EtherPeek",
    b"\x7fver": "OmniPeek",
}
_KINDS: Final = (
    (b"\x1f\x8b", "gzip data again"),
    (b"\x28\xb5\x2f\xfd", "zstd data again"),
    (b"\xfd7zXZ\0", "xz data"),
    (b"BZh", "bzip2 data"),
    (b"\x04\x22\x4d\x18", "lz4 data"),
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x7fELF", "a program"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3\0", "a SQLite database"),
)


def records(chunks: Iterable[bytes]) -> Iterator[Record]:
    """Every packet of a capture that comes in ``chunks``; raises ``Damage`` where it cannot be read on.

    Raises ``Foreign`` at once where it is no capture.
    """
    source = Source.of(chunks)
    magic = source.peek(4)
    if magic == pcapng.MAGIC:
        return pcapng.records(source)
    if magic in pcap.MAGICS:
        return pcap.records(source)
    if not magic:
        raise Foreign("The file is empty")
    if _begins_a_capture(magic):
        raise Foreign(f"The file ends after {len(magic)} octets, as a capture may begin")
    raise Foreign(f"The file seems to be {seems(source.peek(LOOK))}, not a capture")


def is_capture(start: bytes) -> bool:
    """Whether a file that begins so is pcap or pcapng."""
    return start[:4] == pcapng.MAGIC or start[:4] in pcap.MAGICS


def seems(start: bytes) -> str:
    """What a file seems to be that begins with these octets and is neither pcap nor pcapng."""
    for magic, name in _CAPTURES.items():
        if start.startswith(magic):
            return f"in the format {name}, which editcap can make a pcapng of"
    for magic, what in _KINDS:
        if start.startswith(magic):
            return what
    if start[257:262] == b"ustar":
        return "a tar archive"
    if not start.strip(b"\0"):
        return "nothing but zeros"
    return _text(start) or f"something that begins with {start[:4].hex(' ')}"


def _begins_a_capture(start: bytes) -> bool:
    return len(start) < 4 and any(magic.startswith(start) for magic in (pcapng.MAGIC, *pcap.MAGICS))


def _text(start: bytes) -> str:
    """What kind of text it is; empty if it is none."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "text (UTF-16)"
    try:
        # The last character may be cut.
        text = start.decode("utf-8-sig") if len(start) < LOOK else start[:-3].decode("utf-8-sig", "strict")
    except UnicodeDecodeError as wrong:
        if wrong.start < len(start) - 6:
            return ""
        text = start[: wrong.start].decode("utf-8-sig")
    if any(character < " " and character not in "\t\n\r\f\x1b" for character in text):
        return ""
    begin = text.lstrip()[:64].lower()
    if begin.startswith(("<!doctype html", "<html")):
        return "HTML"
    if begin.startswith("<"):
        return "XML"
    if begin.startswith(("{", "[")):
        return "JSON"
    return "text"
