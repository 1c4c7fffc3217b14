"""What the kernel lets through is what the filter wants: both are held against each other on any packet."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.net.bpf import EVERYTHING
from rawshake.net.kernel_filter import LONGEST, Compiled, compile_filter
from rawshake.trace.expression import (
    All,
    And,
    Expression,
    Filter,
    Net,
    Not,
    Or,
    Ports,
    Side,
    Tcp,
    Version,
    look,
    parse,
)
from tests.net.bpf_machine import run
from tests.tcp.strategies import ip_packet

FOUR = ("192.0.2.1", "192.0.2.77", "198.51.100.2", "255.255.255.255")
SIX = ("2001:db8::1", "2001:db8::77", "2001:db8:1::2", "::")
PORTS = (0, 1, 80, 443, 40000, 65535)
STEPPED_OVER = (0, 43, 60)
BEYOND = (44, 51, 135, 139, 140, 253, 254)


def nets() -> st.SearchStrategy[Expression]:
    address = st.sampled_from(FOUR + SIX)
    return st.builds(
        lambda text, cut, side: Net(
            ip_network((text, max(0, ip_address(text).max_prefixlen - cut)), strict=False), side
        ),
        address,
        st.sampled_from([0, 0, 1, 8, 31, 32, 33, 64, 127, 128]),
        st.sampled_from(Side),
    )


def ports() -> st.SearchStrategy[Expression]:
    number = st.sampled_from(PORTS)
    return st.builds(
        lambda a, b, side: Ports(min(a, b), max(a, b), side), number, number, st.sampled_from(Side)
    )


def trees() -> st.SearchStrategy[Expression]:
    leaf = st.one_of(
        st.just(All()), st.just(Tcp()), st.builds(Version, st.sampled_from([4, 6])), nets(), ports()
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds(Not, inner), st.builds(And, inner, inner), st.builds(Or, inner, inner)
        ),
        max_leaves=8,
    )


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """IP with TCP and other things, fragments, headers before TCP's, cut anywhere."""
    tcp = pack("!HH", draw(st.sampled_from(PORTS)), draw(st.sampled_from(PORTS))) + bytes(16)
    protocol = draw(st.sampled_from([6, 6, 6, 17, 47, 51]))
    if draw(st.booleans()):
        src, dst = draw(st.sampled_from(FOUR)), draw(st.sampled_from(FOUR))
        fragment = draw(st.sampled_from([0x4000, 0, 0x2000, 0x2001, 0x0005]))
        options = draw(st.sampled_from([b"", b"\x01" * 4, b"\x01" * 40]))
        whole = ip_packet(src, dst, tcp, protocol=protocol, fragment=fragment, options=options)
        if draw(st.integers(0, 9)) == 0:
            whole = bytes([0x40 | draw(st.integers(0, 15))]) + whole[1:]
    else:
        for header in draw(st.lists(st.sampled_from(STEPPED_OVER + BEYOND), max_size=4)):
            length = 0 if header == 44 else draw(st.integers(0, 2))
            tcp = bytes([protocol, length]) + bytes(6 + 8 * length) + tcp
            protocol = header
        whole = ip_packet(draw(st.sampled_from(SIX)), draw(st.sampled_from(SIX)), tcp, protocol=protocol)
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.integers(0, 4)) == 0 else whole


def passes(compiled: Compiled, packet: bytes, *, kind: int = 0, hardware: int = 1) -> bool:
    version = packet[0] >> 4 if packet else 4
    ethertype = {4: 0x0800, 6: 0x86DD}.get(version, 0x0800)
    result = run(compiled.program, packet, ethertype, kind=kind, hardware=hardware)
    assert result in (0, EVERYTHING)
    return result != 0


def of(tree: Expression) -> tuple[Filter, Compiled]:
    wanted = Filter("", tree)
    return wanted, compile_filter(wanted)


@given(trees(), packets())
def test_the_kernel_and_the_filter_agree_on_any_packet(tree: Expression, packet: bytes) -> None:
    wanted, compiled = of(tree)
    assert compiled.whole
    seen = look(packet)
    if seen is None or seen.protocol not in (6, *BEYOND) or (seen.protocol in BEYOND and len(seen.src) == 4):
        assert not passes(compiled, packet)
    elif seen.protocol in BEYOND or (len(seen.src) == 4 and int.from_bytes(packet[6:8], "big") & 0x1FFF):
        # Nobody knows its ports: it passes where any could make it wanted, and then it may.
        assert passes(compiled, packet) or not wanted.matches(packet)
    else:
        assert passes(compiled, packet) is wanted.matches(packet)


@given(trees(), st.binary(max_size=120), st.sampled_from([0x0800, 0x86DD, 0x0806, 0x88CC]))
def test_noise_is_read_like_the_filter_reads_it(tree: Expression, noise: bytes, ethertype: int) -> None:
    _, compiled = of(tree)
    if ethertype not in (0x0800, 0x86DD) or look(noise) is None:
        assert run(compiled.program, noise, ethertype) == 0


@given(trees(), st.sampled_from([3, 4, 5, 11, 12]), st.booleans())
def test_errors_about_tcp_pass_whatever_is_wanted(tree: Expression, kind: int, v6: bool) -> None:
    _, compiled = of(tree)
    src, dst = (SIX if v6 else FOUR)[:2]
    kind = kind % 5 if v6 else kind
    protocol = 58 if v6 else 1

    def error(quoted: bytes, kind: int = kind) -> bytes:
        return ip_packet(src, dst, pack("!BBHI", kind, 0, 0, 0) + quoted, protocol=protocol)

    about_tcp = ip_packet(dst, src, pack("!HHI", 40000, 80, 1))
    assert passes(compiled, error(about_tcp))
    assert not passes(compiled, error(ip_packet(dst, src, bytes(8), protocol=17)))
    assert not passes(compiled, error(about_tcp, 128 if v6 else 8))
    if v6:
        behind = pack("!BBHI", 6, 0, 0, 0) + pack("!HHI", 40000, 80, 1)
        assert passes(compiled, error(ip_packet(dst, src, behind, protocol=60)))
        hopped = bytes([58, 0]) + bytes(6) + pack("!BBHI", kind, 0, 0, 0) + about_tcp
        assert passes(compiled, ip_packet(src, dst, hopped, protocol=0))


def test_loopback_shows_each_packet_once() -> None:
    compiled = compile_filter(parse("port 80"))
    packet = ip_packet("127.0.0.1", "127.0.0.1", pack("!HH", 40000, 80) + bytes(16))
    assert passes(compiled, packet, kind=socket.PACKET_HOST, hardware=772)
    assert not passes(compiled, packet, kind=socket.PACKET_OUTGOING, hardware=772)
    assert passes(compiled, packet, kind=socket.PACKET_OUTGOING)
    assert passes(compiled, packet, kind=socket.PACKET_OTHERHOST)


@pytest.mark.parametrize("ethertype", [0x8100, 0x88A8])
def test_what_begins_with_a_tag_passes(ethertype: int) -> None:
    assert run(compile_filter(parse("port 80")).program, b"\0\x05\x08\0", ethertype) == EVERYTHING


@pytest.mark.parametrize(("many", "whole"), [(2, True), (100, True), (400, False)])
def test_a_filter_of_any_length(many: int, whole: bool) -> None:
    text = " or ".join(f"host 10.{number >> 8}.{number & 255}.1" for number in range(many))
    wanted = Filter(text, parse(text).tree)
    compiled = compile_filter(wanted)
    assert compiled.whole is whole
    assert len(compiled.program) <= LONGEST
    for host, is_wanted in (("10.0.0.1", True), (f"10.0.{min(many, 256) - 1}.1", True), ("10.99.0.1", False)):
        packet = ip_packet("192.0.2.1", host, pack("!HH", 1, 2) + bytes(16))
        assert wanted.matches(packet) is is_wanted
        assert passes(compiled, packet) is (is_wanted or not whole)


@pytest.mark.parametrize(
    "text", ["", "port 80", "not (net 10.0.0.0/8 or src net 2001:db8::/33) and portrange 1-99"]
)
def test_the_kernel_takes_the_program(text: str) -> None:
    from rawshake.net.bpf import attach

    compiled = compile_filter(parse(text))
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        attach(one, compiled.program)
