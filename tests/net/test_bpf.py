"""The capture's filter lets through one connection, its fragments and the errors about it, and no more."""

from __future__ import annotations

from dataclasses import replace
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.net.bpf import EVERYTHING, NOTHING, Line, Op, Program, assemble, conversation
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from tests.net.bpf_machine import run
from tests.tcp.strategies import endpoints, ip_packet, tcp_octets

OTHERS = {4: ("198.51.100.7", "203.0.113.9"), 6: ("2001:db8::bad", "2001:db8::beef")}
FRAGMENTS = [0x2000, 0x2001, 0x0001, 0x1FFF]  # the first, one in between, and last ones


def bare_segments() -> st.SearchStrategy[Segment]:
    """Any addresses, ports and flags; what else a segment holds the filter does not look at."""
    return st.builds(
        lambda ends, flags, octets: Segment(
            src=ends[0][0],
            sport=ends[0][1],
            dst=ends[1][0],
            dport=ends[1][1],
            seq=Seq(0xFFFFFFFF),
            flags=Flags(flags),
            payload=octets,
        ),
        endpoints(),
        st.integers(0, 0xFFF),
        st.binary(max_size=4),
    )


def passes(program: Program, packet: bytes) -> bool:
    ethertype = {4: 0x0800, 6: 0x86DD}[packet[0] >> 4]
    result = run(program, packet, ethertype)
    assert result in (0, EVERYTHING)
    return result != 0


def filters(segment: Segment) -> list[Program]:
    """Filters of either end of the segment's connection, with both ends known, and as a listener."""
    here, there = (segment.src, segment.sport), (segment.dst, segment.dport)
    return [
        conversation(*here, *there),
        conversation(*there, *here),
        conversation(*here, None, None),
        conversation(*there, None, None),
        conversation(*here, there[0], None),
    ]


def others(segment: Segment) -> list[Segment]:
    """The segment with one of its four coordinates changed, to what nothing else has."""
    away, far = OTHERS[6 if segment.v6 else 4]
    used = {segment.sport, segment.dport}
    port = next(p for p in range(1, 10) if p not in used)
    return [
        replace(segment, src=away),
        replace(segment, dst=far),
        replace(segment, sport=port),
        replace(segment, dport=port),
    ]


def on_wire(segment: Segment, *, fragment: int = 0x4000, options: bytes = b"") -> bytes:
    octets = tcp_octets(segment)
    return ip_packet(segment.src, segment.dst, octets, fragment=fragment, options=options)


def icmp(quoted: bytes, kind: int) -> bytes:
    """An ICMP error from some router to the sender of what it quotes."""
    v6 = quoted[0] >> 4 == 6
    router, receiver = OTHERS[6 if v6 else 4]
    carried = pack("!BBHI", kind, 1, 0, 0) + quoted
    return ip_packet(router, receiver, carried, protocol=58 if v6 else 1)


@given(bare_segments(), st.sampled_from([b"", b"\x01" * 4, b"\x01" * 40]))
def test_both_directions_of_the_connection_pass_whatever_the_flags(segment: Segment, options: bytes) -> None:
    packet = on_wire(segment, options=b"" if segment.v6 else options)
    assert all(passes(program, packet) for program in filters(segment))


@given(bare_segments(), st.booleans())
def test_once_takes_ours_as_it_leaves_and_theirs_as_it_arrives(segment: Segment, known: bool) -> None:
    port = segment.sport if known else None
    program = conversation(segment.src, port, segment.dst, segment.dport, once=True)
    answer = replace(
        segment, src=segment.dst, dst=segment.src, sport=segment.dport, dport=segment.sport, flags=Flags.ACK
    )
    ours, theirs = on_wire(segment), on_wire(answer)
    ethertype = 0x86DD if segment.v6 else 0x0800
    loopback, ethernet = 772, 1

    def passing(packet: bytes, hardware: int) -> list[bool]:
        """As it arrives (PACKET_HOST), and as it leaves (PACKET_OUTGOING)."""
        return [run(program, packet, ethertype, kind=kind, hardware=hardware) != 0 for kind in (0, 4)]

    if segment.src != segment.dst or segment.sport != segment.dport:
        assert passing(ours, loopback) == [False, True]
        assert passing(theirs, loopback) == [True, False]
    assert passing(ours, ethernet) == passing(theirs, ethernet) == [True, True]


@given(bare_segments())
def test_other_connections_do_not_pass(segment: Segment) -> None:
    program = conversation(segment.src, segment.sport, segment.dst, segment.dport)
    assert not any(passes(program, on_wire(other)) for other in others(segment))


@given(bare_segments())
def test_a_listener_sees_its_port_only(segment: Segment) -> None:
    _, _, _, other_dport = others(segment)
    program = conversation(segment.dst, segment.dport, None, None)
    ours_both_ways = (other_dport.src, other_dport.sport) == (segment.dst, segment.dport)
    assert passes(program, on_wire(other_dport)) is ours_both_ways


@given(bare_segments(), st.sampled_from(FRAGMENTS))
def test_fragments_between_the_two_addresses_pass_whatever_their_ports(segment: Segment, word: int) -> None:
    program = conversation(segment.src, segment.sport, segment.dst, segment.dport)
    other_src, other_dst, other_sport, other_dport = others(segment)

    def fragment(one: Segment) -> bytes:
        if one.v6:
            extension = pack("!BBHI", 6, 0, word & 0x1FFF << 3, 7)
            return ip_packet(one.src, one.dst, extension + tcp_octets(one), protocol=44)
        return on_wire(one, fragment=word)

    assert passes(program, fragment(segment))
    assert passes(program, fragment(other_sport))
    assert passes(program, fragment(other_dport))
    assert not passes(program, fragment(other_src))
    assert not passes(program, fragment(other_dst))


@given(bare_segments(), st.sampled_from([3, 4, 5, 11, 12]), st.sampled_from([b"", b"\x01" * 8]))
def test_errors_that_quote_the_connection_pass_from_any_router(
    segment: Segment, kind: int, options: bytes
) -> None:
    program = conversation(segment.src, segment.sport, segment.dst, segment.dport)
    if segment.v6:
        options, kind = b"", kind % 5  # ICMPv6's errors are the types below 128
    assert passes(program, icmp(on_wire(segment, options=options)[:68], kind))
    assert not any(passes(program, icmp(on_wire(other, options=options), kind)) for other in others(segment))


@given(bare_segments())
def test_other_messages_of_icmp_do_not_pass_whatever_they_hold(segment: Segment) -> None:
    program = conversation(segment.src, segment.sport, segment.dst, segment.dport)
    for kind in (128, 129, 135, 136) if segment.v6 else (0, 8, 13, 14):
        assert not passes(program, icmp(on_wire(segment), kind))


@given(bare_segments())
def test_other_protocols_do_not_pass(segment: Segment) -> None:
    program = conversation(segment.src, segment.sport, segment.dst, segment.dport)
    datagram = ip_packet(segment.src, segment.dst, tcp_octets(segment), protocol=17)
    assert not passes(program, datagram)
    quoting = icmp(datagram, 1 if segment.v6 else 3)
    assert not passes(program, quoting)
    assert run(program, on_wire(segment), 0x0806) == 0


@given(
    bare_segments().filter(lambda segment: segment.v6), st.sampled_from([0, 43, 51, 60, 135, 139, 140, 253])
)
def test_ipv6_with_extension_headers_passes_between_the_two_addresses(segment: Segment, kind: int) -> None:
    program = conversation(segment.src, segment.sport, segment.dst, segment.dport)
    other_src, other_dst, *_ = others(segment)

    def extended(one: Segment) -> bytes:
        return ip_packet(one.src, one.dst, bytes([6, 0, 1, 4, 0, 0, 0, 0]) + tcp_octets(one), protocol=kind)

    assert passes(program, extended(segment))
    assert passes(program, icmp(extended(segment), 3))
    for other in (other_src, other_dst):
        assert not passes(program, extended(other))
        assert not passes(program, icmp(extended(other), 3))


@given(bare_segments(), st.binary(max_size=120), st.sampled_from([0x0800, 0x86DD, 0x0806]))
def test_noise_does_no_harm(segment: Segment, noise: bytes, ethertype: int) -> None:
    program = conversation(segment.src, segment.sport, segment.dst, segment.dport)
    assert run(program, noise, ethertype) == 0


@given(bare_segments(), st.data())
def test_a_header_cut_before_its_ports_does_not_pass(segment: Segment, data: st.DataObject) -> None:
    program = conversation(segment.src, segment.sport, segment.dst, segment.dport)
    packet = on_wire(segment)
    ports_end = (40 if segment.v6 else 20) + 4
    assert not passes(program, packet[: data.draw(st.integers(1, ports_end - 1))])
    assert passes(program, packet[:ports_end])


def test_a_quote_between_one_address_and_itself_passes_either_way() -> None:
    program = conversation("127.0.0.1", 40000, "127.0.0.1", 80)
    for sport, dport, expected in ((40000, 80, True), (80, 40000, True), (80, 80, False), (1, 80, False)):
        ports = pack("!HH", sport, dport) + bytes(16)
        packet = ip_packet("127.0.0.1", "127.0.0.1", ports)
        assert passes(program, packet) is expected
        assert passes(program, icmp(packet, 3)) is expected


def test_the_guards_filter_drops_everything() -> None:
    assert run(NOTHING, b"anything", 0x0800) == 0


def test_jumps_only_go_forward_and_not_far() -> None:
    end = [Line(None, yes="end"), Line(Op.RETURN)]
    assert len(assemble([Line(Op.EQUAL, 1, yes="end"), *[Line(Op.TAX)] * 255, *end])) == 257
    with pytest.raises(ValueError, match="256 instructions away"):
        assemble([Line(Op.EQUAL, 1, yes="end"), *[Line(Op.TAX)] * 256, *end])
    with pytest.raises(ValueError, match="-1 instructions away"):
        assemble([Line(None, yes="start"), Line(Op.EQUAL, 1, yes="start")])
