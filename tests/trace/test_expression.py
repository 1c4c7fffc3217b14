"""The filter language: what is wanted, and mistakes in one sentence."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop

from rawshake.errors import Exit, Failure
from rawshake.trace.expression import parse

FOUR = bytes(IP(src="192.0.2.1", dst="198.51.100.2") / TCP(sport=40000, dport=80))
SIX = bytes(IPv6(src="2001:db8::1", dst="2001:db8:1::2") / IPv6ExtHdrHopByHop() / TCP(sport=443, dport=50000))
DATAGRAM = bytes(IP(src="192.0.2.1", dst="192.0.2.9") / UDP(sport=53, dport=80))
LATER = bytes(IP(src="192.0.2.1", dst="192.0.2.9", frag=2, proto=6) / b"\0\x50\0\x50abcd")
PACKETS = {"four": FOUR, "six": SIX, "datagram": DATAGRAM, "later": LATER}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "four six datagram later"),
        ("host 192.0.2.1", "four datagram later"),
        ("src host 198.51.100.2", ""),
        ("dst 198.51.100.2", "four"),
        ("port 80", "four"),
        ("src port 80", ""),
        ("dst port 80", "four"),
        ("tcp port 443", "six"),
        ("portrange 440-450", "six"),
        ("net 2001:db8::/32", "six"),
        ("net 2001:db8::/48", "six"),
        ("dst net 2001:db8::/48", ""),
        ("net 192.0.2.0/24 and not tcp", "datagram"),
        ("tcp", "four six later"),
        ("ip6 or port 80", "four six"),
        ("port 80 or port 443 and host 192.0.2.1", "four"),
        ("(port 80 or port 443) and ip6", "six"),
        ("! ip && ! port 80", "six"),
        ("not (port 80 || port 443)", "datagram later"),
        ("not not port 80", "four"),
        ("net 0.0.0.0/0", "four datagram later"),
    ],
)
def test_what_is_wanted(text: str, wanted: str) -> None:
    chosen = parse(text)
    assert [name for name, packet in PACKETS.items() if chosen.matches(packet)] == wanted.split()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port", "ends where a number"),
        ("port http", "'http' is not a port"),
        ("port 65536", "'65536'"),
        ("host 192.0.2", "'192.0.2' is not an address"),
        ("host 192.0.2.0/24", "is a net, not a host"),
        ("net banana", "'banana'"),
        ("(port 80", "')'"),
        ("port 80)", "nothing is expected before ')'"),
        ("port 80 port 81", "nothing is expected before 'port'"),
        ("udp", "'udp' is not known"),
        ("and port 80", "'and' is not known"),
        ("port 80 & port 81", "lone"),
        ("not", "ends where"),
        ("(" * 500, "nested too deeply"),
    ],
)
def test_a_mistake_is_told(text: str, said: str) -> None:
    with pytest.raises(Failure) as failed:
        parse(text)
    assert failed.value.status is Exit.USAGE
    assert said in failed.value.problem


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Failure):
        parse(text).matches(FOUR)


@given(st.binary(max_size=80))
def test_any_octets_are_looked_at(octets: bytes) -> None:
    parse("port 80 or host 192.0.2.1").matches(octets)
