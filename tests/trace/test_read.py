"""A capture is known by what it begins with; of anything else it is said what it seems to be."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.trace.model import Damage, Foreign
from rawshake.trace.read import LOOK, is_capture, records, seems
from tests.trace.written import Pcapng, pcap


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"Nov 23 kernel: hello\n", "text"),
        ("Größe".encode(), "text"),
        ("ß".encode() * 400, "text"),
        (b"a" + "ß".encode() * 400, "text"),
        (b"\xff\xfea\0b\0", "text (UTF-16)"),
        (b'\n {"packets": []}', "JSON"),
        (b"[1, 2]", "JSON"),
        (b"<!DOCTYPE html><title>Not found</title>", "HTML"),
        (b"  <html>", "HTML"),
        (b'<?xml version="1.0"?><pdml/>', "XML"),
        (b"\x1f\x8b\x08\0\0", "gzip data again"),
        (b"\xfd7zXZ\0\0", "xz data"),
        (b"BZh91AY", "bzip2 data"),
        (b"PK\x03\x04\x14", "a zip archive"),
        (b"a.pcap".ljust(257, b"\0") + b"ustar\0" + bytes(249), "a tar archive"),
        (b"\x7fELF\x02", "a program"),
        (b"snoop\0\0\0\0\0\0\x02", "in the format snoop, which editcap can make a pcapng of"),
        (b"\x0a\x0d\x0d\x0b", "something that begins with 0a 0d 0d 0b"),
        (bytes(4096), "nothing but zeros"),
        (b"\x01\x02\x03\x04\x05", "something that begins with 01 02 03 04"),
        (b"text\0with\0zeros", "something that begins with 74 65 78 74"),
    ],
)
def test_what_something_else_seems_to_be(start: bytes, what: str) -> None:
    assert seems(start[:LOOK]) == what
    with pytest.raises(Foreign) as foreign:
        records([start[at : at + 3] for at in range(0, len(start), 3)])
    assert foreign.value.problem == f"The file seems to be {what}, not a capture"
    assert foreign.value.offset == 0


def test_an_empty_file_and_one_that_just_begins() -> None:
    for chunks in ([], [b""], [b"", b""]):
        with pytest.raises(Foreign, match="The file is empty"):
            records(chunks)
    for file in (pcap([]), Pcapng().section()):
        for end in (1, 2, 3):
            with pytest.raises(Foreign, match=f"ends after {end} octets, as a capture may begin"):
                records([file[:end]])


def test_a_capture_without_packets_is_one() -> None:
    for file in (pcap([]), Pcapng().section()):
        assert is_capture(file)
        assert list(records([file])) == []


@given(st.binary(max_size=600))
def test_of_any_octets_something_is_said(octets: bytes) -> None:
    assert seems(octets)
    with suppress(Damage):
        list(records([octets]))
