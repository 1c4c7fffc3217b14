"""Servers that go wrong while a connection opens: each is named by one finding, and by the exit status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rawshake.net import craft
from rawshake.net.lab.namespaces import Lab
from rawshake.tcp import option
from rawshake.tcp.notation import parse_options
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from tests.live.peer import ACK, RST, SOON, SYN, Case, Cases, Peer, check

faulty = Cases()


@faulty("synack-ack-is-isn-plus-1", "synack", *SOON)
def ack_of_the_isn(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.ack - 1)


@faulty("synack-ack-is-isn-plus-1", "synack", *SOON)
def ack_of_the_isn_plus_2(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.ack + 1)


@faulty("synack-ack-is-isn-plus-1", "synack", *SOON, "--isn", "4294967295")
def ack_that_does_not_wrap(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=Seq(4294967295))


@faulty("synack-ack-is-isn-plus-1", "synack", *SOON)
def ack_of_its_own_isn(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.seq + 1)


@faulty("synack-ack-is-isn-plus-1", "synack", *SOON, "--isn", "19088743")
def ack_in_the_other_byte_order(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=Seq(int.from_bytes(right.ack.value.to_bytes(4, "little"), "big")))


@faulty("synack-ack-is-isn-plus-1", "synack", *SOON)
def ack_of_nothing(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=Seq(0))


@faulty("synack-ack-is-isn-plus-1", "synack")
def ack_wrong_once(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.ack + 1)
    yield right


@faulty("synack-form", "synack", *SOON)
def syn_without_ack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=SYN)


@faulty("syn-form", "synack", *SOON)
def synack_and_rst(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=SYN | ACK | RST)


@faulty("checksum-sent-valid", "synack", *SOON)
def wrong_checksum(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, checksum=Checksum.WRONG)


@faulty("checksum-sent-valid", "synack", *SOON)
def checksum_left_out(peer: Peer, right: Segment) -> Iterator[bytes]:
    yield craft.build(replace(right, checksum=Checksum.WRONG), checksum=lambda right: 0)


@faulty("checksum-sent-valid", "synack")
def checksum_wrong_once(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, checksum=Checksum.WRONG)
    yield right


@faulty("synrcvd-another-syn", "synack", "--data", "hello, you", window=5)
def another_isn(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    yield replace(right, seq=right.seq + 5000)


@faulty("synrcvd-another-syn", "synack", "--data", "hello, you", window=5)
def another_isn_half_the_space_away(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    yield replace(right, seq=right.seq + 2**31)


@faulty("synrcvd-another-syn", "synack", "--drop", "synack:1")
def another_isn_when_asked_again(peer: Peer, right: Segment) -> Iterator[Segment]:
    if peer.count["synack"] > 1:
        peer.isn = right.seq - 5000
        peer.nxt = peer.isn + 1
    yield replace(right, seq=peer.isn)


@faulty("synack-ack-is-isn-plus-1", "synack")
def ack_wrong_once_and_another_isn(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq + 5000, ack=right.ack + 1)
    yield right


@faulty("simultaneous-open", "synack again", *SOON)
def another_isn_when_both_open(peer: Peer, right: Segment) -> Iterator[Segment]:
    if peer.count["synack"] == 1:
        yield replace(right, flags=SYN, ack=Seq(0))
    else:
        yield replace(right, seq=right.seq + 1000)


@faulty("synack-wscale-ts-only-if-offered", "synack")
def window_scale_that_nobody_offered(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<mss 1460,nop,wscale 7>"))


@faulty("synack-wscale-ts-only-if-offered", "synack")
def timestamps_that_nobody_offered(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=(option.mss(1460), option.NOP, option.NOP, peer.stamp()))


@faulty("synack-wscale-ts-only-if-offered", "synack", "--timestamps")
def window_scale_in_place_of_timestamps(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<mss 1460,nop,wscale 0>"))


@faulty("wscale-capped-at-14", "synack", "--wscale", "7")
def window_scale_of_15(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<mss 1460,nop,wscale 15>"))


@faulty("option-layout-wellformed", "synack")
def mss_of_one_octet(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<raw 02030501>"))


@faulty("option-layout-wellformed", "synack")
def mss_of_four_octets(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<raw 020605b40000>"))


@faulty("option-layout-wellformed", "synack", "--wscale", "7")
def window_scale_of_two_octets(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<raw 020405b403040707>"))


@faulty("option-layout-wellformed", "synack")
def option_of_length_0(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<raw 020405b4fe000000>"))


@faulty("option-layout-wellformed", "synack")
def option_of_length_1(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<raw 020405b4fe010000>"))


@faulty("option-layout-wellformed", "synack")
def option_longer_than_the_header(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<raw 020405b4fe280000>"))


@faulty("option-layout-wellformed", "synack")
def octets_after_the_end_of_options(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<raw 020405b400030307>"))


@faulty("option-layout-wellformed", "synack", "--sack")
def sack_permitted_of_one_octet(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<raw 020405b404030100>"))


@faulty("option-layout-wellformed", "synack", *SOON)
def data_offset_of_four_words(peer: Peer, right: Segment) -> Iterator[bytes]:
    yield with_data_offset(right, 4)


@faulty("option-layout-wellformed", "synack", *SOON)
def data_offset_behind_the_end(peer: Peer, right: Segment) -> Iterator[bytes]:
    yield with_data_offset(right, 9)


def with_data_offset(segment: Segment, words: int) -> bytes:
    """The packet whose header says that it is so long, with the checksum that is right for it."""
    packet = bytearray(craft.build(segment))
    added = (words << 12) - (packet[32] >> 4 << 12)
    packet[32] = words << 4 | packet[32] & 0x0F
    # RFC 1624: the checksum moves against what it covers, modulo 0xffff.
    right = (int.from_bytes(packet[36:38], "big") - added) % 0xFFFF
    packet[36:38] = right.to_bytes(2, "big")
    return bytes(packet)


@faulty("reserved-bits-sent-zero", "synack")
def reserved_bit(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=right.flags | Flags.R2)


@faulty("reserved-bits-sent-zero", "synack", "--ecn")
def ae_that_nobody_offered(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=right.flags | Flags.AE)


@faulty("closed-noack-rst", "synack", *SOON)
def refused_without_ack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(refusal(right), flags=RST)


@faulty("closed-noack-rst", "synack", *SOON)
def refused_with_the_isn(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(refusal(right), ack=right.ack - 1)


@faulty("closed-noack-rst", "synack", *SOON)
def refused_with_the_isn_plus_2(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(refusal(right), ack=right.ack + 1)


@faulty("closed-noack-rst", "synack")
def refused_with_a_number_of_its_own(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(refusal(right), seq=right.seq)


def refusal(synack: Segment) -> Segment:
    """How a port that is closed refuses the SYN."""
    return replace(synack, seq=Seq(0), flags=RST | ACK, window=0, options=())


@pytest.mark.parametrize("case", faulty, ids=str)
def test_named_by_one_finding(lab: Lab, tmp_path: Path, case: Case) -> None:
    check(case, case.meet(lab, tmp_path))
