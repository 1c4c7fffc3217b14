"""Hypothesis strategies for what is on the wire, and a hand-made encoder to compare the decoder with."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import pack

from hypothesis import strategies as st

from rawshake.tcp import option
from rawshake.tcp.decode import address_text
from rawshake.tcp.notation import pattern
from rawshake.tcp.option import FIXED_LENGTH, Kind, Option
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import HALF, SPACE, Seq
from rawshake.tcp.words import distance

EDGES = [0, 1, 2, HALF - 1, HALF, HALF + 1, SPACE - 2, SPACE - 1]


def numbers() -> st.SearchStrategy[int]:
    """32-bit numbers, often next to the wrap or to half the space."""
    by = st.integers(-3000, 3000)
    near = st.builds(lambda edge, by: (edge + by) % SPACE, st.sampled_from([0, HALF]), by)
    return near | st.integers(0, SPACE - 1)


def seqs() -> st.SearchStrategy[Seq]:
    return st.builds(Seq, numbers())


def well_formed_options() -> st.SearchStrategy[Option]:
    words = st.integers(0, SPACE - 1)
    others = st.integers(2, 255).filter(lambda kind: kind not in FIXED_LENGTH and kind != Kind.SACK)
    return st.one_of(
        st.just(option.NOP),
        st.just(option.SACK_PERMITTED),
        st.builds(option.mss, st.integers(0, 65535)),
        st.builds(option.wscale, st.integers(0, 255)),
        st.builds(option.timestamps, words, words),
        st.lists(st.tuples(seqs(), seqs()), min_size=1, max_size=4).map(lambda blocks: option.sack(*blocks)),
        st.builds(option.make, others, st.binary(max_size=18)),
    )


def option_octets() -> st.SearchStrategy[bytes]:
    """Option fields of 0 to 40 octets: sound ones, sound ones that end badly, and noise."""
    sound = st.lists(well_formed_options(), max_size=6).map(lambda many: b"".join(one.wire for one in many))
    ending = st.one_of(st.just(b""), st.just(b"\0"), st.just(b"\0\0\0"), st.binary(max_size=12))
    return st.one_of(st.builds(lambda a, b: (a + b)[:40], sound, ending), st.binary(max_size=40))


def option_lists() -> st.SearchStrategy[tuple[Option, ...]]:
    return option_octets().map(option.parse)


def endpoints() -> st.SearchStrategy[tuple[tuple[str, int], tuple[str, int]]]:
    """Two addresses of one family, each with a port."""
    ports = st.integers(0, 65535)
    four = st.tuples(st.ip_addresses(v=4).map(lambda ip: address_text(ip.packed)), ports)
    six = st.tuples(st.ip_addresses(v=6).map(lambda ip: address_text(ip.packed)), ports)
    return st.one_of(st.tuples(four, four), st.tuples(six, six))


@st.composite
def segments(draw: st.DrawFn, *, isn: Seq | None = None) -> Segment:
    """Any segment that may be decoded, legal or not; payload often as ``pattern`` has it from ``isn``."""
    (src, sport), (dst, dport) = draw(endpoints())
    seq = draw(seqs()) if isn is None else isn + draw(st.integers(-5, 5) | st.integers(0, SPACE - 1))
    flags = Flags(draw(st.integers(0, 0xFFF)))
    position = distance(seq, isn or Seq(0)) + (1 if Flags.SYN in flags else 0)
    usual = st.integers(0, 60).map(lambda octets: pattern(position, octets))
    text = st.text('GET /\r\n\t"\\]x#', max_size=20).map(str.encode)
    payload = draw(st.one_of(st.just(b""), usual, text, st.binary(max_size=40)))
    cut = draw(st.sampled_from([0, 0, 0, 1, 1400]))
    return Segment(
        src=src,
        dst=dst,
        sport=sport,
        dport=dport,
        seq=seq,
        ack=draw(st.just(Seq(0)) | seqs()),
        flags=flags,
        window=draw(st.integers(0, 65535)),
        urgent=draw(st.just(0) | st.integers(0, 65535)),
        options=draw(option_lists()),
        payload=payload,
        payload_length=len(payload) + cut,
        checksum=draw(st.sampled_from(Checksum)),
        ttl=draw(st.just(64) | st.integers(0, 255)),
        ecn=draw(st.integers(0, 3)),
        defects=tuple(draw(st.lists(st.text(max_size=30), max_size=2))),
    )


def internet_sum(octets: bytes) -> int:
    """RFC 1071's sum, word by word as the RFC has it."""
    if len(octets) % 2:
        octets += b"\0"
    total = 0
    for at in range(0, len(octets), 2):
        total += octets[at] << 8 | octets[at + 1]
        total = (total & 0xFFFF) + (total >> 16)
    return total


def pseudo_header(src: str, dst: str, length: int) -> bytes:
    addresses = ip_address(src).packed + ip_address(dst).packed
    if len(addresses) == 8:
        return addresses + pack("!BBH", 0, 6, length)
    return addresses + pack("!II", length, 6)


def tcp_octets(segment: Segment, *, checksum: int | None = None, data_offset: int | None = None) -> bytes:
    """Header and payload of a segment, its options padded with zeros; ``None`` computes what is right."""
    options = b"".join(one.wire for one in segment.options)
    options += bytes(-len(options) % 4)
    offset = 5 + len(options) // 4 if data_offset is None else data_offset
    words = (segment.sport, segment.dport, int(segment.seq), int(segment.ack))
    head = pack("!HHIIHH", *words, offset << 12 | segment.flags.value, segment.window)
    tail = pack("!H", segment.urgent) + options + segment.payload
    if checksum is None:
        length = len(head) + 2 + len(tail)
        covered = pseudo_header(segment.src, segment.dst, length) + head + b"\0\0" + tail
        checksum = 0xFFFF - internet_sum(covered)
    return head + pack("!H", checksum) + tail


def ip_packet(
    src: str,
    dst: str,
    carried: bytes,
    *,
    protocol: int = 6,
    ttl: int = 64,
    ecn: int = 0,
    length: int | None = None,
    fragment: int = 0x4000,
    options: bytes = b"",
) -> bytes:
    """An IP packet; ``length`` replaces the right total length (IPv4) or payload length (IPv6)."""
    here, there = ip_address(src), ip_address(dst)
    if isinstance(here, IPv4Address) and isinstance(there, IPv4Address):
        header = 20 + len(options)
        total = header + len(carried) if length is None else length
        head = pack("!BBHHHBB", 0x40 | header // 4, ecn, total, 7, fragment, ttl, protocol)
        tail = here.packed + there.packed + options
        return head + pack("!H", 0xFFFF - internet_sum(head + tail)) + tail + carried
    assert isinstance(here, IPv6Address)
    octets = len(carried) if length is None else length
    return pack("!IHBB", 6 << 28 | ecn << 20, octets, protocol, ttl) + here.packed + there.packed + carried


def packet(segment: Segment) -> bytes:
    """The segment as one IP packet, with the right checksum."""
    return ip_packet(segment.src, segment.dst, tcp_octets(segment), ttl=segment.ttl, ecn=segment.ecn)
