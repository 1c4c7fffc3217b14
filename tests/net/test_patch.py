"""What is patched together equals what Scapy builds, octet for octet."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.errors import Failure
from rawshake.net import craft, patch
from rawshake.tcp import option
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from tests.net.test_craft import SYN, SYN6, sendable
from tests.tcp.strategies import segments


def same_ident(octets: bytes, segment: Segment) -> bytes:
    """What Scapy builds with the identification of ``octets``."""
    return craft.build(segment, ident=None if segment.v6 else int.from_bytes(octets[4:6], "big"))


@given(segments().map(sendable))
def test_it_equals_what_scapy_builds(segment: Segment) -> None:
    octets = patch.packet(segment)
    assert octets == same_ident(octets, segment)


@given(
    base=st.sampled_from([SYN, SYN6]),
    seq=st.integers(0, 0xFFFFFFFF),
    ack=st.integers(0, 0xFFFFFFFF),
    window=st.integers(0, 65535),
    value=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=99),
    push=st.booleans(),
)
def test_of_the_same_shape_with_other_numbers(
    base: Segment, seq: int, ack: int, window: int, value: int, payload: bytes, push: bool
) -> None:
    segment = replace(
        base,
        seq=Seq(seq),
        ack=Seq(ack),
        flags=Flags.ACK | (Flags.PSH if push else Flags(0)),
        window=window,
        options=(option.NOP, option.NOP, option.timestamps(value, seq)),
        payload=payload,
        payload_length=len(payload),
    )
    octets = patch.packet(segment)
    assert octets == same_ident(octets, segment)


@pytest.mark.parametrize("base", [SYN, SYN6])
def test_a_sum_of_all_ones_is_a_checksum_of_zero(base: Segment) -> None:
    at = (40 if base.v6 else 20) + 16
    bare = replace(base, window=0)
    whole = replace(base, window=int.from_bytes(patch.packet(bare)[at : at + 2], "big"))
    octets = patch.packet(whole)
    assert octets[at : at + 2] == b"\0\0"
    assert octets == same_ident(octets, whole)


def test_what_is_wrong_on_purpose_and_what_does_not_fit_is_left_to_scapy() -> None:
    wrong = replace(SYN, checksum=Checksum.WRONG)
    octets = patch.packet(wrong, checksum=lambda right: right ^ 1)
    right = int.from_bytes(octets[36:38], "big") ^ 1
    assert octets[:36] + right.to_bytes(2, "big") + octets[38:] == same_ident(octets, SYN)
    with pytest.raises(Failure, match="41 octets"):
        patch.packet(replace(SYN, options=(option.NOP,) * 41))
