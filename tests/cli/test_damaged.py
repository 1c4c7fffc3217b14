"""Captures cut anywhere and changed anywhere: what can be read is read, the rest is one sentence."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from random import Random

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from rawshake.api.frames import Reading
from rawshake.errors import Exit
from rawshake.net.tracefile import opened
from rawshake.tcp.decode import decode
from rawshake.trace.model import Damage, LinkType, Record
from rawshake.trace.read import records
from scripts.fuzz import WRAPPINGS, Count, corpus, mutated, read_all
from tests.cli.traces import CLEAN, FAULTY, REFUSED, frames, octets
from tests.command import rawshake
from tests.trace.written import Pcapng, pcap

PACKETS = [frame.packet for frame in frames(CLEAN, REFUSED, FAULTY)]
#: Of each kind one, in which every header of the format occurs.
KINDS = {
    "pcap": octets(frames(CLEAN, REFUSED)),
    "pcap-swapped-nano": pcap(PACKETS, order=">", nano=True, link_type=LinkType.RAW),
    "pcap-modified": pcap(PACKETS, modified=True, link_type=LinkType.RAW),
    "pcapng": Pcapng().file(PACKETS, link_type=LinkType.RAW),
    "pcapng-swapped": Pcapng(">").file(PACKETS, link_type=LinkType.RAW),
}
KINDS["sections"] = KINDS["pcapng"][:1000] + KINDS["pcapng-swapped"]
KINDS["gzip"] = gzip.compress(KINDS["pcap"][:300]) + gzip.compress(KINDS["pcap"][300:])
KINDS["zstd"] = zstandard.ZstdCompressor().compress(KINDS["pcapng"])
#: The others of the tests are of one kind.
CAPTURES = [path for path in corpus([]) if path.parent.name == "recorded"]
FILES = [*KINDS.values(), *(path.read_bytes() for path in CAPTURES)]
#: How much of each is cut at every octet.
UNTIL = 4096


def read(path: str) -> tuple[list[Record], Damage | None]:
    found: list[Record] = []
    try:
        with opened(path) as chunks:
            found.extend(records(chunks))
    except Damage as damage:
        return found, damage
    return found, None


@pytest.mark.parametrize("which", range(8))
def test_a_capture_cut_at_any_octet_is_read_up_to_there(tmp_path: Path, which: int) -> None:
    """Every kind, and every recorded capture, an eighth of them at a time."""
    path = tmp_path / "cut"
    for whole in FILES[which::8]:
        path.write_bytes(whole)
        complete, _ = read(str(path))
        packed = whole[:1] in b"\x1f\x28"
        for end in range(min(UNTIL, len(whole) - 1), -1, -1):
            os.truncate(path, end)
            found, damage = read(str(path))
            # All that is whole, and of what is cut as much as there is.
            kept = found if not found or found[-1] == complete[len(found) - 1] else found[:-1]
            assert kept == complete[: len(kept)]
            assert len(found) - len(kept) <= 1
            if not packed:
                assert len(kept) >= sum(after.offset <= end for after in complete[1:])
                assert all(record.offset < end for record in found)
            if damage is not None:
                assert 0 <= damage.offset <= end or packed
                assert "\n" not in str(damage)
            if end % 16:
                continue
            reading = Reading()
            with opened(str(path)) as chunks:
                for frame in reading.frames(chunks):
                    decode(frame.packet)
            assert str(reading.damage) == str(damage)
            assert reading.records == len(found)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_whole_command_on_a_cut_capture(tmp_path: Path, kind: str) -> None:
    whole = KINDS[kind]
    path = tmp_path / "cut"
    for end in (0, 3, 7, 23, len(whole) // 2 + 1, len(whole) - 1):
        path.write_bytes(whole[:end])
        done = rawshake("check", str(path))
        assert done.status == Exit.UNREADABLE
        problem, *_ = done.err.splitlines()
        begins = f"rawshake: The capture '{path}' is damaged: ", f"rawshake: '{path}' cannot be read: "
        assert problem.startswith(begins)
        assert len(done.err.splitlines()) <= 2


@settings(max_examples=1500)
@given(st.sampled_from(range(len(FILES))), st.integers(0, 2**32))
def test_a_capture_changed_anywhere_is_read_and_decoded(which: int, seed: int) -> None:
    """scripts/fuzz does the same for as long as it is told."""
    count = Count()
    read_all(mutated(FILES[which], Random(seed)), count)
    assert count.captures == 1


def test_what_the_changes_wrap_packets_in_is_opened() -> None:
    """Otherwise fuzzing would not get far."""
    for link_type, protocol, between in WRAPPINGS:
        head = bytes.fromhex("45000000000100004000 0000 0a000001 0a000002")
        outer = head[:9] + bytes([protocol]) + head[10:] if link_type == LinkType.RAW else b""
        reading = Reading()
        # Their lengths are written for packets of 88 octets.
        packet = bytearray(PACKETS[0].ljust(88, b"\0"))
        (frame,) = reading.frames([pcap([outer + between + packet], link_type=link_type)])
        assert frame.packet == packet
