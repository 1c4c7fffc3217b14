"""Both roads lead to the same when packets are lost, doubled, swapped, cut, delayed or changed."""

from __future__ import annotations

import struct
from io import BytesIO
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.make_traffic import traffic, write
from tests.screen.roads import same

Packets = list[tuple[int, bytes]]

#: Where Ethernet's header ends, and IPv4's.
_IP, _TCP = 14, 34
PLAIN = list(traffic("plain", 4, 3, 0, Random(1)))
HTTP = list(traffic("http", 3, 2, 0, Random(2)))
FLIGHTS = list(traffic("flights", 3, 2, 0, Random(4)))
#: One tuple used again and again.
REUSED = [(time, frame) for time, frame in traffic("plain", 3, 1, 0, Random(3))]


def repaired(frame: bytes) -> bytes:
    """With a right TCP checksum."""
    octets = bytearray(frame)
    octets[_TCP + 16 : _TCP + 18] = b"\0\0"
    segment = bytes(octets[_TCP:])
    total = int.from_bytes(octets[_IP + 12 : _IP + 20], "big") + 6 + len(segment)
    total += int.from_bytes(segment + bytes(len(segment) % 2), "big")
    octets[_TCP + 16 : _TCP + 18] = struct.pack("!H", 0xFFFF - total % 0xFFFF)
    return bytes(octets)


def one_tuple(packets: Packets) -> Packets:
    """All connections between the same two ends."""
    made = []
    for time, frame in packets:
        octets = bytearray(frame)
        server = octets[_IP + 12] == 192
        client, other = (b"\x0a\0\0\x01", b"\xc0\0\x02\x01")
        octets[_IP + 12 : _IP + 16], octets[_IP + 16 : _IP + 20] = (
            (other, client) if server else (client, other)
        )
        octets[_TCP : _TCP + 4] = struct.pack("!HH", *((80, 40000) if server else (40000, 80)))
        made.append((time, repaired(bytes(octets))))
    return made


REUSED = one_tuple(REUSED)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A capture of a few connections in which something is not as it should be."""
    packets: Packets = list(draw(st.sampled_from([PLAIN, HTTP, FLIGHTS, REUSED])))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(packets) - 1))
        time, frame = packets[at]
        match draw(st.sampled_from(["drop", "copy", "swap", "late", "cut", "field", "octet", "stop"])):
            case "drop":
                del packets[at]
            case "copy":
                later = draw(st.integers(0, 5))
                packets.insert(
                    min(at + later, len(packets)), (packets[min(at + later, len(packets) - 1)][0], frame)
                )
            case "swap" if at + 1 < len(packets):
                following, other = packets[at + 1]
                packets[at : at + 2] = [(time, other), (following, frame)]
            case "late":
                delay = draw(
                    st.sampled_from([30_000_000, 600_000_000, 2_000_000_000, 11_000_000_000, 300_000_000_000])
                )
                packets[at:] = [(when + delay, what) for when, what in packets[at:]]
            case "cut":
                packets[at] = (time, frame[: draw(st.integers(10, len(frame)))])
            case "field":
                # of TCP's header, and right otherwise
                offset = _TCP + draw(
                    st.sampled_from([3, 4, 6, 7, 8, 10, 11, 12, 13, 14, 15, 19, 20, 22, 25, 29, 31])
                )
                octets = bytearray(frame)
                if offset < len(octets):
                    octets[offset] = (
                        octets[offset] + draw(st.sampled_from([1, 2, 4, 8, 16, 128, 255]))
                    ) & 255
                packets[at] = (time, repaired(bytes(octets)))
            case "octet":
                octets = bytearray(frame)
                offset = draw(st.integers(12, len(octets) - 1))
                octets[offset] = draw(st.integers(0, 255))
                packets[at] = (time, bytes(octets))
            case _:
                del packets[at + 1 :]
        if not packets:
            break
    file = BytesIO()
    write(file, iter(packets))
    return file.getvalue()


@given(mutated(), st.sampled_from([1 << 20, 500, 1500]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutations_lead_to_the_same_on_both_roads(octets: bytes, block: int) -> None:
    same(octets, block=block)
