"""Servers that go wrong once connected: each is named by one finding, and by the exit status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab
from rawshake.rules.model import Verdict
from rawshake.tcp import option
from rawshake.tcp.notation import parse_options
from rawshake.tcp.segment import Checksum, Flags, Segment
from tests.live.peer import ACK, FIN, PSH, SOON, SYN, Case, Cases, Peer, check, mentioned

faulty = Cases()
HELLO = ("--data", "hello")
#: The window has room for the first five octets: what the server says to them comes before the client's FIN.
BIT_BY_BIT = ("--data", "hello, you")


@faulty("ack-never-exceeds-received", "ack", *BIT_BY_BIT, window=5)
def ack_of_one_more(peer: Peer, right: Segment) -> Iterator[Segment]:
    if peer.count["ack"] == 1:
        yield replace(right, ack=right.ack + 1)
    yield right


@faulty("ack-never-exceeds-received", "ack", *BIT_BY_BIT, window=5)
def ack_of_what_was_never_sent(peer: Peer, right: Segment) -> Iterator[Segment]:
    if peer.count["ack"] == 1:
        yield replace(right, ack=right.ack + 1000)
    yield right


@faulty("ack-never-exceeds-received", "ack", *BIT_BY_BIT, window=5)
def ack_in_the_middle_of_nowhere(peer: Peer, right: Segment) -> Iterator[Segment]:
    if peer.count["ack"] == 1:
        yield replace(right, ack=right.ack + 1_000_000_000)
    yield right


@faulty("ack-never-exceeds-received", "ack", *HELLO)
def ack_of_before_the_isn(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.ack - 1000)


@faulty("ack-never-exceeds-received", "ack", *BIT_BY_BIT, window=5)
def data_that_acknowledges_what_was_never_sent(peer: Peer, right: Segment) -> Iterator[Segment]:
    if peer.count["ack"] == 1:
        data = peer.segment(ACK | PSH, payload=b"welcome")
        yield replace(data, ack=right.ack + 5)
        yield data
        peer.nxt = data.end
    else:
        yield right


@faulty("one-ack-per-segment", "ack", *HELLO)
def ack_that_comes_sixteen_times(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield from (right,) * 16


@faulty("ack-never-recedes", "finack fin again", *HELLO, *SOON)
def ack_that_goes_back_for_good(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.ack - 6)


@faulty("ack-never-recedes", "ack", *HELLO)
def ack_that_goes_back_on_data(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    data = peer.segment(ACK | PSH, payload=b"welcome")
    yield replace(data, ack=right.ack - 5)
    peer.nxt = data.end


@faulty("ack-bit-after-handshake", "data", says=b"welcome")
def data_without_ack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=PSH)
    yield right


@faulty("ack-bit-after-handshake", "ack", *HELLO)
def no_flags_at_all(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=Flags(0))


@faulty("checksum-sent-valid", "data", says=b"welcome")
def data_with_a_wrong_checksum_once(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, checksum=Checksum.WRONG)
    yield right


@faulty("checksum-sent-valid", "ack", *HELLO)
def ack_with_a_wrong_checksum(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, checksum=Checksum.WRONG)


@faulty("sequence-contiguous", "data finack fin again", *SOON, says=b"welcome")
def data_at_the_number_of_the_syn(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq - 1)


@faulty("sequence-contiguous", "data", says=b"welcome")
def data_at_the_number_of_the_syn_once(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq - 1)
    yield right


@faulty("sequence-contiguous", "data", says=b"welcome")
def data_from_before_the_isn(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq - 1000)
    yield right


@faulty("sequence-contiguous", "ack", *HELLO)
def number_that_goes_back_on_an_ack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq - 1)


@faulty("retransmission-same-bytes", "data", says=b"welcome")
def data_again_with_other_content(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    yield replace(right, payload=b"Welcome")


@faulty("retransmission-same-bytes", "data", says=b"welcome")
def data_that_goes_back_with_other_content(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    yield replace(right, seq=right.seq + 3, payload=b"-and more")
    peer.nxt += 5


@faulty("sender-within-window", "data", *SOON, "--window", "100", says=b"w" * 150)
def data_beyond_the_window(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right


@faulty("sender-within-window", "data", *SOON, "--window", "0", says=b"welcome")
def data_into_a_closed_window(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right


@faulty("sender-within-window", "data", says=b"welcome")
def data_far_beyond_the_window(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq + 100_000)
    yield right


@faulty("sender-within-window", "data", says=b"welcome")
def data_half_the_space_ahead(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq + 2**31 - 10)
    yield right


@faulty("sender-within-window", "data", says=b"welcome")
def data_exactly_half_the_space_ahead(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq + 2**31 - len(right.payload))
    yield right


@faulty("wscale-applied", "synack data finack fin", "--wscale", "7", "--window", "100", says=b"w" * 150)
def window_shifted_though_it_did_not_answer(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=right.options[:1], window=65535)


@faulty("send-mss-respected", "data", "--mss", "600", says=b"w" * 601)
def data_longer_than_the_mss(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right


@faulty("send-mss-respected", "data", "--mss", "600", "--timestamps", says=b"w" * 600)
def mss_without_room_for_options(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right


@faulty("send-mss-default", "data", "--options", "<nop>", says=b"w" * 600)
def data_longer_than_the_default_mss(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right


@faulty("mss-option-only-on-syn", "ack", *HELLO)
def mss_on_an_ack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=(option.mss(1460),))


@faulty("wscale-syn-only", "data", says=b"welcome")
def window_scale_on_data(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<nop,wscale 2>"))


@faulty("sack-permitted-only-on-syn", "ack", *HELLO)
def sack_permitted_too_late(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<nop,nop,sackOK>"))


@faulty("sack-only-if-permitted", "ack", *HELLO)
def sack_that_nobody_permitted(peer: Peer, right: Segment) -> Iterator[Segment]:
    block = option.sack((right.ack - 5, right.ack))
    yield replace(right, options=(option.NOP, option.NOP, block))


@faulty("option-layout-wellformed", "ack", *HELLO, "--sack")
def sack_of_half_a_block(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<raw 01010506000000010000>"))


@faulty("option-layout-wellformed", "ack", *HELLO, "--timestamps")
def timestamps_cut_short(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<raw 0101080600000001>"))


@faulty("ts-on-every-segment", "ack finack fin", *HELLO, "--timestamps")
def timestamps_dropped_when_connected(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=())


@faulty("ts-on-every-segment", "fin", "--timestamps")
def timestamps_dropped_once(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=())


@faulty("syn-form", "ack", *HELLO, *SOON)
def syn_and_fin_when_connected(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=SYN | FIN)


@faulty("syn-form", "ack", *HELLO)
def all_flags(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=Flags(0xFF), urgent=1)


@faulty("syn-only-opens", "ack", *BIT_BY_BIT, *SOON, window=5)
def data_that_looks_like_a_synack(peer: Peer, right: Segment) -> Iterator[Segment]:
    if peer.count["ack"] == 1:
        yield replace(right, flags=SYN | ACK, ack=right.ack - 5, payload=b"welcome")
    yield right


@faulty("reserved-bits-sent-zero", "ack", *HELLO)
def reserved_bits_on_an_ack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=right.flags | Flags.R1 | Flags.R2 | Flags.R3)


# What it must not take.


@faulty("checksum-bad-segment-dropped", "", *BIT_BY_BIT, "--bad", "data.checksum=+1", window=5)
def takes_data_of_a_wrong_checksum(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right


@faulty("checksum-bad-segment-dropped", "", "--bad", "syn.checksum=+1")
def answers_a_syn_of_a_wrong_checksum(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right


@faulty("no-ack-bit-dropped", "", *BIT_BY_BIT, "--bad", "data.flags=P", window=5)
def takes_data_without_ack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right


@faulty("unsent-ack-answered", "", *BIT_BY_BIT, "--bad", "data.ack=+1000", window=5)
def takes_data_that_acknowledges_too_much(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right


@faulty("ack-is-cumulative", "again", "--data", "hello, world!!!", "--drop", "data:1", mss=5)
def acknowledges_what_was_lost(peer: Peer, right: Segment) -> Iterator[Segment]:
    assert peer.heard is not None
    peer.rcv = peer.heard.end
    yield peer.segment(ACK)


@pytest.mark.parametrize("case", faulty, ids=str)
def test_named_by_one_finding(lab: Lab, tmp_path: Path, case: Case) -> None:
    check(case, case.meet(lab, tmp_path))


warned, forbidden, noted = Cases(), Cases(), Cases()


@forbidden("window-not-shrunk", "ack finack fin", *HELLO)
def window_that_shrinks(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, window=1000)


@warned("one-ack-per-segment", "ack", *HELLO)
def ack_that_comes_six_times(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield from (right,) * 6


@warned("mss-option-on-syn", "synack", "--drop", "synack:1")
def mss_forgotten_when_it_comes_again(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right if peer.count["synack"] == 1 else replace(right, options=())


@noted("window-not-shrunk", "ack", *BIT_BY_BIT, window=5000)
def window_closed_at_once(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, window=0)


@noted("urgent-pointer-semantics", "data", says=b"welcome")
def urgent_pointer_0(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=right.flags | Flags.URG)


@noted("mss-value-from-mtu", "synack")
def mss_of_0(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=(option.mss(0),))


@noted("send-mss-respected", "data", "--mss", "500", says=b"w" * 501)
def no_mss_below_the_default(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right


@pytest.mark.parametrize("case", forbidden, ids=str)
def test_what_a_server_should_not_do_is_a_warning_that_the_status_tells(
    lab: Lab, tmp_path: Path, case: Case
) -> None:
    mentioned(case, case.meet(lab, tmp_path), Verdict.WARN, Exit.RULE_BROKEN)


@pytest.mark.parametrize("case", warned, ids=str)
def test_what_a_server_should_do_and_does_not_is_a_warning(lab: Lab, tmp_path: Path, case: Case) -> None:
    mentioned(case, case.meet(lab, tmp_path), Verdict.WARN)


@pytest.mark.parametrize("case", noted, ids=str)
def test_what_known_servers_do_is_a_note(lab: Lab, tmp_path: Path, case: Case) -> None:
    mentioned(case, case.meet(lab, tmp_path), Verdict.NOTE)
