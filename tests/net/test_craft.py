"""Segments built with Scapy hold just what was asked for, by a decoder and a checksum that know no Scapy."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from struct import unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.errors import Exit, Failure
from rawshake.net.craft import CHECKSUM_FAULT, build
from rawshake.tcp import option
from rawshake.tcp.decode import decode
from rawshake.tcp.option import Kind, Option
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from tests.tcp.strategies import internet_sum, pseudo_header, segments, tcp_octets

ROOT = Path(__file__).parents[2]

SYN = Segment(
    src="192.0.2.1",
    dst="192.0.2.2",
    sport=40000,
    dport=80,
    seq=Seq(0xFFFFFFFF),
    flags=Flags.SYN,
    window=64240,
    options=(option.mss(1460), option.NOP, option.wscale(7)),
)
SYN6 = replace(SYN, src="2001:db8::1", dst="2001:db8::2")


def sendable(segment: Segment) -> Segment:
    """The segment as it can be sent: with all its payload, and a checksum that is right or wrong."""
    checksum = Checksum.WRONG if segment.checksum is Checksum.WRONG else Checksum.CORRECT
    return replace(segment, payload_length=len(segment.payload), checksum=checksum, defects=())


@given(segments().map(sendable))
def test_the_octets_are_those_that_a_hand_made_encoder_packs(segment: Segment) -> None:
    packet = build(segment)
    right = replace(segment, checksum=Checksum.CORRECT)
    expected = tcp_octets(right)
    if segment.checksum is Checksum.WRONG:
        checksum = int.from_bytes(expected[16:18], "big") ^ CHECKSUM_FAULT
        expected = tcp_octets(right, checksum=checksum)
    assert packet[40 if segment.v6 else 20 :] == expected


@given(segments().map(sendable))
def test_the_decoder_reads_back_what_was_asked_for(segment: Segment) -> None:
    decoded = decode(build(segment))
    assert isinstance(decoded, Segment)
    padding = -sum(len(one.wire) for one in segment.options) % 4
    if padding:  # the decoder shows it as the end of options, or as part of a defective one
        decoded = replace(decoded, options=segment.options)
    assert replace(decoded, defects=()) == segment


def test_the_ipv4_header() -> None:
    packet = build(replace(SYN, ttl=3, ecn=2, payload=b"abc"), ident=77)
    version, tos, length, ident, fragment, ttl, protocol, _ = unpack_from("!BBHHHBBH", packet)
    assert (version, tos, length, ident) == (0x45, 2, len(packet), 77)
    assert fragment == 0x4000  # DF, as ordinary stacks set it
    assert (ttl, protocol) == (3, 6)
    assert internet_sum(packet[:20]) == 0xFFFF


def test_the_ipv6_header() -> None:
    packet = build(replace(SYN6, ttl=3, ecn=2, payload=b"abc"))
    word, length, protocol, limit = unpack_from("!IHBB", packet)
    assert (word, length, protocol, limit) == (0x60200000, len(packet) - 40, 6, 3)


def test_the_identification_is_never_zero_which_the_kernel_would_replace() -> None:
    assert all(unpack_from("!H", build(SYN), 4)[0] for _ in range(50))


@pytest.mark.parametrize("syn", [SYN, SYN6], ids=["IPv4", "IPv6"])
def test_a_checksum_is_wrong_on_purpose_only(syn: Segment) -> None:
    at = 40 if syn.v6 else 20
    for checksum, expected in (
        (Checksum.CORRECT, True),
        (Checksum.UNVERIFIABLE, True),
        (Checksum.WRONG, False),
    ):
        tcp = build(replace(syn, checksum=checksum))[at:]
        sound = internet_sum(pseudo_header(syn.src, syn.dst, len(tcp)) + tcp) == 0xFFFF
        assert sound is expected


@pytest.mark.parametrize(
    ("options", "octets"),
    [
        pytest.param((option.mss(1460),), "020405b4", id="sound"),
        pytest.param((option.wscale(7),), "03030700", id="padded"),
        pytest.param((Option(Kind.MSS, b"\x05", 3),), "02030500", id="misfit"),
        pytest.param((Option(200, b"", 0),), "c8000000", id="length 0"),
        pytest.param((Option(200, b"\x01\x02", 40),), "c8280102", id="runs past the header"),
        pytest.param((option.NOP, Option(2)), "01020000", id="no length"),
        pytest.param((Option(Kind.EOL, b"\x00\x07\x00"),), "00000700", id="octets after EOL"),
    ],
)
def test_options_go_out_octet_for_octet(options: tuple[Option, ...], octets: str) -> None:
    packet = build(replace(SYN, options=options, payload=b"data"))
    assert packet[32] >> 4 == 6
    assert packet[40:] == bytes.fromhex(octets) + b"data"


def test_options_that_do_not_fit_are_refused() -> None:
    build(replace(SYN, options=(option.make(254, bytes(38)),)))
    with pytest.raises(Failure, match="take 41 octets") as failed:
        build(replace(SYN, options=(option.make(254, bytes(38)), option.NOP)))
    assert failed.value.status is Exit.USAGE


@given(st.sampled_from([(SYN, 65495), (SYN6, 65515)]), st.integers(0, 10), st.integers(0, 300))
def test_a_payload_that_does_not_fit_is_refused(whole: tuple[Segment, int], words: int, excess: int) -> None:
    """Loopback's MSS is 65495: its largest segments fill IPv4's packets to the last octet."""
    syn, most = whole
    syn, most = replace(syn, options=(option.NOP,) * 4 * words), most - 4 * words
    build(replace(syn, payload=bytes(most)))
    with pytest.raises(Failure, match="does not fit into one IP packet"):
        build(replace(syn, payload=bytes(most + 1 + excess)))


def test_a_zone_is_not_in_the_packet() -> None:
    local = replace(SYN6, src="fe80::1", dst="fe80::2")
    assert build(replace(SYN6, src="fe80::1%eth0", dst="fe80::2%eth0")) == build(local)


LOAD = """
import sys, gc
from rawshake.net import craft
assert not any(name.startswith("scapy") for name in sys.modules)
craft.warm_up(v6=True)
from scapy.config import conf
assert not conf.route_autoload and not conf.route6_autoload
assert not conf.ifaces.data, "the interfaces were scanned"
assert gc.isenabled()
import scapy.main
from scapy.libs.manuf import DATA
assert scapy.main.SCAPY_CACHE_FOLDER and DATA, "a stand-in was left behind"
"""


def test_loading_scapy_says_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path / "home")} | {name: "" for name in os.environ if name.startswith("XDG_")}
    before = LOAD.partition("import scapy.main")[0]  # which itself makes directories
    for program in (before, LOAD):
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=ROOT,
            env={name: value for name, value in (os.environ | home).items() if value},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        if program is before:
            assert not (tmp_path / "home").exists()
            (tmp_path / "home").mkdir()


#: A machine that has Wireshark, whose list does not open here; with "craft" Scapy is imported as rawshake does it.
MAKERS = """
import os, sys
exists = os.path.exists
os.path.exists = lambda path: "wireshark/manuf" in str(path) or exists(path)
asked = []
sys.addaudithook(lambda event, given: asked.append(str(given[0])) if event == "open" else None)
if "craft" in sys.argv:
    from rawshake.net import craft
    craft.warm_up(v6=False)
import scapy.data
print(any("wireshark/manuf" in name for name in asked))
"""


@pytest.mark.parametrize(("how", "read"), [("craft", False), ("plain", True)])
def test_the_list_of_makers_that_wireshark_brings_is_not_read(how: str, read: bool, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", MAKERS, how],
        cwd=ROOT,
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == f"{read}\n"


FAMILIES = """
import sys
from rawshake.net import craft
craft.warm_up(v6=False)
assert "scapy.layers.inet6" not in sys.modules
craft.warm_up(v6=True)
craft.warm_up(v6=False)
from scapy.all import conf, IP, IPv6, TCP
assert conf.ipv6_enabled
for layer in (IP(), IPv6()):
    assert TCP in type(layer)(bytes(layer / TCP()))
"""


def test_ipv6_is_loaded_when_it_is_needed() -> None:
    subprocess.run([sys.executable, "-c", FAMILIES], cwd=ROOT, check=True, timeout=60)
