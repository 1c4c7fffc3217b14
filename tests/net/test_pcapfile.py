"""A pcap file holds every frame with its nanoseconds, as a reader that is not ours sees it."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from struct import unpack_from

import pytest

from rawshake.errors import Exit, Failure
from rawshake.link import Direction, Frame
from rawshake.net.pcapfile import save, write
from tests.tcp.strategies import ip_packet

FRAMES = [
    Frame(1_700_000_000_000_000_001, ip_packet("192.0.2.1", "192.0.2.2", b"one"), Direction.OUT),
    Frame(1_700_000_000_999_999_999, ip_packet("2001:db8::1", "2001:db8::2", b"two"), Direction.IN),
    Frame(1_700_000_001_000_000_000, ip_packet("192.0.2.2", "192.0.2.1", bytes(60000)), offloaded=True),
]

READ = """
import sys
from scapy.utils import RawPcapReader
with RawPcapReader(sys.argv[1]) as reader:
    print(reader.nano, reader.linktype)
    for packet, about in reader:
        print(about.sec * 10**9 + about.usec, about.wirelen, packet.hex())
"""


def test_scapy_reads_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "frames.pcap"
    save(str(path), FRAMES)
    read = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        env={"HOME": str(tmp_path)},  # where Scapy keeps its caches
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [f"{frame.time} {len(frame.packet)} {frame.packet.hex()}" for frame in FRAMES]
    assert read.stdout.splitlines() == ["True 101", *expected]


def test_the_file_header() -> None:
    file = BytesIO()
    write(file, [])
    assert unpack_from("=IHHiIII", file.getvalue()) == (0xA1B23C4D, 2, 4, 0, 0, 0x40000, 101)
    assert len(file.getvalue()) == 24


def test_a_frame_that_is_too_long_for_the_format_is_cut_and_says_so() -> None:
    file = BytesIO()
    write(file, [Frame(0, bytes(0x40001))])
    assert unpack_from("=IIII", file.getvalue(), 24) == (0, 0, 0x40000, 0x40001)
    assert len(file.getvalue()) == 24 + 16 + 0x40000


def test_a_place_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "frames.pcap"
    with pytest.raises(Failure, match="No such file or directory") as failed:
        save(str(path), FRAMES)
    assert failed.value.status is Exit.UNREADABLE
    assert str(path) in failed.value.problem
