"""How frames become a pcap file, of raw IP packets with times in nanoseconds (draft-ietf-opsawg-pcap)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO, Final

from rawshake.link import Frame
from rawshake.net.privilege import write_for_user

# Twelve lines of struct and not Scapy's writer, whose import takes 100 ms: `teardown` of a held
# connection needs no Scapy otherwise.
_NANOSECOND_MAGIC: Final = 0xA1B23C4D
_LINKTYPE_RAW: Final = 101  # each packet begins with its IPv4 or IPv6 header
_SNAPLEN: Final = 0x40000
#: What a file begins with.
HEADER: Final = struct.pack("=IHHiIII", _NANOSECOND_MAGIC, 2, 4, 0, 0, _SNAPLEN, _LINKTYPE_RAW)
_RECORD: Final = struct.Struct("=IIII")
_SECOND: Final = 1_000_000_000


def save(path: str, frames: Iterable[Frame]) -> None:
    """Write a file that Wireshark opens, owned by the user who ran sudo; ``Failure`` with UNREADABLE."""
    write_for_user(path, lambda file: write(file, frames))


def write(file: BinaryIO, frames: Iterable[Frame]) -> None:
    """Write header and frames, in the order given."""
    file.write(HEADER)
    file.writelines(map(record, frames))


def record(frame: Frame) -> bytes:
    """A frame as it stands in the file, after HEADER and those before it."""
    seconds, nanoseconds = divmod(frame.time, _SECOND)
    length = len(frame.packet)
    kept = min(length, _SNAPLEN)
    return _RECORD.pack(seconds, nanoseconds, kept, length) + frame.packet[:kept]
