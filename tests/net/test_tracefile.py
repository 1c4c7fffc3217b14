"""Files, pipes and what is compressed, as octets; what cannot be opened or unpacked is said in one sentence."""

from __future__ import annotations

import gzip
import os
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from rawshake.errors import Exit, Failure
from rawshake.net.tracefile import opened
from rawshake.trace.model import Damage, Foreign, Record
from rawshake.trace.read import records
from tests.trace.written import Pcapng, pcap

PACKETS = [bytes([at]) * 50 for at in range(40)]
FILE = pcap(PACKETS)


def zstd(octets: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(octets)


def octets_of(path: Path) -> bytes:
    with opened(str(path)) as chunks:
        return b"".join(chunks)


def saved(folder: Path, octets: bytes) -> Path:
    path = folder / "trace"
    path.write_bytes(octets)
    return path


@pytest.mark.parametrize(
    "file",
    [
        FILE,
        gzip.compress(FILE),
        gzip.compress(FILE[:100]) + gzip.compress(FILE[100:]),  # members
        gzip.compress(FILE[:2]) + gzip.compress(b"") + gzip.compress(FILE[2:]) + bytes(1000),  # padding
        zstd(FILE),
        zstd(FILE[:100]) + zstd(b"") + zstd(FILE[100:]),  # frames
        zstd(FILE) + b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zstd(b""),  # one that is to be skipped
    ],
)
def test_what_is_compressed_is_unpacked(tmp_path: Path, file: bytes) -> None:
    assert octets_of(saved(tmp_path, file)) == FILE


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_more_than_a_chunk_of_anything(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    octets = FILE + os.urandom(3 << 20) + bytes(5 << 20)
    assert octets_of(saved(tmp_path, pack(octets))) == octets


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with saved(tmp_path, gzip.compress(FILE)).open() as file:
        monkeypatch.setattr("sys.stdin", file)
        with opened("-") as chunks:
            assert b"".join(chunks) == FILE
        assert not file.closed
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(Failure) as failed, opened("-"):
        pass
    assert failed.value.status is Exit.UNREADABLE


@pytest.mark.parametrize("kind", ["pcap", "pcapng", "gzip", "zstd"])
def test_a_pipe_that_grows_gives_each_record_once_it_is_complete(tmp_path: Path, kind: str) -> None:
    """Nothing is read ahead: what came of the pipe is given on before more is waited for."""
    pack = zlib.compressobj(wbits=31)
    frame = zstandard.ZstdCompressor().compressobj()

    def sent(octets: bytes) -> bytes:
        if kind == "gzip":
            return pack.compress(octets) + pack.flush(zlib.Z_SYNC_FLUSH)
        if kind == "zstd":
            return frame.compress(octets) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        return octets

    path = tmp_path / "pipe"
    os.mkfifo(path)
    # Opened for both, so that neither waits for the other, and so that reading does not end.
    pipe = os.open(path, os.O_RDWR)
    ng = Pcapng()
    try:
        with opened(str(path)) as chunks:
            os.write(pipe, sent(ng.section() + ng.interface() if kind == "pcapng" else pcap([])))
            found = records(chunks)
            for at, packet in enumerate(PACKETS):
                one = ng.enhanced(at, packet) if kind == "pcapng" else pcap([packet])[24:]
                os.write(pipe, sent(one))
                record = next(found)
                assert (record.number, record.data) == (at + 1, packet)
    finally:
        os.close(pipe)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none", "No such file"), (tmp_path, "is a directory")):
        with pytest.raises(Failure) as failed, opened(str(path)):
            pass
        assert failed.value.status is Exit.UNREADABLE
        assert said in failed.value.problem
        assert str(path) in failed.value.problem
        assert failed.value.next_step


def test_what_can_be_opened_and_not_read() -> None:
    # The memory of a process at 0, where there is none.
    with opened("/proc/self/mem") as chunks, pytest.raises(Damage) as damaged:
        list(chunks)
    assert damaged.value.offset == 0
    assert "cannot be read" in damaged.value.problem


@pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "gzip"), (zstd, "zstd")])
@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (b"words\n" * 500, "text"),
        (b"<html>", "HTML"),
        (b"", "nothing at all"),
        (gzip.compress(FILE), "gzip data again"),
        (b"a.pcap".ljust(257, b"\0") + b"ustar" + bytes(250), "a tar archive"),
    ],
)
def test_what_is_no_capture_inside_is_named(
    tmp_path: Path, pack: Callable[[bytes], bytes], name: str, octets: bytes, what: str
) -> None:
    with pytest.raises(Foreign) as foreign:
        octets_of(saved(tmp_path, pack(octets)))
    assert foreign.value.problem == f"The {name} data seem to be {what}, not a capture"


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_report_may_be_compressed_too(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    assert octets_of(saved(tmp_path, pack(b' {"schema": 1}'))) == b' {"schema": 1}'


def read(path: Path) -> tuple[list[Record], Damage | None]:
    found: list[Record] = []
    try:
        with opened(str(path)) as chunks:
            found.extend(records(chunks))
    except Damage as damage:
        return found, damage
    return found, None


@pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "gzip"), (zstd, "zstd")])
def test_what_was_unpacked_before_the_damage_is_read(
    tmp_path: Path, pack: Callable[[bytes], bytes], name: str
) -> None:
    whole = pcap([os.urandom(100) for _ in range(100)])
    packed = pack(whole)
    before = -1
    for end in range(5, len(packed), 97):
        found, damage = read(saved(tmp_path, packed[:end]))
        assert damage is not None
        assert name in damage.problem
        assert damage.offset <= len(whole)
        assert len(found) >= before
        before = len(found)
    # zstd gives out whole blocks only, and here there is one.
    assert before >= (90 if name == "gzip" else 0)
    spoilt = bytearray(packed)
    spoilt[len(packed) // 2 : len(packed) // 2 + 20] = bytes(20)
    _, damage = read(saved(tmp_path, bytes(spoilt)))
    assert damage is not None
    assert name in damage.problem


@given(st.sampled_from([b"\x1f\x8b", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b""]), st.binary(max_size=200))
def test_any_octets_at_all(tmp_path_factory: pytest.TempPathFactory, start: bytes, octets: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(start + octets)
    read(path)


@pytest.mark.parametrize("kind", ["gzip", "zstd", "zstd of runs"])
def test_a_bomb_takes_no_more_memory_than_its_pieces(tmp_path: Path, kind: str) -> None:
    size = 1 << 28
    head = FILE[:24]
    if kind == "gzip":
        pack = zlib.compressobj(wbits=31)
        bomb = (
            pack.compress(head)
            + b"".join(pack.compress(bytes(1 << 20)) for _ in range(size >> 20))
            + pack.flush()
        )
    elif kind == "zstd":
        frame = zstandard.ZstdCompressor().compressobj()
        bomb = frame.compress(head) + b"".join(frame.compress(bytes(1 << 20)) for _ in range(size >> 20))
        bomb += frame.flush()
    else:
        # RFC 8878 section 3.1.1.2: blocks of one octet that is repeated, 128 KiB each.
        run = (1 << 20 | 1 << 1).to_bytes(3, "little") + b"\0"
        bomb = zstd(head) + b"\x28\xb5\x2f\xfd\0\x58" + run * (size >> 17)
        bomb += (1).to_bytes(3, "little")
    path = saved(tmp_path, bomb)
    tracemalloc.start()
    try:
        with opened(str(path)) as chunks:
            total = sum(map(len, chunks))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == size + len(head)
    assert peak < 1 << 26
