"""Link-layer headers come off, also those in the headers' way; what is no IP packet gives none."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
from scapy.layers.l2 import (
    ARP,
    GRE,
    LLC,
    SNAP,
    CookedLinux,
    CookedLinuxV2,
    Dot1AD,
    Dot1Q,
    Dot3,
    Ether,
    Loopback,
)
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Packet, Raw

from rawshake.trace import links
from rawshake.trace.model import LinkType

FOUR = IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=1, dport=2) / Raw(b"data")
SIX = IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=1, dport=2) / Raw(b"data")
MAC: dict[str, Any] = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
ETHER = Ether(**MAC)


@pytest.mark.parametrize(
    ("link_type", "header"),
    [
        (LinkType.ETHERNET, ETHER),
        (LinkType.ETHERNET, ETHER / Dot1Q(vlan=5)),
        (LinkType.ETHERNET, ETHER / Dot1AD(vlan=5) / Dot1Q(vlan=6)),
        (LinkType.ETHERNET, Ether(type=0x9100, **MAC) / Dot1Q(vlan=5) / Dot1Q(vlan=6)),
        (LinkType.ETHERNET, ETHER / MPLS(label=16, s=0) / MPLS(label=17, s=1)),
        (LinkType.ETHERNET, ETHER / Dot1Q(vlan=5) / MPLS(label=17, s=1)),
        (LinkType.ETHERNET, ETHER / MPLS(label=17, s=1) / Raw(bytes(4)) / ETHER),
        (LinkType.ETHERNET, ETHER / PPPoE(sessionid=1) / PPP()),
        (LinkType.ETHERNET, ETHER / Dot1Q(vlan=7) / PPPoE(sessionid=1) / PPP()),
        (LinkType.ETHERNET, Dot3(**MAC) / LLC() / SNAP()),
        (LinkType.LINUX_SLL, CookedLinux()),
        (LinkType.LINUX_SLL, CookedLinux() / Dot1Q(vlan=5)),
        (LinkType.LINUX_SLL2, CookedLinuxV2()),
        (LinkType.LINUX_SLL2, CookedLinuxV2() / Dot1Q(vlan=5)),
        (LinkType.LINUX_SLL2, CookedLinuxV2() / PPPoE(sessionid=1) / PPP()),
        *((link_type, None) for link_type in links.RAW),
    ],
)
@pytest.mark.parametrize("packet", [FOUR, SIX])
def test_the_header_comes_off(link_type: LinkType, header: Packet | None, packet: Packet) -> None:
    frame = bytes(packet) if header is None else bytes(header / packet)
    # Scapy fills in the type before MPLS by itself, and that of the packet everywhere.
    assert links.ip(link_type, frame) == bytes(packet)
    assert links.ip(link_type, frame + b"trailer") == bytes(packet) + b"trailer"
    for cut in range(len(frame) - len(bytes(packet)) + 1):
        assert links.ip(link_type, frame[:cut]) is None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("family", "packet"), [(2, FOUR), (10, SIX), (24, SIX), (28, SIX), (30, SIX)])
def test_bsd_loopback(order: str, family: int, packet: Packet) -> None:
    """NULL is in the order of the machine, LOOP in the network's."""
    frame = struct.pack(f"{order}I", family) + bytes(packet)
    assert links.ip(LinkType.NULL, frame) == bytes(packet)
    if order == ">":
        assert links.ip(LinkType.LOOP, frame) == bytes(packet)
    assert links.ip(LinkType.NULL, frame[:4]) is None


def test_scapy_writes_the_same_loopback() -> None:
    assert links.ip(LinkType.NULL, bytes(Loopback() / FOUR)) == bytes(FOUR)


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (LinkType.ETHERNET, ETHER / ARP()),
        (LinkType.ETHERNET, ETHER / Dot1Q() / ARP()),
        (LinkType.ETHERNET, Dot3(**MAC) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(bytes(40))),
        (LinkType.ETHERNET, ETHER / PPPoE() / PPP(proto=0xC021) / Raw(bytes(8))),
        (LinkType.ETHERNET, ETHER / MPLS(label=17, s=1) / Raw(b"\x50 no IP, no Ethernet")),
        (LinkType.LINUX_SLL, CookedLinux(proto=4) / Raw(bytes(40))),
        (LinkType.LINUX_SLL2, CookedLinuxV2(proto=0x0806) / Raw(bytes(40))),
        (LinkType.NULL, Raw(b"\x07\0\0\0" + bytes(40))),
        (LinkType.RAW, Raw(b"\x55" + bytes(40))),
        (LinkType.PPP, PPP() / FOUR),
    ],
)
def test_what_is_no_ip_packet(link_type: LinkType, frame: Packet) -> None:
    assert links.ip(link_type, bytes(frame)) is None


def test_labels_without_end_and_tags_without_end_come_to_one() -> None:
    assert links.ip(LinkType.ETHERNET, bytes(12) + b"\x81\x00\x00\x05" * 60_000) is None
    assert links.ip(LinkType.ETHERNET, bytes(12) + b"\x88\x47" + bytes(60_000)) is None


def test_macsec_is_known_for_what_it_is() -> None:
    assert links.is_macsec(LinkType.ETHERNET, bytes(Ether(type=0x88E5, **MAC) / Raw(bytes(40))))
    assert links.is_macsec(LinkType.ETHERNET, bytes(ETHER / Dot1Q(type=0x88E5) / Raw(bytes(40))))
    assert links.is_macsec(LinkType.LINUX_SLL, bytes(CookedLinux(proto=0x88E5) / Raw(bytes(40))))
    assert not links.is_macsec(LinkType.ETHERNET, bytes(ETHER / ARP()))


V4, V6 = IP(src="192.0.2.3", dst="192.0.2.4"), IPv6(src="2001:db8::3", dst="2001:db8::4")
EXTENDED = V6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt()


@pytest.mark.parametrize(
    ("packet", "found"),
    [
        (V4 / FOUR, (links.IPIP, 0, 20)),
        (V4 / SIX, (links.IPV6, 0, 20)),
        (V6 / FOUR, (links.IPIP, 0, 40)),
        (EXTENDED / SIX, (links.IPV6, 0, 56)),
        (V4 / GRE() / FOUR, (links.GRE, 0, 20)),
        (IP(src="192.0.2.3", proto=137) / MPLS(label=3, s=1) / FOUR, (links.MPLS_IN_IP, 0, 20)),
        (IP(src="192.0.2.3", proto=50) / Raw(bytes(20)), (links.ESP, 0, 20)),
        (IP(src="192.0.2.3", options=[]) / UDP(sport=9, dport=4789) / Raw(bytes(9)), (links.UDP, 4789, 28)),
        (EXTENDED / UDP(sport=9, dport=2152) / Raw(bytes(9)), (links.UDP, 2152, 64)),
        (V4 / UDP(sport=9, dport=4500) / Raw(b"\x01" * 9), (links.ESP, 4500, 28)),
        (V4 / UDP(sport=51820, dport=9) / Raw(b"\x04\0\0\0" + bytes(9)), (links.ESP, links.WIREGUARD, 28)),
        # Ordinary packets, and those that say too little.
        (FOUR, None),
        (SIX, None),
        (EXTENDED / TCP(), None),
        (V4 / UDP(sport=4789, dport=9) / Raw(bytes(9)), None),
        (V4 / UDP(sport=4500, dport=4500) / Raw(bytes(9)), None),  # IKE
        (V4 / UDP(sport=4500, dport=4500) / Raw(b"\xff"), None),  # keeps a NAT's binding
        (V4 / UDP(sport=51820, dport=9) / Raw(b"\x04\0\0\1" + bytes(9)), None),
        (IP(src="192.0.2.3", proto=4), None),
        (IP(src="192.0.2.3", proto=4, frag=1) / Raw(bytes(40)), None),
        (IP(src="192.0.2.3", proto=4, flags="MF") / Raw(bytes(40)), None),
    ],
)
def test_what_carries_something_else(packet: Packet, found: tuple[int, int, int] | None) -> None:
    assert links.wrapped(bytes(packet)) == found


@given(
    st.binary(max_size=120),
    st.integers(0, 300),
    st.sampled_from([b"", b"\x45", b"\x60", bytes(12) + b"\x88\x47"]),
)
def test_any_octets_at_all(octets: bytes, link_type: int, start: bytes) -> None:
    frame = start + octets
    packet = links.ip(link_type, frame)
    assert packet is None or (packet and frame.endswith(packet))
    links.is_macsec(link_type, frame)
    found = links.wrapped(frame)
    assert found is None or found[2] < len(frame)


@pytest.mark.parametrize(
    ("total", "checksum", "wanted"),
    [
        (40, None, False),
        (9000, 0x1234, True),
        # Cut by a capture that does not say so; left to the hardware; made anonymous.
        (9000, None, False),
        (9000, 0, False),
        (40, 0x1234, False),
    ],
)
def test_a_header_that_names_more_than_there_is_and_is_not_as_it_was_sent(
    total: int, checksum: int | None, wanted: bool
) -> None:
    header = bytearray(
        b"\x45\0" + total.to_bytes(2, "big") + bytes(4) + b"\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02"
    )
    right = 0xFFFF - int.from_bytes(header, "big") % 0xFFFF
    header[10:12] = (right if checksum is None else checksum).to_bytes(2, "big")
    assert links.damaged(bytes(header) + bytes(20)) is wanted
