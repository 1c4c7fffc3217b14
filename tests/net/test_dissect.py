"""What is inside tunnels and link layers that are not common; Scapy writes them, and nothing is raised."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.chdlc import CHDLC, SLARP
from scapy.contrib.erspan import ERSPAN_II
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.contrib.mpls import MPLS
from scapy.layers.dot11 import Dot11, Dot11Beacon, Dot11QoS, PrismHeader, RadioTap
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, GRE, GRE_PPTP, LLC, SNAP, Dot1Q, Ether
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from rawshake.net import dissect
from rawshake.net.dissect import DEEPEST, Inner, packets
from rawshake.trace import links
from rawshake.trace.model import LinkType

FOUR = IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=1, dport=2) / Raw(b"data")
SIX = IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=1, dport=2) / Raw(b"data")
V4, V6 = IP(src="192.0.2.3", dst="192.0.2.4"), IPv6(src="2001:db8::3", dst="2001:db8::4")
MAC: dict[str, Any] = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
ETHER = Ether(**MAC)
SEEN: dict[str, Any] = {f"addr{n}": f"02:00:00:00:00:0{n}" for n in (1, 2, 3)}
SHIM = LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP()
BOTH_WAYS = Dot11(type=2, FCfield=3, addr4="02:00:00:00:00:04", **SEEN)


def inside(link_type: LinkType, frame: Packet | bytes) -> Inner:
    return packets(link_type, bytes(frame))


@pytest.mark.parametrize("packet", [FOUR, SIX])
@pytest.mark.parametrize(
    "outer",
    [
        V4,
        V6,
        V6 / IPv6ExtHdrHopByHop(),
        V4 / V6 / V4,
        V4 / GRE(),
        V6 / GRE(key_present=1, key=7, seqnum_present=1, sequence_number=9),
        V4 / GRE() / ETHER,
        V4 / GRE(proto=0x88BE, seqnum_present=1) / ERSPAN_II() / ETHER,
        V4 / GRE_PPTP() / PPP(),
        V4 / GRE() / MPLS(label=20, s=1),
        IP(src="192.0.2.3", proto=137) / MPLS(label=20, s=0) / MPLS(label=21, s=1),
        V4 / UDP(sport=50000, dport=4789) / VXLAN(vni=5) / ETHER,
        V4 / UDP(sport=50000, dport=4789) / VXLAN(vni=5) / ETHER / Dot1Q(vlan=7),
        V6 / UDP(sport=50000, dport=8472) / VXLAN(vni=5) / ETHER,
        V4 / UDP(sport=50000, dport=6081) / GENEVE(vni=5) / ETHER,
        V4 / UDP(sport=50000, dport=6081) / GENEVE(options=[GeneveOptions(data=b"abcd")]) / ETHER,
        V4 / UDP(sport=2152, dport=2152) / GTP_U_Header(teid=9),
        V4 / UDP(sport=2152, dport=2152) / GTP_U_Header(teid=9) / GTPPDUSessionContainer(QFI=3),
        V4 / UDP(sport=50000, dport=4789) / VXLAN(vni=5) / ETHER / V6 / GRE(),
    ],
)
def test_tunnels_are_opened(outer: Packet, packet: Packet) -> None:
    whole = bytes(outer / packet)
    for link_type, frame in ((LinkType.RAW, whole), (LinkType.ETHERNET, bytes(ETHER / outer / packet))):
        found = inside(link_type, frame)
        assert found.reason == ""
        assert [bytes(type(packet)(octets)) for octets in found.packets] == [bytes(packet)]
        assert whole.endswith(found.packets[0])


@pytest.mark.parametrize("packet", [FOUR, SIX])
@pytest.mark.parametrize(
    ("link_type", "header"),
    [
        (LinkType.PPP, PPP()),
        (LinkType.PPP, HDLC() / PPP()),
        (LinkType.PPP, CHDLC()),
        (LinkType.PPP_HDLC, HDLC() / PPP()),
        (LinkType.PPP_HDLC, CHDLC()),
        (LinkType.C_HDLC, CHDLC()),
        (LinkType.C_HDLC, CHDLC(address=0x8F)),
        (LinkType.PPP_WITH_DIRECTION, Raw(b"\1") / HDLC() / PPP()),
        (LinkType.PPP_ETHERNET, PPPoE() / PPP()),
        (LinkType.IEEE802_11, Dot11(type=2, **SEEN) / SHIM),
        (LinkType.IEEE802_11, Dot11(type=2, subtype=8, **SEEN) / Dot11QoS() / SHIM),
        (
            LinkType.IEEE802_11,
            Dot11(type=2, subtype=8, FCfield=0x80, **SEEN) / Dot11QoS() / Raw(bytes(4)) / SHIM,
        ),
        (LinkType.IEEE802_11, BOTH_WAYS / SHIM),
        (LinkType.IEEE802_11_RADIOTAP, RadioTap() / Dot11(type=2, **SEEN) / SHIM),
        (LinkType.IEEE802_11_RADIOTAP, RadioTap(present="Rate", Rate=2) / BOTH_WAYS / SHIM),
        (LinkType.IEEE802_11_PRISM, PrismHeader() / Dot11(type=2, **SEEN) / SHIM),
        (
            LinkType.IEEE802_11_AVS,
            Raw(b"\x80\x21\x10\x01\0\0\0\x40" + bytes(56)) / Dot11(type=2, **SEEN) / SHIM,
        ),
    ],
)
def test_link_layers_come_off(link_type: LinkType, header: Packet, packet: Packet) -> None:
    frame = bytes(header / packet)
    assert inside(link_type, frame) == Inner((bytes(packet),))
    assert inside(link_type, frame + b"FCS.").packets == (bytes(packet) + b"FCS.",)


def test_frames_in_one_frame_each_give_their_packet() -> None:
    def part(packet: Packet) -> bytes:
        octets = bytes(SHIM / packet)
        whole = bytes(12) + len(octets).to_bytes(2, "big") + octets
        return whole + bytes(-len(whole) % 4)

    frame = Dot11(type=2, subtype=8, **SEEN) / Dot11QoS(A_MSDU_Present=1)
    both = bytes(frame / Raw(part(FOUR) + part(SIX)))
    assert inside(LinkType.IEEE802_11, both).packets == (bytes(FOUR), bytes(SIX))
    assert inside(LinkType.IEEE802_11, bytes(frame / Raw(part(ARP())))) == Inner((), "not IP")


@pytest.mark.parametrize(
    ("link_type", "frame", "reason"),
    [
        (LinkType.ETHERNET, ETHER / ARP(), dissect.NOT_IP),
        (LinkType.ETHERNET, Ether(type=0x88E5, **MAC) / Raw(bytes(50)), dissect.MACSEC),
        (LinkType.RAW, IP(src="192.0.2.3", proto=50) / Raw(bytes(50)), dissect.ENCRYPTED),
        (LinkType.RAW, V6 / UDP(sport=4500, dport=4500) / Raw(b"\x07" * 50), dissect.ENCRYPTED),
        (LinkType.RAW, V4 / UDP(sport=7, dport=51820) / Raw(b"\x04\0\0\0" + bytes(50)), dissect.WIREGUARD),
        (LinkType.RAW, V4 / IP(src="192.0.2.3", proto=50) / Raw(bytes(50)), dissect.ENCRYPTED),
        (LinkType.RAW, V4 / GRE() / Ether(type=0x88E5, **MAC) / Raw(bytes(50)), dissect.MACSEC),
        (LinkType.RAW, V4 / GRE_PPTP() / PPP(proto=0xFD) / Raw(bytes(50)), dissect.PPP_CLOSED),
        (LinkType.RAW, V4 / GRE(proto=0x1234) / Raw(bytes(50)), dissect.NOT_IP),
        (LinkType.RAW, V4 / UDP(sport=7, dport=4789) / VXLAN() / ETHER / ARP(), dissect.NOT_IP),
        (LinkType.RAW, V4 / UDP(sport=2152, dport=2152) / GTP_U_Header(gtp_type=1), dissect.NOT_IP),
        (LinkType.RAW, IP(src="192.0.2.3", proto=4) / Raw(b"\x55" + bytes(40)), dissect.NOT_IP),
        (LinkType.PPP, PPP(proto=0xC021) / Raw(bytes(8)), dissect.NOT_IP),
        (LinkType.PPP, PPP(proto=0xFD) / Raw(bytes(8)), dissect.PPP_CLOSED),
        (LinkType.C_HDLC, CHDLC(proto=0x8035) / SLARP(), dissect.NOT_IP),
        (LinkType.IEEE802_11, Dot11(type=2, FCfield=0x40, **SEEN) / Raw(bytes(50)), dissect.WIRELESS),
        (LinkType.IEEE802_11_RADIOTAP, RadioTap() / Dot11(**SEEN) / Dot11Beacon(), dissect.NOT_IP),
        (LinkType.IEEE802_11, Dot11(type=2, subtype=4, **SEEN), dissect.NOT_IP),
        (
            LinkType.IEEE802_11,
            Dot11(type=2, **SEEN) / LLC() / SNAP(code=0x888E) / Raw(bytes(9)),
            dissect.NOT_IP,
        ),
        (LinkType.IEEE802_11_RADIOTAP, Raw(b"\1"), dissect.NOT_IP),
    ],
)
def test_what_is_left_out_and_why(link_type: LinkType, frame: Packet, reason: str) -> None:
    assert inside(link_type, frame) == Inner((), reason)


def test_a_link_type_that_nobody_knows_is_named() -> None:
    assert packets(147, b"x" * 60).reason == "has a link layer that is not known, type 147"


def test_a_fragment_of_a_tunnel_is_itself_innermost() -> None:
    """Whoever puts it together asks again."""
    fragment = bytes(IP(src="192.0.2.3", proto=4, flags="MF") / FOUR)
    assert packets(LinkType.RAW, fragment) == Inner((fragment,))
    assert packets(LinkType.RAW, bytes(V4) + fragment) != Inner((fragment,))  # the outer says TCP
    assert packets(LinkType.RAW, bytes(V4 / IP(fragment))) == Inner((fragment,))


def test_tunnels_in_tunnels_have_an_end() -> None:
    packet: Packet = FOUR
    for _ in range(DEEPEST):
        packet = V4 / packet
    assert packets(LinkType.RAW, bytes(packet)) == Inner((bytes(FOUR),))
    assert packets(LinkType.RAW, bytes(V4 / packet)) == Inner((), dissect.TOO_DEEP)
    endless = bytes(IP(src="192.0.2.3", proto=47)) + bytes(GRE(proto=0x8847)) + bytes(60_000)
    assert packets(LinkType.RAW, endless).packets == ()
    tagged = bytes(V4 / GRE() / ETHER) + b"\x81\0\0\1" * 15_000
    assert packets(LinkType.RAW, tagged).packets == ()


@settings(max_examples=1000)
@given(
    st.sampled_from(
        [
            (47, 0, bytes(GRE() / FOUR)),
            (47, 0, bytes(GRE(key_present=1, seqnum_present=1) / ETHER / SIX)),
            (17, 4789, b"\x08" + bytes(7) + bytes(ETHER / Dot1Q(vlan=7) / FOUR)),
            (17, 6081, bytes(GENEVE(options=[GeneveOptions(data=b"abcd")]) / ETHER / FOUR)),
            (17, 6081, bytes(GENEVE() / SIX)),
            (17, 2152, bytes(GTP_U_Header(teid=9) / FOUR)),
        ]
    ),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 7)), max_size=3),
)
def test_the_fast_path_says_what_scapy_does(
    tunnel: tuple[int, int, bytes], flips: list[tuple[int, int]]
) -> None:
    """Where it says anything, whichever bits of the headers are turned over."""
    protocol, port, whole = tunnel
    octets = bytearray(whole)
    for at, bit in flips:
        octets[at] ^= 1 << bit
    fast = links.behind_tunnel(protocol, port, bytes(octets))
    assert (fast is not None) or flips
    if fast is not None:
        assert dissect._peeled(dissect._layers().tunnels[protocol, port], bytes(octets)) == fast


STARTS = [
    b"",
    b"\x0f\0",
    b"\xff\x03\x00",
    *(
        bytes(outer)
        for outer in (V4 / GRE() / ETHER, V4 / GRE_PPTP() / PPP(), V4 / UDP(dport=4789) / VXLAN())
    ),
    *(bytes(outer) for outer in (V6 / UDP(dport=6081) / GENEVE(), V4 / UDP(dport=2152) / GTP_U_Header())),
    *(
        bytes(outer)
        for outer in (RadioTap() / Dot11(type=2, **SEEN), V4 / GRE() / MPLS(), Dot11(type=2, subtype=8))
    ),
]
LINK_TYPES = [int(link_type) for link_type in LinkType]


@settings(max_examples=400)
@given(st.sampled_from(STARTS), st.binary(max_size=80), st.integers(0, 100), st.sampled_from(LINK_TYPES))
def test_any_octets_at_all(start: bytes, octets: bytes, at: int, link_type: int) -> None:
    """Also where the header itself was cut into."""
    frame = start[: len(start) - at % (len(start) + 1)] + octets if at % 3 else start + octets
    found = packets(link_type, frame)
    assert bool(found.packets) != bool(found.reason)
    assert all(octets and frame.endswith(octets[-1:]) for octets in found.packets)
