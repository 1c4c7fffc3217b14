"""From records to frames: fragments inside tunnels, tunnels inside fragments, and what that costs those without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zlib import crc32

from scapy.layers.inet import IP
from scapy.layers.l2 import GRE
from scapy.packet import Packet, Raw

from rawshake.api.frames import Reading
from rawshake.link import Frame
from rawshake.trace.expression import parse
from rawshake.trace.model import LinkType
from rawshake.trace.read import records
from tests.cli.traces import CLEAN, frames, octets
from tests.command import ROOT
from tests.trace.written import pcap

INNER = next(frame.packet for frame in frames(CLEAN) if frame.packet.endswith(b"hello\n"))
OUTER = IP(src="198.51.100.1", dst="198.51.100.2", id=3)


def read(
    *packets: bytes | Packet, words: str = "", link_type: int = LinkType.RAW
) -> tuple[list[Frame], Reading]:
    reading = Reading(parse(words) if words else None)
    return list(reading.frames([pcap(list(map(bytes, packets)), link_type=link_type)])), reading


def pieces(packet: bytes) -> list[bytes]:
    """In fragments of 24 octets."""
    return [bytes(piece) for piece in IP(packet).fragment(24)]  # type: ignore[no-untyped-call]


def test_fragments_of_a_tunnel_and_fragments_in_a_tunnel() -> None:
    whole = bytes(OUTER / GRE() / IP(INNER))
    found, _ = read(*pieces(whole))
    assert [frame.packet for frame in found] == [INNER]
    found, _ = read(*(OUTER / IP(piece) for piece in pieces(INNER)))
    assert [frame.packet[20:] for frame in found] == [INNER[20:]]
    # Both at once: each outer packet is put together, then the inner one.
    parts = [
        part
        for ident, piece in enumerate(pieces(INNER), 10)
        for part in pieces(bytes(IP(src="198.51.100.1", dst="198.51.100.2", id=ident) / IP(piece)))
    ]
    found, reading = read(*parts)
    assert [frame.packet[20:] for frame in found] == [INNER[20:]]
    assert found[0].number == len(parts)
    assert not reading.left_out


def nested(packet: bytes, depth: int) -> list[bytes]:
    """Fragments that hold fragments that hold ...: two to the power of ``depth``."""
    if depth == 0:
        return [packet]
    ident = crc32(packet) % 65_535 + 1
    parts = pieces(bytes(IP(src="198.51.100.1", dst=f"198.51.100.{depth}", id=ident) / IP(packet)))
    return [inner for part in parts for inner in nested(part, depth - 1)]


def test_fragments_inside_each_other_without_end() -> None:
    packet = INNER
    for _ in range(20):
        packet = bytes(OUTER / IP(packet))
    _, reading = read(packet)
    assert reading.left_out == {"is wrapped in too many tunnels": 1}
    _, reading = read(OUTER / IP(pieces(INNER)[1]))
    assert reading.left_out == {"fragment": 1}
    for depth, whole in ((1, 1), (6, 1), (10, 0)):
        found, _ = read(*nested(INNER, depth))
        assert [frame.packet[20:] == INNER[20:] for frame in found].count(True) == whole


def test_what_is_wanted_is_told_by_the_innermost_packet() -> None:
    whole = OUTER / IP(INNER)
    assert len(read(whole, words="host 192.0.2.1")[0]) == 1
    found, reading = read(whole, words="host 198.51.100.1")
    assert (found, reading.unwanted) == ([], 1)


def test_several_packets_in_one_frame_have_its_number() -> None:
    part = bytes(12) + (8 + len(INNER)).to_bytes(2, "big") + b"\xaa\xaa\x03\0\0\0\x08\0" + INNER
    part += bytes(-len(part) % 4)
    frame = b"\x88\x01" + bytes(22) + b"\x80\0" + part + part
    found, _ = read(frame, link_type=LinkType.IEEE802_11)
    assert [(one.number, one.packet) for one in found] == [(1, INNER), (1, INNER)]


def test_a_record_by_itself_gives_the_same() -> None:
    packets = [bytes(OUTER / IP(INNER)), INNER, bytes(OUTER / Raw(b"x")), bytes(12)]
    found, reading = read(*packets)
    alone = Reading()
    one_by_one = [alone.frame(record) for record in records([pcap(packets, link_type=LinkType.RAW)])]
    assert [frame for frame in one_by_one if frame] == found
    assert alone.left_out == reading.left_out


def test_who_has_no_tunnels_does_not_pay_for_scapy(tmp_path: Path) -> None:
    path = tmp_path / "trace.pcap"
    path.write_bytes(octets(frames(CLEAN)))
    program = (
        "import sys\nfrom rawshake.api.frames import Reading\nfrom rawshake.net.tracefile import opened\n"
        "with opened(sys.argv[1]) as chunks:\n    assert len(list(Reading().frames(chunks))) == 8\n"
        "assert 'scapy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, cwd=ROOT)
