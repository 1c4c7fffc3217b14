"""Servers that go wrong while a connection closes, or is reset: each is named by one finding, and by exit status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rawshake.net.lab.namespaces import Lab
from rawshake.tcp.notation import parse_options
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from tests.live.peer import ACK, FIN, PSH, RST, SOON, Case, Cases, Peer, check, meet_all

faulty, slow = Cases(), Cases()
#: The client's FIN waits for room, so that a server which closes first does so.
AFTER_THEIRS = ("--data", "hello, you")


@slow("fin-never-acked", "finack fin again", "--timeout", "2.9")
def fin_never_acknowledged(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.ack - 1)


@slow("fin-never-acked", "finack fin again", "--timeout", "2.9")
def fin_never_acknowledged_nor_sent(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.nxt = right.seq
    yield replace(right, ack=right.ack - 1, flags=ACK)


@slow("fin-never-acked", "finack fin again", "--timeout", "3.5", "--data", "hello")
def only_data_acknowledged(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.nxt = right.seq
    yield replace(right, ack=right.ack - 1, flags=ACK)


@slow("sequence-gap-filled", "fin", "--timeout", "2.9")
def fin_that_leaves_a_gap(peer: Peer, right: Segment) -> Iterator[Segment]:
    for at in range(5):
        peer.later(at * 0.25, lambda: replace(right, seq=right.seq + 1))
    yield from ()


@slow("sequence-gap-filled", "data", "--timeout", "2.9", says=b"welcome")
def data_that_leaves_a_gap(peer: Peer, right: Segment) -> Iterator[Segment]:
    peer.nxt += 5
    for at in range(5):
        peer.later(at * 0.25, lambda: replace(right, seq=right.seq + 5))
    yield from ()


@faulty("fin-acked", "finack fin", *SOON)
def fin_acknowledged_by_2(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.ack + 1)


@faulty("fin-acked", "finack")
def fin_acknowledged_by_2_once(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.ack + 1)


@faulty("fin-acked", "finack")
def fin_acknowledged_far_beyond(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.ack + 77_000)


@faulty("ack-never-recedes", "fin again", *SOON)
def fin_no_longer_acknowledged(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, ack=right.ack - 1)


@faulty("ack-bit-after-handshake", "fin")
def fin_without_ack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=FIN)
    yield right


@faulty("checksum-sent-valid", "finack fin again", *SOON)
def closing_with_wrong_checksums(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, checksum=Checksum.WRONG)


@faulty("reserved-bits-sent-zero", "fin")
def ae_on_the_fin(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=right.flags | Flags.AE)


@faulty("wscale-syn-only", "fin", "--wscale", "7")
def window_scale_on_the_fin(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=parse_options("<nop,wscale 7>"))


@faulty("fin-is-final", "ack", *AFTER_THEIRS, window=5, closes=True)
def data_after_fin(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    if peer.count["ack"] == 2:
        yield peer.segment(ACK | PSH, payload=b"one more thing")


@faulty("fin-is-final", "fin", *AFTER_THEIRS, window=5, closes=True)
def data_in_place_of_fin(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    yield peer.segment(ACK | PSH, seq=right.seq, payload=b"one more thing")


@faulty("fin-is-final", "fin", *SOON)
def fin_among_data(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield peer.segment(ACK | PSH, seq=right.seq, payload=b"farewell")
    yield replace(right, seq=right.seq + 3)


@faulty("fin-is-final", "fin", *AFTER_THEIRS, window=5, closes=True)
def fin_twice_at_different_numbers(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    yield replace(right, seq=right.seq + 1)


@faulty("fin-is-final", "ack finack", *AFTER_THEIRS, window=5, closes=True)
def fin_that_counts_for_2(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq + (peer.count["fin"] > 0))


@faulty("sequence-contiguous", "ack finack", *AFTER_THEIRS, window=5, closes=True)
def fin_that_counts_for_nothing(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq - (peer.count["fin"] > 0))


@faulty("early-fin-waits", "again", "--data", "hello, you", "--drop", "data:1", mss=5)
def fin_taken_above_a_gap(peer: Peer, right: Segment) -> Iterator[Segment]:
    assert peer.heard is not None
    peer.rcv = peer.heard.end
    yield peer.segment(ACK)
    yield peer.segment(ACK | FIN)


@faulty("active-close-sequence", "finack", "--how", "simultaneous", "--linger", "0.5", closes=True)
def reset_out_of_time_wait(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    peer.later(0.1, lambda: replace(right, flags=RST | ACK))


@faulty("fin-is-final", "fin", "--linger", "0.5")
def data_in_time_wait(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right
    peer.later(0.1, lambda: peer.segment(ACK | PSH, payload=b"one more thing"))


# Resets.


@faulty("abort-rst-seq", "data finack fin again", *SOON, says=b"welcome")
def reset_within_the_window(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=RST, seq=right.seq + 1, payload=b"")


@faulty("abort-rst-seq", "data finack fin again", *SOON, says=b"welcome")
def reset_beyond_the_window(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=RST | ACK, seq=right.seq + 100_000, payload=b"")


@faulty("abort-rst-seq", "finack fin again", *SOON, says=b"welcome")
def reset_at_what_was_sent_before(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=RST | ACK, seq=right.seq - 3)


@faulty("closed-ack-rst", "finack fin again", *SOON)
def reset_in_the_form_for_segments_without_ack(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=RST | ACK, seq=Seq(0))


@faulty("rst-ack-in-bounds", "finack", *SOON)
def reset_that_acknowledges_what_was_never_sent(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=RST | ACK, ack=right.ack + 1000)


@faulty("rst-never-answered", "reset", "--how", "rst", "--data", "hello")
def reset_in_answer_to_a_reset(peer: Peer, right: Segment) -> Iterator[Segment]:
    crosses_the_first = peer.count["reset"] == 1
    yield peer.segment(ACK) if crosses_the_first else right


@faulty("rst-exact-resets", "reset", "--how", "rst", "--data", "hello")
def resets_challenged_for_ever(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield peer.segment(ACK)


@faulty("checksum-sent-valid", "finack", *SOON)
def reset_with_a_wrong_checksum(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, flags=RST | ACK, checksum=Checksum.WRONG)


@faulty("synrcvd-bad-ack-rst", "", *AFTER_THEIRS, "--bad", "ack.ack=+100", window=5, careful=False)
def any_third_ack_is_good(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield right


@slow("synrcvd-bad-ack-rst", "refusal", *AFTER_THEIRS, "--bad", "ack.ack=+100", window=5)
def third_ack_refused_with_another_number(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, seq=right.seq + 1)


@pytest.mark.parametrize("case", faulty, ids=str)
def test_named_by_one_finding(lab: Lab, tmp_path: Path, case: Case) -> None:
    check(case, case.meet(lab, tmp_path))


def test_named_by_one_finding_in_the_end(lab: Lab, tmp_path: Path) -> None:
    for case, met in meet_all(lab, slow, tmp_path):
        check(case, met)
